"""Find secrets in text: where rules' keywords stand, their patterns are tried. Pure, over bytes.

What a keyword leads to depends on its line only, on `CONTEXT` bytes around it at most: so where a text is cut between
lines, or a very long line between windows, changes nothing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from gittrace.protect.escapes import Plain, has_escapes
from gittrace.protect.keywords import RARE, RARE_SMALL, Keywords
from gittrace.protect.readers import reader
from gittrace.protect.rules import BEFORE, LONGEST, Rule
from gittrace.protect.runs import Reader, Runs

CONTEXT = LONGEST + 4096
"""Bytes on either side of a keyword that may decide about it."""

PLACEHOLDER = re.compile(rb"\[REDACTED:[a-z0-9-]{1,40}:[0-9a-f]{8}\]")

_OPENING = b"[REDACTED:"
_TEAM_LINE = 8 << 10


class Found(NamedTuple):
    """A secret at `start` to `end` of the buffer; `rank` is the place of its rule in the table, `at` of its keyword."""

    start: int
    end: int
    rank: int
    at: int


class _Tried:
    """A rule, ready to be tried where a keyword stands."""

    __slots__ = ("_bare", "_read", "group", "rank", "rule", "search")

    def __init__(self, rule: Rule, rank: int) -> None:
        self.rule = rule
        self.rank = rank
        # to make them takes longer than to scan a segment, and most are never tried
        self._read: Reader | None = None
        self._bare: Reader | None = None
        if rule.line:
            pattern = re.compile(rule.pattern or b"")
            self.search = pattern.finditer
            self.group: str | int = "s" if "s" in pattern.groupindex else 0

    @property
    def reach(self) -> int:
        """How far behind where a keyword begins its secret ends, at most; 0 if that is very far, or not known yet."""
        return self._read.reach if self._read else 0

    def found(self, runs: Runs, places: Sequence[int], size: int, behind: "_Behind | None" = None) -> list[Found]:
        """Return the secrets whose keyword, of `size` bytes, stands at one of some places, in order.

        `behind` takes in where there was none for what is in front of the keyword.
        """
        rule, rank = self.rule, self.rank
        if rule.pattern is None:
            return [Found(pos, pos + size, rank, pos) for pos in places]
        if rule.line:
            return [one for pos in places for one in _in_line(runs.buf, self, pos, size)]
        if self._read is None:
            self._read = reader(rule, BEFORE if rule.token else b"")
        read = self._read.read
        found: list[Found] = []
        at, count = 0, len(places)
        while at < count:
            pos = places[at]
            at += 1
            span = read(runs, pos)
            if span:
                found.append(Found(*span, rank, pos))
                if at < count and places[at] < span[1]:
                    at = self._leapt(runs, self._read, places, at, found)
            elif behind is not None and rule.token:
                behind.setdefault(pos, []).append(self)
        return found

    def _leapt(self, runs: Runs, reader: Reader, places: Sequence[int], at: int, found: list[Found]) -> int:
        """Go on from the last of those that were found, to what begins in it and ends last; return what is next.

        What is between these two begins in the first, and ends before the second does: it adds nothing.
        """
        while reader.kind:
            last = found[-1]
            far = bisect_left(places, last.end - reader.margin, at) - 1
            if far <= at or runs.end(reader.kind, last.start, last.end - last.start) < last.end:
                break
            span = reader.read(runs, places[far])
            if span is None:
                break
            found.append(Found(*span, self.rank, places[far]))
            at = far + 1
        return at

    def found_behind(self, runs: Runs, pos: int) -> "tuple[Found, ...]":
        """Return the secret whose keyword stands at `pos`, where another secret ends: that is no part of a name."""
        if self._bare is None:
            self._bare = reader(self.rule)
        span = self._bare.read(runs, pos)
        return (Found(*span, self.rank, pos),) if span else ()


def _order(one: Found) -> tuple[int, int, int]:
    return one.start, -one.end, one.rank


_Behind = dict[int, list[_Tried]]
"""Rules by the places of keywords in front of which is what may not be there."""

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

    def spans(
        self, buf: bytes, low: int = 0, high: int | None = None, end: int = -1, on: Found | None = None
    ) -> list[Found]:
        """Return them so that none overlap, with the tokens that begin where another secret ends.

        Once that is masked these are found, but one by one, and each would take another look at all.
        end  where one ends that was found before
        on   what goes on of one that was found before: what began in front of it is in no piece with it
        """
        behind: _Behind = {}
        found = self._find(buf, low, high, behind)
        if on:
            found = sorted([on, *(one for one in found if one.start >= on.start)], key=_order)
        spans = list(merged(found))
        if not behind:
            return spans
        more: list[Found] = []
        ends = [end, *(one.end for one in spans)]
        runs = Runs(buf)
        while ends:
            pos = ends.pop()
            for tried in behind.pop(pos, ()):
                some = tried.found_behind(runs, pos)
                more += some
                ends += [one.end for one in some]
        return list(merged(sorted([*found, *more], key=_order))) if more else spans

    def _find(self, buf: bytes, low: int, high: int | None, behind: _Behind) -> list[Found]:
        """Find, and put into `behind` the rules for which what is in front of a keyword may be wrong, by its place."""
        high = len(buf) if high is None else high
        places: list[tuple[int, int]] = []
        if _OPENING in buf:
            places = [match.span() for match in PLACEHOLDER.finditer(buf)]
            buf = _without(buf, places)
        begins = [start for start, _ in places]
        found = self._look(Runs(buf), low, high, behind, places, begins)
        plain = Plain(buf) if has_escapes(buf) else None
        if plain:
            # as a reader sees it: a code of the terminal parts no word
            beneath = self._look(Runs(plain.text), 0, len(plain.text), {}, (), ())
            seen = [Found(*plain.span(one.start, one.end), one.rank, plain.place(one.at)) for one in beneath]
            found += [one for one in seen if low <= one.at < high and _is_free(one, places, begins)]
        return sorted(found, key=_order) if len(found) > 1 else found

    def _look(
        self,
        runs: Runs,
        low: int,
        high: int,
        behind: _Behind,
        places: Sequence[tuple[int, int]],
        begins: Sequence[int],
    ) -> list[Found]:
        """Find in a text of which some places are taken."""
        found: list[Found] = []
        # by rank: what lies in what a better rule has found is not looked at
        for tried, at, size in sorted(self._to_try(runs, low, high), key=_rank_of):
            some = tried.found(runs, _uncovered(at, found, tried.reach) if found else at, size, behind)
            found += [one for one in some if _is_free(one, places, begins)] if places else some
        return found

    def _to_try(self, runs: Runs, low: int, high: int) -> Iterator[tuple[_Tried, list[int], int]]:
        """Yield rules, each with where a keyword of it begins in `low` to `high`, and how long that is."""
        for keyword, at in self._keywords.find(runs.buf, low, high).items():
            for tried in self._plain[keyword]:
                yield tried, at, len(keyword)
        if not self._folded:
            return
        lower = runs.buf.lower()
        for root, at in self._roots.find(lower, low, high + self._longest).items():
            here = at if at[-1] < high else [pos for pos in at if pos < high]
            for tried in self._folded[root]:
                yield tried, here, len(root)
            for keyword, offset, more in self._held.get(root, ()):
                # one byte beside the root tells most that are none
                aside = -1 if offset else len(root)
                byte = keyword[offset + aside : offset + aside + 1]
                near = [pos for pos in at if lower[pos + aside : pos + aside + 1] == byte]
                held = [pos - offset for pos in near if lower.startswith(keyword, pos - offset)]
                held = [pos for pos in held if low <= pos < high]
                for tried in more:
                    yield tried, held, len(keyword)


def _rank_of(job: tuple[_Tried, list[int], int]) -> int:
    return job[0].rank


def _uncovered(places: list[int], found: Sequence[Found], reach: int) -> list[int]:
    """Return the places but for those of which all that is reached lies in what was found already."""
    wide = [one for one in found if one.end - one.start > reach] if reach else []
    for one in merged(sorted(wide, key=_order)):
        first, last = bisect_left(places, one.start), bisect_right(places, one.end - reach)
        if first < last:
            places = places[:first] + places[last:]
    return places


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


def _without(buf: bytes, places: Iterable[tuple[int, int]]) -> bytes:
    """Return a text with as many bytes in these places, in which no keyword is."""
    parts, at = [], 0
    for start, end in places:
        parts += [buf[at:start], _blank(end - start)]
        at = end
    return b"".join([*parts, buf[at:]])


@cache
def _blank(size: int) -> bytes:
    return b"[" + b"\x01" * (size - 2) + b"]"


def _is_free(one: Found, places: Sequence[tuple[int, int]], begins: Sequence[int]) -> bool:
    """Tell whether a secret and its keyword touch none of the places."""
    # the last that begins in front of its end
    at = bisect_right(begins, one.end - 1) - 1
    return at < 0 or places[at][1] <= min(one.at, one.start)


def merged(found: Iterable[Found]) -> Iterator[Found]:
    """Yield what secrets in order cover, so that nothing overlaps any more: in pieces of `LONGEST` bytes at most.

    A piece is of the best of the ranks that are in it.
    """
    chain: list[Found] = []
    end = 0
    for one in found:
        if chain and one.start >= end:
            yield from _pieces(chain, end)
            chain, end = [], 0
        chain.append(one)
        if one.end > end:
            end = one.end
    if chain:
        yield from _pieces(chain, end)


def _pieces(chain: Sequence[Found], end: int) -> Iterator[Found]:
    """Yield the pieces of what each begins in front of where those before it end."""
    first = chain[0]
    if len(chain) == 1:
        yield first
    elif end - first.start <= LONGEST:
        yield Found(first.start, end, min(one.rank for one in chain), first.at)
    else:
        for start in range(first.start, end, LONGEST):
            stop = min(end, start + LONGEST)
            yield Found(start, stop, min(one.rank for one in chain if one.start < stop and one.end > start), first.at)
