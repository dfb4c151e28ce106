"""A second process that finds out what became of many traces, and what is left of it when it or the first one ends."""

import os
import signal
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from gittrace.main import main
from gittrace.trace.history import beside
from gittrace.trace.history.beside import Beside
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.store import Store
from tests.perf.years import Years, import_years
from tests.support.recording import Recording, view


@pytest.fixture
def store(work: Recording, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """A project with some thirty traces, in which the test stands, and a temporary directory of its own."""
    import_years(work.repo, Years(300, 6, 30))
    monkeypatch.chdir(work.repo.top)
    temporary = work.repo.top.parent / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    store = Store(view(work.repo))
    yield store
    store.close()
    assert list(temporary.iterdir()) == []


def pid_of(second: Beside) -> int:
    assert second._process
    return second._process.pid


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_what_it_found_is_in_the_cache(store: Store) -> None:
    traces = store.trace_ids()
    historian = Historian(store, ())
    with Beside() as second:
        second.settle(historian, traces)
        second.wait(traces[0])
        assert traces[0] not in historian.unsettled(traces)
        second.wait()
        assert historian.unsettled(traces) == []
        pid = pid_of(second)
    assert is_gone(pid)


def test_few_are_settled_here(store: Store) -> None:
    historian = Historian(store, ())
    with Beside() as second:
        second.settle(historian, store.trace_ids(5))
        assert second._process is None
    assert len(historian.unsettled(store.trace_ids())) == len(store.trace_ids()) - 5


def test_it_may_be_killed(store: Store) -> None:
    traces = store.trace_ids()
    historian = Historian(store, ())
    with Beside() as second:
        second.settle(historian, traces)
        os.kill(pid_of(second), signal.SIGKILL)
        second.wait(traces[-1])
        second.wait()
        assert historian.fate(traces[-1]) == Historian(store, ()).fate(traces[-1])


def test_it_ends_where_it_is_of_no_use(store: Store) -> None:
    """What it finds out is of another state of the repository."""
    traces = store.trace_ids()
    historian = Historian(store, ())
    store.repo.git("branch", "another")
    with Beside() as second:
        second.settle(historian, traces)
        pid = pid_of(second)
        second.wait(traces[0])
        assert is_gone(pid)
        second.wait()
        assert historian.fate(traces[0])


def test_it_ends_with_the_first_one(store: Store) -> None:
    traces = store.trace_ids()
    with Beside() as second:
        second.settle(Historian(store, ()), traces)
        second.wait(traces[0])
        pid = pid_of(second)
    assert is_gone(pid)


def test_it_reads_the_code_of_the_first_one(store: Store) -> None:
    """Nothing is imported from the repository."""
    for name in ("gittrace", "sqlite3", "json"):
        Path(name).mkdir()
        Path(name, "__init__.py").write_text("import os; os.kill(os.getppid(), 15); raise SystemExit(3)\n")
    test_what_it_found_is_in_the_cache(store)


def test_export_is_the_same_with_and_without(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    begun: list[bool] = []
    settle = Beside.settle

    def watched(self: Beside, historian: Historian, traces: Iterable[str]) -> None:
        settle(self, historian, traces)
        begun.append(self._process is not None)

    monkeypatch.setattr(Beside, "settle", watched)
    cache = Path(store.repo.common_trace_dir, "cache/history.sqlite")
    out = []
    for many in (20, 1000):
        monkeypatch.setattr(beside, "_MANY", many)
        cache.unlink(missing_ok=True)
        Path(store.repo.common_trace_dir, "cache/attribution.sqlite").unlink(missing_ok=True)
        assert main(["export", "-o", "out"]) == 0
        out.append(Path("out").read_bytes())
    assert begun == [True, False]
    assert out[0] == out[1]
    assert len(out[0].splitlines()) == len(store.trace_ids())
