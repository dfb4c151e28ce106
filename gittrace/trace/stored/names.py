"""What a name on the command line stands for: a trace, a session, an event or a commit.

@         the active trace                      @~2   the event two before its last
3f2a      what has an id that begins so         HEAD  a commit, in any way that git understands
"""

import re
from dataclasses import dataclass

from gittrace.errors import GitFailed, NoSession, NotFound
from gittrace.trace.stored.store import Store

_ID = re.compile(r"[0-9a-fA-F-]{4,36}")
# where to look when a name stands for nothing
_LIST = "'git trace list' shows the traces"
_BACK = re.compile(r"(.+?)~(\d*)")


@dataclass(frozen=True)
class Target:
    """What a name stands for: `trace`, `session`, `event` or `commit`, its full id, and its trace unless a commit."""

    kind: str
    id: str
    trace_id: str = ""


def resolve(store: Store, name: str) -> Target:
    """Return what a name stands for. Raises NotFound when that is nothing, or several things; NoSession for `@`."""
    if name == "@":
        return Target("trace", _active(store), _active(store))
    if (match := _BACK.fullmatch(name)) and (match[1] == "@" or _ID.fullmatch(match[1])):
        base = resolve(store, match[1])
        if base.kind in ("trace", "session"):
            return _back(store, base, int(match[2] or 1), name)
    found = _by_id(store, name) if _ID.fullmatch(name) else []
    commit = _commit(store, name)
    if commit and not any(target.id == name.lower() for target in found):
        found.append(Target("commit", commit))
    if not found and (gone := forgotten(store, name)):
        raise NotFound(f"trace '{gone[0]}' was forgotten")
    if not found:
        raise NotFound(f"'{name}' is no trace, session, event or commit", _LIST)
    if len(found) > 1:
        raise NotFound(
            f"'{name}' is ambiguous", "it may be " + ", ".join(f"{target.kind} {target.id}" for target in found[:5])
        )
    return found[0]


def forgotten(store: Store, prefix: str) -> list[str]:
    """Return the traces that were forgotten and whose id begins so."""
    return sorted(trace for trace in store.index.tombstones().traces() if trace.startswith(prefix.lower()))


def find_trace(store: Store, name: str) -> str:
    """Return the id of a trace, given by itself or by one of its sessions or events. Raises NotFound, NoSession."""
    target = resolve(store, name)
    if target.kind == "commit":
        raise NotFound(f"'{name}' is a commit, not a trace")
    return target.trace_id


def _active(store: Store) -> str:
    if store.active is None:
        raise NoSession("no session is active in this worktree, so '@' stands for nothing", _LIST)
    return store.active.trace_id


def _back(store: Store, base: Target, steps: int, name: str) -> Target:
    events = store.summaries(base.trace_id)
    if base.kind == "session":
        events = [event for event in events if event["session_id"] == base.id]
    if steps >= len(events):
        raise NotFound(f"'{name}' is before the first event: there are {len(events)}")
    return Target("event", events[-1 - steps]["id"], base.trace_id)


def _by_id(store: Store, name: str) -> list[Target]:
    prefix = name.lower()
    found = {Target(*row) for row in store.index.find(prefix)}
    for item in store.pending.values():
        trace = item.header["trace_id"]
        if trace.startswith(prefix):
            found.add(Target("trace", trace, trace))
        if item.session_id.startswith(prefix):
            found.add(Target("session", item.session_id, trace))
        ids = [str(event["id"]) for event in item.events]
        found |= {Target("event", id_, trace) for id_ in ids if id_.startswith(prefix) or id_[24:].startswith(prefix)}
    exact = [target for target in found if target.id == prefix]
    return exact or sorted(found, key=lambda target: (target.kind, target.id))


def _commit(store: Store, name: str) -> str | None:
    if name.startswith("-"):
        return None
    try:
        return store.repo.line("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{commit}}")
    except GitFailed:
        return None
