"""What a value looks like: the last word on what a rule found beside a telling name.

A check gets the buffer and the match, and returns where the secret begins and ends, None if it is none after all.
They look at the line only, so what they say does not depend on how the text was cut.
"""

import math
import re
from collections.abc import Callable

from gittrace.protect.rules import BEFORE

Match = re.Match[bytes]
Span = tuple[int, int] | None

_PLACEHOLDER = re.compile(
    rb"""
    (?=[][:*x.\-_?0\\$%<{#@&!~peymtasidfcr])       # what all of these begin with
    (?: \[REDACTED | :?\*{2} | \*$ | x{3} | \.{3} | -{3} | _{3} | \?{3} | 0x[0-9a-f]{0,4}$
    | \\?\$ (?:[A-Za-z_{(\[@0-9] | $)          # a variable of a shell, and those of templates
    | % (?:[sdr(] | [A-Z_]{2,}%) | < | \{ (?:[{%A-Za-z_}] | $) | \#\{ | @[A-Z_]{3,}@
    | &[a-z]+$ | ![A-Za-z]+ (?:[ ] | $) | \#$ | ~$    # of YAML: an anchor, a tag, a comment, nothing
    | process\.env | os\.environ | env[.\[(]
    | passw | (?:your | my | the | an? | some | insert | enter | put | example | sample | dummy | fake | placeholder
        | change | changeme | redacted | masked | todo | fixme) (?=[-_ .] | $) )
    """,
    re.IGNORECASE | re.VERBOSE,
)
_WORDS = frozenset(
    b"""
    password passwd pwd pass passphrase passcode secret token tokens key keys apikey credential credentials auth
    none null nil true false undefined void bool boolean str string text int integer number float bytes object any
    unknown optional required hidden empty missing invalid wrong default example test testing value username user
    admin root hunter changeme yes no on off self this type array list dict map set const function lambda return
    disabled enabled env file prompt ask interactive blank
    """.split()
)
_LITERAL = re.compile(rb"(?i:true|false|none|null|nil|undefined|nan)[,;.)\]}]*$")
_REFERENCE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*+(?:(?:\.|::|->|\?\.)[A-Za-z_][A-Za-z0-9_]*+)++[.:]?$")
_WORDLIKE = re.compile(
    rb"[A-Za-z][a-z]*+(?:[-_. /+][A-Za-z]?+[a-z]*+|[A-Z][a-z]++)*+[0-9]{0,4}+$|[A-Z]++(?:[-_ ][A-Z0-9]++)*+$"
)
_LOWER_RUNS = re.compile(rb"[a-z]{4,}")
_VARIABLE = re.compile(rb"\$[{(]?[A-Za-z_]{3}")
_PORT = re.compile(rb"\d{1,5}(?:[,;]|$)")
_PATH = re.compile(rb"(?:[~.]{0,2}/|[A-Za-z]:\\|[A-Za-z][A-Za-z0-9+.-]*://)")
_WORD = re.compile(rb"[A-Za-z0-9\x80-\xff]")
_DIGIT = re.compile(rb"[0-9]")
_RUN = re.compile(rb"[^-_. /]{10}")
_HEX = re.compile(rb"[0-9a-fA-F]+$")
_UUID = re.compile(rb"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.IGNORECASE)
_NAME_WORDS = re.compile(rb"[A-Z]?[a-z]+|[A-Z]+")
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
_KEY_BEFORE = (
    b"api", b"access", b"account", b"private", b"secret", b"encrypt", b"encryption", b"sign", b"signing", b"master",
    b"auth", b"client", b"storage", b"service", b"shared", b"admin", b"app", b"license", b"webhook", b"deploy",
    b"session", b"hmac", b"aes", b"consumer", b"subscription", b"jwt", b"cipher", b"crypto",
)  # fmt: skip
_LOGIN = re.compile(rb"login[ \t]{1,4}\S{1,100}[ \t]{1,4}\Z")
_GOES_ON = (b"(", b"[", b"{")
_NO_VALUE = (b"/", b"./", b"../", b"-", b"=", b"|", b">")
_AZURE = re.compile(BEFORE + rb"(?<![_~.-])[A-Za-z0-9_~.-]{3}\dQ~")
_AZURE_PAT = re.compile(BEFORE + rb"[A-Za-z0-9]{76}AZDO")
_LEFT = 128


# n * log2(n), for the counts that can be
_SAMPLE = 64
_ROUNDING = 1e-9
_N_LOG_N = [0.0] + [n * math.log2(n) for n in range(1, _SAMPLE + 1)]


def entropy(text: bytes) -> float:
    """Return Shannon's entropy of at most 64 bytes, in bits a byte."""
    return math.log2(len(text)) - sum(map(_N_LOG_N.__getitem__, map(text.count, set(text)))) / len(text)


def _is_above(text: bytes, distinct: int, bits: float) -> bool:
    """Tell whether the entropy is above so many bits; so many distinct bytes alone often say that it is."""
    size = len(text)
    # the least that it can be: all others are the same byte
    least = math.log2(size) - _N_LOG_N[size - distinct + 1] / size
    return least > bits + _ROUNDING or entropy(text) > bits


def is_random(value: bytes) -> bool:
    """Tell whether a value looks drawn at random: no word, reference, path or number, and many kinds of characters.

    64 bytes of it are enough to tell.
    """
    size = len(value)
    value = value[:_SAMPLE]
    distinct = len(set(value))
    # what is most is asked first: a text may be made of nothing else
    if size < 12 or distinct < 7:
        return False
    has_capitals = value.lower() != value
    if not (_DIGIT.search(value) or (distinct > 15 and has_capitals) or _HEX.match(value)):
        return False
    if value.isdigit() or _WORDLIKE.match(value) or _PLACEHOLDER.match(value):
        return False
    if _HEX.match(value):
        return size >= 20 and _is_above(value, distinct, 2.9)
    # what is made of words has few digits and many separators; what is random has runs without
    if not _RUN.search(value) or _PATH.match(value) or _REFERENCE.match(value) or _VARIABLE.search(value):
        return False
    if has_capitals and sum(map(len, _LOWER_RUNS.findall(value))) * 2 >= len(value):
        return False  # words in camel case
    return _is_above(value, distinct, 3.0 if size < 20 else 3.4)


def random(buf: bytes, match: Match) -> Span:
    """The secret looks drawn at random."""
    start, end = match.span("s") if "s" in match.re.groupindex else match.span()
    return (start, end) if is_random(buf[start:end]) else None


def credential(buf: bytes, match: Match) -> Span:
    """What follows a header's name, and is neither a placeholder nor a word."""
    start, end = match.span("s")
    value = buf[start:end]
    # `--allow-authorization=no --other-option`
    if value[:1] == b"-" or _PLACEHOLDER.match(value) or value.lower() in _WORDS:
        return None
    return None if _WORDLIKE.match(value) or _REFERENCE.match(value) else (start, end)


def key_on_a_line(buf: bytes, match: Match) -> Span:
    """A key's header is followed by base64, not by words about keys."""
    runs = re.findall(rb"[A-Za-z0-9+/]{16,}", match[0])
    return match.span() if sum(map(len, runs)) >= 40 or (runs and b"-----END" in match[0]) else None


def in_url(buf: bytes, match: Match) -> Span:
    """The password of a URL, unless it is a placeholder."""
    start, end = match.span("s")
    value = buf[start:end]
    if _PLACEHOLDER.match(value) or value.lower() in _WORDS or value.startswith((b":", b"?")):
        return None
    # `http://host:8080,http://me@x` is a list of hosts
    return None if _PORT.match(value) else (start, end)


def before_at(buf: bytes, match: Match) -> Span:
    """The password in front of `@tcp(`."""
    end = match.start()
    line = buf[max(0, end - _LEFT) : end]
    if b":" not in line:
        return None
    start = max(line.rfind(c) for c in (b"\n", b" ", b'"', b"'", b"=", b"`", b"/"))
    name, colon, password = line[start + 1 :].partition(b":")
    if not (name and colon and password) or _PLACEHOLDER.match(password):
        return None
    return end - len(password), end


def azure_client(buf: bytes, match: Match) -> Span:
    """Three characters and a digit are in front of `Q~`, and nothing that such a key might hold in front of these."""
    start = match.start() - 4
    return (start, match.end()) if start >= 0 and _AZURE.match(buf, start) else None


def after_76(buf: bytes, match: Match) -> Span:
    """76 letters and digits are in front of the mark, and no more."""
    start = match.start() - 76
    return (start, match.end()) if start >= 0 and _AZURE_PAT.match(buf, start) else None


def after_digits(buf: bytes, match: Match) -> Span:
    """A bot's number is in front of the colon."""
    before = buf[max(0, match.start() - 11) : match.start()]
    return match.span("s") if re.search(rb"(?<![0-9])[0-9]{8,10}\Z", before) else None


def discord(buf: bytes, match: Match) -> Span:
    """Base64 of a number is in front of the first dot."""
    before = re.search(
        rb"(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9_-]{22,27}\Z", buf[max(0, match.start() - 29) : match.start()]
    )
    return (match.start() - len(before[0]), match.end()) if before else None


def email(buf: bytes, match: Match) -> Span:
    """A name is in front of the at sign."""
    left = buf[max(0, match.start() - 64) : match.start()]
    before = re.search(rb"[A-Za-z0-9][A-Za-z0-9._%+-]{0,63}\Z", left)
    return (match.start() - len(before[0]), match.end()) if before else None


def after_login(buf: bytes, match: Match) -> Span:
    """A netrc line has its login first."""
    line = _line_before(buf, match.start())
    return match.span("s") if _LOGIN.search(line) and not _PLACEHOLDER.match(match["s"]) else None


def _line_before(buf: bytes, start: int) -> bytes:
    left = buf[max(0, start - _LEFT) : start]
    return left[left.rfind(b"\n") + 1 :]


def _value(match: Match) -> tuple[int, int, bool]:
    start, end = match.span("quoted")
    if start >= 0:
        return start, end, True
    start, end = match.span("bare")
    # a sentence or statement goes on behind its last word
    while end > start and match.string[end - 1 : end] in (b".", b":", b"?"):
        end -= 1
    return start, end, False


def _named(buf: bytes, match: Match) -> tuple[int, int, bool] | None:
    """Return the value beside a telling name: where it is, and whether in quotes; None when it can be no secret."""
    # a blank alone is a separator behind an option only
    if match.start("blank") >= 0 and not _is_option(buf, match.start()):
        return None
    start, end, quoted = _value(match)
    value = buf[start:end]
    if not value or _PLACEHOLDER.match(value) or value.lower() in _WORDS or _LITERAL.match(value):
        return None
    if (rest := match["rest"]) and _is_harmless(buf[match.start("rest") - 1], rest):
        return None
    separator = buf[match.end("rest") : start]
    if not quoted and (buf[end : end + 1] in _GOES_ON or value.startswith(_NO_VALUE) or _REFERENCE.match(value)):
        return None
    called = separator.startswith(b"(")
    if (called and b"." in rest) or ((called or b"," in separator) and _is_name(value)):
        return None
    if separator.endswith(b">") and not separator.endswith(b"=>") and b"<" not in _word_before(buf, match.start()):
        return None
    return start, end, quoted


def _is_name(value: bytes) -> bool:
    """Tell whether a value in a list, or that is passed to a function, is a name rather than a secret."""
    short = len(value) < 10 and not _DIGIT.search(value)
    # words in camel case, with abbreviations among them
    camel = value.isalpha() and sum(map(len, _LOWER_RUNS.findall(value))) * 2 >= len(value)
    return short or camel or bool(_WORDLIKE.match(value)) or value.startswith(b":")


def _is_option(buf: bytes, start: int) -> bool:
    return _word_before(buf, start).lstrip(b"\\\"'").startswith(b"-")


def _word_before(buf: bytes, start: int) -> bytes:
    """Return what is in front of a keyword, up to a blank."""
    left = buf[max(0, start - 60) : start]
    return left[max(left.rfind(b" "), left.rfind(b"\n"), left.rfind(b"\t")) + 1 :]


def _is_harmless(last: int, rest: bytes) -> bool:
    """Tell whether the rest of a name says that its value is no secret: `tokenizer`, `password_hash`, `keyType`."""
    words = _NAME_WORDS.findall(rest)
    if not words:
        return False
    first = words[0]
    attached = rest.startswith(first) and (first.islower() if 97 <= last <= 122 else first.isupper())
    return (attached and first.lower() not in _GOES_WITH) or words[-1].lower() in _HARMLESS


def password(buf: bytes, match: Match) -> Span:
    """What is beside the name of a password: any literal that is no word of the trade."""
    if "bare" not in match.re.groupindex:
        start, end = match.span("s")
        value = buf[start:end]
        bad = _PLACEHOLDER.match(value) or value.isdigit() or value.lower() in _WORDS
        return None if bad else (start, end)
    start, end, quoted = _value(match)
    value = buf[start:end]
    # what is most is asked first: a text may be made of nothing else
    if len(value) < 4 or not (quoted or _is_constant(buf, match) or _is_literal(value)):
        return None
    if _named(buf, match) is None or _PATH.match(value) or not _WORD.search(value):
        return None
    if quoted:
        # a sentence, or a word of the user interface
        words = value.lower().replace(b"-", b" ").replace(b"_", b" ").split()
        told = all(word.isalpha() for word in value.split())
        if (told and (len(words) > 1 or value.istitle())) or all(w in _WORDS for w in words):
            return None
    return start, end


def _is_constant(buf: bytes, match: Match) -> bool:
    """Tell whether a value is that of a variable in capitals, as the environment has it."""
    end = match.end("rest")
    return buf[end : end + 1] == b"=" and buf[match.start() : end].isupper()


def _is_literal(value: bytes) -> bool:
    """Tell whether a bare value, in what may be source, is neither a word nor a name."""
    if value.endswith(b"=") and _WORDLIKE.match(value[:-1]):
        return False  # the next name of a list of names: `password= version= `
    if len(value) < 6 or not (_has_digit(value) or (not value.isalnum() and _has_kinds(value, 6))):
        return False
    return not _WORDLIKE.match(value) or (value[-1:].isdigit() and b"_" not in value)


def _has_digit(value: bytes) -> bool:
    return len(value.translate(None, b"0123456789")) < len(value)


def _has_kinds(value: bytes, count: int) -> bool:
    """Tell whether a value has so many different bytes; to gather all of a long one takes longer."""
    for _ in range(count - 1):
        value = value.replace(value[:1], b"")
        if not value:
            return False
    return True


def secret(buf: bytes, match: Match) -> Span:
    """What is beside the name of a key or token, and looks drawn at random."""
    start, end, quoted = _value(match)
    value = buf[start:end]
    if len(value) < 16 or b" " in value or (not quoted and value[:1] == b"="):
        return None
    first = buf[match.start()] | 32
    if first == 107 and not buf[max(0, match.start() - 14) : match.start()].lower().rstrip(b"-_. ").endswith(
        _KEY_BEFORE
    ):
        return None
    if first == 97 and match["rest"].strip(b"-_.").lower() not in (b"", b"key", b"token", b"secret"):
        return None
    if value[8:9] == b"-" and _UUID.match(value):
        if not quoted and b"=" not in buf[match.end("rest") : start]:
            return None
    elif not is_random(value):
        return None
    return (start, end) if _named(buf, match) else None


CHECKS: dict[str, Callable[[bytes, Match], Span]] = {
    check.__name__: check
    for check in (
        random, credential, key_on_a_line, in_url, before_at, azure_client, after_76, after_digits, discord, email,
        after_login, password, secret,
    )
}  # fmt: skip
