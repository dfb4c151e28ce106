"""What was found in a text, and what of it is taken: secrets that overlap are one, and none touches a placeholder."""

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from typing import NamedTuple

from gittrace.protect.rules import LONGEST, Rule

PLACEHOLDER = re.compile(rb"\[REDACTED:[a-z0-9-]{1,40}:[0-9a-f]{8}\]")

OPENING = b"[REDACTED:"
"""What every placeholder begins with."""


class Found(NamedTuple):
    """A secret at `start` to `end` of the buffer; `rank` is the place of its rule in the table, `at` of its keyword."""

    start: int
    end: int
    rank: int
    at: int


class Taken:
    """Places of a text that are taken: what was redacted before."""

    def __init__(self, places: Sequence[tuple[int, int]]) -> None:
        self._places = places
        self._begins = [start for start, _ in places]

    def __bool__(self) -> bool:
        return bool(self._places)

    def blanked(self, buf: bytes) -> bytes:
        """Return a text with as many bytes in these places, in which no keyword is."""
        parts: list[bytes] = []
        at = 0
        for start, end in self._places:
            parts += buf[at:start], _blank(end - start)
            at = end
        return b"".join([*parts, buf[at:]])

    def leaves(self, one: Found) -> bool:
        """Tell whether a secret and its keyword touch none of the places."""
        # the last that begins in front of its end
        at = bisect_left(self._begins, one.end) - 1
        return at < 0 or self._places[at][1] <= min(one.at, one.start)

    def with_room(self, buf: bytes, keywords: Sequence[int], rule: Rule) -> Sequence[int]:
        """Return where keywords begin, without those that have no room for a secret beside what is taken."""
        room, closed = rule.room, rule.closed
        if not room:
            return keywords
        if room < 0:
            behind = {end for _, end in self._places}
            return [pos for pos in keywords if pos not in behind]
        ends = [*self._begins, len(buf)]
        out, at = [], 0
        for pos in keywords:
            while ends[at] < pos:
                at += 1
            end = ends[at]
            if end - pos >= room and (not closed or buf.find(closed, pos + room, end) >= 0):
                out.append(pos)
        return out


@cache
def _blank(size: int) -> bytes:
    return b"[" + b"\x01" * (size - 2) + b"]"


def merged(found: Iterable[Found]) -> list[Found]:
    """Return what secrets in order cover, so that nothing overlaps any more: in pieces of `LONGEST` bytes at most.

    A piece is of the best of the ranks that are in it.
    """
    out: list[Found] = []
    chain: list[Found] = []
    begin = end = rank = 0
    for one in found:
        if one[0] >= end:
            if chain:
                out += _pieces(chain, end)
                chain = []
            out.append(one)
            begin, end, rank, _ = one
            continue
        if one[1] <= end and one[2] >= rank and not chain and end - begin <= LONGEST:
            continue  # it lies in the one before, which is better
        if not chain:
            chain.append(out.pop())
        chain.append(one)
        end = max(end, one[1])
    return out + list(_pieces(chain, end)) if chain else out


def _pieces(chain: Sequence[Found], end: int) -> Iterator[Found]:
    """Yield the pieces of several, each of which begins in front of where those before it end."""
    first = chain[0]
    if end - first.start <= LONGEST:
        yield Found(first.start, end, min(one.rank for one in chain), first.at)
    else:
        for start in range(first.start, end, LONGEST):
            stop = min(end, start + LONGEST)
            yield Found(start, stop, min(one.rank for one in chain if one.start < stop and one.end > start), first.at)
