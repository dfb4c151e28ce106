"""What the commits of a repository introduced, in one walk of git.

Commits are taken as they are stored: what `git replace` puts in another's place is a commit of its own here.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository

_FIELDS = "%H%x01%T%x01%P%x01%ct%x01%S%x01%an%x02%ae%x02%at%x01%s%x01%b"
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)
_PICKED = re.compile(r"^\(cherry picked from commit ([0-9a-f]{40,64})\)", re.MULTILINE)
# below this git takes `@seconds` for something else
_SMALLEST_TIME = 100_000_000
_OPTIONS = ("-z", "--raw", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-color", "--no-ext-diff")
# with --branches and its like, %S would have the short names
_REFS = ("--glob=refs/heads", "--glob=refs/remotes", "--glob=refs/tags", "--glob=refs/replace")
# a commit of which more is asked than this (HEAD, mostly) gets all its ancestors listed
_OFTEN = 8
# a file that a commit left behind: path, mode, blob; mode 0 and the old blob for one that it deleted
Leaf = tuple[bytes, int, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A commit, and the files that it introduced: those that none of its parents had so.

    time     committer's, seconds since the epoch
    authored name, email and time of the author, and the subject: what a cherry-pick or rebase keeps
    ref      a branch, tag or remote-tracking branch that leads to it, by its full name; None when none does
    reverts  the commits that its message says it reverts
    picked   the commits that its message says it was picked from
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    time: int
    subject: str
    ref: str | None
    introduced: frozenset[Leaf]
    reverts: frozenset[str] = frozenset()
    picked: frozenset[str] = frozenset()
    authored: str = ""

    @property
    def reachable(self) -> bool:
        """Whether a branch, tag or remote-tracking branch leads to it."""
        return self.ref is not None

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it changed."""
        return frozenset(path for path, _, _ in self.introduced)


def read_history(
    repo: Repository, store: ObjectStore, since: int, also: Iterable[str] = (), first: Collection[str] = ()
) -> dict[str, Made]:
    """Return the commits that branches, tags and remote-tracking branches reach and that are not older than `since`
    (seconds since the epoch), and those in `also` that exist, reachable or not.

    Parents come before children, else the older commits, and of those of one second the ones in `first`.
    """
    found: dict[str, Made] = {}
    bound = [f"--since=@{since}"] if since > _SMALLEST_TIME else []
    _walk(repo, store, [*bound, *_REFS, *_detached(repo)], found)
    rest = [oid for oid in dict.fromkeys(also) if oid not in found and store.kind(oid) == "commit"]
    if rest:
        reachable = _reachable(repo, rest)
        apart: dict[str, Made] = {}
        _walk(repo, store, ["--no-walk=unsorted", "--stdin"], apart, "".join(f"{oid}\n" for oid in rest).encode())
        for oid, made in apart.items():
            found[oid] = made if oid in reachable else replace(made, ref=None)
    return _parents_first(found, first)


def _parents_first(found: Mapping[str, Made], first: Collection[str]) -> dict[str, Made]:
    ordered: dict[str, Made] = {}
    for oid in sorted(found, key=lambda oid: (found[oid].time, oid not in first, oid)):
        todo = [oid]
        while todo:
            missing = [parent for parent in found[todo[-1]].parents if parent in found and parent not in ordered]
            if missing:
                todo += missing
            else:
                name = todo.pop()
                ordered[name] = found[name]
    return ordered


def _detached(repo: Repository) -> Sequence[str]:
    # work on a detached HEAD is in use, though no branch leads to it yet
    head = repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))
    return ("HEAD",) if head and repo.git("symbolic-ref", "-q", "HEAD", ok=(0, 1)) == b"" else ()


def _reachable(repo: Repository, commits: Sequence[str]) -> set[str]:
    """Return those of the commits that a branch, tag, remote-tracking branch or HEAD leads to."""
    asked = "".join(f"{oid}\n" for oid in commits).encode()
    # before 2.42 git takes no options from standard input
    out = repo.git("--no-replace-objects", "rev-list", "--stdin", "--not", *_REFS, *_detached(repo), stdin=asked)
    return set(commits) - set(out.decode().split())


def _walk(
    repo: Repository, store: ObjectStore, revisions: Sequence[str], found: dict[str, Made], stdin: bytes = b""
) -> None:
    # a path may hold any byte but NUL, so what separates the records is made up anew each time
    mark = os.urandom(12).hex()
    options = (*_OPTIONS, f"--format=%x02{mark}{_FIELDS}")
    out = repo.git(
        "--no-replace-objects", "-c", "log.showRoot=true", "log", *options, *revisions, stdin=stdin
    )  # fmt: skip
    for record in out.split(b"\x02" + mark.encode())[1:]:
        head, _, rest = record.partition(b"\0")
        oid, tree, parents_text, time, ref, authored, subject, body = os.fsdecode(head).split("\x01", 7)
        parents = tuple(parents_text.split())
        introduced = _merged(store, tree, parents) if len(parents) > 1 else _raw(rest)
        reverts, picked = (frozenset(pattern.findall(body)) for pattern in (_REVERTS, _PICKED))
        found[oid] = Made(
            oid, tree, parents, int(time), subject, ref or None, introduced, reverts, picked, f"{authored}\x02{subject}"
        )


def _raw(data: bytes) -> frozenset[Leaf]:
    items = data.lstrip(b"\n").split(b"\0")
    leaves = set()
    for head, path in zip(items[::2], items[1::2], strict=False):
        if head.lstrip(b"\n").startswith(b":"):
            _, mode, old, new, status = head.lstrip(b"\n").split(b" ")
            gone = status.startswith(b"D")
            leaves.add((path, 0 if gone else int(mode, 8), (old if gone else new).decode()))
    return frozenset(leaves)


def _merged(store: ObjectStore, tree: str, parents: Sequence[str]) -> frozenset[Leaf]:
    """Return what a merge has that no parent had: conflicts solved by hand."""
    common: set[Leaf] | None = None
    for parent in parents:
        leaves = {
            (change.path, change.new_mode, change.new_oid or change.old_oid or "")
            for change in store.changes(store.commit(parent).tree, tree)
        }
        common = leaves if common is None else common & leaves
    return frozenset(common or ())


class Ancestry:
    """Who comes before whom among commits that were read (see `read_history`)."""

    def __init__(self, history: Mapping[str, Made]) -> None:
        self._history = history
        self._place = {oid: number for number, oid in enumerate(history)}
        self._known: dict[tuple[str, str], bool] = {}
        self._asked: Counter[str] = Counter()
        self._ancestors: dict[str, set[str]] = {}

    def leads_to(self, old: str, new: str) -> bool:
        """Tell whether `old` is `new` or an ancestor of it."""
        if old == new:
            return True
        first, last = self._place.get(old), self._place.get(new)
        if first is None or last is None or first > last:
            return False
        if new in self._ancestors:
            return old in self._ancestors[new]
        found = self._known.get((old, new))
        if found is None:
            self._asked[new] += 1
            if self._asked[new] > _OFTEN:
                self._ancestors[new] = self._all(new)
                return old in self._ancestors[new]
            found = self._known[old, new] = self._search(first, old, new)
        return found

    def _all(self, new: str) -> set[str]:
        found, todo = {new}, [new]
        while todo:
            fresh = [parent for parent in self._history[todo.pop()].parents if parent in self._place]
            todo += [parent for parent in fresh if parent not in found]
            found.update(fresh)
        return found

    def _search(self, first: int, old: str, new: str) -> bool:
        seen, todo = {new}, [new]
        while todo:
            for parent in self._history[todo.pop()].parents:
                if parent == old:
                    return True
                # parents come before children, so what comes before `old` doesn't descend from it
                if parent not in seen and self._place.get(parent, -1) > first:
                    seen.add(parent)
                    todo.append(parent)
        return False
