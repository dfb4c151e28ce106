"""Find secrets in text: where rules' keywords stand, their patterns are tried. Pure, over bytes.

What a keyword leads to depends on its line only, on `CONTEXT` bytes around it at most: so where a text is cut between
lines, or a very long line between windows, changes nothing.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gittrace.protect.escapes import Plain, has_escapes
from gittrace.protect.found import OPENING, PLACEHOLDER, Found, Taken, merged
from gittrace.protect.keywords import RARE, RARE_SMALL, Keywords
from gittrace.protect.readers import Cut, cut_reader, reader
from gittrace.protect.rules import BEFORE, END, LONGEST, Rule
from gittrace.protect.runs import TOKEN, Reader, Runs, Within

CONTEXT = LONGEST + 4096
"""Bytes on either side of a keyword that may decide about it."""

_TEAM_LINE = 8 << 10
_IS_BEFORE = re.compile(BEFORE).match


class _Tried:
    """A rule, ready to be tried where a keyword stands."""

    __slots__ = ("_bare", "_cut", "_is_ended", "_read", "group", "rank", "rule", "search")

    def __init__(self, rule: Rule, rank: int) -> None:
        self.rule = rule
        self.rank = rank
        # to make them takes longer than to scan a segment, and most are never tried
        self._read: Reader | None = None
        self._bare: Reader | None = None
        self._cut: Cut | None = None
        self._is_ended = rule.pattern is not None and rule.pattern.endswith(END)
        if rule.line:
            pattern = re.compile(rule.pattern or b"")
            self.search = pattern.finditer
            self.group: str | int = "s" if "s" in pattern.groupindex else 0

    @property
    def reach(self) -> int:
        """How far behind where a keyword begins its secret ends, at most; 0 if that is very far, or not known yet."""
        return self._read.reach if self._read else 0

    def found(
        self,
        runs: Runs,
        places: Sequence[int],
        size: int,
        missed: "_Missed | None" = None,
        taken: Taken | None = None,
    ) -> list[Found]:
        """Return the secrets whose keyword, of `size` bytes, stands at one of some places, in order.

        missed  takes in where there may be none for what is on either side
        taken   what secrets may not touch
        """
        if taken:
            with_room = taken.with_room(runs.buf, places, self.rule)
            return [one for one in self._found(runs, with_room, size, missed, taken) if taken.leaves(one)]
        return self._found(runs, places, size, missed, taken)

    def _found(
        self, runs: Runs, places: Sequence[int], size: int, missed: "_Missed | None", taken: Taken | None
    ) -> list[Found]:
        rule, rank = self.rule, self.rank
        if rule.needs and rule.needs not in runs.buf:
            return []
        if rule.pattern is None:
            return [Found(pos, pos + size, rank, pos) for pos in places]
        if rule.line:
            return [one for pos in places for one in _in_line(runs.buf, self, pos, size)]
        if self._read is None:
            self._read = reader(rule, BEFORE if rule.token else b"")
        lost: list[int] = []
        if self._read.within:
            found = self._in_runs(runs, self._read, self._read.within, places, lost)
        else:
            found = self._one_by_one(runs, self._read, places, lost, not taken)
        if missed is not None and lost:
            if rule.token:
                missed.behind.append((lost, self))
            if self._is_ended:
                missed.before.append((lost, self))
        return found

    def _one_by_one(
        self, runs: Runs, reader: Reader, places: Sequence[int], lost: list[int], may_leap: bool
    ) -> list[Found]:
        """Read where keywords stand, but where that would add nothing; `lost` takes in where nothing is found."""
        read, make, rank = reader.read, tuple.__new__, self.rank
        found: list[Found] = []
        at, count = 0, len(places)
        while at < count:
            pos = places[at]
            at += 1
            span = read(runs, pos)
            if span:
                found.append(make(Found, (*span, rank, pos)))
                if may_leap and at < count and places[at] < span[1]:
                    at = self._leapt(runs, reader, places, at, found)
            else:
                lost.append(pos)
        return found

    def _in_runs(
        self, runs: Runs, reader: Reader, within: Within, places: Sequence[int], lost: list[int]
    ) -> list[Found]:
        """Do the same, run by run: where one has a secret, what else begins in that run and ends there adds nothing."""
        found: list[Found] = []
        at, count = 0, len(places)
        while at < count:
            end = runs.end(TOKEN, places[at], len(runs.buf))
            low, high = within(runs, end)
            behind = bisect_left(places, end, at)
            first = bisect_left(places, low, at, behind)
            last = bisect_right(places, high, first, behind)
            for one in range(first, last):
                span = reader.read(runs, places[one])
                if span:
                    found.append(Found(*span, self.rank, places[one]))
                    lost += places[at:one]
                    break
            else:
                lost += places[at:behind]
            at = behind
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

    @property
    def cut(self) -> Cut | None:
        """What finds the rule's tokens whatever is on either side."""
        if self._cut is None:
            self._cut = cut_reader(self.rule)
        return self._cut

    def found_before(self, buf: bytes, pos: int, start: int, low: int) -> Found | None:
        """Return the secret whose keyword stands at `pos`, if it ends at `start`, where another one begins.

        low  where the one in front of both ends
        """
        if self.rule.token and pos != low and not _IS_BEFORE(buf, pos):
            return None
        end, span = self.cut.read(buf, pos, start) if self.cut else (-1, None)
        return Found(*span, self.rank, pos) if span and end == start else None


class _Missed(NamedTuple):
    """What is no secret for what is in front of it or follows it, unless that is one.

    behind  places of keywords, with their rule
    before  the same
    """

    behind: list[tuple[list[int], _Tried]]
    before: list[tuple[list[int], _Tried]]


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
        return self._find(buf, low, high, None)

    def spans(
        self, buf: bytes, low: int = 0, high: int | None = None, end: int = -1, on: Found | None = None
    ) -> list[Found]:
        """Return them so that none overlap, with the tokens that begin where another secret ends.

        Once that is masked these are found, but one by one, and each would take another look at all.
        end  where one ends that was found before
        on   what goes on of one that was found before: what began in front of it is in no piece with it
        """
        return self._spans(buf, low, high, end, on)[0]

    def spans_of_lines(self, buf: bytes) -> list[Found]:
        """Return the same of whole lines, with the tokens that end where another secret begins."""
        spans, missed = self._spans(buf, 0, None, -1, None)
        more = _found_before(buf, spans, missed.before) if missed.before and spans else []
        return merged(sorted([*spans, *more])) if more else spans

    def _spans(self, buf: bytes, low: int, high: int | None, end: int, on: Found | None) -> tuple[list[Found], _Missed]:
        missed = _Missed([], [])
        found = self._find(buf, low, high, missed)
        if on:
            found = sorted([on, *(one for one in found if one.start >= on.start)])
        spans = merged(found)
        more: list[Found] = []
        ends = [end, *(one.end for one in spans)]
        behind: dict[int, list[_Tried]] = {}
        if spans or end >= 0:
            places = set(ends)
            if not all(places.isdisjoint(lost) for lost, _ in missed.behind):
                for lost, tried in missed.behind:
                    for pos in lost:
                        behind.setdefault(pos, []).append(tried)
        runs = Runs(buf)
        while ends and behind:
            pos = ends.pop()
            for tried in behind.pop(pos, ()):
                some = tried.found_behind(runs, pos)
                more += some
                ends += [one.end for one in some]
        return merged(sorted([*found, *more])) if more else spans, missed

    def _find(self, buf: bytes, low: int, high: int | None, missed: _Missed | None) -> list[Found]:
        """Find, and put into `missed` what there is for what may be none because of what is on either side."""
        high = len(buf) if high is None else high
        taken = None
        if OPENING in buf:
            taken = Taken([match.span() for match in PLACEHOLDER.finditer(buf)])
            buf = taken.blanked(buf)
        found = self._look(Runs(buf), low, high, missed, taken)
        plain = Plain(buf) if has_escapes(buf) else None
        if plain:
            # as a reader sees it: a code of the terminal parts no word
            beneath = self._look(Runs(plain.text), 0, len(plain.text), None, None)
            seen = [Found(*plain.span(one.start, one.end), one.rank, plain.place(one.at)) for one in beneath]
            found += [one for one in seen if low <= one.at < high and (taken is None or taken.leaves(one))]
        found.sort()
        return found

    def _look(self, runs: Runs, low: int, high: int, missed: _Missed | None, taken: Taken | None) -> list[Found]:
        """Find in a text of which some places are taken."""
        found: list[Found] = []
        # by rank: what lies in what a better rule has found is not looked at
        for tried, at, size in sorted(self._to_try(runs, low, high), key=_rank_of):
            where = _uncovered(at, found, tried.reach) if found else at
            found += tried.found(runs, where, size, missed, taken)
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
                begins = (pos - offset for pos in at if lower.startswith(keyword, pos - offset))
                held = [pos for pos in begins if low <= pos < high]
                for tried in more:
                    yield tried, held, len(keyword)


def _found_before(buf: bytes, spans: Sequence[Found], missed: Sequence[tuple[list[int], _Tried]]) -> list[Found]:
    """Return the tokens that would not end where a secret begins if that were none; and those in front of these."""
    cuts = {tried.rank: tried.cut for _, tried in missed if tried.cut}
    lost = sorted((pos, tried.rank, tried) for some, tried in missed for pos in some)
    places = [one[0] for one in lost]
    narrowest, widest = min(cut.narrowest for cut in cuts.values()), max(cut.widest for cut in cuts.values())
    ends: dict[int, int] = {}
    more: list[Found] = []
    low = 0
    for one in spans:
        start = one.start
        while True:
            some: dict[int, Found] = {}
            first = bisect_left(places, max(low, start - widest))
            for at in range(first, bisect_right(places, start - narrowest)):
                pos, rank, tried = lost[at]
                if rank in some or not pos + cuts[rank].narrowest <= start <= pos + cuts[rank].widest:
                    continue  # of one rule, that begins first
                if at not in ends:
                    ends[at] = cuts[rank].read(buf, pos, len(buf))[0]
                if ends[at] >= start and (found := tried.found_before(buf, pos, start, low)) and found.start >= low:
                    some[rank] = found
            if not some:
                break
            more += some.values()
            start = min(found.start for found in some.values())
        low = one.end
    return more


def _rank_of(job: tuple[_Tried, list[int], int]) -> int:
    return job[0].rank


def _uncovered(places: list[int], found: Sequence[Found], reach: int) -> list[int]:
    """Return the places but for those of which all that is reached lies in what was found already."""
    wide = [one for one in found if one.end - one.start > reach] if reach else []
    for one in merged(sorted(wide)):
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
