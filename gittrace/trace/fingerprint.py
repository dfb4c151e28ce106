"""Fingerprints of lines, by which work is recognised in history without its text being kept.

A run of added lines has the hash that opentraces gives to a range of attributed lines (murmur3, 128 bits), so what is
found here can be compared with what others wrote down.
"""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import mmh3

from gittrace.git.patch import FilePatch, added_runs

# a line with fewer letters and digits than this is in every project
_TELLING = 6
# runs are telling from this many on, though none of their lines is
_TELLING_RUN = 12
# so many lines in a row, with so many letters and digits, are recognised in whatever file they turn up
BLOCK = 3
_BLOCK_WEIGHT = 24
_MASK = (1 << 64) - 1
_SPACE = re.compile(rb"\s+")
_SIGNS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_QUOTES = bytes.maketrans(b"'`", b'""')
_IDIOMS = frozenset(
    b"continue default elseif finally importjson importos importre importsys private protected public returnfalse "
    b"returnnil returnnone returnnull returnresult returnself returntrue returnundefined usestrict".split()
)


class Line(NamedTuple):
    """A line's fingerprint.

    exact     of its bytes, without the line's end
    skeleton  of what a formatter leaves alone: no white space, one kind of quotes, no comma or semicolon at its end
    weight    its letters and digits; 0 when it says nothing of where it comes from
    """

    exact: int
    skeleton: int
    weight: int

    @property
    def telling(self) -> bool:
        """Whether it says where it comes from."""
        return self.weight >= _TELLING


Run = tuple[Line, ...]


class FileLines(NamedTuple):
    """What a diff does to the lines of a file; blank lines are left out of `added` and `removed`.

    keys   for each run of `added` its murmur3, as 32 hex digits; empty when it isn't telling
    """

    added: tuple[Run, ...]
    removed: tuple[Run, ...]
    keys: tuple[str, ...]


def line_of(text: bytes) -> Line:
    """Return the fingerprint of a line; CRLF counts as LF."""
    text = text.rstrip(b"\r\n")
    bones = _SPACE.sub(b"", text).translate(_QUOTES).rstrip(b",;")
    words = bones.translate(None, _SIGNS)
    weight = 0 if words.lower() in _IDIOMS else len(words)
    return Line(mmh3.hash64(text, signed=False)[0], mmh3.hash64(bones, 1, signed=False)[0], weight)


def run_key(lines: Sequence[bytes]) -> str:
    """Return the murmur3 of lines, as opentraces writes it: joined by LF, none at the end."""
    text = b"\n".join(line.rstrip(b"\r\n") for line in lines)
    return f"{mmh3.hash128(text, signed=False):032x}"


def telling_run(run: Iterable[Line]) -> bool:
    """Tell whether lines in a row say where they come from."""
    weights = [line.weight for line in run]
    return sum(weights) >= _TELLING_RUN or max(weights, default=0) >= _TELLING


def blocks(run: Run) -> list[tuple[int, int]]:
    """Return (index, hash) of every three lines in a row that are telling in any file, re-indented or not."""
    found = []
    for at in range(len(run) - BLOCK + 1):
        window = run[at : at + BLOCK]
        if sum(line.weight for line in window) >= _BLOCK_WEIGHT and all(line.weight for line in window):
            one, two, three = (line.skeleton for line in window)
            found.append((at, (one * 3 + two * 5 + three * 7) & _MASK))
    return found


def file_lines(file: FilePatch) -> FileLines:
    """Return the fingerprints of what a diff does to a file."""
    return of_runs([lines for _, lines in added_runs(file)], removed_runs(file))


def of_runs(added: Iterable[Sequence[bytes]], removed: Iterable[Sequence[bytes]] = ()) -> FileLines:
    """Return the fingerprints of runs of added and removed lines."""
    new, keys = [], []
    for lines in added:
        run = _run(lines)
        if run:
            new.append(run)
            keys.append(run_key(lines) if telling_run(run) else "")
    return FileLines(tuple(new), tuple(run for run in map(_run, removed) if run), tuple(keys))


def _run(lines: Iterable[bytes]) -> Run:
    return tuple(line_of(line) for line in lines if line.strip())


def removed_runs(file: FilePatch) -> Iterable[list[bytes]]:
    """Yield each run of consecutive removed lines, without their signs."""
    for hunk in file.hunks:
        run: list[bytes] = []
        for line in hunk.lines:
            if line[:1] == b"-":
                run.append(line[1:])
            elif run:
                yield run
                run = []
        if run:
            yield run
