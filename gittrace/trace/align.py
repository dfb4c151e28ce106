"""Which lines of one text are which of another: exact or changed in their white space only. Pure.

Anchors are lines that both texts hold once (as in patience diff); between anchors it begins anew, and from an anchor
it goes on as long as neighbours are the same. A line that is not unique and has no such neighbour stays unmatched: a
lone brace is nobody's proof.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import compress
from typing import cast

from gittrace.trace.fingerprint import bones_of, line_of

Text = bytes | None
#: letters and digits from which on lines elsewhere were moved there, and not written anew (as for `git blame -M`)
MOVED = 20
# letters and digits from which on a run of lines says something, though none of them does
_TELLING_RUN = 12
# tells whether an index is that of a match
_MATCHES = (-1).__lt__


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
    todo = [(0, len(old), 0, len(new))]
    while todo:
        old_start, old_end, new_start, new_end = todo.pop()
        same = alike(old, old_start, new, new_start, min(old_end - old_start, new_end - new_start))
        found[new_start : new_start + same] = range(old_start, old_start + same)
        old_start, new_start = old_start + same, new_start + same
        same = alike_before(old, old_end, new, new_end, min(old_end - old_start, new_end - new_start))
        old_end, new_end = old_end - same, new_end - same
        found[new_end : new_end + same] = range(old_end, old_end + same)
        if old_start == old_end or new_start == new_end:
            continue
        anchors = _anchors(old, new, old_start, old_end, new_start, new_end)
        for (old_at, new_at), (old_to, new_to) in zip(anchors, [*anchors[1:], (old_end, new_end)], strict=False):
            found[new_at] = old_at
            # most anchors stand beside the next one
            if old_at + 1 < old_to and new_at + 1 < new_to:
                todo.append((old_at + 1, old_to, new_at + 1, new_to))
        if anchors:
            todo.append((old_start, anchors[0][0], new_start, anchors[0][1]))
    return found


def formatted(old: Sequence[Text], new: Sequence[bytes]) -> Iterator[tuple[int, int]]:
    """Yield (index in `new`, index in `old`) of keys that say the same, in order, but for what formatters change."""
    bones = [bones_of(text) for text in new]
    for at, source in enumerate(align([text and bones_of(text) for text in old], bones)):
        if source >= 0 and bones[at]:
            yield at, source


def alike(one: Sequence[Text], at: int, other: Sequence[Text], start: int, most: int) -> int:
    """Return how many of the next `most` lines are the same: those from `at` on, and from `start` on."""
    return _longest(most, lambda done, to: one[at + done : at + to] == other[start + done : start + to])


def alike_before(one: Sequence[Text], end: int, other: Sequence[Text], until: int, most: int) -> int:
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


def _anchors(
    old: Sequence[Text], new: Sequence[Text], old_start: int, old_end: int, new_start: int, new_end: int
) -> list[tuple[int, int]]:
    """Return the longest rising series of (old, new) indexes of lines that are there once on both sides."""
    at_new = unique(new, new_start, new_end)
    pairs = [(at_old, at_new[text]) for text, at_old in unique(old, old_start, old_end).items() if text in at_new]
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


def unique(texts: Sequence[Text], start: int, end: int) -> dict[bytes, int]:
    """Return the keys that say anything at all and are there once between two indexes, with their index, in order."""
    part = texts[start:end]
    found = dict(zip(part, range(start, end), strict=True))
    if len(found) < len(part):
        counts = Counter(part)
        found = {text: at for text, at in found.items() if counts[text] == 1}
    found.pop(b"", None)
    found.pop(None, None)
    return cast(dict[bytes, int], found)


def once(texts: Sequence[Text]) -> set[int]:
    """Return the indexes of the keys that are there once."""
    return set(unique(texts, 0, len(texts)).values())


def runs(match: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of an alignment that are consecutive on both sides."""
    start = 0
    for at in range(1, len(match) + 1):
        if at == len(match) or match[at] != match[at - 1] + 1 or match[at - 1] < 0:
            if match[start] >= 0:
                yield start, at
            start = at


def trusted(match: list[int], new: Sequence[Text], similar: float = 0.5) -> list[int]:
    """Return an alignment without the runs that prove nothing.

    Texts of which a part of `similar` matches are versions of one file: there all of it counts.
    """
    matched = sum(map(bool, compress(new, map(_MATCHES, match))))
    if matched >= similar * max(sum(map(bool, new)), 1):
        return match
    said = [text or b"" for text in new]
    kept = [-1] * len(match)
    for start, end in runs(match):
        if says_something(said[start:end]):
            kept[start:end] = match[start:end]
    return kept
