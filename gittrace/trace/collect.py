"""Drop what is no longer needed: never what the notes could not bring back."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field

from gittrace.clock import now, uuid7
from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.journal.active import journal_path
from gittrace.journal.append import Journal
from gittrace.trace import packing
from gittrace.trace.doctor import orphans
from gittrace.trace.proof import steps
from gittrace.trace.seal import seal
from gittrace.trace.store import Store
from gittrace.trace.verify import OK, rebuild
from gittrace.trace.work import microseconds
from gittrace.vocabulary import SESSIONS_DIR, STOP, TRACE_REFS


@dataclass
class Collected:
    """What was (or would be) dropped, in words that begin with what it is."""

    closed: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    journals: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    packed: bool = False


def collect(repo: Repository, expire: str | None = None, dry_run: bool = False) -> Collected:
    """Close sessions whose worktree is gone, drop snapshots and journals that are older than `expire` (default
    `trace.expire`) and proved to be in the notes, and pack what is loose.

    Raises BadConfig, GitFailed, OSError.
    """
    result = Collected()
    if not os.path.isdir(os.path.join(repo.common_trace_dir, SESSIONS_DIR)):
        return result
    limit = _limit(repo, expire or str(repo.config("trace.expire")))
    result.closed = orphans(repo)
    if result.closed and not dry_run:
        for session_id in result.closed:
            _close(repo, session_id)
        seal(repo)
    store = Store(repo)
    try:
        for trace in list(_expired(store, limit)):
            _drop(store, trace, result, dry_run)
    finally:
        store.close()
    if not dry_run:
        result.packed = packing.pack(repo)
    return result


def _limit(repo: Repository, expire: str) -> int:
    """Return git's reading of a time such as `90.days.ago`, in seconds since the epoch; `never` is 0."""
    if expire == "never":
        return 0
    answer = repo.line("rev-parse", f"--since={expire}")
    return int(answer.removeprefix("--max-age="))


def _close(repo: Repository, session_id: str) -> None:
    event = {"kind": STOP, "id": uuid7(), "at": now(), "source": "gc", "success": None}
    with Journal(journal_path(repo.common_trace_dir, session_id)) as journal:
        journal.append(event | {"reason": "its worktree was removed"})


def _expired(store: Store, limit: int) -> Iterator[str]:
    for trace in store.trace_ids():
        summaries = store.summaries(trace)
        ended = max((microseconds(event["at"]) // 1_000_000 for event in summaries), default=0)
        if ended < limit and not store.is_active(trace):
            yield trace


def _drop(store: Store, trace_id: str, result: Collected, dry_run: bool) -> None:
    trace = store.load(trace_id)
    if any(segment.unlinked for segment in trace.segments):
        result.kept.append(f"trace {trace_id}: it has events that led to no commit")
        return
    try:
        wanted = [step for _, step in steps(trace)]
        proved = all(outcome.status == OK and not outcome.reason for outcome in rebuild(store.objects, wanted))
    except (TraceError, ValueError):
        proved = False
    if not proved:
        result.kept.append(f"trace {trace_id}: its snapshots can't be rebuilt from its notes")
        return
    ref = TRACE_REFS + trace_id
    oid = store.repo.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)).decode().strip()
    if oid:
        result.refs.append(ref)
        if not dry_run:
            store.repo.git("update-ref", "-d", ref, oid)
    for session in trace.sessions:
        path = journal_path(store.repo.common_trace_dir, session.id)
        done = f"{path.removesuffix('.jsonl')}.done"
        if os.path.exists(path) and os.path.exists(done):
            result.journals.append(session.id)
            if not dry_run:
                os.unlink(path)
                os.unlink(done)


__all__ = ["Collected", "collect"]
