"""Traces as readers see them: sealed and unsealed alike."""

import os
from pathlib import Path

import pytest

from gittrace.errors import NotFound
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import SESSIONS_DIR
from tests.support.recording import Recording, append


def test_sealed_and_unsealed_events_in_order(work: Recording) -> None:
    started = work.start(title="one")
    work.did("first", a="1\n")
    commit = work.commit()
    work.did("second", a="2\n")
    store = Store(work.here)
    trace = store.load(started.trace_id)
    assert [event.get("command", event["kind"]) for event in trace.events] == ["first", "commit", "second"]
    assert [(segment.commits, segment.unlinked) for segment in trace.segments] == [((commit,), False), ((), True)]
    assert [event["id"] for event in store.summaries(started.trace_id)] == [event["id"] for event in trace.events]
    assert (trace.title, trace.active, store.own_commits(trace.id)) == ("one", True, [commit])
    assert store.problems == []
    store.close()


def test_an_unsealed_event_has_its_diff(work: Recording) -> None:
    started = work.start()
    work.did(a="changed\n")
    store = Store(work.here)
    (event,) = store.load(started.trace_id).events
    assert "+changed" in event["effect"]
    store.close()


def test_the_trace_that_something_happened_in_last_is_first(work: Recording) -> None:
    first = work.start()
    work.stop()
    second = work.start()
    work.stop()
    resumed = work.start(trace_id=first.trace_id)
    assert resumed.trace_id == first.trace_id
    append(work)
    store = Store(work.here)
    assert store.trace_ids() == [first.trace_id, second.trace_id]
    assert store.trace_ids(1) == [first.trace_id]
    assert store.trace_ids(0) == []
    assert [len(store.headers(trace)) for trace in store.trace_ids()] == [2, 1]
    assert [store.is_active(trace) for trace in store.trace_ids()] == [True, False]
    store.close()


def test_a_segment_on_two_commits_is_one(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    old = work.commit()
    work.seal()
    work.git("commit", "-q", "--amend", "-m", "better")
    store = Store(work.here)
    trace = store.load(started.trace_id)
    noted = [segment.commits for segment in trace.segments if old in segment.commits]
    assert noted == [tuple(sorted((old, work.head())))]
    assert [event["kind"] for event in trace.events].count("command") == 1
    store.close()


def test_unknown_trace(work: Recording) -> None:
    store = Store(work.here)
    with pytest.raises(NotFound):
        store.load("00000000-0000-4000-8000-000000000000")
    store.close()


def test_a_journal_without_its_first_line_is_a_problem_and_hides_nothing_else(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    other = Path(work.here.common_trace_dir) / SESSIONS_DIR / "11111111-1111-4111-8111-111111111111.jsonl"
    other.write_text("torn\n")
    store = Store(work.here)
    assert store.trace_ids() == [started.trace_id]
    assert any("its first line is damaged" in problem for problem in store.problems)
    store.close()


def test_what_can_not_be_sealed_can_be_read(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    work.commit()
    # as another git leaves the ref while it writes it
    lock = Path(work.here.common_dir) / "refs/notes/trace.lock"
    os.makedirs(lock.parent, exist_ok=True)
    lock.touch()
    store = Store(work.here)
    words = [event.get("command", event["kind"]) for event in store.summaries(started.trace_id)]
    assert words == ["make", "commit"]
    assert store.problems
    store.close()
    lock.unlink()
    store = Store(work.here)
    assert store.problems == []
    store.close()
