"""Finding the repository as git does, its worktrees, and its configuration."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from gittrace.errors import BadConfig, GitMissing, NoRepository, NoWorktree
from gittrace.git.repository import Repository, at, check_version, discover
from tests.support.recording import view
from tests.support.repo import Repo, make_repo


@pytest.fixture(autouse=True)
def _back(tmp_path: Path) -> Iterator[None]:
    """Come back from wherever a test goes."""
    here = os.getcwd()
    yield
    os.chdir(here)


def places(repo: Repository) -> tuple[str, str, str, str]:
    """Return what makes a repository's view."""
    return repo.top, repo.git_dir, repo.common_dir, repo.format


@pytest.mark.parametrize("name", ["plain", "sp ace", "new\nline", "trailing\n", "\udcff"])
def test_from_anywhere_inside(tmp_path: Path, repo: Repo, name: str) -> None:
    inner = make_repo(tmp_path / name, repo.env)
    (inner.top / "a/b").mkdir(parents=True)
    top = str(inner.top)
    for folder in (inner.top, inner.top / "a/b", inner.top / ".git", inner.top / ".git/refs"):
        os.chdir(folder)
        assert places(discover()) == (top, f"{top}/.git", f"{top}/.git", "sha1")


def test_formats_and_bare(tmp_path: Path, repo: Repo) -> None:
    make_repo(tmp_path / "new", repo.env, "sha256")
    os.chdir(tmp_path / "new")
    assert discover().format == "sha256"
    repo.git("init", "-q", "--bare", str(tmp_path / "bare"))
    os.chdir(tmp_path / "bare")
    bare = discover()
    assert places(bare) == ("", str(tmp_path / "bare"), str(tmp_path / "bare"), "sha1")
    with pytest.raises(NoWorktree, match="bare repository"):
        bare.need_worktree()


def test_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "none").mkdir()
    os.chdir(tmp_path / "none")
    with pytest.raises(NoRepository, match="is not in a git repository"):
        discover()


def test_a_damaged_repository(repo: Repo) -> None:
    (repo.top / ".git/config").write_text("[core\n")
    os.chdir(repo.top)
    with pytest.raises(NoRepository, match="bad config line 1"):
        discover()


def test_git_dir_of_the_caller_counts(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "files").mkdir()
    monkeypatch.setenv("GIT_DIR", str(repo.top / ".git"))
    monkeypatch.setenv("GIT_WORK_TREE", str(tmp_path / "files"))
    monkeypatch.setenv("GIT_INDEX_FILE", "/nowhere")
    os.chdir(tmp_path)
    found = discover()
    assert places(found)[:2] == (str(tmp_path / "files"), str(repo.top / ".git"))
    assert found.line("rev-parse", "--show-toplevel") == str(tmp_path / "files")


def test_linked_worktrees_see_each_other(repo: Repo, tmp_path: Path) -> None:
    repo.commit("a", "1\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "side"))
    os.chdir(tmp_path / "side")
    side = discover()
    main = view(repo)
    assert places(side) == (str(tmp_path / "side"), f"{main.git_dir}/worktrees/side", main.git_dir, "sha1")
    assert side.trace_dir != main.trace_dir
    assert side.common_trace_dir == main.common_trace_dir
    assert places(at(side.git_dir, side.common_dir, "sha1")) == places(side)
    assert places(at(main.git_dir, main.common_dir, "sha1")) == places(main)


def test_a_worktree_elsewhere(repo: Repo, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    main = view(repo)
    for told in (str(tmp_path / "files"), "../../files"):
        repo.git("config", "core.worktree", told)
        assert at(main.git_dir, main.common_dir, "sha1").top == str(tmp_path / "files")
    repo.git("config", "--unset", "core.worktree")
    os.rename(main.git_dir, tmp_path / "apart.git")
    with pytest.raises(NoWorktree, match="cannot tell where the worktree of"):
        at(str(tmp_path / "apart.git"), str(tmp_path / "apart.git"), "sha1")


def test_a_submodule(repo: Repo, tmp_path: Path) -> None:
    inner = make_repo(tmp_path / "inner", repo.env)
    inner.commit("a", "1\n")
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", str(inner.top), "sub")
    os.chdir(repo.top / "sub")
    found = discover()
    assert places(found)[:2] == (str(repo.top / "sub"), str(repo.top / ".git/modules/sub"))
    assert places(at(found.git_dir, found.common_dir, "sha1")) == places(found)


def test_defaults_and_values(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    assert view(repo).size("trace.maxFileSize") == 5 << 20
    assert view(repo).config("trace.seal") == "detached"
    for text, size in (("7", 7), ("512k", 512 << 10), ("3M", 3 << 20), ("1g", 1 << 30), ("0", 0)):
        repo.git("config", "trace.maxFileSize", text)
        assert view(repo).size("trace.maxFileSize") == size
    repo.git("config", "trace.seal", "now")
    repo.git("config", "trace.redact.words", "two\nlines")
    found = view(repo)
    assert found.config("Trace.Seal") == "now"
    assert found.config("trace.redact.words") == "two\nlines"
    assert found.config("trace.nothing") == ""
    # git -c key=value trace ...
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "trace.maxFileSize")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "9")
    assert view(repo).size("trace.maxFileSize") == 9


@pytest.mark.parametrize(
    ("key", "value", "hint"),
    [
        ("trace.maxFileSize", "much", "a size"),
        ("trace.maxFileSize", "-1", "a size"),
        ("trace.maxFileSize", "", "a size"),
        ("trace.maxDiff", "1t", "a size"),
        ("trace.seal", "later", "'detached' or 'now'"),
    ],
)
def test_bad_values_name_key_and_file(repo: Repo, key: str, value: str, hint: str) -> None:
    repo.git("config", key, value)
    with pytest.raises(BadConfig) as bad:
        view(repo).config(key)
    assert str(bad.value) == f"bad value '{value}' for '{key.lower()}' in {repo.top}/.git/config"
    assert bad.value.hint
    assert hint in bad.value.hint


def test_the_version(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert check_version() >= (2, 34)
    fake = tmp_path / "git"
    for text, good in (
        ("git version 2.33.8", False),
        ("git version 2.34.0.rc1", True),
        ("git version 3.0.1 (Apple)", True),
    ):
        fake.write_text(f"#!/bin/sh\necho '{text}'\n")
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
        if good:
            assert check_version()[0] in (2, 3)
        else:
            with pytest.raises(GitMissing, match="too old"):
                check_version()
