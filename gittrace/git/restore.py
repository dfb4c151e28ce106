"""Write the files of a tree into a directory or over the worktree.

git does the writing, on a private index: so filters, line endings, symbolic links and modes are right, and trees with
paths such as `../x` or `.git/config` are refused. The user's index and HEAD stay as they are.
"""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from gittrace.errors import GitFailed, WouldOverwrite
from gittrace.git.isolated import Isolated
from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.text import decode
from gittrace.vocabulary import INDEX_FILE

# what is configured for the user's worktree and index means nothing for others
_ALONE = ("-c", "core.fsmonitor=false", "-c", "core.splitIndex=false", "-c", "core.untrackedCache=false")
# a tree may be somebody else's: no hook for it, no submodule, and no name that some file system takes for `.git`
_GUARDED = (
    "-c", "core.hooksPath=/dev/null", "-c", "core.protectHFS=true", "-c", "core.protectNTFS=true",
    "-c", "submodule.recurse=false",
)  # fmt: skip
_MANY = 10


@contextmanager
def _private_index(repo: Repository) -> Iterator[str]:
    isolated = Isolated(repo)
    try:
        yield os.path.join(isolated.git_dir, "index")
    finally:
        isolated.close()


def write_directory(repo: Repository, tree: str, directory: str, force: bool) -> int:
    """Write a tree's files into `directory`, which is made if need be, and return how many they are.

    It must be empty unless `force`, which overwrites files and leaves others alone. Raises WouldOverwrite, GitFailed,
    OSError.
    """
    directory = os.path.realpath(directory)
    for ours, what in ((repo.git_dir, "repository"), (repo.common_dir, "repository")):
        if _inside(directory, ours):
            raise WouldOverwrite(f"cannot restore to '{directory}': it is in the {what}")
    if repo.top and os.path.realpath(repo.top) == directory:
        raise WouldOverwrite(f"cannot restore to '{directory}': it is the worktree", "use --worktree for that")
    if os.path.isdir(directory) and os.listdir(directory) and not force:
        raise WouldOverwrite(
            f"cannot restore to '{directory}': it is not empty", "use --force to overwrite files in it"
        )
    os.makedirs(directory, exist_ok=True)
    with _private_index(repo) as index:
        # the directory as worktree, so that the attributes are those of the tree
        env = {"GIT_INDEX_FILE": index, "GIT_WORK_TREE": directory}
        how = ("--reset",) if force else ("-m",)
        repo.git(*_ALONE, *_GUARDED, "-C", directory, "read-tree", *how, "-u", "--no-sparse-checkout", tree, env=env)
        return repo.git("ls-files", "-z", env={"GIT_INDEX_FILE": index}).count(b"\0")


def _inside(path: str, directory: str) -> bool:
    directory = os.path.realpath(directory)
    return path == directory or path.startswith(directory.rstrip(os.sep) + os.sep)


def at_risk(repo: Repository, store: ObjectStore, now: str, target: str, head: str | None) -> list[bytes]:
    """Return the paths whose content in the worktree is in no commit and would be changed by a restore.

    now     the worktree's tree, from a snapshot that was just taken
    target  the tree to be restored
    head    the tree of HEAD, None before the first commit
    """
    changed = {change.path for change in store.changes(now, target)}
    uncommitted = {change.path for change in store.changes(head, now) if change.new_oid}
    return sorted(changed & uncommitted)


def in_the_way(repo: Repository, store: ObjectStore, now: str, target: str) -> list[bytes]:
    """Return the files of the worktree that no snapshot holds and that a restore would overwrite: ignored ones, and
    those that snapshots leave out."""
    changes = store.changes(now, target)
    removed = {change.path for change in changes if change.new_oid is None}
    top = os.fsencode(repo.top)
    found: set[bytes] = set()
    for change in changes:
        if change.old_oid is None:
            found.update(_obstacle(top, change.path, removed))
    return sorted(found)


def _obstacle(top: bytes, path: bytes, removed: set[bytes]) -> Iterator[bytes]:
    """Yield what lies at `path`, or is a file where `path` needs a directory."""
    parts = path.split(b"/")
    for depth in range(1, len(parts) + 1):
        part = b"/".join(parts[:depth])
        full = os.path.join(top, part)
        if not os.path.lexists(full):
            return
        is_directory = os.path.isdir(full) and not os.path.islink(full)
        if part in removed:
            return
        if not is_directory:
            yield part
            return
        if depth == len(parts):
            left = [os.path.join(folder, name)[len(top) + 1 :] for folder, _, names in os.walk(full) for name in names]
            yield from (name for name in left if name not in removed)


def write_worktree(repo: Repository, now: str, target: str) -> None:
    """Make the worktree hold `target` where it holds `now`, of which a snapshot was just taken; other files stay.

    Raises WouldOverwrite when git finds a file in its way, GitFailed, OSError.
    """
    with _private_index(repo) as index:
        source = os.path.join(repo.trace_dir, INDEX_FILE)
        if os.path.exists(source):
            shutil.copy2(source, index)  # with its stat cache, and the time by which git knows what it can't trust
        env = {"GIT_INDEX_FILE": index}
        repo.git(*_ALONE, "update-index", "-q", "--refresh", env=env, ok=(0, 1))
        try:
            repo.git(*_ALONE, *_GUARDED, "read-tree", "-m", "-u", "--no-recurse-submodules", now, target, env=env)
        except GitFailed as error:
            if "would be overwritten" in str(error) or "not uptodate" in str(error):
                raise WouldOverwrite(f"cannot restore the worktree: {str(error).partition(': ')[2]}") from None
            raise


def listed(paths: list[bytes]) -> str:
    """Return paths for a message, the first few, one a line."""
    lines = [decode(path) for path in paths[:_MANY]]
    more = [f"and {len(paths) - _MANY} more"] if len(paths) > _MANY else []
    return "\n".join([*lines, *more])
