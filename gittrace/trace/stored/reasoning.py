"""Why an event happened, in words: its own, those of the agent's message that led to it, and what was noted later."""

from collections.abc import Iterable

from gittrace.errors import TraceError
from gittrace.model.trace import EventDict, Session, Trace
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import COMMIT, NOTE, PROMPT, REPLY, REWRITE


def reasons(store: Store, events: Iterable[tuple[str, str]]) -> dict[str, tuple[EventDict, str]]:
    """Return by id the events asked for by (trace, event), each with its reasoning; what can't be read is left out."""
    wanted: dict[str, set[str]] = {}
    for trace_id, event_id in events:
        wanted.setdefault(trace_id, set()).add(event_id)
    found: dict[str, tuple[EventDict, str]] = {}
    for trace_id, ids in wanted.items():
        try:
            trace = store.load(trace_id)
        except TraceError as error:
            store.problems.append(str(error))
            continue
        for session in trace.sessions:
            for event in session.events:
                if event.get("id") in ids:
                    found[str(event["id"])] = event, reasoning_of(trace, session, event)
    return found


def reasoning_of(trace: Trace, session: Session, event: EventDict) -> str:
    """Return the reasoning of an event; empty when none was given."""
    texts = [event.get("reasoning")]
    if not texts[0] and (reply := _reply(session, event)) is not None:
        texts += [reply.get("reasoning"), reply.get("text")]
    texts += [other.get("text") for other in trace.events if other["kind"] == NOTE and _is_about(other, event)]
    return "\n\n".join(str(text) for text in texts if text)


def _is_about(note: EventDict, event: EventDict) -> bool:
    return note.get("about") is not None and note.get("about") == event.get("id")


def _reply(session: Session, event: EventDict) -> EventDict | None:
    """Return the agent's message that an event belongs to: the one that it names, or the last one before it."""
    if not event.get("tool_call_id") and not event.get("parent"):
        return None
    last: EventDict | None = None
    for other in session.events:
        if other["kind"] == REPLY and other.get("id") == event.get("parent"):
            return other
        if other is event:
            return last
        if other["kind"] == REPLY:
            last = other
        elif other["kind"] == PROMPT:
            last = None
    return None


def around(session: Session, event: EventDict, count: int = 3) -> list[EventDict]:
    """Return an event with those around it that say what was done: at most `count` before and after."""
    events = [other for other in session.events if other is event or other["kind"] not in (NOTE, REWRITE, COMMIT)]
    at = next(number for number, other in enumerate(events) if other is event)
    return events[max(at - count, 0) : at + count + 1]
