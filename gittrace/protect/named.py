"""Values beside telling names: `password = ...`, `api_key: "..."`, and whether they are secrets.

Where names stand close together each is followed by a value that goes over the next ones. So how far values go is asked
of `gittrace.protect.runs`, and of a long value as little is looked at as will do.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from gittrace.protect import beside
from gittrace.protect.runs import KINDS, WINDOW, Kind, Reader, Runs, Span
from gittrace.protect.shapes import (
    LOWER_RUNS,
    PATH,
    PLACEHOLDER,
    PLACEHOLDER_BEGINS,
    REFERENCE,
    SAMPLE,
    WORDLIKE,
    WORDS,
    has_digit,
    is_random,
    is_word,
)

Value = tuple[int, int, int, int, int, bool]
"""Where a name, its rest and what is behind that begin, where the value begins and ends; whether it is in quotes."""

_WORD = re.compile(rb"[A-Za-z0-9\x80-\xff]")
_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
# a file's name and its hash
_FILE = re.compile(
    rb"\.(?:bz2|cc|cfg|conf|cpp|css|csv|deb|dll|exe|gz|hpp|html|ini|jar|java|json|lock|log|mjs|php|proto|rpm|rst|scss|"
    rb"sql|svg|tar|tgz|toml|tsx?|txt|vue|whl|xml|xz|ya?ml|zip|zst|[chmo]|cs|go|hs|js|jsx|kt|md|mk|ml|py|pyc|rb|rs|sh|so)\Z"
)
_HASH = re.compile(
    rb"(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{56}|[0-9a-f]{64}|[0-9a-f]{96}|[0-9a-f]{128})\Z", re.IGNORECASE
)
_NAME_WORDS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
_LITERAL_BEGINS = b"tfnuTFNU"
_LITERAL = re.compile(rb"(?i:true|false|none|null|nil|undefined|nan)[,;.)\]}]*$")
# how a name may go on right behind a telling word and still tell of a secret
_GOES_WITH = frozenset(b"s key keys value values string text data hex b base prod dev test live file new old".split())
_HARMLESS = frozenset(
    b"""
    hash hashes hashed hasher digest field fields input type types kind name names id ids url urls uri path paths
    file dir length len size count counts limit policy label prompt regex pattern placeholder format class index
    expiry expires expiration expired ttl hint help text title description desc endpoint host map func fn error
    errors method mode model provider required enabled disabled visible version algorithm alg arn ref manager
    service store scope scopes group role check checker validator validation valid reset changed confirm
    confirmation strength less getpwnam getpwuid column table user users cost budget usage window per order rotation
    age days seconds minutes total max min
    """.split()
)
# a name that ends so tells of a command that prints the secret; one that prints its own words is none
_COMMANDS = frozenset(b"cmd command eval helper program script".split())
_PRINTS = (b"echo ", b"printf ")
# of shells and templates: what is put in the place of this is not here
_SUBSTITUTED = re.compile(rb"\$\([^()\n]*\)|\$\{[^{}\n]*\}|\{\{[^{}\n]*\}\}|`(?=[a-z]+`|[^` \n]* )[^`\n]+`")
_BACKTICK = b"`"[0]
_KEY_BEFORE = (
    b"api", b"access", b"account", b"private", b"secret", b"encrypt", b"encryption", b"sign", b"signing", b"master",
    b"auth", b"client", b"storage", b"service", b"shared", b"admin", b"app", b"license", b"webhook", b"deploy",
    b"session", b"hmac", b"aes", b"consumer", b"subscription", b"jwt", b"cipher", b"crypto",
)  # fmt: skip
_GOES_ON = (b"(", b"[", b"{")
_NO_VALUE = (b"/", b"./", b"../", b"-", b"=", b"|", b">")
_EQUALS, _HYPHEN = b"=-"
_ASSIGNED = b"=:"
_BARE = Kind(beside.BARE)
_LONG = Kind(beside.OF_A_LONG_VALUE)
_MOST = beside.MOST
# what is shorter is no password
_SHORTEST = 4
_LEAST_LONG, _MOST_LONG = beside.LONG
# a long value begins so far behind where its keyword begins, at most
_REACH = 160
# where such may be, it is not asked again for so many bytes
_NOT_NOW = 256
# one of these is in or in front of what is taken for a password, or for drawn at random
_OF_A_PASSWORD = re.compile(rb"[0-9\"'`]|[A-Z_.-]=").search
_OF_A_SECRET = re.compile(rb"[0-9A-Z]|[a-f]{8}").search
NOWHERE, IN_A_CONSTANT, ANYWHERE = range(3)
"""Beside which names a value may be a secret, by what it is itself."""
# groups of the patterns of what is in front of a value
_REST, _TYPED, _BLANK, _QUOTE = 1, 2, 3, 4


class Look(NamedTuple):
    """What a value looks like that is a secret.

    alone     takes its text and its quote, 0 if there is none; tells beside which names it may be one
    fits      tells whether it is one by what is around it
    is_drawn  whether a long one must look drawn at random, as far as that is looked at
    """

    alone: Callable[[bytes, int], int]
    fits: Callable[[bytes, Value], bool]
    is_drawn: bool


def reader(name: bytes, shortest: int, look: Look, barren: Callable[[Runs, int], tuple[int, int]]) -> Reader:
    """Return what finds values beside names: of so many bytes or more, and of a look.

    barren  returns up to where names from a place on are beside nothing that has that look, and where it is to be asked
            again
    """
    alone, fits, is_drawn = look
    head, untyped = (re.compile(pattern).match for pattern in beside.heads(name, shortest))

    def read(runs: Runs, pos: int) -> Span:
        known = runs.barren.get(head)
        if known is None or not known[0] <= pos <= known[2]:
            known = runs.barren[head] = (pos, *barren(runs, pos))
        if pos < known[1]:
            return None
        buf = runs.buf
        match = head(buf, pos)
        if match is None:
            return None
        found = _end(runs, match, shortest)
        if found is None:
            if match.start(_TYPED) < 0:
                return None
            # what was taken for a type may be the value
            match = untyped(buf, pos)
            found = _end(runs, match, shortest) if match else None
            if match is None or found is None:
                return None
        start, end, is_quoted = found
        # what is most is asked first: a text may be made of nothing else
        if is_drawn and end - start > SAMPLE and not is_random(buf, start, end):
            return None
        said = alone(buf[start:end], buf[start - 1] if is_quoted else 0)
        if not said or (said == IN_A_CONSTANT and not is_constant(buf, pos, match.end(_REST))):
            return None
        # a blank alone is a separator behind an option only
        if match.start(_BLANK) >= 0 and not is_option(buf, pos):
            return None
        return (start, end) if fits(buf, (pos, *match.span(_REST), start, end, is_quoted)) else None

    if shortest >= _LEAST_LONG:
        return Reader(read)
    return Reader(read, _BARE, _REACH, 2 * _REACH + _MOST)


def no_password(runs: Runs, pos: int) -> tuple[int, int]:
    """Return up to where there are neither quotes nor digits nor many letters: such are no passwords."""
    match = runs.next(_OF_A_PASSWORD, pos)
    again = match.start() if match else len(runs.buf)
    if again - pos > _REACH + _MOST and runs.is_poor(pos, pos + 24):
        rich = runs.poor_end(pos)
        end = min(again, rich) - _REACH - _MOST
        if pos < end:
            # no more of the text was looked at than a window: what is behind that may be as poor
            return end, end if rich >= pos + WINDOW else min(again, rich)
    return pos, pos + _NOT_NOW


def no_secret(runs: Runs, pos: int) -> tuple[int, int]:
    """Return up to where there are neither digits nor capitals nor hexadecimal letters in a row: nothing is random."""
    match = runs.next(_OF_A_SECRET, pos)
    again = match.start() if match else len(runs.buf) + _REACH + SAMPLE
    return again - _REACH - SAMPLE, max(again, pos + _NOT_NOW)


def no_long_secret(runs: Runs, pos: int) -> tuple[int, int]:
    """Return up to where no long value begins so near that it is beside a name there."""
    start = runs.find(_LONG, pos + _REACH, _LEAST_LONG - _REACH)
    end = start - _REACH if start >= 0 else len(runs.buf)
    return end, end


def _end(runs: Runs, match: re.Match[bytes], shortest: int) -> tuple[int, int, bool] | None:
    """Return where the value is that is begun, and whether it is in quotes; None when it is no whole one."""
    buf, start = runs.buf, match.end()
    is_quoted = match.lastindex == _QUOTE
    if shortest >= _LEAST_LONG:
        end = runs.end(_LONG, start, _MOST_LONG)
        if end - start < _LEAST_LONG:
            return None
        end += 2 if buf.startswith(b"==", end) else buf.startswith(b"=", end)
        if is_quoted and not buf.startswith(match[_QUOTE], end):
            return None
    elif is_quoted:
        quote = match[_QUOTE]
        end = buf.find(quote, start, start + _MOST + len(quote))
        if end < start + shortest or buf.find(b"\n", start, end) >= 0:
            return None
    else:
        end = runs.end(_BARE, start, _MOST)
    if not is_quoted:
        # a sentence or statement goes on behind its last word
        while end > start and buf[end - 1] in b".:?":
            end -= 1
    return start, end, is_quoted


def _says_none(text: bytes) -> bool:
    """Tell whether a value is a word or a placeholder."""
    if text[0] in PLACEHOLDER_BEGINS and PLACEHOLDER.match(text):
        return True
    return is_word(text, 0, len(text)) or (text[0] in _LITERAL_BEGINS and bool(_LITERAL.match(text)))


def _says_no_password(text: bytes, quote: int) -> bool:
    """Tell whether a value is no password: a path, a word; in quotes, what is said, or put in by a shell."""
    if (b"/" in text or b":\\" in text) and PATH.match(text):
        return True
    if _says_none(text) or not _WORD.search(text):
        return True
    return bool(quote) and (_is_spoken(text) or (quote != _BACKTICK and _is_substituted(text)))


def _is_no_value(text: bytes) -> bool:
    """Tell whether what stands without quotes is an option, a path, or the name of something."""
    return text.startswith(_NO_VALUE) or bool(REFERENCE.match(text))


def _can_be_secret(buf: bytes, value: Value) -> bool:
    """Tell whether a value may be a secret by what is around it."""
    at, rest_start, rest_end, start, end, is_quoted = value
    if rest_start < rest_end:
        rest = buf[rest_start:rest_end]
        if _is_harmless(buf[rest_start - 1], rest, buf[start:end]):
            return False
        if b"." in rest and _FILE.search(rest) and _HASH.match(buf, start, end):
            return False
    if not is_quoted and buf[end : end + 1] in _GOES_ON:
        return False
    if buf[rest_end] in _ASSIGNED or (not is_quoted and buf[start - 1] in _ASSIGNED):
        return True
    separator = buf[rest_end:start]
    is_called = separator.startswith(b"(")
    if is_called and b"." in buf[rest_start:rest_end]:
        return False
    if (is_called or b"," in separator) and _is_name(buf[start:end]):
        return False
    is_element = separator.endswith(b">") and not separator.endswith(b"=>")
    return not is_element or buf.find(b"<", _begin_of_word(buf, at), at) >= 0


@lru_cache(maxsize=1024)
def _is_name(value: bytes) -> bool:
    """Tell whether a value in a list, or that is passed to a function, is a name rather than a secret."""
    short = len(value) < 10 and not has_digit(value)
    # words in camel case, with abbreviations among them
    camel = value.isalpha() and sum(map(len, LOWER_RUNS.findall(value))) * 2 >= len(value)
    return short or camel or bool(WORDLIKE.match(value)) or value.startswith(b":")


def is_option(buf: bytes, start: int) -> bool:
    """Tell whether the word in which a keyword stands is an option of a command: `--token`."""
    begin = _begin_of_word(buf, start)
    while begin < start and buf[begin] in b"\\\"'":
        begin += 1
    return begin < start and buf[begin] == _HYPHEN


def _begin_of_word(buf: bytes, start: int) -> int:
    """Return where the word begins in which a keyword stands: behind a blank, or so many bytes in front."""
    low = max(0, start - 60)
    blank = max(buf.rfind(b" ", low, start), buf.rfind(b"\n", low, start), buf.rfind(b"\t", low, start))
    return low if blank < 0 else blank + 1


def _is_harmless(last: int, rest: bytes, value: bytes) -> bool:
    """Tell whether the rest of a name says that its value is no secret: `tokenizer`, `password_hash`, `keyType`."""
    words = _NAME_WORDS.findall(rest)
    if not words:
        return False
    first = words[0]
    attached = rest.startswith(first) and (first.islower() if 97 <= last <= 122 else first.isupper())
    if words[-1].lower() in _COMMANDS and not value.startswith(_PRINTS):
        return True
    return (attached and first.lower() not in _GOES_WITH) or words[-1].lower() in _HARMLESS


# asked of the same values again and again in a text with many
@lru_cache(maxsize=1024)
def _alone_password(text: bytes, quote: int) -> int:
    """What is beside the name of a password: any literal that is no word of the trade."""
    if len(text) < _SHORTEST or _says_no_password(text, quote):
        return NOWHERE
    if quote:
        return ANYWHERE
    if _is_no_value(text):
        return NOWHERE
    return ANYWHERE if _is_literal(text) else IN_A_CONSTANT


def _fits_password(buf: bytes, value: Value) -> bool:
    at, _, rest_end, start, end, is_quoted = value
    if not _can_be_secret(buf, value):
        return False
    # elsewhere than in a shell these are quotes as any
    is_command = is_quoted and buf[start - 1] == _BACKTICK and buf.find(b" ", start, end) >= 0
    return not (is_command and is_constant(buf, at, rest_end))


def _is_substituted(text: bytes) -> bool:
    """Tell whether a value in quotes is what a command prints, or variables hold, and next to nothing beside that."""
    return not text.isalnum() and len(text) - sum(map(len, _SUBSTITUTED.findall(text))) < _SHORTEST


def _is_spoken(value: bytes) -> bool:
    """Tell whether a value in quotes is a sentence, or a word of the user interface; it may end in a colon."""
    if has_digit(value):
        return False
    text = value.rstrip(b":")
    words = text.lower().replace(b"-", b" ").replace(b"_", b" ").split()
    told = all(word.isalpha() for word in text.split())
    return (told and (len(words) > 1 or value.istitle())) or all(word in WORDS for word in words)


def is_constant(buf: bytes, at: int, end: int) -> bool:
    """Tell whether a name is that of a variable in capitals, as the environment has it."""
    return buf.startswith(b"=", end) and buf[at:end].isupper()


def _is_literal(text: bytes) -> bool:
    """Tell whether a bare value, in what may be source, is neither a word nor a name."""
    if len(text) < 6 or (text[-1] == _EQUALS and WORDLIKE.match(text, 0, len(text) - 1)):
        return False  # the next name of a list of names: `password= version= `
    if not has_digit(text) and (text.isalnum() or len(set(text)) < KINDS):
        return False
    return not WORDLIKE.match(text) or (text[-1:].isdigit() and b"_" not in text)


@lru_cache(maxsize=1024)
def _alone_secret(text: bytes, quote: int) -> int:
    """What is beside the name of a key or token, and looks drawn at random."""
    if len(text) < 16 or (b" " in text if quote else text[0] == _EQUALS or _is_no_value(text)):
        return NOWHERE
    is_id = text[8] == _HYPHEN and _UUID.match(text)
    return ANYWHERE if (is_id or is_random(text, 0, len(text))) and not _says_none(text) else NOWHERE


def _fits_secret(buf: bytes, value: Value) -> bool:
    at, rest_start, rest_end, start, end, is_quoted = value
    first = buf[at] | 32
    if first == 107 and not buf[max(0, at - 14) : at].lower().rstrip(b"-_. ").endswith(_KEY_BEFORE):
        return False
    if first == 97 and buf[rest_start:rest_end].strip(b"-_.").lower() not in (b"", b"key", b"token", b"secret"):
        return False
    # an id, unless it is assigned
    if not is_quoted and buf[start + 8] == _HYPHEN and b"=" not in buf[rest_end:start] and _UUID.match(buf, start, end):
        return False
    return _can_be_secret(buf, value)


PASSWORD = Look(_alone_password, _fits_password, is_drawn=False)
SECRET = Look(_alone_secret, _fits_secret, is_drawn=True)
