"""Which lines of one text are which of another: exact or changed in their white space only. Pure.

Anchors are lines that both texts hold once (as in patience diff); between anchors it begins anew, and from an anchor
it goes on as long as neighbours are the same. A line that is not unique and has no such neighbour stays unmatched: a
lone brace is nobody's proof.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, NamedTuple

from gittrace.trace.text.alike import Row, Text, alike, alike_before
from gittrace.trace.text.fingerprint import TELLING, TELLING_RUN, bones_of, weight_of
from gittrace.trace.text.splices import Splice, splices

#: the letter of lines that say nothing
BLANK = "\0"
#: letters and digits from which on lines elsewhere were moved there, and not written anew (as for `git blame -M`)
MOVED = 20
# rows of more letters are looked into for anchors only where they are not the same, unless that takes so many looks
_LONG = 256
_MOST_LOOKS = 128


class Stretch(NamedTuple):
    """Lines that are the same in two texts: where they begin in either, and how many they are."""

    old: int
    new: int
    size: int

    @property
    def old_end(self) -> int:
        """Where they end in the old text."""
        return self.old + self.size

    @property
    def new_end(self) -> int:
        """Where they end in the new one."""
        return self.new + self.size


def key(line: bytes) -> bytes:
    """Return what a line says: itself without white space, so that indentation and line ends don't count."""
    return b"".join(line.split())


def keys(lines: Sequence[Text]) -> list[Text]:
    """Return the keys of lines; a line that is not known has none."""
    return [None if line is None else key(line) for line in lines]


@lru_cache(maxsize=1 << 16)
def telling(text: bytes) -> bool:
    """Tell whether a key says where it comes from: `returnNone` is in every project."""
    return weight_of(text) >= TELLING


def says_something(some: Iterable[bytes]) -> bool:
    """Tell whether a run of keys does."""
    said = 0
    for text in some:
        letters = weight_of(text)
        said += letters
        if letters >= TELLING or said >= TELLING_RUN:
            return True
    return False


def weight(some: Iterable[bytes]) -> int:
    """Return how many letters and digits lines have, given as keys, that say where they come from."""
    return sum(map(weight_of, some))


def align(old: Sequence[Text], new: Sequence[Text]) -> list[int]:
    """Return for each key of `new` the index of its match in `old`, -1 where there is none. Matches keep the order.

    One of the two must be known to its last line: what isn't matches nothing.
    """
    found = [-1] * len(new)
    for old_at, new_at, size in _stretches(old, new):
        found[new_at : new_at + size] = range(old_at, old_at + size)
    return found


def aligned(old: str, new: str) -> list[Stretch]:
    """Return the same for rows of letters (`gittrace.trace.text.lines`): what is the same in both, in order."""
    found: list[Stretch] = []
    for one in sorted(_stretches(old, new)):
        if found and found[-1].old_end == one.old and found[-1].new_end == one.new:
            found[-1] = Stretch(found[-1].old, found[-1].new, found[-1].size + one.size)
        else:
            found.append(one)
    return found


def _stretches(old: Row, new: Row) -> Iterator[Stretch]:
    """Yield what matches, in no order; stretches that follow each other on both sides may be parts of one."""
    todo = [(0, len(old), 0, len(new))]
    while todo:
        old_start, old_end, new_start, new_end = todo.pop()
        same = alike(old, old_start, new, new_start, min(old_end - old_start, new_end - new_start))
        if same:
            yield Stretch(old_start, new_start, same)
            old_start, new_start = old_start + same, new_start + same
        same = alike_before(old, old_end, new, new_end, min(old_end - old_start, new_end - new_start))
        if same:
            old_end, new_end = old_end - same, new_end - same
            yield Stretch(old_end, new_end, same)
        if old_start == old_end or new_start == new_end:
            continue
        anchors = _anchors(old, new, old_start, old_end, new_start, new_end)
        number = 0
        while number < len(anchors):
            old_at, new_at = anchors[number]
            todo.append((old_start, old_at, new_start, new_at))
            # an anchor that the stretch reaches is on it
            same = alike(old, old_at, new, new_at, min(old_end - old_at, new_end - new_at))
            yield Stretch(old_at, new_at, same)
            old_start, new_start = old_at + same, new_at + same
            number = bisect_left(anchors, (old_start, -1), number)
        if anchors:
            todo.append((old_start, old_end, new_start, new_end))


def formatted(old: Sequence[Text], new: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield (index in `new`, index in `old`) of keys that say the same, in order, but for what formatters change."""
    bones = [bones_of(text) for text in new]
    for at, source in enumerate(align([text and bones_of(text) for text in old], bones)):
        if source >= 0 and bones[at]:
            yield at, source


def _anchors(old: Row, new: Row, old_start: int, old_end: int, new_start: int, new_end: int) -> list[tuple[int, int]]:
    """Return the longest rising series of (old, new) indexes of lines that are there once on both sides.

    Those of them may be left out that follow another one on both sides with no difference between.
    """
    if isinstance(old, str) and isinstance(new, str) and min(old_end - old_start, new_end - new_start) > _LONG:
        found = _first_anchors(old[old_start:old_end], new[new_start:new_end])
        if found is not None:
            return [(old_start + old_at, new_start + new_at) for old_at, new_at in found]
    at_new = unique(new[new_start:new_end], new_start)
    at_old = unique(old[old_start:old_end], old_start)
    pairs = [(at, at_new[text]) for text, at in at_old.items() if text in at_new]
    places = [at for _, at in pairs]
    if places == sorted(places):
        return pairs
    ends: list[int] = []
    tops: list[int] = []
    before = [-1] * len(pairs)
    for number, (_, at) in enumerate(pairs):
        place = bisect_left(ends, at)
        before[number] = tops[place - 1] if place else -1
        if place == len(ends):
            ends.append(at)
            tops.append(number)
        else:
            ends[place], tops[place] = at, number
    series = []
    number = tops[-1] if tops else -1
    while number >= 0:
        series.append(pairs[number])
        number = before[number]
    return series[::-1]


def _first_anchors(old: str, new: str) -> list[tuple[int, int]] | None:
    """Return the first anchor of each stretch that two rows have in common, and those between; None if that is dear.

    It is None, too, where an anchor is between other stretches here than there.
    """
    looks = 0

    def is_anchor(letter: str) -> bool:
        nonlocal looks
        looks += 1
        return letter != BLANK and old.count(letter) == 1 and new.count(letter) == 1

    found: list[tuple[int, int]] = []
    gone, come = set[str](), set[str]()
    old_at = new_at = 0
    for one in (*splices(old, new), Splice(len(old), len(old), len(new), len(new))):
        for at in range(old_at, one.old):
            if is_anchor(old[at]):
                found.append((at, new_at + at - old_at))
                break
            if looks > _MOST_LOOKS:
                return None
        mine, theirs = set(old[one.old : one.old_end]), set(new[one.new : one.new_end])
        # what is on one side here and on the other elsewhere may be an anchor that is out of its place
        if any(is_anchor(letter) for letter in (mine & come) | (theirs & gone)) or looks > _MOST_LOOKS:
            return None
        between = [letter for letter in mine & theirs if is_anchor(letter)]
        pairs = sorted((old.find(letter), new.find(letter)) for letter in between)
        if any(two[1] < one[1] for one, two in pairwise(pairs)):
            return None
        found += pairs
        gone |= mine
        come |= theirs
        old_at, new_at = one.old_end, one.new_end
    return found


def unique(part: Row, start: int = 0) -> dict[Any, int]:
    """Return the keys (or letters) that say anything at all and are there once, in order, with their index.

    The first one has the index `start`.
    """
    found: dict[Any, int] = dict(zip(part, range(start, start + len(part)), strict=True))
    if len(found) < len(part):
        counts = Counter(part)
        found = {text: at for text, at in found.items() if counts[text] == 1}
    for nothing in (b"", BLANK, None):
        found.pop(nothing, None)
    return found


def once(texts: Row) -> set[int]:
    """Return the indexes of the keys (or letters) that are there once."""
    return set(unique(texts).values())


def trusted(match: list[Stretch], new: str, keys: Sequence[bytes], similar: float = 0.5) -> list[Stretch]:
    """Return an alignment of letters without the stretches that prove nothing; `keys` is what the letters say.

    Texts of which a part of `similar` matches are versions of one file: there all of it counts.
    """
    matched = sum(one.size - new.count(BLANK, one.new, one.new_end) for one in match)
    if matched >= similar * max(len(new) - new.count(BLANK), 1):
        return match
    return [one for one in match if says_something(keys[ord(letter)] for letter in new[one.new : one.new_end])]
