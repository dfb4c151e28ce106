"""`git trace init`."""

import os
import re
import stat
from pathlib import Path

import pytest

from tests.support.repo import Repo, make_repo


def listing(repo: Repo) -> dict[str, tuple[int, bytes | str]]:
    """Return every file of `.git` with its mode and what it holds."""
    found: dict[str, tuple[int, bytes | str]] = {}
    for folder, folders, files in os.walk(repo.git_dir):
        for name in folders + files:
            path = os.path.join(folder, name)
            info = os.lstat(path)
            content: bytes | str = b""
            if stat.S_ISLNK(info.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(info.st_mode):
                content = Path(path).read_bytes()
            found[os.path.relpath(path, repo.git_dir)] = (info.st_mode, content)
    return found


def test_init_and_again(repo: Repo) -> None:
    assert repo.trace("init") == f"Initialized trace recording in {repo.git_dir}/trace/\n"
    writer = repo.git("config", "--local", "trace.writer")
    assert re.fullmatch("[0-9a-f]{12}", writer)
    done = listing(repo)
    assert repo.trace("init") == f"Reinitialized existing trace recording in {repo.git_dir}/trace/\n"
    assert listing(repo) == done
    assert repo.trace("init", "--quiet") == ""
    assert repo.errors == ""


def test_a_writer_that_is_there_is_kept(repo: Repo) -> None:
    repo.git("config", "trace.writer", "0123456789ab")
    repo.trace("init")
    assert repo.git("config", "--local", "trace.writer") == "0123456789ab"


def test_a_writer_elsewhere_is_not_this_clones(repo: Repo, home: Path) -> None:
    (home / ".gitconfig").write_text("[trace]\n\twriter = ffffffffffff\n", encoding="utf-8")
    repo.trace("init")
    assert repo.git("config", "--local", "trace.writer") != "ffffffffffff"


def test_in_a_linked_worktree(repo: Repo, tmp_path: Path) -> None:
    repo.commit("base", "base\n")
    repo.git("config", "extensions.worktreeConfig", "true")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked", repo.env)
    linked.trace("init")
    assert repo.git("config", "--local", "trace.writer") == linked.git("config", "trace.writer")
    assert (repo.git_dir / "trace/hooks/post-commit").exists()
    assert not (linked.git_dir / "config.worktree").exists()


def test_bare(repo: Repo, tmp_path: Path) -> None:
    bare = Repo(tmp_path / "bare", repo.env)
    repo.git("init", "-q", "--bare", str(bare.top))
    bare.trace("init", status=128)
    assert "bare repository" in bare.errors
    assert not (bare.top / "trace").exists()


def test_outside_of_a_repository(repo: Repo, tmp_path: Path) -> None:
    repo.run("git", "status", cwd=tmp_path, status=128)
    outside = Repo(tmp_path, repo.env)
    outside.trace("init", status=128)
    assert outside.errors.startswith("fatal: ")


def test_a_locked_configuration_leaves_nothing_half_done(repo: Repo) -> None:
    (repo.git_dir / "config.lock").touch()
    before = listing(repo)
    repo.trace("init", status=128)
    assert "config" in repo.errors
    assert listing(repo) == before


def test_a_file_in_the_way_leaves_nothing_half_done(repo: Repo) -> None:
    (repo.git_dir / "trace").write_text("mine\n", encoding="utf-8")
    before = listing(repo)
    repo.trace("init", status=128)
    assert repo.errors.startswith("fatal: cannot write ")
    assert listing(repo) == before


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_repository(repo: Repo) -> None:
    before = listing(repo)
    repo.git_dir.chmod(0o555)
    try:
        repo.trace("init", status=128)
    finally:
        repo.git_dir.chmod(0o755)
    assert repo.errors.startswith("fatal: cannot write ")
    assert listing(repo) == before


def test_hooks_that_cannot_be_installed_are_named(repo: Repo) -> None:
    repo.git("config", "core.hooksPath", ".husky/_")
    repo.write(".husky/_/post-commit", '. "$(dirname "$0")/h"\n', 0o755)
    repo.trace("init")
    if repo.errors:  # git 2.54 and newer needs no hook files
        assert "warning: post-commit does not run: husky writes '" in repo.errors
        assert "hint: add to .husky/post-commit:\n" in repo.errors


def test_a_bad_configuration_is_named(repo: Repo) -> None:
    repo.git("config", "trace.seal", "later")
    before = listing(repo)
    repo.trace("init", status=128)
    assert "trace.seal" in repo.errors
    assert listing(repo) == before


def test_the_hooks_know_the_program(repo: Repo) -> None:
    repo.trace("init")
    settings = (repo.git_dir / "trace/hooks/seal").read_text(encoding="utf-8").splitlines()[3]
    path = settings.removeprefix("git_trace=").removesuffix(" when=detached").strip("'")
    assert path == "git-trace" or os.access(path, os.X_OK)
    repo.git("config", "trace.seal", "now")
    repo.trace("init")
    assert f"git_trace={path} when=now\n" in (repo.git_dir / "trace/hooks/seal").read_text(encoding="utf-8")


def test_sha256(repo: Repo, tmp_path: Path) -> None:
    other = make_repo(tmp_path / "sha256", repo.env, "sha256")
    other.trace("init")
    other.commit("a", "a\n")
    assert other.errors == ""
