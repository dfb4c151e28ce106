"""What each file is known to have held: the versions that steps made of it, in order of time."""

from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from typing import NamedTuple

from gittrace.trace.authorship.moments import Moments, holds
from gittrace.trace.authorship.versions import Version, When
from gittrace.trace.text.fingerprint import bones_of

# so many of the bones of a line are looked for first: those from its first few bytes on, at every so many places
_FIRST = 9
_APART = 4


class Born(NamedTuple):
    """What a line said of which it is known who wrote it: since which version, and the bones of it."""

    since: int
    bones: bytes


class States:
    """The versions of one file. They have numbers, from 0.

    keys  what its lines ever said, and since which version
    born  what those lines ever said of which it is known who wrote them
    """

    def __init__(self, moments: Moments) -> None:
        self.keys: dict[bytes, int] = {}
        self.born: dict[bytes, Born] = {}
        # what was born, by pieces of its bones, None where there are fewer
        self._by_bones: dict[bytes | None, list[bytes]] = {}
        # the lines of all versions (see `Shelf`)
        self._lines: set[int] = set()
        self._moments = moments
        self._versions: list[Version] = []
        # by version, the number of its moment
        self._at: list[int] = []
        # by session
        self._of: dict[str, list[int]] = {}

    def add(self, version: Version, when: When, indexes: Iterable[int] | None) -> None:
        """Add the newest one; `indexes` are those of lines that the one before had not, None for what may be all."""
        number = len(self._versions)
        lines = set(version.numbers) if indexes is None else {version.numbers[at] for at in indexes}
        lines -= self._lines
        self._lines |= lines
        for line in sorted(lines):
            text = version.shelf.keys[line]
            if text is not None:
                self.keys.setdefault(text, number)
                if version.shelf.births[line] and text not in self.born:
                    self._bear(text, number)
        self._of.setdefault(when.session_id, []).append(number)
        self._versions.append(version)
        self._at.append(self._moments.number(when))

    def _bear(self, text: bytes, number: int) -> None:
        bones = bones_of(text)
        self.born[text] = Born(number, bones)
        is_long = len(bones) >= _FIRST + _APART - 1
        for piece in {bones[at : at + _FIRST] for at in range(_APART)} if is_long else (None,):
            self._by_bones.setdefault(piece, []).append(text)

    def born_within(self, bones: bytes) -> Iterator[bytes]:
        """Yield what was born of which the bones are part of these."""
        pieces: set[bytes | None] = {bones[at : at + _FIRST] for at in range(0, len(bones) - _FIRST + 1, _APART)}
        found = {text for piece in (pieces & self._by_bones.keys()) | {None} for text in self._by_bones.get(piece, ())}
        yield from (text for text in found if self.born[text].bones in bones)

    @property
    def latest(self) -> Version | None:
        """The last of all."""
        return self._versions[-1] if self._versions else None

    def newest(self, allowed: bytes) -> Version | None:
        """Return the newest of the versions that are allowed (see `Moments.allowed`)."""
        until = bisect_left(self._at, len(allowed))
        return next((self._versions[number] for number in range(until - 1, -1, -1) if allowed[self._at[number]]), None)

    def last(self, sessions: Collection[str], allowed: bytes) -> list[tuple[int, Version]]:
        """Return the last allowed one of each session with its number, the newest first."""
        found = []
        for session in sessions:
            for number in reversed(self._of.get(session, ())):
                if holds(allowed, self._at[number]):
                    found.append((number, self._versions[number]))
                    break
        return sorted(found, key=lambda item: -item[0])
