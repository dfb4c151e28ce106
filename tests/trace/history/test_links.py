"""Every way in which work reaches history that a single repository has (doc/LINKS.md names the rows)."""

from pathlib import Path

import pytest

from tests.support.recording import TEN, Recording
from tests.trace.outcomes import DIVERGED, TOOL, link_to, numbered, outcome, tiers


@pytest.fixture
def topic(work: Recording) -> tuple[str, str]:
    """A trace that wrote three lines into `a` on a branch and stopped after the commit; return trace and commit."""
    work.git("checkout", "-q", "-b", "topic")
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one", "two", "three"))
    commit = work.commit("three lines")
    work.stop()
    return trace, commit


def _main_goes_on(work: Recording) -> str:
    """Another hand changes the other end of the file on main."""
    work.git("checkout", "-q", "main")
    work.write(a="a first line by another hand\n" + TEN)
    return work.commit("by hand")


def test_plain(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one", "two"), new=numbered("three"))
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert (found.committed, found.commit_sha) == (True, commit)
    link = link_to(found, commit)
    assert (link.share, link.alive_share, link.branch) == (1.0, 1.0, "main")
    assert [proof.split(" ")[0] for proof in link.evidence] == ["blob", "blob", "2", "3"]
    assert found.fate is not None
    assert (found.fate.word, found.fate.lines, dict(found.fate.shares)) == ("alive", 3, {"alive": 1.0})
    assert [(file.path, file.word) for file in found.fate.files] == [("a", "alive"), ("new", "alive")]


def test_in_parts(work: Recording) -> None:
    """Some hunks now, the rest two commits later."""
    trace = work.start().trace_id
    work.did(a=numbered("top") + TEN + numbered("end"))
    work.repo.git("apply", "--cached", stdin=b"--- a/a\n+++ b/a\n@@ -1 +1,2 @@\n+the line of top\n line 0\n")
    work.git("commit", "-q", "-m", "the top")
    top = work.head()
    work.stop()
    work.write(b="by hand, in between\n")
    work.git("commit", "-q", "-m", "something else", "b")
    between = outcome(work, trace)
    assert tiers(between) == {top: TOOL}
    assert between.fate is not None
    assert (between.fate.word, dict(between.fate.shares)) == ("partial", {"alive": 0.5, "uncommitted": 0.5})
    rest = work.commit("the rest")
    found = outcome(work, trace)
    assert tiers(found) == {top: TOOL, rest: TOOL}
    assert found.fate is not None
    assert found.fate.word == "alive"


def test_amended(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.write(a=TEN + numbered("one", "two", "three", "another hand"))
    work.git("commit", "-q", "-a", "--amend", "-m", "reworded")
    found = outcome(work, trace)
    assert tiers(found) == {work.head(): DIVERGED}
    assert tiers(found, reachable=False) == {commit: TOOL}
    assert link_to(found, work.head()).share == 0.75


@pytest.mark.parametrize("backend", ["--merge", "--apply"])
def test_rebased(work: Recording, topic: tuple[str, str], backend: str) -> None:
    trace, commit = topic
    _main_goes_on(work)
    work.git("rebase", "-q", backend, "main", "topic")
    found = outcome(work, trace)
    assert tiers(found) == {work.head(): TOOL}
    assert tiers(found, reachable=False) == {commit: TOOL}
    assert found.commit_sha == work.head()


@pytest.mark.parametrize("how", ["plain", "-x", "-n"])
def test_cherry_picked(work: Recording, topic: tuple[str, str], how: str) -> None:
    trace, commit = topic
    _main_goes_on(work)
    work.git("cherry-pick", *([] if how == "plain" else [how]), commit)
    if how == "-n":
        work.git("commit", "-q", "-m", "picked")
    found = outcome(work, trace)
    assert tiers(found) == {work.head(): TOOL, commit: TOOL}


def test_picked_in_the_session_of_another_trace(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    _main_goes_on(work)
    other = work.start().trace_id
    work.run("git", "cherry-pick", commit)
    picked = work.head()
    work.stop()
    assert tiers(outcome(work, trace)) == {picked: TOOL, commit: TOOL}
    assert tiers(outcome(work, other)) == {}


def test_what_others_wrote_and_a_session_picked(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "theirs")
    work.write(a=TEN + numbered("others"))
    theirs = work.commit("by another hand")
    _main_goes_on(work)
    trace = work.start().trace_id
    work.run("git", "cherry-pick", theirs)
    work.stop()
    assert tiers(outcome(work, trace)) == {}


def test_reverted_and_restored(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("revert", "--no-edit", "HEAD")
    revert = work.head()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert link_to(found, commit).reverted_by == (revert,)
    assert (found.commit_sha, link_to(found, commit).alive) == (commit, False)
    assert found.fate is not None
    assert found.fate.word == "reverted"
    work.git("revert", "--no-edit", "HEAD")
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL, work.head(): TOOL}
    assert found.commit_sha == commit
    assert found.fate is not None
    assert found.fate.word == "alive"


def test_reverted_without_a_word(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("revert", "-n", "HEAD")
    revert = work.commit("no longer needed")
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert link_to(found, commit).reverted_by == (revert,)


def test_squash_merged(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    _main_goes_on(work)
    work.git("merge", "-q", "--squash", "topic")
    squashed = work.commit("all of it")
    assert tiers(outcome(work, trace)) == {commit: TOOL, squashed: TOOL}
    work.git("branch", "-q", "-D", "topic")
    found = outcome(work, trace)
    assert tiers(found) == {squashed: TOOL}
    assert tiers(found, reachable=False) == {commit: TOOL}


def test_a_merge_is_no_link_but_a_conflict_solved_by_hand_is(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    _main_goes_on(work)
    work.git("merge", "-q", "--no-edit", "topic")
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    work.git("reset", "-q", "--hard", "HEAD~1")
    work.write(a=TEN + "the line of a conflict\n")
    work.commit("in the way")
    other = work.start().trace_id
    work.run("git", "merge", "-q", "topic", status=1)
    work.did(a=TEN + "the line of a solution\n" + numbered("one", "two", "three"))
    merge = work.commit("solved")
    work.stop()
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    assert tiers(outcome(work, other)) == {merge: TOOL}


def test_stashed_and_popped(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.run("git", "stash", "-q")
    work.run("git", "stash", "pop", "-q")
    commit = work.commit()
    work.stop()
    assert tiers(outcome(work, trace)) == {commit: TOOL}


def test_what_was_there_before_stays_another_hands(work: Recording) -> None:
    work.write(a=TEN + numbered("before"))
    trace = work.start().trace_id
    work.run("git", "stash", "-q")
    work.run("git", "stash", "pop", "-q")
    work.commit()
    work.stop()
    assert tiers(outcome(work, trace)) == {}


def test_reset_and_done_again(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("reset", "-q", "--soft", "HEAD~1")
    again = work.commit("again, in other words", "--date=2020-01-01T00:00:00Z")
    found = outcome(work, trace)
    assert (tiers(found), tiers(found, reachable=False)) == ({again: TOOL}, {commit: TOOL})


def test_lost(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("reset", "-q", "--hard", "HEAD~1")
    found = outcome(work, trace)
    assert tiers(found, reachable=False) == {commit: TOOL}
    assert (found.committed, found.commit_sha) == (False, None)
    assert found.fate is not None
    assert found.fate.word == "lost"


def test_mailed(work: Recording, topic: tuple[str, str], tmp_path: Path) -> None:
    trace, commit = topic
    work.git("format-patch", "-q", "-1", "-o", str(tmp_path / "mail"))
    _main_goes_on(work)
    work.git("am", "-q", str(next((tmp_path / "mail").iterdir())))
    assert tiers(outcome(work, trace)) == {commit: TOOL, work.head(): TOOL}


def test_renamed_and_changed_in_the_same_commit(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one", "two"))
    work.stop()
    work.git("mv", "a", "renamed")
    work.write(renamed=TEN + numbered("one", "two", "another hand"))
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert found.fate is not None
    assert (found.fate.word, found.fate.files[0].now) == ("moved", ("renamed",))


def test_committed_under_another_name(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(new=numbered("one", "two"))
    work.stop()
    (work.repo.top / "new").rename(work.repo.top / "newer")
    commit = work.commit()
    assert tiers(outcome(work, trace)) == {commit: TOOL}


def test_a_copy_or_rename_of_what_is_committed_is_no_link(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("mv", "a", "renamed")
    work.commit("renamed")
    work.write(copied=TEN + numbered("one", "two", "three"))
    work.commit("copied")
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "moved"


def test_a_rename_that_was_recorded(work: Recording) -> None:
    trace = work.start().trace_id
    work.run("git", "mv", "a", "renamed")
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "alive"


def test_formatted_between_event_and_commit(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + "call_it( 'one', 'two' )\nand_then( three,four )\n")
    work.stop()
    work.write(a=TEN + 'call_it("one", "two")\nand_then(three, four)\n')
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert link_to(found, commit).evidence == ("2 lines formatted differently",)
    assert found.fate is not None
    assert found.fate.word == "transformed"


def test_a_later_format_of_what_is_committed_is_no_link(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + "call_it( 'one', 'two' )\n")
    commit = work.commit()
    work.stop()
    work.write(a=TEN + 'call_it("one", "two")\n')
    work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "transformed"


def test_a_deletion(work: Recording) -> None:
    trace = work.start().trace_id
    work.run("git", "rm", "-q", "a")
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "alive"


def test_lines_taken_away_and_rebased(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "topic")
    work.write(b=numbered("one", "two", "three") + TEN)
    work.commit("to go")
    trace = work.start().trace_id
    work.did(b=numbered("three") + TEN)
    commit = work.commit("gone")
    work.stop()
    work.git("checkout", "-q", "-b", "other", "HEAD~1")
    work.write(b=numbered("one", "two", "three") + TEN + "at the end, by hand\n")
    work.commit("by hand")
    work.git("cherry-pick", commit)
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL, work.head(): TOOL}
    assert link_to(found, work.head()).evidence[0] == f"the same changes as {commit[:12]}"


def test_an_unrelated_commit_gets_none(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.stop()
    work.write(b=TEN + "import something\n")
    work.git("commit", "-q", "-m", "not ours", "b")
    work.git("checkout", "-q", "a")
    work.write(a=TEN + "another line in the same file\n")
    work.git("commit", "-q", "-m", "not ours either", "a")
    found = outcome(work, trace)
    assert tiers(found) == {}
    assert found.fate is not None
    assert (found.committed, found.fate.word) == (False, "uncommitted")


def test_a_later_edit_of_the_file_does_not_take_the_link_over(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.write(a=TEN + numbered("one", "two", "three", "four"))
    work.commit("later, by hand")
    found = outcome(work, trace)
    assert (tiers(found), found.commit_sha) == ({commit: TOOL}, commit)
    work.write(a=TEN)
    work.commit("all away")
    found = outcome(work, trace)
    assert found.fate is not None
    assert (found.commit_sha, found.fate.word) == (commit, "superseded")


def test_a_run_counts_as_a_whole_though_a_line_of_it_stood_elsewhere(work: Recording) -> None:
    work.repo.commit("a", TEN + "def add(a, b):\n    return a - b\n")
    trace = work.start().trace_id
    work.did(a=TEN + "def add(a, b):\n    return a + b\n")
    work.commit()
    work.did(a=TEN + "def add(a, b):\n    return a + b\ndef subtract(a, b):\n    return a - b\n")
    commit = work.commit()
    assert link_to(outcome(work, trace), commit).share == 1.0


def test_two_traces_in_one_commit(work: Recording) -> None:
    first = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    work.stop()
    second = work.start().trace_id
    work.did(a=TEN + numbered("one", "two", "three"))
    commit = work.commit()
    work.stop()
    shares = {trace: link_to(outcome(work, trace), commit).share for trace in (first, second)}
    assert shares == {first: 0.3333, second: 0.6667}


def test_replaced(work: Recording, topic: tuple[str, str]) -> None:
    trace, commit = topic
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "topic")
    other = work.git("commit-tree", "-p", "main~0", "-m", "in its place", f"{commit}^{{tree}}")
    work.git("replace", work.head(), other, status=None)
    found = outcome(work, trace)
    assert tiers(found) == {other: TOOL}
