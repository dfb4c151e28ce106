"""How far two texts are the same, from a place on or back from it. Pure."""

from collections.abc import Callable, Sequence

Text = bytes | None
# lines by what they say, or by the letters of that (see `gittrace.trace.text.lines`); or the bytes of a content
Row = Sequence[Text] | str | bytes
# what is compared at once: longer pieces have to be given new memory each time
_LONGEST = 1 << 15


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
        step = min(step * 4, _LONGEST) if grows else max((most - done) // 2, 1)
    return done
