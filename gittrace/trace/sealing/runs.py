"""The runs of a session's events that can be sealed: each ends at a commit, or at a stop. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass

from gittrace.journal.read import Event
from gittrace.vocabulary import COMMAND, COMMIT, SESSION, STOP


@dataclass
class Run:
    """Events that end at a commit, at a stop, or nowhere yet (`commit` None and not `stopped`)."""

    events: list[Event]
    end: int
    commit: str | None = None
    stopped: bool = False


def runs_of(events: list[Event], ends: list[int], stopped: bool) -> Iterator[Run]:
    """Yield what can be sealed; `stopped`: all of it, since what follows a stop is a command that outlived it.

    A command whose commits were journaled before it ends a run too, on the last of them.
    """
    run: list[Event] = []
    for event, end in zip(events, ends, strict=True):
        if event["kind"] == SESSION:
            continue
        run.append(event)
        if event["kind"] == COMMIT:
            yield Run(run, end, commit=event["commit"])
            run = []
        elif event["kind"] == STOP:
            yield Run(run, end, stopped=True)
            run, stopped = [], True
        elif is_after(event, -1, events):
            yield Run(run, end, commit=event["commits"][-1], stopped=stopped)
            run = []
    if run and stopped:
        yield Run(run, ends[-1], stopped=True)


def is_after(event: Event, number: int, events: list[Event]) -> bool:
    """Tell whether a command made commits and one of them, by its number, was journaled before it."""
    if event["kind"] != COMMAND or not event.get("commits"):
        return False
    later = (item["commit"] for item in events[events.index(event) :] if item["kind"] == COMMIT)
    return event["commits"][number] not in later
