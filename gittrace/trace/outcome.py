"""Ask the repository what became of traces: links, whether they were committed, the patch, what is still alive."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from itertools import chain
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import diff_trees
from gittrace.git.history import Made, read_history
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import Fate, Link, Outcome, Trace
from gittrace.text import decode
from gittrace.trace.claims import Ledger, Noted
from gittrace.trace.contents import Content, contents
from gittrace.trace.evidence import DIVERGED, OVERLAPPING, TOOL_EMITTED
from gittrace.trace.fate import Fates, Tips
from gittrace.trace.links import EMITTED, Found, chosen, committed, find_links, notes_of
from gittrace.trace.memo import Memo, state_of
from gittrace.trace.rewrites import read_pairs
from gittrace.trace.store import Store
from gittrace.trace.work import Work, work_of

# what a commit had that is so much older than the first event (seconds) is not looked for
_LOOK_BACK = 90 * 24 * 3600
_TIERS = (TOOL_EMITTED, DIVERGED, OVERLAPPING)


class Historian:
    """Answers for many traces with one walk of the history.

    All traces of the repository are read, not only those that are asked for: what one produced, another did not.
    """

    def __init__(self, store: Store, traces: Iterable[Trace]) -> None:
        self.store = store
        self.objects = store.objects
        self.tips = self._tips()
        memo = Memo(store.repo)
        try:
            works, noted = self._works({trace.id: trace for trace in traces}, memo)
            made = {oid for work in works.values() for oid in work.made}
            known = {*noted, *made}
            known |= {name for pair in read_pairs(store.repo)[0] for name in (pair.old, pair.new)}
            began = min((work.began for work in works.values()), default=0)
            self.history = read_history(store.repo, self.objects, began - _LOOK_BACK, sorted(known), made)
            self.ledger = Ledger(works, self.history, partial(self._contents, memo), noted)
        finally:
            memo.close()
        self.found = find_links(self.ledger)

    def _works(self, given: dict[str, Trace], memo: Memo) -> tuple[dict[str, Work], Noted]:
        """Return the work of every trace, and where segments are noted; what is loaded already is in `given`."""
        pending = {item.header["trace_id"] for item in self.store.pending.values()}
        places = {trace: self.store.index.places(trace) for trace in sorted(self.store.trace_ids())}
        # what lacks objects here may find them after a fetch
        tips = repr(sorted(self.tips.refs.items()))
        states = {trace: state_of(found) for trace, found in places.items() if trace not in pending}
        works = memo.works(states)
        partly = {trace: state_of(places[trace], tips) for trace in states.keys() - works.keys()}
        works |= memo.works(partly)
        fresh = {}
        for trace in places.keys() - works.keys():
            try:
                fresh[trace] = work_of(given.get(trace) or self.store.load(trace), self.objects)
            except TraceError as error:
                self.store.problems.append(str(error))
        kept = {trace: work for trace, work in fresh.items() if trace in states}
        memo.keep_works(kept, {trace: states[trace] if work.whole else partly[trace] for trace, work in kept.items()})
        works |= fresh
        return {trace: works[trace] for trace in sorted(works)}, notes_of(chain.from_iterable(places.values()))

    def _contents(self, memo: Memo, commits: Iterable[Made]) -> Mapping[str, Content]:
        wanted = {made.oid: made for made in commits}
        known = memo.contents(wanted)
        fresh = contents(self.store.repo, self.objects, [made for oid, made in wanted.items() if oid not in known])
        memo.keep_contents(fresh)
        return known | fresh

    def _tips(self) -> Tips:
        head = self.store.repo.git("rev-parse", "-q", "--verify", "HEAD^{commit}", ok=(0, 1)).decode().strip()
        asked = ("--format=%(refname)%00%(objectname)%00%(*objectname)", "refs/heads", "refs/remotes", "refs/tags")
        refs = {}
        for line in self.store.repo.git("for-each-ref", *asked).splitlines():
            ref, oid, peeled = os.fsdecode(line).split("\0")
            refs[ref] = peeled or oid
        return Tips(head or None, refs, self.objects)

    def links(self, trace: str) -> list[Link]:
        """Return the links of a trace, by its id, the oldest commit first."""
        return [self._alive(trace, item) for item in self.found.get(trace, ())]

    def links_to(self, commit: str) -> list[tuple[str, Link]]:
        """Return (trace id, link) of the traces whose work is in a commit, the strongest first."""
        links = [
            (trace, self._alive(trace, item))
            for trace, found in self.found.items()
            for item in found
            if item.link.commit == commit
        ]
        return sorted(links, key=lambda pair: (_TIERS.index(pair[1].tier), -pair[1].share, pair[0]))

    def fate(self, trace: str) -> Fate | None:
        """Return what became of the lines that a trace wrote, None when it left nothing."""
        return Fates(self.ledger.works[trace], self.found.get(trace, []), self.ledger, self.tips).fate()

    def outcome(self, trace: Trace) -> Outcome:
        """Return what became of a trace."""
        links = self.links(trace.id)
        commit = self._chosen(trace.id, self.found.get(trace.id, []))
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
            fate=self.fate(trace.id),
        )

    def _chosen(self, trace: str, found: list[Found]) -> str | None:
        work, families = self.ledger.works[trace], self.ledger.families
        standing = {
            (families.of(path), exact)
            for path, lines in work.lines.items()
            for exact, written in lines.items()
            if written.stands
        }
        sizes = {}
        for item in found:
            made = self.history[item.link.commit]
            sizes[made.oid] = len(item.lines & standing) or len(made.introduced & work.leaves.keys())
        reverts = frozenset(item.link.commit for item in found if self.history[item.link.commit].reverts)
        return chosen([item.link for item in found], sizes, reverts)

    def _alive(self, trace: str, item: Found) -> Link:
        """Return a link with the part of what the trace brought into the commit that is still at HEAD."""
        head = self.tips.head
        if head is None or item.link.tier not in EMITTED:
            return item.link
        families = self.ledger.families
        if item.lines:
            names: dict[bytes, frozenset[int]] = {}
            for family, _ in item.lines:
                if family not in names:
                    names[family] = frozenset().union(*map(head.exact, families.members(family)))
            share = sum(exact in names[family] for family, exact in item.lines) / len(item.lines)
        else:
            leaves = self.history[item.link.commit].introduced & self.ledger.works[trace].leaves.keys()
            if not leaves:
                return item.link
            share = sum(map(head.has, leaves)) / len(leaves)
        return replace(item.link, alive=share > 0, alive_share=round(share, 4))

    def _patch(self, trace: Trace, links: list[Link], commit: str) -> str | None:
        """Return the diff from the trace's base to what was committed, of the paths that its commits changed."""
        base = trace.base.get("tree")
        if not isinstance(base, str) or self.objects.kind(base) != "tree":
            return None
        paths = {
            path
            for link in links
            if link.reachable and link.tier in EMITTED
            for path in self.history[link.commit].paths
        }
        target = TreeEditor(self.objects, self.history[commit].tree)
        wanted = {path: target.get(path) for path in sorted(paths)}
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
