"""What the events of a trace produced: files and lines, read from the diffs that its segments hold.

So a clone that has the notes and not the snapshots knows as much as the place where the work was done.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.history import Leaf
from gittrace.git.objects import ObjectStore
from gittrace.git.patch import FilePatch, PatchError, added_runs, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import Trace

Lines = tuple[bytes, ...]
# the place of an event: session, and the number of its segment in the session
Order = tuple[str, int]

_SHORTEST = 12


@dataclass(frozen=True)
class Origin:
    """Where something was first produced: the segment, the event's id, and when (seconds since the epoch)."""

    order: Order
    event_id: str
    time: int


@dataclass
class Work:
    """What a trace's events produced first.

    leaves  files as they were left: (path, mode, blob), or mode 0 and the old blob of one that was deleted
    blobs   contents, under whatever path; empty files don't count
    runs    runs of added lines that say something
    lines   by path, added lines that say something
    """

    began: int = 0
    ended: int = 0
    leaves: dict[Leaf, Origin] = field(default_factory=dict)
    blobs: dict[str, Origin] = field(default_factory=dict)
    runs: dict[Lines, Origin] = field(default_factory=dict)
    lines: dict[bytes, dict[bytes, Origin]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it touched."""
        return frozenset(path for path, _, _ in self.leaves)


def says_something(lines: Lines) -> bool:
    """Tell whether added lines are telling: a lone brace or `return None` is in every project."""
    return sum(len(b"".join(line.split())) for line in lines) >= _SHORTEST


def seconds(at: object) -> int:
    """Return an event's time in seconds since the epoch; 0 when it can't be read."""
    try:
        return int(datetime.fromisoformat(str(at)).timestamp())
    except ValueError:
        return 0


def changes_of(event: Mapping[str, Any]) -> Iterator[bytes]:
    """Yield the diffs that an event holds, as bytes: what led to it, then what it did. Raises ValueError."""
    for key in ("diff", "effect"):
        text = event.get(key)
        if isinstance(text, str) and text:
            yield from_json_text(text, event.get(f"{key}_encoding"))


def work_of(trace: Trace, store: ObjectStore) -> Work:
    """Return what the trace's events produced; a diff that can't be read is named in `problems`."""
    work = Work(seconds(trace.started), seconds(trace.ended))
    reader = _Reader(work, store)
    for session in trace.sessions:
        base = session.header.get("base")
        reader.begin(base.get("tree") if isinstance(base, Mapping) else None)
        for segment in session.segments:
            for event in (segment.header, *segment.events):
                counts = event is not segment.header
                origin = Origin((session.id, segment.index), str(event.get("id", "")), seconds(event.get("at")))
                reader.read(event, origin, counts)
    return work


class _Reader:
    def __init__(self, work: Work, store: ObjectStore) -> None:
        self.work = work
        self.store = store
        self.seen: set[Leaf] = set()
        self.current: dict[bytes, Leaf] = {}
        self.base: TreeEditor | None = None

    def begin(self, tree: str | None) -> None:
        """Begin a session on a tree, which a clone may lack."""
        known = tree and self.store.kind(tree) == "tree"
        self.base = TreeEditor(self.store, tree) if known else None
        self.current = {}

    def read(self, event: Mapping[str, Any], origin: Origin, counts: bool) -> None:
        """Take in an event; what a session's header holds was there before and is nobody's here."""
        try:
            for data in changes_of(event):
                for file in parse(data):
                    self._file(file, origin, counts)
        except (PatchError, ValueError) as error:
            self.work.problems.append(f"event '{origin.event_id}': {error}")
        for key in ("diff_omitted", "effect_omitted"):
            omitted = event.get(key)
            if isinstance(omitted, Mapping):
                self._trees(omitted, origin, counts)

    def _trees(self, omitted: Mapping[str, Any], origin: Origin, counts: bool) -> None:
        """Take in a diff that was left out, from the trees, where they are."""
        try:
            for change in self.store.changes(omitted.get("from"), omitted.get("to")):
                self._leaf(change.path, change.new_mode, change.new_oid, change.old_oid, origin, counts)
        except TraceError:
            self.work.problems.append(f"event '{origin.event_id}': a diff was left out, and its trees are not here")

    def _file(self, file: FilePatch, origin: Origin, counts: bool) -> None:
        old = self._before(file.old_path) if file.old_path else None
        old_oid = file.old_oid or (old[2] if old else None)
        mode = file.new_mode or (old[1] if old else None) or 0
        if file.kind == "rename" and file.old_path and old_oid:
            self._leaf(file.old_path, 0, None, old_oid, origin, counts)
        if file.new_path is None:
            self._leaf(file.path, 0, None, old_oid, origin, counts)
        else:
            self._leaf(file.new_path, mode, file.new_oid or old_oid, old_oid, origin, counts)
        for _, lines in added_runs(file):
            if counts and says_something(lines):
                self.work.runs.setdefault(lines, origin)
        if counts and file.new_path is not None:
            here = self.work.lines.setdefault(file.new_path, {})
            for _, lines in added_runs(file):
                for line in lines:
                    if line.strip():
                        here.setdefault(line, origin)

    def _before(self, path: bytes) -> Leaf | None:
        if path in self.current:
            return self.current[path]
        entry = self.base.get(path) if self.base else None
        return (path, entry.mode, entry.oid) if entry else None

    def _leaf(self, path: bytes, mode: int, oid: str | None, old_oid: str | None, origin: Origin, counts: bool) -> None:
        before = self._before(path)
        if before:
            self.seen.add(before)
        leaf: Leaf = (path, mode, oid or "") if oid else (path, 0, old_oid or "")
        self.current[path] = leaf
        if counts and leaf not in self.seen:
            self.work.leaves.setdefault(leaf, origin)
            if oid and oid not in (old_oid, _EMPTY_BLOB.get(len(oid))):
                self.work.blobs.setdefault(oid, origin)
        self.seen.add(leaf)


_EMPTY_BLOB = {
    40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}
