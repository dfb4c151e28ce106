"""Where every line that was ever recorded stood first, so that one that comes back is known again.

A line comes back by `git stash pop`, a cherry-pick, a revert of a revert, a merge; and in a commit that no recorded
state matches (partial staging, a formatter, a rebase). It is looked for in its own file first, where one telling line
is enough; elsewhere it takes several together, which no longer stand where they were.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

from gittrace.trace.align import MOVED, Text, alike, alike_before, telling, unique, weight
from gittrace.trace.states import Allowed
from gittrace.trace.versions import Birth, Version, When

# what lines must say together (characters without white space, lines) to be known in a file that they never stood in
_FAR_TELLING = 30
_FAR_LINES = 2
# births of one line in one file that are kept apart
_MOST_BIRTHS = 8


Standing = Callable[[bytes], Collection[Text]]


@dataclass(frozen=True, slots=True)
class _Place:
    version: Version
    index: int
    birth: Birth | None
    when: When


@dataclass(slots=True)
class Recalled:
    """What is known of the lines of a content, in parallel lists.

    births  None is nobody's, or not known
    known   1 where it is known whose a line is, nobody's included
    """

    births: list[Birth | None]
    known: bytearray

    @classmethod
    def nothing(cls, size: int) -> Self:
        """Return what is known of so many lines at first."""
        return cls([None] * size, bytearray(size))

    def put(self, start: int, births: Sequence[Birth | None]) -> None:
        """Say whose lines are, from one on."""
        end = start + len(births)
        self.births[start:end] = births
        self.known[start:end] = b"\1" * len(births)

    def unknown(self) -> Iterator[int]:
        """Yield the indexes of lines that are not known, in order: most are, in a long file."""
        at = self.known.find(0)
        while at >= 0:
            yield at
            at = self.known.find(0, at + 1)


class Memory:
    """The places of each telling line, by file and in all, in order of time."""

    def __init__(self) -> None:
        self._near: dict[bytes, dict[bytes, tuple[_Place, ...]]] = {}
        self._far: dict[bytes, tuple[_Place, ...]] = {}

    def learn(self, version: Version, indexes: Collection[int], when: When) -> None:
        """Remember lines of a version, unless they are known."""
        near = self._near.setdefault(version.path, {}) if indexes else {}
        for at in indexes:
            text = version.key(at)
            if text is None or not telling(text):
                continue
            place = _Place(version, at, version.birth(at), when)
            _learn(near, text, place)
            _learn(self._far, text, place)

    def knows(self, text: bytes) -> bool:
        """Tell whether a line (as a key) stood in some file."""
        return text in self._far

    def recall(self, path: bytes, said: Sequence[bytes], allowed: Allowed) -> Recalled:
        """Return the births of those lines of a content (as keys) that this file is known to have held.

        A line that is there once may be known by what it says alone; the others only by what stands beside them.
        `allowed` tells which moments count; a line that was born twice by then is ambiguous.
        """
        found = Recalled.nothing(len(said))
        near = self._near.get(path)
        if not near:
            return found
        places = unique(said, 0, len(said))
        known = ((places[text], _only(near[text], allowed)) for text in places.keys() & near.keys())
        anchors = sorted(((at, place) for at, place in known if place), key=lambda pair: pair[0])
        for at, place in anchors:
            found.put(at, [place.birth])
        behind = 0
        for (at, place), before in zip(anchors, [*(at for at, _ in anchors[1:]), len(said)], strict=False):
            version, there = place.version, place.index
            most = min(at - behind, there)
            if most > 0:
                same = alike_before(version.keys(there - most, there), most, said, at, most)
                found.put(at - same, version.births(there - same, there))
            most = min(before - at - 1, version.size - there - 1)
            same = 0
            if most > 0:
                same = alike(version.keys(there + 1, there + 1 + most), 0, said, at + 1, most)
                found.put(at + 1, version.births(there + 1, there + 1 + same))
            behind = at + 1 + same
        return found

    def recall_back(
        self, path: bytes, texts: Sequence[bytes], anchors: Iterable[int], wanted: Collection[int], allowed: Allowed
    ) -> dict[int, Birth | None]:
        """Return the same for lines that somebody put there now: without those that may as well be written anew.

        A short run came back only where it stands beside something that it stood beside before.
        """
        found: dict[int, Birth | None] = {}
        for run in _runs(_grown(self._near_places(path, texts, anchors, allowed), texts, wanted)):
            if weight(texts[at] for at in run) >= MOVED or _is_beside(run, texts):
                found.update((at, place.birth) for at, place in run.items())
        return found

    def _near_places(
        self, path: bytes, texts: Sequence[bytes], anchors: Iterable[int], allowed: Allowed
    ) -> dict[int, _Place]:
        near = self._near.get(path, {})
        return {at: place for at in anchors if (place := _only(near.get(texts[at]), allowed))}

    def recall_far(
        self,
        path: bytes,
        texts: Sequence[bytes],
        anchors: Iterable[int],
        wanted: Collection[int],
        allowed: Allowed,
        standing: Standing,
    ) -> dict[int, Birth | None]:
        """Return the births of wanted lines that stood in other files; `standing` returns the keys of a file now.

        What still stands there was copied, which is writing.
        """
        held: dict[bytes, Collection[Text]] = {}
        places = {}
        for at in anchors:
            place = _only(self._far.get(texts[at]), allowed)
            if place is None or place.version.path == path:
                continue
            there = place.version.path
            if there not in held:
                held[there] = frozenset(standing(there))
            if texts[at] not in held[there]:
                places[at] = place
        found: dict[int, Birth | None] = {}
        for run in _runs(_grown(places, texts, wanted)):
            said = [texts[at] for at in run if texts[at]]
            if len(said) >= _FAR_LINES and sum(map(len, said)) >= _FAR_TELLING:
                found.update((at, place.birth) for at, place in run.items())
        return found


def _learn(places: dict[bytes, tuple[_Place, ...]], text: bytes, place: _Place) -> None:
    known = places.get(text, ())
    if len(known) < _MOST_BIRTHS and all(one.birth is not place.birth for one in known):
        places[text] = (*known, place)


def _only(places: tuple[_Place, ...] | None, allowed: Allowed) -> _Place | None:
    """Return the one place that is allowed, None when there are several: what came later makes nothing ambiguous."""
    known = [place for place in places or () if allowed(place.when)]
    return known[0] if len(known) == 1 else None


def _grown(places: dict[int, _Place], texts: Sequence[bytes], wanted: Collection[int]) -> dict[int, _Place]:
    """Return the places, and those of the wanted neighbours that stood beside them there."""
    found = dict(places)
    for at, anchor in places.items():
        for way in (1, -1):
            here = at + way
            if here in found or here not in wanted:
                continue  # as most are, in a long file
            there = anchor.index + way
            version = anchor.version
            while (
                here in wanted and here not in found and 0 <= there < version.size and version.key(there) == texts[here]
            ):
                found[here] = _Place(version, there, version.birth(there), anchor.when)
                here, there = here + way, there + way
    return found


def _is_beside(run: dict[int, _Place], texts: Sequence[bytes]) -> bool:
    """Tell whether a run has the same neighbour on some side here and there, or was all of the file and is again."""
    pairs = [
        (_neighbour(texts, end, way), _neighbour(run[end].version.keys(), run[end].index, way))
        for end, way in ((min(run), -1), (max(run), 1))
    ]
    return any(here and here == there for here, there in pairs) or not any(here or there for here, there in pairs)


def _neighbour(texts: Sequence[Text], at: int, way: int) -> Text:
    """Return the next line that isn't blank, nothing at the end of the file."""
    at += way
    while 0 <= at < len(texts) and texts[at] == b"":
        at += way
    return texts[at] if 0 <= at < len(texts) else b""


def _runs(places: dict[int, _Place]) -> list[dict[int, _Place]]:
    """Return stretches of lines that follow each other here and there."""
    runs: list[dict[int, _Place]] = []
    last = -2
    for at in sorted(places):
        place = places[at]
        before = runs[-1].get(last) if runs else None
        if at == last + 1 and before and before.version is place.version and place.index == before.index + 1:
            runs[-1][at] = place
        else:
            runs.append({at: place})
        last = at
    return runs
