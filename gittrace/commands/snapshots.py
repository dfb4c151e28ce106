"""Which snapshot goes with which event, from summaries alone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from gittrace.errors import NotFound
from gittrace.trace.stored.names import Target
from gittrace.trace.stored.store import Store


@dataclass(frozen=True)
class States:
    """The worktree around an event, as trees.

    previous  after the event before
    before    just before it: what a command ran on
    after     just after it
    """

    previous: str
    before: str
    after: str


def states(store: Store, event: Target) -> States:
    """Return the snapshots of an event. Raises NotFound when its session has none before it."""
    for session in _sessions(store, event.trace_id):
        for found, trees in _walk(session, store.summaries(event.trace_id)):
            if found == event.id and trees:
                return trees
    raise NotFound(f"no snapshot goes with event '{event.id}'")


def last(store: Store, trace: str, session: str) -> str:
    """Return the newest snapshot of a session. Raises NotFound."""
    for header in _sessions(store, trace):
        if header["session_id"] == session:
            trees = [trees.after for _, trees in _walk(header, store.summaries(trace)) if trees]
            newest = trees[-1] if trees else header.get("tree")
            if newest:
                return str(newest)
    raise NotFound(f"session '{session}' has no snapshot yet")


def _sessions(store: Store, trace: str) -> list[Mapping[str, Any]]:
    """Return the first header of each session."""
    first: dict[str, Mapping[str, Any]] = {}
    for header in store.headers(trace):
        known = first.get(header["session_id"])
        if known is None or header.get("index", 0) < known.get("index", 0):
            first[header["session_id"]] = header
    return list(first.values())


def _walk(header: Mapping[str, Any], events: list[dict[str, Any]]) -> Iterator[tuple[str, States | None]]:
    at = header.get("tree")
    for event in events:
        if event["session_id"] != header["session_id"]:
            continue
        before, after = event.get("tree"), event.get("tree_after")
        if after is None:
            # a commit or a stop names the worktree just after it; what names none left it as it was
            before, after = at, before or at
        yield event["id"], States(str(at or before), str(before or at), str(after)) if after else None
        at = after or at
