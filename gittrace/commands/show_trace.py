"""A trace or a session in full: its entry, with reasoning and with what each event changed."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from gittrace.commands import display
from gittrace.commands.diff_text import file_json, files, recorded, stat
from gittrace.commands.display import Screen
from gittrace.commands.entry import entry
from gittrace.commands.history_text import fate_json, head_lines, link_json
from gittrace.commands.overview import Overview, commit_json, commit_views, overview, overview_json
from gittrace.commands.signed_text import summary_lines
from gittrace.model.trace import EventDict, Segment, Trace
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.names import Target
from gittrace.trace.stored.signed import Standing, standing_json, standings
from gittrace.trace.stored.store import Store

# where the durations of events end, and where their text begins
_LABEL = 36
_BODY = 38


def trace_text(store: Store, target: Target, screen: Screen) -> Iterator[str]:
    """Yield the lines of a trace, or of the one session that `target` names."""
    trace = store.load(target.trace_id)
    view = full_overview(store, trace, target)
    commits = commit_views(store, [trace.id])[trace.id]
    historian = Historian(store, [trace])
    more = [*head_lines(historian.fate(trace.id), historian.links(trace.id), screen)]
    more += summary_lines(standings(store, trace.id, _segments(trace, target)), screen)
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
        "segments": segments_json(store, trace.id, _segments(trace, target)),
        "events": events,
    }


def _segments(trace: Trace, target: Target) -> list[Segment]:
    return [item for item in trace.segments if target.kind != "session" or item.session_id == target.id]


def segments_json(store: Store, trace_id: str, segments: Sequence[Segment]) -> list[dict[str, Any]]:
    """Return segments of a trace for `--json`: where each lies, how it is signed, and its header."""
    signed = {segment.sha256: standing for segment, standing in standings(store, trace_id, segments)}
    return [
        {
            "session_id": segment.session_id,
            "index": segment.index,
            "sha256": segment.sha256 or None,
            "noted_on": list(segment.commits),
            **standing_json(signed.get(segment.sha256, Standing())),
            "header": segment.header,
        }
        for segment in segments
    ]


def event_json(event: EventDict) -> dict[str, Any]:
    """Return an event as recorded, with `files` added: what its diff and its effect changed."""
    changed = {key: [file_json(file) for file in files(recorded(event, key) or b"")] for key in ("diff", "effect")}
    return {**event, "files": changed}
