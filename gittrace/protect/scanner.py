"""Find secrets in text: where rules' keywords stand, their patterns are tried. Pure, over bytes.

What a keyword leads to depends on its line only, on `CONTEXT` bytes around it at most: so where a text is cut between
lines, or a very long line between windows, changes nothing.
"""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

from gittrace.protect.keywords import RARE, RARE_SMALL, Keywords
from gittrace.protect.rules import BEFORE, LONGEST, Rule
from gittrace.protect.shapes import CHECKS, Match, Span

CONTEXT = LONGEST + 4096
"""Bytes on either side of a keyword that may decide about it."""

PLACEHOLDER = re.compile(rb"\[REDACTED:[a-z0-9-]{1,40}:[0-9a-f]{8}\]")

_OPENING = b"[REDACTED:"
_TEAM_LINE = 8 << 10
Check = Callable[[bytes, Match], Span]


class Found(NamedTuple):
    """A secret at `start` to `end` of the buffer; `rank` is the place of its rule in the table, `at` of its keyword."""

    start: int
    end: int
    rank: int
    at: int


class _Tried:
    """A rule, ready to be tried where a keyword stands."""

    __slots__ = ("_bare", "_match", "check", "group", "rank", "rule", "search")

    def __init__(self, rule: Rule, rank: int) -> None:
        self.rule = rule
        self.rank = rank
        self.check: Check | None = CHECKS[rule.check] if rule.check else None
        self._match: Callable[[bytes, int], Match | None] | None = None
        self._bare: Callable[[bytes, int], Match | None] | None = None

    def compile(self) -> Callable[[bytes, int], Match | None]:
        """Make the pattern: most are never tried, and to make them takes longer than to scan a segment."""
        pattern = re.compile((BEFORE if self.rule.token and not self.rule.line else b"") + (self.rule.pattern or b""))
        self._match = pattern.match
        self.search = pattern.finditer
        self.group: str | int = "s" if "s" in pattern.groupindex else 0
        return self._match

    def found(self, buf: bytes, pos: int, size: int) -> Iterable[Found]:
        """Return the secrets whose keyword, of `size` bytes, stands at `pos`: one or none, but for a team's rule."""
        if self.rule.pattern is None:
            return (Found(pos, pos + size, self.rank, pos),)
        try_match = self._match or self.compile()
        if self.rule.line:
            return _in_line(buf, self, pos, size)
        return self._secret(buf, try_match(buf, pos), pos)

    def found_behind(self, buf: bytes, pos: int) -> "tuple[Found, ...]":
        """Return the secret whose keyword stands at `pos`, where another secret ends: that is no part of a name."""
        if self._bare is None:
            self._bare = re.compile(self.rule.pattern or b"").match
        return self._secret(buf, self._bare(buf, pos), pos)

    def _secret(self, buf: bytes, match: Match | None, pos: int) -> "tuple[Found, ...]":
        if match is None:
            return ()
        span = self.check(buf, match) if self.check else match.span(self.group)
        return (Found(*span, self.rank, pos),) if span and span[1] > span[0] else ()


def _order(one: Found) -> tuple[int, int, int]:
    return one.start, -one.end, one.rank


_Holder = tuple[bytes, int, list[_Tried]]
"""A keyword that holds another one, where, and its rules."""


class Scanner:
    """The rules, by the keywords that lead to them."""

    def __init__(self, rules: Sequence[Rule]) -> None:
        self.names = [rule.name for rule in rules]
        self._plain: dict[bytes, list[_Tried]] = {}
        folded: dict[bytes, list[_Tried]] = {}
        for rank, rule in enumerate(rules):
            tried = _Tried(rule, rank)
            for keyword in rule.keywords:
                (folded if rule.fold else self._plain).setdefault(keyword, []).append(tried)
        plain = {keyword: _either(one.rule.ahead for one in found) for keyword, found in self._plain.items()}
        self._keywords = Keywords(plain, RARE)
        self._folded, self._held = _roots(folded)
        self._longest = max(map(len, folded), default=0)
        self._roots = Keywords({root: _either(self._aheads(root)) for root in self._folded}, RARE_SMALL)

    def _aheads(self, root: bytes) -> Iterator[bytes]:
        """Yield what may follow a root: what follows it as a keyword, or in one of those that hold it."""
        yield from (tried.rule.ahead for tried in self._folded[root])
        for keyword, offset, more in self._held.get(root, ()):
            rest = keyword[offset + len(root) :]
            yield from (tried.rule.ahead and re.escape(rest) + tried.rule.ahead for tried in more)

    def find(self, buf: bytes, low: int = 0, high: int | None = None) -> list[Found]:
        """Return the secrets whose keyword begins in `low` to `high`, in order; they may overlap.

        What touches a placeholder, itself or with its keyword, is none: that was redacted before.
        """
        return self._find(buf, low, high, {})

    def spans(self, buf: bytes, low: int = 0, high: int | None = None, end: int = -1) -> list[Found]:
        """Return them so that none overlap, with the tokens that begin where another secret ends.

        Once that is masked these are found, but one by one, and each would take another look at all.
        end  where one ends that was found before
        """
        behind: dict[int, list[_Tried]] = {}
        found = self._find(buf, low, high, behind)
        spans = list(merged(found))
        if not behind:
            return spans
        more: list[Found] = []
        ends = [end, *(one.end for one in spans)]
        while ends:
            pos = ends.pop()
            for tried in behind.pop(pos, ()):
                some = tried.found_behind(buf, pos)
                more += some
                ends += [one.end for one in some]
        return list(merged(sorted([*found, *more], key=_order))) if more else spans

    def _find(self, buf: bytes, low: int, high: int | None, behind: dict[int, list[_Tried]]) -> list[Found]:
        """Find, and put into `behind` the rules for which what is in front of a keyword may be wrong, by its place."""
        high = len(buf) if high is None else high
        places: list[tuple[int, int]] = []
        if _OPENING in buf:
            places = [match.span() for match in PLACEHOLDER.finditer(buf)]
            buf = PLACEHOLDER.sub(_blank, buf)
        found: list[Found] = []
        for pos, keyword in self._keywords.find(buf, low, high):
            for tried in self._plain[keyword]:
                some = tried.found(buf, pos, len(keyword))
                if some:
                    found += some
                elif tried.rule.token and not tried.rule.line:
                    behind.setdefault(pos, []).append(tried)
        if self._folded:
            self._any_case(buf, low, high, found)
        if places:
            found = [one for one in found if _is_free(one, places)]
        return sorted(found, key=_order)

    def _any_case(self, buf: bytes, low: int, high: int, found: list[Found]) -> None:
        lower = buf.lower()
        for pos, root in self._roots.find(lower, low, high + self._longest):
            if pos < high:
                for tried in self._folded[root]:
                    found += tried.found(buf, pos, len(root))
            for keyword, offset, more in self._held.get(root, ()):
                if low <= pos - offset < high and lower.startswith(keyword, pos - offset):
                    for tried in more:
                        found += tried.found(buf, pos - offset, len(keyword))


def _roots(folded: dict[bytes, list[_Tried]]) -> tuple[dict[bytes, list[_Tried]], dict[bytes, list[_Holder]]]:
    """Return the keywords that hold no other one, and for each of these the others that hold it, and where."""
    roots = {k: tried for k, tried in folded.items() if not any(o in k for o in folded if o != k)}
    held: dict[bytes, list[_Holder]] = {}
    for keyword in folded.keys() - roots.keys():
        root = min((one for one in roots if one in keyword), key=lambda one: (-len(one), one))
        held.setdefault(root, []).append((keyword, keyword.index(root), folded[keyword]))
    return roots, held


def _either(aheads: Iterable[bytes]) -> bytes:
    """Return the pattern of what must follow a keyword of several rules; b"" when that may be anything."""
    found = list(dict.fromkeys(aheads))
    return b"(?:%s)" % b"|".join(found) if all(found) else b""


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
            if one.start >= last.end:
                last = one
            elif one.end > last.end:
                last = Found(last.end, one.end, one.rank, one.at)
            else:
                last = None
    if last is not None:
        yield last
