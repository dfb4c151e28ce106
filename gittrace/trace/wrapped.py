"""Lines that a formatter wrapped otherwise: joined, split, filled anew. Pure.

Lines in a row say the same as others in a row when the bones of either, put together, are the same
(`gittrace.trace.fingerprint`); so what they look like need not be kept. A row must say something, and on either side
begin and end with a line that is no mere bracket.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gittrace.trace.fingerprint import Line, joined, telling_run

# rows of more lines, or longer ones (bytes of bones), are not looked for
_MOST_LINES = 40
_LONGEST = 2000

# what a row says: its skeleton, and how long its bones are
Key = tuple[int, int]


class Row(NamedTuple):
    """Lines in a row, from the index `start` to before `end`."""

    key: Key
    start: int
    end: int


def rows(lines: Sequence[Line], start: int) -> Iterator[Row]:
    """Yield the rows that begin at a line, the shortest first."""
    if not lines[start].length:
        return
    skeleton, length = 0, 0
    for at in range(start, min(start + _MOST_LINES, len(lines))):
        line = lines[at]
        if not line.length:
            continue
        skeleton, length = joined(skeleton, line), length + line.length
        if length > _LONGEST:
            return
        yield Row((skeleton, length), start, at + 1)


class Rows:
    """All rows of lines that have one of those in `of`, by what they say; of several that say the same, the first."""

    def __init__(self, lines: Sequence[Line], of: Iterable[int] | None = None) -> None:
        self.lines = lines
        self._rows: dict[Key, Row] = {}
        wanted = range(len(lines)) if of is None else sorted(set(of))
        for place, at in enumerate(wanted):
            # rows that hold this line, and none of those that count before it
            before = wanted[place - 1] if place else -1
            for start in range(max(before + 1, at - _MOST_LINES + 1), at + 1):
                for row in rows(lines, start):
                    if row.end > at and telling_run(lines[start : row.end]):
                        self._rows.setdefault(row.key, row)

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def find(self, new: Sequence[Line]) -> Iterator[tuple[Row, Row]]:
        """Yield (row of these lines, row of the new ones) that say the same, each line in one at most."""
        start = 0
        while start < len(new):
            found = self._at(new, start)
            if found:
                yield found
                start = found[1].end
            else:
                start += 1

    def _at(self, new: Sequence[Line], start: int) -> tuple[Row, Row] | None:
        for row in rows(new, start):
            old = self._rows.get(row.key)
            if old:
                return old, row
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
    old: Sequence[Line], new: Sequence[Line], of: Iterable[int] | None = None, wrapped: bool | None = None
) -> dict[int, Source]:
    """Return where each new line in a row that an old one says too comes from.

    A row of old lines has one of those in `of`. Brackets that close a row belong to it, and so does what follows it on
    either side. `wrapped`: only rows of which one has several lines, or only those that both have one.
    """
    found: dict[int, Source] = {}
    for was, row in Rows(old, of).find(new):
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
