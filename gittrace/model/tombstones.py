"""What tombstones cover: one on any note of any ref counts wherever a segment is read, copied or published.

A whole trace is forgotten by time and not for good, so that it can be taken up again. The time that counts is that of
the session's beginning, which each of its segments states: a later segment may still show, as its starting point, work
from before.
"""

from collections.abc import Iterable

from gittrace.errors import Damaged
from gittrace.model.segment import Forget, SegmentLine, decode, microseconds


class Tombstones:
    """A set of tombstones; empty ones are false.

    >>> dead = Tombstones([Forget(trace, "2026-01-02T00:00:00Z")])
    >>> dead.covers(trace, began="2026-01-01T10:00:00.000000Z")
    True
    """

    def __init__(self, forgets: Iterable[Forget] = ()) -> None:
        self.forgets = frozenset(forgets)
        self._until: dict[str, int] = {}
        self._one = {(forget.trace_id, forget.sha256) for forget in self.forgets if forget.sha256}
        for forget in self.forgets:
            if not forget.sha256:
                at = microseconds(forget.at)
                if at is not None:
                    self._until[forget.trace_id] = max(at, self._until.get(forget.trace_id, at))

    def __bool__(self) -> bool:
        return bool(self.forgets)

    def covers(self, trace_id: str, began: object = None, sha256: str | None = None) -> bool:
        """Tell whether a segment is forgotten: by its session's beginning (RFC 3339), or by its own hash.

        A beginning that can't be read was before.
        """
        if (trace_id, sha256) in self._one:
            return True
        until = self._until.get(trace_id)
        if until is None:
            return False
        at = microseconds(began)
        return at is None or at < until

    def covers_line(self, line: SegmentLine) -> bool:
        """Tell whether a line of a note is forgotten; it is unpacked only if that depends on its beginning.

        What can't be unpacked can't be shown either: it counts as forgotten, when its trace was forgotten at any time.
        """
        if (line.trace_id, line.sha256) in self._one:
            return True
        if line.trace_id not in self._until:
            return False
        try:
            return self.covers(line.trace_id, decode(line)[0].get("at"))
        except Damaged:
            return True

    def of(self, trace_id: str) -> list[Forget]:
        """Return the tombstones of a trace, in order of their lines."""
        return sorted((forget for forget in self.forgets if forget.trace_id == trace_id), key=str)

    def traces(self) -> set[str]:
        """Return the traces that were forgotten whole at some time."""
        return set(self._until)


__all__ = ["Tombstones"]
