"""What lists show of a trace, gathered from the index alone: nothing is unpacked, and libgit2 stays unloaded."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from gittrace.git.described import Described, describe
from gittrace.trace.stored.indexed import Place
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import COMMAND, COMMIT, REWRITE, STOP

ACTIVE = "active"
SUCCESS = "success"
FAILURE = "failure"
STOPPED = "stopped"
OPEN = "open"


@dataclass(frozen=True)
class SessionView:
    """A session: when it began, who worked, on which branch."""

    id: str
    started: str
    agent: Mapping[str, Any] | None
    branch: str | None
    events: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class CommitView:
    """A commit that carries a segment of the trace.

    `described` is None when this clone doesn't have it; `rewritten` when the same work is on another commit that is
    reachable.
    """

    oid: str
    described: Described | None
    rewritten: bool

    @property
    def state(self) -> str:
        """`reachable`, `rewritten`, `unreachable` or `gone`."""
        if self.described and self.described.reachable:
            return "reachable"
        if self.rewritten:
            return "rewritten"
        return "unreachable" if self.described else "gone"


@dataclass(frozen=True)
class Overview:
    """A trace as lists and logs show it; `events` are summaries (see `gittrace.trace.stored.summary`)."""

    id: str
    short: str
    title: str
    active: bool
    sessions: tuple[SessionView, ...]

    @property
    def events(self) -> list[dict[str, Any]]:
        """Its events, session by session."""
        return [event for session in self.sessions for event in session.events]

    @property
    def started(self) -> str:
        """When its first session began."""
        return self.sessions[0].started if self.sessions else ""

    @property
    def ended(self) -> str:
        """When its last event began."""
        return max([self.started, *(str(event.get("at", "")) for event in self.events)])

    @property
    def stop(self) -> dict[str, Any] | None:
        """The stop event of its last session."""
        events = self.sessions[-1].events if self.sessions else ()
        return next((event for event in reversed(events) if event.get("kind") == STOP), None)

    @property
    def success(self) -> bool | None:
        """What was said of its success when it was stopped last."""
        said = self.stop.get("success") if self.stop else None
        return said if isinstance(said, bool) else None

    @property
    def state(self) -> str:
        """`active` (here and now), `success`, `failure`, `stopped` (nothing was said) or `open` (never stopped)."""
        if self.active:
            return ACTIVE
        if self.success is not None:
            return SUCCESS if self.success else FAILURE
        return STOPPED if self.stop else OPEN

    @property
    def commands(self) -> int:
        """How many commands it has."""
        return sum(event.get("kind") == COMMAND for event in self.events)

    @property
    def commits_made(self) -> list[str]:
        """The commits that were made in it, under the names that it gave them last."""
        events = self.events
        newer = dict(pair for event in events if event.get("kind") == REWRITE for pair in pairs_of(event))
        made = (str(event["commit"]) for event in events if event.get("kind") == COMMIT and "commit" in event)
        return list(dict.fromkeys(_last(oid, newer) for oid in made))

    @property
    def results(self) -> Mapping[str, Any] | None:
        """The results of its last test run."""
        found = (event["results"] for event in reversed(self.events) if isinstance(event.get("results"), Mapping))
        return next(found, None)


def _last(oid: str, newer: Mapping[str, str]) -> str:
    seen = {oid}
    while (following := newer.get(oid)) and following not in seen:
        seen.add(following)
        oid = following
    return oid


def pairs_of(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the (old, new) pairs of a rewrite event."""
    pairs = event.get("pairs")
    items = pairs if isinstance(pairs, list) else []
    return [(str(pair[0]), str(pair[1])) for pair in items if isinstance(pair, list) and len(pair) == 2]


def overview(store: Store, trace: str) -> Overview:
    """Return what lists show of a trace."""
    sessions: dict[str, list[dict[str, Any]]] = {}
    for event in store.summaries(trace):
        sessions.setdefault(event["session_id"], []).append(event)
    headers: dict[str, dict[str, Any]] = {}
    title = ""
    for header in store.headers(trace):
        headers.setdefault(str(header["session_id"]), header)
        title = str(header.get("title") or title)
    views = [
        SessionView(
            session,
            str(header.get("at", "")),
            header.get("agent"),
            header.get("branch"),
            tuple(sessions.get(session, ())),
        )
        for session, header in headers.items()
    ]
    views.sort(key=lambda view: view.started)
    return Overview(trace, store.index.abbreviate(trace), title, store.is_active(trace), tuple(views))


def commit_views(store: Store, traces: Iterable[str]) -> dict[str, list[CommitView]]:
    """Return the commits that carry segments of each trace, in the order of the segments, reachable ones first."""
    places = {trace: [place for place in store.index.places(trace) if place.commit] for trace in traces}
    known = describe(store.repo, (place.commit for some in places.values() for place in some))
    return {trace: _views(some, known) for trace, some in places.items()}


def _views(places: list[Place], known: Mapping[str, Described]) -> list[CommitView]:
    segments: dict[str, set[tuple[str, int, str]]] = {}
    alive: set[tuple[str, int, str]] = set()
    for place in sorted(places, key=lambda place: place.index):
        segment = (place.session_id, place.index, place.sha256)
        segments.setdefault(place.commit, set()).add(segment)
        if place.commit in known and known[place.commit].reachable:
            alive.add(segment)
    views = [CommitView(oid, known.get(oid), bool(held & alive)) for oid, held in segments.items()]
    return sorted(views, key=lambda view: view.state != "reachable")


def commit_json(view: CommitView) -> dict[str, Any]:
    """Return a commit as `--json` shows it (doc/JSON.md)."""
    return {"commit": view.oid, "subject": view.described.subject if view.described else None, "state": view.state}


def overview_json(view: Overview) -> dict[str, Any]:
    """Return a trace as `--json` of `list` and `log` shows it (doc/JSON.md)."""
    return {
        "trace_id": view.id,
        "title": view.title or None,
        "state": view.state,
        "success": view.success,
        "started": view.started,
        "ended": view.ended,
        "sessions": [
            {
                "session_id": session.id,
                "started": session.started,
                "agent": session.agent,
                "branch": session.branch,
                "events": len(session.events),
            }
            for session in view.sessions
        ],
        "commands": view.commands,
        "commits": view.commits_made,
        "results": view.results,
    }
