"""What the commits of a repository introduced, in one walk of git."""

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository

_FIELDS = "%H%x01%T%x01%P%x01%ct%x01%S%x01%s%x01%b"
_REVERTS = re.compile(r"^This reverts commit ([0-9a-f]{40,64})", re.MULTILINE)
# below this git takes `@seconds` for something else
_SMALLEST_TIME = 100_000_000
_OPTIONS = ("-z", "--raw", "--no-renames", "--no-abbrev", "--no-show-signature", "--no-color", "--no-ext-diff")
# a file that a commit left behind: path, mode, blob; mode 0 and the old blob for one that it deleted
Leaf = tuple[bytes, int, str]


@dataclass(frozen=True)
class Made:
    """A commit, and the files that it introduced: those that none of its parents had so.

    time       committer's, seconds since the epoch
    reachable  from a branch, tag or remote-tracking branch
    ref        one of these, by its full name; None when it is reachable from none
    reverts    the commits that its message says it reverts
    """

    oid: str
    tree: str
    parents: tuple[str, ...]
    time: int
    subject: str
    ref: str | None
    introduced: frozenset[Leaf]
    reverts: frozenset[str] = frozenset()

    @property
    def reachable(self) -> bool:
        """Whether a branch, tag or remote-tracking branch leads to it."""
        return self.ref is not None

    @property
    def paths(self) -> frozenset[bytes]:
        """The paths that it changed."""
        return frozenset(path for path, _, _ in self.introduced)


def read_history(repo: Repository, store: ObjectStore, since: int, also: Iterable[str] = ()) -> dict[str, Made]:
    """Return the commits that branches, tags and remote-tracking branches reach and that are not older than `since`
    (seconds since the epoch), and those in `also` that exist, reachable or not.
    """
    found: dict[str, Made] = {}
    bound = [f"--since=@{since}"] if since > _SMALLEST_TIME else []
    _walk(repo, store, [*bound, "--branches", "--tags", "--remotes", *_detached(repo)], found)
    rest = [oid for oid in dict.fromkeys(also) if oid not in found and store.kind(oid) == "commit"]
    if rest:
        reachable = _reachable(repo, rest)
        apart: dict[str, Made] = {}
        _walk(repo, store, ["--no-walk=unsorted", "--stdin"], apart, "".join(f"{oid}\n" for oid in rest).encode())
        for oid, made in apart.items():
            found[oid] = made if oid in reachable else replace(made, ref=None)
    return found


def _detached(repo: Repository) -> Sequence[str]:
    # work on a detached HEAD is in use, though no branch leads to it yet
    head = repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1))
    return ("HEAD",) if head and repo.git("symbolic-ref", "-q", "HEAD", ok=(0, 1)) == b"" else ()


def _reachable(repo: Repository, commits: Sequence[str]) -> set[str]:
    """Return those of the commits that a branch, tag, remote-tracking branch or HEAD leads to."""
    asked = [*(f"{oid}\n" for oid in commits), "--not\n", "--branches\n", "--tags\n", "--remotes\n"]
    lines = [*asked, *(f"{name}\n" for name in _detached(repo))]
    out = repo.git("rev-list", "--stdin", stdin="".join(lines).encode())
    return set(commits) - set(out.decode().split())


def _walk(
    repo: Repository, store: ObjectStore, revisions: Sequence[str], found: dict[str, Made], stdin: bytes = b""
) -> None:
    # a path may hold any byte but NUL, so what separates the records is made up anew each time
    mark = os.urandom(12).hex()
    options = (*_OPTIONS, f"--format=%x02{mark}{_FIELDS}")
    out = repo.git("-c", "log.showRoot=true", "log", *options, *revisions, stdin=stdin)
    for record in out.split(b"\x02" + mark.encode())[1:]:
        head, _, rest = record.partition(b"\0")
        oid, tree, parents_text, time, ref, subject, body = os.fsdecode(head).split("\x01", 6)
        parents = tuple(parents_text.split())
        introduced = _merged(store, tree, parents) if len(parents) > 1 else _raw(rest)
        reverts = frozenset(_REVERTS.findall(body))
        found[oid] = Made(oid, tree, parents, int(time), subject, ref or None, introduced, reverts)


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
