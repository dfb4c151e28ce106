"""Turn finished runs of journaled events into segments, and attach each to the commit that it led to.

Everything here may be done twice, by several processes, and be killed anywhere: what was attached before is found again
(`gittrace.trace.sealing.earlier`), a note is a set of lines, and progress is written last.
"""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import groupby
from typing import Any

from gittrace.errors import GitFailed, TraceError
from gittrace.git import garbage, hidden, notes, reflog, snapshot
from gittrace.git.objects import EMPTY_TREE, ObjectMissing, ObjectStore, open_objects
from gittrace.git.repository import Repository, at, git_dirs
from gittrace.journal.active import Active, active_session, deactivate, journal_path
from gittrace.journal.append import Journal
from gittrace.journal.position import load_position
from gittrace.journal.read import Event, read
from gittrace.model.segment import encode, split
from gittrace.protect.masking import Masking
from gittrace.trace.recording import commit_map, progress, rewrites
from gittrace.trace.recording.commits import catch_up, in_progress
from gittrace.trace.sealing import gaps, packing, unsigned
from gittrace.trace.sealing.earlier import Earlier
from gittrace.trace.sealing.making import base_of, begin, with_diffs
from gittrace.trace.sealing.noting import add_lines, merge_notes, tombstones
from gittrace.trace.sealing.runs import Run, runs_of
from gittrace.trace.sealing.waiting import is_anything, pending_sessions, session_header
from gittrace.vocabulary import NOTES_REF, SEAL_LOCK, STOP


@dataclass
class Sealed:
    """What a round of sealing did: lines by commit, lines of no commit by trace and name, and what failed."""

    noted: dict[str, list[str]] = field(default_factory=dict)
    unlinked: dict[str, dict[str, str]] = field(default_factory=dict)
    copied: int = 0
    failed: list[str] = field(default_factory=list)


@contextmanager
def locked(repo: Repository) -> Iterator[None]:
    """Keep others from sealing, or forgetting, at the same time."""
    os.makedirs(repo.common_trace_dir, exist_ok=True)
    fd = os.open(os.path.join(repo.common_trace_dir, SEAL_LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def seal(repo: Repository, patient: bool = False) -> Sealed:
    """Seal all that is finished, in all worktrees, and carry notes over to rewritten commits.

    A session that can't be sealed is named in `failed` and tried again next time; the others go on. With `patient`
    commits that were made while a command is being recorded are left to its recorder, which seals them with it.
    Raises OSError, GitFailed when nothing can be written at all.
    """
    result = Sealed()
    if not is_anything(repo):
        return result
    with locked(repo):
        result.failed += commit_map.take_in(repo)
        amid_rebase = False
        unsure: set[str] = set()
        for worktree, active in active_sessions(repo, result.failed):
            try:
                amid_rebase |= in_progress(worktree)
                find_commits(worktree, active, patient)
            except TraceError as error:
                # what it journaled may have to be told from what it will journal again
                unsure.add(active.session_id)
                result.failed.append(f"session '{active.session_id}': {error}")
        failed = _seal_sessions(repo, unsure, result)
        if any(isinstance(error, GitFailed | ObjectMissing) for _, error in failed) and notes.mend(repo, NOTES_REF):
            progress.begin_anew(repo.common_trace_dir)
            failed = _seal_sessions(repo, unsure, result)
        result.failed += (f"session '{session_id}': {error}" for session_id, error in failed)
        # a commit that is noted later may be one that was rewritten already
        _copy_rewritten(repo, result, again=amid_rebase or bool(result.failed))
        if result.noted or result.unlinked:
            packing.pack_if_due(repo)
    return result


def active_sessions(repo: Repository, failed: list[str]) -> Iterator[tuple[Repository, Active]]:
    """Yield (worktree, session) for every worktree with an active session."""
    for git_dir in git_dirs(repo):
        try:
            active = active_session(os.path.join(git_dir, "trace"), repo.common_trace_dir)
            if active:
                same = git_dir == repo.git_dir
                yield (repo if same else at(git_dir, repo.common_dir, repo.format)), active
        except TraceError as error:
            failed.append(str(error))


def find_commits(repo: Repository, active: Active, patient: bool = False) -> None:
    """Journal what HEAD of this worktree did since last time; see `catch_up`."""
    done = progress.load(repo.common_trace_dir, active.session_id)
    if any(event["kind"] == STOP for event in read(active.journal, done.offset).events):
        deactivate(repo.trace_dir)  # the stop was killed before it could
        return
    head, seen = load_position(repo.trace_dir)
    asked = repo.start("rev-parse", "-q", "--verify", "HEAD")
    try:
        moves = reflog.since(repo, seen)
    finally:
        now = asked.check(ok=(0, 1)).decode().strip() or None
    if not moves.entries and head == now:
        return
    taken = snapshot.take(repo)
    with Journal(active.journal) as journal:
        catch_up(repo, active, journal, taken, at_once=True, patient=patient)


def _seal_sessions(repo: Repository, unsure: set[str], result: Sealed) -> list[tuple[str, TraceError]]:
    """Seal what is pending, save for the sessions `unsure`; return those that failed, and why."""
    masking = Masking(repo)
    failed: list[tuple[str, TraceError]] = []
    for session_id in pending_sessions(repo):
        if session_id in unsure:
            continue
        try:
            try:
                _seal_session(repo, session_id, result, masking)
            except ObjectMissing as error:
                _seal_session(repo, session_id, result, masking, has_gaps=True)
                # sealed, but not as it was recorded
                failed.append((session_id, error))
        except TraceError as error:
            failed.append((session_id, error))
    return failed


def _seal_session(repo: Repository, session_id: str, result: Sealed, masking: Masking, has_gaps: bool = False) -> None:
    """Seal what is pending of a session; `has_gaps`: some of its snapshots may be gone."""
    path = journal_path(repo.common_trace_dir, session_id)
    done = progress.load(repo.common_trace_dir, session_id)
    reading = read(path, done.offset)
    runs = list(runs_of(reading.events, reading.ends, done.done))
    if not runs:
        return
    header = session_header(path)
    if tombstones(repo).covers(header["trace_id"], header.get("at")):
        raise TraceError(f"not sealed: its trace was forgotten ('git trace forget {header['trace_id']}' removes it)")
    with open_objects(repo) as store:
        begin(repo, store, header, done)
        earlier = Earlier(repo, store, header["trace_id"], session_id)
        limit = repo.size("trace.maxDiff")
        lines: list[tuple[Run, list[str]]] = []
        if has_gaps:
            _leave_out(repo, store, runs, done)
        for run in runs:
            assert done.tree is not None
            changed = _changed(store, run.events, done)
            texts = earlier.lines(run, done.index, done.commits)
            if not texts:
                sealed = masking(with_diffs(repo, store, header, run.events, done, limit))
                texts = [
                    encode(header["trace_id"], session_id, done.index + number, part)
                    for number, part in enumerate(split(sealed))
                ]
            done.index += len(texts)
            lines.append((run, texts))
            if run.commit:
                done.commits += [run.commit] if run.commit not in done.commits else []
                if store.kind(run.commit) == "commit":
                    done.base = base_of(repo, store, run.commit, done.tree)
                else:  # undone and pruned before anyone came to seal it
                    newest = rewrites.newest(repo, run.commit)
                    run.commit = newest if store.kind(newest) == "commit" else None
            elif done.commits and not changed:
                # what came after the last commit and changed no file belongs to it: the verdict, a last test run
                run.commit = rewrites.newest(repo, done.commits[-1])
            done.offset, done.tree = run.end, _last_tree(run.events, done.tree)
            done.done = run.stopped
    _attach(repo, header["trace_id"], session_id, lines, result)
    with Journal(path):  # nobody writes meanwhile
        progress.save(repo.common_trace_dir, session_id, done)
        if done.done and read(path, done.offset).events:
            progress.reopen(repo.common_trace_dir, session_id)


def _leave_out(repo: Repository, store: ObjectStore, runs: list[Run], done: progress.Progress) -> None:
    """Take the snapshots that are gone out of what is to be sealed."""
    assert done.tree
    assert done.base
    empty = EMPTY_TREE[store.format]
    base = done.base["tree"] or empty
    lost = gaps.gone(repo, store, {base, done.tree}.union(*(gaps.trees_of(run.events) for run in runs)))
    if base in lost:
        done.base, base = {"commit": None, "tree": empty}, empty
    if done.tree in lost:
        done.tree = base
    for run in runs:
        run.events = gaps.without(run.events, lost)


def _changed(store: ObjectStore, events: list[Event], done: progress.Progress) -> bool:
    """Tell whether what the worktree holds beside HEAD changed; a rebase or checkout alone changes both alike."""
    if not done.base or not done.tree:
        return True
    had = None
    for event in events:
        after = event.get("head_after") or event.get("head")
        for tree, head in ((event.get("tree"), event.get("head")), (event.get("tree_after"), after)):
            if tree in (None, done.tree):
                continue
            if head in (None, done.base["commit"]) or store.kind(head) != "commit":
                return True
            had = _beside(store, done.base["tree"], done.tree) if had is None else had
            if _beside(store, store.commit(head).tree, tree) != had:
                return True
    return False


def _beside(store: ObjectStore, committed: str | None, tree: str) -> set[tuple[bytes, int, str | None]]:
    return {(change.path, change.new_mode, change.new_oid) for change in store.changes(committed, tree)}


def _last_tree(events: list[Event], tree: str) -> str:
    for event in reversed(events):
        found = event.get("tree_after") or event.get("tree")
        if found:
            return str(found)
    return tree


def _attach(
    repo: Repository, trace_id: str, session_id: str, lines: list[tuple[Run, list[str]]], result: Sealed
) -> None:
    # before they are written: killed in between, they are sealed again
    unsigned.add(repo, (text for _, texts in lines for text in texts))
    # in their order, so that what a kill leaves are the first ones (`gittrace.trace.sealing.earlier`)
    for is_noted, group in groupby(lines, key=lambda item: bool(item[0].commit)):
        if is_noted:
            noted: dict[str, list[str]] = {}
            for run, texts in group:
                noted.setdefault(str(run.commit), []).extend(texts)
            add_lines(repo, noted)
            for commit, texts in noted.items():
                result.noted.setdefault(commit, []).extend(texts)
        else:
            named = {f"{session_id}-{text.split(' ')[3]}": text for _, texts in group for text in texts}
            since = garbage.signs(repo.common_dir)
            files = {name: hidden.write_blob(repo, f"{text}\n".encode()) for name, text in named.items()}
            hidden.update(repo, trace_id, segments=files, since=since)
            result.unlinked.setdefault(trace_id, {}).update(files)


def _copy_rewritten(repo: Repository, result: Sealed, again: bool) -> None:
    """Copy the notes of rewritten commits to their new names; `again` has the next round do these once more."""
    pairs, end = rewrites.read_pairs(repo, rewrites.rewrites_done(repo))
    if pairs:
        tip = notes.tip(repo, NOTES_REF)
        found: dict[str, bytes] = {}
        if tip:
            with open_objects(repo) as store:
                tree = store.commit(tip).tree
                for pair in rewrites.in_order(rewrites.credible(repo, store, pairs)):
                    # the old side may itself be the new side of an earlier pair of this round
                    text = found.get(pair.old, b"")
                    if oid := notes.find(store, tree, pair.old):
                        text = merge_notes(text, store.blob(oid))
                    if text and store.kind(pair.new) == "commit":
                        found[pair.new] = merge_notes(found.get(pair.new, b""), text)
        if found:
            merge = partial(merge_notes, dead=tombstones(repo))
            copied = notes.add(repo, NOTES_REF, found, merge, "Notes copied by 'git trace seal'")
            result.copied = len(found) if copied else 0
    if again:
        return
    if end != rewrites.rewrites_done(repo):
        rewrites.save_done(repo, end)


__all__: list[Any] = [
    "Sealed", "active_sessions", "add_lines", "locked", "merge_notes", "seal", "tombstones",
]  # fmt: skip
