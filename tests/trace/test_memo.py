"""The cache of what the history says: it may be lost, damaged or old, and nobody sees it."""

from pathlib import Path

from tests.support.recording import TEN, Recording
from tests.trace.history import TOOL, numbered, outcome, tiers


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
