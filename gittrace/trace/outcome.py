"""Ask the repository what became of traces: links, whether they were committed, the patch, what is still alive."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import diff_trees
from gittrace.git.history import Made, read_history
from gittrace.git.objects import EMPTY_TREE
from gittrace.git.patch import PatchError, added_runs, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import Link, Outcome, Trace
from gittrace.text import decode
from gittrace.trace.links import AddedLines, chosen, committed, find_links
from gittrace.trace.store import Store
from gittrace.trace.work import Work, work_of

# a commit that adds more than this (bytes of diff) is looked at by its files only
_LARGEST_COMMIT = 8 << 20


class Historian:
    """Answers for many traces with one walk of the history."""

    def __init__(self, store: Store, traces: Iterable[Trace]) -> None:
        self.store = store
        self.objects = store.objects
        self.works = {trace.id: work_of(trace, self.objects) for trace in traces}
        noted = [commit for trace in traces for segment in trace.segments for commit in segment.commits]
        began = min((work.began for work in self.works.values()), default=0)
        self.history = read_history(store.repo, self.objects, began, noted)
        self._added: dict[str, AddedLines] = {}
        head = store.repo.git("rev-parse", "-q", "--verify", "HEAD^{tree}", ok=(0, 1)).decode().strip()
        self._head = TreeEditor(self.objects, head) if head else None
        self._head_lines: dict[bytes, frozenset[bytes]] = {}

    def outcome(self, trace: Trace) -> Outcome:
        """Return what became of a trace that this historian was made for."""
        work = self.works[trace.id]
        links = find_links(trace, work, self.history, self.added)
        for number, link in enumerate(links):
            share = self._alive(work, self.history[link.commit])
            links[number] = replace(link, alive_share=share, alive=None if share is None else share > 0)
        sizes = {link.commit: self._size(work, self.history[link.commit]) for link in links}
        commit = chosen(links, sizes)
        success, source, confidence = _success(trace)
        return Outcome(
            committed=committed(links),
            commit_sha=commit,
            patch=self._patch(trace, links, commit) if commit else None,
            links=tuple(links),
            success=success,
            success_source=source,
            confidence=confidence,
            terminal_state=_terminal_state(trace),
        )

    def added(self, made: Made) -> AddedLines:
        """Return the lines that a commit adds over its first parent."""
        found = self._added.get(made.oid)
        if found is None:
            found = self._added[made.oid] = AddedLines(self._runs(made))
        return found

    def _runs(self, made: Made) -> dict[bytes, tuple[tuple[bytes, ...], ...]]:
        parent = self._tree(made.parents[0]) if made.parents else EMPTY_TREE[self.objects.format]
        if parent is None:
            return {}  # a shallow clone ends here
        try:
            (diff,) = diff_trees(self.store.repo, [(parent, made.tree)], _LARGEST_COMMIT)
            files = parse(diff.text or b"")
        except (PatchError, TraceError):
            return {}  # a partial clone lacks blobs of it: the files' oids are evidence enough
        return {file.new_path: tuple(lines for _, lines in added_runs(file)) for file in files if file.new_path}

    def _tree(self, commit: str) -> str | None:
        return self.objects.commit(commit).tree if self.objects.kind(commit) == "commit" else None

    def _size(self, work: Work, made: Made) -> int:
        added = self.added(made)
        lines = sum(1 for path in made.paths for line in added.lines(path) if line in work.lines.get(path, {}))
        return lines or len(made.introduced & work.leaves.keys())

    def _alive(self, work: Work, made: Made) -> float | None:
        """Return which part of what the trace brought into a commit is still at HEAD, None when that can't be told."""
        if self._head is None:
            return None
        added = self.added(made)
        total = alive = 0
        for path in made.paths:
            known = work.lines.get(path, {})
            ours = [line for line in added.lines(path) if line in known]
            here = self._lines_at_head(path) if ours else frozenset()
            total += len(ours)
            alive += sum(line.rstrip(b"\r\n") in here for line in ours)
        if total:
            return round(alive / total, 4)
        leaves = made.introduced & work.leaves.keys()
        kept = sum(self._is_at_head(path, mode, oid) for path, mode, oid in leaves)
        return round(kept / len(leaves), 4) if leaves else None

    def _is_at_head(self, path: bytes, mode: int, oid: str) -> bool:
        entry = self._head.get(path) if self._head else None
        return entry is None if mode == 0 else entry is not None and entry.oid == oid

    def _lines_at_head(self, path: bytes) -> frozenset[bytes]:
        if path not in self._head_lines:
            entry = self._head.get(path) if self._head else None
            try:
                data = self.objects.blob(entry.oid) if entry else b""
            except TraceError:
                data = b""
            self._head_lines[path] = frozenset(line.rstrip(b"\r") for line in data.split(b"\n"))
        return self._head_lines[path]

    def _patch(self, trace: Trace, links: list[Link], commit: str) -> str | None:
        """Return the diff from the trace's base to what was committed, of the paths that its commits changed."""
        base = trace.base.get("tree")
        if not isinstance(base, str) or self.objects.kind(base) != "tree":
            return None
        paths = {
            path
            for link in links
            if link.reachable and link.tier.startswith("tool_emitted")
            for path in self.history[link.commit].paths
        }
        target, wanted = TreeEditor(self.objects, self.history[commit].tree), {}
        for path in paths:
            wanted[path] = target.get(path)
        editor = TreeEditor(self.objects, base)
        for path, entry in wanted.items():
            if entry is None:
                editor.remove(path)
        for path, entry in wanted.items():
            if entry is not None:
                editor.set(path, entry.mode, entry.oid)
        try:
            tree = editor.write(self.store.repo)
            (diff,) = diff_trees(self.store.repo, [(base, tree)], self.store.repo.size("trace.maxDiff"))
        except TraceError:
            return None
        return decode(diff.text) if diff.text is not None else None


def _success(trace: Trace) -> tuple[bool | None, str, Any]:
    """Return success, its source and the confidence: what stop was told, else what the last test run shows."""
    stop = trace.stop
    if stop is not None and isinstance(stop.get("success"), bool):
        return stop["success"], "stop", "annotated"
    for event in reversed(trace.events):
        results = event.get("results")
        if isinstance(results, Mapping) and ("failed" in results or "passed" in results):
            return not (results.get("failed") or results.get("errors")), "tests", "inferred"
    return None, "deterministic", "derived"


def _terminal_state(trace: Trace) -> Any:
    stop = trace.stop
    if stop is None:
        return None if trace.active else "interrupted"
    success = stop.get("success")
    return None if success is None else "goal_reached" if success else "abandoned"


def outcomes(store: Store, traces: list[Trace]) -> dict[str, Outcome]:
    """Return what became of each trace, by its id."""
    historian = Historian(store, traces)
    return {trace.id: historian.outcome(trace) for trace in traces}
