"""Starting and stopping sessions, and what is there when either is killed."""

import os
from pathlib import Path

import pytest

from gittrace.errors import NoSession, NoWorktree, SessionActive
from gittrace.git.repository import Repository
from gittrace.journal.active import active_session
from gittrace.journal.read import read
from gittrace.trace.recording import session
from gittrace.trace.recording.session import Agent, current, start, stop
from tests.support.recording import Recording
from tests.support.repo import Repo


def refs(work: Recording) -> list[str]:
    """Return the hidden refs."""
    return work.git("for-each-ref", "--format=%(refname)", "refs/trace/").splitlines()


def test_start(work: Recording) -> None:
    work.write(b="dirty\n")
    made = start(work.here, "dev-1", "a bug \udcff", agent=Agent("robot", "1.2", "lab/model"))
    (event,) = read(current(work.here).journal).events
    assert (event["trace_id"], event["session_id"]) == (made.trace_id, made.session_id)
    assert (event["title"], event["agent"]) == (
        "a bug \\xff",
        {"name": "robot", "version": "1.2", "model": "lab/model"},
    )
    assert (event["base_commit"], event["head"], event["branch"]) == (work.head(), work.head(), "main")
    assert work.git("rev-parse", f"refs/trace/{made.trace_id}:snapshots/00/00/00") == event["tree"]
    assert work.run_bytes("git", "cat-file", "blob", f"{event['tree']}:b") == b"dirty\n"


def test_a_second_start_leaves_nothing_behind(work: Recording) -> None:
    work.start()
    before = (refs(work), os.listdir(os.path.join(work.here.common_trace_dir, "sessions")))
    with pytest.raises(SessionActive):
        work.start()
    assert (refs(work), os.listdir(os.path.join(work.here.common_trace_dir, "sessions"))) == before


def test_a_start_that_loses_the_race(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    work.start()
    monkeypatch.setattr(session, "need_none", lambda _: None)
    with pytest.raises(SessionActive):
        work.start()
    assert len(os.listdir(os.path.join(work.here.common_trace_dir, "sessions"))) == 1


def test_without_a_session(work: Recording) -> None:
    with pytest.raises(NoSession):
        stop(work.here, None, None)


def test_without_a_worktree(work: Recording) -> None:
    with pytest.raises(NoWorktree):
        start(Repository("", work.here.git_dir, work.here.common_dir), "dev-1")


def test_stop(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    journal = current(work.here).journal
    stop(work.here, False, "gave up")
    event = read(journal).events[-1]
    assert (event["kind"], event["success"], event["reason"]) == ("stop", False, "gave up")
    assert active_session(work.here.trace_dir, work.here.common_trace_dir) is None
    assert work.start().trace_id


def test_a_trace_goes_on_in_another_session(work: Recording, tmp_path: Path) -> None:
    first = work.start(title="one")
    work.did("fix", a="1\n")
    work.commit()
    work.stop()
    second = work.start(trace_id=first.trace_id)
    work.did("more", a="2\n")
    work.commit()
    work.stop(success=True)
    assert second.trace_id == first.trace_id
    assert second.session_id != first.session_id
    assert refs(work) == [f"refs/trace/{first.trace_id}"]
    work.check(tmp_path)


def test_stop_that_was_killed_before_its_end(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    with monkeypatch.context() as patch:
        patch.setattr(session, "deactivate", lambda _: None)
        stop(work.here, True, None)
    assert active_session(work.here.trace_dir, work.here.common_trace_dir)
    work.seal()
    assert active_session(work.here.trace_dir, work.here.common_trace_dir) is None
    assert work.noted(work.head()) == [["fix", "commit"], ["stop"]]
    work.check(tmp_path)


@pytest.mark.parametrize("sealed_first", [True, False])
def test_a_command_that_outlives_its_session(work: Recording, tmp_path: Path, sealed_first: bool) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    with work.recorded("long"):
        work.stop() if sealed_first else stop(work.here, None, None)
        work.write(b="late\n")
    work.seal()
    assert work.noted(work.head()) == [["fix", "commit"], ["stop"]]
    assert work.unlinked() == [["long"]]
    work.check(tmp_path)


def test_a_worktree_that_was_removed(work: Recording, tmp_path: Path) -> None:
    side = tmp_path / "side"
    work.git("worktree", "add", "-q", str(side))
    other = Recording(Repo(side, work.repo.env))
    other.start()
    other.did("fix", a="1\n")
    work.git("worktree", "remove", "--force", str(side))
    work.seal()
    assert [len(events) for events in work.journals().values()] == [1]
