"""What is entered into the tables is the same, however it is shared out among statements."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from gittrace.trace.history import entries
from gittrace.trace.history.outcome import Historian
from gittrace.trace.history.rows import insert
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR
from tests.support.recording import Recording
from tests.trace.outcomes import numbered

_TABLES = (
    "adds commits contents heads made mentions moves names occurs paths renames reverts says touches traces".split()
)


def _tables(work: Recording, trace: str) -> dict[str, list[str]]:
    """Return what a first derivation enters."""
    cache = Path(work.here.common_trace_dir) / CACHE_DIR
    shutil.rmtree(cache, ignore_errors=True)
    store = Store(work.here)
    try:
        assert Historian(store, ()).fate(trace)
    finally:
        store.close()
    with closing(sqlite3.connect(cache / "history.sqlite")) as db:
        return {name: sorted(map(repr, db.execute(f"select * from {name}"))) for name in _TABLES}


def test_rows_may_be_written_one_by_one_or_all_at_once(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = []
    for number in range(4):
        traces.append(work.start().trace_id)
        work.did(**{f"f{number}": numbered(f"{number} one", f"{number} two", f"{number} three")})
        work.commit()
        work.run("git", "mv", f"f{number}", f"g{number}")
        moved = work.commit()
        work.stop()
        work.git("revert", "--no-edit", moved) if number == 0 else work.repo.commit(f"g{number}", "nobody's line\n")
    at_once = _tables(work, traces[0])
    assert all(at_once.values())
    # git is asked for some while others are read
    monkeypatch.setattr(entries, "_FIRST", 3)
    assert _tables(work, traces[0]) == at_once
    monkeypatch.setattr(entries, "_MOST_ROWS", 1)
    assert _tables(work, traces[0]) == at_once


@pytest.mark.parametrize("count", [0, 1, 29, 30, 31, 90])
def test_all_rows_are_written_however_many_are_in_a_statement(count: int) -> None:
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("create table pairs (one integer, other text)")
        rows = [(number, str(number)) for number in range(count)]
        insert(db, "insert into pairs", 2, [value for row in rows for value in row])
        assert db.execute("select * from pairs order by one").fetchall() == rows
