"""What is remembered of the lines of a file's contents, each told from what was told of the one before.

A line that is there once, and of which one place is remembered, is an anchor: it is known by what it says alone, and
the lines beside it are known as far as they are those that stood beside it there. So whose the lines between two
anchors are follows from these lines and anchors alone: where they are the same as before, so is what is known of them.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from gittrace.trace.authorship.memory import Near, Place, Recalled
from gittrace.trace.authorship.states import States
from gittrace.trace.authorship.versions import Shelf
from gittrace.trace.text.align import BLANK, unique
from gittrace.trace.text.alike import alike, alike_before
from gittrace.trace.text.lines import Lines
from gittrace.trace.text.splices import splices

# letters from which on it is told for all at once which are there once
_MANY = 256

# indexes of lines, both included; the lines between the anchors around them are to be looked at
_Stale = tuple[int, int]


class Successive:
    """Tells what a file is known to have held."""

    def __init__(self, near: Near, states: States, shelf: Shelf) -> None:
        self._near = near
        self._states = states
        self._shelf = shelf
        self._forget(None)

    def _forget(self, lines: Lines | None) -> None:
        """Begin with no content."""
        self._lines = lines
        self._said = ""
        self._allowed = b""
        # 1 where a line is an anchor; by letter the places of anchors
        self._anchors = bytearray()
        self._places: dict[str, Place] = {}
        self._found = Recalled.nothing(0)
        # 1 where it is known who wrote a line, and where a line says what somebody is known to have written once
        self._written = bytearray()
        self._born = bytearray()
        # by session, how many lines it wrote
        self._sessions: Counter[str] = Counter()
        # of how many of those lines the places were looked up
        self._seen = 0
        self._told = -1

    def recall(self, lines: Lines, allowed: bytes) -> Recalled:
        """Return the births of those lines of a content that the file is known to have held, as a new object.

        A line that is there once may be known by what it says alone; the others only by what stands beside them.
        `allowed` tells which moments count (see `Moments.allowed`); a line that was born twice by then is ambiguous.
        """
        told = self._shelf.told
        if self._lines is None or self._lines.alphabet is not lines.alphabet or self._told != told:
            self._forget(lines)
            self._told = told
        stale = list(self._take(lines, allowed))
        behind = -1
        for start, end in sorted(stale):
            if end > behind:
                behind = self._look(lines, max(start, behind), end)
        return Recalled(self._found.births.copy(), self._found.known.copy())

    def sessions(self) -> set[str]:
        """Return the sessions that wrote lines of the last content."""
        return {session for session, count in self._sessions.items() if count}

    def nobodys(self) -> Iterator[int]:
        """Yield the indexes of the lines of the last content that say what was written once, and have no birth."""
        size = len(self._born)
        both = int.from_bytes(self._born, "little") & ~int.from_bytes(self._written, "little")
        flags = both.to_bytes(size, "little")
        at = flags.find(1)
        while at >= 0:
            yield at
            at = flags.find(1, at + 1)

    def _take(self, lines: Lines, allowed: bytes) -> Iterator[_Stale]:
        """Take in a content, and yield which parts of it are to be looked at."""
        before, said = self._said, lines.said
        touched: set[str] = set()
        parts = lines.after(self._lines) if before and self._lines else splices(before, said)
        for one in reversed(parts):
            touched.update(before[one.old : one.old_end], said[one.new : one.new_end])
            size = one.new_end - one.new
            self._anchors[one.old : one.old_end] = bytes(size)
            self._count(one.old, one.old_end, -1)
            self._found.births[one.old : one.old_end] = [None] * size
            self._found.known[one.old : one.old_end] = bytes(size)
            self._written[one.old : one.old_end] = bytes(size)
            self._born[one.old : one.old_end] = bytes(
                [key in self._states.born for key in lines.keys(one.new, one.new_end)]
            )
            yield one.new - 1, one.new_end
        touched.update(self._learned(lines, allowed))
        touched.discard(BLANK)
        self._lines, self._said, self._allowed = lines, said, allowed
        self._bear(lines)
        once = unique(said) if len(touched) > _MANY else None
        for letter in touched:
            yield from self._anchor(letter, said.find(letter) if once is None else once.get(letter, -1), once is None)

    def _bear(self, lines: Lines) -> None:
        """Find the lines that say what was written since the content before."""
        for text in islice(self._states.born, self._seen, None):
            letter = lines.alphabet.said(text)
            at = lines.said.find(letter) if letter else -1
            while letter and at >= 0:
                self._born[at] = 1
                at = lines.said.find(letter, at + 1)
        self._seen = len(self._states.born)

    def _count(self, start: int, end: int, by: int) -> None:
        for birth in filter(None, self._found.births[start:end]):
            self._sessions[birth.writer.session_id] += by

    def _learned(self, lines: Lines, allowed: bytes) -> Iterator[str]:
        """Yield the letters of what was learned at moments that are allowed now and were not before, or otherwise."""
        if allowed == self._allowed:
            return
        learned = self._near.learned
        longer, shorter = sorted((allowed, self._allowed), key=len, reverse=True)
        same = alike(longer, 0, shorter, 0, len(shorter))
        for moment, is_allowed in enumerate(longer[same : len(learned)], same):
            if is_allowed != (moment < len(shorter) and shorter[moment]):
                for text in learned[moment]:
                    if letter := lines.alphabet.said(text):
                        yield letter

    def _anchor(self, letter: str, first: int, may_repeat: bool) -> Iterator[_Stale]:
        """Find out anew whether what a line says makes it an anchor, given where it is said first (-1: nowhere)."""
        said = self._said
        is_once = first >= 0 and not (may_repeat and said.find(letter, first + 1) >= 0)
        place = None
        if is_once and self._lines:
            place = self._near.place(self._lines.key(first), self._allowed)
        before = self._places.get(letter)
        if place is before and (place is None or self._anchors[first]):
            return
        if before:
            at = said.find(letter)
            while at >= 0:
                if self._anchors[at]:
                    self._anchors[at] = 0
                    yield at - 1, at + 1
                at = said.find(letter, at + 1)
            del self._places[letter]
        if place:
            self._anchors[first] = 1
            self._places[letter] = place
            yield first - 1, first + 1

    def _look(self, lines: Lines, start: int, end: int) -> int:
        """Find out whose lines are, from the anchor before `start` to the one behind `end`; return that one's index."""
        low = self._anchors.rfind(1, 0, start + 1)
        high = self._anchors.find(1, max(end, 0))
        high = lines.size if high < 0 else high
        size = high - low - 1
        first, last = max(low, 0), min(high + 1, lines.size)
        self._count(first, last, -1)
        self._found.births[low + 1 : high] = [None] * size
        self._found.known[low + 1 : high] = bytes(size)
        keys = lines.keys(low + 1, high)
        behind = low + 1
        at = low if low >= 0 else self._anchors.find(1, 0, high)
        if low < 0 and at < 0:
            at = high
        while at < high:
            place = self._places[self._said[at]]
            self._found.put(at, [place.birth])
            self._back(place, at, at - behind, keys, low + 1)
            after = self._anchors.find(1, at + 1, high)
            after = high if after < 0 else after
            behind = at + 1 + self._forth(place, at, after - at - 1, keys, low + 1)
            at = after
        if high < lines.size:
            place = self._places[self._said[high]]
            self._found.put(high, [place.birth])
            self._back(place, high, high - behind, keys, low + 1)
        self._written[first:last] = bytes(map(bool, self._found.births[first:last]))
        self._count(first, last, 1)
        return high

    def _back(self, place: Place, at: int, most: int, keys: Sequence[bytes], first: int) -> None:
        """Say whose the lines before an anchor are, `most` of them at the most; `keys` are of lines from `first` on."""
        most = min(most, place.line)
        if most > 0:
            there = place.line
            same = alike_before(place.version.keys(there - most, there), most, keys, at - first, most)
            self._found.put(at - same, place.version.births(there - same, there))

    def _forth(self, place: Place, at: int, most: int, keys: Sequence[bytes], first: int) -> int:
        """Say whose the lines behind an anchor are, and return how many of them are known."""
        most = min(most, place.version.size - place.line - 1)
        if most <= 0:
            return 0
        there = place.line + 1
        same = alike(place.version.keys(there, there + most), 0, keys, at + 1 - first, most)
        self._found.put(at + 1, place.version.births(there, there + same))
        return same
