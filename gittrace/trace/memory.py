"""Where every line that was ever recorded stood first, so that one that comes back is known again.

A line comes back by `git stash pop`, a cherry-pick, a revert of a revert, a merge; and in a commit that no recorded
state matches (partial staging, a formatter, a rebase). It is looked for in its own file first, where one telling line
is enough; elsewhere it takes several together, which no longer stand where they were.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from gittrace.model.attribution import Writer
from gittrace.trace.align import MOVED, Text, telling, weight

# what lines must say together (characters without white space, lines) to be known in a file that they never stood in
_FAR_TELLING = 30
_FAR_LINES = 2
# births of one line in one file that are kept apart
_MOST_BIRTHS = 8


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A line as it was first written, without its line feed. Each is itself only: equal lines are born apart."""

    writer: Writer
    text: bytes


@dataclass(frozen=True, slots=True)
class When:
    """The moment of a step: its session, the number of its segment in that, and its time (RFC 3339)."""

    session_id: str
    segment: int
    at: str


@dataclass(slots=True)
class Version:
    """A file's content, line by line, in parallel lists.

    texts   without line feeds; None for one that is not known here
    keys    what the lines say (see `align.key`)
    births  None is nobody's
    when    the moment of the step that made it; None for a content that no step made
    """

    path: bytes
    texts: list[Text]
    keys: list[Text]
    births: list[Birth | None]
    when: When | None = None


Allowed = Callable[[When], bool]
Standing = Callable[[bytes], Collection[Text]]


@dataclass(frozen=True, slots=True)
class _Place:
    version: Version
    index: int
    birth: Birth | None
    when: When


class Memory:
    """The places of each telling line, by file and in all, in order of time."""

    def __init__(self) -> None:
        self._near: dict[tuple[bytes, bytes], list[_Place]] = {}
        self._far: dict[bytes, list[_Place]] = {}

    def learn(self, version: Version, indexes: Collection[int], when: When) -> None:
        """Remember lines of a version, unless they are known."""
        for at in indexes:
            text = version.keys[at]
            if text is None or not telling(text):
                continue
            place = _Place(version, at, version.births[at], when)
            _learn(self._near.setdefault((version.path, text), []), place)
            _learn(self._far.setdefault(text, []), place)

    def knows(self, path: bytes, text: bytes) -> bool:
        """Tell whether a line (as a key) stood in some file."""
        return text in self._far or (path, text) in self._near

    def recall(
        self, path: bytes, texts: Sequence[bytes], anchors: Iterable[int], wanted: Collection[int], allowed: Allowed
    ) -> dict[int, Birth | None]:
        """Return the births of those wanted lines of a content (as keys) that this file is known to have held.

        `anchors` are those that may be known by what they say alone; the others only by what stands beside them.
        `allowed` tells which moments count; a line that was born twice by then is ambiguous.
        """
        places = self._near_places(path, texts, anchors, allowed)
        return {at: place.birth for at, place in _grown(places, texts, wanted).items()}

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
        return {at: place for at in anchors if (place := _only(self._near.get((path, texts[at])), allowed))}

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


def _learn(places: list[_Place], place: _Place) -> None:
    if len(places) < _MOST_BIRTHS and all(known.birth is not place.birth for known in places):
        places.append(place)


def _only(places: list[_Place] | None, allowed: Allowed) -> _Place | None:
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
                here in wanted
                and here not in found
                and 0 <= there < len(version.keys)
                and version.keys[there] == texts[here]
            ):
                found[here] = _Place(version, there, version.births[there], anchor.when)
                here, there = here + way, there + way
    return found


def _is_beside(run: dict[int, _Place], texts: Sequence[bytes]) -> bool:
    """Tell whether a run has the same neighbour on some side here and there, or was all of the file and is again."""
    pairs = [
        (_neighbour(texts, end, way), _neighbour(run[end].version.keys, run[end].index, way))
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
