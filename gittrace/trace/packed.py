"""Fingerprints of lines as they are kept in the cache: 64-bit numbers in a row."""

from array import array
from collections.abc import Iterable, Iterator, Sequence

from gittrace.trace.fingerprint import FileLines, Line, Run
from gittrace.trace.work import Written

_BITS = 64
# exact, skeleton, weight, number of the origin, whether it stands
_WRITTEN = 5
_LINE = 3


def signed(number: int) -> int:
    """Return the number that sqlite keeps for 64 bits without a sign."""
    return number - (1 << _BITS) if number >> (_BITS - 1) else number


def pack_written(lines: Iterable[tuple[Written, int]]) -> bytes:
    """Pack lines that a trace wrote, each with the number of its origin."""
    return array("Q", [part for one, origin in lines for part in (*one.line, origin, one.stands)]).tobytes()


def unpack_written(data: bytes) -> Iterator[tuple[Line, int, bool]]:
    """Yield each line, the number of its origin, and whether it stands."""
    parts = array("Q", data)
    for at in range(0, len(parts), _WRITTEN):
        exact, skeleton, weight, origin, stands = parts[at : at + _WRITTEN]
        yield Line(exact, skeleton, weight), origin, bool(stands)


def pack_lines(lines: FileLines) -> bytes:
    """Pack what a commit does to the lines of a file."""
    parts = [len(lines.added), len(lines.removed)]
    for run, key in zip(lines.added, lines.keys, strict=True):
        number = int(key or "0", 16)
        parts += (len(run), number >> _BITS, number & ((1 << _BITS) - 1))
    parts += map(len, lines.removed)
    parts += [part for run in (*lines.added, *lines.removed) for line in run for part in line]
    return array("Q", parts).tobytes()


def unpack_lines(data: bytes) -> FileLines:
    """Return what `pack_lines` was given."""
    parts = array("Q", data).tolist()
    added, removed = parts[:2]
    at = 2
    sizes, keys = [], []
    for _ in range(added):
        size, high, low = parts[at : at + 3]
        sizes.append(size)
        keys.append(f"{high << _BITS | low:032x}" if high or low else "")
        at += 3
    sizes += parts[at : at + removed]
    at += removed
    runs = []
    for size in sizes:
        runs.append(_run(parts[at : at + size * _LINE]))
        at += size * _LINE
    return FileLines(tuple(runs[:added]), tuple(runs[added:]), tuple(keys))


def _run(parts: Sequence[int]) -> Run:
    return tuple(map(Line, parts[::3], parts[1::3], parts[2::3]))
