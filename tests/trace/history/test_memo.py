"""The cache of what the history says: it may be lost, damaged or old, and nobody sees it."""

import json
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from gittrace.trace.history.memo import Memo
from gittrace.trace.stored.store import Store
from tests.support.recording import TEN, Recording
from tests.trace.outcomes import TOOL, numbered, outcome, tiers


def _cache(work: Recording) -> Path:
    return Path(work.here.common_trace_dir) / "cache" / "history.sqlite"


def _lost(work: Recording) -> tuple[str, str]:
    """A trace and its commit, to which nothing leads any more."""
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    commit = work.commit()
    work.stop()
    work.git("reset", "-q", "--hard", "HEAD~1")
    return trace, commit


def test_commits_that_were_pruned_are_forgotten(work: Recording) -> None:
    trace, commit = _lost(work)
    assert tiers(outcome(work, trace), reachable=False) == {commit: TOOL}
    work.git("reflog", "expire", "--expire=now", "--all")
    work.git("gc", "-q", "--prune=now")
    found = outcome(work, trace)
    assert found.links == ()
    assert found.fate is not None
    assert found.fate.word == "uncommitted"


def test_a_damaged_cache_is_made_anew(work: Recording) -> None:
    trace, commit = _lost(work)
    work.git("reset", "-q", "--hard", commit)
    found = outcome(work, trace)
    _cache(work).write_bytes(b"this is no database, whatever its name says" * 100)
    assert work.repo.trace("links", trace).split()[0] == commit[:12]
    assert _cache(work).read_bytes().startswith(b"SQLite format 3")
    assert outcome(work, trace) == found


def test_a_repository_without_traces_gets_none(work: Recording) -> None:
    work.repo.trace("links", "HEAD", status=1)
    assert not _cache(work).exists()


def test_several_processes_at_once_say_the_same(work: Recording) -> None:
    traces = []
    for number in range(6):
        traces.append(work.start().trace_id)
        for step in range(3):
            work.did(**{f"f{number}": TEN + numbered(*(f"{number} {at}" for at in range(step + 1)))})
            work.commit()
        work.stop()
    for cold in (True, False):
        if cold:
            shutil.rmtree(_cache(work).parent, ignore_errors=True)
        else:
            work.commit("and more")
        ask = (sys.executable, "-m", "gittrace.main", "links", "--json")
        running = [
            subprocess.Popen(
                [*ask, trace],
                cwd=work.repo.top,
                env=work.repo.env,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
            for trace in traces
        ]
        said = [process.communicate(timeout=60) for process in running]
        assert [(process.returncode, errors) for process, (_, errors) in zip(running, said, strict=True)] == [
            (0, b"")
        ] * 6
        for trace, (out, _) in zip(traces, said, strict=True):
            links = json.loads(out)
            assert [link["trace_id"] for link in links] == [trace] * 3
            assert out == work.repo.run(*ask, trace)


def test_a_repository_that_may_only_be_read_is_answered_from_memory(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    trace, commit = _lost(work)
    work.git("reset", "-q", "--hard", commit)
    found = outcome(work, trace)
    shutil.rmtree(_cache(work).parent)
    real = sqlite3.connect

    def refuse(path: str, *args: Any, **options: Any) -> sqlite3.Connection:
        # root may write anywhere, so what another user gets is asked for by name
        name = path if path == ":memory:" else f"file:{path}?mode=ro"
        found: sqlite3.Connection = real(name, *args, uri=True, **options)
        return found

    monkeypatch.setattr(sqlite3, "connect", refuse)
    assert outcome(work, trace) == found
    assert not _cache(work).exists()


def test_a_reader_sees_one_state_while_another_writes(work: Recording) -> None:
    trace, _ = _lost(work)
    store = Store(work.here)
    one, other = Memo(work.here), Memo(work.here)
    try:
        one.hold()
        version = one.version()
        before = one.db.execute("select count(*) from traces").fetchone()
        one.release()
        with other.writing():
            other.db.execute("delete from traces")
        one.hold()
        assert one.version() != version
        assert one.db.execute("select count(*) from traces").fetchone() != before or before == (0,)
    finally:
        one.close()
        other.close()
        store.close()
    assert outcome(work, trace).links
