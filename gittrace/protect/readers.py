"""Find what a pattern matches at a place: as the pattern does, or in another way that is faster in a dense text.

Where keywords stand close together, the long repeats of their patterns go over each other's text, again and again. What
such a repeat takes in is asked of `gittrace.protect.runs` instead.
"""

import re
from collections.abc import Callable
from re import _parser as parser  # type: ignore[attr-defined]
from typing import NamedTuple

from gittrace.protect import beside, named
from gittrace.protect.rules import END, Rule
from gittrace.protect.runs import TOKEN, Kind, Reader, Runs, Span
from gittrace.protect.shapes import CHECKS

# a repeat of less than this does not take long
_LONG = 64
# bytes that a pattern with such a repeat takes in of a run in front of that
_MARGIN = 128
_SET = rb"(\[(?:[^\]\\]|\\.)+\])"
_REPEAT = re.compile(_SET + rb"\{(\d+),(\d+)\}(=\{0,2\})?(\)?)\Z")
_GAP = re.compile(rb"(\w+ )" + _SET + rb"\{0,(\d+)\}\?(.+)\Z")
_GROUPS = re.compile(rb"\\.|\[(?:[^\]\\]|\\.)+\]|(\((?:\?P<s>)?)|(\))|(\|)")
_SECRET = b"(?P<s>"
# a pattern that takes in nothing but what `TOKEN` has
_ALL_TOKEN = re.compile(
    rb"(?:[\w-]|\[(?:A-Z|a-z|a-f|A-F|\d-\d|\w)+-?\]|\\d|\{\d+(?:,\d+)?\}|\(\?:|[|)?])+" + re.escape(END)
)


def reader(rule: Rule, front: bytes = b"") -> Reader:
    """Return what finds the secrets of a rule; `front` is the pattern of what must be in front of its keyword."""
    if rule.reader:
        read = _READERS[rule.reader](rule)
        return _behind(re.compile(front), read) if front else read
    pattern = rule.pattern or b""
    if _ALL_TOKEN.fullmatch(pattern):
        # it is a run as it stands, or the end of one
        narrowest, widest = width(pattern)
        read = _matching(rule, re.compile(front + pattern))
        return read._replace(within=lambda _, end: (end - widest, end - narrowest))
    return _tailed(rule, front, pattern) or _matching(rule, re.compile(front + pattern))


def width(pattern: bytes) -> tuple[int, int]:
    """Return how many bytes a pattern takes in, at least and at most."""
    low, high = parser.parse(pattern).getwidth()
    return low, high


def _matching(rule: Rule, pattern: re.Pattern[bytes]) -> Reader:
    """Return what finds just what a pattern matches, as far as the rule's check agrees."""
    try_match = pattern.match
    group: str | int = "s" if "s" in pattern.groupindex else 0
    check = CHECKS[rule.check] if rule.check else None

    def read(runs: Runs, pos: int) -> Span:
        match = try_match(runs.buf, pos)
        if match is None:
            return None
        span = match.span(group)
        if check:
            return check(runs.buf, match, *span)
        return span if span[1] > span[0] else None

    return Reader(read)


class Cut(NamedTuple):
    """What finds tokens whatever is on either side.

    read       takes a text, where a keyword stands, and where the text is cut; returns where a match ends there, -1
               where there is none, and its secret
    narrowest  bytes of such a match, at least
    widest     and at most
    """

    read: Callable[[bytes, int, int], tuple[int, Span]]
    narrowest: int
    widest: int


def cut_reader(rule: Rule) -> Cut | None:
    """Return what finds a rule's tokens whatever is on either side; None of a rule that asks not what follows."""
    pattern = rule.pattern or b""
    if not pattern.endswith(END) or rule.reader:
        return None
    compiled = re.compile(pattern.removesuffix(END))
    group: str | int = "s" if "s" in compiled.groupindex else 0
    check = CHECKS[rule.check] if rule.check else None

    def read(buf: bytes, pos: int, stop: int) -> tuple[int, Span]:
        match = compiled.match(buf, pos, stop)
        if match is None:
            return -1, None
        span = match.span(group)
        return match.end(), check(buf, match, *span) if check else span

    return Cut(read, *width(pattern))


def _tailed(rule: Rule, front: bytes, pattern: bytes) -> Reader | None:
    """Return it for a pattern that ends in a long repeat of a set of bytes: as many are asked for as there must be."""
    tail = _REPEAT.search(pattern)
    if not tail or int(tail[3]) - int(tail[2]) < _LONG or not _is_outside(pattern[: tail.start()], bool(tail[5])):
        return None
    head = re.compile(front + pattern[: tail.start()] + tail[1] + b"{%s}" % tail[2] + tail[5])
    try_match = head.match
    kind, more, has_padding = Kind(tail[1]), int(tail[3]) - int(tail[2]), bool(tail[4])
    group: str | int = "s" if "s" in head.groupindex else 0
    check = CHECKS[rule.check] if rule.check else None

    def read(runs: Runs, pos: int) -> Span:
        buf = runs.buf
        match = try_match(buf, pos)
        if match is None:
            return None
        start, end = match.span(group)
        end = runs.end(kind, end, more)
        if has_padding:
            end += 2 if buf.startswith(b"==", end) else buf.startswith(b"=", end)
        return check(buf, match, start, end) if check else (start, end)

    return Reader(read, kind, _MARGIN)


def _is_outside(front: bytes, is_closed: bool) -> bool:
    """Tell whether what follows a piece of a pattern is in no group; or in the secret's, when one is closed there."""
    open_groups = []
    for group in _GROUPS.finditer(front):
        if group[1]:
            open_groups.append(group[1])
        elif group[2]:
            open_groups.pop()
        elif group[3] and (not open_groups or open_groups[-1] == _SECRET):
            return False
    return open_groups == [_SECRET] * is_closed


def _behind(front: re.Pattern[bytes], read: Reader) -> Reader:
    try_match = front.match
    return Reader(lambda runs, pos: read.read(runs, pos) if try_match(runs.buf, pos) else None, within=read.within)


def _gap(rule: Rule) -> Reader:
    """Return it for a pattern of a keyword, as little as may be of what lies between, and the rest."""
    parts = _GAP.match(rule.pattern or b"")
    if parts is None:
        raise ValueError(f"the pattern of '{rule.name}' has no gap")
    size, between, most = len(parts[1]), Kind(parts[2]), int(parts[3])
    search = re.compile(parts[4]).search
    check = CHECKS[rule.check]

    def read(runs: Runs, pos: int) -> Span:
        match = runs.next(search, pos + size)
        if match is None or match.start() > runs.end(between, pos + size, most):
            return None
        return check(runs.buf, match, *match.span("s"))

    return Reader(read)


def _jwt(rule: Rule) -> Reader:
    """Return it for three to five parts of base64 with dots between them."""

    def rest(runs: Runs, first: int) -> int:
        """Return where one ends of which the first part ends there; -1 if there is none."""
        if not runs.buf.startswith(b".", first):
            return -1
        end = runs.end(TOKEN, first + 1, 12001)
        if not 8 <= end - first - 1 <= 12000 or not runs.buf.startswith(b".", end):
            return -1
        for _ in range(3):
            if not runs.buf.startswith(b".", end):
                break
            end = runs.end(TOKEN, end + 1, 1500)
        return end

    def read(runs: Runs, pos: int) -> Span:
        first = runs.end(TOKEN, pos + 3, 1001)
        end = rest(runs, first) if 8 <= first - pos - 3 <= 1000 else -1
        return (pos, end) if end >= 0 else None

    def within(runs: Runs, end: int) -> tuple[int, int]:
        return (end - 1003, end - 11) if rest(runs, end) >= 0 else (end, end)

    return Reader(read, within=within)


_READERS: dict[str, Callable[[Rule], Reader]] = {
    "gap": _gap,
    "jwt": _jwt,
    "password": lambda rule: named.reader(beside.PASSWORD, 4, named.PASSWORD, named.no_password),
    "secret": lambda rule: named.reader(beside.SECRET, 16, named.SECRET, named.no_secret),
    "long_secret": lambda rule: named.reader(beside.SECRET, beside.LONG[0], named.SECRET, named.no_long_secret),
}
