"""What others did is no link, though it came through the hands of a session: undone, taken in parts, said again."""

from pathlib import Path

import pytest

from tests.support.recording import TEN, Recording
from tests.support.repo import Repo
from tests.trace.outcomes import DIVERGED, TOOL, numbered, outcome, tiers

ROWS = "".join(f"row {number} of the table\n" for number in range(8))


def without(*numbers: int) -> str:
    """Return the rows but for some."""
    return "".join(row for number, row in enumerate(ROWS.splitlines(keepends=True)) if number not in numbers)


def test_what_others_took_away_and_a_session_committed_in_parts(work: Recording) -> None:
    work.write(a=ROWS, b=ROWS, c=TEN)
    work.commit("rows")
    work.write(a=without(2), b=without(3))
    theirs = work.commit("theirs")
    trace = work.start().trace_id
    work.did("make", b=without(3, 6), c=TEN + "the only line of the trace\n")
    own = work.commit()
    work.git("reset", "-q", "--hard", theirs)
    work.git("reset", "-q", "HEAD~")
    for name in ("a", "b"):
        work.git("add", name)
        work.git("commit", "-q", "-m", f"part {name}")
    work.did("test")
    assert tiers(outcome(work, trace)) == {}
    assert tiers(outcome(work, trace), reachable=False) == {own: TOOL}


def test_what_was_taken_away_put_back_unseen_and_indented(work: Recording) -> None:
    """It is whose it was, though no diff has it beside the form that it had before."""
    long = "".join(f"row {number} of a table that somebody else wrote\n" for number in range(4))
    rest = long.split("\n", 2)[2]
    work.write(a=long, b=TEN)
    work.commit("rows")
    trace = work.start().trace_id
    work.did("make", a=rest, b=TEN + "the only line of the trace\n")
    work.write(a="".join(f"\t{line}\n" for line in long.splitlines()))
    work.commit()
    found = outcome(work, trace)
    assert found.fate is not None
    assert [(file.path, file.lines) for file in found.fate.files] == [("a", 1), ("b", 1)]
    assert found.fate.shares == {"alive": 1.0}


def test_what_others_took_away_and_a_session_amended(work: Recording) -> None:
    work.write(a=ROWS, b=ROWS)
    work.commit("rows")
    work.write(a=without(2))
    work.commit("theirs")
    trace = work.start().trace_id
    work.did("make", b=ROWS + "the only line of the trace\n")
    work.git("stash", "push", "-q")
    work.git("rebase", "-q", "--exec", "git commit -q --amend -m executed", "HEAD~2")
    work.did("test")
    assert tiers(outcome(work, trace)) == {}


def test_what_others_took_away_and_the_trace_once_more(work: Recording) -> None:
    work.write(a=ROWS)
    work.commit("rows")
    work.write(a=without(2))
    work.commit("theirs")
    work.git("revert", "--no-edit", "HEAD")
    trace = work.start().trace_id
    work.did("make", a=without(2))
    assert tiers(outcome(work, trace)) == {}
    own = work.commit()
    assert tiers(outcome(work, trace)) == {own: DIVERGED}


def test_what_others_took_away_so_that_a_file_is_as_a_trace_left_it(work: Recording) -> None:
    work.write(a=ROWS, b=ROWS)
    work.commit("rows")
    trace = work.start().trace_id
    work.run("git", "mv", "b", "c")
    own = work.commit()
    work.stop()
    work.write(c="a line that somebody put in front\n" + ROWS)
    work.commit("more")
    work.write(c=ROWS)
    work.commit("and less")
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_half_of_a_recorded_rename(work: Recording) -> None:
    """What is still committed under the old name is nothing that the session wrote and took away unseen."""
    work.write(a=without(3, 4))
    work.commit("some rows")
    work.write(a=ROWS)
    work.commit("those between")
    trace = work.start().trace_id
    work.run("git", "mv", "a", "c")
    work.git("reset", "-q")
    work.git("add", "c")
    work.git("commit", "-q", "-m", "the new name")
    work.did("look")
    rest = work.commit("without the old one")
    assert tiers(outcome(work, trace)) == {rest: TOOL}


def test_a_bracket_that_a_trace_took_away(work: Recording) -> None:
    work.write(a=ROWS + "}\n" + TEN)
    work.commit("rows")
    trace = work.start().trace_id
    work.did("make", a=ROWS + TEN)
    work.stop()
    own = work.commit()
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_a_line_that_somebody_says_again_in_the_file(work: Recording) -> None:
    """The trace's own stands there before, so this one is another's."""
    work.write(a=ROWS)
    work.commit("rows")
    trace = work.start().trace_id
    work.did("make", a="    return self.value\n" + ROWS)
    own = work.commit()
    work.stop()
    work.write(a="    return self.value\n" + ROWS + "def other(self):\n    return self.value\n")
    work.commit("theirs")
    work.write(a="    return self.value\n" + ROWS + "def other(self):\n    return self.value\n    return  self.value\n")
    work.commit("formatted otherwise")
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_a_run_of_lines_that_somebody_says_again_in_the_file(work: Recording) -> None:
    three = "try:\n    value = read()\nexcept KeyError:\n"
    work.write(a=ROWS)
    work.commit("rows")
    trace = work.start().trace_id
    work.did("make", a=three + ROWS)
    own = work.commit()
    work.stop()
    work.write(a=three + ROWS + three)
    work.commit("theirs")
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_a_line_that_the_trace_says_again_in_the_file(work: Recording) -> None:
    """Though a commit before it brought the first one."""
    work.write(a="import time\n" + ROWS)
    work.commit("rows")
    trace = work.start().trace_id
    work.did("make", a="import time\n" + ROWS + "import time\n")
    work.stop()
    own = work.commit()
    found = outcome(work, trace)
    # nobody has it twice: that the session wrote it is known where it was committed there
    assert tiers(found) == {}
    work.start(trace)
    work.did("make", a="import time\n" + ROWS + "import time\n" + TEN)
    work.did("less", a="import time\n" + ROWS + "import time\nimport time\n")
    again = work.commit()
    work.did("test")
    found = outcome(work, trace)
    assert tiers(found) == {again: TOOL}
    assert (found.links[0].share, own in tiers(found)) == (1.0, False)


def test_a_pick_of_what_others_did_that_stopped_and_was_solved(work: Recording) -> None:
    """The file is gone in the branch that it comes to, so all of it comes back."""
    work.write(a=ROWS, b=TEN)
    base = work.commit("rows")
    work.write(a=f"{ROWS}and one of theirs\n")
    theirs = work.commit("theirs")
    work.git("switch", "-q", "-c", "topic", base)
    work.git("rm", "-q", "a")
    work.commit("gone")
    trace = work.start().trace_id
    work.did("test")
    work.git("cherry-pick", theirs, status=1)
    work.git("add", "a")
    work.git("cherry-pick", "--continue", env={"GIT_EDITOR": "true"})
    work.did("test")
    assert tiers(outcome(work, trace)) == {}


def test_a_recorded_pick_of_what_several_did_that_stopped(work: Recording) -> None:
    """It leaves a file that no commit brought as a whole."""
    work.write(a=numbered("one", "two"), b=TEN)
    base = work.commit("rows")
    work.write(a=numbered("one", "here", "two"))
    work.commit("more")
    work.write(a=numbered("one", "here", "there", "two"), b=TEN + "a change\n")
    theirs = work.commit("theirs")
    work.git("switch", "-q", "-c", "topic", base)
    work.git("rm", "-q", "a")
    work.commit("gone")
    trace = work.start().trace_id
    work.run("git", "cherry-pick", theirs, status=1)
    work.git("add", "a")
    work.run("git", "-c", "core.editor=true", "cherry-pick", "--continue")
    work.did("test")
    assert tiers(outcome(work, trace)) == {}


def test_a_recorded_stash_of_before_the_session(work: Recording) -> None:
    work.write(a=TEN + ROWS)
    work.git("stash", "-q")
    trace = work.start().trace_id
    work.run("git", "stash", "pop", "-q")
    work.did("make", b="the only line of the trace\n")
    work.git("add", "a")
    work.git("commit", "-q", "-m", "popped")
    own = work.commit()
    assert tiers(outcome(work, trace)) == {own: TOOL}


@pytest.mark.parametrize("recorded", [False, True])
def test_a_merge_that_git_made_in_a_session(work: Recording, recorded: bool) -> None:
    """It joined what the trace wrote with what others took away: nobody's hand was in it."""
    work.write(a=ROWS + TEN)
    work.commit("rows")
    work.git("switch", "-q", "-c", "topic")
    work.write(a=without(2, 3) + TEN)
    work.commit("theirs")
    work.git("switch", "-q", "main")
    trace = work.start().trace_id
    work.did("make", a=ROWS + TEN + "the only line of the trace\n")
    own = work.commit()
    merge = ("merge", "-q", "--no-edit", "topic")
    if recorded:
        work.run("git", *merge)
    else:
        work.git(*merge)
    work.did("test")
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_a_merge_in_which_both_sides_were_kept_by_hand(work: Recording) -> None:
    work.write(a=ROWS + TEN)
    work.commit("rows")
    work.git("switch", "-q", "-c", "topic")
    work.write(a=ROWS + numbered("theirs") + TEN)
    work.git("commit", "-q", "-a", "-m", "theirs", env={"GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z"})
    work.git("switch", "-q", "main")
    work.write(a=ROWS + numbered("ours") + TEN)
    work.commit("ours")
    trace = work.start().trace_id
    work.git("merge", "-q", "topic", status=1)
    work.did("make", a=ROWS + numbered("ours", "theirs") + TEN)
    merge = work.commit("solved")
    assert tiers(outcome(work, trace)) == {merge: TOOL}


@pytest.mark.parametrize("how", [("rm", "-q", "a"), ("mv", "a", "z")])
@pytest.mark.parametrize("run", ["run", "git"])
def test_two_who_delete_or_rename_the_same_file(
    work: Recording, tmp_path: Path, how: tuple[str, ...], run: str
) -> None:
    """Each in a worktree: each has it in the commit of its own."""
    work.write(a=TEN + numbered("nobody"), b=TEN)
    work.commit("base")
    work.git("worktree", "add", "-q", "-b", "beside", str(tmp_path / "beside"))
    beside = Recording(Repo(tmp_path / "beside", work.repo.env))
    found = {}
    for one in (work, beside):
        trace = one.start().trace_id
        if run == "run":
            one.run("git", *how)
        else:
            one.git(*how)
        found[trace] = one.commit(f"by {trace}")
        one.stop()
    assert len({*found, *found.values()}) == 4
    for trace, own in found.items():
        assert tiers(outcome(work, trace)) == {own: TOOL}
        assert outcome(work, trace).commit_sha == own


def test_who_deletes_what_was_deleted_on_another_branch_before(work: Recording) -> None:
    work.write(a=TEN + numbered("nobody"), b=TEN)
    work.commit("base")
    work.git("switch", "-q", "-c", "topic")
    work.git("rm", "-q", "a")
    work.git("commit", "-q", "-m", "theirs", env={"GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z"})
    work.git("switch", "-q", "main")
    trace = work.start().trace_id
    work.run("rm", "a")
    own = work.commit()
    assert tiers(outcome(work, trace)) == {own: TOOL}


@pytest.mark.parametrize("how", [("cherry-pick",), ("cherry-pick", "-n"), ("merge", "-q", "--squash")])
def test_a_deletion_of_another_trace_that_a_session_took(work: Recording, how: tuple[str, ...]) -> None:
    work.write(a=TEN + numbered("nobody"), b=TEN)
    work.commit("base")
    work.git("switch", "-q", "-c", "topic")
    first = work.start().trace_id
    work.run("rm", "a")
    work.did("make", b=TEN + numbered("first"))
    own = work.commit()
    work.stop()
    work.git("switch", "-q", "main")
    second = work.start().trace_id
    work.git(*how, "topic")
    taken = work.commit("taken", "--allow-empty") if len(how) > 1 else work.head()
    work.stop()
    assert tiers(outcome(work, first)) == {own: TOOL, taken: TOOL}
    assert tiers(outcome(work, second)) == {}
