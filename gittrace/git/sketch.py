"""Diffs of many pairs of trees without context, as git prints them, one after the other: quick, and roughly right.

Where `gittrace.git.diff` asks for a diff and waits for it, here git runs through the whole list while its output is
read. The lines are the same. Contents of binary files are not shown.
"""

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence

from gittrace.errors import GitFailed
from gittrace.git.diff import OPTIONS
from gittrace.git.isolated import Isolated
from gittrace.git.process import Process
from gittrace.git.repository import Repository

_OPTIONS = tuple(option for option in OPTIONS if option not in ("--binary", "--full-index", "--unified=3"))
# begins the diff of a pair; no other line without context begins so
_HEADER = re.compile(rb"^([0-9a-f]{40,64}) ([0-9a-f]{40,64})\n", re.MULTILINE)
_AT_ONCE = 1 << 20

Pair = tuple[str, str]


def sketches(repo: Repository, pairs: Sequence[Pair], limit: int) -> Iterator[tuple[int, bytes | None]]:
    """Yield (index, diff) of pairs (old tree, new tree), in order: None for one over `limit` bytes.

    A pair of which something isn't in this repository is left out (git isn't asked to fetch it).
    """
    start = 0
    while start < len(pairs):
        # git stops at a blob that isn't here
        start = yield from _until_it_stops(repo, pairs, start, limit)


def _until_it_stops(
    repo: Repository, pairs: Sequence[Pair], start: int, limit: int
) -> Generator[tuple[int, bytes | None], None, int]:
    """Yield what one git gives, and return where to go on."""
    isolated = Isolated(repo)
    last = start - 1
    try:
        source = os.path.join(isolated.git_dir, "pairs")
        with open(source, "w", encoding="ascii") as file:
            file.writelines(f"{old} {new}\n" for old, new in pairs[start:])
        argv = isolated.argv("diff-tree", "--stdin", "--unified=0", *_OPTIONS)
        for pair, text in _split(Process(argv, isolated.env, source=source).stream(), limit):
            last = pairs.index(pair, last + 1)
            yield last, text
    except GitFailed:
        return last + 2
    finally:
        isolated.close()
    return len(pairs)


def _split(output: Iterable[bytes], limit: int) -> Iterator[tuple[Pair, bytes | None]]:
    """Yield each pair with its diff, once that is complete."""
    pair: Pair | None = None
    parts: list[bytes] = []
    size = 0
    for data in _whole_lines(output):
        texts = _HEADER.split(data)
        for at in range(0, len(texts), 3):
            if at:
                if pair:
                    yield pair, b"".join(parts) if size <= limit else None
                pair, parts, size = (texts[at - 2].decode(), texts[at - 1].decode()), [], 0
            size += len(texts[at])
            parts = [*parts, texts[at]] if size <= limit else []
    if pair:
        yield pair, b"".join(parts) if size <= limit else None


def _whole_lines(output: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the output in larger pieces that end with a line."""
    parts: list[bytes] = []
    size = 0
    for data in output:
        parts.append(data)
        size += len(data)
        if size >= _AT_ONCE and b"\n" in data:
            whole, feed, rest = b"".join(parts).rpartition(b"\n")
            yield whole + feed
            parts, size = [rest], len(rest)
    yield b"".join(parts)
