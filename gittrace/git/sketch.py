"""Diffs of many pairs of trees without context, as git prints them, one after the other: quick, and roughly right.

Where `gittrace.git.diff` asks for a diff and waits for it, here git runs through the whole list while its output is
read. The lines are the same. Contents of binary files are not shown.
"""

import os
from collections.abc import Generator, Iterable, Iterator, Sequence

from gittrace.errors import GitFailed
from gittrace.git.diff import MARK, OPTIONS
from gittrace.git.isolated import Isolated
from gittrace.git.process import Process, with_output
from gittrace.git.repository import Repository

_OPTIONS = tuple(option for option in OPTIONS if option not in ("--binary", "--full-index", "--unified=3"))
# pairs that are worth a second git, and how many in a row are one's: those nearby have contents in common
_MANY = 200
_IN_A_ROW = 50
# what a git may print (bytes) before it has to wait: were it more, the reader would be left with it when git has ended
_WIDE = 1 << 18
# the same of one that is begun while the reader is busy
_WIDEST = 1 << 20

Pair = tuple[str, str]
Found = tuple[int, bytes | None]


def sketches(repo: Repository, pairs: Sequence[Pair], limit: int, early: bool = False) -> Iterator[Found]:
    """Return (index, diff) of pairs (old tree, new tree), as they come: None for one over `limit` bytes.

    git begins at once; many pairs are shared by two gits, unless the caller is `early`, and has something else to do
    first. A pair of which something isn't in this repository is left out (git isn't asked to fetch it).
    """
    gits = 2 if len(pairs) >= _MANY and (os.cpu_count() or 1) > 1 and not early else 1
    shares = [[at for at in range(len(pairs)) if at // _IN_A_ROW % gits == number] for number in range(gits)]
    running: dict[Process, Iterator[Process | Found]] = {}
    for one in [_sketches(repo, pairs, share, limit, early) for share in shares if share]:
        process = next(one)
        assert not isinstance(process, tuple)
        running[process] = one
    return _taken(running)


def _taken(running: dict[Process, Iterator[Process | Found]]) -> Iterator[Found]:
    """Yield what several gits give, of each as soon as it does."""
    while running:
        for process in with_output(running):
            one = running.pop(process)
            for found in one:
                if not isinstance(found, tuple):
                    running[found] = one
                    break
                yield found


def _sketches(
    repo: Repository, pairs: Sequence[Pair], places: Sequence[int], limit: int, early: bool
) -> Iterator[Process | Found]:
    """Yield what git gives of the pairs in these places, and git itself where more of it has to be waited for."""
    while places:
        # git stops at a blob that isn't here
        done = yield from _until_it_stops(repo, pairs, places, limit, early)
        places = places[done:]


def _until_it_stops(
    repo: Repository, pairs: Sequence[Pair], places: Sequence[int], limit: int, early: bool
) -> Generator[Process | Found, None, int]:
    """Yield as `_sketches` does; return how many pairs that was."""
    isolated = Isolated(repo)
    done = 0
    try:
        source = os.path.join(isolated.git_dir, "pairs")
        with open(source, "wb") as file:
            file.write("".join([f"{' '.join(pairs[at])}\n{MARK.decode()}" for at in places]).encode())
        process = Process(isolated.argv("diff-tree", "--stdin", "--unified=0", *_OPTIONS), isolated.env, source=source)
        process.widen(_WIDEST if early else _WIDE)
        try:
            yield process
        except BaseException:
            # nobody wants it any more
            process.finish()
            raise
        for item in _split(process.stream(), limit):
            if item is None:
                yield process
                continue
            header, diff = item
            # git says nothing where a tree is missing
            if header:
                yield places[done], diff
            done += 1
    except GitFailed:
        return done + 1
    finally:
        isolated.close()
    return done


def _split(output: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, bytes | None] | None]:
    """Yield the header of each pair and its diff, once the mark behind it has come; None before more is waited for."""
    parts: list[bytes] = []
    header = b""
    size = 0
    for data in _whole_lines(output):
        *complete, rest = _at_marks(data)
        for text in complete:
            first, diff = (header, text) if header else _beheaded(text)
            size += len(diff)
            yield first, b"".join((*parts, diff)) if size <= limit else None
            header, parts, size = b"", [], 0
        if rest and not header:
            header, rest = _beheaded(rest)
        size += len(rest)
        parts = [*parts, rest] if size <= limit else []
        yield None


def _at_marks(data: bytes) -> Iterator[bytes]:
    """Yield what whole lines have before, between and after the marks that end diffs (see `gittrace.git.diff`)."""
    start = 0
    # a regular expression that looks for lines takes three times as long
    while (end := _next_mark(data, start)) >= 0:
        yield data[start:end]
        start = end + len(MARK)
    yield data[start:]


def _next_mark(data: bytes, start: int) -> int:
    """Return where the next line is that is a mark, -1 when none is; at `start` begins a line."""
    if data.startswith(MARK, start):
        return start
    found = data.find(b"\n" + MARK, start)
    return found + 1 if found >= 0 else -1


def _beheaded(text: bytes) -> tuple[bytes, bytes]:
    header, _, diff = text.partition(b"\n")
    return header, diff


def _whole_lines(output: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the output in pieces that end with a line."""
    parts: list[bytes] = []
    for data in output:
        whole, feed, rest = data.rpartition(b"\n")
        if feed:
            yield b"".join((*parts, whole, feed))
            parts = []
        parts.append(rest)
