"""Directories that git takes hooks from: whose they are, and what may be done in them.

`core.hooksPath` may lead anywhere: into the worktree, where files are tracked and show in `git status`, or to a
directory that all repositories of a user share.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum

from gittrace.git import restorable
from gittrace.git.installation import Installation
from gittrace.git.process import run, scrubbed_environment
from gittrace.git.repository import Repository

#: in a shared directory: the `<common-dir>`s of the repositories that use our hooks there, each ended by a NUL
REGISTRY = "gittrace-repositories"


class Kind(Enum):
    """Whose a directory of hooks is."""

    PRIVATE = "inside the repository's <common-dir>"
    WORKTREE = "inside a worktree of the repository"
    SHARED = "elsewhere"


def hooks_directory(repo: Repository) -> str:
    """Return the directory from which git takes the hooks of this worktree, absolute."""
    # --path-format=absolute is no help: it dies where the directory can't exist, as below /dev/null
    return os.path.join(repo.top or repo.git_dir, repo.line("rev-parse", "--git-path", "hooks"))


def is_writable(directory: str) -> bool:
    """Tell whether files can be made in a directory, or it can be made."""
    while not os.path.lexists(directory):
        directory = os.path.dirname(directory)
    return os.path.isdir(directory) and os.access(directory, os.W_OK)


def _within(path: str, parent: str) -> bool:
    parent = os.path.realpath(parent)
    return os.path.commonpath((os.path.realpath(path), parent)) == parent


def _ask(directory: str, *args: str) -> str:
    """Run git wherever a directory is, without this repository's environment; what fails prints nothing."""
    while not os.path.isdir(directory):
        directory = os.path.dirname(directory)
    out = run(["git", "-C", directory, *args], scrubbed_environment(), ok=range(256))
    return os.fsdecode(out).removesuffix("\n")


def kind(repo: Repository, directory: str) -> Kind:
    """Tell whose a directory of hooks is."""
    if _within(directory, repo.common_dir) or _within(directory, repo.git_dir):
        return Kind.PRIVATE
    if repo.top and _within(directory, repo.top):
        return Kind.WORKTREE
    common = _ask(directory, "rev-parse", "--path-format=absolute", "--git-common-dir")
    same = bool(common) and os.path.realpath(common) == os.path.realpath(repo.common_dir)
    return Kind.WORKTREE if same else Kind.SHARED


def is_tracked(repo: Repository, path: str) -> bool:
    """Tell whether a file is tracked, by this or another repository."""
    if repo.top and _within(os.path.dirname(path), repo.top):
        return bool(repo.git("ls-files", "-z", "--", f":(literal){path}", ok=(0, 128)))
    return bool(_ask(os.path.dirname(path), "ls-files", "-z", "--", f":(literal){os.path.basename(path)}"))


def is_ignored(repo: Repository, path: str) -> bool:
    """Tell whether git leaves an untracked file of the worktree out of its status."""
    return bool(repo.git("check-ignore", "--", path, ok=(0, 1, 128)))


def exclude(repo: Repository, record: Installation, path: str) -> None:
    """Keep a file of the worktree out of `git status`. Raises OSError."""
    top = repo.top if _within(path, repo.top) else _ask(os.path.dirname(path), "rev-parse", "--show-toplevel")
    name = os.path.relpath(os.path.realpath(os.path.dirname(path)), os.path.realpath(top))
    relative = os.path.normpath(os.path.join(name, os.path.basename(path)))
    escaped = "".join(f"\\{c}" if c in "\\*?[!# " else c for c in relative).replace("\n", "?")
    line = f"/{escaped}"
    target = _exclude_file(repo)
    before = restorable.read(target)
    if os.fsencode(line) in (before or b"").split(b"\n"):
        return
    record.make_directory(os.path.dirname(target))
    start = (before or b"") + (b"\n" if before and not before.endswith(b"\n") else b"")
    after = start + os.fsencode(line) + b"\n"
    restorable.write(target, after)
    record.exclude = restorable.follow(record.exclude, before, after, first=not record.exclude_lines)
    record.exclude_lines.append(line)


def unexclude(repo: Repository, record: Installation, dry_run: bool) -> list[str]:
    """Take back what `exclude` did; return the files that this changes. Raises OSError."""
    if not record.exclude_lines:
        return []
    target = _exclude_file(repo)

    def remove_lines() -> None:
        content = restorable.read(target)
        if content is not None:
            ours = {os.fsencode(line) + b"\n" for line in record.exclude_lines}
            restorable.write(target, b"".join(line for line in content.splitlines(True) if line not in ours))

    if not dry_run:
        restorable.put_back(target, record.exclude, remove_lines)
        record.exclude_lines, record.exclude = [], None
    return [target]


def _exclude_file(repo: Repository) -> str:
    return os.path.join(repo.common_dir, "info", "exclude")


@contextmanager
def _registry(directory: str) -> Iterator[list[str]]:
    """Yield the repositories of a shared directory, to be changed in place."""
    path = os.path.join(directory, REGISTRY)
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    with os.fdopen(fd, "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        users = [os.fsdecode(user) for user in file.read().split(b"\0")[:-1]]
        yield users
        file.seek(0)
        file.truncate()
        file.write(b"".join(os.fsencode(user) + b"\0" for user in users))
        file.flush()
        if not users:
            os.unlink(path)


def register(repo: Repository, directory: str) -> None:
    """Remember that this repository uses the hooks of a shared directory. Raises OSError."""
    with _registry(directory) as users:
        if repo.common_dir not in users:
            users.append(repo.common_dir)


def unregister(repo: Repository, directory: str, dry_run: bool) -> list[str]:
    """Forget this repository, and those that are gone; return the others that use the directory. Raises OSError."""
    if not os.path.exists(os.path.join(directory, REGISTRY)):
        return []
    with _registry(directory) as users:
        others = [
            user for user in users if user != repo.common_dir and os.path.isdir(os.path.join(user, "trace", "hooks"))
        ]
        if not dry_run:
            users[:] = others
    return others
