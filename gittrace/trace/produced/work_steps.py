"""The events of a trace in the order of time, with what HEAD was around each."""

from typing import NamedTuple

from gittrace.git.objects import ObjectStore
from gittrace.model.trace import EventDict, Session, Trace, heads
from gittrace.trace.produced.bringing import borrowed_of
from gittrace.trace.produced.work import microseconds


class WorkStep(NamedTuple):
    """An event in its place; a session's header comes at the beginning of every segment.

    before       HEAD after the event before
    head, after  HEAD before and after this one
    following    HEAD at the next one
    """

    at: int
    event: EventDict
    session: Session
    segment: int
    before: str | None
    head: str | None
    after: str | None
    following: str | None


def steps_of(trace: Trace) -> list[WorkStep]:
    """Return the events of a trace in the order of time: sessions may go on side by side."""
    steps = []
    for session in trace.sessions:
        items = [(segment, event) for segment in session.segments for event in (segment.header, *segment.events)]
        around = [heads(event) for _, event in items]
        latest = 0
        for number, (segment, event) in enumerate(items):
            # every header has the time of the session's start
            latest = max(latest, microseconds(event.get("at")))
            head, after = around[number]
            before, following = around[max(number - 1, 0)][1], around[min(number + 1, len(around) - 1)][0]
            steps.append(WorkStep(latest, event, session, segment.index, before, head, after, following))
    return sorted(steps, key=lambda step: step.at)


def lent_of(trace: Trace, store: ObjectStore) -> dict[str, tuple[str, ...]]:
    """Return by event the commits of others from which it may have taken lines, where there are any."""

    def time(oid: str) -> int | None:
        return store.commit(oid).committer.time if store.kind(oid) == "commit" else None

    pairs = (zip(session.events, borrowed_of(session.events, time), strict=True) for session in trace.sessions)
    return {str(event["id"]): lent for found in pairs for event, lent in found if lent}
