"""The commits in which snapshots travel, so that a transfer brings only what is new.

git leaves out what is in the trees of parents that the other side has; and servers count commits alone among what a
client says to have. So a published commit is on top of the *bases* of what was published before, and of its own. A
client keeps only trees, and the texts of the bases (`<common-dir>/trace/share/<remote>.snapshots`): with these it can
say that it has them. What some tree has the bases

- one with that same tree, and
- one that has its last snapshot in the place of every snapshot that there could be: a server compares by path
  (`pack.useSparse`), and what is new there is in snapshots that the tree did not have;

both on top of a commit of a branch.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence

from gittrace.errors import Damaged, GitFailed
from gittrace.git import restorable
from gittrace.git.objects import ObjectMissing, ObjectStore
from gittrace.git.repository import Repository
from gittrace.share.remotes import quoted
from gittrace.share.state import share_dir
from gittrace.vocabulary import SNAPSHOTS_DIR

# bytes; ours have 300, and who writes longer ones has them fetched whole each time
_LONGEST = 4096
# snapshots/<n / 1024>/<n / 32 % 32>/<n % 32>
_FAN_OUT = 32
_LEVELS = 3


def _path(repo: Repository, remote: str) -> str:
    return os.path.join(share_dir(repo), f"{quoted(remote)}.snapshots")


def _load(repo: Repository, remote: str) -> dict[str, list[str]]:
    try:
        with open(_path(repo, remote), encoding="ascii") as file:
            found = json.load(file)
        return {str(name): [str(text) for text in texts] for name, texts in found.items()}
    except (FileNotFoundError, ValueError, AttributeError, TypeError):
        return {}  # it only saves work


def _save(repo: Repository, remote: str, texts: Mapping[str, list[str]]) -> None:
    if texts != _load(repo, remote):
        os.makedirs(share_dir(repo), exist_ok=True)
        restorable.write(_path(repo, remote), json.dumps(texts).encode("ascii") + b"\n")


def filled(repo: Repository, store: ObjectStore, tree: str) -> str:
    """Return a tree that has the last snapshot of `tree` in the place of every snapshot; it is written."""
    last = tree
    for name in (SNAPSHOTS_DIR.encode(), *([None] * _LEVELS)):
        entries = [entry for entry in store.tree(last) if name in (None, entry.name)]
        if not entries:
            return tree
        last = entries[-1].oid
    for _ in range(_LEVELS):
        lines = "".join(f"040000 tree {last}\t{number:02}\0" for number in range(_FAN_OUT))
        last = repo.git("mktree", "-z", stdin=lines.encode()).decode().strip()
    return repo.git("mktree", "-z", stdin=f"040000 tree {last}\t{SNAPSHOTS_DIR}\0".encode()).decode().strip()


def bases_of(store: ObjectStore, commit: str) -> list[str]:
    """Return the bases of a published commit: its last two parents, if it has as many."""
    parents = store.commit(commit).parents
    return list(parents[-2:]) if len(parents) > 1 else []


def _texts(store: ObjectStore, commit: str) -> list[str]:
    texts = [store.read(oid)[1] for oid in bases_of(store, commit)]
    return [text.decode("latin-1") for text in texts if len(text) <= _LONGEST]


def remember(repo: Repository, store: ObjectStore, remote: str, commits: Mapping[str, str]) -> None:
    """Remember the bases of published commits, by the names of their traces, and of no others. Raises OSError."""
    _save(repo, remote, {name: texts for name, oid in commits.items() if (texts := _texts(store, oid))})


def remember_one(repo: Repository, store: ObjectStore, remote: str, name: str, commit: str) -> None:
    """Remember the bases of one published commit more. Raises OSError."""
    _save(repo, remote, _load(repo, remote) | {name: _texts(store, commit)})


def known(repo: Repository, store: ObjectStore, remote: str, trees: Mapping[str, str]) -> dict[str, list[str]]:
    """Return name -> bases that a server may be told to be here, with all that they lead to.

    That is, they are those of the tree of that name in `trees`, which a ref keeps, and refs lead to what they are on
    top of. Raises GitFailed.
    """
    found = {
        name: list(_written(repo, store, texts, trees[name]))
        for name, texts in _load(repo, remote).items()
        if name in trees
    }
    if not _kept(repo, store, (oid for bases in found.values() for oid in bases)):
        found = {name: bases for name, bases in found.items() if _kept(repo, store, bases)}
    return {name: bases for name, bases in found.items() if bases}


def _written(repo: Repository, store: ObjectStore, texts: Sequence[str], tree: str) -> Iterator[str]:
    """Yield those texts that are bases of a tree, as commits; what git has pruned is written again."""
    wanted = {f"tree {tree}", f"tree {filled(repo, store, tree)}"} if texts else set()
    for kept in texts:
        try:
            text = kept.encode("latin-1")
            oid = hashlib.new(repo.format, b"commit %d\0%b" % (len(text), text), usedforsecurity=False).hexdigest()
            if kept.partition("\n")[0] not in wanted:
                continue
            if store.kind(oid) is None:
                repo.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text)
            store.commit(oid)
        except (GitFailed, Damaged, ObjectMissing, UnicodeEncodeError):
            continue  # whatever it is, it is no commit
        yield oid


def _kept(repo: Repository, store: ObjectStore, commits: Iterable[str]) -> bool:
    """Tell whether refs lead to all parents of some commits."""
    parents = {parent for oid in commits for parent in store.commit(oid).parents}
    if not parents:
        return True
    if not all(store.kind(parent) == "commit" for parent in parents):
        return False
    asked = "".join(f"{parent}\n" for parent in sorted(parents))
    return not repo.git("rev-list", "--max-count=1", "--stdin", "--not", "--all", stdin=asked.encode())
