"""A trace or a session in full: its entry, with reasoning and with what each event changed."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from gittrace.commands import display
from gittrace.commands.diff_text import file_json, files, recorded, stat
from gittrace.commands.display import Screen
from gittrace.commands.entry import entry
from gittrace.commands.history_text import fate_json, head_lines, link_json
from gittrace.commands.overview import Overview, commit_json, commit_views, overview, overview_json
from gittrace.model.trace import EventDict, Segment, Trace
from gittrace.trace.names import Target
from gittrace.trace.outcome import Historian
from gittrace.trace.store import Store

# where the durations of events end, and where their text begins
_LABEL = 36
_BODY = 38


def trace_text(store: Store, target: Target, screen: Screen) -> Iterator[str]:
    """Yield the lines of a trace, or of the one session that `target` names."""
    trace = store.load(target.trace_id)
    view = full_overview(store, trace, target)
    commits = commit_views(store, [trace.id])[trace.id]
    historian = Historian(store, [trace])
    more = head_lines(historian.fate(trace.id), historian.links(trace.id), screen)
    return entry(view, commits, screen, lambda event: stat_lines(event, screen), full=True, more=more)


def full_overview(store: Store, trace: Trace, target: Target) -> Overview:
    """Return the overview with whole events in the place of summaries, cut to a session if `target` is one."""
    view = overview(store, trace.id)
    events = {session.id: session.events for session in trace.sessions}
    sessions = [replace(item, events=tuple(map(dict, events.get(item.id, ())))) for item in view.sessions]
    if target.kind == "session":
        sessions = [session for session in sessions if session.id == target.id]
    return replace(view, sessions=tuple(sessions))


def stat_lines(event: EventDict, screen: Screen) -> Iterator[str]:
    """Yield which files were edited on the way to an event, then which it changed itself."""
    for key, word in (("diff", "edited"), ("effect", "effect")):
        omitted = event.get(f"{key}_omitted")
        lines = list(stat(files(recorded(event, key) or b""), screen, (screen.width or 120) - _BODY))
        if isinstance(omitted, Mapping):
            lines = [f"a diff of {omitted.get('bytes')} bytes, not recorded for its size"]
        for number, line in enumerate(lines):
            label = screen.paint(f"{'' if number else word:>{_LABEL}}", display.DIM)
            yield f"{label}  {line}"


def trace_json(store: Store, target: Target) -> dict[str, Any]:
    """Return a trace or session for `--json`: its events whole, each with the files that it changed."""
    trace = store.load(target.trace_id)
    view = full_overview(store, trace, target)
    commits = commit_views(store, [trace.id])[trace.id]
    events = [event_json(event) for event in view.events]
    historian = Historian(store, [trace])
    return overview_json(view) | {
        "noted_on": [commit_json(item) for item in commits],
        "links": [link_json(link) for link in historian.links(trace.id)],
        "fate": fate_json(historian.fate(trace.id)),
        "segments": [segment_json(segment) for segment in trace.segments if _belongs(segment, target)],
        "events": events,
    }


def _belongs(segment: Segment, target: Target) -> bool:
    return target.kind != "session" or segment.session_id == target.id


def segment_json(segment: Segment) -> dict[str, Any]:
    """Return a segment for `--json`: where it lies, and its header."""
    return {
        "session_id": segment.session_id,
        "index": segment.index,
        "sha256": segment.sha256 or None,
        "noted_on": list(segment.commits),
        "header": segment.header,
    }


def event_json(event: EventDict) -> dict[str, Any]:
    """Return an event as recorded, with `files` added: what its diff and its effect changed."""
    changed = {key: [file_json(file) for file in files(recorded(event, key) or b"")] for key in ("diff", "effect")}
    return {**event, "files": changed}
