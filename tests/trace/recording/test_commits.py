"""Which commits are found, and what is sealed on each."""

import time
from pathlib import Path

import pytest

from gittrace.git import snapshot
from gittrace.trace.recording import commit_events
from gittrace.trace.sealing.seal import seal
from tests.support.recording import Recording, view

PAST = {"GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z", "GIT_AUTHOR_DATE": "2001-02-03T04:05:06Z"}


@pytest.fixture(autouse=True)
def _checked(work: Recording, tmp_path: Path) -> object:
    """Check after each test what always holds."""
    yield
    work.check(tmp_path)


def words(work: Recording, name: str = "HEAD") -> list[str]:
    """Return what the only segment of a commit's note holds."""
    (found,) = work.noted(work.head(name))
    return found


def test_plain(work: Recording) -> None:
    work.start()
    work.did("fix", a="fixed\n")
    work.commit()
    work.seal()
    assert words(work) == ["fix", "commit"]


@pytest.mark.parametrize("late", [False, True])
def test_a_commit_takes_in_what_was_edited_since_the_last_command(
    work: Recording, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """All of it when the sealer comes at once; when it comes late, what the commit itself says."""
    monkeypatch.setattr(commit_events, "_JUST_NOW", -1 if late else 3600)
    work.start()
    work.did("fix", a="fixed\n")
    work.write(b="by hand\n", left="untracked\n")
    work.git("add", "b")
    work.git("commit", "-q", "-m", "half", "a", "b")
    work.seal()
    (piece,) = [piece for piece in work.pieces() if piece.commit == work.head()]
    commit = piece.events[-1]
    assert (commit["tree"] == snapshot.take(work.here).tree) is not late
    assert "by hand" in commit["diff"]
    assert ("untracked" in commit["diff"]) is not late


def test_two_commits_in_a_row(work: Recording) -> None:
    work.start()
    work.did("first", a="1\n")
    one = work.commit()
    work.write(b="2\n")
    two = work.commit()
    work.seal()
    assert work.noted(one) == [["first", "commit"]]
    assert work.noted(two) == [["commit"]]
    trees = {piece.commit: piece.events[-1] for piece in work.pieces()}
    assert trees[one]["tree"] == work.head(f"{one}^{{tree}}")
    assert "+2" in trees[two]["diff"]


def test_a_commit_of_a_part(work: Recording) -> None:
    """`add -p`: one hunk of two; the worktree keeps both, before and after."""
    work.start()
    lines = [f"line {n}\n" for n in range(10)]
    work.did("both", a="".join(["top\n", *lines, "bottom\n"]))
    whole = work.git("diff", "a")
    part = whole[: whole.index("@@ -8")] + "\n"
    work.repo.git("apply", "--cached", stdin=part.encode())
    work.git("commit", "-q", "-m", "the first hunk")
    work.did("test")
    work.seal()
    (piece,) = [piece for piece in work.pieces() if piece.commit == work.head()]
    assert [event["kind"] for event in piece.events] == ["command", "commit"]
    assert piece.events[1].get("diff") is None
    assert piece.events[0]["tree_after"] == piece.events[1]["tree"]


def test_amend(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    old = work.commit()
    work.seal()
    work.did("better", a="2\n")
    new = work.commit("again", "--amend")
    work.seal()
    assert work.noted(old) == [["fix", "commit"]]
    assert work.noted(new) == [["fix", "commit"], ["better", "rewrite", "commit"]]


def test_amend_before_the_sealer_came(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    old = work.commit()
    new = work.commit("again", "--amend")
    work.seal()
    assert work.noted(old) == [["fix", "commit"]]
    assert work.noted(new) == [["fix", "commit"], ["rewrite", "commit"]]


def test_amend_without_hooks(work: Recording) -> None:
    work.unhook()
    work.start()
    work.did("fix", a="1\n")
    old = work.commit()
    new = work.commit("again", "--amend")
    work.stop()
    assert work.noted(old) == [["fix", "commit"]]
    assert work.noted(new) == [["rewrite", "commit"], ["stop"]]


def test_commits_that_were_undone_and_done_again(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    old = work.commit("wrong")
    work.git("reset", "-q", "--soft", "HEAD~")
    new = work.commit("right")
    work.seal()
    assert work.noted(old) == [["fix", "commit"]]
    assert work.noted(new) == [["commit"]]


def test_reset_alone_is_no_commit(work: Recording) -> None:
    tip = work.commit("to be left")
    work.start()
    work.did("look")
    work.git("reset", "-q", "--hard", "HEAD~")
    work.git("reset", "-q", "--hard", tip)
    work.seal()
    assert work.pieces() == []


def test_stash_and_pop_are_no_commits(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.git("stash", "-q")
    work.did("look")
    work.git("stash", "pop", "-q")
    work.seal()
    assert work.pieces() == []
    work.commit()
    work.seal()
    assert words(work) == ["fix", "look", "commit"]


@pytest.mark.parametrize(
    "subject", ["Fast-forward the tape", "add (finish) and (abort)", "amend: nothing", "clone: no", "x: Fast-forward"]
)
def test_the_subject_of_a_commit_says_nothing(work: Recording, subject: str) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit(subject)
    work.seal()
    assert words(work) == ["fix", "commit"]


def topic(work: Recording, **files: str) -> str:
    """Commit on a branch `topic`, go back to `main`, and return the commit."""
    work.git("switch", "-q", "-c", "topic")
    work.write(**files)
    tip = work.commit("on topic")
    work.git("switch", "-q", "main")
    return tip


def test_merge_fast_forward_is_no_commit_of_ours(work: Recording) -> None:
    topic(work, c="c\n")
    work.start()
    work.did("look")
    work.git("merge", "-q", "topic")
    work.seal()
    assert work.pieces() == []


def test_cherry_pick_fast_forward_is_no_commit_of_ours(work: Recording) -> None:
    tip = topic(work, c="c\n")
    work.start()
    work.did("look")
    work.git("cherry-pick", "--ff", tip)
    work.seal()
    assert work.pieces() == []


def test_merge_no_ff(work: Recording) -> None:
    topic(work, c="c\n")
    work.start()
    work.did("look")
    work.git("merge", "-q", "--no-ff", "-m", "merged", "topic")
    work.seal()
    assert words(work) == ["look", "commit"]


def test_merge_with_a_conflict(work: Recording) -> None:
    topic(work, a="theirs\n")
    work.write(a="ours\n")
    work.commit()
    work.start()
    work.git("merge", "-q", "topic", status=1)
    work.did("look")
    work.did("solve", a="both\n")
    work.commit("merged")
    work.seal()
    assert words(work) == ["look", "solve", "commit"]


@pytest.mark.parametrize("clean", [True, False])
def test_cherry_pick(work: Recording, clean: bool) -> None:
    tip = topic(work, **({"c": "c\n"} if clean else {"a": "theirs\n"}))
    work.write(**({"b": "b\n"} if clean else {"a": "ours\n"}))
    work.commit()
    work.start()
    work.did("look")
    work.git("cherry-pick", tip, status=0 if clean else 1)
    if not clean:
        work.did("solve", a="both\n")
        work.git("add", "a")
        work.git("-c", "core.editor=true", "cherry-pick", "--continue")
    work.seal()
    assert words(work) == (["look", "commit"] if clean else ["look", "solve", "commit"])


def test_cherry_pick_of_several(work: Recording) -> None:
    work.git("switch", "-q", "-c", "topic")
    for number in range(3):
        work.write(c=f"{number}\n")
        work.commit()
    work.git("switch", "-q", "main")
    work.write(b="b\n")
    work.commit()
    work.start()
    work.did("look")
    work.git("cherry-pick", "main..topic")
    work.seal()
    assert [work.noted(work.head(name)) for name in ("HEAD~2", "HEAD~1", "HEAD")] == [
        [["look", "commit"]],
        [["commit"]],
        [["commit"]],
    ]


def test_revert(work: Recording) -> None:
    work.write(a="wrong\n")
    work.commit()
    work.start()
    work.did("look")
    work.git("revert", "--no-edit", "HEAD")
    work.seal()
    assert words(work) == ["look", "commit"]


def test_am(work: Recording, tmp_path: Path) -> None:
    topic(work, c="c\n")
    patch = tmp_path / "patch"
    patch.write_text(work.git("format-patch", "--stdout", "main..topic") + "\n")
    work.start()
    work.did("look")
    work.git("am", "-q", str(patch))
    work.seal()
    assert words(work) == ["look", "commit"]


def test_detached_head(work: Recording) -> None:
    work.git("checkout", "-q", "--detach")
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    work.seal()
    assert words(work) == ["fix", "commit"]


def test_orphan_branch(work: Recording) -> None:
    work.start()
    work.git("checkout", "-q", "--orphan", "new")
    work.did("fix", a="1\n")
    work.commit("a new root")
    work.seal()
    assert words(work) == ["fix", "commit"]


def test_a_commit_by_a_library(work: Recording) -> None:
    pygit2 = pytest.importorskip("pygit2")
    work.start()
    work.did("fix", a="1\n")
    library = pygit2.Repository(work.here.git_dir)
    library.index.read()
    library.index.add("a")
    library.index.write()
    who = pygit2.Signature("A", "a@example.com")
    library.create_commit("HEAD", who, who, "by a library", library.index.write_tree(), [library.head.target])
    work.did("test")
    work.stop()
    assert work.noted(work.head()) == [["fix", "commit"], ["test", "stop"]]


@pytest.mark.parametrize("hooks", [True, False])
def test_a_commit_inside_a_command(work: Recording, hooks: bool) -> None:
    if not hooks:
        work.unhook()
    work.start()
    work.did("fix", a="1\n")
    work.run("git", "commit", "-qam", "inside")
    work.stop()
    assert work.noted(work.head()) == [["fix", "git commit -qam inside", "commit"], ["stop"]]


def test_commits_inside_a_command(work: Recording) -> None:
    """What was written, committed and taken away within the command shows in the events of the commits."""
    work.start()
    with work.recorded("release"):
        work.write(a="1\n", gone="written and removed\n")
        one = work.commit("one")
        work.write(a="1\n2\n")
        work.git("rm", "-q", "gone")
        two = work.commit("two")
        work.write(b="left\n")
    work.stop()
    assert work.noted(one) == [["release", "commit"]]
    assert work.noted(two) == [["commit"], ["stop"]]
    first, second, _ = work.pieces()
    command, commit = first.events
    assert (command["commits"], command["head_after"]) == ([one, two], two)
    assert commit["by"] == second.events[0]["by"] == command["id"]
    assert "+left" in command["effect"]
    assert "gone" not in command["effect"]
    assert "+written and removed" in commit["diff"]
    assert commit["tree_after"] == second.events[0]["tree"] == command["tree_after"]
    assert "tree_after" not in second.events[0]


def test_commits_before_and_inside_a_command(work: Recording) -> None:
    """Each where it was made, though the sealer comes to neither."""
    work.start()
    work.did("fix", a="1\n")
    one = work.commit("by hand")
    work.run("git", "commit", "-q", "--allow-empty", "-m", "inside")
    work.stop()
    assert work.noted(one) == [["fix", "commit"]]
    assert work.noted(work.head()) == [["git commit -q --allow-empty -m inside", "commit"], ["stop"]]


@pytest.mark.parametrize("amend", [False, True])
def test_a_commit_inside_a_command_sealed_while_it_runs(work: Recording, amend: bool) -> None:
    """Who asks at once finds the commit; the command is noted on it when it has ended."""
    work.start()
    with work.recorded("long"):
        work.write(a="1\n")
        work.commit("inside", *(["--amend"] if amend else []))
        work.seal()
        work.write(b="2\n")
    work.did("test")
    work.stop()
    words = ["rewrite", "commit"] if amend else ["commit"]
    assert work.noted(work.head()) == [words, ["long"], ["test", "stop"]]
    pieces = work.pieces()
    assert "+1" in pieces[0].events[-1]["diff"]
    assert "+1" in pieces[1].events[0]["effect"]


def test_a_patient_sealer_leaves_a_commit_to_the_command_that_made_it(work: Recording) -> None:
    """As the hooks start it; what was committed before the command it takes."""
    work.start()
    work.did("fix", a="1\n")
    one = work.commit("before")
    with work.recorded("release"):
        two = work.commit("inside")
        seal(work.here, patient=True)
        assert work.noted(one) == [["fix", "commit"]]
        seal(work.here, patient=True)
        assert work.noted(two) == []
    seal(work.here, patient=True)
    assert work.noted(two) == [["release", "commit"]]


def test_a_commit_that_was_sealed_while_a_command_ran_that_then_made_another(work: Recording) -> None:
    work.start()
    with work.recorded("long"):
        work.write(a="1\n")
        one = work.commit("one")
        work.seal()
        work.write(a="2\n")
        two = work.commit("two")
    work.stop()
    assert work.noted(one) == [["commit"]]
    assert work.noted(two) == [["long", "commit"], ["stop"]]


def test_commands_beside_each_other(work: Recording) -> None:
    """The commit is of the one that it was found by, in which it was made."""
    work.start()
    with work.recorded("outer"):
        work.write(a="1\n")
        with work.recorded("inner"):
            work.write(b="2\n")
        work.write(c="3\n")
        work.commit("amid")
    work.write(b="later\n")
    work.commit("last")
    work.seal()
    assert work.noted(work.head("HEAD~")) == [["inner", "outer", "commit"]]
    assert work.noted(work.head()) == [["commit"]]


def test_a_command_that_outlived_its_session_leaves_commits_to_the_next_one(work: Recording) -> None:
    work.start()
    with work.recorded("server"):
        work.stop()
        work.start()
        work.did("fix", a="1\n")
        work.commit("of the second session")
    work.stop()
    assert work.noted(work.head()) == [["fix", "commit"], ["stop"]]


def test_a_commit_after_the_session(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.stop(success=True)
    work.commit()
    work.seal()
    assert work.pieces()[0].words == ["fix", "stop"]
    assert work.unlinked() == [["fix", "stop"]]


def test_the_verdict_goes_to_the_last_commit(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    old = work.commit()
    work.seal()
    new = work.commit("better words", "--amend")
    work.did("test")
    work.stop(success=True)
    assert work.noted(old) == [["fix", "commit"]]
    assert work.noted(new) == [["fix", "commit"], ["rewrite", "commit"], ["test", "stop"]]
    assert work.unlinked() == []


def test_what_was_recorded_under_the_old_tree_of_a_commit_keeps_its_order(work: Recording) -> None:
    """The sealer comes late: a command was recorded since the commit, which then gets what it committed laid over."""
    work.start()
    work.did("fix", a="1\n")
    work.write(b="by hand\n", c="left\n")
    work.git("commit", "-q", "-m", "b", "b")
    time.sleep(0.01)
    work.did("test", d="4\n")
    work.seal()
    (piece,) = work.pieces()
    assert piece.words == ["fix", "commit"]
    assert "by hand" in piece.events[1]["diff"]
    assert "left" not in piece.events[1]["diff"]


def test_sealing_twice_at_once_is_sealing_once(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    first, second = seal(work.here), seal(view(work.repo))
    assert (len(first.noted), len(second.noted)) == (1, 0)
