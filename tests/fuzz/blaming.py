"""Whether the lines at HEAD, and those of the worktree, are said to be who wrote them."""

import os
from collections.abc import Iterator
from random import Random

from gittrace.trace.authorship.blame import Explained, asking, explain
from gittrace.trace.stored.store import Store
from tests.fuzz.model import verbatim
from tests.fuzz.world import Desk

# files that are looked at in one check
_MOST = 4
# by path and revision (None: the worktree): the lines
Blamed = dict[tuple[bytes, str | None], list[Explained]]


def blame_files(desk: Desk, store: Store, rng: Random) -> Blamed:
    """Blame some files, as they are at HEAD or in the worktree."""
    names = [os.fsencode(name) for name in desk.ask("ls-files", "-z").split("\0") if name]
    committed = {os.fsencode(name) for name in desk.ask("ls-tree", "-rz", "--name-only", "HEAD").split("\0")}
    here = [name for name in names if os.path.isfile(os.path.join(os.fsencode(desk.repo.top), name))]
    found: Blamed = {}
    for name in rng.sample(here, min(len(here), _MOST)):
        if name in committed:
            revision = rng.choice(("HEAD", None))
            with asking(store) as answers:
                found[name, revision] = explain(answers, name, revision)
    return found


def same(one: list[Explained], two: list[Explained]) -> bool:
    """Tell whether two answers name the same writers; a line that is not committed has the time of the question."""
    return [(item.blamed.text, item.line) for item in one] == [(item.blamed.text, item.line) for item in two]


def wrong_lines(desk: Desk, store: Store, blamed: Blamed) -> Iterator[tuple[str, str]]:
    """Yield (rule, what breaks it) for lines whose writer is another than the ledger's."""
    events = {
        str(event["id"]): str(event.get("command") or event["kind"])
        for trace in desk.clone.traces
        for event in store.summaries(trace)
    }
    for (path, revision), lines in blamed.items():
        for item in lines:
            writer = item.line.writer if item.line else None
            told = (writer.trace_id, events[writer.event_id]) if writer else None
            for rule, text in wrong_writer(desk, item.blamed.text + b"\n", told, item.blamed.source.committed):
                where = f"{os.fsdecode(path)}:{item.blamed.line} at {revision or 'the worktree'}"
                yield rule, f"{where}, of {item.blamed.source.commit[:7]}: {text}"


def wrong_writer(
    desk: Desk, text: bytes, told: tuple[str, str] | None, committed: bool = True
) -> Iterator[tuple[str, str]]:
    """Yield (rule, what breaks it) when a line is not `told` (the trace, the event's name) to be who wrote it."""
    ledger = desk.world.ledger
    for token in verbatim(text):
        if token in ledger.unsure | desk.pending:  # the sealer may have looked at the worktree by now
            return
        writer = ledger.writers[token]
        trace = writer.trace if writer and writer.trace in desk.clone.traces else None
        if (told[0] if told else None) in ledger.copied.get(token, ()):
            return
        if told is None:
            if trace and committed:
                yield "every line of a trace is its", f"t{token} is of {_name(desk, trace)}, not of nobody"
            return
        said, event = told
        if said != trace:
            yield "no line is of who didn't write it", f"t{token} is of {_name(desk, trace)}, not of {event}"
        elif writer and writer.events and event not in writer.events:
            yield "no line is of who didn't write it", f"t{token} is of {set(writer.events)}, not of {event}"


def _name(desk: Desk, trace: str | None) -> str:
    return f"trace {desk.clone.traces.index(trace)}" if trace else "nobody"
