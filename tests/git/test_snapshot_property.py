"""Any history of a worktree: after each step a snapshot is what `git add -A; git write-tree` makes of it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.snapshots import SMALL, check

NAMES = [
    b"a", b"dir", b"dir/b", b"dir/sub/c", b"dir/sub", b"sp ace", b"new\nline", b"\xff\xfe", b"-dash", b"build/x",
    b"build/y.bin", b".env", b"big.bin", b"dir/key.pem", b"*", b"[a]", b":(top)x",
]  # fmt: skip
CONTENTS = [b"", b"1\n", b"2\n", b"3\n", b"a\r\nb\r\n", b"x" * (SMALL + 1), b"\0\xff"]
IGNORES = [b"", b"build/\n", b"*.bin\n", b"*\n!.gitignore\n", b"*\n!a\n!.gitignore\n", b"/dir\n", b"sp ace\n\xff*\n"]
GITS = [
    b"add -A", b"add -fA", b"add -N .", b"commit -qam x --allow-empty", b"reset -q", b"reset -q --hard", b"stash -q -u",
    b"rm -rq --cached .", b"gc -q --prune=now", b"update-index --assume-unchanged a", b"update-index --split-index",
    b"update-index --index-version 4",
]  # fmt: skip
REMOVED = [*NAMES, b"nested", b"nested/.git", b"dir/nested/.git"]
WRITTEN = [*NAMES, *NAMES, b"nested", b"nested/x", b"dir/nested"]
RULES = [b"", b"* text\n", b"a ident\n"]


def step(what: str, names: list[bytes], more: list[bytes]) -> st.SearchStrategy[tuple[str, bytes, bytes]]:
    """Make one kind of step."""
    return st.tuples(st.just(what), st.sampled_from(names), st.sampled_from(more))


steps = st.one_of(
    step("write", WRITTEN, CONTENTS),
    step("write", WRITTEN, CONTENTS),
    step("write", [b".gitignore", b"build/.gitignore"], IGNORES),
    step("write", [b".gitattributes"], RULES),
    step("link", NAMES, [b"a", b"dir", b"nowhere", b"dir/sub"]),
    step("remove", REMOVED, [b""]),
    step("move", NAMES, NAMES),
    step("chmod", NAMES, [b""]),
    step("git", GITS, [b""]),
    step("nested", [b"nested", b"dir/nested"], [b"", b"commit"]),
)


def act(repo: Repo, done: tuple[str, bytes, bytes]) -> None:
    """Do one step in the worktree."""
    what, name, more = done
    path = os.path.join(os.fsencode(repo.top), name)
    if what == "write":
        make_way(repo, name)
        repo.write(name, more)
    elif what == "link":
        make_way(repo, name)
        os.symlink(more, path)
    elif what == "remove":
        clear(path)
    elif what == "move":
        other = os.path.join(os.fsencode(repo.top), more)
        if os.path.lexists(path) and not (other + b"/").startswith(path + b"/") and not path.startswith(other + b"/"):
            make_way(repo, more)
            if os.path.lexists(path):
                os.rename(path, other)
    elif what == "chmod":
        if os.path.isfile(path) and not os.path.islink(path):
            os.chmod(path, 0o644 if os.access(path, os.X_OK) and os.stat(path).st_mode & 0o100 else 0o755)
    elif what == "git":
        repo.git(*name.decode().split(), status=None)
    elif what == "nested" and not os.path.lexists(path):
        make_way(repo, name)
        repo.git("init", "-q", path)
        if more:
            repo.git("-C", path, "commit", "-q", "--allow-empty", "-m", "inner")


def clear(path: bytes) -> None:
    """Remove a file, link or directory."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


def make_way(repo: Repo, name: bytes) -> None:
    """Remove what is at a path, and files and links in the place of its directories."""
    top = os.fsencode(repo.top)
    parts = name.split(b"/")
    for count in range(1, len(parts)):
        folder = os.path.join(top, *parts[:count])
        if os.path.islink(folder) or os.path.isfile(folder):
            os.unlink(folder)
    clear(os.path.join(top, name))
    os.makedirs(os.path.dirname(os.path.join(top, name)), exist_ok=True)


def play(history: list[tuple[str, bytes, bytes]]) -> None:
    """Do the steps in a new repository, and check the snapshot after each."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        home.mkdir()
        repo = make_repo(Path(folder) / "repo", hermetic_environment(home))
        repo.git("config", "trace.maxFileSize", str(SMALL))
        repo.git("config", "gc.auto", "0")
        repo.write("dir/b", "b\n")
        repo.commit("a", "a\n")
        for done in history:
            act(repo, done)
            check(repo)


PROPERTY = settings(deadline=None, suppress_health_check=list(HealthCheck), database=None)


@settings(PROPERTY, max_examples=25)
@given(st.lists(steps, min_size=1, max_size=10))
def test_any_history_of_a_worktree(history: list[tuple[str, bytes, bytes]]) -> None:
    play(history)


@pytest.mark.slow
@settings(PROPERTY, max_examples=150)
@given(st.lists(steps, min_size=1, max_size=20))
def test_any_long_history_of_a_worktree(history: list[tuple[str, bytes, bytes]]) -> None:
    play(history)
