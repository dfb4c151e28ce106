"""What waits to be sealed. Every reader asks, and mostly nothing does: so what seals is not loaded for that."""

import json
import os

from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.journal.read import Event
from gittrace.trace.recording import commit_map, rewrites
from gittrace.vocabulary import SESSION, SESSIONS_DIR


def is_anything(repo: Repository) -> bool:
    """Tell whether there is anything for `gittrace.trace.sealing.seal` to do."""
    if not os.path.isdir(os.path.join(repo.common_trace_dir, SESSIONS_DIR)):
        return False
    _, new = rewrites.read_pairs(repo, rewrites.rewrites_done(repo))
    return bool(new != rewrites.rewrites_done(repo) or pending_sessions(repo) or commit_map.is_new(repo))


def pending_sessions(repo: Repository) -> list[str]:
    """Return the sessions that are not wholly sealed."""
    found, done = set(), set()
    with os.scandir(os.path.join(repo.common_trace_dir, SESSIONS_DIR)) as entries:
        for entry in entries:
            name, _, suffix = entry.name.rpartition(".")
            if suffix == "jsonl":
                found.add(name)
            elif suffix == "done":
                done.add(name)
    return sorted(found - done)


def session_header(path: str) -> Event:
    """Return the first event of a journal, which is the session's. Raises Damaged through TraceError."""
    with open(path, "rb") as file:
        first = file.readline()
    try:
        header = json.loads(first)
        if header["kind"] == SESSION:
            return dict(header)
    except (ValueError, KeyError, TypeError):
        pass
    raise TraceError(f"cannot read journal '{path}': its first line is damaged")
