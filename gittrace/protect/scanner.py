"""Find secrets in text: where rules' keywords stand, their patterns are tried. Pure, over bytes.

What a keyword leads to depends on its line only, on `CONTEXT` bytes around it at most: so where a text is cut between
lines, or a very long line between windows, changes nothing.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gittrace.protect.keywords import RARE_SMALL, Keywords
from gittrace.protect.rules import BEFORE, LONGEST, Rule
from gittrace.protect.shapes import CHECKS, Match, Span

CONTEXT = LONGEST + 4096
"""Bytes on either side of a keyword that may decide about it."""

PLACEHOLDER = re.compile(rb"\[REDACTED:[a-z0-9-]{1,40}:[0-9a-f]{8}\]")

_OPENING = b"[REDACTED:"
_TEAM_LINE = 8 << 10
Check = Callable[[bytes, Match], Span]


@dataclass(frozen=True, slots=True)
class Found:
    """A secret at `start` to `end` of the buffer; `rank` is the place of its rule in the table, `at` of its keyword."""

    start: int
    end: int
    rank: int
    at: int


class _Tried:
    """A rule, ready to be tried where a keyword stands."""

    __slots__ = ("check", "group", "line", "match", "rank", "search", "token")

    def __init__(self, rule: Rule, rank: int) -> None:
        self.rank = rank
        self.line = rule.line
        self.token = rule.token and rule.pattern is not None and not rule.line
        self.check: Check | None = CHECKS[rule.check] if rule.check else None
        self.match: Callable[[bytes, int], Match | None] | None = None
        self.group: str | int = 0
        if rule.pattern is not None:
            pattern = re.compile((BEFORE if rule.token and not rule.line else b"") + rule.pattern)
            self.match = pattern.match
            self.search = pattern.finditer
            self.group = "s" if "s" in pattern.groupindex else 0

    def found(self, buf: bytes, pos: int, size: int) -> Iterable[Found]:
        """Return the secrets whose keyword, of `size` bytes, stands at `pos`: one or none, but for a team's rule."""
        if self.match is None:
            return (Found(pos, pos + size, self.rank, pos),)
        if self.line:
            return _in_line(buf, self, pos, size)
        match = self.match(buf, pos)
        if match is None:
            return ()
        span = self.check(buf, match) if self.check else match.span(self.group)
        return (Found(*span, self.rank, pos),) if span and span[1] > span[0] else ()


_Holder = tuple[bytes, int, list[_Tried]]
"""A keyword that holds another one, where, and its rules."""


class Scanner:
    """The rules, by the keywords that lead to them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.names = [rule.name for rule in rules]
        plain: dict[bytes, list[_Tried]] = {}
        folded: dict[bytes, list[_Tried]] = {}
        self._patterns: list[_Tried] = []
        tokens: set[bytes] = set()
        for rank, rule in enumerate(rules):
            tried = _Tried(rule, rank)
            for keyword in rule.keywords:
                if len(keyword) == 1 and not rule.line:
                    self._patterns.append(tried)
                    continue
                (folded if rule.fold else plain).setdefault(keyword, []).append(tried)
                if rule.token and rule.pattern is not None and not rule.line:
                    tokens.add(keyword)
        self._plain = plain
        others = {keyword for keyword, found in plain.items() if any(not one.token for one in found)}
        self._keywords = Keywords(tokens & plain.keys() - others, others)
        self._folded, self._held = _roots(folded)
        self._roots = Keywords((), self._folded, RARE_SMALL)

    def find(self, buf: bytes, low: int = 0, high: int | None = None) -> list[Found]:
        """Return the secrets whose keyword begins in `low` to `high`, in order; they may overlap.

        What touches a placeholder, itself or with its keyword, is none: that was redacted before.
        """
        high = len(buf) if high is None else high
        places: list[tuple[int, int]] = []
        if _OPENING in buf:
            places = [match.span() for match in PLACEHOLDER.finditer(buf)]
            buf = PLACEHOLDER.sub(_blank, buf)
        found = [one for one in self._candidates(buf, low, high) if not places or _is_free(one, places)]
        return sorted(found, key=lambda one: (one.start, -one.end, one.rank))

    def _candidates(self, buf: bytes, low: int, high: int) -> Iterator[Found]:
        for pos, keyword in self._keywords.find(buf, low, high):
            for tried in self._plain[keyword]:
                yield from tried.found(buf, pos, len(keyword))
        for tried in self._patterns:
            for match in tried.search(buf, low):
                if match.start() >= high:
                    break
                if span := tried.check(buf, match) if tried.check else match.span(tried.group):
                    yield Found(*span, tried.rank, match.start())
        if self._folded:
            yield from self._any_case(buf, buf.lower(), low, high)

    def _any_case(self, buf: bytes, lower: bytes, low: int, high: int) -> Iterator[Found]:
        for pos, root in self._roots.find(lower, low, high):
            for tried in self._folded[root]:
                yield from tried.found(buf, pos, len(root))
            for keyword, offset, more in self._held.get(root, ()):
                if pos >= offset and lower.startswith(keyword, pos - offset):
                    for tried in more:
                        yield from tried.found(buf, pos - offset, len(keyword))


def _roots(folded: dict[bytes, list[_Tried]]) -> tuple[dict[bytes, list[_Tried]], dict[bytes, list[_Holder]]]:
    """Return the keywords that hold no other one, and for each of these the others that hold it, and where."""
    roots = {k: tried for k, tried in folded.items() if not any(o in k for o in folded if o != k)}
    held: dict[bytes, list[_Holder]] = {}
    for keyword in folded.keys() - roots.keys():
        root = min((one for one in roots if one in keyword), key=lambda one: (-len(one), one))
        held.setdefault(root, []).append((keyword, keyword.index(root), folded[keyword]))
    return roots, held


def _in_line(buf: bytes, tried: _Tried, pos: int, size: int) -> Iterator[Found]:
    """Yield what a team's pattern finds in the keyword's line (8 KiB of it), if it takes in the keyword."""
    start = buf.rfind(b"\n", max(0, pos - _TEAM_LINE), pos) + 1 or max(0, pos - _TEAM_LINE)
    end = buf.find(b"\n", pos, pos + _TEAM_LINE)
    line = buf[start : end if end >= 0 else pos + _TEAM_LINE]
    for match in tried.search(line, 0):
        if match.start() <= pos - start and pos - start + size <= match.end():
            first, last = match.span(tried.group)
            if last > first >= 0:
                yield Found(start + first, start + last, tried.rank, pos)


def _blank(match: Match) -> bytes:
    """Return as many bytes as a placeholder has, in which no keyword is."""
    return b"[" + b"\x01" * (len(match[0]) - 2) + b"]"


def _is_free(one: Found, places: Sequence[tuple[int, int]]) -> bool:
    """Tell whether a secret and its keyword touch none of the places."""
    # the last that begins in front of its end
    at = bisect_right(places, one.end - 1, key=lambda place: place[0]) - 1
    return at < 0 or places[at][1] <= min(one.at, one.start)


def merged(found: Iterable[Found]) -> Iterator[Found]:
    """Yield spans that no longer overlap; what lies in another, or goes on from it, is of the one with the best rank.

    A chain of them ends after `LONGEST` bytes, so that it can be held.
    """
    last: Found | None = None
    for one in found:
        if last is None:
            last = one
        elif one.start < last.end and one.start - last.start < LONGEST:
            last = Found(last.start, max(last.end, one.end), min(last.rank, one.rank), last.at)
        else:
            yield last
            start = max(one.start, last.end)
            last = Found(start, max(one.end, start), one.rank, one.at)
            if last.start == last.end:
                last = None
    if last is not None:
        yield last
