"""What led to a commit: the events noted on it, or where nothing is noted, the traces whose work is in it."""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any

from gittrace.commands import display
from gittrace.commands.display import Screen, percent, safe
from gittrace.commands.entry import names_of, session_lines
from gittrace.commands.overview import SessionView, commit_views
from gittrace.commands.show_trace import event_json, segments_json, stat_lines
from gittrace.commands.signed_text import summary_lines
from gittrace.errors import TraceError
from gittrace.git.described import describe
from gittrace.model.trace import Link, Segment, Trace
from gittrace.trace.stored.signed import standings
from gittrace.trace.stored.store import Store

# the same files at the same time are no answer to what led to a commit
_PROVED = ("tool_emitted", "tool_emitted_with_divergence")


def commit_text(store: Store, commit: str, screen: Screen) -> Iterator[str]:
    """Yield a commit's name, then each trace that led to it with its events."""
    known = describe(store.repo, [commit])
    yield screen.paint(f"commit {commit}", display.YELLOW)
    if commit in known:
        yield f"Subject: {safe(known[commit].subject)}"
    noted = noted_on(store, commit)
    details = partial(stat_lines, screen=screen)
    for trace in noted:
        names = names_of(commit_views(store, [trace.id])[trace.id])
        yield ""
        yield from _trace_head(trace, "", screen)
        yield from summary_lines(standings(store, trace.id, segments_on(trace, commit)), screen)
        yield ""
        for segment in segments_on(trace, commit):
            yield from session_lines(_view(segment), names, screen, False, details, True)
    if noted:
        return
    links = linked_to(store, commit)
    for trace, link in links:
        yield ""
        yield from _trace_head(trace, f" ({_words(link)})", screen)
    if not links:
        yield ""
        yield "No trace led to it, as far as this clone knows."


def _trace_head(trace: Trace, more: str, screen: Screen) -> Iterator[str]:
    yield screen.paint(f"trace {trace.id}", display.YELLOW) + more
    if trace.title:
        yield f"Title:   {screen.paint(display.one_line(trace.title), display.BOLD)}"
    yield f"Author:  {', '.join(map(display.agent_name, trace.agents))}"


def _words(link: Link) -> str:
    how = "made" if link.tier == "tool_emitted" else "was changed into"
    return f"{how} {percent(link.share)} of the commit"


def _view(segment: Segment) -> SessionView:
    header = segment.header
    events = tuple(map(dict, segment.events))
    return SessionView(segment.session_id, str(header.get("at", "")), header.get("agent"), header.get("branch"), events)


def noted_on(store: Store, commit: str) -> list[Trace]:
    """Return the traces of which a segment is noted on a commit, the one that began first first."""
    found = []
    for trace in store.index.traces_of(commit):
        try:
            found.append(store.load(trace))
        except TraceError as error:
            store.problems.append(str(error))
    return sorted(found, key=lambda trace: trace.started)


def segments_on(trace: Trace, commit: str) -> list[Segment]:
    """Return the segments of a trace that are noted on a commit."""
    return [segment for segment in trace.segments if commit in segment.commits]


def linked_to(store: Store, commit: str) -> list[tuple[Trace, Link]]:
    """Return the traces whose work is in a commit by the evidence of its content, the strongest first."""
    from gittrace.trace.history.outcome import Historian

    found = []
    for trace, link in Historian(store, ()).links_to(commit):
        if link.tier in _PROVED:
            found.append((store.load(trace), link))
    return found


def _with_json(store: Store, trace: Trace, commit: str) -> Iterable[tuple[Segment, dict[str, Any]]]:
    segments = segments_on(trace, commit)
    return zip(segments, segments_json(store, trace.id, segments), strict=True)


def commit_json(store: Store, commit: str) -> dict[str, Any]:
    """Return a commit for `--json`: its traces, each with the segments and events noted on it, or its link."""
    noted = noted_on(store, commit)
    traces: list[dict[str, Any]] = [
        {
            "trace_id": trace.id,
            "title": trace.title or None,
            "segments": [
                shown | {"events": [event_json(event) for event in segment.events]}
                for segment, shown in _with_json(store, trace, commit)
            ],
        }
        for trace in noted
    ]
    for trace, link in [] if noted else linked_to(store, commit):
        share = {"tier": link.tier, "share": link.share, "evidence": list(link.evidence)}
        traces.append({"trace_id": trace.id, "title": trace.title or None, "segments": [], "link": share})
    return {"commit": commit, "traces": traces}
