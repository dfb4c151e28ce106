"""What a value looks like: the last word on what a rule found beside a telling name.

A check gets the buffer, the match, and where the secret in it begins and ends. It returns these, or what it knows
better, and None if it is none after all.
They look at the line only, so what they say does not depend on how the text was cut.
"""

import math
import re
from collections.abc import Callable
from functools import lru_cache

from gittrace.protect.rules import BEFORE
from gittrace.protect.runs import Match, Span

PLACEHOLDER_BEGINS = rb"[:*x.-_?0\$%<{#@&!~peymtasidfcrXPEYMTASIDFCR"
"""What a placeholder begins with: to look at one byte is faster than to try a pattern."""

PLACEHOLDER = re.compile(
    rb"""
    (?=[][:*x.\-_?0\\$%<{#@&!~peymtasidfcr])
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
WORDS = frozenset(
    b"""
    password passwd pwd pass passphrase passcode secret token tokens key keys apikey credential credentials auth
    none null nil true false undefined void bool boolean str string text int integer number float bytes object any
    unknown optional required hidden empty missing invalid wrong default example test testing value username user
    admin root hunter changeme yes no on off self this type array list dict map set const function lambda return
    disabled enabled env file prompt ask interactive blank
    """.split()
)
REFERENCE = re.compile(rb"[A-Za-z_][A-Za-z0-9_]*+(?:(?:\.|::|->|\?\.)[A-Za-z_][A-Za-z0-9_]*+)++[.:]?$")
WORDLIKE = re.compile(
    rb"[A-Za-z][a-z]*+(?:[-_. /+][A-Za-z]?+[a-z]*+|[A-Z][a-z]++)*+[0-9]{0,4}+$|[A-Z]++(?:[-_ ][A-Z0-9]++)*+$"
)
_LONGEST_WORD = max(map(len, WORDS))
LOWER_RUNS = re.compile(rb"[a-z]{4,}")
_VARIABLE = re.compile(rb"\$[{(]?[A-Za-z_]{3}")
_DIGITS = b"0123456789"
_HYPHEN = b"-"[0]
_PORT = re.compile(rb"\d{1,5}(?:[,;]|$)")
PATH = re.compile(rb"(?:[~.]{0,2}/|[A-Za-z]:\\|[A-Za-z][A-Za-z0-9+.-]*://)")
_SEPARATORS = bytes(byte not in b"-_. /" for byte in range(256))
_RUN = b"\x01" * 10
_HEX = re.compile(rb"[0-9a-fA-F]+$")
_LOGIN = re.compile(rb"(?<![\w/.-])login[ \t]{1,4}\S{1,100}[ \t]{1,4}\Z")
_AZURE = re.compile(BEFORE + rb"(?<![_~.-])[A-Za-z0-9_~.-]{3}\dQ~")
_AZURE_PAT = re.compile(BEFORE + rb"[A-Za-z0-9]{76}AZDO")
_NUMBER_BEFORE = re.compile(rb"(?<![0-9])[0-9]{8,10}\Z")
_BASE64_BEFORE = re.compile(rb"(?<![A-Za-z0-9_-])[MNO][A-Za-z0-9_-]{22,27}\Z")
_OF_A_USER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._%+-"
_OF_A_DSN = bytes(byte for byte in range(256) if byte not in b"\n \"'=`/")
_AT_ADDRESS = (b"@tcp(", b"@unix(")
_LEFT = 128


SAMPLE = 64
"""Bytes of a value that are looked at to tell whether it was drawn at random."""

# n * log2(n), for the counts that can be
_ROUNDING = 1e-9
_N_LOG_N = [0.0] + [n * math.log2(n) for n in range(1, SAMPLE + 1)]


def entropy(text: bytes) -> float:
    """Return Shannon's entropy of at most 64 bytes, in bits a byte."""
    return math.log2(len(text)) - sum(map(_N_LOG_N.__getitem__, map(text.count, set(text)))) / len(text)


def _is_above(text: bytes, distinct: int, bits: float) -> bool:
    """Tell whether the entropy is above so many bits; so many distinct bytes alone often say that it is, or is not."""
    size = len(text)
    # the most that it can be: of each the same number
    if math.log2(distinct) < bits - _ROUNDING:
        return False
    # the least that it can be: all others are the same byte
    least = math.log2(size) - _N_LOG_N[size - distinct + 1] / size
    return least > bits + _ROUNDING or entropy(text) > bits


def is_random(buf: bytes, start: int, end: int) -> bool:
    """Tell whether a value looks drawn at random: no word, reference, path or number, and many kinds of characters.

    64 bytes of it are enough to tell.
    """
    return end - start >= 12 and _is_random(buf[start : min(end, start + SAMPLE)])


# several names may be beside one value, and a text with many secrets has the same ones again and again
@lru_cache(maxsize=1024)
def _is_random(value: bytes) -> bool:
    """Tell it of the beginning of a value."""
    size = len(value)
    # what is most is asked first: a text may be made of nothing else
    has_capitals = value.lower() != value
    has_digits = has_digit(value)
    if not (has_digits or has_capitals or _HEX.match(value)):
        return False
    distinct = len(set(value))
    if distinct < 7 or not (has_digits or distinct > 15 or _HEX.match(value)):
        return False
    if value.isdigit() or WORDLIKE.match(value) or PLACEHOLDER.match(value):
        return False
    if _HEX.match(value):
        return size >= 20 and _is_above(value, distinct, 2.9)
    # what is made of words has few digits and many separators; what is random has runs without
    if _RUN not in value.translate(_SEPARATORS) or PATH.match(value) or REFERENCE.match(value):
        return False
    if b"$" in value and _VARIABLE.search(value):
        return False
    if has_capitals and sum(map(len, LOWER_RUNS.findall(value))) * 2 >= size:
        return False  # words in camel case
    return _is_above(value, distinct, 3.0 if size < 20 else 3.4)


def has_digit(value: bytes) -> bool:
    """Tell whether there is a digit in it."""
    return len(value.translate(None, _DIGITS)) < len(value)


def is_word(buf: bytes, start: int, end: int) -> bool:
    """Tell whether a value is a word of the trade."""
    return end - start <= _LONGEST_WORD and buf[start:end].lower() in WORDS


def random(buf: bytes, match: Match, start: int, end: int) -> Span:
    """The secret looks drawn at random."""
    return (start, end) if is_random(buf, start, end) else None


def credential(buf: bytes, match: Match, start: int, end: int) -> Span:
    """What follows a header's name, and is neither a placeholder nor a word."""
    # `--allow-authorization=no --other-option`
    if buf[start] == _HYPHEN:
        return None
    asked = _says_no_credential if end - start <= SAMPLE else _says_no_credential.__wrapped__
    return None if asked(buf[start:end]) else (start, end)


@lru_cache(maxsize=1024)
def _says_no_credential(text: bytes) -> bool:
    if (text[0] in PLACEHOLDER_BEGINS and PLACEHOLDER.match(text)) or is_word(text, 0, len(text)):
        return True
    return bool(WORDLIKE.match(text) or REFERENCE.match(text))


def key_on_a_line(buf: bytes, match: Match, start: int, end: int) -> Span:
    """A key's header is followed by base64, not by words about keys."""
    runs = re.findall(rb"[A-Za-z0-9+/]{16,}", match[0])
    return (start, end) if sum(map(len, runs)) >= 40 or (runs and b"-----END" in match[0]) else None


def in_url(buf: bytes, match: Match, start: int, end: int) -> Span:
    """The password of a URL, unless it is a placeholder."""
    return None if _says_no_url_password(buf[start:end]) else (start, end)


@lru_cache(maxsize=1024)
def _says_no_url_password(text: bytes) -> bool:
    first = text[0]
    if (first in PLACEHOLDER_BEGINS and PLACEHOLDER.match(text)) or first in b":?":
        return True
    # `http://host:8080,http://me@x` is a list of hosts
    return is_word(text, 0, len(text)) or (first in _DIGITS and bool(_PORT.match(text)))


def before_at(buf: bytes, match: Match, start: int, end: int) -> Span:
    """The password in front of `@tcp(`."""
    low = max(0, start - _LEFT)
    # another one in front of this is no part of it
    at = buf.rfind(b"@", low, start)
    while at >= 0 and not buf.startswith(_AT_ADDRESS, at):
        at = buf.rfind(b"@", low, at)
    line = buf[at + 1 if at >= 0 else low : start]
    name, _, password = line[len(line.rstrip(_OF_A_DSN)) :].partition(b":")
    if not (name and password) or (password[0] in PLACEHOLDER_BEGINS and PLACEHOLDER.match(password)):
        return None
    return start - len(password), start


def azure_client(buf: bytes, match: Match, start: int, end: int) -> Span:
    """Three characters and a digit are in front of `Q~`, and nothing that such a key might hold in front of these."""
    start -= 4
    return (start, end) if start >= 0 and _AZURE.match(buf, start) else None


def after_76(buf: bytes, match: Match, start: int, end: int) -> Span:
    """76 letters and digits are in front of the mark, and no more."""
    start -= 76
    return (start, end) if start >= 0 and _AZURE_PAT.match(buf, start) else None


def after_digits(buf: bytes, match: Match, start: int, end: int) -> Span:
    """A bot's number is in front of the colon."""
    before = buf[max(0, match.start() - 11) : match.start()]
    return (start, end) if _NUMBER_BEFORE.search(before) else None


def discord(buf: bytes, match: Match, start: int, end: int) -> Span:
    """Base64 of a number is in front of the first dot."""
    before = _BASE64_BEFORE.search(buf[max(0, start - 29) : start])
    return (start - len(before[0]), end) if before else None


def email(buf: bytes, match: Match, start: int, end: int) -> Span:
    """A name is in front of the at sign."""
    left = buf[max(0, start - 64) : start]
    size = len(left[len(left.rstrip(_OF_A_USER)) :].lstrip(b"._%+-"))
    return (start - size, end) if size else None


def after_login(buf: bytes, match: Match, start: int, end: int) -> Span:
    """A netrc line has its login first."""
    if not _is_login(_line_before(buf, match.start())):
        return None
    return None if buf[start] in PLACEHOLDER_BEGINS and PLACEHOLDER.match(buf, start, end) else (start, end)


def _line_before(buf: bytes, start: int) -> bytes:
    low = max(0, start - _LEFT)
    return buf[max(low, buf.rfind(b"\n", low, start) + 1) : start]


def _is_login(line: bytes) -> bool:
    """Tell whether a line ends in `login`, blanks, a name of at most 100 bytes, and blanks; one to four of these."""
    if b"login" not in line:
        return False
    name = line.rstrip(b" \t")
    before = name[: -len(name.rsplit(None, 1)[-1])].rstrip(b" \t")
    return before.endswith(b"login") and bool(_LOGIN.match(line, len(before) - 5))


def given_password(buf: bytes, match: Match, start: int, end: int) -> Span:
    """What is given to an option as a password: neither a placeholder, nor a number, nor a word of the trade."""
    bad = PLACEHOLDER.match(buf, start, end) or buf[start:end].isdigit() or is_word(buf, start, end)
    return None if bad else (start, end)


CHECKS: dict[str, Callable[[bytes, Match, int, int], Span]] = {
    check.__name__: check
    for check in (
        random, credential, key_on_a_line, in_url, before_at, azure_client, after_76, after_digits, discord, email,
        after_login, given_password,
    )
}  # fmt: skip
