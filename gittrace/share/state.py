"""What is remembered of one remote: `<common-dir>/trace/share/<remote>.json`.

All but `baseline` only saves work: what is published is decided by comparing with the mirror of what the server
confirmed. A file that is gone or can't be read is made anew.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

from gittrace.git import restorable
from gittrace.git.repository import Repository
from gittrace.share.remotes import quoted
from gittrace.vocabulary import SHARE_DIR

_MANY = 20


class Unproven(NamedTuple):
    """A push that is not known to have been accepted: what to which ref there.

    pid     the process of the push; what became of it is decided when that has ended
    by_url  it named no remote, so no remote-tracking ref will tell
    """

    ref: str
    oid: str
    pid: int
    by_url: bool = False


@dataclass
class State:
    """What is remembered of a remote that is pushed to.

    baseline   what was there when sharing began: notes of these commits are published only when asked for; None: not
               known yet
    to, writer, mirror  of the last confirmed publication; where one is another now, the rest is of no use
    notes      the tip of `refs/notes/trace` that was compared then
    tips       what was known to be at the remote then
    derived    what was at the remote when it was last asked what else its commits have
    held       {commit, trace_id, session_id, index, sha256, why, hint} of what may not leave
    pushed     ref there -> oid, where no remote-tracking ref tells
    unproven   what was published, or is to be, before it is known that the push was accepted
    attempted  notes commits that were sent, and may have arrived although nobody said so
    """

    baseline: list[str] | None = None
    to: str = ""
    writer: str = ""
    mirror: str | None = None
    notes: str | None = None
    tips: list[str] = field(default_factory=list)
    derived: list[str] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    pushed: dict[str, str] = field(default_factory=dict)
    unproven: list[Unproven] = field(default_factory=list)
    attempted: list[str] = field(default_factory=list)

    def attempt(self, oid: str) -> None:
        """Remember that a notes commit is being sent."""
        self.attempted = [*self.attempted[1 - _MANY :], oid]


def share_dir(repo: Repository) -> str:
    """Return the directory of all that publishing remembers."""
    return os.path.join(repo.common_trace_dir, SHARE_DIR)


def _path(repo: Repository, remote: str) -> str:
    return os.path.join(share_dir(repo), f"{quoted(remote)}.json")


def load(repo: Repository, remote: str) -> State:
    """Return what is remembered of a remote."""
    try:
        with open(_path(repo, remote), encoding="utf-8") as file:
            data = json.load(file)
        return _parsed(data)
    except FileNotFoundError:
        return State()
    except (ValueError, TypeError, KeyError):
        return State(baseline=[])


def _parsed(data: Mapping[str, Any]) -> State:
    state = State(**{name: data[name] for name in State.__dataclass_fields__ if name in data})
    state.unproven = [Unproven(str(ref), str(oid), int(pid), bool(url)) for ref, oid, pid, *url in state.unproven]
    lists = (state.tips, state.derived, state.held, state.attempted, state.baseline or [])
    if not all(isinstance(value, list) for value in lists) or not isinstance(state.pushed, dict):
        raise TypeError
    return state


def save(repo: Repository, remote: str, state: State) -> None:
    """Remember. Raises OSError."""
    os.makedirs(share_dir(repo), exist_ok=True)
    restorable.write(_path(repo, remote), json.dumps(asdict(state)).encode("ascii") + b"\n")
