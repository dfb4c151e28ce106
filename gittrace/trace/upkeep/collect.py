"""Drop what is no longer needed: never what the notes could not bring back, and what is nowhere else only if forced."""

import os
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field

from gittrace.clock import now, uuid7
from gittrace.errors import TraceError
from gittrace.git import garbage, hidden
from gittrace.git.objects import EMPTY_TREE
from gittrace.git.repository import Repository
from gittrace.journal.active import journal_path
from gittrace.journal.append import Journal
from gittrace.model.trace import Session, Trace
from gittrace.trace.caches import remove_caches
from gittrace.trace.produced.work import microseconds
from gittrace.trace.recording import progress
from gittrace.trace.recording.rewrites import drop_gone
from gittrace.trace.sealing import packing
from gittrace.trace.sealing.noting import tombstones
from gittrace.trace.sealing.seal import locked, seal
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import OK, Step, rebuild
from gittrace.trace.upkeep.doctor import orphans
from gittrace.trace.upkeep.forget import forget_trace
from gittrace.trace.upkeep.stale_notes import drop_stale
from gittrace.vocabulary import (
    CACHE_DIR,
    META_FILE,
    NOTES_REF,
    OUTPUT_DIR,
    REMOTE_NOTES_REFS,
    SEGMENTS_DIR,
    SESSIONS_DIR,
    SNAPSHOTS_DIR,
    STOP,
    TRACE_REFS,
)


@dataclass
class Collected:
    """What was (or would be) dropped, and what was not, in words that begin with what it is.

    closed     sessions whose worktree is gone
    forgotten  traces that came back by a merge, and were removed again
    refs       hidden refs whose snapshots the notes can rebuild
    outputs    traces of which whole outputs were dropped, and `unlinked` segments (only when forced)
    journals   sessions
    notes      commits that are gone
    rewrites   how many pairs of commits that are gone
    """

    closed: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    unlinked: list[str] = field(default_factory=list)
    journals: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    rewrites: int = 0
    kept: list[str] = field(default_factory=list)
    packed: bool = False


@dataclass(frozen=True)
class _How:
    limit: int
    dry_run: bool
    force: bool


def collect(repo: Repository, expire: str | None = None, dry_run: bool = False, force: bool = False) -> Collected:
    """Drop what is older than `expire` (default `trace.expire`) and not needed; pack what is loose.

    `force` drops also what is nowhere else: whole outputs, events that led to no commit, notes of commits that are
    gone. Nothing is asked. Raises BadConfig, GitFailed, OSError.
    """
    result = Collected()
    if not os.path.isdir(os.path.join(repo.common_trace_dir, SESSIONS_DIR)):
        return result
    how = _How(_limit(repo, expire or str(repo.config("trace.expire"))), dry_run, force)
    result.closed = orphans(repo)
    if result.closed and not dry_run:
        for session_id in result.closed:
            _close(repo, session_id)
        seal(repo)
    store = Store(repo)
    try:
        result.forgotten = _came_back(store)
        expired = list(_expired(store, how.limit))
        for trace in expired:
            try:
                _drop(store, trace, result, how)
            except TraceError as error:
                result.kept.append(f"trace {trace}: {error}")
        gone = drop_stale(store, expired, dry_run, force)
    finally:
        store.close()
    result.notes = gone.dropped
    result.kept += gone.kept
    with nullcontext() if dry_run else locked(repo):
        result.rewrites = drop_gone(repo, dry_run)
    if dry_run:
        return result
    garbage.drop_leftovers(repo)
    for trace in result.forgotten:
        forget_trace(repo, trace)
    if result.refs or result.notes or result.unlinked:
        remove_caches(os.path.join(repo.common_trace_dir, CACHE_DIR))
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


def _came_back(store: Store) -> list[str]:
    """Return the traces that were forgotten here, and are in our notes again; one that goes on is left alone."""
    dead = tombstones(store.repo).traces()
    index = store.index
    return sorted(
        trace
        for trace in dead
        if not index.places(trace)
        and not store.is_active(trace)
        and any(place.ref in (NOTES_REF, TRACE_REFS + trace) for place in index.hidden(trace))
    )


def _expired(store: Store, limit: int) -> Iterator[str]:
    active = store.active.trace_id if store.active else None
    for trace in store.trace_ids():
        summaries = store.summaries(trace)
        ended = max((microseconds(event["at"]) // 1_000_000 for event in summaries), default=0)
        if ended < limit and trace != active and not store.is_active(trace):
            yield trace


def _drop(store: Store, trace_id: str, result: Collected, how: _How) -> None:
    problems = len(store.problems)
    trace = store.load(trace_id)
    if len(store.problems) > problems:
        result.kept.append(f"trace {trace_id}: not all of it can be read")
        return
    _drop_ref(store, trace, result, how)
    for session in trace.sessions:
        path = journal_path(store.repo.common_trace_dir, session.id)
        done = f"{path.removesuffix('.jsonl')}.done"
        if not (os.path.exists(path) and os.path.exists(done)):
            continue
        if not _is_whole(store.repo, session):
            result.kept.append(f"journal of session {session.id}: not all of it is in notes")
            continue
        result.journals.append(session.id)
        if not how.dry_run:
            os.unlink(path)
            os.unlink(done)


def _is_whole(repo: Repository, session: Session) -> bool:
    """Tell whether all segments that were made of a journal are still there."""
    made = progress.load(repo.common_trace_dir, session.id).index
    return {segment.index for segment in session.segments} == set(range(made))


def _drop_ref(store: Store, trace: Trace, result: Collected, how: _How) -> None:
    there = hidden.folders(store.repo, trace.id)
    if not there:
        return
    keep = {META_FILE}
    if there.get(SEGMENTS_DIR):
        own = {segment.sha256 for segment in trace.segments if segment.unlinked}
        if own - _published(store, trace.id) and not how.force:
            keep.add(SEGMENTS_DIR)
            result.kept.append(f"trace {trace.id}: it has events that led to no commit")
        else:
            result.unlinked.append(trace.id)
    if there.get(OUTPUT_DIR):
        if how.force:
            result.outputs.append(trace.id)
        else:
            keep.add(OUTPUT_DIR)
            result.kept.append(f"trace {trace.id}: whole outputs are nowhere else")
    if there.get(SNAPSHOTS_DIR):
        why = _why_not(store, trace)
        if why:
            keep.add(SNAPSHOTS_DIR)
            result.kept.append(f"trace {trace.id}: {why}")
        else:
            result.refs.append(TRACE_REFS + trace.id)
    if not how.dry_run:
        hidden.keep_only(store.repo, trace.id, sorted(keep))


def _published(store: Store, trace_id: str) -> set[str]:
    """Return the hashes of the segments that some server has, as far as is known here."""
    return {place.sha256 for place in store.index.places(trace_id) if place.ref.startswith(REMOTE_NOTES_REFS)}


def _why_not(store: Store, trace: Trace) -> str:
    """Return why the snapshots of a trace can't go; empty when the segments bring each of them back."""
    cannot = "its snapshots can't be rebuilt from its notes"
    try:
        wanted = [step for _, step in steps(trace)]
        if not all(outcome.status == OK and not outcome.reason for outcome in rebuild(store.objects, wanted)):
            return cannot
    except (TraceError, ValueError):
        return cannot
    if not _bases_stay(store, trace, wanted):
        return "what it began on is in no branch, and only its snapshots keep it"
    return ""


def _bases_stay(store: Store, trace: Trace, wanted: list[Step]) -> bool:
    """Tell whether the trees that the proof starts from belong to commits that some ref leads to."""
    trees = {step.from_tree for step in wanted if step.what == "header" and step.from_tree}
    objects = store.objects
    held, commits = {EMPTY_TREE[objects.format]}, set()
    for segment in trace.segments:
        commit = (segment.header.get("base") or {}).get("commit")
        if isinstance(commit, str) and objects.kind(commit) == "commit" and objects.commit(commit).tree in trees:
            held.add(objects.commit(commit).tree)
            commits.add(commit)
    asked = "".join(f"{oid}\n" for oid in sorted(commits))
    loose = store.repo.git("rev-list", "--stdin", "--not", "--all", stdin=asked.encode()) if asked else b""
    return trees <= held and not commits.intersection(loose.decode().split())


__all__ = ["Collected", "collect"]
