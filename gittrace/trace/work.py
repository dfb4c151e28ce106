"""What the events of a trace produced: files and lines, read from the diffs that its segments hold.

So a clone that has the notes and not the snapshots knows as much as the place where the work was done.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.history import Leaf
from gittrace.git.objects import ObjectStore
from gittrace.git.patch import RENAME, FilePatch, PatchError, added_runs, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import EventDict, Trace
from gittrace.vocabulary import COMMIT, REWRITE

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


def work_of(trace: Trace, store: ObjectStore) -> Work:
    """Return what the trace's events produced; a diff that can't be read is named in `problems`."""
    work = Work(seconds(trace.started), seconds(trace.ended))
    reader = _Reader(work, store, _made_by(trace))
    for session in trace.sessions:
        base = session.header.get("base")
        reader.begin(base.get("tree") if isinstance(base, Mapping) else None)
        items = [(segment, event) for segment in session.segments for event in (segment.header, *segment.events)]
        for (segment, event), (_, following) in zip(items, [*items[1:], items[-1]], strict=True):
            origin = Origin((session.id, segment.index), str(event.get("id", "")), seconds(event.get("at")))
            reader.read(event, origin, event is not segment.header, following.get("head"))
    return work


def _made_by(trace: Trace) -> frozenset[str]:
    """Return the commits that were made in the trace's sessions, under all their names."""
    made: set[str] = set()
    for event in trace.events:
        if event["kind"] == COMMIT:
            made.add(str(event.get("commit")))
        elif event["kind"] == REWRITE:
            made.update(str(new) for _, new in event.get("pairs", ()))
    return frozenset(made)


class _Reader:
    def __init__(self, work: Work, store: ObjectStore, made: frozenset[str]) -> None:
        self.work = work
        self.store = store
        self.made = made
        self.seen: set[Leaf] = set()
        self.current: dict[bytes, Leaf] = {}
        self.base: TreeEditor | None = None
        self._trees: dict[str, TreeEditor | None] = {}

    def begin(self, tree: str | None) -> None:
        """Begin a session on a tree, which a clone may lack."""
        known = tree and self.store.kind(tree) == "tree"
        self.base = TreeEditor(self.store, tree) if known else None
        self.current = {}

    def read(self, event: EventDict, origin: Origin, counts: bool, head_after: str | None) -> None:
        """Take in an event; what a session's header holds was there before and is nobody's here."""
        merged = event.get("parents", ())[1:] if event["kind"] == COMMIT else ()
        for key, head in (("diff", event.get("head")), ("effect", head_after)):
            foreign = [tree for commit in (head, *merged) if commit and (tree := self._foreign(commit))]
            try:
                for file in parse(_bytes(event, key)):
                    self._file(file, origin, counts, foreign)
            except (PatchError, ValueError) as error:
                self.work.problems.append(f"event '{origin.event_id}': {error}")
            omitted = event.get(f"{key}_omitted")
            if isinstance(omitted, Mapping):
                self._omitted(omitted, origin, counts, foreign)

    def _foreign(self, commit: str) -> TreeEditor | None:
        """Return the tree of the nearest commit, from HEAD back, that no session of the trace made.

        What a checkout, merge, pull or rebase brought into the worktree is its work, not the event's.
        """
        if commit not in self._trees:
            at: str | None = commit
            while at in self.made and self.store.kind(at or "") == "commit":
                parents = self.store.commit(at or "").parents
                at = parents[0] if parents else None
            found = at is not None and self.store.kind(at) == "commit"
            self._trees[commit] = TreeEditor(self.store, self.store.commit(at or "").tree) if found else None
        return self._trees[commit]

    def _omitted(self, omitted: Mapping[str, Any], origin: Origin, counts: bool, foreign: list[TreeEditor]) -> None:
        """Take in a diff that was left out, from the trees, where they are."""
        try:
            for change in self.store.changes(omitted.get("from"), omitted.get("to")):
                ours = counts and not _is_in(foreign, change.path, change.new_mode, change.new_oid)
                self._leaf(change.path, change.new_mode, change.new_oid, change.old_oid, origin, ours)
        except TraceError:
            self.work.problems.append(f"event '{origin.event_id}': a diff was left out, and its trees are not here")

    def _file(self, file: FilePatch, origin: Origin, counts: bool, foreign: list[TreeEditor]) -> None:
        old = self._before(file.old_path) if file.old_path else None
        old_oid = file.old_oid or (old[2] if old else None)
        mode = file.new_mode or (old[1] if old else None) or 0
        if file.new_path is None:
            ours = counts and not _is_in(foreign, file.path, 0, None)
            self._leaf(file.path, 0, None, old_oid, origin, ours)
            return
        new_oid = file.new_oid or old_oid
        if counts and _is_in(foreign, file.new_path, mode, new_oid):
            counts = False
        if file.kind == RENAME and file.old_path and old_oid:
            self._leaf(file.old_path, 0, None, old_oid, origin, counts)
        self._leaf(file.new_path, mode, new_oid, old_oid, origin, counts)
        if counts:
            self._lines(file, file.new_path, origin)

    def _lines(self, file: FilePatch, path: bytes, origin: Origin) -> None:
        here = self.work.lines.setdefault(path, {})
        for _, lines in added_runs(file):
            if says_something(lines):
                self.work.runs.setdefault(lines, origin)
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


def _bytes(event: EventDict, key: str) -> bytes:
    """Return a diff of an event as bytes, empty when there is none. Raises ValueError."""
    text = event.get(key)
    return from_json_text(text, event.get(f"{key}_encoding")) if isinstance(text, str) else b""


def _is_in(trees: list[TreeEditor], path: bytes, mode: int, oid: str | None) -> bool:
    for tree in trees:
        entry = tree.get(path)
        if (entry is None and oid is None) or (entry is not None and (entry.mode, entry.oid) == (mode, oid)):
            return True
    return False
