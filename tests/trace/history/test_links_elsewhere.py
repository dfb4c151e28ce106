"""Work that reaches history elsewhere: in other clones and worktrees, on servers, without hooks (doc/LINKS.md)."""

from pathlib import Path

import pytest

from tests.support.recording import TEN, Recording, view
from tests.support.repo import Repo, make_repo
from tests.trace.outcomes import TOOL, asked, link_to, numbered, outcome, tiers


@pytest.fixture
def server(work: Recording, tmp_path: Path) -> Repo:
    """A bare repository to which main and the topic of a trace were pushed."""
    work.git("clone", "-q", "--bare", str(work.repo.top), str(tmp_path / "server.git"))
    work.git("remote", "add", "origin", str(tmp_path / "server.git"))
    work.git("fetch", "-q", "origin")
    return Repo(tmp_path / "server.git", work.repo.env)


def _topic(work: Recording) -> tuple[str, str]:
    work.git("checkout", "-q", "-b", "topic")
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one", "two", "three"))
    commit = work.commit("three lines")
    work.stop()
    return trace, commit


def _clone(source: Path, top: Path, env: dict[str, str]) -> Recording:
    """Clone a repository, of which the hooks and the journal stay behind."""
    clone = make_repo(top, env)
    clone.git("remote", "add", "origin", str(source))
    clone.git("fetch", "-q", "origin")
    clone.git("checkout", "-q", "-B", "main", "origin/main")
    return Recording(clone)


def test_squashed_on_a_server_and_fetched(work: Recording, server: Repo, tmp_path: Path) -> None:
    trace, commit = _topic(work)
    work.git("push", "-q", "origin", "topic")
    forge = _clone(server.top, tmp_path / "forge", work.repo.env)
    forge.git("merge", "-q", "--squash", "origin/topic")
    squashed = forge.commit("three lines (#1)")
    forge.git("push", "-q", "origin", "main", ":topic")
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "topic")
    work.git("fetch", "-q", "--prune", "origin")
    # as a clone has it, and newer gits make it with a fetch
    work.git("remote", "set-head", "origin", "main")
    found = outcome(work, trace)
    assert (tiers(found), tiers(found, reachable=False)) == ({squashed: TOOL}, {commit: TOOL})
    assert (found.commit_sha, link_to(found, squashed).branch) == (squashed, "origin/main")
    assert found.fate is not None
    assert (link_to(found, squashed).alive, found.fate.word) == (False, "alive")


def test_rebased_on_a_server_and_force_pushed_over(work: Recording, server: Repo, tmp_path: Path) -> None:
    trace, commit = _topic(work)
    work.git("push", "-q", "origin", "topic")
    forge = _clone(server.top, tmp_path / "forge", work.repo.env)
    forge.write(b="by another hand\n")
    forge.commit("by hand")
    forge.git("push", "-q", "origin", "main")
    forge.git("rebase", "-q", "main", "origin/topic")
    rebased = forge.head()
    forge.git("push", "-q", "--force", "origin", "HEAD:topic")
    work.git("fetch", "-q", "origin")
    work.git("reset", "-q", "--hard", "origin/topic")
    found = outcome(work, trace)
    assert (tiers(found), tiers(found, reachable=False)) == ({rebased: TOOL}, {commit: TOOL})


def test_the_same_patch_in_another_clone(work: Recording, server: Repo, tmp_path: Path) -> None:
    trace, commit = _topic(work)
    patch = work.repo.run("git", "diff", "HEAD~1", "HEAD")
    other = _clone(server.top, tmp_path / "other", work.repo.env)
    other.repo.run("git", "apply", stdin=patch)
    applied = other.commit("applied")
    other.git("push", "-q", "origin", "main")
    work.git("fetch", "-q", "origin")
    assert tiers(outcome(work, trace)) == {commit: TOOL, applied: TOOL}


def test_a_clone_that_has_only_the_notes(work: Recording, server: Repo, tmp_path: Path) -> None:
    trace, _ = _topic(work)
    other = work.start().trace_id
    work.did(a=TEN + numbered("one", "two", "three", "four"), new=numbered("five"))
    work.commit("two more")
    work.stop()
    work.git("mv", "new", "newer")
    work.commit("renamed by hand")
    work.git("push", "-q", "origin", "topic", "refs/notes/trace")
    clone = _clone(server.top, tmp_path / "clone", work.repo.env)
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    clone.git("checkout", "-q", "-B", "topic", "origin/topic")
    here, there = asked(work), asked(clone)
    assert there.keys() == here.keys() == {trace, other}
    assert there == here


def test_long_after_the_session(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.stop()
    later = {"GIT_AUTHOR_DATE": "2035-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2035-01-01T00:00:00Z"}
    work.git("commit", "-q", "-a", "-m", "at last", env=later)
    assert tiers(outcome(work, trace)) == {work.head(): TOOL}


def test_before_the_session(work: Recording) -> None:
    """Whatever a commit holds, it can't come from an event that is younger."""
    work.write(a=TEN + numbered("one"))
    work.commit("by hand")
    work.git("revert", "--no-edit", "HEAD")
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.commit("typed again")
    work.stop()
    found = outcome(work, trace)
    assert (tiers(found), found.committed) == ({}, False)


def test_in_another_worktree(work: Recording, tmp_path: Path) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.stop()
    patch = work.repo.run("git", "diff")
    work.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    beside = Repo(tmp_path / "beside", work.repo.env)
    beside.run("git", "apply", stdin=patch)
    beside.git("commit", "-q", "-a", "-m", "beside")
    commit = beside.git("rev-parse", "HEAD")
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    assert tiers(outcome(Recording(beside), trace)) == {commit: TOOL}
    assert view(beside).common_dir == work.here.common_dir


def test_by_a_tool_that_runs_no_hooks(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.git("add", "a")
    commit = work.git("commit-tree", "-p", "HEAD", "-m", "by a tool", work.git("write-tree"))
    work.git("update-ref", "refs/heads/main", commit)
    work.stop()
    assert tiers(outcome(work, trace)) == {commit: TOOL}


@pytest.mark.parametrize("object_format", ["sha256"])
def test_sha256(make_work, object_format: str) -> None:  # type: ignore[no-untyped-def]
    work = make_work("repo256", object_format)
    trace, commit = _topic(work)
    assert tiers(outcome(work, trace)) == {commit: TOOL}
