"""What a trace produced: files and lines, as they are claimed and kept (`work_reader.py` finds them)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from gittrace.git.history import Leaf
from gittrace.trace.text.fingerprint import Block, Line, RunKey

_EPOCH = datetime.fromtimestamp(0, UTC)
_MICROSECOND = timedelta(microseconds=1)
# the place of an event: session, and the number of its segment in the session
Order = tuple[str, int]


class Origin(NamedTuple):
    """Where something was first produced: when (microseconds since the epoch), the event's id, and the segment."""

    at: int
    event_id: str
    order: Order


class Written:
    """A line that the trace wrote; it stands until the trace itself takes it away."""

    __slots__ = ("line", "origin", "stands")

    def __init__(self, line: Line, origin: Origin, stands: bool = True) -> None:
        self.line = line
        self.origin = origin
        self.stands = stands


@dataclass
class Work:
    """What a trace's events produced first.

    began, ended  seconds since the epoch
    leaves        files as they were left: (path, mode, blob), or mode 0 and the old blob of one that was deleted
    blobs         contents, under whatever path; empty files don't count
    support       for a blob, the file and the telling lines that the event which made it put there, if it did; lines
                  that it only moved don't count
    lines         by path (the first one, of a renamed file), what was written, by its exact fingerprint
    order         the same in their order, those again that are repeated between others
    runs          runs of added lines that are telling
    blocks        as `fingerprint.blocks`
    removed       (path, exact fingerprints) of telling runs of lines that were taken away
    taken         by path, the exact fingerprints of all lines that were taken away
    untold        paths of which it is not known what was done to their lines
    names         the last name of a renamed file, by the first
    renames       (old, new) of every rename
    heads         HEADs that events saw, and when (microseconds)
    arrivals      by event, the commits to which HEAD went while it happened, or which were merged
    made          the commits that were made in its sessions, under all their names
    whole         nothing was missing that another clone may have
    """

    trace_id: str = ""
    began: int = 0
    ended: int = 0
    leaves: dict[Leaf, Origin] = field(default_factory=dict)
    blobs: dict[str, Origin] = field(default_factory=dict)
    support: dict[str, tuple[bytes, tuple[Line, ...]]] = field(default_factory=dict)
    lines: dict[bytes, dict[int, Written]] = field(default_factory=dict)
    order: dict[bytes, list[Written]] = field(default_factory=dict)
    runs: dict[RunKey, Origin] = field(default_factory=dict)
    blocks: dict[Block, Origin] = field(default_factory=dict)
    removed: dict[tuple[bytes, tuple[int, ...]], Origin] = field(default_factory=dict)
    taken: dict[bytes, set[int]] = field(default_factory=dict)
    untold: set[bytes] = field(default_factory=set)
    names: dict[bytes, bytes] = field(default_factory=dict)
    renames: set[tuple[bytes, bytes]] = field(default_factory=set)
    heads: list[tuple[str, int]] = field(default_factory=list)
    arrivals: dict[str, tuple[str, ...]] = field(default_factory=dict)
    made: frozenset[str] = frozenset()
    problems: list[str] = field(default_factory=list)
    whole: bool = True

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it touched."""
        return frozenset(path for path, _, _ in self.leaves)


def microseconds(at: object) -> int:
    """Return an event's time in microseconds since the epoch; 0 when it can't be read."""
    try:
        moment = datetime.fromisoformat(str(at))
        if moment.tzinfo is not None:
            return (moment - _EPOCH) // _MICROSECOND
        return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond
    except (ValueError, OverflowError):
        return 0
