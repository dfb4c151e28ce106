"""Commits that are found when HEAD has gone on since, and nobody had looked: the worktree, and who wrote what."""

import os
import time
from pathlib import Path

import pytest

from gittrace.trace.recording import commit_events
from tests.support.newer_git import newer_git
from tests.support.recording import TEN, Recording, prepared
from tests.support.repo import hermetic_environment, make_repo
from tests.trace.authorship.test_attribution import blamed, lines, said, wrote
from tests.trace.outcomes import TOOL, outcome, tiers

NEW_GIT = newer_git((2, 45))


def commit_tree(work: Recording, commit: str) -> str:
    """Return the worktree as the event of a commit has it."""
    (event,) = [
        event
        for piece in work.pieces()
        for event in piece.events
        if event["kind"] == "commit" and event["commit"] == commit
    ]
    return str(event["tree"])


def show(work: Recording, tree: str, path: str) -> str:
    """Return a file of a tree."""
    return work.run_bytes("git", "cat-file", "blob", f"{tree}:{path}").decode()


def test_undone_before_anyone_came(work: Recording) -> None:
    """The worktree is as it was before the commit: that makes it no commit of a part."""
    work.start()
    work.did("look")
    work.write(a=TEN + lines("mine"))
    commit = work.commit()
    work.git("reset", "-q", "--hard", "HEAD~")
    work.git("branch", "kept", commit)
    work.seal()
    assert show(work, commit_tree(work, commit), "a") == TEN + lines("mine")
    assert wrote(work, commit="kept") == said("mine", by="commit")


@pytest.mark.parametrize("then", ["", TEN + lines("next")])
def test_work_that_went_on_before_anyone_came(work: Recording, monkeypatch: pytest.MonkeyPatch, then: str) -> None:
    """The worktree no longer holds what was just committed: it is not the commit's."""
    monkeypatch.setattr(commit_events, "_JUST_NOW", 3600)
    work.start()
    work.did("look")
    work.write(a=TEN + lines("mine"))
    commit = work.commit()
    work.write(a=then)
    work.seal()
    assert show(work, commit_tree(work, commit), "a") == TEN + lines("mine")
    work.did("next", a=TEN + lines("mine", "next"))
    later = work.commit()
    assert wrote(work, commit=commit) == said("mine", by="commit")
    assert wrote(work, commit=later) == said("next", by="next")


def test_left_before_anyone_came(work: Recording) -> None:
    """As when another branch is checked out that has the file as it was."""
    work.git("branch", "other")
    work.start()
    work.did("look")
    work.write(a=TEN + lines("mine"))
    commit = work.commit()
    work.git("switch", "-q", "other")
    work.seal()
    assert show(work, commit_tree(work, commit), "a") == TEN + lines("mine")
    assert wrote(work, commit="main") == said("mine", by="commit")


def test_a_part_and_then_elsewhere(work: Recording) -> None:
    """What was staged in part keeps its rest, whatever HEAD did since, as long as the worktree holds both."""
    work.start()
    work.did("both", a=lines("first") + TEN + lines("last"))
    work.write(staged=lines("first") + TEN)
    blob = work.git("hash-object", "-w", "staged")
    (work.repo.top / "staged").unlink()
    work.git("update-index", "--cacheinfo", f"100644,{blob},a")
    work.git("commit", "-q", "-m", "a part")
    commit = work.head()
    work.git("switch", "-q", "-c", "topic")
    work.seal()
    assert show(work, commit_tree(work, commit), "a") == lines("first") + TEN + lines("last")
    assert wrote(work, commit=commit) == said("first", by="both")


def test_after_another_branch_was_checked_out(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """The commit's worktree is that of the branch; what the branch holds of others is theirs."""
    monkeypatch.setattr(commit_events, "_JUST_NOW", -1)
    work.git("switch", "-q", "-c", "topic")
    work.write(b=TEN + lines("theirs"))
    work.commit("of others")
    work.git("switch", "-q", "main")
    work.start()
    work.did("look")
    work.git("switch", "-q", "topic")
    work.write(a=TEN + lines("mine"), b=TEN + lines("theirs"))
    commit = work.commit()
    work.git("switch", "-q", "-c", "further")
    work.seal()
    tree = commit_tree(work, commit)
    assert (show(work, tree, "a"), show(work, tree, "b")) == (TEN + lines("mine"), TEN + lines("theirs"))
    assert wrote(work, commit=commit) == said("mine", by="commit")
    assert set(blamed(work, "b", commit).values()) == {None}


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_a_rebase_of_what_others_committed(work: Recording, backend: str) -> None:
    """Under its new name it is theirs as well, and so is what it is melted into."""
    work.git("switch", "-q", "-c", "topic")
    work.write(b=TEN + lines("theirs"))
    work.commit("of others")
    work.start()
    work.did("mine", a=TEN + lines("mine"))
    work.commit()
    work.git("switch", "-q", "main")
    work.write(more="more\n")
    work.commit("upstream")
    work.git("switch", "-q", "topic")
    work.git("rebase", "-q", backend, "main")
    work.did("later", a=TEN + lines("mine", "later"))
    work.commit()
    work.seal()
    assert set(blamed(work, "b").values()) == {None}
    assert blamed(work)["the line named mine"] == "mine"
    work.git("reset", "-q", "--soft", "HEAD~3")
    work.commit("all in one")
    assert wrote(work, "b") == said("theirs", by=None)
    assert wrote(work) == said("mine", by="mine") | said("later", by="later")


@pytest.mark.parametrize("seconds", [-1, 0, 2])
def test_a_rebase_of_what_others_committed_is_no_link(work: Recording, seconds: int) -> None:
    """Though the worktree took the lines in, and by its log, in whole seconds, it began before the last command."""
    work.git("switch", "-q", "-c", "topic")
    work.write(b=TEN + lines("theirs"))
    work.commit("of others")
    work.git("switch", "-q", "main")
    work.write(more="more\n")
    work.commit("upstream")
    trace = work.start().trace_id
    work.did("look")
    date = {"GIT_COMMITTER_DATE": f"{int(time.time()) + seconds} +0000"}
    work.git("rebase", "-q", "main", "topic", env=date)
    work.git("reset", "-q", "--soft", "HEAD~", env=date)
    work.did("test")
    work.git("reset", "-q", "--hard", "ORIG_HEAD", env=date)
    work.did("mine", a=TEN + lines("mine"))
    commit = work.commit()
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    assert set(blamed(work, "b").values()) == {None}


def amid_a_conflict(work: Recording, how: str) -> None:
    """See that what a pick or merge brought into the worktree since is not what the commit before left there."""
    work.git("switch", "-q", "-c", "topic")
    work.write(a=TEN + lines("theirs"))
    work.commit("of others")
    work.git("switch", "-q", "main")
    work.start()
    work.did("look")
    work.write(a=TEN + lines("mine"))
    commit = work.commit()
    work.git(how, "topic", status=1)
    work.seal()
    assert show(work, commit_tree(work, commit), "a") == TEN + lines("mine")
    work.write(a=TEN + lines("mine", "theirs"))
    work.git("add", "a")
    work.git("commit", "-q", "--no-edit")
    work.did("test")
    assert wrote(work, commit=commit) == said("mine", by="commit")
    assert blamed(work) == dict.fromkeys(TEN.splitlines()) | said("mine", by="commit") | said("theirs", by=None)


@pytest.mark.parametrize("how", ["cherry-pick", "merge"])
def test_found_amid_a_conflict(work: Recording, how: str) -> None:
    amid_a_conflict(work, how)


@pytest.mark.skipif(NEW_GIT is None, reason="no git with reftable here")
@pytest.mark.parametrize("how", ["cherry-pick", "merge"])
def test_so_where_refs_are_tables(tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setenv("PATH", f"{NEW_GIT}:{os.environ['PATH']}")
    env = hermetic_environment(home) | {"GIT_DEFAULT_REF_FORMAT": "reftable"}
    amid_a_conflict(prepared(make_repo(tmp_path / "repo", env), monkeypatch), how)


@pytest.mark.parametrize("seconds", [-3600, -1, 0])
def test_a_clock_that_stands_still_or_goes_back(work: Recording, seconds: int) -> None:
    """What led to a commit is told by the order in which things were recorded; what came later didn't."""
    date = f"{int(time.time()) + seconds} +0000"
    env = {"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date}
    trace = work.start().trace_id
    work.did("mine", a=TEN + lines("mine"))
    work.git("commit", "-q", "-a", "-m", "work", env=env)
    commit = work.head()
    work.did("more", a=TEN + lines("mine", "more"))
    work.git("commit", "-q", "-a", "-m", "work", env=env)
    work.git("commit", "-q", "--amend", "-m", "more", env=env)
    more = work.head()
    work.stop()
    other = work.start().trace_id
    work.did("again", a=TEN + lines("mine", "more", "mine again"))
    work.stop()
    assert wrote(work, commit=commit) == said("mine", by="mine")
    assert wrote(work, commit=more) == said("more", by="more")
    assert tiers(outcome(work, trace)) == {commit: TOOL, more: TOOL}
    assert tiers(outcome(work, other)) == {}
