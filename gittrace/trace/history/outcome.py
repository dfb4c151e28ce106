"""Ask the repository what became of traces: links, whether they were committed, the patch, what is still alive."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar
from weakref import finalize

from gittrace.errors import TraceError
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import Fate, Link, Outcome, Trace
from gittrace.text import decode
from gittrace.trace.history.derivation import Derivation
from gittrace.trace.history.evidence import DIVERGED, OVERLAPPING, TOOL_EMITTED
from gittrace.trace.history.fate import Tips
from gittrace.trace.history.links import committed
from gittrace.trace.history.memo import Answer, Memo
from gittrace.trace.recording.rewrites import read_pairs
from gittrace.trace.stored.store import Store

Asked = TypeVar("Asked")
# a damaged cache, then one that is locked
_WAYS_OUT = 2
_TIERS = (TOOL_EMITTED, DIVERGED, OVERLAPPING)


class Historian:
    """Answers for many traces; where nothing changed since they were last asked for, from the cache.

    `traces` are some that are loaded already.
    """

    def __init__(self, store: Store, traces: Iterable[Trace]) -> None:
        self.store = store
        self.objects = store.objects
        self._given: Mapping[str, Trace] = {trace.id: trace for trace in traces}
        self._tips = _tips(store)
        self._state = _state(store, self._tips)
        self._answers: dict[str, Answer] = {}
        self._memo = Memo(store.repo)
        finalize(self, self._memo.close)
        self._derivation: tuple[int, Derivation] | None = None

    def _answer(self, trace: str) -> Answer:
        if trace not in self._answers:
            self._answers[trace] = self._safely(lambda: self._remembered(trace))
        return self._answers[trace]

    def _remembered(self, trace: str) -> Answer:
        found = self._kept(trace)
        if found is None:
            found, lost = self._ask(lambda derivation: (derivation.answer(trace), derivation.unreachable))
            self._memo.keep_answer(trace, found, self._state, lost)
        return found

    def _kept(self, trace: str) -> Answer | None:
        return self._memo.answer(trace, self._state, self.objects)

    def _safely(self, ask: Callable[[], Asked]) -> Asked:
        """Return an answer, with a cache made anew where it is damaged, without one where it is locked for long."""
        for _ in range(_WAYS_OUT):
            try:
                return ask()
            except sqlite3.OperationalError:
                self._memo.use_memory()
            except sqlite3.DatabaseError:
                self._memo.renew()
            self._derivation = None
        return ask()

    def _ask(self, ask: Callable[[Derivation], Asked]) -> Asked:
        """Return an answer from the facts, which are brought up to date before, and held only as long as it takes."""
        try:
            self._memo.hold()
            if self._derivation is None or self._derivation[0] != self._memo.version():
                self._let_go()
                derivation = Derivation(self.store, self._given, self._memo, self._tips)
                self._derivation = self._memo.version(), derivation
                # they were read; many traces are much to hold
                self._given = {}
            return ask(self._derivation[1])
        finally:
            self._memo.release()

    def unsettled(self, traces: Iterable[str]) -> list[str]:
        """Return the traces of which the cache doesn't say what became of them, and nobody was asked before."""
        missing = []
        for trace in traces:
            found = self._answers.get(trace) or self._safely(partial(self._kept, trace))
            if found is None:
                missing.append(trace)
            else:
                self._answers[trace] = found
        return missing

    @property
    def is_shared(self) -> bool:
        """Whether what another process finds out is seen here."""
        return self._memo.is_shared

    def settle(self, traces: Iterable[str]) -> None:
        """Find out all of traces, and let go of what was read for it."""
        for trace in traces:
            self._answer(trace)
        self._let_go()
        self._memo.shrink()

    def _let_go(self) -> None:
        if self._derivation:
            self._derivation[1].close()
        self._derivation = None

    def links(self, trace: str) -> list[Link]:
        """Return the links of a trace, by its id, the oldest commit first."""
        return list(self._answer(trace).links)

    def links_to(self, commit: str) -> list[tuple[str, Link]]:
        """Return (trace id, link) of the traces whose work is in a commit, the strongest first."""
        traces = self._safely(lambda: self._ask(lambda derivation: derivation.traces_in(commit)))
        links = [(trace, link) for trace in traces for link in self.links(trace) if link.commit == commit]
        return sorted(links, key=lambda pair: (_TIERS.index(pair[1].tier), -pair[1].share, pair[0]))

    def tiers_in(self, commit: str) -> list[tuple[str, str, float]]:
        """Return (trace id, tier, share) of the traces whose work is in a commit, as `links_to` has them.

        The links of these traces to other commits are not asked for, nor kept.
        """
        found = self._safely(lambda: self._ask(lambda derivation: derivation.found_in(commit)))
        tiers = [(trace, link.tier, link.share) for trace, link in found.items()]
        return sorted(tiers, key=lambda item: (_TIERS.index(item[1]), -item[2], item[0]))

    def sharing(self, texts: Iterable[bytes], oids: Iterable[str]) -> set[str]:
        """Return the traces that may have added one of these lines, if it is a telling one, or made one of the blobs.

        White space counts nothing.
        """
        lines, blobs = list(texts), list(oids)
        return self._safely(lambda: self._ask(lambda derivation: derivation.sharing(lines, blobs)))

    def fate(self, trace: str) -> Fate | None:
        """Return what became of the lines that a trace wrote, None when it left nothing."""
        return self._answer(trace).fate

    def outcome(self, trace: Trace) -> Outcome:
        """Return what became of a trace."""
        answer = self._answer(trace.id)
        success, source, confidence = _success(trace)
        return Outcome(
            committed=committed(answer.links),
            commit_sha=answer.commit,
            patch=self._patch(trace, answer.commit, answer.paths) if answer.commit else None,
            links=answer.links,
            success=success,
            success_source=source,
            confidence=confidence,
            terminal_state=_terminal_state(trace),
            fate=answer.fate,
        )

    def _patch(self, trace: Trace, commit: str, paths: Iterable[bytes]) -> str | None:
        """Return the diff from the trace's base to what was committed, of the paths that its commits changed."""
        base = trace.base.get("tree")
        if not isinstance(base, str) or self.objects.kind(base) != "tree":
            return None
        target = TreeEditor(self.objects, self.objects.commit(commit).tree)
        wanted = {path: target.get(path) for path in paths}
        editor = TreeEditor(self.objects, base)
        for path, entry in wanted.items():
            if entry is None:
                editor.remove(path)
        for path, entry in wanted.items():
            if entry is not None:
                editor.set(path, entry.mode, entry.oid)
        try:
            limit = self.store.repo.size("trace.maxDiff")
            # nobody wants these trees afterwards, and the repository may be one that we may only read
            diff = self.store.differ.diff(base, editor.tree_oid(), limit, editor.made())
        except TraceError:
            return None
        return decode(diff.text) if diff.text is not None else None


def _tips(store: Store) -> Tips:
    fields = "--format=%(HEAD)%(refname)%00%(objectname)%00%(*objectname)%00%(symref)"
    refs, targets = {}, {}
    head, detached = "", False
    folders = ("refs/heads", "refs/remotes", "refs/tags", "refs/replace")
    for line in store.repo.git("for-each-ref", fields, *folders).splitlines():
        ref, oid, peeled, targets[ref] = os.fsdecode(line[1:]).split("\0")
        refs[ref] = peeled or oid
        # the branch that is checked out
        head = refs[ref] if line[:1] == b"*" else head
    # another name of what is listed, as `origin/HEAD` is, which newer gits make with a fetch
    refs = {ref: oid for ref, oid in refs.items() if targets[ref] not in refs}
    if store.objects.kind(head) != "commit":
        head = store.repo.git("rev-parse", "-q", "--verify", "HEAD^{commit}", ok=(0, 1)).decode().strip()
        detached = store.repo.git("symbolic-ref", "-q", "HEAD", ok=(0, 1)) == b""
    return Tips(head or None, refs, store.objects, detached)


def _state(store: Store, tips: Tips) -> str:
    """Return what stands for all that the answers follow from: refs, segments, rewrites, and what is not sealed."""
    head = tips.head.commit if tips.head else None
    pending = [(item.session_id, [event["id"] for event in item.events]) for item in store.pending.values()]
    rewritten = read_pairs(store.repo)[1]
    parts = (head, tips.detached, sorted(tips.refs.items()), store.index.tips(), sorted(pending), rewritten)
    return hashlib.sha256(repr(parts).encode("utf-8", "surrogateescape")).hexdigest()


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
