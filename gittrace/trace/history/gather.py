"""Bring the tables up to date with the segments, refs and commits of the repository: what is new is read, once."""

import hashlib
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from functools import cached_property
from itertools import chain

from gittrace.git.graph import Graph, Node, reached
from gittrace.git.history import Records, bounded, reachable, read_records, records
from gittrace.git.objects import EMPTY_TREE
from gittrace.git.sketch import Pair, sketches
from gittrace.trace.history.contents import LARGEST_COMMIT
from gittrace.trace.history.entries import Entries, Said, Sketch
from gittrace.trace.history.fate import Tips
from gittrace.trace.history.memo import Memo
from gittrace.trace.history.tables import UNREAD, UNREADABLE, Tables
from gittrace.trace.produced.hints import Hints, of_segment
from gittrace.trace.produced.work import microseconds
from gittrace.trace.recording import progress
from gittrace.trace.recording.rewrites import read_pairs
from gittrace.trace.stored.store import Pending, Store

# what a commit had that is so much older than the first event (seconds) is not looked for
_LOOK_BACK = 90 * 24 * 3600


_NEVER = 1 << 62
_ATTEMPTS = 3


class Gatherer:
    """Reads what is new."""

    def __init__(self, store: Store, memo: Memo, tips: Tips) -> None:
        self.store = store
        self.memo = memo
        self.tips = tips
        self._nodes: dict[str, Node] = {}
        # the state of the tables that these were read from
        self._nodes_of: tuple[sqlite3.Connection, int] | None = None
        # what leads to commits that count
        self.refs = dict(tips.refs) | ({"HEAD": tips.head.commit} if tips.detached and tips.head else {})

    def graph(self) -> Graph:
        """Return the commits that count, once all that is new was read; the facts are held as they are then."""
        for _ in range(_ATTEMPTS):
            try:
                self.memo.hold()
                if self._is_current():
                    return self._graph()
                with self.memo.writing():
                    self._bring_up_to_date()
            except sqlite3.OperationalError:
                break
        # a repository that we may only read, a full disk, or others who write all the time
        self.memo.use_memory()
        with self.memo.writing():
            self._bring_up_to_date()
        self.memo.hold()
        return self._graph()

    @cached_property
    def _states(self) -> dict[str, str]:
        """What stands for the segments of each trace."""
        found = self.store.index.states()
        for item in self.store.pending.values():
            trace = item.header["trace_id"]
            # its segment begins where the one before it ended
            done = progress.load(self.store.repo.common_trace_dir, item.session_id)
            ids = " ".join(str(event.get("id")) for event in item.events)
            found[trace] = f"{found.get(trace, '')} {item.session_id} {done} {ids}"
        return {trace: _digest(state) for trace, state in found.items()}

    def _is_current(self) -> bool:
        known = dict(self.memo.db.execute("select trace, state from traces"))
        if known != self._states:
            return False
        if self._meta("shallow") != self._shallow or self._meta("objects") != self._objects:
            return False
        if self._since() < int(self._meta("since") or _NEVER) or self._tables.has_unread():
            return False
        self._read_nodes()
        return not self._new_tips() and not self._unknown()

    def _bring_up_to_date(self) -> None:
        entries = Entries(self.memo.db)
        if self._meta("since") is not None:
            self._enter_all(entries, None)
            return
        # git looks for all commits while traces are entered
        with closing(self._all_since(_bound(self._began.values()))) as ahead:
            self._enter_all(entries, ahead)

    def _enter_all(self, entries: Entries, ahead: Records | None) -> None:
        self._read_traces(entries, ahead)
        if self._meta("shallow") != self._shallow:
            # the commits at which it was cut have other parents now
            entries.forget_commits()
            self._nodes_of = None
            self._keep("shallow", self._shallow)
            self._keep("since", str(_NEVER))
        if self._meta("objects") != self._objects:
            self.memo.db.execute("update contents set state = ? where state = ?", (UNREAD, UNREADABLE))
            self._keep("objects", self._objects)
        begun: list[Iterator[Sketch]] = []
        # git compares the first commits' trees while the others are read
        self._read_history(entries, ahead, lambda: begun.append(self._sketches(entries, early=True)))
        while begun or self._tables.has_unread():
            begun.append(self._sketches(entries))
            entries.sketches(chain.from_iterable(begun))
            begun.clear()
        entries.write_rest()

    def _read_traces(self, entries: Entries, ahead: Records | None) -> None:
        known = dict(self.memo.db.execute("select trace, state from traces"))
        for trace in known.keys() - self._states.keys():
            entries.forget_trace(trace)
        new = {trace: state for trace, state in sorted(self._states.items()) if known.get(trace) != state}
        if new:
            entries.traces(self._said(new, ahead))

    def _said(self, traces: Mapping[str, str], ahead: Records | None) -> Iterator[tuple[str, Said]]:
        """Yield what traces, with their states, may say; git's log is kept up with between."""
        pending: dict[str, list[Pending]] = {}
        for item in self.store.pending.values():
            pending.setdefault(item.header["trace_id"], []).append(item)
        for trace, state in traces.items():
            hints = [(session, index, Hints.load(text)) for session, index, text in self.store.index.hints(trace)]
            for item in pending.get(trace, ()):
                one = self.store.unsealed(item)
                hints.append((one.session_id, one.index, of_segment(one.header, one.events)))
            yield trace, Said(state, self._began[trace], hints)
            if ahead:
                ahead.keep_up()

    @cached_property
    def _began(self) -> dict[str, int]:
        """When each trace began, in seconds since the epoch."""
        times = {trace: [at] for trace, at, _ in self.store.index.traces()}
        for item in self.store.pending.values():
            times.setdefault(item.header["trace_id"], []).append(str(item.header.get("at", "")))
        return {trace: microseconds(min(found)) // 1_000_000 for trace, found in times.items()}

    def _sketches(self, entries: Entries, early: bool = False) -> Iterator[Sketch]:
        """Begin to read what commits may change of which that is not known (see `sketches`), and return it."""
        tables = self._tables
        commits = tables.unread()
        trees = {stem.oid: stem.tree for stem in commits}
        trees |= tables.trees({stem.parents[0] for stem in commits if stem.parents} - trees.keys())
        pairs: list[tuple[int, Pair, bool]] = []
        nothing = []
        for stem in commits:
            # what a merge has that no parent had is in its difference from the first one
            old = stem.parents[0] if stem.parents else None
            parent = (trees.get(old) or self._tree(old)) if old else EMPTY_TREE[self.store.objects.format]
            if parent == stem.tree:
                nothing.append((stem.number, b"", len(stem.parents) > 1))
            elif parent is not None:
                pairs.append((stem.number, (parent, stem.tree), len(stem.parents) > 1))
        asked = [pair for _, pair, _ in pairs]
        found = sketches(self.store.repo, asked, LARGEST_COMMIT, early)
        entries.unreadable()
        return chain(nothing, ((pairs[at][0], diff, pairs[at][2]) for at, diff in found))

    def _tree(self, commit: str) -> str | None:
        objects = self.store.objects
        return objects.commit(commit).tree if objects.kind(commit) == "commit" else None

    def _all_since(self, since: int) -> Records:
        objects = self.store.objects
        tips = {oid for oid in self.refs.values() if objects.kind(oid) == "commit"}
        return records(self.store.repo, objects, sorted(tips), since=since)

    def _read_history(self, entries: Entries, ahead: Records | None, some_entered: Callable[[], None]) -> None:
        self._read_nodes()
        since = self._since()
        objects, repo = self.store.objects, self.store.repo
        if since < int(self._meta("since") or _NEVER):
            self._enter(entries, ahead or self._all_since(since), True, some_entered)
            self._keep("since", str(since))
        elif tips := self._new_tips():
            before = (*self.refs.values(), *(self._meta("tips") or "").split())
            known = {oid for oid in before if oid not in tips and objects.kind(oid) == "commit"}
            known = {oid for oid in known if self._is_whole(oid)}
            self._enter(entries, records(repo, objects, sorted(tips), sorted(known), since), True, some_entered)
        self._keep("tips", " ".join(sorted({oid for oid in self.refs.values() if self._is_whole(oid)})))
        self._enter(entries, read_records(repo, objects, self._unknown()), False, some_entered)

    def _read_nodes(self) -> None:
        """Read the order of commits, unless that was done and nobody else has written since."""
        state = self.memo.db, self.memo.version()
        if self._nodes_of != state:
            self._nodes = self._tables.nodes()
            self._nodes_of = state

    def _enter(self, entries: Entries, records: Iterable[bytes], whole: bool, some_entered: Callable[[], None]) -> None:
        found = entries.commits(records, whole, some_entered)
        self._nodes |= {oid: Node(time, tuple(parents.split())) for oid, (time, parents) in found.items()}

    def _since(self) -> int:
        (began,) = self.memo.db.execute("select min(began) from traces").fetchone()
        return _bound([began or 0])

    def _new_tips(self) -> set[str]:
        """Return what refs lead to and has not been read with all that is before it."""
        new = {oid for oid in self.refs.values() if not self._is_whole(oid)}
        return {oid for oid in new if self.store.objects.kind(oid) == "commit"}

    def _is_whole(self, oid: str) -> bool:
        row = self.memo.db.execute("select whole from commits where oid = ?", (oid,)).fetchone()
        return row is not None and bool(row[0])

    @cached_property
    def _noted(self) -> set[str]:
        return self.store.index.noted_commits()

    @cached_property
    def _rewritten(self) -> set[str]:
        return {name for pair in read_pairs(self.store.repo)[0] for name in (pair.old, pair.new)}

    def _made(self) -> set[str]:
        return {row[0] for row in self.memo.db.execute("select oid from made")}

    def _unknown(self) -> list[str]:
        """Return the commits that are named somewhere, are there, and have not been read."""
        named = (self._noted | self._rewritten | self._made()) - self._nodes.keys()
        return sorted(oid for oid in named if self.store.objects.kind(oid) == "commit")

    @property
    def _tables(self) -> Tables:
        return Tables(self.memo.db)

    def _graph(self) -> Graph:
        since, made = self._since(), self._made()
        refs = reached(self._nodes, self.refs, since)
        named = (self._noted | self._rewritten | made) & self._nodes.keys()
        apart = sorted(oid for oid in named - refs.keys() if self.store.objects.kind(oid) == "commit")
        if old := [oid for oid in apart if self._nodes[oid].time < since]:
            refs |= dict.fromkeys(reachable(self.store.repo, old, "HEAD" in self.refs), "")
        return Graph(self._nodes, refs, (*refs, *apart), made)

    def _meta(self, name: str) -> str | None:
        row = self.memo.db.execute("select value from meta where name = ?", (name,)).fetchone()
        return row[0] if row else None

    def _keep(self, name: str, value: str) -> None:
        self.memo.db.execute("insert or replace into meta values (?, ?)", (name, value))

    @cached_property
    def _shallow(self) -> str:
        try:
            with open(os.path.join(self.store.repo.common_dir, "shallow"), "rb") as file:
                return hashlib.sha256(file.read()).hexdigest()
        except FileNotFoundError:
            return ""

    @cached_property
    def _objects(self) -> str:
        """What changes when objects may have come that were missing."""
        try:
            packs = os.stat(os.path.join(self.store.repo.common_dir, "objects", "pack")).st_mtime_ns
        except FileNotFoundError:
            packs = 0
        return _digest(f"{packs} {sorted(self.tips.refs.items())}")


def _bound(began: Iterable[int]) -> int:
    """Return what commits are not looked for before, in seconds since the epoch, where traces began at these times."""
    return bounded(min(began, default=0) - _LOOK_BACK)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()
