"""Snapshots are what `git add -A; git write-tree` makes of the worktree, and leave no trace of themselves."""

import fcntl
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gittrace.git import hidden
from gittrace.git.repository import Repository
from gittrace.git.snapshot import looks_secret, take
from tests.support.recording import view
from tests.support.repo import PACKAGE_ROOT, Repo, hermetic_environment, make_repo
from tests.support.snapshots import SMALL, check, reference

TRACE = "8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00"


def tree(repo: Repo) -> str:
    """Return the tree of a snapshot."""
    return take(view(repo)).tree


@pytest.fixture
def small(repo: Repo) -> Repo:
    """A repository with a commit of a few files."""
    repo.git("config", "trace.maxFileSize", str(SMALL))
    repo.write("a", "a\n")
    repo.write("dir/b", "b\n")
    repo.write("dir/sub/c", "c\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "base")
    return repo


def test_secrets_and_large_files_are_left_out_and_named(small: Repo) -> None:
    small.write(".env.local", "KEY=1\n")
    small.write("dir/server.key", "key\n")
    small.write("large", b"x" * (SMALL + 1))
    small.write("small", b"x" * SMALL)
    taken = take(view(small))
    assert taken.skipped == [
        {"path": ".env.local", "reason": "looks like a secret", "bytes": 6},
        {"path": "dir/server.key", "reason": "looks like a secret", "bytes": 4},
        {"path": "large", "reason": "larger than trace.maxFileSize", "bytes": SMALL + 1},
    ]
    assert small.git("ls-tree", "-r", "--name-only", taken.tree).split("\n") == ["a", "dir/b", "dir/sub/c", "small"]
    assert take(view(small)).skipped == taken.skipped
    small.git("add", "-f", "--", ".env.local", "large")
    assert "large" in small.git("ls-tree", "--name-only", check(small)).split("\n")


def test_an_untracked_file_that_grows_is_left_out_from_then_on(small: Repo) -> None:
    small.write("log", "x")
    check(small)
    small.write("log", b"x" * (SMALL + 1))
    taken = take(view(small))
    assert [item["path"] for item in taken.skipped] == ["log"]
    assert "log" not in small.git("ls-tree", "--name-only", taken.tree)
    assert [item["path"] for item in take(view(small)).skipped] == ["log"]
    small.write("log", "y")
    assert "log" in small.git("ls-tree", "--name-only", check(small))


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("a/.env", True),
        (".env.production", True),
        ("id_rsa", True),
        ("id_ed25519.pub", True),
        ("keys/ID_RSA", True),
        ("tls.PEM", True),
        (".netrc", True),
        ("id_map.py", False),
        ("environment.py", False),
        ("keys.py", False),
        ("env", False),
    ],
)
def test_names_of_secrets(name: str, secret: bool) -> None:
    assert looks_secret(name) is secret


def test_same_size_edits_within_one_tick(small: Repo) -> None:
    """git's racy entries: the file changes after it was hashed, in the same tick, and keeps its size."""
    seen = set()
    for number in range(40):
        small.write("a", f"{number:4}\n")
        os.utime(small.top / "a", (1_500_000_000, 1_500_000_000))
        os.utime(small.top / "a")
        seen.add(tree(small))
    assert len(seen) == 40


def test_without_a_commit(repo: Repo) -> None:
    assert check(repo) == repo.git("hash-object", "-t", "tree", "/dev/null")
    repo.write("a", "1\n")
    taken = take(view(repo))
    assert (taken.head, taken.branch, taken.tree) == (None, "main", reference(repo))
    repo.git("add", "a")
    repo.write("a", "2\n")
    check(repo)
    repo.git("rm", "-q", "--cached", "-f", "a")
    (repo.top / "a").unlink()
    check(repo)


def test_head_and_branch(small: Repo) -> None:
    head = small.git("rev-parse", "HEAD")
    assert (take(view(small)).head, take(view(small)).branch) == (head, "main")
    small.git("checkout", "-q", "--detach")
    assert (take(view(small)).head, take(view(small)).branch) == (head, None)


def test_a_conflict(small: Repo) -> None:
    small.git("switch", "-qc", "other")
    small.commit("a", "theirs\n")
    small.git("rm", "-q", "dir/b")
    small.git("commit", "-qm", "removed")
    small.git("switch", "-q", "main")
    small.write("dir/b", "changed\n")
    small.commit("a", "ours\n")
    small.git("commit", "-qam", "more")
    small.git("merge", "-q", "other", status=1)
    assert small.git("ls-files", "-u")
    check(small)
    (small.top / "a").unlink()
    check(small)
    assert small.git("ls-files", "-u")


def test_filters_and_line_ends(small: Repo) -> None:
    small.git("config", "core.safecrlf", "true")
    small.git("config", "filter.up.clean", "tr a-z A-Z")
    small.git("config", "filter.up.smudge", "cat")
    small.write(".gitattributes", "*.txt text eol=lf\n*.up filter=up\n")
    small.write("mixed.txt", b"one\r\ntwo\n")
    small.write("x.up", "loud\n")
    taken = check(small)
    assert small.run("git", "cat-file", "blob", f"{taken}:mixed.txt") == b"one\ntwo\n"
    assert small.run("git", "cat-file", "blob", f"{taken}:x.up") == b"LOUD\n"


def test_a_filter_that_fails_leaves_one_file_out(small: Repo) -> None:
    small.git("config", "filter.broken.clean", "false")
    small.git("config", "filter.broken.required", "true")
    small.write(".gitattributes", "*.broken filter=broken\n")
    for number in range(9):
        small.write(f"{number}.txt", f"{number}\n")
    small.write("5.broken", "x")
    taken = take(view(small))
    assert [item["path"] for item in taken.skipped] == ["5.broken"]
    assert taken.tree == reference(small, taken.skipped)


@pytest.mark.parametrize("always", [False, True])
def test_a_file_that_is_cut_short_while_git_reads_it(small: Repo, tmp_path: Path, always: bool) -> None:
    """It is the end of that git, by a signal that leaves the lock of the index."""
    take(view(small))
    once = tmp_path / "once"
    small.git("config", "filter.cut.clean", f"{'true' if always else f'mkdir {once}'} && kill -BUS $PPID; cat")
    small.write(".gitattributes", "*.cut filter=cut\n")
    for number in range(5):
        small.write(f"{number}.txt", f"{number}\n")
    small.write("5.cut", "x")
    taken = take(view(small))
    assert [(item["path"], item["reason"]) for item in taken.skipped] == (
        [("5.cut", "changed while it was read")] if always else []
    )
    assert not (small.git_dir / "trace/index.lock").exists()
    small.git("config", "filter.cut.clean", "cat")
    assert taken.tree == reference(small, taken.skipped)


def test_sparse_checkout(small: Repo) -> None:
    for number in range(3):
        small.commit(f"part{number}/file", f"{number}\n")
    small.git("sparse-checkout", "set", "--cone", "--sparse-index", "part1")
    check(small)
    small.write("part1/file", "changed\n")
    whole = check(small)
    assert small.git("rev-parse", f"{whole}:part2/file") == small.git("rev-parse", "HEAD:part2/file")
    small.write("part2/file", "present after all\n")
    check(small)


def test_submodules(small: Repo, tmp_path: Path) -> None:
    inner = make_repo(tmp_path / "inner", small.env)
    inner.commit("x", "1\n")
    small.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.top), "sub")
    before = check(small)
    module = Repo(small.top / "sub", small.env)
    module.write("x", "dirty\n")
    assert check(small) == before
    module.git("commit", "-qam", "inside")
    assert small.git("rev-parse", f"{check(small)}:sub") == module.git("rev-parse", "HEAD")
    small.git("config", "-f", ".gitmodules", "submodule.sub.ignore", "none")
    assert check(module) == module.git("rev-parse", "HEAD^{tree}")


def test_nested_repositories(small: Repo) -> None:
    nested = make_repo(small.top / "nested", small.env)
    nested.write("x", "1\n")
    taken = take(view(small))
    assert taken.skipped == [{"path": "nested/", "reason": "a repository without a commit", "bytes": 0}]
    nested.commit("x", "1\n")
    assert take(view(small)).skipped == []
    assert small.git("rev-parse", f"{check(small)}:nested") == nested.git("rev-parse", "HEAD")
    nested.commit("x", "2\n")
    assert small.git("rev-parse", f"{check(small)}:nested") == nested.git("rev-parse", "HEAD")


def test_the_callers_index_is_not_ours(small: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write("new", "1\n")
    wanted = check(small)
    monkeypatch.setenv("GIT_INDEX_FILE", str(small.git_dir / "next-index-1.lock"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    repo = Repository(str(small.top), str(small.top / ".git"), str(small.top / ".git"))
    assert take(repo, fresh=True).tree == wanted


def test_the_users_hook_on_index_changes_does_not_run(small: Repo, tmp_path: Path) -> None:
    hook = small.git_dir / "hooks/post-index-change"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch '{tmp_path}/ran'\n")
    hook.chmod(0o755)
    small.write("a", "changed\n")
    take(view(small))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_formats_and_linked_worktrees(tmp_path: Path, home: Path, object_format: str) -> None:
    repo = make_repo(tmp_path / "main", hermetic_environment(home), object_format)
    repo.commit("a", "1\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "side"))
    side = Repo(tmp_path / "side", repo.env)
    repo.write("here", "1\n")
    side.write("there", "2\n")
    assert check(repo) != check(side)
    assert len(check(repo)) == (40 if object_format == "sha1" else 64)
    assert side.git("ls-tree", "--name-only", check(side)).split() == ["a", "there"]


def test_nothing_changed_starts_one_git(small: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    small.write("new", "1\n")
    repo = view(small)
    repo.config("trace.seal")
    take(repo)
    started = []
    run = Repository.git

    def counted(self: Repository, *args: str, **kwargs: Any) -> bytes:
        started.append(args)
        return run(self, *args, **kwargs)

    monkeypatch.setattr(Repository, "git", counted)
    take(repo)
    assert len(started) == 1


def test_after_gc_every_object_is_there(small: Repo) -> None:
    """A tree that nothing protects is pruned; a snapshot made again must not name it."""
    small.write("new/file", "untracked\n")
    small.write("a", "changed\n")
    lost = tree(small)
    small.git("gc", "-q", "--prune=now")
    small.git("cat-file", "-e", lost, status=1)
    again = tree(small)
    assert again == lost
    small.git("update-ref", "refs/test/tree", again)
    assert small.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_a_lock_that_a_killed_git_left(small: Repo) -> None:
    tree(small)
    (small.git_dir / "trace/index.lock").write_text("")
    small.write("a", "changed\n")
    check(small)


def test_another_clones_state_or_none(small: Repo) -> None:
    for damage in (b"", b"\0\0\0", b"\xff\xfe\0x", b"none\0zzz"):
        small.write("a", damage)
        check(small)
        (small.git_dir / "trace/state").write_bytes(damage)
        check(small)
    shutil.rmtree(small.git_dir / "trace")
    check(small)


def taker(top: str, count: int) -> None:
    """Take snapshots in a process of its own."""
    repo = Repository(top, f"{top}/.git", f"{top}/.git")
    for _ in range(count):
        take(repo)


def test_taken_by_many_at_once(small: Repo) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=taker, args=(str(small.top), 15)) for _ in range(3)]
    for process in processes:
        process.start()
    number = 0
    while any(process.is_alive() for process in processes):
        number += 1
        small.write("a", f"{number}\n")
        small.write(f"new{number % 5}", f"{number}\n")
        if number % 3 == 0:
            small.git("add", "a")
    for process in processes:
        process.join()
        assert process.exitcode == 0
    check(small)


_KILLED = """
import os, sys
sys.path.insert(0, {root!r})
from gittrace.git.repository import Repository
from gittrace.git.snapshot import take
top = {top!r}
repo = Repository(top, top + "/.git", top + "/.git")
while True:
    take(repo)
"""


@pytest.mark.parametrize("rounds", [8, pytest.param(150, marks=pytest.mark.slow)])
def test_killed_at_any_time(small: Repo, rounds: int) -> None:
    """The next snapshot is right, whatever was left behind."""
    script = _KILLED.format(root=str(PACKAGE_ROOT), top=str(small.top))
    for number in range(rounds):
        process = subprocess.Popen([sys.executable, "-c", script], start_new_session=True, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 0.15 + number % 7 * 0.011
        step = 0
        while time.monotonic() < deadline:
            step += 1
            small.write(f"file{step % 7}", f"{number} {step}\n")
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        check(small)


def test_a_killed_update_is_done_again(small: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the update of the private index and the note of it, the worst moment."""
    tree(small)
    small.write("a", "changed\n")
    small.write("new", "1\n")

    def killed(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("gittrace.git.snapshot._Taker._save", killed)
        with pytest.raises(KeyboardInterrupt):
            tree(small)
    check(small)


def test_the_lock_is_waited_for(small: Repo) -> None:
    tree(small)
    with open(small.git_dir / "trace/lock", "rb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = multiprocessing.get_context("spawn").Process(target=taker, args=(str(small.top), 1))
        process.start()
        process.join(0.6)
        assert process.is_alive()
    process.join(20)
    assert process.exitcode == 0


def test_names_that_are_no_text(small: Repo) -> None:
    small.write(b'\xff\n\t"', "1\n")
    small.write(b"-rf", "2\n")
    small.write(b"dir/\xc3\xa9", b"x" * (SMALL + 1))
    small.write(b".env\xff", "secret\n")
    taken = take(view(small))
    assert [item["path"] for item in taken.skipped] == [".env\\xff", "dir/\xe9"]
    listed = small.run("git", "ls-tree", "-rz", "--name-only", taken.tree).split(b"\0")
    assert {b'\xff\n\t"', b"-rf"} <= set(listed)


def test_a_directory_that_became_a_link(small: Repo) -> None:
    shutil.move(small.top / "dir", small.top / "elsewhere")
    os.symlink("elsewhere", small.top / "dir")
    taken = take(view(small))
    assert taken.skipped == []
    assert taken.tree == reference(small)


def test_intent_to_add_and_assume_unchanged(small: Repo) -> None:
    small.write("new", "1\n")
    small.git("add", "-N", "new")
    small.git("update-index", "--assume-unchanged", "a")
    small.write("a", "unseen\n")
    taken = check(small)
    assert small.git("rev-parse", f"{taken}:a") == small.git("rev-parse", "HEAD:a")
    assert small.run("git", "cat-file", "blob", f"{taken}:new") == b"1\n"


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_unreadable_files_are_named(small: Repo) -> None:
    small.write("closed", "1\n", mode=0)
    taken = take(view(small))
    assert [item["path"] for item in taken.skipped] == ["closed"]


def test_protected_snapshots_share_with_history(small: Repo) -> None:
    repo = view(small)
    small.write("a", "changed\n")
    taken = take(repo)
    assert hidden.update(repo, TRACE, [taken.tree])
    assert small.git("rev-parse", f"refs/trace/{TRACE}:snapshots/00/00/00") == taken.tree
    assert small.git("rev-parse", f"{taken.tree}:dir") == small.git("rev-parse", "HEAD:dir")
