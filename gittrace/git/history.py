"""What the commits of a repository introduced, in one walk of git.

Commits are taken as they are stored: what `git replace` puts in another's place is a commit of its own here.
"""

import os
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import NamedTuple

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository

_FIELDS = "%H%x01%T%x01%P%x01%ct%x01%an%x02%ae%x02%at%x01%s%x01%b"
_REVERTS = re.compile(rb"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)
_PICKED = re.compile(rb"^\(cherry picked from commit ([0-9a-f]{40,64})\)", re.MULTILINE)
# below this git takes `@seconds` for something else
_SMALLEST_TIME = 100_000_000
# what is taken apart together
_AT_ONCE = 1 << 18
# what is held of what was told before somebody reads it
_MOST_TAKEN = 32 << 20
_OPTIONS = ("-z", "--raw", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-color", "--no-ext-diff")
_REFS = ("--glob=refs/heads", "--glob=refs/remotes", "--glob=refs/tags", "--glob=refs/replace")
# a file that a commit left behind: path, mode, blob; mode 0 and the old blob for one that it deleted
Leaf = tuple[bytes, int, str]


@dataclass(frozen=True, slots=True)
class Made:
    """A commit, and the files that it introduced: those that none of its parents had so.

    time     committer's, seconds since the epoch
    authored name, email and time of the author, and the subject: what a cherry-pick or rebase keeps
    reverts  the commits that its message says it reverts
    picked   the commits that its message says it was picked from
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    time: int
    subject: str
    introduced: frozenset[Leaf]
    reverts: frozenset[str] = frozenset()
    picked: frozenset[str] = frozenset()
    authored: str = ""

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it changed."""
        return frozenset(path for path, _, _ in self.introduced)

    @property
    def is_taken_over(self) -> bool:
        """Whether its author's date is another: it was amended, rebased, picked, or came by mail."""
        return f"\x02{self.time}\x02" not in self.authored


def bounded(since: int) -> int:
    """Return a time that git takes for one: 0, for no bound, where it would not."""
    return since if since > _SMALLEST_TIME else 0


def walk(
    repo: Repository, store: ObjectStore, tips: Iterable[str], known: Iterable[str] = (), since: int = 0
) -> Iterator[Made]:
    """Yield the commits that `tips` lead to and `known` don't (see `records`)."""
    return map(made_of, records(repo, store, tips, known, since))


class Records:
    """What git tells of commits, from now on: of each its fields, NUL, and what it introduced, in git's raw format.

    It is read once. Raises GitFailed, when it is made, kept up with or read.
    """

    def __init__(self, repo: Repository, store: ObjectStore, options: Sequence[str], asked: Iterable[str]) -> None:
        self._store = store
        # a path may hold any byte but NUL, so what separates the records is made up anew each time
        self._mark = b"\x02" + os.urandom(12).hex().encode()
        self._taken: list[bytes] = []
        self._size = 0
        self._pieces: Generator[bytes, None, None] | None = None
        stdin = "".join(f"{name}\n" for name in asked).encode()
        if stdin:
            shown = f"--format=%x02{self._mark[1:].decode()}{_FIELDS}"
            argv = ("--no-replace-objects", "-c", "log.showRoot=true", "log", *_OPTIONS, shown)
            self._process = repo.start(*argv, *options, feed=True)
            self._process.widen()
            self._pieces = self._process.stream(stdin)
            self._take()

    def _take(self) -> None:
        data = next(self._pieces, None) if self._pieces else None
        if data is None:
            self._pieces = None
        else:
            self._taken.append(data)
            self._size += len(data)

    def keep_up(self) -> None:
        """Take in what git has told by now, so that it need not wait; no more than memory is good for."""
        while self._pieces and self._size < _MOST_TAKEN and self._process.has_output():
            self._take()

    def __iter__(self) -> Iterator[bytes]:
        taken, self._taken = self._taken, []
        for record in _split(chain(taken, self._pieces or ()), self._mark):
            head, _, _ = record.partition(b"\0")
            _, tree, parents, _ = head.split(b"\x01", 3)
            if b" " in parents:
                leaves = sorted(_merged(self._store, tree.decode(), parents.decode().split()))
                yield head + b"\0" + b"".join(map(_as_raw, leaves))
            else:
                yield record

    def close(self) -> None:
        """Let git end, whatever it has still to tell."""
        if self._pieces:
            self._pieces.close()


def records(
    repo: Repository, store: ObjectStore, tips: Iterable[str], known: Iterable[str] = (), since: int = 0
) -> Records:
    """Yield the records of commits that `tips` lead to and `known` don't; both must be in the repository.

    From a commit that is older than `since` (seconds since the epoch) nothing is followed, where nothing is known; else
    the caller sees to that.
    """
    excluded = [f"^{oid}" for oid in known]
    asked = [*tips, *excluded]
    # beside ^ git would leave out too what comes before an old commit on another way
    bound = [f"--since=@{since}"] if since and not excluded else []
    return Records(repo, store, [*bound, "--stdin"], asked)


def read_commits(repo: Repository, store: ObjectStore, commits: Iterable[str]) -> Iterator[Made]:
    """Yield the given commits, which must be in the repository."""
    return map(made_of, read_records(repo, store, commits))


def read_records(repo: Repository, store: ObjectStore, commits: Iterable[str]) -> Records:
    """Yield the records of the given commits, which must be in the repository."""
    return Records(repo, store, ["--no-walk=unsorted", "--stdin"], commits)


def reachable(repo: Repository, commits: Sequence[str], detached: bool) -> set[str]:
    """Return those of the commits that a branch, tag, remote-tracking branch or a `detached` HEAD leads to."""
    asked = "".join(f"{oid}\n" for oid in commits).encode()
    head = ("HEAD",) if detached else ()
    # before 2.42 git takes no options from standard input
    out = repo.git("--no-replace-objects", "rev-list", "--stdin", "--not", *_REFS, *head, "--", stdin=asked)
    return set(commits) - set(out.decode().split())


class Outline(NamedTuple):
    """What is cheap to tell of a record; `parents` with spaces between, `leaves` as in `Made.introduced`."""

    oid: str
    time: int
    parents: str
    leaves: list[Leaf]
    reverts: tuple[str, ...]


def outline(record: bytes) -> Outline:
    """Return the outline of a record."""
    head, _, rest = record.partition(b"\0")
    fields = head.split(b"\x01", 6)
    reverts = tuple(map(os.fsdecode, _REVERTS.findall(fields[6]))) if b"This reverts" in fields[6] else ()
    return Outline(fields[0].decode(), int(fields[3]), fields[2].decode(), _raw(rest), reverts)


def tree_of(record: bytes) -> str:
    """Return the tree of a commit, by its record."""
    return record.split(b"\x01", 2)[1].decode()


def made_of(record: bytes) -> Made:
    """Return a commit, by its record."""
    head, _, rest = record.partition(b"\0")
    oid, tree, parents, time, authored, subject, body = os.fsdecode(head).split("\x01", 6)
    raw = body.encode("utf-8", "surrogateescape")
    reverts = frozenset(map(os.fsdecode, _REVERTS.findall(raw))) if "This reverts" in body else frozenset()
    picked = frozenset(map(os.fsdecode, _PICKED.findall(raw))) if "cherry picked" in body else frozenset()
    introduced = frozenset(_raw(rest))
    return Made(
        oid, tree, tuple(parents.split()), int(time), subject, introduced, reverts, picked, f"{authored}\x02{subject}"
    )


def _split(output: Iterable[bytes], mark: bytes) -> Iterator[bytes]:
    """Yield what follows each mark, as it comes."""
    parts: list[bytes] = []
    size, enough = 0, _AT_ONCE
    first = True
    for data in output:
        parts.append(data)
        size += len(data)
        if size >= enough:
            *complete, rest = b"".join(parts).split(mark)
            yield from complete[first:]
            first = first and not complete
            # of a long record the beginning is not to be looked at again and again
            parts, size, enough = [rest], len(rest), max(_AT_ONCE, 2 * len(rest))
    yield from b"".join(parts).split(mark)[first:]


def _as_raw(leaf: Leaf) -> bytes:
    path, mode, oid = leaf
    return b":0 %o %s %s %s\0%s\0" % (mode, oid.encode(), oid.encode(), b"M" if mode else b"D", path)


def _raw(data: bytes) -> list[Leaf]:
    items = data.lstrip(b"\n").split(b"\0")
    leaves = []
    for head, path in zip(items[::2], items[1::2], strict=False):
        words = head.lstrip(b"\n").split(b" ")
        if len(words) == 5 and words[0][:1] == b":":
            _, mode, old, new, status = words
            gone = status[:1] == b"D"
            leaves.append((path, 0 if gone else int(mode, 8), (old if gone else new).decode()))
    return leaves


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
