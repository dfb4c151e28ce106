"""One writer is one clone: notice that a repository was copied together with its writer's id.

Two that publish as one writer would undo each other's refs. A copy has another place and another directory than any
that the id was used in; a moved or restored repository has kept one of the two.
"""

import json
import os

from gittrace.git import restorable
from gittrace.git.repository import Repository
from gittrace.share.state import share_dir

_FILE = "places"
_MANY = 50


def _here(repo: Repository) -> list[str]:
    return [os.path.realpath(repo.common_dir), str(os.stat(repo.common_dir).st_ino)]


def _path(repo: Repository) -> str:
    return os.path.join(share_dir(repo), _FILE)


def _known(repo: Repository) -> list[list[str]]:
    try:
        with open(_path(repo), encoding="utf-8") as file:
            places = json.load(file)
        return [[str(path), str(inode)] for path, inode in places]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError):
        return []


def _remember(repo: Repository, places: list[list[str]]) -> None:
    os.makedirs(share_dir(repo), exist_ok=True)
    restorable.write(_path(repo), json.dumps(places[-_MANY:]).encode("ascii") + b"\n")


def ensure_own(repo: Repository) -> bool:
    """Give the repository a writer's id of its own if it is a copy; return whether it was. Raises OSError, GitFailed.

    A place is never judged twice: a directory that is mounted here and there stays one clone.
    """
    here, known = _here(repo), _known(repo)
    if here in known:
        return False
    copied = bool(known) and all(here[0] != path and here[1] != inode for path, inode in known)
    if copied:
        renew(repo)
    _remember(repo, [*known, here])
    return copied


def renew(repo: Repository) -> str:
    """Give the repository a new writer's id, and return it. Raises OSError, GitFailed."""
    # a copy is rare, and what initializes takes as long to load as the rest of this
    from gittrace.trace.upkeep.initialize import new_writer

    return new_writer(repo)
