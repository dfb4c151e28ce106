"""The worktree as it is now, for who only looks: also where nothing in the repository may be written."""

import copy
import errno
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from gittrace.git import snapshot
from gittrace.git.isolated import alternate
from gittrace.git.repository import Repository

_UNWRITABLE = (errno.EROFS, errno.EACCES, errno.EPERM)


@contextmanager
def now(repo: Repository) -> Iterator[tuple[str, Repository]]:
    """Yield the oid of the worktree's tree, and the repository in which it is to be read meanwhile.

    That is the repository itself; where it can't be written, one that has what is new beside it, in a temporary
    directory. Raises GitFailed, OSError.
    """
    try:
        tree = snapshot.take(repo).tree
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        with _taken_apart(repo) as taken:
            yield taken
    else:
        yield tree, repo


@contextmanager
def _taken_apart(repo: Repository) -> Iterator[tuple[str, Repository]]:
    with tempfile.TemporaryDirectory(prefix="gittrace-") as folder:
        beside = copy.copy(repo)
        objects = os.path.join(folder, "objects")
        os.mkdir(objects)
        beside.env = {
            **repo.env,
            "GIT_OBJECT_DIRECTORY": objects,
            "GIT_ALTERNATE_OBJECT_DIRECTORIES": alternate(os.path.join(repo.common_dir, "objects")),
        }
        yield snapshot.take_into(beside, folder).tree, beside
