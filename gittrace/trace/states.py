"""What each file is known to have held: the versions that steps made of it, in order of time."""

from collections.abc import Callable, Collection, Iterable
from itertools import compress
from typing import NamedTuple

from gittrace.trace.fingerprint import bones_of
from gittrace.trace.versions import Version, When

Allowed = Callable[[When], bool]


class Born(NamedTuple):
    """What a line said of which it is known who wrote it: since which version, and the bones of it."""

    since: int
    bones: bytes


class States:
    """The versions of one file. They have numbers, from 0.

    keys  what its lines ever said, and since which version
    born  what those lines ever said of which it is known who wrote them
    """

    def __init__(self) -> None:
        self.keys: dict[bytes, int] = {}
        self.born: dict[bytes, Born] = {}
        self._versions: list[Version] = []
        # by session
        self._of: dict[str, list[int]] = {}

    def add(self, version: Version, when: When, indexes: Iterable[int] | None) -> None:
        """Add the newest one; `indexes` are those of lines that the one before had not, None for what may be all."""
        number = len(self._versions)
        if indexes is None:
            keys = set(version.each_key())
            born = set(compress(version.each_key(), version.each_birth()))
        else:
            lines = [(version.key(at), version.birth(at)) for at in indexes]
            keys = {text for text, _ in lines}
            born = {text for text, birth in lines if birth}
        self.keys.update((text, number) for text in keys - self.keys.keys() if text is not None)
        new = born - self.born.keys()
        self.born.update((text, Born(number, bones_of(text))) for text in new if text is not None)
        self._of.setdefault(when.session_id, []).append(number)
        self._versions.append(version)

    def newest(self, allowed: Allowed) -> Version | None:
        """Return the newest of the versions that are allowed."""
        return next((one for one in reversed(self._versions) if one.when and allowed(one.when)), None)

    def last(self, sessions: Collection[str], allowed: Allowed) -> list[tuple[int, Version]]:
        """Return the last allowed one of each session with its number, the newest first."""
        found = []
        for session in sessions:
            for number in reversed(self._of.get(session, ())):
                version = self._versions[number]
                if version.when and allowed(version.when):
                    found.append((number, version))
                    break
        return sorted(found, key=lambda item: -item[0])
