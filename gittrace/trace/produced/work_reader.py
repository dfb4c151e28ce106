"""What the events of a trace produced: files and lines, read from the diffs that its segments hold.

So a clone that has the notes and not the snapshots knows as much as the place where the work was done.

Not a trace's own are: what a session found when it began; lines that an event only moved, or brought back after another
took them away; and what a checkout, merge, pull or rebase brought into the worktree. What was there before in some
other way is found by `gittrace.trace.history.claims`, which knows the history.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.history import Leaf
from gittrace.git.objects import ObjectStore
from gittrace.git.patch import RENAME, FilePatch, PatchError, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import EventDict, Trace, grew_on, made_in
from gittrace.trace.produced.arrivals import Arrivals
from gittrace.trace.produced.bringing import brings, grafts, grafts_of, may_bring, own_commits_of
from gittrace.trace.produced.taken import Taken, said_in
from gittrace.trace.produced.unmasked import unmasked
from gittrace.trace.produced.work import Origin, Work, Written, microseconds
from gittrace.trace.produced.work_steps import WorkStep, lent_of, steps_of
from gittrace.trace.text.align import MOVED
from gittrace.trace.text.fingerprint import (
    FileLines,
    Line,
    Run,
    RunKey,
    blocks,
    file_lines,
    heaviest,
    of_runs,
    removed_runs,
    telling_run,
)
from gittrace.trace.text.wrapped import Spot, wrapped_anew
from gittrace.vocabulary import COMMIT, REWRITE, SESSION


def work_of(trace: Trace, store: ObjectStore) -> Work:
    """Return what the trace's events produced; a diff that can't be read is named in `problems`."""
    began, ended = (microseconds(at) // 1_000_000 for at in (trace.started, trace.ended))
    work = Work(trace.id, began, ended, made=made_in(trace.events)[0])
    reader = _Reader(work, store)
    reader.grafts = grafts_of(trace.events)
    reader.own_commits = own_commits_of(trace.events)
    reader.grew_on = grew_on(trace.events)
    reader.lent = lent_of(trace, store)
    arrivals = Arrivals(trace.events, store)
    for step in steps_of(trace):
        if arrived := arrivals.at(step):
            work.arrivals[str(step.event.get("id", ""))] = arrived
        reader.read(step)
    return work


class _Reader:
    def __init__(self, work: Work, store: ObjectStore) -> None:
        self.work = work
        self.store = store
        self.seen: set[Leaf] = set()
        # of each session: what it began on, which a clone may lack, and the files that it has changed
        self.bases: dict[str, TreeEditor | None] = {}
        self.changed: dict[str, dict[bytes, Leaf]] = {}
        self.session = ""
        # telling lines, by exact fingerprint: who of us wrote them first, and those that others wrote
        self.ours: dict[int, Origin] = {}
        self.others: set[int] = set()
        # the skeletons of lines of others that were taken away, and have enough letters to be known by them
        self.gone: set[int] = set()
        self.first_names: dict[bytes, bytes] = {}
        self.base_commits: dict[str, str] = {}
        # of each session: its last commit, and the event of it
        self.committed: dict[str, tuple[str, Origin]] = {}
        # by event: reverts and picks that it is, or that the command made
        self.grafts: dict[str, list[str]] = {}
        # by event: commits of what stood in the worktree, each with HEAD before it
        self.own_commits: Mapping[str, Sequence[tuple[str, str]]] = {}
        # by event: commits of others of which lines were taken
        self.lent: Mapping[str, tuple[str, ...]] = {}
        # what commits of ours grew on that may not be here
        self.grew_on: Mapping[str, tuple[str, ...]] = {}
        # what is read now is what a command of git's brought in
        self.came = False
        self._roots: dict[str, str | None] = {}
        self._trees: dict[str, TreeEditor] = {}

    def read(self, step: WorkStep) -> None:
        """Take in an event; what a session's header holds was there before and is nobody's here."""
        event, self.session, self.came = step.event, step.session.id, False
        origin = Origin(microseconds(event.get("at")), str(event.get("id", "")), (step.session.id, step.segment))
        if self.session not in self.bases:
            self._begin(step.session.header)
        elif event["kind"] == SESSION:
            self._left_behind(event, step.head)
            return
        # of the commits of one moment a later one saw the others
        is_known = event["kind"] not in (COMMIT, REWRITE) or step.head not in self.work.made
        if step.head and is_known:
            self.work.heads.append((step.head, origin.at))
        if event["kind"] == REWRITE:
            replaced = (str(old) for old, _ in event.get("pairs") or () if old not in self.work.made)
            self.work.heads += [(old, origin.at) for old in replaced]
        commits, counts = event["kind"] == COMMIT, event["kind"] != SESSION
        merged = tuple(map(str, event.get("parents", ())[1:])) if commits else ()
        if commits:
            self.committed[self.session] = str(event["commit"]), origin
        for key, at, moved in (
            ("diff", step.head, step.before != step.head),
            ("effect", step.after, self._went_elsewhere(step)),
        ):
            text = event.get(key)
            omitted = event.get(f"{key}_omitted")
            if not isinstance(text, str) and not isinstance(omitted, Mapping):
                continue
            # what a command wrote it did write, though a branch has the same
            others = self.lent.get(origin.event_id, ()) if key == "diff" or may_bring(event) else ()
            lent = [self._tree(root) for oid in others if (root := self._root(oid))]
            foreign = self._foreign(at, *merged) + self._brought(origin.event_id) + lent
            self.came = key == "effect" and brings(event)
            ours = counts and not (self.came and grafts(event))
            if isinstance(text, str):
                self._text(event, key, origin, ours, foreign, moved, lent)
            if isinstance(omitted, Mapping):
                self._omitted(omitted, origin, ours, foreign)

    def _begin(self, header: EventDict) -> None:
        base = header.get("base")
        tree = base.get("tree") if isinstance(base, Mapping) else None
        known = tree and self.store.kind(tree) == "tree"
        self.work.whole &= bool(known)
        self.bases[self.session] = TreeEditor(self.store, tree) if known else None
        self.base_commits[self.session] = str(base.get("commit")) if isinstance(base, Mapping) else ""
        self.changed[self.session] = {}

    def _went_elsewhere(self, step: WorkStep) -> bool:
        """Tell whether an event left HEAD where it did not come to by commits of what stood in the worktree."""
        head = step.head
        for before, after in self.own_commits.get(str(step.event.get("id", "")), ()):
            head = after if before == head else head
        return head != step.after

    def _foreign(self, *commits: str | None) -> list[TreeEditor]:
        """Return the trees of the nearest commits, from the given ones back, that no session of the trace made.

        What a checkout, merge, pull or rebase brought into the worktree is its work, not the event's. What the
        session began on is left out: that it was there before is known anyhow.
        """
        trees = []
        for commit in commits:
            root = self._root(commit) if commit else None
            if root and root != self.base_commits[self.session]:
                trees.append(self._tree(root))
        return trees

    def _brought(self, event_id: str) -> list[TreeEditor]:
        """Return the trees of the reverts and picks that an event is, or made: what they changed is git's work."""
        return [self._tree(commit) for commit in self.grafts.get(event_id, ()) if self.store.kind(commit) == "commit"]

    def _tree(self, commit: str) -> TreeEditor:
        if commit not in self._trees:
            self._trees[commit] = TreeEditor(self.store, self.store.commit(commit).tree)
        return self._trees[commit]

    def _root(self, commit: str) -> str | None:
        way: dict[str, None] = {}
        at: str | None = commit
        while at is not None and at not in self._roots:
            way[at] = None
            if self.store.kind(at) != "commit":
                self.work.whole = False
                at = next(iter(self.grew_on.get(at, ())), None) if at in self.work.made else None
                at = None if at in way else at
            elif at in self.work.made:
                parents = self.store.commit(at).parents
                at = parents[0] if parents else None
            else:
                self._roots[at] = at
        root = self._roots[at] if at is not None else None
        self._roots |= dict.fromkeys(way, root)
        return root

    def _left_behind(self, header: EventDict, head: str | None) -> None:
        """Take in what a commit has and the worktree after it had not: it was written and taken away unseen."""
        commit, origin = self.committed.get(self.session, ("", None))
        text = header.get("diff")
        if origin is None or commit != head or not isinstance(text, str):
            return
        foreign = self._foreign(head)
        try:
            files = unmasked(parse(from_json_text(text, header.get("diff_encoding"))), self.store)
        except (PatchError, ValueError) as error:
            self.work.problems.append(f"session '{self.session}': {error}")
            return
        for file in files:
            path, mode, oid = file.old_path, file.old_mode or 0, file.old_oid
            if not path or not oid or _is_in(foreign, path, mode, oid):
                continue
            lines = of_runs(removed_runs(file))
            leaf: Leaf = (path, mode, oid)
            # what was so before is only gone, and the commit has it yet
            if not lines.added or leaf in self.seen:
                continue
            self.work.leaves.setdefault(leaf, origin)
            self._add(leaf, lines, origin, True, {line.exact for run in lines.added for line in run} & self.others)

    def _text(
        self,
        event: EventDict,
        key: str,
        origin: Origin,
        counts: bool,
        foreign: list[TreeEditor],
        moved: bool,
        lent: Sequence[TreeEditor],
    ) -> None:
        try:
            files = unmasked(parse(from_json_text(event[key], event.get(f"{key}_encoding"))), self.store)
        except (PatchError, ValueError) as error:
            self.work.problems.append(f"event '{origin.event_id}': {error}")
            return
        known_states = {file.path for file in files if file.new_path and self._leads_back(file)}
        taken = Taken(event, key, files)
        read = [
            (file, file_lines(file), self._file(file, origin, counts and not taken.whole(file.path), foreign))
            for file in files
        ]
        for file, lines, _ in read:
            self.others |= taken.lines(file) - self.ours.keys()
            here = {line.exact for run in lines.added for line in run if line.telling} if lent else set()
            self.others.update(*(here & said_in(tree, file.path, self.store) - self.ours.keys() for tree in lent))
        added = [line for _, lines, _ in read for run in lines.added for line in run if line.telling]
        removed = [line for _, lines, _ in read for run in lines.removed for line in run if line.telling]
        known = {line.exact for line in added if line.exact in self.others}
        # a line that is only indented anew, or formatted, stays whose it was
        theirs = [line for line in removed if line.exact not in self.ours]
        bones = {line.skeleton for line in theirs}
        again = (line for line in added if line.skeleton in bones or line.skeleton in self.gone)
        self.others |= {line.exact for line in again if line.exact not in self.ours}
        # one that has enough letters may come back later, in what was put back unseen and then formatted
        self.gone.update(line.skeleton for line in theirs if line.weight >= MOVED)
        said = {line.skeleton for line in added}
        # before `ours` and `others` take in what is new: whose the removed lines were
        wrapped = [wrapped_anew(lines, self.ours) for _, lines, _ in read]
        for file, lines, ours in read:
            self._remove(file, lines.removed, origin, ours, said, moved)
            if ours and not self.came and file.path not in known_states:
                self._took(file, lines.removed, origin)
        for (file, lines, ours), places in zip(read, wrapped, strict=True):
            if file.new_path is not None:
                leaf = self.changed[self.session][file.new_path]
                self._add(leaf, lines, origin, ours and not self.came, known, places)

    def _omitted(self, omitted: Mapping[str, Any], origin: Origin, counts: bool, foreign: list[TreeEditor]) -> None:
        """Take in a diff that was left out, from the trees, where they are."""
        try:
            for change in self.store.changes(omitted.get("from"), omitted.get("to")):
                ours = counts and not _is_in(foreign, change.path, change.new_mode, change.new_oid)
                self.work.untold.add(change.path)
                self._leaf(change.path, change.new_mode, change.new_oid, change.old_oid, origin, ours)
        except TraceError:
            self.work.whole = False
            self.work.problems.append(f"event '{origin.event_id}': a diff was left out, and its trees are not here")

    def _file(self, file: FilePatch, origin: Origin, counts: bool, foreign: list[TreeEditor]) -> bool:
        """Take in what became of a file, and tell whether that is the event's doing."""
        old = self._before(file.old_path) if file.old_path else None
        old_oid = file.old_oid or (old[2] if old else None)
        mode = file.new_mode or (old[1] if old else None) or 0
        if file.new_path is None:
            ours = counts and not _is_in(foreign, file.path, 0, None)
            self._leaf(file.path, 0, None, old_oid, origin, ours)
            return ours
        new_oid = file.new_oid or old_oid
        ours = counts and not _is_in(foreign, file.new_path, mode, new_oid)
        if file.kind == RENAME and file.old_path and old_oid:
            self._leaf(file.old_path, 0, None, old_oid, origin, ours)
            self.work.renames.add((file.old_path, file.new_path))
            first = self.first_names[file.new_path] = self.first_names.get(file.old_path, file.old_path)
            self.work.names[first] = file.new_path
        self._leaf(file.new_path, mode, new_oid, old_oid, origin, ours)
        return ours

    def _remove(
        self, file: FilePatch, runs: Iterable[Run], origin: Origin, ours: bool, said: set[int], moved: bool
    ) -> None:
        """Take in removed lines; `said` are the skeletons of those that were added."""
        path = file.old_path or file.path
        first = self.first_names.get(path, path)
        here = self.work.lines.get(first, {})
        for run in runs:
            for line in run:
                written = here.get(line.exact)
                if written is not None:
                    # where HEAD went elsewhere, the line only stayed behind; and what others took away, or a revert,
                    # the trace let stand, unless the same stands there in another form
                    written.stands = written.stands and (moved or not (ours or line.skeleton in said))
                elif line.telling and line.exact not in self.ours:
                    self.others.add(line.exact)

    def _took(self, file: FilePatch, runs: Iterable[Run], origin: Origin) -> None:
        """Take in that an event was the first to take lines away."""
        path = file.old_path or file.path
        first = self.first_names.get(path, path)
        for run in runs:
            exacts = tuple(line.exact for line in run)
            self.work.taken.setdefault(first, set()).update(exacts)
            if telling_run(run):
                self.work.removed.setdefault((first, exacts), origin)

    def _leads_back(self, file: FilePatch) -> bool:
        """Tell whether a file is as it was known before: who goes back there took nothing away."""
        old = self._before(file.old_path) if file.old_path else None
        oid = file.new_oid or file.old_oid or (old[2] if old else "")
        leaf = (file.path, file.new_mode or (old[1] if old else 0), oid)
        return leaf in self.seen

    def _add(
        self,
        leaf: Leaf,
        lines: FileLines,
        origin: Origin,
        ours: bool,
        known: set[int],
        wrapped: Collection[Spot] = (),
    ) -> None:
        """Take in added lines.

        `known` are those of others that the event brought back, and didn't only move; `wrapped` are of others too.
        """
        first = self.first_names.get(leaf[0], leaf[0])
        here = self.work.lines.setdefault(first, {}) if ours else self.work.lines.get(first, {})
        support: list[Line] = []
        for number, (run, key) in enumerate(zip(lines.added, lines.keys, strict=True)):
            fresh = False
            wrote: list[Written] = []
            known_here = len(here)
            theirs = {run[at].exact for at in range(len(run)) if (number, at) in wrapped}
            strange = {exact for exact in theirs if exact not in self.ours}
            self.others |= {line.exact for line in run if line.telling and line.exact in strange}
            for line in run:
                is_theirs = line.exact in theirs and line.exact not in self.ours
                if is_theirs or line.exact in self.others or not (ours or line.exact in self.ours):
                    if line.telling:
                        self.others.add(line.exact)
                        support += [line] if line.exact in known else []
                    continue
                if line.telling:
                    self.ours.setdefault(line.exact, origin)
                    support.append(line)
                if ours:
                    fresh = True
                    wrote.append(here.setdefault(line.exact, Written(line, self.ours.get(line.exact, origin))))
                if line.exact in here:
                    here[line.exact].stands = True
            if len(here) > known_here:
                self.work.order.setdefault(first, []).extend(wrote)
            if fresh and key:
                self.work.runs.setdefault(RunKey(key, heaviest(run).skeleton), origin)
            if fresh and not any(line.exact in self.others for line in run):
                for _, block in blocks(run):
                    self.work.blocks.setdefault(block, origin)
        if support and self.work.leaves.get(leaf) == origin:
            self.work.support.setdefault(leaf[2], (first, tuple(support)))

    def _before(self, path: bytes) -> Leaf | None:
        if path in self.changed[self.session]:
            return self.changed[self.session][path]
        base = self.bases[self.session]
        entry = base.get(path) if base else None
        return (path, entry.mode, entry.oid) if entry else None

    def _leaf(self, path: bytes, mode: int, oid: str | None, old_oid: str | None, origin: Origin, counts: bool) -> None:
        before = self._before(path)
        if before:
            self.seen.add(before)
        leaf: Leaf = (path, mode, oid or "") if oid else (path, 0, old_oid or "")
        self.changed[self.session][path] = leaf
        if counts and not self.came and leaf not in self.seen:
            self.work.leaves.setdefault(leaf, origin)
            if oid and oid not in (old_oid, _EMPTY_BLOB.get(len(oid))):
                self.work.blobs.setdefault(oid, origin)
        self.seen.add(leaf)


_EMPTY_BLOB = {
    40: "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391",
    64: "473a0f4c3be8a93681a267e3b1e9a7dcda1185436fe141f7749120a303721813",
}


def _is_in(trees: list[TreeEditor], path: bytes, mode: int, oid: str | None) -> bool:
    for tree in trees:
        entry = tree.get(path)
        if (entry is None and oid is None) or (entry is not None and (entry.mode, entry.oid) == (mode, oid)):
            return True
    return False
