"""The moments at which something was learned of a file, and which of them may have led to something."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache

from gittrace.trace.authorship.versions import When

Allowed = Callable[[When], bool]


def always(_: When) -> bool:
    """Allow all that has happened."""
    return True


@lru_cache(1 << 16)
def seconds(at: str) -> int | None:
    """Return a time (RFC 3339) in seconds since the epoch, None where it is none."""
    try:
        return int(datetime.fromisoformat(at).timestamp())
    except ValueError:
        return None


class Sieve(ABC):
    """Tells which moments are allowed, of many at once."""

    @abstractmethod
    def __call__(self, when: When) -> bool:
        """Tell whether one is."""

    @abstractmethod
    def among(self, whens: Sequence[When]) -> bytes:
        """Return 1 for each that is, else 0; the sequence is kept for as long as this is asked, and may only grow."""


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
        found = allowed.among(self.whens) if isinstance(allowed, Sieve) else bytes(map(allowed, self.whens))
        return found.rstrip(b"\0")


def holds(allowed: bytes, number: int) -> bool:
    """Tell whether a moment is among those allowed."""
    return number < len(allowed) and allowed[number] == 1
