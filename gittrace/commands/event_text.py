"""One event in full."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from gittrace.commands import display
from gittrace.commands.diff_text import coloured, recorded
from gittrace.commands.display import Screen, safe, safe_lines
from gittrace.commands.entry import body
from gittrace.model.trace import Segment, Trace
from gittrace.vocabulary import COMMAND, COMMIT

EventDict = Mapping[str, Any]
_SECTIONS = (("diff", "What led to it:"), ("effect", "What it changed:"))


def event_text(
    trace: Trace, segment: Segment, event: EventDict, names: Mapping[str, str], screen: Screen
) -> Iterator[str]:
    """Yield all that is known of an event; `names` is what to call commits."""
    yield screen.paint(f"event {safe(str(event.get('id', '')))}", display.YELLOW)
    for label, value in _fields(trace, segment, event, names, screen):
        yield f"{label + ':':<11}{value}"
    for key in ("reasoning", "text"):
        if event.get(key):
            yield ""
            yield from (f"    {line}".rstrip() for line in safe_lines(str(event[key])))
    if event.get("kind") == COMMAND:
        yield ""
        yield f"    {screen.paint('$', display.DIM)} {screen.paint(_command(event), display.BOLD)}"
        if event.get("stdout"):
            yield from (f"    {line}".rstrip() for line in safe_lines(str(event["stdout"])))
    for key, title in _SECTIONS:
        yield from _diff(event, key, title, screen)


def _command(event: EventDict) -> str:
    return "\n      ".join(safe_lines(str(event.get("command") or "")))


def _fields(
    trace: Trace, segment: Segment, event: EventDict, names: Mapping[str, str], screen: Screen
) -> Iterator[tuple[str, str]]:
    """Yield the labelled facts, those that are not known left out."""
    title = f" {display.one_line(trace.title)}" if trace.title else ""
    yield "Trace", display.short_id(trace.id) + title
    agent = display.agent_name(segment.header.get("agent"))
    yield "Session", f"{display.short_id(segment.session_id)} by {agent}"
    yield "Date", display.local_time(event.get("at"))
    kind = str(event.get("kind", ""))
    if kind != COMMAND:
        yield "Kind", safe(kind) if kind != COMMIT else body(event, names)
    yield from _place(event, names)
    if kind == COMMAND:
        yield "Status", _status(event, screen)
    if results := display.tests(event.get("results")):
        framework = event["results"].get("framework")
        said = screen.paint(results, display.tests_colour(event["results"]))
        yield "Tests", f"{safe(str(framework))}: {said}" if framework else said
    if event.get("about"):
        yield "About", safe(str(event["about"]))
    if event.get("path"):
        yield "Path", safe(str(event["path"])) + (f" ({safe(str(event['tool']))})" if event.get("tool") else "")
    trees = [safe(str(event[key])) for key in ("tree", "tree_after") if event.get(key)]
    if trees:
        yield "Snapshot", " -> ".join(dict.fromkeys(trees))
    for number, item in enumerate(_skipped(event)):
        yield "" if number else "Left out", item
    for number, commit in enumerate(segment.commits):
        yield "" if number else "Noted on", names.get(commit, commit[:7])


def _place(event: EventDict, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    head = event.get("head")
    at = f" at {names.get(str(head), str(head)[:7])}" if head else ""
    if event.get("branch") or head:
        yield "Branch", safe(f"{event.get('branch') or '(detached)'}{at}")
    if event.get("cwd") not in (None, "."):
        yield "Directory", safe(str(event["cwd"]))


def _status(event: EventDict, screen: Screen) -> str:
    mark, colour = display.verdict(event)
    if event.get("signal"):
        said = f"killed by SIG{mark}" if mark.isalpha() else f"killed by signal {event['signal']}"
    else:
        said = f"exit {mark}" if mark != "?" else "not known"
    took = display.duration(event.get("duration_ms"))
    return screen.paint(said, colour) + (f" after {took}" if took else "")


def _skipped(event: EventDict) -> Sequence[str]:
    items = event.get("skipped")
    known = [item for item in items if isinstance(item, Mapping)] if isinstance(items, list) else []
    return [safe(f"{item.get('path')} ({item.get('reason')})") for item in known]


def _diff(event: EventDict, key: str, title: str, screen: Screen) -> Iterator[str]:
    omitted = event.get(f"{key}_omitted")
    if isinstance(omitted, Mapping):
        yield ""
        yield screen.paint(title, display.BOLD)
        yield f"    {safe(str(omitted.get('bytes')))} bytes of diff, not recorded for their size"
        yield safe(f"    (git diff {omitted.get('from')} {omitted.get('to')})")
        return
    diff = recorded(event, key)
    if diff:
        yield ""
        yield screen.paint(title, display.BOLD)
        yield ""
        yield from coloured(diff, screen)
