"""What names on the command line stand for."""

from collections.abc import Iterator

import pytest

from gittrace.errors import NoSession, NotFound
from gittrace.trace.stored.names import Target, find_trace, resolve
from gittrace.trace.stored.store import Store
from tests.support.recording import Recording, append


@pytest.fixture
def filled(work: Recording) -> tuple[Recording, str, str, list[str]]:
    """A session with a sealed command and commit and an unsealed command; trace, session, events."""
    started = work.start()
    work.did(a="1\n")
    work.commit()
    work.seal()
    work.did(a="2\n")
    store = Store(work.here)
    events = [event["id"] for event in store.summaries(started.trace_id)]
    store.close()
    return work, started.trace_id, started.session_id, events


@pytest.fixture
def store(filled: tuple[Recording, str, str, list[str]]) -> Iterator[Store]:
    """The repository, opened."""
    opened = Store(filled[0].here)
    yield opened
    opened.close()


def test_ids_and_their_beginnings(store: Store, filled: tuple[Recording, str, str, list[str]]) -> None:
    _, trace, session, events = filled
    assert resolve(store, trace) == resolve(store, trace[:8].upper()) == Target("trace", trace, trace)
    assert resolve(store, session[:8]) == Target("session", session, trace)
    for event in events:
        wanted = Target("event", event, trace)
        assert resolve(store, event) == resolve(store, event[:30]) == resolve(store, event[24:32]) == wanted


def test_what_several_ids_begin_with(store: Store, filled: tuple[Recording, str, str, list[str]]) -> None:
    with pytest.raises(NotFound, match="is ambiguous") as caught:
        resolve(store, filled[3][0][:6])
    assert filled[3][0] in str(caught.value.hint)


def test_at(store: Store, filled: tuple[Recording, str, str, list[str]]) -> None:
    work, trace, session, events = filled
    assert resolve(store, "@").id == trace
    assert [resolve(store, name).id for name in ("@~0", "@~", "@~2")] == [events[2], events[1], events[0]]
    assert resolve(store, f"{trace[:8]}~1").id == resolve(store, f"{session[:8]}~1").id == events[1]
    with pytest.raises(NotFound, match="before the first event: there are 3"):
        resolve(store, "@~3")
    work.stop()
    again = Store(work.here)
    with pytest.raises(NoSession):
        resolve(again, "@")
    again.close()


def test_commits(store: Store, filled: tuple[Recording, str, str, list[str]]) -> None:
    work = filled[0]
    head = work.head()
    for name in ("HEAD", "main", head, head[:10], "HEAD~0"):
        assert resolve(store, name) == Target("commit", head)
    assert resolve(store, "HEAD~1").id == work.head("HEAD~1")


@pytest.mark.parametrize("name", ["", "nothing", "-x", "--all", "~1", "@~x", "zz~1", "HEAD^{tree}", "a b", "*", "0000"])
def test_nothing(store: Store, name: str) -> None:
    with pytest.raises(NotFound):
        resolve(store, name)


def test_find_trace(store: Store, filled: tuple[Recording, str, str, list[str]]) -> None:
    _, trace, session, events = filled
    assert {find_trace(store, name) for name in (trace, session, *events, "@", "@~1")} == {trace}
    with pytest.raises(NotFound, match="is a commit, not a trace"):
        find_trace(store, "HEAD")


def test_ids_of_others_need_not_be_uuids(work: Recording) -> None:
    work.start()
    append(work, id="abcd")
    store = Store(work.here)
    assert resolve(store, "abcd").id == "abcd"
    store.close()
