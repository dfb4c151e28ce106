"""What a snapshot is compared with: the tree that git itself makes of the worktree."""

import os
import re
import shutil
import stat
from pathlib import Path

from gittrace.git.snapshot import take
from tests.support.recording import view
from tests.support.repo import Repo

SMALL = 1000
"""trace.maxFileSize of the repositories in which snapshots are compared."""


def reference(repo: Repo, skipped: list[dict[str, object]] | None = None) -> str:
    """Return the tree that git itself makes of the worktree, on an index of its own; what was skipped left out."""
    index = repo.git_dir / "reference-index"
    shutil.copy2(repo.git_dir / "index", index) if (repo.git_dir / "index").exists() else index.unlink(missing_ok=True)
    env = {"GIT_INDEX_FILE": str(index)}
    # a repository without a commit is an error, after which it goes on
    left = [raw(str(item["path"])) for item in skipped or ()]
    broken = [b":(exclude,top,literal)" + path for path in left if path.endswith(b".broken")]
    status = 1 if any(path.endswith(b"/") for path in left) else 0
    add = ("add", "-A", "--sparse", "--ignore-errors", "--", ".")
    repo.git("-c", "core.safecrlf=false", *add, *broken, env=env, status=status)
    repo.git("update-index", "-z", "--force-remove", "--stdin", stdin=b"\0".join([*left, b""]), env=env)
    return repo.git("write-tree", env=env)


def raw(path: str) -> bytes:
    """Return the bytes of a path as `skipped` names it."""
    return re.sub(rb"\\x([89a-f][0-9a-f])", lambda match: bytes.fromhex(match[1].decode()), path.encode())


def users_own(repo: Repo) -> dict[str, object]:
    """Return all that a snapshot must leave as it is: index, HEAD, refs, reflogs, and every file with its times."""
    found: dict[str, object] = {}
    for folder, folders, names in os.walk(repo.top):
        if folder == str(repo.top / ".git"):
            folders[:] = [name for name in folders if name not in ("objects", "trace")]
        for name in names:
            path = os.path.join(folder, name)
            seen = os.lstat(path)
            content = os.readlink(path) if stat.S_ISLNK(seen.st_mode) else Path(path).read_bytes()
            # whoever reads a split index touches what it shares
            time_ns = 0 if name.startswith("sharedindex.") else seen.st_mtime_ns
            found[path] = (seen.st_mode, time_ns, seen.st_ino, content)
    return found


def check(repo: Repo) -> str:
    """Take a snapshot, compare it with what git makes, and return its tree."""
    before = users_own(repo)
    taken = take(view(repo))
    assert users_own(repo) == before
    assert taken.tree == reference(repo, taken.skipped)
    return taken.tree
