"""Pushes whose traces are still to be published: `<common-dir>/trace/share/queue/`, a file a push.

An entry leaves when the server has confirmed all that it stands for. Adding one needs no lock, so a hook never waits.
"""

import json
import os
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from gittrace.clock import now, uuid7
from gittrace.git import restorable
from gittrace.git.repository import Repository
from gittrace.vocabulary import SHARE_DIR

#: seconds; a push that takes longer is settled by the next one
LONGEST_PUSH = 1800
_SUFFIX = ".json"


@dataclass(frozen=True)
class Entry:
    """A push (or several, once they failed together).

    id      the name of its file
    remote  where branches were pushed to
    to      the remote that traces go to
    refs    ref there -> the oid that was pushed
    at      when, RFC 3339
    pid     the `git push` that may still be going on, 0 if there is none
    by_url  the push named no remote, so no remote-tracking ref will tell what became of it
    after   nothing is to be published before the push has ended: hooks of others may still refuse it
    failed  how often it was tried in vain; `why` and `tried` tell of the last time
    """

    id: str
    remote: str
    to: str
    refs: dict[str, str] = field(default_factory=dict)
    at: str = ""
    pid: int = 0
    by_url: bool = False
    after: bool = False
    failed: int = 0
    why: str = ""
    tried: str = ""


def _folder(repo: Repository) -> str:
    return os.path.join(repo.common_trace_dir, SHARE_DIR, "queue")


def _path(repo: Repository, entry: Entry) -> str:
    return os.path.join(_folder(repo), entry.id + _SUFFIX)


def add(repo: Repository, entry: Entry) -> None:
    """Put a push into the queue; its id and time are given to it. Raises OSError."""
    _write(repo, replace(entry, id=uuid7(), at=now()))


def _write(repo: Repository, entry: Entry) -> None:
    os.makedirs(_folder(repo), exist_ok=True)
    restorable.write(_path(repo, entry), json.dumps(asdict(entry)).encode("ascii") + b"\n")


def waiting(repo: Repository) -> list[Entry]:
    """Return all entries, the oldest first; what is no entry is passed over."""
    try:
        names = sorted(os.listdir(_folder(repo)))
    except FileNotFoundError:
        return []
    found = (_read(os.path.join(_folder(repo), name)) for name in names if name.endswith(_SUFFIX))
    return [entry for entry in found if entry]


def _read(path: str) -> Entry | None:
    try:
        with open(path, encoding="utf-8") as file:
            data: dict[str, Any] = json.load(file)
        known = {name: data[name] for name in Entry.__dataclass_fields__ if name in data}
        entry = Entry(**known)
    except FileNotFoundError:
        return None
    except (ValueError, TypeError):
        return None
    whole = isinstance(entry.refs, dict) and all(isinstance(text, str) for text in (entry.remote, entry.to))
    return entry if whole and all(map(_is_oid, entry.refs.values())) else None


def _is_oid(text: object) -> bool:
    return isinstance(text, str) and len(text) in (40, 64) and set(text) <= set("0123456789abcdef")


def ready(repo: Repository) -> list[Entry]:
    """Return the entries that may be published by now, the oldest first."""
    return [entry for entry in waiting(repo) if not (entry.after and is_going_on(entry))]


def is_going_on(entry: Entry) -> bool:
    """Tell whether a push goes on; after half an hour its number is taken to be another process's."""
    return alive(entry.pid) and entry.at > now(time.time_ns() - LONGEST_PUSH * 1_000_000_000)


def alive(pid: int) -> bool:
    """Tell whether a process is there."""
    if pid <= 0:
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def rename(repo: Repository, old: str, new: str) -> None:
    """Have all entries of a remote go by its new name. Raises OSError."""
    for entry in waiting(repo):
        remote, to = (new if name == old else name for name in (entry.remote, entry.to))
        if (remote, to) != (entry.remote, entry.to):
            _write(repo, replace(entry, remote=remote, to=to))


def confirm(repo: Repository, entries: Iterable[Entry]) -> None:
    """Drop entries: the server has all that they stand for."""
    for entry in entries:
        try:
            os.unlink(_path(repo, entry))
        except FileNotFoundError:
            continue


def keep(repo: Repository, entries: list[Entry], why: str) -> None:
    """Have entries of one target wait as one, with the reason. Raises OSError."""
    tried = now()
    # one by name and one by URL at most: what tells of their fate is not the same
    for some in ([e for e in entries if not e.by_url], [e for e in entries if e.by_url]):
        if some:
            refs = {ref: oid for entry in some for ref, oid in entry.refs.items()}
            failed = max(entry.failed for entry in some) + 1
            _write(repo, replace(some[0], refs=refs, pid=0, after=False, failed=failed, why=why, tried=tried))
            confirm(repo, some[1:])
