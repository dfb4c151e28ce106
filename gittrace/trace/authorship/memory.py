"""Where every line that was ever recorded stood first, so that one that comes back is known again.

A line comes back by `git stash pop`, a cherry-pick, a revert of a revert, a merge; and in a commit that no recorded
state matches (partial staging, a formatter, a rebase). It is looked for in its own file first, where one telling line
is enough; elsewhere it takes several together, which no longer stand where they were.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

from gittrace.trace.authorship.moments import Allowed, Moments, holds
from gittrace.trace.authorship.versions import Birth, Version, When
from gittrace.trace.text.align import MOVED, telling, weight
from gittrace.trace.text.alike import Text

# what lines must say together (characters without white space, lines) to be known in a file that they never stood in
_FAR_TELLING = 30
_FAR_LINES = 2
# births of one line that are kept apart, and files in which one stood
_MOST_BIRTHS = 8
_MOST_FILES = 4


# what lines say, by their indexes; those that may be asked for
Texts = Sequence[bytes] | Mapping[int, bytes]
# tells the keys of a file now, by the contents that it has under its names; none where it is gone
Standing = Callable[[bytes], Sequence[Collection[Text]]]


def nowhere(_: bytes) -> Sequence[Collection[Text]]:
    """Return nothing: what stood in a file is not known."""
    return ()


class Place(NamedTuple):
    """Where a line stood: its index in a version, whose it is, and when that was, with the moment's number."""

    version: Version
    line: int
    birth: Birth | None
    when: When
    moment: int


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

    def unknown_around(self, some: Iterable[int]) -> Iterator[range]:
        """Yield the stretches of lines that are not known in which some lines are, in order."""
        end = 0
        for at in sorted(some):
            if at >= end and not self.known[at]:
                end = self.known.find(1, at)
                end = len(self.known) if end < 0 else end
                yield range(self.known.rfind(1, 0, at) + 1, end)


class Near:
    """The places of each telling line of one file, in order of time.

    learned  by moment, what lines said that got a place then
    """

    def __init__(self) -> None:
        self.moments = Moments()
        self.learned: list[list[bytes]] = []
        self._places: dict[bytes, tuple[Place, ...]] = {}

    def learn(self, text: bytes, place: Place) -> None:
        """Remember where a line stood, unless it is known."""
        self.learned += [[] for _ in range(len(self.learned), place.moment + 1)]
        self.learned[place.moment].append(text)
        _learn(self._places, text, place)

    def places(self, text: bytes) -> tuple[Place, ...]:
        """Return the places of a line."""
        return self._places.get(text, ())

    def place(self, text: bytes, allowed: bytes) -> Place | None:
        """Return the one place that is allowed (see `Moments.allowed`), None when there are several."""
        known = [place for place in self._places.get(text, ()) if holds(allowed, place.moment)]
        return known[0] if len(known) == 1 else None


class Memory:
    """The places of each telling line, by file and in all, in order of time."""

    def __init__(self) -> None:
        self._near: dict[bytes, Near] = {}
        self._far: dict[bytes, tuple[Place, ...]] = {}

    def near(self, path: bytes) -> Near:
        """Return what is remembered of a file."""
        return self._near.setdefault(path, Near())

    def learn(self, version: Version, indexes: Collection[int], when: When) -> None:
        """Remember lines of a version, unless they are known."""
        if not indexes:
            return
        near = self.near(version.path)
        moment = near.moments.number(when)
        for at in indexes:
            text = version.key(at)
            if text is None or not telling(text):
                continue
            place = Place(version, at, version.birth(at), when, moment)
            near.learn(text, place)
            _learn_far(self._far, text, place)

    def knows(self, text: bytes) -> bool:
        """Tell whether a line (as a key) stood in some file."""
        return text in self._far

    def files(self, texts: Iterable[bytes], allowed: Allowed) -> list[bytes]:
        """Return the files in which lines (as keys) stood, if each stood in one, those with most of them first."""
        held = Counter[bytes]()
        for text in filter(self.knows, texts):
            there = {place.version.path for place in self._far[text] if allowed(place.when)}
            held.update(there if len(there) == 1 else ())
        return [path for path, _ in held.most_common()]

    def recall_back(
        self, path: bytes, texts: Sequence[bytes], anchors: Iterable[int], wanted: Collection[int], allowed: Allowed
    ) -> dict[int, Birth | None]:
        """Return the births of lines that somebody put there now, without those that may as well be written anew.

        A short run came back only where it stands beside something that it stood beside before.
        """
        found: dict[int, Birth | None] = {}
        for run in _runs(_grown(self._near_places(path, texts, anchors, allowed), texts, wanted)):
            if weight(texts[at] for at in run) >= MOVED or _is_beside(run, texts):
                found.update((at, place.birth) for at, place in run.items())
        return found

    def _near_places(
        self, path: bytes, texts: Sequence[bytes], anchors: Iterable[int], allowed: Allowed
    ) -> dict[int, Place]:
        near = self.near(path)
        return {at: place for at in anchors if (place := _only(near.places(texts[at]), allowed))}

    def recall_far(
        self,
        path: bytes,
        texts: Texts,
        anchors: Iterable[int],
        wanted: Collection[int],
        allowed: Allowed,
        standing: Standing,
        before: Standing = nowhere,
    ) -> dict[int, Birth | None]:
        """Return the births of wanted lines that stood in other files.

        What still stands there was copied, which is writing. What stood there just `before` was moved, be it one line.
        """
        held: dict[bytes, Sequence[Collection[Text]]] = {}
        places = {}
        for at in anchors:
            likely = []
            for place in _of_one(self._far.get(texts[at], ()), allowed):
                there = place.version.path
                if there not in held:
                    held[there] = standing(there) if there != path else ()
                if there != path and not any(texts[at] in said for said in held[there]):
                    likely.append(place)
            if likely:
                places[at] = max(likely, key=lambda place: _beside(place, texts, at))
        found: dict[int, Birth | None] = {}
        for run in _runs(_grown(places, texts, wanted)):
            said = [texts[at] for at in run if texts[at]]
            is_many = len(said) >= _FAR_LINES and sum(map(len, said)) >= _FAR_TELLING
            if is_many or (weight(said) >= MOVED and _stood(run, texts, before)):
                found.update((at, place.birth) for at, place in run.items())
        return found


def _stood(run: Mapping[int, Place], texts: Texts, before: Standing) -> bool:
    """Tell whether all lines of a run stood in its file just before."""
    (path,) = {place.version.path for place in run.values()}
    held = before(path)
    return all(any(texts[at] in said for said in held) for at in run)


def _learn(places: dict[bytes, tuple[Place, ...]], text: bytes, place: Place) -> None:
    known = places.get(text)
    if known is None:
        places[text] = (place,)
    elif len(known) < _MOST_BIRTHS and all(one.birth is not place.birth for one in known):
        places[text] = (*known, place)


def _learn_far(places: dict[bytes, tuple[Place, ...]], text: bytes, place: Place) -> None:
    known = places.get(text, ())
    same = {one.version.path for one in known if one.birth is place.birth}
    room = len(same) < _MOST_FILES if same else len({id(one.birth) for one in known}) < _MOST_BIRTHS
    if room and place.version.path not in same:
        places[text] = (*known, place)


def _of_one(places: tuple[Place, ...], allowed: Allowed) -> list[Place]:
    """Return the places that are allowed, none where the line was born several times."""
    known = [place for place in places if allowed(place.when)]
    return known if all(one.birth is known[0].birth for one in known) else []


def _beside(place: Place, texts: Texts, at: int) -> int:
    """Return how many of the lines next to one stood next to it in a place."""
    version = place.version
    around = [(_said(texts, at + way), place.line + way) for way in (1, -1)]
    return sum(0 <= there < version.size and version.key(there) == text for text, there in around)


def _said(texts: Texts, at: int) -> Text:
    if isinstance(texts, Mapping):
        return texts.get(at)
    return texts[at] if 0 <= at < len(texts) else None


def _only(places: tuple[Place, ...] | None, allowed: Allowed) -> Place | None:
    """Return the one place that is allowed, None when there are several: what came later makes nothing ambiguous."""
    known = [place for place in places or () if allowed(place.when)]
    return known[0] if len(known) == 1 else None


def _grown(places: dict[int, Place], texts: Texts, wanted: Collection[int]) -> dict[int, Place]:
    """Return the places, and those of the wanted neighbours that stood beside them there."""
    found = dict(places)
    for at, anchor in places.items():
        for way in (1, -1):
            here = at + way
            if here in found or here not in wanted:
                continue  # as most are, in a long file
            there = anchor.line + way
            version = anchor.version
            while (
                here in wanted and here not in found and 0 <= there < version.size and version.key(there) == texts[here]
            ):
                found[here] = Place(version, there, version.birth(there), anchor.when, anchor.moment)
                here, there = here + way, there + way
    return found


def _is_beside(run: dict[int, Place], texts: Sequence[bytes]) -> bool:
    """Tell whether a run has the same neighbour on some side here and there, or was all of the file and is again."""
    pairs = [
        (_neighbour(texts, end, way), _neighbour(run[end].version.keys(), run[end].line, way))
        for end, way in ((min(run), -1), (max(run), 1))
    ]
    return any(here and here == there for here, there in pairs) or not any(here or there for here, there in pairs)


def _neighbour(texts: Sequence[Text], at: int, way: int) -> Text:
    """Return the next line that isn't blank, nothing at the end of the file."""
    at += way
    while 0 <= at < len(texts) and texts[at] == b"":
        at += way
    return texts[at] if 0 <= at < len(texts) else b""


def _runs(places: dict[int, Place]) -> list[dict[int, Place]]:
    """Return stretches of lines that follow each other here and there."""
    runs: list[dict[int, Place]] = []
    last = -2
    for at in sorted(places):
        place = places[at]
        before = runs[-1].get(last) if runs else None
        if at == last + 1 and before and before.version is place.version and place.line == before.line + 1:
            runs[-1][at] = place
        else:
            runs.append({at: place})
        last = at
    return runs
