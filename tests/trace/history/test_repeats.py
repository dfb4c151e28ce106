"""Lines that a file has already and that others add once more (gittrace/trace/history/repeats.py)."""

import pytest

from tests.support.recording import Recording
from tests.trace.outcomes import DIVERGED, TOOL, asked, outcome, tiers

COMMON = 'recorded(project, "one")\n'


def suite_of(*names: str) -> str:
    """Return a file that repeats itself."""
    return "".join(f"def test_{name}(project):\n    {COMMON}    assert done({name!r})\n\n" for name in names)


@pytest.fixture
def trace(work: Recording) -> str:
    """A trace that wrote the first of it, and committed that."""
    work.write(suite="# tests\n")
    work.commit("others")
    trace = work.start().trace_id
    work.did("agent", suite=suite_of("first"))
    work.commit()
    work.stop()
    return trace


@pytest.mark.parametrize("indent", ["", "    "])
def test_a_line_that_others_add_again_is_no_link(work: Recording, trace: str, indent: str) -> None:
    before = tiers(outcome(work, trace))
    again = f"class Second:\n{suite_of('second')}".replace(f"    {COMMON}", f"    {indent}{COMMON}")
    work.write(suite=suite_of("first") + again)
    work.commit("others")
    assert tiers(outcome(work, trace)) == before


def test_nor_in_the_session_of_another_trace(work: Recording, trace: str) -> None:
    before = tiers(outcome(work, trace))
    other = work.start().trace_id
    work.did("agent", suite=suite_of("first", "second"))
    commit = work.commit()
    work.stop()
    found = asked(work)
    assert tiers(found[trace]) == before
    assert tiers(found[other]) == {commit: TOOL}


def test_nor_when_a_session_applies_what_others_mailed(work: Recording, trace: str) -> None:
    before = tiers(outcome(work, trace))
    work.git("checkout", "-q", "-b", "theirs")
    work.write(suite=suite_of("first", "second"))
    work.git("commit", "-q", "-a", "-m", "theirs", "--date=2020-02-02T02:02:02Z")
    mail = work.run_bytes("git", "format-patch", "--stdout", "-1")
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "theirs")
    work.start(trace)
    work.repo.run("git", "am", "-q", stdin=mail)
    work.stop()
    assert tiers(outcome(work, trace)) == before


def test_a_session_may_repeat_itself(work: Recording, trace: str) -> None:
    work.start(trace)
    work.did("agent", suite=suite_of("first") + COMMON)
    commit = work.commit()
    work.stop()
    assert commit in tiers(outcome(work, trace))


def test_what_the_trace_wrote_several_times_is_its_wherever_it_goes(work: Recording) -> None:
    """Committed long after the session, in parts: the second adds only what the first has."""
    work.write(suite="# tests\n")
    work.commit("others")
    trace = work.start().trace_id
    work.did("agent", suite=suite_of("first") + COMMON)
    work.stop()
    work.write(suite=suite_of("first"))
    first = work.commit("one part")
    work.write(suite=suite_of("first") + COMMON)
    second = work.commit("the other")
    assert tiers(outcome(work, trace)) == {first: DIVERGED, second: TOOL}


@pytest.mark.parametrize("line", ["return {", "    except:", "function() {", "import ("])
def test_a_bare_keyword_is_nobodys(work: Recording, line: str) -> None:
    work.write(suite="# tests\n")
    work.commit("others")
    trace = work.start().trace_id
    work.did("agent", suite=f"# tests\n{line}\nwhat was thrown away\n")
    work.stop()
    work.write(suite=f"# tests\n{line}\nwhat others wrote\n")
    work.commit("others")
    assert tiers(outcome(work, trace)) == {}


def test_a_line_that_was_gone_and_comes_back_is_the_traces(work: Recording, trace: str) -> None:
    before = tiers(outcome(work, trace))
    work.write(suite="# tests\n")
    work.commit("gone")
    work.write(suite=suite_of("first"))
    commit = work.commit("back")
    assert tiers(outcome(work, trace)) == {**before, commit: TOOL}
