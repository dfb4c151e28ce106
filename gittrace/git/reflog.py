"""What HEAD's reflog says since we last looked.

A position is the newest three entries that were seen, since offsets change when a reflog expires, and times can't be
trusted: GIT_COMMITTER_DATE sets them.
"""

import os
from dataclasses import dataclass

from gittrace.errors import GitFailed
from gittrace.git.repository import Repository

_FORMAT = "--format=%H%x01%T%x01%P%x01%gd%x01%gs"
_DEPTH = 3


@dataclass(frozen=True)
class Entry:
    """One movement of HEAD: where to (oid, with its tree and parents), when (seconds since the epoch), and why."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    time: int
    message: str
    print: str


@dataclass(frozen=True)
class Movements:
    """Entries newer than a position, oldest first; not `complete` when the position is no longer in the reflog."""

    entries: tuple[Entry, ...]
    complete: bool


def position(repo: Repository) -> list[str]:
    """Return the position of now."""
    return [entry.print for entry in _read(repo, _DEPTH)]


def since(repo: Repository, seen: list[str]) -> Movements:
    """Return what happened after a position. A worktree whose HEAD has no reflog has no movements."""
    count = 32
    while True:
        newest = _read(repo, count)
        for at in range(len(newest)):
            window = [entry.print for entry in newest[at : at + len(seen)]]
            if seen and window == seen[: len(window)] and (len(window) == len(seen) or len(newest) < count):
                return Movements(tuple(reversed(newest[:at])), True)
        if len(newest) < count:
            return Movements(tuple(reversed(newest)), not seen)
        count *= 8


def _read(repo: Repository, count: int) -> list[Entry]:
    try:
        out = repo.git(
            "log", "-g", "-z", f"-n{count}", "--date=raw", "--no-show-signature", "--no-color", _FORMAT, "HEAD", "--"
        )
    except GitFailed as error:
        if "bad revision" in str(error) or "unknown revision" in str(error):
            return []  # no commit yet
        raise
    entries = []
    for item in os.fsdecode(out).split("\0"):
        fields = item.split("\x01", 4)
        if len(fields) == 5:
            oid, tree, parents, when, message = fields
            stamp = when.rpartition("@{")[2].split(" ")[0]
            time = int(stamp) if stamp.isdecimal() else 0
            entries.append(Entry(oid, tree, tuple(parents.split()), time, message, f"{oid} {when} {message}"))
    return entries
