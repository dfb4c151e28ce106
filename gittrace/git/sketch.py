"""Diffs of many pairs of trees without context, as git prints them, one after the other: quick, and roughly right.

Where `gittrace.git.diff` asks for a diff and waits for it, here git runs through the whole list while its output is
read. The lines are the same. Contents of binary files are not shown.
"""

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from itertools import zip_longest

from gittrace.errors import GitFailed
from gittrace.git.diff import MARK, OPTIONS
from gittrace.git.isolated import Isolated
from gittrace.git.process import Process
from gittrace.git.repository import Repository

_OPTIONS = tuple(option for option in OPTIONS if option not in ("--binary", "--full-index", "--unified=3"))
# ends the diff of a pair (see `gittrace.git.diff`)
_MARK = re.compile(rb"^%s" % re.escape(MARK), re.MULTILINE)
# what a pipe holds, so that two gits keep pace with each other
_AT_ONCE = 1 << 16
# pairs that are worth a second git
_MANY = 200

Pair = tuple[str, str]


def sketches(repo: Repository, pairs: Sequence[Pair], limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield (index, diff) of pairs (old tree, new tree): None for one over `limit` bytes. Many are shared by two gits.

    A pair of which something isn't in this repository is left out (git isn't asked to fetch it).
    """
    middle = len(pairs) // 2 if len(pairs) >= _MANY and (os.cpu_count() or 1) > 1 else len(pairs)
    both = [_sketches(repo, pairs, range(middle), limit), _sketches(repo, pairs, range(middle, len(pairs)), limit)]
    for one in both:
        next(one, None)
    for some in zip_longest(*both):
        yield from (one for one in some if one)


def _sketches(
    repo: Repository, pairs: Sequence[Pair], places: range, limit: int
) -> Iterator[tuple[int, bytes | None] | None]:
    start = places.start
    while start < places.stop:
        # git stops at a blob that isn't here
        start = yield from _until_it_stops(repo, pairs, range(start, places.stop), limit)


def _until_it_stops(
    repo: Repository, pairs: Sequence[Pair], places: range, limit: int
) -> Generator[tuple[int, bytes | None] | None, None, int]:
    """Yield None when git runs, and then what it gives; return where to go on."""
    isolated = Isolated(repo)
    at = places.start
    try:
        source = os.path.join(isolated.git_dir, "pairs")
        with open(source, "wb") as file:
            file.writelines(b"%s %s\n%s" % (old.encode(), new.encode(), MARK) for old, new in pairs[at : places.stop])
        process = Process(isolated.argv("diff-tree", "--stdin", "--unified=0", *_OPTIONS), isolated.env, source=source)
        process.widen()
        try:
            yield None
        except BaseException:
            # nobody wants it any more
            process.finish()
            raise
        for header, diff in _split(process.stream(), limit):
            # git says nothing where a tree is missing
            if header:
                yield at, diff
            at += 1
    except GitFailed:
        return at + 1
    finally:
        isolated.close()
    return places.stop


def _split(output: Iterable[bytes], limit: int) -> Iterator[tuple[bytes, bytes | None]]:
    """Yield the header of each pair and its diff, once the mark behind it has come."""
    parts: list[bytes] = []
    header = b""
    size = 0
    for data in _whole_lines(output):
        *complete, rest = _MARK.split(data)
        for text in complete:
            first, diff = (header, text) if header else _beheaded(text)
            size += len(diff)
            yield first, b"".join((*parts, diff)) if size <= limit else None
            header, parts, size = b"", [], 0
        if rest and not header:
            header, rest = _beheaded(rest)
        size += len(rest)
        parts = [*parts, rest] if size <= limit else []


def _beheaded(text: bytes) -> tuple[bytes, bytes]:
    header, _, diff = text.partition(b"\n")
    return header, diff


def _whole_lines(output: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the output in larger pieces that end with a line; what came before git failed too."""
    parts: list[bytes] = []
    size = 0
    failure: GitFailed | None = None
    try:
        for data in output:
            parts.append(data)
            size += len(data)
            if size >= _AT_ONCE and b"\n" in data:
                whole, feed, rest = b"".join(parts).rpartition(b"\n")
                yield whole + feed
                parts, size = [rest], len(rest)
    except GitFailed as error:
        failure = error
    whole, feed, _ = b"".join(parts).rpartition(b"\n")
    yield whole + feed
    if failure:
        raise failure
