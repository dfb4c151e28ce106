"""Reverts are no links, whosever work they take back and in whosever session; what they bring back is one."""

import pytest

from tests.support.recording import TEN, Recording
from tests.trace.outcomes import TOOL, outcome, tiers

THEIRS = "the line of somebody else\n"
OURS = "the line of this trace\n"


@pytest.fixture
def theirs(work: Recording) -> str:
    """Return a commit that nobody recorded, and on which a session begins."""
    work.write(a=THEIRS + TEN)
    return work.commit("theirs")


@pytest.mark.parametrize("recorded", [False, True])
def test_a_revert_of_what_others_did_though_the_file_was_first_seen_so_here(
    work: Recording, theirs: str, recorded: bool
) -> None:
    trace = work.start().trace_id
    work.did("fix", a=THEIRS + TEN + OURS)
    commit = work.commit()
    if recorded:
        work.run("git", "revert", "--no-edit", theirs)
    else:
        work.git("revert", "--no-edit", theirs)
    work.did("test")
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.commit_sha == commit
    work.git("commit", "-q", "--amend", "-m", "said differently")
    work.did("test")
    assert tiers(outcome(work, trace)) == {commit: TOOL}


def test_a_revert_that_leads_back_to_what_the_trace_left_before(work: Recording, theirs: str) -> None:
    trace = work.start().trace_id
    work.did("fix", a=THEIRS + TEN + OURS)
    work.did("more", a=THEIRS + TEN + OURS + "another line of it\n")
    commit = work.commit()
    work.did("last", a=THEIRS + TEN + OURS + "another line of it\nand the last one\n")
    last = work.commit()
    work.git("revert", "-n", last)
    work.git("commit", "-q", "-m", "not needed")
    work.did("test")
    assert tiers(outcome(work, trace)) == {commit: TOOL, last: TOOL}


def test_what_a_revert_brings_back_is_a_link(work: Recording, theirs: str) -> None:
    """Whoever had taken it away."""
    trace = work.start().trace_id
    work.did("fix", a=THEIRS + TEN + OURS)
    commit = work.commit()
    work.stop()
    work.write(a=TEN)
    gone = work.commit("by nobody")
    work.git("revert", "--no-edit", gone)
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL, work.head(): TOOL}
    assert found.commit_sha == commit


def test_a_revert_of_a_revert_brings_back_what_has_no_lines(work: Recording) -> None:
    trace = work.start().trace_id
    with work.recorded("rm"):
        (work.repo.top / "b").unlink()
    commit = work.commit()
    work.stop()
    work.git("revert", "--no-edit", commit)
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    work.git("revert", "--no-edit", "HEAD")
    assert tiers(outcome(work, trace)) == {commit: TOOL, work.head(): TOOL}


def fate_of(work: Recording, trace: str) -> tuple[str, int]:
    """Return the word for what became of a trace's lines, and how many there are."""
    fate = outcome(work, trace).fate
    assert fate is not None
    return fate.word, fate.lines


def test_the_fate_of_what_its_own_session_reverts_and_restores(work: Recording) -> None:
    """A revert takes lines away that the trace let stand, and its revert brings each of them back."""
    trace = work.start().trace_id
    work.did("fix", a=TEN + OURS + "another line of it\nand the last one\n")
    work.commit()
    work.git("revert", "--no-edit", "HEAD")
    work.did("test")
    assert fate_of(work, trace) == ("reverted", 3)
    work.git("revert", "--no-edit", "HEAD")
    work.did("test")
    assert fate_of(work, trace) == ("alive", 3)
    work.did("another way", a=TEN + OURS)
    work.commit()
    assert fate_of(work, trace) == ("alive", 1)


def test_the_fate_of_what_others_take_away_between_its_sessions(work: Recording) -> None:
    trace = work.start().trace_id
    work.did("fix", a=TEN + OURS + "another line of it\n")
    work.commit()
    work.stop()
    work.write(a=TEN + THEIRS)
    work.commit("by nobody")
    work.start(trace)
    work.did("test")
    work.stop()
    assert fate_of(work, trace) == ("superseded", 2)


def test_the_fate_of_lines_whose_indentation_was_taken_back(work: Recording) -> None:
    trace = work.start().trace_id
    work.did("fix", a=TEN + OURS)
    work.commit()
    work.did("indent", a=TEN + f"    {OURS}")
    work.commit()
    work.git("revert", "--no-edit", "HEAD")
    work.did("test")
    assert fate_of(work, trace) == ("alive", 1)


def test_the_fate_of_what_a_command_took_away_and_committed(work: Recording) -> None:
    """HEAD went on by that, and nowhere else: what it moved stands once, and what it took away is not counted."""
    trace = work.start().trace_id
    work.did("fix", a=TEN + OURS + "another line of it\nand the last one\n")
    work.commit()
    with work.recorded("move"):
        work.write(a=TEN + OURS, b="another line of it\nand some more\n")
        work.commit()
    work.did("test")
    assert fate_of(work, trace) == ("alive", 3)


def test_the_fate_of_what_stayed_behind_where_a_command_went_elsewhere(work: Recording) -> None:
    trace = work.start().trace_id
    base = work.head()
    work.did("fix", a=TEN + OURS)
    work.commit()
    with work.recorded("switch"):
        work.git("switch", "-q", "-c", "elsewhere", base)
        work.write(b="another line of it\n")
        work.commit()
    work.did("test")
    assert fate_of(work, trace) == ("alive", 2)
