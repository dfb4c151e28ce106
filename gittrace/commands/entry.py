"""The entry of a trace in `log` and `show`: a head as git's commits have one, then its events, one per line."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from gittrace.commands import display
from gittrace.commands.display import Screen, first_line, one_line, safe, short_event
from gittrace.commands.overview import CommitView, Overview, SessionView, pairs_of
from gittrace.vocabulary import COMMAND, COMMIT, EDIT, NOTE, PROMPT, REPLY, REWRITE, STOP

EventDict = Mapping[str, Any]
Details = Callable[[EventDict], Iterator[str]]

# id, time, exit status and duration, with the gaps between them
_BODY = 38
_SHORT_OID = 7
_TALK = (NOTE, PROMPT, REPLY)
_STATE_COLOURS = {"rewritten": display.DIM, "unreachable": display.RED, "gone": display.RED}


def entry(
    view: Overview,
    commits: Sequence[CommitView],
    screen: Screen,
    details: Details | None = None,
    full: bool = False,
    more: Iterable[str] = (),
) -> Iterator[str]:
    """Yield the lines of a trace's entry.

    `details` yields more about an event, `full` has reasoning in full, `more` are lines below the head's.
    """
    mark = screen.paint(" (active)", display.CYAN) if view.active else ""
    yield screen.paint(f"trace {view.id}", display.YELLOW) + mark
    yield from head(view, commits, screen)
    yield from more
    for session in view.sessions:
        yield ""
        yield from session_lines(session, names_of(commits), screen, len(view.sessions) > 1, details, full)


def names_of(commits: Sequence[CommitView]) -> dict[str, str]:
    """Return what to call commits in the lines of events: short name and subject, by oid."""
    return {item.oid: f"{item.described.short} {item.described.subject}" for item in commits if item.described}


def head(view: Overview, commits: Sequence[CommitView], screen: Screen) -> Iterator[str]:
    """Yield title, who worked, when, and the commits."""
    if view.title:
        yield f"Title:   {screen.paint(one_line(view.title), display.BOLD)}"
    agents = list(dict.fromkeys(display.agent_name(session.agent) for session in view.sessions))
    yield f"Author:  {', '.join(agents)}"
    yield f"Date:    {display.local_time(view.started)}"
    if view.success is not None:
        said = screen.paint("success", display.GREEN) if view.success else screen.paint("failure", display.RED)
        reason = first_line((view.stop or {}).get("reason") or "")
        yield f"Result:  {said}{f': {reason}' if reason else ''}"
    for number, item in enumerate(commits):
        yield f"{'' if number else 'Commits:':<9}{commit_line(item, screen)}"


def commit_line(item: CommitView, screen: Screen) -> str:
    """Return a commit's short name, its subject, and what became of it unless it is reachable."""
    oid = item.described.short if item.described else item.oid[:_SHORT_OID]
    subject = f" {safe(item.described.subject)}" if item.described else ""
    state = f" ({item.state})" if item.state != "reachable" else ""
    return screen.paint(oid, display.YELLOW) + subject + screen.paint(state, _STATE_COLOURS.get(item.state, ""))


def session_lines(
    session: SessionView,
    names: Mapping[str, str],
    screen: Screen,
    titled: bool,
    details: Details | None = None,
    full: bool = False,
) -> Iterator[str]:
    """Yield the events of a session, under a line of its own when it is `titled`."""
    if titled:
        branch = f" on {safe(session.branch)}" if session.branch else ""
        said = f"{display.local_time(session.started)}  {display.agent_name(session.agent)}{branch}"
        yield f"  {screen.paint(f'session {display.short_id(session.id)}', display.YELLOW)}  {said}"
        yield ""
    day = display.local_day(session.started)
    for event in session.events:
        now = display.local_day(event.get("at"))
        if now and now != day:
            yield f"    {screen.paint(now, display.DIM)}"
            day = now
        yield from event_lines(event, names, screen, full)
        if details:
            yield from details(event)


def event_lines(event: EventDict, names: Mapping[str, str], screen: Screen, full: bool) -> Iterator[str]:
    """Yield the line of an event, and its reasoning below it: the first line of that, or all when `full`."""
    command = event.get("kind") == COMMAND
    mark, colour = display.verdict(event) if command else ("", "")
    took = display.duration(event.get("duration_ms"))
    columns = (
        screen.paint(short_event(str(event.get("id", ""))), display.YELLOW),
        display.clock(event.get("at")),
        screen.paint(f"{mark:>4}", colour) if mark else " " * 4,
        screen.paint(f"{took:>6}", display.DIM) if took else " " * 6,
    )
    results = display.tests(event.get("results"))
    said = str(event["kind"]) if full and event.get("kind") in _TALK else body(event, names)
    text = screen.cut(said, _BODY + (len(results) + 4 if results else 0))
    tail = f"  ({screen.paint(results, display.tests_colour(event['results']))})" if results else ""
    yield f"    {'  '.join(columns)}  {_painted(event, text, screen)}{tail}"
    for text in _texts(event, full):
        for line in display.safe_lines(text) if full else [screen.cut(first_line(text), _BODY)]:
            yield f"{' ' * _BODY}{screen.paint(line, display.DIM)}".rstrip()


def _texts(event: EventDict, full: bool) -> Iterator[str]:
    """Yield what goes below the line of an event."""
    if event.get("reasoning"):
        yield str(event["reasoning"])
    if full and event.get("kind") in _TALK and event.get("text"):
        yield str(event["text"])


def _painted(event: EventDict, text: str, screen: Screen) -> str:
    if event.get("kind") == COMMAND:
        return screen.paint(text[:1], display.DIM) + text[1:]
    word, space, rest = text.partition(" ")
    return screen.paint(word, display.CYAN) + space + rest


def body(event: EventDict, names: Mapping[str, str]) -> str:
    """Return in one line what an event was: `$ pytest -q`, `commit 1a2b3c4 fix it`, `stop (success)`."""
    kind = str(event.get("kind", "event"))
    write = _BODIES.get(kind)
    return (
        f"$ {first_line(event.get('command') or '')}"
        if kind == COMMAND
        else safe(f"{kind} {write(event, names)}".rstrip() if write else kind)
    )


def _commit(event: EventDict, names: Mapping[str, str]) -> str:
    oid = str(event.get("commit", ""))
    return names.get(oid, oid[:_SHORT_OID])


def _rewrite(event: EventDict, _: Mapping[str, str]) -> str:
    pairs = [f"{old[:_SHORT_OID]} to {new[:_SHORT_OID]}" for old, new in pairs_of(event)]
    more = f" and {len(pairs) - 3} more" if len(pairs) > 3 else ""
    return f"({event.get('cause') or 'unknown'}) {', '.join(pairs[:3])}{more}"


def _stop(event: EventDict, _: Mapping[str, str]) -> str:
    success = event.get("success")
    said = ("(success)" if success else "(failure)") if isinstance(success, bool) else ""
    reason = first_line(event.get("reason") or "")
    return f"{said}{': ' if said and reason else ''}{reason}"


def _edit(event: EventDict, _: Mapping[str, str]) -> str:
    tool = f"({event['tool']})" if event.get("tool") else ""
    return f"{event.get('path') or ''} {tool}".strip()


def _text(event: EventDict, _: Mapping[str, str]) -> str:
    return first_line(event.get("text") or "")


_BODIES: dict[str, Callable[[EventDict, Mapping[str, str]], str]] = {
    COMMIT: _commit,
    REWRITE: _rewrite,
    STOP: _stop,
    EDIT: _edit,
    PROMPT: _text,
    REPLY: _text,
    NOTE: _text,
}


def oneline(view: Overview, commits: Sequence[CommitView], screen: Screen) -> str:
    """Return an entry as a line: short id, title, and in brackets its state and the commits that are reachable."""
    oids = [item.described.short for item in commits if item.described and item.described.reachable]
    said = ", ".join([view.state, *oids])
    title = screen.cut(one_line(view.title) or "(no title)", len(view.short) + len(said) + 4)
    return f"{screen.paint(view.short, display.YELLOW)} {title} {screen.paint(f'({said})', display.DIM)}"
