"""git trace show."""

import argparse
import os
import sys
from collections.abc import Iterator

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen, safe_lines
from gittrace.commands.entry import names_of
from gittrace.commands.event_text import event_text
from gittrace.commands.events import find_event
from gittrace.commands.kept_output import write_output
from gittrace.commands.options import newest_trace, warn_of_problems
from gittrace.commands.overview import commit_views
from gittrace.commands.pager import output
from gittrace.commands.show_commit import commit_json, commit_text
from gittrace.commands.show_trace import trace_json, trace_text
from gittrace.errors import UsageError
from gittrace.git.repository import discover
from gittrace.trace.stored.names import Target, resolve
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Show a trace or session with its reasoning and the files that each event changed; an event with all that is known of it;
or a commit with the events that led to it. Without a name it is the active trace, or else the newest one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("--output", action="store_true", help="write only what the command printed, all of it")
    json_option(parser)
    parser.add_argument("name", nargs="?", metavar="TRACE|SESSION|EVENT|COMMIT", help="what to show")


def run(args: argparse.Namespace) -> int:
    """Show."""
    store = Store(discover())
    try:
        target = resolve(store, args.name) if args.name else newest_trace(store)
        if args.output:
            _output(store, target)
        elif args.json:
            print_json(_json(store, target))
        else:
            with output(store.repo, "show") as screen:
                for line in _lines(store, target, screen):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def _lines(store: Store, target: Target, screen: Screen) -> Iterator[str]:
    if target.kind == "commit":
        return commit_text(store, target.id, screen)
    if target.kind == "event":
        trace, segment, event = find_event(store, target)
        names = names_of(commit_views(store, [trace.id])[trace.id])
        return event_text(trace, segment, event, names, screen)
    return trace_text(store, target, screen)


def _json(store: Store, target: Target) -> dict[str, object]:
    if target.kind == "commit":
        return commit_json(store, target.id)
    if target.kind == "event":
        trace, segment, event = find_event(store, target)
        place = {"trace_id": trace.id, "session_id": segment.session_id, "noted_on": list(segment.commits)}
        return place | {"event": event}
    return trace_json(store, target)


def _output(store: Store, target: Target) -> None:
    if target.kind != "event":
        raise UsageError(f"--output needs an event, not a {target.kind}", "usage: git trace show --output EVENT")
    trace, _, event = find_event(store, target)
    if os.isatty(1):
        # on a terminal what a command printed might do anything
        kept: list[bytes] = []
        write_output(store, trace.id, event, kept.append)
        with output(store.repo, "show"):
            for line in safe_lines(b"".join(kept).decode("utf-8", "backslashreplace")):
                print(line)
        return
    sys.stdout.flush()
    write_output(store, trace.id, event, sys.stdout.buffer.write)
