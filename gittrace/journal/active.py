"""Which session a worktree has: `<git-dir>/trace/active`, one line `<session-id> <trace-id>`. Standard library only."""

import os

from gittrace.errors import Damaged, SessionActive
from gittrace.vocabulary import ACTIVE_FILE, SESSIONS_DIR


class Active:
    """The active session of a worktree."""

    __slots__ = ("journal", "session_id", "trace_id")

    def __init__(self, session_id: str, trace_id: str, common_trace_dir: str) -> None:
        self.session_id = session_id
        self.trace_id = trace_id
        self.journal = journal_path(common_trace_dir, session_id)


def journal_path(common_trace_dir: str, session_id: str) -> str:
    """Return the path of a session's journal."""
    return os.path.join(common_trace_dir, SESSIONS_DIR, f"{session_id}.jsonl")


def active_session(trace_dir: str, common_trace_dir: str) -> "Active | None":
    """Return the session of the worktree whose `<git-dir>/trace` is given, or None. Raises Damaged."""
    path = os.path.join(trace_dir, ACTIVE_FILE)
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            words = file.read().split()
    except (FileNotFoundError, NotADirectoryError):
        return None
    if len(words) != 2 or not all(_is_id(word) for word in words):
        raise Damaged(f"cannot read '{path}': it holds no session and trace id", "remove the file to go on")
    return Active(words[0], words[1], common_trace_dir)


def _is_id(word: str) -> bool:
    return len(word) == 36 and set(word) <= set("0123456789abcdef-")


def need_none(trace_dir: str) -> None:
    """Raise SessionActive when the worktree has a session."""
    if os.path.lexists(os.path.join(trace_dir, ACTIVE_FILE)):
        raise SessionActive(
            "a session is active in this worktree already", "'git trace stop' ends it, 'git trace status' shows it"
        )


def activate(trace_dir: str, session_id: str, trace_id: str) -> None:
    """Make a session the worktree's. Raises SessionActive when it has one."""
    path = os.path.join(trace_dir, ACTIVE_FILE)
    new = f"{path}.{session_id}"
    with open(new, "w", encoding="utf-8") as file:
        file.write(f"{session_id} {trace_id}\n")
    try:
        os.link(new, path)
    except FileExistsError:
        need_none(trace_dir)
        raise
    finally:
        os.unlink(new)


def deactivate(trace_dir: str) -> None:
    """Leave the worktree without a session; none is fine too."""
    try:
        os.unlink(os.path.join(trace_dir, ACTIVE_FILE))
    except FileNotFoundError:
        return
