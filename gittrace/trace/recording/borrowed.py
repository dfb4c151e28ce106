"""Find the branches from which a commit took lines: by `git merge --squash`, `cherry-pick -n` or a checkout of files.

git writes down nowhere that it did, and later the branch may be gone. So it is looked for when the commit is
journaled, among the branches that are older: does one hold, in the same file, lines that the commit adds? So may a
stash from before the session, which is no more once it was popped.
"""

import json
import os
from collections.abc import Iterator, Sequence
from contextlib import closing
from itertools import islice

from gittrace.git.isolated import Isolated
from gittrace.git.objects import Entry as Leaf
from gittrace.git.objects import ObjectMissing, ObjectStore
from gittrace.git.process import Process
from gittrace.git.reflog import Entry
from gittrace.git.repository import Repository
from gittrace.git.trees import TreeEditor

# what is looked at: the newest branches and stashes, the first files, and of these no large ones (bytes)
_MOST_TIPS = 32
_MOST_FILES = 100
# so often is asked in which commit of a branch a file was taken away
_MOST_RENAMES = 8
_LARGEST = 1 << 20
# a line with fewer letters and digits turns up anywhere
_TELLING = 12
_SIGNS = bytes(byte for byte in range(128) if not chr(byte).isalnum())
_STASHES = ("stash", "list", f"-n{_MOST_TIPS}", "--format=%H %P")
_TIPS = ("for-each-ref", "--sort=-committerdate", f"--count={_MOST_TIPS}", "--format=%(objectname)")


def stashes(repo: Repository) -> list[str]:
    """Return the commits of the stashes: what was tracked, and what wasn't."""
    rows = [row.split() for row in repo.git(*_STASHES).decode().splitlines()]
    # the parents are HEAD, the index, and what was not tracked
    return [oid for row in rows for oid in (row[0], *row[3:])]


class Borrowed:
    """Answers for the commits of a session that are journaled together; `journal` is the path of its journal."""

    def __init__(self, repo: Repository, store: ObjectStore, journal: str) -> None:
        self._repo = repo
        self._journal = journal
        self._store = store
        self._tips: list[str] | None = None
        self._trees: dict[str, TreeEditor] = {}
        self._lines: dict[str, frozenset[bytes]] = {}

    def by(self, entry: Entry, trees: Sequence[str | None]) -> list[str]:
        """Return the tips of branches that hold lines which a commit adds to all of the trees it was made on."""
        fresh: dict[bytes, frozenset[bytes]] = {}
        held = [TreeEditor(self._store, tree) for tree in trees if tree]
        changes = self._store.changes(trees[0], entry.tree)[:_MOST_FILES]
        # a file that was renamed holds what stood there under its old name
        gone = {change.old_oid for change in changes if change.new_oid is None}
        for change in changes:
            before = {*gone, *(one.oid for one in (tree.get(change.path) for tree in held) if one)}
            if change.new_oid is not None and change.new_oid not in before:
                new = self._of(change.new_oid).difference(*(self._of(oid) for oid in before if oid))
                if new:
                    fresh[change.path] = new
        if not fresh:
            return []
        if self._tips is None:
            names = [*self._repo.git(*_TIPS, "refs/heads", "refs/remotes").decode().split(), *self._stashed()]
            self._tips = [oid for oid in dict.fromkeys(names) if self._store.kind(oid) == "commit"]
        older = [oid for oid in self._tips if self._is_older(oid, entry)]
        found = [oid for oid in older if self._holds(oid, fresh)]
        changed = {change.path for change in changes if change.old_oid is not None}
        left = {path: lines for path, lines in fresh.items() if path in changed}
        return [*found, *self._before_renames(older, entry, left)] if left else found

    def _before_renames(self, tips: Sequence[str], entry: Entry, fresh: dict[bytes, frozenset[bytes]]) -> Iterator[str]:
        """Yield commits of branches that hold such lines in files which have other names, or are gone, at the tips."""
        asked = ((tip, path) for tip in tips for path in fresh if self._lacks(tip, path))
        seen: set[str] = set()
        for tip, path in islice(asked, _MOST_RENAMES):
            # the youngest commit of the branch alone that touched it took it away
            last = self._last(path, (tip, *(f"^{oid}" for oid in entry.parents)))
            parent = next(iter(self._store.commit(last).parents), None) if last else None
            if parent and parent not in seen and self._holds(parent, {path: fresh[path]}):
                seen.add(parent)
                yield parent

    def _last(self, path: bytes, revisions: Sequence[str]) -> str | None:
        """Return the youngest of some commits that touched a file; None where not all of them are here."""
        # a clone in part would have git fetch the trees that it lacks, one by one
        with closing(Isolated(self._repo)) as isolated:
            args = isolated.argv("rev-list", "-n1", *revisions, "--", f":(literal){os.fsdecode(path)}")
            return Process(args, isolated.env).check(ok=(0, 128)).decode().strip() or None

    def _lacks(self, commit: str, path: bytes) -> bool:
        try:
            return self._entry(commit, path) is None
        except ObjectMissing:
            return False

    def _entry(self, commit: str, path: bytes) -> Leaf | None:
        if commit not in self._trees:
            self._trees[commit] = TreeEditor(self._store, self._store.commit(commit).tree)
        return self._trees[commit].get(path)

    def _stashed(self) -> list[str]:
        """Return the stashes from before the session."""
        with open(self._journal, "rb") as file:
            try:
                return [str(oid) for oid in json.loads(file.readline()).get("stashes") or ()]
            except (ValueError, AttributeError):
                return []  # a damaged journal; who seals it says so

    def _holds(self, commit: str, fresh: dict[bytes, frozenset[bytes]]) -> bool:
        try:
            entries = ((self._entry(commit, path), lines) for path, lines in fresh.items())
            return any(entry is not None and not lines.isdisjoint(self._of(entry.oid)) for entry, lines in entries)
        except ObjectMissing:
            return False  # a clone in part need not have it

    def _of(self, oid: str) -> frozenset[bytes]:
        """Return the lines of a file that say something."""
        found = self._lines.get(oid)
        if found is None:
            small = self._store.kind(oid) == "blob" and self._store.size(oid) <= _LARGEST
            lines = {line.strip() for line in self._store.blob(oid).split(b"\n")} if small else set()
            found = frozenset(line for line in lines if len(line.translate(None, _SIGNS)) >= _TELLING)
            self._lines[oid] = found
        return found

    def _is_older(self, oid: str, entry: Entry) -> bool:
        """Tell whether a commit was there before another: by the files that hold them, else by what they say."""
        written, other = self._written(oid), self._written(entry.oid)
        if written is None or other is None:
            return oid != entry.oid and self._store.commit(oid).committer.time < entry.time
        return written < other

    def _written(self, oid: str) -> int | None:
        """Return when a loose object was written, None for one that is packed."""
        try:
            return os.stat(os.path.join(self._repo.common_dir, "objects", oid[:2], oid[2:])).st_mtime_ns
        except OSError:
            return None
