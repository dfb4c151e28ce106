"""Hooks from git's configuration (2.54 and newer), and what happens when git changes its age."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gittrace.git import hook_config, hooks
from gittrace.git.repository import check_version
from tests.hooks.conftest import Recorded, Sealer, open_repository
from tests.support.newer_git import newer_git
from tests.support.repo import Repo, make_repo

NEW = newer_git(hook_config.SUPPORTED)
pytestmark = pytest.mark.skipif(NEW is None, reason="no git 2.54 or newer here")


@pytest.fixture
def new(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Repo:
    """A repository worked on with a new git."""
    monkeypatch.setenv("PATH", f"{NEW}{os.pathsep}{os.environ['PATH']}")
    repo.env["PATH"] = os.environ["PATH"]
    return repo


def install(repo: Repo, sealer: Sealer) -> hooks.Report:
    return hooks.install(open_repository(repo), str(sealer.path))


def files(repo: Repo) -> Mapping[str, bytes]:
    return {p.name: p.read_bytes() for p in (repo.top / ".git/hooks").iterdir() if p.suffix != ".sample"}


def test_hooks_run_once_and_no_file_is_touched(new: Repo, sealer: Sealer, tmp_path: Path) -> None:
    hook = new.top / ".git/hooks/post-commit"
    hook.write_text(f"#!/bin/sh\necho ran >>'{tmp_path}/ran'\n", encoding="utf-8")
    hook.chmod(0o755)
    before = files(new)
    report = install(new, sealer)
    assert [h.how for h in report.hooks] == ["config"] * 4
    assert report.problems == ()
    assert files(new) == before
    recorded = Recorded(new)
    head = new.commit("a", "a\n")
    assert (tmp_path / "ran").read_text() == "ran\n"
    assert [mark["head"] for mark in recorded.marks()] == [head]
    new.git("commit", "-q", "--amend", "-m", "again")
    assert [pair[0] for pair in recorded.pairs()] == ["amend"]
    new.git("init", "-q", "--bare", str(tmp_path / "remote"))
    new.git("push", "-q", str(tmp_path / "remote"), "main")
    sealer.started(4)


@pytest.mark.skipif(newer_git((2, 55)) is None, reason="no git here that runs hooks side by side")
def test_hooks_of_the_user_run_side_by_side_where_they_may(new: Repo, sealer: Sealer, tmp_path: Path) -> None:
    install(new, sealer)
    new.git("config", "hook.jobs", "3")
    # each ends only if the other has begun
    for mine, other in (("one", "two"), ("two", "one")):
        there = f"[ ! -e '{tmp_path}/{other}' ] || exit 0"
        wait = f"touch '{tmp_path}/{mine}'; for i in $(seq 100); do {there}; sleep .1; done; exit 1"
        for key, value in (("event", "pre-push"), ("parallel", "true"), ("command", wait)):
            new.git("config", f"hook.{mine}.{key}", value)
    new.commit("a", "a\n")
    new.git("init", "-q", "--bare", str(tmp_path / "remote"))
    new.git("push", "-q", str(tmp_path / "remote"), "main")


def test_core_hooks_path_does_not_matter(new: Repo, sealer: Sealer) -> None:
    new.git("config", "core.hooksPath", "/dev/null")
    assert install(new, sealer).problems == ()
    recorded = Recorded(new)
    new.commit("a", "a\n")
    assert len(recorded.marks()) == 1


def test_worktrees_and_odd_paths(new: Repo, sealer: Sealer, tmp_path: Path) -> None:
    odd = make_repo(tmp_path / 'it\'s "odd"\n$x', new.env)
    odd.commit("base", "base\n")
    install(odd, sealer)
    odd.git("worktree", "add", "-q", str(tmp_path / "linked"))
    for each in (odd, Repo(tmp_path / "linked", new.env)):
        recorded = Recorded(each)
        head = each.commit("a", "a\n")
        assert [mark["head"] for mark in recorded.marks()] == [head]
        recorded.forget()


def test_a_switched_off_hook_is_reported(new: Repo, sealer: Sealer) -> None:
    install(new, sealer)
    new.git("config", "hook.gittrace-post-commit.enabled", "false")
    assert [h.name for h in hooks.status(open_repository(new)).problems] == ["post-commit"]


def test_a_newer_git_takes_over(
    new: Repo, sealer: Sealer, monkeypatch: pytest.MonkeyPatch, script: Callable[..., Path], tmp_path: Path
) -> None:
    script(new.top / ".git/hooks/post-commit", f"#!/bin/sh\necho ran >>'{tmp_path}/ran'\n")
    before = files(new)
    with monkeypatch.context() as old:
        old.setattr(hook_config, "SUPPORTED", (99,))
        install(new, sealer)
    assert hooks.status(open_repository(new)).problems == (), "files do for any git"
    recorded = Recorded(new)
    new.commit("a", "a\n")
    assert len(recorded.marks()) == 1
    assert [h.how for h in install(new, sealer).hooks] == ["config"] * 4
    assert files(new) == before
    new.commit("b", "b\n")
    assert len(recorded.marks()) == 2
    assert (tmp_path / "ran").read_text() == "ran\n" * 2


def test_an_older_git_is_noticed(new: Repo, sealer: Sealer, monkeypatch: pytest.MonkeyPatch) -> None:
    install(new, sealer)
    monkeypatch.setattr(hook_config, "SUPPORTED", (99,))
    problems = hooks.status(open_repository(new)).problems
    assert len(problems) == 4
    said = ".".join(map(str, check_version()))
    assert problems[0].problem == f"git {said} takes no hooks from configuration"
    assert [h.how for h in install(new, sealer).hooks] == ["file"] * 4
    assert not hook_config.is_there(open_repository(new))
    recorded = Recorded(new)
    new.commit("a", "a\n")
    assert len(recorded.marks()) == 1
