"""Which lines of one text are which of another: exact or changed in their white space only. Pure.

Anchors are lines that both texts hold once (as in patience diff); between anchors it begins anew, and from an anchor
it goes on as long as neighbours are the same. A line that is not unique and has no such neighbour stays unmatched: a
lone brace is nobody's proof.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from gittrace.trace.text.fingerprint import bones_of, line_of

Text = bytes | None
# lines by what they say, or by the letters of that (see `gittrace.trace.text.lines`)
Row = Sequence[Text] | str | bytes
#: the letter of lines that say nothing
BLANK = "\0"
#: letters and digits from which on lines elsewhere were moved there, and not written anew (as for `git blame -M`)
MOVED = 20
# letters and digits from which on a run of lines says something, though none of them does
_TELLING_RUN = 12


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
    return line_of(text).telling


def says_something(some: Iterable[bytes]) -> bool:
    """Tell whether a run of keys does."""
    said = 0
    for text in some:
        line = line_of(text)
        said += line.weight
        if line.telling or said >= _TELLING_RUN:
            return True
    return False


def weight(some: Iterable[bytes]) -> int:
    """Return how many letters and digits lines have, given as keys, that say where they come from."""
    return sum(line_of(text).weight for text in some)


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


def alike(one: Row, at: int, other: Row, start: int, most: int) -> int:
    """Return how many of the next `most` lines are the same: those from `at` on, and from `start` on."""
    return _longest(most, lambda done, to: one[at + done : at + to] == other[start + done : start + to])


def alike_before(one: Row, end: int, other: Row, until: int, most: int) -> int:
    """Return how many of the last `most` lines are the same: those before `end`, and before `until`."""
    return _longest(most, lambda done, to: one[end - to : end - done] == other[until - to : until - done])


def _longest(most: int, is_same: Callable[[int, int], bool]) -> int:
    """Return how far something goes on, `most` at the most: stretches are tried, longer ones as long as they hold."""
    done, step = 0, 1
    grows = True
    while done < most:
        step = min(step, most - done)
        if is_same(done, done + step):
            done += step
        else:
            most, grows = done + step - 1, False
        step = step * 2 if grows else max((most - done) // 2, 1)
    return done


def _anchors(old: Row, new: Row, old_start: int, old_end: int, new_start: int, new_end: int) -> list[tuple[int, int]]:
    """Return the longest rising series of (old, new) indexes of lines that are there once on both sides."""
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
