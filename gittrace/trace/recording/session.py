"""Start and stop sessions."""

import json
import os
from dataclasses import dataclass
from typing import Any

from gittrace.clock import now, uuid4, uuid7
from gittrace.errors import NoSession
from gittrace.git import hidden, reflog, snapshot
from gittrace.git.repository import Repository, check_version
from gittrace.journal.active import Active, activate, active_session, deactivate, journal_path, need_none
from gittrace.journal.append import Journal
from gittrace.journal.position import log_size, save_position
from gittrace.protect.masking import Masking, masked_early
from gittrace.text import clean
from gittrace.trace.recording import borrowed
from gittrace.trace.recording.commits import catch_up
from gittrace.trace.recording.environment import describe
from gittrace.vocabulary import SESSION, SESSIONS_DIR, STOP

_MAX_TITLE = 500


@dataclass(frozen=True)
class Agent:
    """Who does the work when no person does: `name`, and if known `version` and `model` (provider/model)."""

    name: str
    version: str | None = None
    model: str | None = None


@dataclass(frozen=True)
class Start:
    """What `start` made."""

    trace_id: str
    session_id: str
    title: str | None
    skipped: tuple[dict[str, object], ...]


def current(repo: Repository) -> Active:
    """Return the worktree's session. Raises NoSession."""
    active = active_session(repo.trace_dir, repo.common_trace_dir)
    if active is None:
        raise NoSession("no session is active in this worktree", "'git trace start' starts one")
    return active


def start(
    repo: Repository,
    developer_id: str | None,
    title: str | None = None,
    trace_id: str | None = None,
    agent: Agent | None = None,
) -> Start:
    """Start a session in this worktree: of a new trace, or of the trace with `trace_id`.

    Raises SessionActive, NoWorktree, GitFailed, GitMissing, OSError.
    """
    version = check_version()
    repo.need_worktree()
    need_none(repo.trace_dir)
    os.makedirs(os.path.join(repo.common_trace_dir, SESSIONS_DIR), exist_ok=True)
    os.makedirs(repo.trace_dir, exist_ok=True)
    session_id, new = uuid4(), trace_id is None
    trace_id = trace_id or uuid4()
    title = clean(title)[:_MAX_TITLE] if title else None
    # the position before the snapshot: a commit in between is seen twice rather than never
    size = log_size(repo.trace_dir)
    seen = reflog.position(repo)
    taken = snapshot.take(repo, fresh=True)
    event: dict[str, Any] = {
        "kind": SESSION,
        "id": uuid7(),
        "at": now(),
        "head": taken.head,
        "branch": taken.branch,
        "source": "git-trace",
        "trace_id": trace_id,
        "session_id": session_id,
        "title": title,
        "developer_id": developer_id,
        "agent": {key: value for key, value in vars(agent).items() if value} if agent else None,
        "environment": describe(repo.top, version),
        "base_commit": taken.head,
        "tree": taken.tree,
        "skipped": taken.skipped,
        "stashes": borrowed.stashes(repo),
    }
    (event,) = Masking(repo)([event])
    title = event["title"]
    meta = json.dumps({"id": trace_id, "title": title, "created": event["at"]}, ensure_ascii=False).encode()
    hidden.update(repo, trace_id, [taken.tree], meta=meta if new else None)
    path = journal_path(repo.common_trace_dir, session_id)
    with Journal(path) as journal:
        journal.append({key: value for key, value in event.items() if value not in (None, [])} | {"head": taken.head})
    try:
        save_position(repo.trace_dir, taken.head, seen, size)
        activate(repo.trace_dir, session_id, trace_id)
    except BaseException:
        os.unlink(path)  # a session that never was
        raise
    return Start(trace_id, session_id, title, tuple(taken.skipped))


def stop(repo: Repository, success: bool | None, reason: str | None) -> Active:
    """End the worktree's session; sealing is the caller's. Raises NoSession, GitFailed, OSError."""
    active = current(repo)
    taken = snapshot.take(repo.need_worktree())
    hidden.update(repo, active.trace_id, [taken.tree])
    with Journal(active.journal) as journal:
        catch_up(repo, active, journal, taken, final=True)
        event = {
            "kind": STOP,
            "id": uuid7(),
            "at": now(),
            "head": taken.head,
            "branch": taken.branch,
            "source": "git-trace",
            "tree": taken.tree,
            "success": success,
        }
        journal.append(masked_early(repo, event | ({"reason": clean(reason)} if reason else {})))
    deactivate(repo.trace_dir)
    return active
