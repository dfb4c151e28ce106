"""Find the commits that were made while a session was active, from HEAD's reflog, and journal them.

Hooks are hints: a commit made by a GUI, through a library or with `--no-verify` is found here all the same, by the
next command of gittrace. What a rebase or `git am` in progress does is left alone until it has ended, since it may
be aborted.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gittrace.clock import now, uuid7
from gittrace.git import hidden, reflog
from gittrace.git.objects import ObjectStore, open_objects
from gittrace.git.reflog import Entry
from gittrace.git.repository import Repository
from gittrace.git.snapshot import Snapshot
from gittrace.git.trees import TreeEditor
from gittrace.journal.active import Active
from gittrace.journal.append import Journal
from gittrace.journal.position import load_position, log_size, save_position
from gittrace.journal.read import Event, ended, read
from gittrace.text import clean
from gittrace.trace import progress, rewrites
from gittrace.vocabulary import COMMIT, REWRITE

# a commit older than this (seconds) when it is found: what the worktree holds now is not what it held then
_JUST_NOW = 5
# what the reflog's messages begin with: HEAD went elsewhere, or a commit was made here
_MOVES = ("checkout", "reset", "clone", "branch", "Branch", "push", "fetch")
_MADE = ("commit", "cherry-pick", "revert", "am", "merge", "pull")
_WITHOUT_REFLOG = ("--first-parent", "--reverse", "-n1000", "-z", "--format=%H%x01%T%x01%P%x01%ct%x01%s")
_PICKED_AS_IT_WAS = "cherry-pick: fast-forward"


def in_progress(repo: Repository) -> bool:
    """Tell whether a rebase or `git am` is under way, whose commits may yet be thrown away."""
    return any(os.path.isdir(os.path.join(repo.git_dir, name)) for name in ("rebase-merge", "rebase-apply"))


@dataclass(frozen=True)
class _Made:
    """A commit that was made here; `old` is where HEAD was."""

    entry: Entry
    old: str | None
    amends: bool


def catch_up(
    repo: Repository, active: Active, journal: Journal, taken: Snapshot, sealing: bool = False, final: bool = False
) -> list[Event]:
    """Append `commit` and `rewrite` events for what HEAD did since last time, and return them.

    `taken` is a snapshot of now. When `sealing`, nothing was recorded since, and it may stand for the worktree just
    after the last commit. `final` does not wait for a rebase in progress. The journal is locked by the caller.
    """
    head, seen = load_position(repo.trace_dir)
    size = log_size(repo.trace_dir)
    if in_progress(repo) and not final:
        return []
    moves = reflog.since(repo, seen)
    if not moves.entries and head == taken.head:
        return []
    done = progress.load(repo.common_trace_dir, active.session_id)
    tail = read(active.journal, done.offset)
    entries = moves.entries
    if not entries or not moves.complete:
        entries = tuple(_without_reflog(repo, head, taken.head, active.journal))
    known = {*done.commits, *(event["commit"] for event in tail.events if event["kind"] == COMMIT)}
    made = [item for item in _made(entries, head, tail.events) if item.entry.oid not in known]
    events = _Events(repo, tail.events, done.tree, taken, sealing).build(made)
    pairs = rewrites.matching(repo, {entry.oid for entry in entries}, "rebase")
    if pairs:
        events.append(_event(REWRITE, taken.head, taken.branch, now(), cause="rebase", pairs=pairs))
    if events:
        trees = [event["tree"] for event in events if "tree" in event]
        if trees:
            hidden.update(repo, active.trace_id, trees)
        journal.extend(events)
    # HEAD may have moved on since the snapshot
    last = moves.entries[-1].oid if moves.entries else taken.head
    save_position(repo.trace_dir, last, [*(entry.print for entry in reversed(moves.entries)), *seen][:3], size)
    return events


def _event(kind: str, head: str | None, branch: str | None, at: str, **fields: Any) -> Event:
    return {"kind": kind, "id": uuid7(), "at": at, "head": head, "branch": branch, "source": "git", **fields}


def _made(entries: tuple[Entry, ...], head: str | None, events: list[Event]) -> Iterator[_Made]:
    """Yield the commits that were made here.

    Of a rebase's picks only those count that took in work recorded at a stop of the rebase: the others are old
    commits under new names, and their notes are copied.
    """
    old = head
    rebase: list[_Made] | None = None
    stops: set[str | None] = set()
    for entry in entries:
        action = entry.message.partition(":")[0]
        item = _Made(entry, old, amends="(amend)" in action)
        rebases = action.startswith(("rebase", "pull"))
        if rebases and "(start)" in action:
            rebase = []
            began = now(entry.time * 1_000_000_000)
            stops = {event.get("head") for event in events if event["at"] >= began}
        elif rebase is not None and rebases and "(abort)" in action:
            rebase = None
        elif rebase is not None and rebases and "(finish)" in action:
            yield from rebase
            rebase = None
        elif rebase is not None:
            if entry.oid != old and old in stops:
                rebase.append(item)
        elif _is_commit(entry, old):
            yield item
        old = entry.oid
    yield from rebase or ()


def _is_commit(entry: Entry, old: str | None) -> bool:
    action, _, detail = entry.message.partition(": ")
    first = action.split(" ")[0].rstrip(":")
    if entry.oid == old or first in _MOVES or action in ("am --abort", "initial pull"):
        return False
    if (first in ("merge", "pull") and detail.startswith("Fast-forward")) or entry.message == _PICKED_AS_IT_WAS:
        return False
    if first in ("rebase", "pull") and "(finish)" in action:
        return False
    if first in _MADE:
        return True
    # another tool's words: it is a commit if it grew on what was there
    return first != "rebase" and (old in entry.parents or (old is None and not entry.parents))


def _without_reflog(repo: Repository, head: str | None, new: str | None, journal: str) -> Iterator[Entry]:
    """Yield the commits between two heads when the reflog is off or was expired: those younger than the session."""
    if new is None or new == head:
        return
    session = next(iter(read(journal).events), {})
    began = session.get("at") or now()
    with open_objects(repo) as store:
        # where HEAD was may have been undone and pruned
        known = [oid for oid in (head, session.get("base_commit")) if oid and store.kind(oid) == "commit"]
    span = f"{known[0]}..{new}" if known else new
    out = repo.git("log", *_WITHOUT_REFLOG, span, "--")
    for item in os.fsdecode(out).split("\0"):
        fields = item.split("\x01", 4)
        if len(fields) == 5 and now(int(fields[3]) * 1_000_000_000) >= began[:19]:
            oid, tree, parents, when, subject = fields
            yield Entry(oid, tree, tuple(parents.split()), int(when), f"commit: {subject}", "")


class _Events:
    """Builds the events of commits, with the tree of the worktree just after each."""

    def __init__(
        self, repo: Repository, earlier: list[Event], sealed: str | None, taken: Snapshot, sealing: bool
    ) -> None:
        self.repo = repo
        self.taken = taken
        self.sealing = sealing
        self.store: ObjectStore | None = None
        self.tree = sealed
        self.at = ""
        for event in earlier:
            self.tree = event.get("tree_after") or event.get("tree") or self.tree
            self.at = max(self.at, ended(event))

    def build(self, made: list[_Made]) -> list[Event]:
        events: list[Event] = []
        for number, item in enumerate(made):
            entry = item.entry
            self.at = max(min(now(entry.time * 1_000_000_000), now()), self.at)
            if item.amends and item.old:
                pairs = [[item.old, entry.oid]]
                events.append(_event(REWRITE, item.old, self.taken.branch, self.at, cause="amend", pairs=pairs))
            just_made = abs(time.time() - entry.time) <= _JUST_NOW
            if self.sealing and number == len(made) - 1 and just_made and entry.oid == self.taken.head:
                self.tree = self.taken.tree
            else:
                self.tree = self._laid_over(entry)
            action, _, subject = clean(entry.message).partition(": ")
            fields = {"commit": entry.oid, "parents": list(entry.parents), "tree": self.tree}
            fields |= {"action": action, "subject": subject[:200]}
            events.append(_event(COMMIT, item.old, self.taken.branch, self.at, **fields))
        return events

    def _laid_over(self, entry: Entry) -> str:
        """Return the last known worktree with what the commit changed laid over it.

        A file that the worktree held before the commit and still holds now was committed in part: it stays.
        """
        if self.store is None:
            self.store = open_objects(self.repo)
        parent = self.store.commit(entry.parents[0]).tree if entry.parents else None
        before, after = TreeEditor(self.store, self.tree), TreeEditor(self.store, self.taken.tree)
        editor = TreeEditor(self.store, self.tree)
        for change in self.store.changes(parent, entry.tree):
            had = before.get(change.path)
            if had is not None and had == after.get(change.path):
                continue
            if change.new_oid is None:
                editor.remove(change.path)
            else:
                editor.set(change.path, change.new_mode, change.new_oid)
        return editor.write(self.repo)
