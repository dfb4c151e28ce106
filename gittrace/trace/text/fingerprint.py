"""Fingerprints of lines, by which work is recognised in history without its text being kept.

A run of added lines has the hash that opentraces gives to a range of attributed lines (murmur3, 128 bits), so what is
found here can be compared with what others wrote down.
"""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

import mmh3

from gittrace.git.patch import FilePatch, added_runs

# a line with fewer letters and digits than this is in every project
TELLING = 6
# runs are telling from this many on, though none of their lines is
TELLING_RUN = 12
# so many lines in a row, with so many letters and digits, are recognised in whatever file they turn up
BLOCK = 3
_BLOCK_WEIGHT = 24
_MASK = (1 << 64) - 1
# what a formatter adds, takes away or exchanges: white space, quotes, commas, brackets around what is wrapped
LOOSE = b" \t\r\n\v\f\"'`,;()\\#"
_SIGNS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
PRIME = 3076036217898472363
"""What skeletons are counted modulo."""
_WEIGHT = (1 << 16) - 1
_IDIOMS = frozenset(
    b"continue default elseif except export finally foreach function import importjson importos importre importsys "
    b"lambda private protected public return returnfalse returnnil returnnone returnnull returnresult returnself "
    b"returntrue returnundefined static struct switch typedef usestrict".split()
)


class Line(NamedTuple):
    """A line's fingerprint.

    exact     of its bytes, without the line's end
    skeleton  of what a formatter leaves alone (its bones): no white space, quotes, commas, semicolons, round brackets;
              the bones as a number, modulo a prime, so that of lines in a row it follows from theirs (`joined`)
    measure   how long the bones are, and the weight
    """

    exact: int
    skeleton: int
    measure: int

    @property
    def weight(self) -> int:
        """Its letters and digits, at most 65,535; 0 when it says nothing of where it comes from."""
        return self.measure & _WEIGHT

    @property
    def length(self) -> int:
        """How many bytes its bones have."""
        return self.measure >> 16

    @property
    def hint(self) -> int:
        """What it is looked for by (`produced/hints.py`): its skeleton, or where it has no bones, itself."""
        return self.skeleton or self.exact

    @property
    def telling(self) -> bool:
        """Whether it says where it comes from."""
        return self.measure & _WEIGHT >= TELLING


Run = tuple[Line, ...]


class RunKey(NamedTuple):
    """A run of lines: its murmur3, and the skeleton of its weightiest line, by which it is looked for."""

    key: str
    skeleton: int


class Block(NamedTuple):
    """Three lines in a row: a hash of their skeletons, and the skeleton of the first."""

    key: int
    skeleton: int


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
    bones = bones_of(text)
    return Line(exact_of(text), skeleton_of(bones), len(bones) << 16 | weight_of(bones))


def weight_of(text: bytes) -> int:
    """Return the weight that a line has (see `Line`), for who asks for nothing else."""
    words = bones_of(text).translate(None, _SIGNS)
    return 0 if words.lower() in _IDIOMS else min(len(words), _WEIGHT)


def bones_of(text: bytes) -> bytes:
    """Return what a formatter leaves alone of a text."""
    return text.translate(None, LOOSE)


def exact_of(text: bytes) -> int:
    """Return the exact fingerprint of a line without its end."""
    return mmh3.hash64(text, signed=False)[0]


def skeleton_of(bones: bytes) -> int:
    """Return the skeleton of a line, by its bones."""
    return int.from_bytes(bones, "big") % PRIME


def joined(skeleton: int, line: Line) -> int:
    """Return the skeleton of some lines and the one that follows them."""
    return (skeleton * _shift(line.length) + line.skeleton) % PRIME


def without(skeleton: int, start: int, length: int) -> int:
    """Return the skeleton of the last lines of some, whose bones are so long, given that of all and of those before."""
    return (skeleton - start * _shift(length)) % PRIME


@lru_cache(maxsize=4096)
def _shift(length: int) -> int:
    return pow(256, length, PRIME)


def run_key(lines: Sequence[bytes]) -> str:
    """Return the murmur3 of lines, as opentraces writes it: joined by LF, none at the end."""
    text = b"\n".join(line.rstrip(b"\r\n") for line in lines)
    return f"{mmh3.hash128(text, signed=False):032x}"


def telling_run(run: Iterable[Line]) -> bool:
    """Tell whether lines in a row say where they come from."""
    weights = [line.weight for line in run]
    return sum(weights) >= TELLING_RUN or max(weights, default=0) >= TELLING


def heaviest(run: Iterable[Line]) -> Line:
    """Return the line that says most of where some come from, the first of several."""
    return max(run, key=lambda line: line.weight)


def blocks(run: Run) -> list[tuple[int, Block]]:
    """Return (index, block) of every three lines in a row that are telling in any file, re-indented or not."""
    weights = [line.measure & _WEIGHT for line in run]
    found = []
    for at, (first, second, third) in enumerate(zip(weights, weights[1:], weights[2:], strict=False)):
        if first and second and third and first + second + third >= _BLOCK_WEIGHT:
            one, two, three = (line.skeleton for line in run[at : at + BLOCK])
            found.append((at, Block((one * 3 + two * 5 + three * 7) & _MASK, one)))
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
