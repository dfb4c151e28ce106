"""Commits in other worktrees and clones, and those that no reflog tells of."""

import os
from pathlib import Path

import pytest

from tests.support.recording import Make, Recording
from tests.support.repo import Repo

PAST = {"GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z", "GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z"}


@pytest.fixture(autouse=True)
def _checked(work: Recording, tmp_path: Path) -> object:
    """Check after each test what always holds."""
    yield
    work.check(tmp_path)


def test_no_reflog(work: Recording) -> None:
    work.git("config", "core.logAllRefUpdates", "false")
    (Path(work.here.git_dir) / "logs/HEAD").unlink()
    work.start()
    work.did("fix", a="1\n")
    one = work.commit()
    work.seal()
    work.did("more", a="2\n")
    two = work.commit()
    work.seal()
    assert [work.noted(one), work.noted(two)] == [[["fix", "commit"]], [["more", "commit"]]]


def test_reflog_lost_on_the_way(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    one = work.commit()
    work.seal()
    work.did("more", a="2\n")
    two = work.commit()
    work.git("reflog", "expire", "--expire=now", "--all")
    work.seal()
    assert [work.noted(one), work.noted(two)] == [[["fix", "commit"]], [["more", "commit"]]]


def test_the_reflog_lost_after_everything_was_sealed(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    work.seal()
    work.git("reflog", "expire", "--expire=now", "--all")
    work.write(b="by hand\n")
    two = work.commit()
    work.git("reflog", "expire", "--expire=now", "--all")
    work.seal()
    assert work.noted(two) == [["commit"]]


def test_commits_with_dates_of_long_ago(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.git("commit", "-qam", "old", env=PAST)
    one = work.head()
    work.did("more", a="2\n")
    work.git("commit", "-qam", "older", env=PAST)
    work.seal()
    assert work.noted(one) == [["fix", "commit"]]
    assert work.noted(work.head()) == [["more", "commit"]]
    ats = [event["at"] for piece in work.pieces() for event in piece.events]
    assert ats == sorted(ats)


def test_two_worktrees_of_one_trace(work: Recording, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    other = Recording(Repo(tmp_path / "side", work.repo.env))
    first = work.start()
    other.start(trace_id=first.trace_id)
    work.did("here", a="1\n")
    other.did("there", b="2\n")
    there, here = other.commit("there"), work.commit("here")
    work.seal()
    assert work.noted(here) == [["here", "commit"]]
    assert work.noted(there) == [["there", "commit"]]
    work.did("more", a="3\n")
    again = work.commit("again")
    other.seal()
    assert work.noted(again) == [["more", "commit"]]
    assert {piece.header["trace_id"] for piece in work.pieces()} == {first.trace_id}


def test_a_worktree_with_a_relative_path(work: Recording, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    admin = Path(work.here.common_dir) / "worktrees/side"
    # as git 2.48 and newer write it with worktree.useRelativePaths
    (admin / "gitdir").write_text(os.path.relpath(tmp_path / "side/.git", admin) + "\n")
    other = Recording(Repo(tmp_path / "side", work.repo.env))
    other.start()
    other.did("there", b="2\n")
    tip = other.commit()
    work.seal()
    assert work.noted(tip) == [["there", "commit"]]


def test_a_commit_in_another_worktree_is_not_of_this_session(work: Recording, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    other = Recording(Repo(tmp_path / "side", work.repo.env))
    work.start()
    work.did("here", a="1\n")
    other.write(b="2\n")
    other.commit()
    work.seal()
    assert work.pieces() == []


def test_a_session_without_a_commit_before_it(work: Recording, make_work: Make, tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    work.repo.run("git", "init", "-q", "-b", "main", str(empty))
    new = Recording(Repo(empty, work.repo.env))
    new.install()
    new.start()
    new.did("first", a="1\n")
    new.commit()
    new.did("second", a="2\n")
    new.commit()
    new.stop()
    assert new.noted(new.head("HEAD~")) == [["first", "commit"]]
    assert new.noted(new.head()) == [["second", "commit"], ["stop"]]
    new.check(tmp_path / "other")


def test_another_clone_pushes_into_the_worktree(work: Recording, tmp_path: Path) -> None:
    work.git("config", "receive.denyCurrentBranch", "updateInstead")
    work.start()
    work.did("look")
    work.git("clone", "-q", work.here.common_dir, str(tmp_path / "elsewhere"))
    elsewhere = Repo(tmp_path / "elsewhere", work.repo.env)
    elsewhere.commit("c", "c\n")
    elsewhere.git("push", "-q", "origin", "HEAD:main")
    work.seal()
    assert work.pieces() == []
