"""The diff of two trees as the user is used to see it: `git diff` with the user's own configuration."""

import os
from collections.abc import Sequence

from gittrace.git.repository import Repository

# what the gate to git keeps from git's plumbing, and what people set for `git diff`
_USERS = ("GIT_EXTERNAL_DIFF", "GIT_DIFF_OPTS")
_PLAIN = (
    "--no-color --no-ext-diff --no-textconv --binary --full-index --find-renames --src-prefix=a/ --dst-prefix=b/"
    " --submodule=short --ignore-submodules=none --no-relative"
).split()


def user_diff(
    repo: Repository, old: str, new: str, options: Sequence[str], paths: Sequence[str], width: int = 0
) -> bytes:
    """Return what `git diff` prints; with a `width` as on a terminal so wide, in the colours that are configured.

    Paths count from the current directory, if that is in the worktree. Raises GitFailed.
    """
    env = {name: os.environ[name] for name in _USERS if name in os.environ}
    if width:
        env |= {"GIT_PAGER_IN_USE": "1", "COLUMNS": str(width)}
    return repo.git(*_here(repo), "diff", *options, old, new, "--", *paths, env=env)


def plain_diff(repo: Repository, old: str, new: str, paths: Sequence[str]) -> bytes:
    """Return the diff in the form that `gittrace.git.patch` reads, whatever is configured. Raises GitFailed."""
    return repo.git(*_here(repo), "diff", *_PLAIN, old, new, "--", *paths)


def _here(repo: Repository) -> tuple[str, ...]:
    here = os.path.realpath(os.getcwd())
    top = os.path.realpath(repo.top) if repo.top else ""
    return ("-C", here) if top and (here == top or here.startswith(top.rstrip(os.sep) + os.sep)) else ()
