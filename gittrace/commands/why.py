"""git trace why."""

import argparse
from collections.abc import Iterator
from typing import Any

from gittrace.commands import display
from gittrace.commands.blame import commit_time, line_json
from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen, safe, safe_lines
from gittrace.commands.entry import event_lines
from gittrace.commands.event_text import event_text
from gittrace.commands.options import warn_of_problems
from gittrace.commands.pager import output
from gittrace.errors import NotFound, UsageError
from gittrace.git.repository import discover
from gittrace.model.trace import EventDict, Segment, Session, Trace
from gittrace.text import decode
from gittrace.trace.authorship.blame import Explained, asking, explain, path_from_top
from gittrace.trace.stored.reasoning import around, reasoning_of
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import EXIT_NEGATIVE

DESCRIPTION = """\
Show why a line is there: the event that first wrote it, with its reasoning and its diff, and the commands before and
after it with their exit status. Exits with 1 when no recorded event wrote it."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)
    parser.add_argument("place", metavar="FILE:LINE", help="the line")
    parser.add_argument(
        "revision", nargs="?", metavar="REV", help="as of this commit; the worktree's file, if left out"
    )


def run(args: argparse.Namespace) -> int:
    """Explain."""
    path, number = _place(args.place)
    store = Store(discover())
    try:
        with asking(store) as answers:
            (found,) = explain(answers, path_from_top(store.repo, path), args.revision, [f"{number},{number}"])
        place = _event(store, found) if found.line else None
        if args.json:
            print_json(_json(found, place))
        else:
            with output(store.repo, "why") as screen:
                for line in _lines(found, place, screen):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0 if place else EXIT_NEGATIVE


def _place(text: str) -> tuple[str, int]:
    path, _, number = text.rpartition(":")
    if not (path and number.isascii() and number.isdecimal() and int(number)):
        raise UsageError(f"'{text}' is no line of a file", "usage: git trace why FILE:LINE [REV]")
    return path, int(number)


_Found = tuple[Trace, Session, Segment, EventDict]


def _event(store: Store, found: Explained) -> _Found:
    assert found.line
    writer = found.line.writer
    trace = store.load(writer.trace_id)
    for session in trace.sessions:
        for segment in session.segments:
            for event in segment.events:
                if event.get("id") == writer.event_id:
                    return trace, session, segment, event
    raise NotFound(f"event '{writer.event_id}' is in a segment that can't be read")


def _lines(found: Explained, place: _Found | None, screen: Screen) -> Iterator[str]:
    source = found.blamed.source
    yield screen.paint(f"line {found.blamed.line}", display.YELLOW) + f" {safe(decode(found.blamed.text))}"
    if source.committed:
        yield f"Commit:    {source.commit[:8]} {safe(source.summary)} ({safe(source.author)}, {commit_time(source)})"
    if place is None:
        yield ""
        yield "No recorded event wrote it, as far as this clone knows."
        return
    assert found.line
    if found.line.original is not None:
        yield f"Written:   {safe(decode(found.line.original))}"
    trace, session, segment, event = place
    yield ""
    yield from event_text(trace, segment, event, {}, screen)
    reasoning = reasoning_of(trace, session, event)
    if reasoning and not event.get("reasoning"):
        yield ""
        yield screen.paint("Reasoning:", display.BOLD)
        yield from (f"    {line}".rstrip() for line in safe_lines(reasoning))
    yield ""
    yield screen.paint("Around it:", display.BOLD)
    for other in around(session, event):
        mark = ">" if other is event else " "
        for number, line in enumerate(event_lines(other, {}, screen, False)):
            yield f"{mark}{line[1:]}" if number == 0 else line


def _json(found: Explained, place: _Found | None) -> dict[str, Any]:
    shown = line_json(found)
    if place is None:
        return shown | {"recorded": None, "reasoning": None, "around": []}
    trace, session, _, event = place
    return shown | {
        "recorded": event,
        "reasoning": reasoning_of(trace, session, event) or None,
        "around": [{key: other.get(key) for key in _AROUND} for other in around(session, event)],
    }


_AROUND = ("id", "kind", "at", "command", "exit_code", "signal", "duration_ms", "text", "path", "results")
