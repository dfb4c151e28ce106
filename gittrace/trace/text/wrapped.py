"""Lines that a formatter wrapped otherwise: joined, split, filled anew. Pure.

Lines in a row say the same as others in a row when the bones of either, put together, are the same
(`gittrace.trace.text.fingerprint`); so what they look like need not be kept. A row must say something, and on either
side begin and end with a line that is no mere bracket.
"""

from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from itertools import accumulate
from typing import NamedTuple

from gittrace.trace.text.fingerprint import (
    TELLING,
    TELLING_RUN,
    FileLines,
    Line,
    bones_of,
    joined,
    line_of,
    weight_of,
    without,
)

# rows of more lines, or longer ones (bytes of bones), are not looked for
_MOST_LINES = 40
_LONGEST = 2000

# the number of a run of added lines, and that of a line in it
Spot = tuple[int, int]
# what a row says: its skeleton, and how long its bones are
Key = tuple[int, int]


class Row(NamedTuple):
    """Lines in a row, from the index `start` to before `end`."""

    key: Key
    start: int
    end: int


class _Sums:
    """What rows of some lines say, each told from sums over the lines before its ends."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self.lines = lines
        self.lengths, self._skeletons, self._weights = [0], [0], [0]
        for line in lines:
            self.lengths.append(self.lengths[-1] + line.length)
            self._skeletons.append(joined(self._skeletons[-1], line))
            self._weights.append(self._weights[-1] + line.weight)
        # by index, that of the next telling line
        self._telling = [len(lines)] * (len(lines) + 1)
        for at in range(len(lines) - 1, -1, -1):
            self._telling[at] = at if lines[at].telling else self._telling[at + 1]

    def rows(self, start: int, first: int = 0) -> Iterator[tuple[int, int]]:
        """Yield (length, end) of the rows that begin at a line and end behind `first`, the shortest first."""
        lengths = self.lengths
        before = lengths[start]
        if lengths[start + 1] == before:
            return
        for end in range(max(first, start) + 1, min(start + _MOST_LINES, len(self.lines)) + 1):
            length = lengths[end] - before
            if length > _LONGEST:
                return
            if lengths[end] != lengths[end - 1]:
                yield length, end

    def skeleton(self, start: int, end: int) -> int:
        """Return the skeleton of a row."""
        return without(self._skeletons[end], self._skeletons[start], self.lengths[end] - self.lengths[start])

    def tells(self, start: int, end: int) -> bool:
        """Tell whether a row says where it comes from (`fingerprint.telling_run`)."""
        return self._telling[start] < end or self._weights[end] - self._weights[start] >= TELLING_RUN


class Rows:
    """All rows of lines that have one of those in `of`, by what they say; of several that say the same, the first."""

    def __init__(self, lines: Sequence[Line], of: Iterable[int] | None = None) -> None:
        self.lines = lines
        self._sums = _Sums(lines)
        # by length
        self._spans: dict[int, list[tuple[int, int]]] = {}
        self._rows: dict[int, dict[int, Row]] = {}
        before = -1
        for at in range(len(lines)) if of is None else sorted(set(of)):
            # rows that hold this line, and none of those that count before it
            for start in range(max(before + 1, at - _MOST_LINES + 1), at + 1):
                for length, end in self._sums.rows(start, at):
                    if self._sums.tells(start, end):
                        self._spans.setdefault(length, []).append((start, end))
            before = at
        self._longest = max(self._spans, default=0)

    def __contains__(self, key: Key) -> bool:
        return key[0] in self._of_length(key[1])

    def _of_length(self, length: int) -> Mapping[int, Row]:
        """Return the rows of a length, by their skeletons."""
        found = self._rows.get(length)
        if found is None:
            found = self._rows[length] = {}
            for start, end in self._spans.get(length, ()):
                skeleton = self._sums.skeleton(start, end)
                found.setdefault(skeleton, Row((skeleton, length), start, end))
        return found

    def find(self, new: Sequence[Line]) -> Iterator[tuple[Row, Row]]:
        """Yield (row of these lines, row of the new ones) that say the same, each line in one at most."""
        sums = _Sums(new)
        start = 0
        while start < len(new) and self._spans:
            found = self._at(sums, start)
            if found:
                yield found
                start = found[1].end
            else:
                start += 1

    def _at(self, new: _Sums, start: int) -> tuple[Row, Row] | None:
        # as `_Sums.rows` goes, but this is where the time goes
        before = last = new.lengths[start]
        for end, reached in enumerate(new.lengths[start + 1 : start + 1 + _MOST_LINES], start + 1):
            length = reached - before
            if not length or length > self._longest:
                return None
            if reached != last and length in self._spans:
                old = self._of_length(length).get(new.skeleton(start, end))
                if old:
                    return old, Row(old.key, start, end)
            last = reached
        return None


class Source(NamedTuple):
    """Where a line comes from: the index of the line that most of it is from, and those of all, from first to last."""

    main: int
    first: int
    last: int


def sources(old: Sequence[Line], new: Sequence[Line]) -> list[Source]:
    """Return for each of the new lines of two rows that say the same where it comes from in the old ones."""
    ends, at = [], 0
    for line in old:
        at += line.length
        ends.append(at)
    found, start, place = [], 0, 0
    for line in new:
        end = start + line.length
        while ends[place] <= start and place + 1 < len(ends):
            place += 1
        main, most, here, left = place, 0, place, start
        while left < end:
            part = min(ends[here], end) - left
            if part > most:
                main, most = here, part
            left += part
            here += 1
        found.append(Source(main, place, max(here - 1, place)))
        start = end
    return found


def matched(
    old: Sequence[bytes], new: Sequence[bytes], of: Iterable[int] | None = None, wrapped: bool | None = None
) -> dict[int, Source]:
    """Return where each new line in a row that an old one says too comes from.

    A row of old lines has one of those in `of`. Brackets that close a row belong to it, and so does what follows it on
    either side. `wrapped`: only rows of which one has several lines, or only those that both have one.
    """
    bones, theirs = list(map(bones_of, old)), list(map(bones_of, new))
    some = None if of is None else _that_may_match(bones, theirs, of)
    if not (_may_match(bones, theirs, wrapped) if some is None else some):
        return {}
    # how far rows go that hold one of some, and what follows them
    first = max(min(some) - _MOST_LINES, 0) if some else 0
    end = max(some) + _MOST_LINES + len(new) if some else len(old)
    rows = Rows(list(map(line_of, old[first:end])), some and [at - first for at in some])
    places = _matched(rows, list(map(line_of, new)), wrapped)
    return {at: Source(*(first + part for part in place)) for at, place in places.items()}


def _may_match(old: Sequence[bytes], new: Sequence[bytes], wrapped: bool | None) -> bool:
    """Tell, of the bones of lines, whether there may be rows that say the same: of most there are none."""
    if wrapped is False:
        return any(map(set(old).__contains__, filter(None, new)))
    starts: dict[bytes, set[bytes]] = {}
    for start, line in _starts(old):
        starts.setdefault(start, set()).add(line)
    for start, line in _starts(new):
        for other in starts.get(start, ()):
            # a line that tells by itself is found as the one that it is before any row that goes on
            is_more = line != other or wrapped is None or weight_of(line) < TELLING
            if is_more and (line.startswith(other) or other.startswith(line)):
                return True
    return False


def _that_may_match(old: Sequence[bytes], new: Sequence[bytes], of: Iterable[int]) -> list[int]:
    """Return those of some old lines that may be in a row which the new ones say too."""
    said, theirs = b"".join(old), b"".join(new)
    ends, starts = [0, *accumulate(map(len, old))], {0, *accumulate(map(len, new))}

    def may(at: int) -> bool:
        # what is said from the beginning of a row to this line
        for start in range(at, max(at - _MOST_LINES, -1), -1):
            part = said[ends[start] : ends[at + 1]]
            place = theirs.find(part)
            if place < 0:
                return False
            while place >= 0 and old[start]:
                if place in starts:
                    return True
                place = theirs.find(part, place + 1)
        return False

    return [at for at in of if may(at)]


def _starts(bones: Sequence[bytes]) -> Iterator[tuple[bytes, bytes]]:
    """Yield how what is said from a line on begins, as far as any row goes that is telling, and the line."""
    said, at = b"".join(bones), 0
    for line in filter(None, bones):
        yield said[at : at + TELLING], line
        at += len(line)


def wrapped_anew(lines: FileLines, ours: Container[int]) -> set[Spot]:
    """Return the added lines that say in other rows what was taken away, and of which `ours` has no exact fingerprint.

    So a formatter that runs over what others wrote does not make it the work of who runs it.
    """
    removed = [line for run in lines.removed for line in run]
    bones = {line.skeleton for line in removed}
    runs = [
        (number, run)
        for number, run in enumerate(lines.added)
        if any(line.telling and line.skeleton not in bones for line in run)
    ]
    if not removed or not runs:
        return set()
    said = {line.skeleton for run in lines.added for line in run}
    rows = Rows(removed, [at for at, line in enumerate(removed) if line.skeleton not in said])
    return {
        (number, at)
        for number, run in runs
        for at, source in _matched(rows, run, None).items()
        if removed[source.main].exact not in ours
    }


def _matched(rows: Rows, new: Sequence[Line], wrapped: bool | None) -> dict[int, Source]:
    old = rows.lines
    found: dict[int, Source] = {}
    for was, row in rows.find(new):
        if wrapped is not None and wrapped == (row.end - row.start == was.end - was.start == 1):
            continue
        places = sources(old[was.start : was.end], new[row.start : row.end])
        for number, place in enumerate(places, row.start):
            found[number] = Source(*(was.start + part for part in place))
        end, at = row.end, was.end
        while end < len(new) and end not in found:
            if at < len(old) and new[end].skeleton == old[at].skeleton:
                at += 1
            elif new[end].length:
                break
            found[end], end = Source(at - 1, at - 1, at - 1), end + 1
    return found
