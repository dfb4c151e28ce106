"""git trace blame."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import groupby
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gittrace.commands import display
from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen, safe, safe_lines, short_event, short_id
from gittrace.commands.entry import body
from gittrace.commands.options import warn_of_problems
from gittrace.commands.pager import output
from gittrace.git.blame import Source
from gittrace.git.repository import discover
from gittrace.model.attribution import HUMAN, MIXED
from gittrace.text import decode
from gittrace.trace.authorship.blame import Explained, asking, explain, path_from_top
from gittrace.trace.stored.store import Store

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Show for each line of a file the commit that it came from, as git blame does, and the trace and event that first wrote
it, through moves and changes of white space. Lines that no event wrote are shown with the author of their commit."""

_SHORT_COMMIT = 8
_LONGEST_NAME = 20


def parse_fast(argv: list[str]) -> SimpleNamespace | None:
    """Parse `[--json] FILE [REV]` without argparse, which takes milliseconds to load; None for the rest."""
    as_json = argv[:1] == ["--json"]
    words = argv[as_json:]
    if not 1 <= len(words) <= 2 or any(word.startswith("-") for word in words):
        return None
    file, revision = [*words, None][:2]
    return SimpleNamespace(file=file, revision=revision, spans=[], verbose=False, json=as_json)


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """Declare options and arguments."""
    lines = "show only these lines, as git blame takes them: START,END or :FUNCTION"
    parser.add_argument("-L", dest="spans", action="append", default=[], metavar="RANGE", help=lines)
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show each event and its reasoning above its lines"
    )
    json_option(parser)
    parser.add_argument("file", metavar="FILE", help="the file")
    parser.add_argument(
        "revision", nargs="?", metavar="REV", help="as of this commit; the worktree's file, if left out"
    )


def run(args: "SimpleNamespace | argparse.Namespace") -> int:
    """Blame."""
    store = Store(discover())
    try:
        with asking(store) as answers:
            found = explain(answers, path_from_top(store.repo, args.file), args.revision, args.spans)
            known: Mapping[str, tuple[Any, str]] = {}
            if args.verbose:
                # traces are unpacked for it, which an answer that is remembered needs not
                from gittrace.trace.stored.reasoning import reasons

                known = reasons(store, writers_of(found))
            if args.json:
                print_json([line_json(item, known if args.verbose else None) for item in found])
            else:
                with output(store.repo, "blame") as screen:
                    for line in lines(found, screen, known):
                        print(line)
            sys.stdout.flush()
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def writers_of(found: Sequence[Explained]) -> list[tuple[str, str]]:
    """Return (trace, event) of the events that wrote lines, each once."""
    writers = (item.line.writer for item in found if item.line)
    return list(dict.fromkeys((writer.trace_id, writer.event_id) for writer in writers))


def lines(found: Sequence[Explained], screen: Screen, known: Mapping[str, tuple[Any, str]]) -> Iterator[str]:
    """Yield the lines of the file, aligned; above those of an event in `known` what it was and why."""
    names = {name_of(item) for item in found}
    width = min(max(map(len, names), default=0), _LONGEST_NAME)
    digits = max((len(str(item.blamed.line)) for item in found), default=1)
    # the same for many lines
    origins: dict[tuple[int, int], str] = {}
    for event, group in groupby(found, key=lambda item: item.line.writer.event_id if item.line else ""):
        if event in known:
            yield from _why(*known[event], screen)
        for item in group:
            key = id(item.blamed.source), id(item.line.writer) if item.line else 0
            if key not in origins:
                origins[key] = _origin(item, screen, width)
            text = safe(decode(item.blamed.text).removesuffix("\r"))
            yield f"{origins[key]} {item.blamed.line:>{digits}}) {text}".rstrip()


def _why(event: Mapping[str, Any], reasoning: str, screen: Screen) -> Iterator[str]:
    yield screen.paint(f"  {short_event(str(event.get('id', '')))}  {body(event, {})}", display.BOLD)
    for line in safe_lines(reasoning) if reasoning else ():
        yield screen.paint(f"            {line}", display.DIM).rstrip()


def _origin(item: Explained, screen: Screen, width: int) -> str:
    """Return what stands before a line's number."""
    source = item.blamed.source
    commit = ("^" if source.boundary else "") + source.commit
    oid = screen.paint(commit[:_SHORT_COMMIT], display.YELLOW if source.committed else display.DIM)
    writer = item.line.writer if item.line else None
    ids = f"{short_id(writer.trace_id)} {short_event(writer.event_id)}" if writer else " " * 17
    name = name_of(item)[:width].ljust(width)
    colour = display.CYAN if writer and writer.who != HUMAN else ""
    return f"{oid} {ids} ({screen.paint(name, colour)} {_date(item)}"


def name_of(item: Explained) -> str:
    """Return who wrote a line: the agent, or for a person the author of the commit, or one and the other."""
    writer = item.line.writer if item.line else None
    if writer and writer.who == MIXED:
        return safe(f"{writer.agent}+{item.blamed.source.author}")
    if writer and writer.agent != HUMAN:
        return safe(writer.agent)
    return safe(item.blamed.source.author)


def _date(item: Explained) -> str:
    return display.local_time(item.line.writer.at) if item.line else commit_time(item.blamed.source)


def commit_time(source: Source) -> str:
    """Return the author's time of a commit, in the author's zone, as git blame shows it."""
    sign = -1 if source.zone.startswith("-") else 1
    digits = source.zone.lstrip("+-").rjust(4, "0")
    minutes = sign * (int(digits[:-2]) * 60 + int(digits[-2:])) if digits.isdecimal() else 0
    zone = timezone(timedelta(minutes=max(min(minutes, 1439), -1439)))
    return datetime.fromtimestamp(source.time, zone).strftime("%Y-%m-%d %H:%M:%S %z")


def line_json(item: Explained, known: Mapping[str, tuple[Any, str]] | None = None) -> dict[str, Any]:
    """Return a line as `--json` shows it (doc/JSON.md)."""
    source = item.blamed.source
    shown: dict[str, Any] = {
        "line": item.blamed.line,
        "text": decode(item.blamed.text),
        "commit": source.commit if source.committed else None,
        "path": decode(source.path),
        "source_line": item.blamed.source_line,
        "author": source.author,
        "summary": source.summary,
        "boundary": source.boundary,
        "event": None,
    }
    if item.line:
        writer = item.line.writer
        shown["event"] = {
            "trace_id": writer.trace_id,
            "session_id": writer.session_id,
            "event_id": writer.event_id,
            "at": writer.at,
            "part": writer.part,
            "contributor": writer.who,
            "agent": writer.agent,
            "confidence": item.line.sure,
            "original": None if item.line.original is None else decode(item.line.original),
        }
        if known is not None and writer.event_id in known:
            event, reasoning = known[writer.event_id]
            shown["event"] |= {"command": event.get("command"), "reasoning": reasoning or None}
    return shown
