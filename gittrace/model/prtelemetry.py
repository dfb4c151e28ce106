"""The PRTelemetryTrace schema: one append-only array of events, and how several files of a trace become one."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gittrace.errors import TraceError
from gittrace.text import unbroken


def instant(timestamp: str) -> datetime:
    """Return an RFC 3339 timestamp as a time in UTC; one without a zone is taken for UTC. Raises ValueError."""
    value = datetime.fromisoformat(timestamp)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def _timestamp(value: str) -> str:
    instant(value)
    return value


Timestamp = Annotated[str, AfterValidator(_timestamp)]


class _Open(BaseModel):
    """Fields that are not known here are kept: a file that is read and written again loses nothing."""

    model_config = ConfigDict(extra="allow")


class Results(_Open):
    """Counts of a test run; null where a runner did not say."""

    passed: int | None = None
    failed: int | None = None


class EventMetadata(_Open):
    """How the command went, and whatever else was recorded of it."""

    duration_ms: int | None = None
    exit_code: int | None = None


class EventData(_Open):
    """The command, what changed since the event before it, what it printed, and why it was run."""

    command: str = ""
    diff: str = ""
    stdout: str = ""
    reasoning: str = ""
    results: Results | None = None
    metadata: EventMetadata = Field(default_factory=EventMetadata)


class Event(_Open):
    """One event."""

    event_id: str
    timestamp: Timestamp
    data: EventData


class Repo(_Open):
    """The repository; `working_commit` is the commit on which the work began."""

    name: str
    working_commit: str | None = None
    branch: str | None = None


class PRTelemetryTrace(_Open):
    """One trace."""

    trace_id: str
    developer_id: str | None = None
    repo: Repo
    events: list[Event] = Field(default_factory=list)

    def to_line(self) -> str:
        """Return the trace as one line of JSON without a line feed, breakable by no reader."""
        return unbroken(self.model_dump_json())


def consolidate(traces: Sequence[PRTelemetryTrace]) -> PRTelemetryTrace:
    """Return the union of files of one trace (at least one): by `event_id`, ordered by time.

    Idempotent, and independent of the order and grouping of the inputs. Where two files disagree, about an event or
    about the repository, the fuller one holds (then the greater in code point order). Raises TraceError when the files
    are of several traces.
    """
    ids = sorted({trace.trace_id for trace in traces})
    if len(ids) != 1:
        raise TraceError(f"cannot consolidate traces with different ids: {', '.join(map(repr, ids)) or 'none given'}")
    events: dict[str, tuple[tuple[int, str], Event]] = {}
    for trace in traces:
        for event in trace.events:
            rank = _rank(event.model_dump())
            if event.event_id not in events or rank > events[event.event_id][0]:
                events[event.event_id] = (rank, event)
    ordered = sorted((event for _, event in events.values()), key=lambda e: (instant(e.timestamp), e.event_id))
    fullest = max(traces, key=lambda trace: _rank(trace.model_dump(exclude={"events"})))
    return fullest.model_copy(update={"events": ordered})


def _rank(data: dict[str, Any]) -> tuple[int, str]:
    text = json.dumps(data, sort_keys=True, ensure_ascii=False)
    return len(text), text
