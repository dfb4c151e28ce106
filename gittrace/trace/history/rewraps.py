"""Which commits hold lines of traces wrapped otherwise: a formatter ran between the event and the commit.

Only lines that stand as they were written in no commit that is reachable are looked for, and only in lines of commits
that no trace wrote so. So where work is committed as it was written, this costs next to nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, Self

from gittrace.trace.produced.work import Origin, Work
from gittrace.trace.text.fingerprint import FileLines, Line, Run
from gittrace.trace.text.wrapped import Row, Rows, sources


class Bent(NamedTuple):
    """Who wrote a line that stands otherwise in a commit, and the line as it was."""

    trace: str
    origin: Origin
    exact: int


# a line that a commit adds: the path, the number of the run, and that of the line in it
Place = tuple[bytes, int, int]


class Book(NamedTuple):
    """What a trace wrote in a file and let stand, in its order; `rows` those with a line that is in no commit."""

    trace: str
    origins: Sequence[Origin]
    rows: Rows

    @classmethod
    def of(cls, work: Work, path: bytes, is_committed: Callable[[Line], bool]) -> Self | None:
        """Return the book of a trace, None where all of its lines are in commits."""
        standing = [item for item in work.order.get(path, ()) if item.stands]
        missing = [at for at, item in enumerate(standing) if item.line.telling and not is_committed(item.line)]
        if not missing:
            return None
        lines = [item.line for item in standing]
        return cls(work.trace_id, [item.origin for item in standing], Rows(lines, missing))

    @property
    def since(self) -> int:
        """When the first of it was written (microseconds since the epoch)."""
        return min(origin.at for origin in self.origins)


def bents(
    file: FileLines, is_known: Callable[[Line], bool], books: Sequence[Book]
) -> Iterator[tuple[tuple[int, int], Bent]]:
    """Yield (number of the run, number of the line in it) of added lines, and who wrote the content of each.

    `is_known` tells whether a trace wrote a telling line as it is there, or formatted otherwise.
    """
    gone: Rows | None = None
    for number, run in enumerate(file.added):
        for start, end in _strange(run, is_known):
            for book in books:
                for old, new in book.rows.find(run[start:end]):
                    # what the commit only wraps anew was there before
                    gone = gone or Rows([line for lines in file.removed for line in lines])
                    if new.key not in gone:
                        lines = run[start + new.start : start + new.end]
                        for at, bent in enumerate(_bents(book, old, lines), start + new.start):
                            yield (number, at), bent


def _bents(book: Book, old: Row, lines: Sequence[Line]) -> Iterator[Bent]:
    for source in sources(book.rows.lines[old.start : old.end], lines):
        at = old.start + source.main
        yield Bent(book.trace, book.origins[at], book.rows.lines[at].exact)


def _strange(run: Run, is_known: Callable[[Line], bool]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of a run that have telling lines, and none that a trace wrote so."""
    start = 0
    for at in range(len(run) + 1):
        if at == len(run) or (run[at].telling and is_known(run[at])):
            if any(line.telling for line in run[start:at]):
                yield start, at
            start = at + 1
