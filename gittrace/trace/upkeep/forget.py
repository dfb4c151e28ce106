"""Forget on purpose: a whole trace, or single segments, wherever this clone keeps them.

A tombstone takes the place of what is gone: in the notes of the commits that carried it, and in that of the empty tree,
where the tombstones of a clone are all together (no commit has to stay for them). The history of `refs/notes/trace`
holds the notes as they were, so it begins anew. From the moment that the ref has moved nobody reads what was
forgotten; the rest is cleaning up, and may be killed anywhere and done again.

What other refs lead to (the mirrors of what was published) is not touched: publishing takes it from there.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

from gittrace.clock import now
from gittrace.errors import NotFound, SessionActive, TraceError
from gittrace.git import hidden, notes
from gittrace.git.objects import EMPTY_TREE, open_objects
from gittrace.git.repository import Repository, git_dirs
from gittrace.journal.active import journal_path
from gittrace.model.segment import Forget, SegmentLine, parse_note, render_note
from gittrace.model.tombstones import Tombstones
from gittrace.trace.caches import remove_caches
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.noting import tombstones
from gittrace.trace.sealing.seal import active_sessions, locked
from gittrace.trace.sealing.waiting import session_header
from gittrace.trace.stored.index import Index
from gittrace.vocabulary import (
    CACHE_DIR,
    FORGOTTEN_FILE,
    NOTES_REF,
    SEGMENT_WORD,
    SEGMENTS_DIR,
    SESSIONS_DIR,
    SIGNATURE_WORD,
    TRACE_REFS,
)

_MESSAGE = "Notes rewritten by 'git trace forget'"
_REPLACED = "Notes rewritten by 'git trace redact'"
# the trace and tree that were recorded last in a worktree (gittrace/capture/record.py)
_RECORDED_FILE = "recorded"


@dataclass
class Forgotten:
    """What was (or would be) forgotten.

    at         the tombstone's time
    commits    whose notes in `refs/notes/trace` held segments of the trace
    segments   how many those were, and the unlinked ones
    refs       hidden refs that were deleted
    sessions   whose journals were removed
    elsewhere  refs that go on holding it: what was published, or fetched
    """

    trace_id: str
    at: str
    commits: list[str] = field(default_factory=list)
    segments: int = 0
    refs: list[str] = field(default_factory=list)
    sessions: list[str] = field(default_factory=list)
    elsewhere: list[str] = field(default_factory=list)


@dataclass
class Replaced:
    """What `replace_segments` did: the commits whose notes changed, and the hidden refs."""

    commits: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)


def forget_trace(repo: Repository, trace_id: str, dry_run: bool = False) -> Forgotten:
    """Forget all that was recorded of a trace until now; done again, it finishes what was left.

    Raises NotFound when nothing is known of it, SessionActive when a session of it goes on in any worktree, RefMoved,
    GitFailed, OSError. The objects stay in the object store until git prunes them, or `gittrace.trace.upkeep.prune`
    does.
    """
    _need_no_session(repo, trace_id)
    with locked(repo):
        found = _found(repo, trace_id)
        if dry_run:
            return found
        edit = partial(_without_trace, repo, trace_id, found)
        _remember(repo, (TRACE_REFS + trace_id, NOTES_REF))
        notes.rewrite(repo, NOTES_REF, edit, _MESSAGE)
        _expire_reflog(repo)
        for ref in found.refs:
            repo.git("update-ref", "-d", ref)
        hidden.forget_tips(repo, trace_id)
        for session in found.sessions:
            _remove_session(repo, session)
        _remove_traces_of_it(repo, trace_id)
    return found


def replace_segments(repo: Repository, lines: Mapping[str, SegmentLine | str | None]) -> Replaced:
    """Put other lines in the place of segments, given by the sha256 of their JSONL; None only takes one away.

    Each old one gets a tombstone of its own, so that no copy of it counts, wherever it comes from. Notes and hidden
    refs are changed; journals are the caller's. Raises RefMoved, GitFailed, OSError.
    """
    wanted = {sha: None if line is None else str(line) for sha, line in lines.items()}
    done = Replaced()
    with locked(repo):
        unlinked = _unlinked(repo, wanted.keys())
        unsigned.add(repo, (line for line in wanted.values() if line))
        _remember(repo, (NOTES_REF, *(TRACE_REFS + line.trace_id for line in unlinked.values())))
        edit = partial(_with_replaced, repo, wanted, unlinked, done)
        notes.rewrite(repo, NOTES_REF, edit, _REPLACED)
        _expire_reflog(repo)
        for name, line in unlinked.items():
            new = wanted[line.sha256]
            blob = hidden.write_blob(repo, f"{new}\n".encode()) if new else None
            hidden.replace(repo, line.trace_id, SEGMENTS_DIR, {name: blob})
            done.refs.append(TRACE_REFS + line.trace_id)
        remove_caches(os.path.join(repo.common_trace_dir, CACHE_DIR))
    done.refs = list(dict.fromkeys(done.refs))
    return done


def _need_no_session(repo: Repository, trace_id: str) -> None:
    failed: list[str] = []
    for worktree, active in active_sessions(repo, failed):
        if active.trace_id == trace_id:
            raise SessionActive(
                f"cannot forget trace '{trace_id}': a session of it is active in '{worktree.top}'",
                "'git trace stop' ends it",
            )
    if failed:
        raise TraceError(f"cannot forget trace '{trace_id}': {failed[0]}")


def _found(repo: Repository, trace_id: str) -> Forgotten:
    """Return what there is to be forgotten. Raises NotFound."""
    index = Index(repo)
    try:
        shown, gone = index.places(trace_id), index.hidden(trace_id)
        dead = index.tombstones(trace_id)
    finally:
        index.close()
    ref = TRACE_REFS + trace_id
    found = Forgotten(trace_id, now())
    found.sessions = list(sessions_of(repo, trace_id))
    found.refs = [ref] if repo.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)) else []
    own = [place for place in (*shown, *gone) if place.ref == NOTES_REF]
    found.commits = list(dict.fromkeys(place.commit for place in own))
    found.segments = len({place.sha256 for place in (*shown, *gone) if place.ref in (NOTES_REF, ref)})
    found.elsewhere = sorted({place.ref for place in (*shown, *gone)} - {NOTES_REF, ref})
    if not (shown or gone or dead or found.refs or found.sessions):
        raise NotFound(f"nothing is recorded of trace '{trace_id}'", "'git trace list' shows the traces")
    if dead and not shown and not found.sessions:
        # nothing came after: the same tombstone again, so that doing it twice changes nothing
        found.at = max((one.at for one in dead.of(trace_id) if not one.sha256), default=found.at)
    return found


def sessions_of(repo: Repository, trace_id: str) -> Iterator[str]:
    """Yield the sessions of a trace that have a journal."""
    folder = os.path.join(repo.common_trace_dir, SESSIONS_DIR)
    for name in sorted(os.listdir(folder)) if os.path.isdir(folder) else []:
        session, _, suffix = name.rpartition(".")
        if suffix == "jsonl":
            try:
                header = session_header(os.path.join(folder, name))
            except TraceError:
                continue  # nothing tells whose it is; doctor names it
            if header.get("trace_id") == trace_id:
                yield session


def _without_trace(
    repo: Repository, trace_id: str, found: Forgotten, all_notes: Iterable[tuple[str, bytes]]
) -> Mapping[str, bytes]:
    """Return the notes that change: no line of the trace is left but tombstones."""
    forgets = [Forget(trace_id, found.at)]
    dead = Tombstones(forgets)
    ours = tuple(f"{word} {trace_id} ".encode() for word in (SEGMENT_WORD, SIGNATURE_WORD))
    texts, carried = {}, []
    place = _stable_place(repo)
    for commit, note in all_notes:
        if commit != place and not any(beginning in note for beginning in ours):
            continue
        texts[commit] = note
        parsed = parse_note(note)
        lines = [line for line in parsed.segments if line.trace_id == trace_id]
        if lines or any(item.line.startswith(ours) for item in parsed.damaged):
            carried.append(commit)
        # a clock that was ahead
        forgets += [Forget(trace_id, found.at, line.sha256) for line in lines if not dead.covers_line(line)]
    texts.setdefault(place, b"")
    return {
        commit: new
        for commit, note in texts.items()
        if (new := _cleaned(note, ours, forgets if commit in (place, *carried) else forgets[:1])) != note
    }


def _cleaned(note: bytes, ours: tuple[bytes, ...], forgets: Iterable[Forget]) -> bytes:
    """Return a note without the lines of a trace, but for tombstones of single segments, and with some added."""
    kept = [line for line in note.split(b"\n") if not line.startswith(ours)]
    single = [one for one in parse_note(note).forgets if one.sha256 and str(one).encode().startswith(ours)]
    return render_note([*kept, *single, *forgets])


def _unlinked(repo: Repository, hashes: Iterable[str]) -> dict[str, SegmentLine]:
    """Return the unlinked segments of the given hashes, by their names in the hidden refs."""
    wanted = set(hashes)
    found = {}
    out = repo.git("for-each-ref", "--format=%(objectname)", TRACE_REFS).decode()
    with open_objects(repo) as store:
        for root in out.split():
            folder = next((entry for entry in store.tree(root) if entry.name == SEGMENTS_DIR.encode()), None)
            for entry in store.tree(folder.oid) if folder else ():
                for line in parse_note(store.blob(entry.oid)).segments:
                    if line.sha256 in wanted:
                        found[os.fsdecode(entry.name)] = line
    return found


def _with_replaced(
    repo: Repository,
    wanted: Mapping[str, str | None],
    unlinked: Mapping[str, SegmentLine],
    done: Replaced,
    all_notes: Iterable[tuple[str, bytes]],
) -> Mapping[str, bytes]:
    """Return the notes that change: new lines for old ones, and a tombstone for each of these."""
    at = now()
    place = _stable_place(repo)
    had, texts = b"", {}
    gone = {line.sha256: line for line in unlinked.values()}
    for commit, note in all_notes:
        if commit == place:
            had = note
        parsed = parse_note(note)
        old = {line.sha256: line for line in parsed.segments if line.sha256 in wanted}
        if old:
            gone |= old
            news = [new for sha in old if (new := wanted[sha])]
            stones = [Forget(line.trace_id, at, line.sha256) for line in old.values()]
            texts[commit] = render_note([*parsed.without(old.values()), *news, *stones])
    done.commits = [commit for commit in texts if commit != place]
    known = {(one.trace_id, one.sha256) for one in parse_note(had).forgets}
    fresh = [
        Forget(line.trace_id, at, line.sha256) for line in gone.values() if (line.trace_id, line.sha256) not in known
    ]
    if fresh:
        texts[place] = render_note([*texts.get(place, had).split(b"\n"), *fresh])
    return texts


def _stable_place(repo: Repository) -> str:
    return EMPTY_TREE[repo.format]


def _remember(repo: Repository, refs: Iterable[str]) -> None:
    """Write down what refs lead to before they move: who prunes must know what to look for."""
    oids = [repo.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)).decode().strip() for ref in dict.fromkeys(refs)]
    path = os.path.join(repo.common_trace_dir, FORGOTTEN_FILE)
    with open(path, "a", encoding="ascii") as file:
        file.write("".join(f"{oid}\n" for oid in oids if oid))


def _expire_reflog(repo: Repository) -> None:
    """Take the entries of the notes' reflog away, each of which leads to notes as they were."""
    if repo.git("rev-parse", "-q", "--verify", NOTES_REF, ok=(0, 1)):
        repo.git("reflog", "expire", "--expire=all", "--expire-unreachable=all", NOTES_REF)


def _remove_session(repo: Repository, session_id: str) -> None:
    path = journal_path(repo.common_trace_dir, session_id)
    stem = path.removesuffix(".jsonl")
    # the journal last: it is what tells that there is something to be removed
    for name in (f"{stem}.sealed.new", f"{stem}.sealed", f"{stem}.done", path):
        _unlink(name)


def _remove_traces_of_it(repo: Repository, trace_id: str) -> None:
    remove_caches(os.path.join(repo.common_trace_dir, CACHE_DIR))
    for git_dir in git_dirs(repo):
        path = os.path.join(git_dir, "trace", _RECORDED_FILE)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                about_it = file.read().startswith(trace_id)
        except FileNotFoundError:
            continue
        if about_it:
            _unlink(path)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


__all__ = ["Forgotten", "Replaced", "forget_trace", "replace_segments", "sessions_of", "tombstones"]
