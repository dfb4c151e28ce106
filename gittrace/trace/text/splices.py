"""What makes of one row of letters another: fast where most of the two is the same. Pure.

What follows from the lines around it alone need not be found out again for lines that are not in a splice.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from gittrace.trace.text.alike import alike, alike_before

# letters by which a place is known again, and how many are passed over at most to find one
_KNOWN_BY = 4
_FARTHEST = 1 << 12
# the same for lines of contents, and how far they are looked for (bytes)
_MOST_SKIPPED = 32
_WINDOWS = 1 << 12, 1 << 16


class Splice(NamedTuple):
    """Letters of the old row, and those of the new one that are in their place."""

    old: int
    old_end: int
    new: int
    new_end: int


def splices(old: str, new: str) -> list[Splice]:
    """Return what makes `new` of `old`, in order; they are right, though others may be fewer."""
    return list(_splices(old, new))


def _splices(old: str, new: str) -> Iterator[Splice]:
    at = here = 0
    while True:
        same = alike(old, at, new, here, min(len(old) - at, len(new) - here))
        at, here = at + same, here + same
        if at == len(old) and here == len(new):
            return
        there, to = _again(old, at, new, here)
        yield Splice(at, there, here, to)
        at, here = there, to


def _again(old: str, at: int, new: str, here: int) -> tuple[int, int]:
    """Return from where on the two are the same again."""
    for skipped in _steps(min(len(new) - here - _KNOWN_BY, _FARTHEST)):
        start = here + skipped
        found = old.find(new[start : start + _KNOWN_BY], at)
        if found >= 0:
            same = alike_before(old, found, new, start, min(found - at, skipped))
            return found - same, start - same
    same = alike_before(old, len(old), new, len(new), min(len(old) - at, len(new) - here))
    return len(old) - same, len(new) - same


def _steps(most: int) -> Iterator[int]:
    """Yield how many letters to pass over: at first each time one more."""
    step = 0
    while step <= most:
        yield step
        step += 1 + step // 8


def line_splices(old: bytes, new: bytes) -> Iterator[Splice]:
    """Yield the same for the bytes of contents: all that begins and ends where a line does, in either."""
    at = here = 0
    while True:
        same = alike(old, at, new, here, min(len(old) - at, len(new) - here))
        if at + same == len(old) and here + same == len(new):
            return
        whole = max(new.rfind(b"\n", here, here + same) + 1 - here, 0)
        at, here = at + whole, here + whole
        there, to = _line_again(old, at, new, here)
        yield Splice(at, there, here, to)
        at, here = there, to


def _line_again(old: bytes, at: int, new: bytes, here: int) -> tuple[int, int]:
    """Return from where on whole lines are the same again."""
    for window in _WINDOWS:
        start = here
        for _ in range(_MOST_SKIPPED):
            end = new.find(b"\n", new.find(b"\n", start) + 1) + 1
            if end <= start:
                break
            found = old.find(new[start:end], at, at + window)
            if found == at or (found > 0 and old[found - 1 : found] == b"\n"):
                return found, start
            start = new.find(b"\n", start) + 1
        if len(old) - at <= window:
            break
    same = alike_before(old, len(old), new, len(new), min(len(old) - at, len(new) - here))
    first = new.find(b"\n", len(new) - same) + 1
    same = len(new) - first if same and first else 0
    return len(old) - same, len(new) - same


def unlike(one: Sequence[object], other: Sequence[object], block: int = 64) -> Iterator[int]:
    """Yield the indexes at which two sequences of the same length have different things."""
    for start in range(0, len(one), block):
        mine, theirs = one[start : start + block], other[start : start + block]
        if mine != theirs:
            yield from (start + at for at, (a, b) in enumerate(zip(mine, theirs, strict=True)) if a != b)
