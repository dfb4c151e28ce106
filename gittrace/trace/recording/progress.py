"""How far a session's journal has been sealed: `<common-dir>/trace/sessions/<session-id>.sealed`, or
`.done` once it was stopped and all of it is sealed.

It may be deleted: sealing is deterministic, so doing it again yields the same lines, and a note is a set.
"""

import json
import os
from dataclasses import asdict, dataclass, field

from gittrace.vocabulary import SESSIONS_DIR


@dataclass
class Progress:
    """`offset` bytes of the journal are in segments below `index`.

    tree     the worktree at that point (oid), None when nothing was sealed
    commits  the commits that the session's segments are noted on, in order
    done     whether the session was stopped and sealed up to that
    """

    offset: int = 0
    index: int = 0
    tree: str | None = None
    base: dict[str, str | None] | None = None
    commits: list[str] = field(default_factory=list)
    done: bool = False


def _path(common_trace_dir: str, session_id: str) -> str:
    return os.path.join(common_trace_dir, SESSIONS_DIR, f"{session_id}.sealed")


def load(common_trace_dir: str, session_id: str) -> Progress:
    """Return a session's progress; none when nothing is known."""
    path = _path(common_trace_dir, session_id)
    for name in (path, f"{path.removesuffix('.sealed')}.done"):
        try:
            with open(name, encoding="utf-8") as file:
                return Progress(**json.load(file))
        except FileNotFoundError:
            continue
        except (ValueError, TypeError):
            break  # torn by a crash of the machine: sealing again is harmless
    return Progress()


def save(common_trace_dir: str, session_id: str, progress: Progress) -> None:
    """Write a session's progress, at once or not at all."""
    path = _path(common_trace_dir, session_id)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        json.dump(asdict(progress), file)
    os.replace(f"{path}.new", path)
    if progress.done:
        # so that a listing of the folder tells which sessions are left, however many there were
        os.replace(path, f"{path.removesuffix('.sealed')}.done")


def reopen(common_trace_dir: str, session_id: str) -> None:
    """Have a session looked at again that was done: a command that outlived it was recorded. The journal is locked."""
    path = _path(common_trace_dir, session_id)
    try:
        os.replace(f"{path.removesuffix('.sealed')}.done", path)
    except FileNotFoundError:
        return


def begin_anew(common_trace_dir: str) -> None:
    """Have all journals that are here sealed again: what was sealed may be in no note any more."""
    folder = os.path.join(common_trace_dir, SESSIONS_DIR)
    for name in os.listdir(folder):
        if name.endswith((".sealed", ".done")):
            os.unlink(os.path.join(folder, name))
