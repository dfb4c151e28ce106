"""Drop the objects of what was forgotten from the object store, and nothing else that is unreachable.

`git gc --prune=now` would do, and would take with it what the user can still find with `git fsck --lost-found`. So
what the refs led to before (`forgotten`) is listed, less all that anything leads to now; then the loose ones are
unlinked, and those in packs are made loose by `git repack -A -d` first. As with git's own pruning, no other process
should be writing to the repository; an object that somebody wrote or used again meanwhile stays.
"""

import os
import time
from dataclasses import dataclass

from gittrace.errors import Damaged, TraceError
from gittrace.git.objects import GITLINK, ObjectMissing, ObjectStore, open_objects
from gittrace.git.repository import Repository, git_dirs
from gittrace.text import decode
from gittrace.vocabulary import ACTIVE_FILE, FORGOTTEN_FILE, INDEX_FILE, STATE_FILE

_LIST = ("rev-list", "--objects", "--no-object-names", "--missing=allow-any")


@dataclass
class Pruned:
    """How many objects are gone, and how many can't be removed: in a kept pack, an alternate, or used again."""

    removed: int = 0
    left: int = 0


def remembered(repo: Repository) -> list[str]:
    """Return what refs led to before something was forgotten, and may still be in the object store."""
    try:
        with open(_path(repo), encoding="ascii", errors="replace") as file:
            found = file.read().split()
    except FileNotFoundError:
        return []
    length = len(repo.zero)
    return list(dict.fromkeys(oid for oid in found if len(oid) == length and set(oid) <= set("0123456789abcdef")))


def prune(repo: Repository) -> Pruned:
    """Drop what was forgotten, where nothing leads to it any more; killed, it may be done again.

    Raises GitFailed, OSError.
    """
    began = time.time()
    result = Pruned()
    with open_objects(repo) as store:
        gone = _below(store, remembered(repo))
    if not gone:
        _write(repo, [])
        return result
    _drop_private_indexes(repo)
    gone -= set(decode(repo.git(*_LIST, "--all", "--reflog", "--indexed-objects")).split())
    # from now on the file names each of them: what is gone leads to nothing
    _write(repo, sorted(gone))
    result.removed = _unlink(repo, gone, began)
    left = _present(repo, sorted(gone))
    if left:
        # what packs hold becomes loose, also what we don't want to go
        repo.git("repack", "-A", "-d", "-q")
        result.removed += _unlink(repo, left, began)
        left = _present(repo, left)
    result.left = len(left)
    if result.removed and os.path.exists(os.path.join(repo.common_dir, "objects", "info", "commit-graph")):
        repo.git("commit-graph", "write", "--reachable")  # it names the commits that are gone
    _write(repo, left)
    return result


def _path(repo: Repository) -> str:
    return os.path.join(repo.common_trace_dir, FORGOTTEN_FILE)


def _write(repo: Repository, oids: list[str]) -> None:
    path = _path(repo)
    if oids:
        with open(f"{path}.new", "w", encoding="ascii") as file:
            file.write("".join(f"{oid}\n" for oid in oids))
        os.replace(f"{path}.new", path)
    elif os.path.exists(path):
        os.unlink(path)


def _below(store: ObjectStore, tips: list[str]) -> set[str]:
    """Return all objects that tips lead to, as far as they are here: some may have been pruned already."""
    found: set[str] = set()
    rest = list(tips)
    while rest:
        oid = rest.pop()
        if oid in found:
            continue
        try:
            kind = store.kind(oid)
            if kind == "commit":
                commit = store.commit(oid)
                rest += (commit.tree, *commit.parents)
            elif kind == "tree":
                rest += (entry.oid for entry in store.tree(oid) if entry.mode != GITLINK)
            if kind:
                found.add(oid)
        except (ObjectMissing, Damaged):
            continue
    return found


def _present(repo: Repository, oids: list[str]) -> list[str]:
    """Return those that the object store has."""
    if not oids:
        return []
    out = decode(repo.git("cat-file", "--batch-check", stdin="".join(f"{oid}\n" for oid in oids).encode()))
    return [line.split(" ")[0] for line in out.splitlines() if not line.endswith(" missing")]


def _drop_private_indexes(repo: Repository) -> None:
    """Remove the indexes that snapshots are taken with: git would miss what they name. They are made anew."""
    for git_dir in git_dirs(repo):
        folder = os.path.join(git_dir, "trace")
        if os.path.exists(os.path.join(folder, ACTIVE_FILE)):
            continue  # all that it names is reachable from the session's trace
        for name in (STATE_FILE, INDEX_FILE):
            try:
                os.unlink(os.path.join(folder, name))
            except (FileNotFoundError, NotADirectoryError):
                continue


def _unlink(repo: Repository, oids: "set[str] | list[str]", before: float) -> int:
    """Remove loose objects, those that were written or used `before` a time, and return how many."""
    removed = 0
    for oid in oids:
        path = os.path.join(repo.common_dir, "objects", oid[:2], oid[2:])
        try:
            if os.stat(path).st_mtime >= before:
                continue
            os.unlink(path)
        except FileNotFoundError:
            continue
        except OSError as error:
            raise TraceError(f"cannot remove object '{oid}': {(error.strerror or '').lower()}") from None
        removed += 1
    return removed


__all__ = ["Pruned", "prune", "remembered"]
