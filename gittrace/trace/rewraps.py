"""Which commits hold lines of traces wrapped otherwise: a formatter ran between the event and the commit.

Only lines that stand as they were written in no commit that is reachable are looked for, and only in lines of commits
that no trace wrote so. So where work is committed as it was written, this costs next to nothing.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from gittrace.trace.facts import Facts, Family
from gittrace.trace.fingerprint import FileLines, Line, Run
from gittrace.trace.packed import unpack_lines
from gittrace.trace.wrapped import Row, Rows, sources


class Bent(NamedTuple):
    """Who wrote a line that stands otherwise in a commit: the numbers of trace and origin, and the line as it was."""

    trace: int
    origin: int
    exact: int


# a line that a commit adds: the path, the number of the run, and that of the line in it
Place = tuple[bytes, int, int]
Bents = Mapping[Place, list[Bent]]


class _Book(NamedTuple):
    trace: int
    origins: Sequence[int]
    rows: Rows


def rewraps(
    facts: Facts, names: Collection[bytes], written: Family, is_committed: Callable[[Line], bool]
) -> dict[int, Bents]:
    """Return by commit the lines that it adds to a file, under all its names, of which traces wrote the content.

    `written` is what traces wrote there, and `is_committed` tells whether a line of it is in a reachable commit.
    """
    books = [
        _Book(trace, [origin for _, origin in lines], Rows([line for line, _ in lines], missing))
        for name in names
        for trace, lines in facts.standing(name)
        if (missing := [at for at, (line, _) in enumerate(lines) if line.telling and not is_committed(line)])
    ]
    found: dict[int, Bents] = {}
    for name in names if books else ():
        for number, packed in facts.changes(name):
            bents = {(name, *place): some for place, some in _in_file(unpack_lines(packed), written, books).items()}
            if bents:
                found[number] = {**found.get(number, {}), **bents}
    return found


def _in_file(file: FileLines, written: Family, books: Sequence[_Book]) -> dict[tuple[int, int], list[Bent]]:
    found: dict[tuple[int, int], list[Bent]] = defaultdict(list)
    gone: Rows | None = None
    for number, run in enumerate(file.added):
        for start, end in _strange(run, written):
            for book in books:
                for old, new in book.rows.find(run[start:end]):
                    # what the commit only wraps anew was there before
                    gone = gone or Rows([line for lines in file.removed for line in lines])
                    if new.key not in gone:
                        lines = run[start + new.start : start + new.end]
                        for at, bent in enumerate(_bents(book, old, lines), start + new.start):
                            found[number, at].append(bent)
    return found


def _bents(book: _Book, old: Row, lines: Sequence[Line]) -> Iterator[Bent]:
    for source in sources(book.rows.lines[old.start : old.end], lines):
        at = old.start + source.main
        yield Bent(book.trace, book.origins[at], book.rows.lines[at].exact)


def _strange(run: Run, written: Family) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of a run that have telling lines, and none that a trace wrote so."""
    start = 0
    for at in range(len(run) + 1):
        if at == len(run) or _is_known(run[at], written):
            if any(line.telling for line in run[start:at]):
                yield start, at
            start = at + 1


def _is_known(line: Line, written: Family) -> bool:
    return line.telling and (line.exact in written.lines or line.skeleton in written.skeletons)
