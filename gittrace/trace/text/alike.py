"""How far two texts are the same, from a place on or back from it. Pure."""

from collections.abc import Sequence

Text = bytes | None
# lines by what they say, or by the letters of that (see `gittrace.trace.text.lines`); or the bytes of a content
Row = Sequence[Text] | str | bytes
# what is compared first, and what at once: longer pieces have to be given new memory each time
_FIRST = 1 << 8
_LONGEST = 1 << 15


def alike(one: Row, at: int, other: Row, start: int, most: int) -> int:
    """Return how many of the next `most` lines are the same: those from `at` on, and from `start` on."""
    return _longest(one, at, other, start, most, False)


def alike_before(one: Row, end: int, other: Row, until: int, most: int) -> int:
    """Return how many of the last `most` lines are the same: those before `end`, and before `until`."""
    return _longest(one, end, other, until, most, True)


def _longest(one: Row, at: int, other: Row, start: int, most: int, back: bool) -> int:
    """Return how far two are the same, `most` at the most: longer stretches as long as they are, then halves."""
    done, step, grows = 0, min(most >> 5, _FIRST) or 1, True
    while done < most:
        to = done + step if grows else (done + most + 1) >> 1
        if to > most:
            to = most
        if back:
            is_same = one[at - to : at - done] == other[start - to : start - done]
        else:
            is_same = one[at + done : at + to] == other[start + done : start + to]
        if is_same:
            done, step = to, min(step * 4, _LONGEST) if grows else 0
        else:
            most, grows = to - 1, False
    return done
