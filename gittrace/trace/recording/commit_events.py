"""The events of commits, with the tree of the worktree just after each."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from gittrace.clock import now, uuid7
from gittrace.git.objects import GITLINK, Change, ObjectMissing, ObjectStore, open_objects
from gittrace.git.reflog import Entry
from gittrace.git.repository import Repository
from gittrace.git.snapshot import Snapshot
from gittrace.git.trees import TreeEditor
from gittrace.journal.read import Event, ended
from gittrace.protect.masking import masked_early
from gittrace.text import clean
from gittrace.trace.recording.borrowed import Borrowed
from gittrace.vocabulary import COMMIT, REWRITE

# a commit older than this (seconds) when it is found: what the worktree holds now is not what it held then
_JUST_NOW = 5
# files of which is asked whether one is another one under a new name, and how large they may be (bytes)
_MOST_GONE = 20
_LARGEST = 1 << 20
# such commits hold what stood elsewhere before
_GRAFTED = ("cherry-pick", "revert", "am", "rebase")
_JOINED = (*_GRAFTED, "merge", "pull", "commit (merge)", "commit (cherry-pick)")


@dataclass(frozen=True)
class Made:
    """A commit that was made here: the `number` of its entry in the log, and where HEAD was before."""

    number: int
    entry: Entry
    old: str | None
    amends: bool


def event_of(kind: str, head: str | None, branch: str | None, at: str, **fields: Any) -> Event:
    """Return an event that is read off git."""
    return {"kind": kind, "id": uuid7(), "at": at, "head": head, "branch": branch, "source": "git", **fields}


class CommitEvents:
    """Makes the events of commits, in their order.

    tree    the worktree as the record knows it so far
    head    HEAD there
    at      the time that it has got to (RFC 3339)
    latest  when what is to come happened at the latest
    """

    def __init__(
        self,
        repo: Repository,
        journal: str,
        earlier: list[Event],
        sealed: str | None,
        head: str | None,
        taken: Snapshot,
    ) -> None:
        self.repo = repo
        self.journal = journal
        self.taken = taken
        self.tree = sealed
        self.head = head
        self.at = ""
        self.latest = now()
        for event in earlier:
            self.tree = event.get("tree_after") or event.get("tree") or self.tree
            self.head = event.get("commit") or event.get("head_after") or event.get("head")
            self.at = max(self.at, ended(event))
        self._objects: ObjectStore | None = None
        self._borrowed: Borrowed | None = None

    @property
    def _store(self) -> ObjectStore:
        if self._objects is None:
            self._objects = open_objects(self.repo)
        return self._objects

    def by_hand(self, made: Made, is_last: bool = False) -> list[Event]:
        """Return the events of a commit that no recorded command made; after the last one is the worktree now."""
        entry = made.entry
        recent = abs(time.time() - entry.time) <= _JUST_NOW and entry.oid == self.taken.head
        if is_last and recent and self._still_stands(entry):
            self.tree = self.taken.tree
        else:
            try:
                self.tree = self._laid_over(made)
            except ObjectMissing:
                # a crash of the machine took what stood before
                self.tree = self._store.commit(entry.oid).tree
        self.head = entry.oid
        return self._events(made, tree=self.tree)

    def of_command(self, made: Made, command: str, known: set[str]) -> list[Event]:
        """Return the events of a commit that a recorded command made, by the id of its event.

        The command's effect leads past the commit, or will: the record goes on from where it is. What the commit holds
        and none of the `known` trees (before and after the command) is shown in between, else nobody would have
        written it.
        """
        entry = made.entry
        tree = self.tree if entry.message.startswith(_GRAFTED) else self._shown(entry, known)
        after = {"tree_after": self.tree} if tree != self.tree else {}
        return self._events(made, by=command, tree=tree, **after)

    def _events(self, made: Made, **fields: Any) -> list[Event]:
        entry = made.entry
        self.at = self._time(entry)
        events = []
        if made.amends and made.old:
            pairs = [[made.old, entry.oid]]
            events.append(event_of(REWRITE, made.old, self.taken.branch, self.at, cause="amend", pairs=pairs))
        action, _, subject = clean(entry.message).partition(": ")
        fields = {"commit": entry.oid, "parents": list(entry.parents), **fields}
        fields |= {"action": action, "subject": subject[:200]}
        if borrowed := self._borrows(made):
            fields["borrowed"] = borrowed
        events.append(masked_early(self.repo, event_of(COMMIT, made.old, self.taken.branch, self.at, **fields)))
        return events

    def _borrows(self, made: Made) -> list[str]:
        """Return the branches from which a commit took lines; where git says what it took in, that is known."""
        entry = made.entry
        if len(entry.parents) != 1 or entry.message.startswith(_JOINED):
            return []
        if self._borrowed is None:
            self._borrowed = Borrowed(self.repo, self._store, self.journal)
        amended = self._tree_of(made.old) if made.amends else None
        return self._borrowed.by(entry, [self._parent(entry), amended])

    def _time(self, entry: Entry) -> str:
        """Return when a commit was made: in which second, git says, but anyone may set that.

        As late as can be: what other sessions recorded in that second may have led to it, or came in with it.
        """
        second = now(entry.time * 1_000_000_000)
        if second[:19] < self.at[:19]:
            return max(self.at, self.latest)
        return max(self.at, min(now(entry.time * 1_000_000_000 + 999_999_000), self.latest))

    def _laid_over(self, made: Made) -> str:
        """Return the last known worktree, where HEAD was before the commit, with what that changed laid over it.

        A file stays that was committed in part: the worktree held all that the commit does to it, and more, before the
        commit, and still does. One goes that is gone by now and of which the commit has the new name alone.
        """
        entry = made.entry
        self._follow(made.old)
        before, after = TreeEditor(self._store, self.tree), TreeEditor(self._store, self.taken.tree)
        editor = TreeEditor(self._store, self.tree)
        changes = self._store.changes(self._parent(entry), entry.tree)
        for path in self._once_named(change for change in changes if change.old_oid is None):
            editor.remove(path)
        for change in changes:
            had = before.get(change.path)
            if had is not None and had == after.get(change.path) and self._is_part(change, had.oid, entry):
                continue
            if change.new_oid is None:
                editor.remove(change.path)
            else:
                editor.set(change.path, change.new_mode, change.new_oid)
        return editor.write(self.repo)

    def _once_named(self, added: Iterable[Change]) -> Iterator[bytes]:
        """Yield the paths under which files stood that a commit has under new names, and that are gone by now."""
        new = [change.new_oid for change in added if change.new_oid and change.new_mode != GITLINK]
        gone = [one for one in self._store.changes(self.tree, self.taken.tree) if one.new_oid is None] if new else []
        for one in gone[:_MOST_GONE]:
            if any(one.old_oid == oid or self._is_like(one.old_oid, oid) for oid in new[:_MOST_GONE]):
                yield one.path

    def _is_like(self, old: str | None, new: str) -> bool:
        """Tell whether at least half of the lines of two contents are the same."""
        if any(oid is None or self._store.size(oid) > _LARGEST for oid in (old, new)):
            return False
        had, has = self._lines(old), self._lines(new)
        return 2 * len(had & has) >= max(len(had), len(has))

    def _still_stands(self, entry: Entry) -> bool:
        """Tell whether the worktree holds all that a commit brought; if not, work has gone on since."""
        after = TreeEditor(self._store, self.taken.tree)
        for change in self._store.changes(self._parent(entry), entry.tree):
            held = after.get(change.path)
            if change.new_oid is None or (held and held.oid == change.new_oid):
                continue
            if held is None or not self._is_part(change, held.oid, entry):
                return False
        return True

    def _is_part(self, change: Change, had: str, entry: Entry) -> bool:
        """Tell whether a content holds all that a commit does to the file."""
        if change.new_oid is None:
            return entry.oid == self.taken.head  # git rm --cached
        if GITLINK in (change.old_mode, change.new_mode):
            return False
        old, new, held = self._lines(change.old_oid), self._lines(change.new_oid), self._lines(had)
        return new - old <= held and not (old - new) & held

    def _follow(self, head: str | None) -> None:
        """Take the worktree to where HEAD went without a commit: what was clean follows, unless it is as it was now."""
        trees = [self._tree_of(commit) for commit in (self.head, head)]
        if self.tree is None or None in trees or trees[0] == trees[1]:
            return
        before, after = TreeEditor(self._store, self.tree), TreeEditor(self._store, self.taken.tree)
        editor = TreeEditor(self._store, self.tree)
        for change in self._store.changes(*trees):
            had = before.get(change.path)
            clean = (had.oid if had else None) == change.old_oid
            if not clean or had == after.get(change.path):
                continue
            if change.new_oid is None:
                editor.remove(change.path)
            else:
                editor.set(change.path, change.new_mode, change.new_oid)
        self.tree = editor.write(self.repo)

    def _tree_of(self, commit: str | None) -> str | None:
        return self._store.commit(commit).tree if commit and self._store.kind(commit) == "commit" else None

    def _shown(self, entry: Entry, known: set[str]) -> str | None:
        """Return the worktree with the contents of a commit that stand in none of the known trees.

        A file that is the same in all of these was committed in part, unless lines of it are new.
        """
        trees = [TreeEditor(self._store, tree) for tree in known]
        editor = TreeEditor(self._store, self.tree)
        changed = False
        for change in self._store.changes(self._parent(entry), entry.tree):
            stood = {one.oid if one else None for one in (tree.get(change.path) for tree in trees)}
            if change.new_oid is None or change.new_oid in stood or change.new_mode == GITLINK:
                continue
            if len(stood) > 1 or None in stood or self._lines(change.new_oid) - self._lines(*stood):
                editor.set(change.path, change.new_mode, change.new_oid)
                changed = True
        return editor.write(self.repo) if changed else self.tree

    def _lines(self, *oids: str | None) -> set[bytes]:
        blobs = [self._store.blob(oid) for oid in oids if oid and self._store.kind(oid) == "blob"]
        return {line for blob in blobs for line in blob.split(b"\n")}

    def _parent(self, entry: Entry) -> str | None:
        return self._store.commit(entry.parents[0]).tree if entry.parents else None
