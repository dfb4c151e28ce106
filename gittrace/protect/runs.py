"""Where runs of bytes of one kind end: asked again and again in a dense text, so it is answered without reading on.

A regular expression takes some ten nanoseconds for each byte that it goes over, and where telling names stand close
together each would go over what the next ones do. So the text is translated once, to one byte for what is of a kind and
another for what is not, and to find the next of these takes next to nothing.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

Match = re.Match[bytes]
Search = Callable[[bytes, int], Match | None]

# so often a kind is asked for in a text before it is worth to translate all of it
_FEW = 6
KINDS = 6
"""Bytes of fewer kinds than this are poor."""
WINDOW = 4096
"""Bytes of a text that are looked at for poor ones."""


class Kind:
    """A set of bytes, from the source of a set in a regular expression: rb"[a-z0-9]"."""

    __slots__ = ("other", "table")

    def __init__(self, source: bytes) -> None:
        is_one = re.compile(source).match
        self.table = bytes(1 if is_one(bytes((byte,))) else 0 for byte in range(256))
        others = bytes(byte for byte in range(256) if not self.table[byte])
        self.other = re.compile(b"[%s]" % re.escape(others)).search


TOKEN = Kind(rb"[A-Za-z0-9_-]")
"""What tokens are made of."""

Span = tuple[int, int] | None


Within = Callable[["Runs", int], tuple[int, int]]
"""Takes a text and where a run ends; returns the first and the last place of something in the run."""


class Reader(NamedTuple):
    """What finds a secret where a keyword stands.

    read    takes a text and the place; returns where the secret begins and ends, None if there is none
    kind    of the bytes that such a secret is a run of, however long: as much of the run as it may have, from where it
            begins; None if that can't be said
    margin  a keyword so far in front of where a run ends has its secret, if any, in that run
    reach   a secret ends so far behind where its keyword begins, at most; 0 if that is very far
    within  of a secret that has all of a run of `TOKEN` from its keyword on: takes the text and where a run ends, and
            returns the first and the last place in it where a keyword may have a secret; all of these end at one place
    """

    read: "Callable[[Runs, int], Span]"
    kind: Kind | None = None
    margin: int = 0
    reach: int = 0
    within: "Within | None" = None


class Runs:
    """A text, and what is known of its runs."""

    __slots__ = ("_asked", "_flags", "_matches", "_poor", "_runs", "barren", "buf")

    def __init__(self, buf: bytes) -> None:
        self.buf = buf
        self._flags: dict[Kind, bytes] = {}
        self._asked: dict[Kind, int] = {}
        self._matches: dict[Search, tuple[int, Match | None]] = {}
        self._poor = (0, 0)
        self._runs: dict[Kind, tuple[int, int]] = {}
        self.barren: dict[object, tuple[int, int, int]] = {}

    def end(self, kind: Kind, start: int, most: int) -> int:
        """Return where a run of a kind ends that begins at `start` and is cut after `most` bytes; it may be empty."""
        stop = start + most
        flags = self._flags.get(kind) or self._translated(kind)
        if flags:
            end = flags.find(b"\0", start, stop)
        else:
            match = kind.other(self.buf, start, stop)
            end = match.start() if match else -1
        return end if end >= 0 else min(stop, len(self.buf))

    def find(self, kind: Kind, start: int, size: int) -> int:
        """Return from where on a run of so many bytes of a kind may begin, `start` or behind that; -1 if there is none.

        It begins there if that is `start`. What was asked for is remembered, so a kind goes with one size.
        """
        flags = self._flags.get(kind) or self._translated(kind)
        if not flags:
            is_run = start + size <= len(self.buf) and kind.other(self.buf, start, start + size) is None
            return start if is_run else start + 1
        low, known = self._runs.get(kind, (0, -2))
        if known == -2 or not low <= start or -1 < known < start:
            known = flags.find(b"\1" * size, start)
            self._runs[kind] = (start, known)
        return known

    def is_poor(self, start: int, end: int) -> bool:
        """Tell whether there are fewer than six different bytes from `start` to `end`."""
        low, high = self._poor
        if low <= start and end <= high:
            return True
        if len(set(self.buf[start : min(end, start + 24)])) >= KINDS:
            return False
        return end <= self.poor_end(start, end - start)

    def poor_end(self, start: int, most: int = WINDOW) -> int:
        """Return up to where there are fewer than six different bytes from `start` on; `most` or more are looked at."""
        low, high = self._poor
        if low <= start and start + most <= high:
            return high
        rest = self.buf[start : start + max(most, WINDOW)]
        stop, kinds = start + len(rest), b""
        while rest and len(kinds) < KINDS - 1:
            kinds += rest[:1]
            rest = rest.lstrip(kinds)
        # the sixth kind is where that ended
        self._poor = (start, stop - len(rest))
        return stop - len(rest)

    def next(self, search: Search, start: int) -> Match | None:
        """Return the next match of a pattern from `start` on; what was searched is not searched again."""
        known = self._matches.get(search)
        if known and known[0] <= start and (known[1] is None or start <= known[1].start()):
            return known[1]
        match = search(self.buf, start)
        self._matches[search] = (start, match)
        return match

    def _translated(self, kind: Kind) -> bytes:
        """Return what a kind's bytes are in this text; nothing as long as that is asked for a few times only."""
        asked = self._asked[kind] = self._asked.get(kind, 0) + 1
        if asked <= _FEW:
            return b""
        flags = self._flags[kind] = self.buf.translate(kind.table)
        return flags
