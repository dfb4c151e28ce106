"""The moments at which something was learned of a file, and which of them may have led to something."""

from collections.abc import Callable

from gittrace.trace.versions import When

Allowed = Callable[[When], bool]


def always(_: When) -> bool:
    """Allow all that has happened."""
    return True


class Moments:
    """They have numbers, from 0, in order of time."""

    def __init__(self) -> None:
        self.whens: list[When] = []

    def number(self, when: When) -> int:
        """Return the number of the moment of a step; the last one's, or the next."""
        if not self.whens or self.whens[-1] is not when:
            self.whens.append(when)
        return len(self.whens) - 1

    def allowed(self, allowed: Allowed) -> bytes:
        """Return by number 1 where a moment is allowed, else 0; what is not there is not allowed."""
        if allowed is always:
            return b"\1" * len(self.whens)
        return bytes(map(allowed, self.whens)).rstrip(b"\0")


def holds(allowed: bytes, number: int) -> bool:
    """Tell whether a moment is among those allowed."""
    return number < len(allowed) and allowed[number] == 1
