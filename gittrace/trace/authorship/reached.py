"""How far a lineage got, so that it can be gone on with later."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from gittrace.errors import TraceError
from gittrace.trace.authorship.changes import Step
from gittrace.trace.authorship.lineage import Lineage


class Outdated(TraceError):
    """What was found out earlier does not lead to what is recorded now."""


class Told(NamedTuple):
    """A step: `at` never goes back within a session; what it is told by; whether it is in a sealed segment."""

    at: str
    step: Step
    by: str
    sealed: bool


@dataclass
class Reached:
    """A lineage, and how far it got.

    taken  by session, how many of its steps are in it, and a hash of them
    last   when the last one was
    """

    lineage: Lineage
    taken: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    last: str = ""

    def rest(self, session_id: str, steps: Iterator[Told]) -> Iterator[Told]:
        """Return those steps of a session that are not in it. Raises Outdated where those that are were others."""
        count, hashed = self.taken.get(session_id, (0, b""))
        found = b""
        for told in islice(steps, count):
            found = _hashed(found, told)
        if found != hashed:
            raise Outdated(f"the steps of session '{session_id}' are others than before")
        return steps

    def add(self, told: Told) -> None:
        """Take in a step."""
        count, hashed = self.taken.get(told.step.when.session_id, (0, b""))
        self.taken[told.step.when.session_id] = count + 1, _hashed(hashed, told)
        self.last = told.at


def _hashed(before: bytes, told: Told) -> bytes:
    return blake2b(before + told.by.encode(), digest_size=16).digest()
