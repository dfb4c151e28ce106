"""Read a session's journal. A torn or damaged line is skipped and counted, never fatal."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gittrace.vocabulary import HOOK

Event = dict[str, Any]


@dataclass
class Reading:
    """What a journal held from `offset` on.

    events   in the order in which they were written, hooks' marks left out
    marks    hooks' marks
    ends     for each event the offset in bytes behind its line
    end      offset behind the last complete line
    damaged  `line at byte N: why`
    """

    events: list[Event] = field(default_factory=list)
    marks: list[Event] = field(default_factory=list)
    ends: list[int] = field(default_factory=list)
    end: int = 0
    damaged: list[str] = field(default_factory=list)


def read(path: str, offset: int = 0) -> Reading:
    """Read a journal from a byte offset on. Raises FileNotFoundError, OSError."""
    with open(path, "rb") as file:
        file.seek(offset)
        data = file.read()
    result = Reading(end=offset)
    for start, line in _lines(data):
        begin = offset + start
        result.end = begin + len(line)
        if not line.endswith(b"\n"):
            result.end = begin  # still being written, or torn: it may grow
            if not _is_event(line):
                result.damaged.append(f"byte {begin}: the last line is cut off")
                break
            result.end = begin + len(line)
        if not line.strip():
            continue
        try:
            event = json.loads(line)
        except (ValueError, RecursionError) as error:
            result.damaged.append(f"byte {begin}: {error}")
            continue
        if not isinstance(event, dict) or not isinstance(event.get("kind"), str):
            result.damaged.append(f"byte {begin}: not an event")
        elif event["kind"] == HOOK:
            result.marks.append(event)
        elif not (isinstance(event.get("id"), str) and _is_time(event.get("at"))):
            result.damaged.append(f"byte {begin}: an event without id or time")
        else:
            result.events.append(event)
            result.ends.append(result.end)
    return result


def ended(event: Event) -> str:
    """Return when an event ended (RFC 3339): when it began, if it is not known how long it took."""
    took = event.get("duration_ms")
    if not isinstance(took, (int, float)):
        return str(event["at"])
    end = datetime.fromisoformat(event["at"]) + timedelta(milliseconds=took)
    return end.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _is_time(at: object) -> bool:
    try:
        datetime.fromisoformat(str(at))
    except ValueError:
        return False
    return True


def _is_event(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def _lines(data: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start < len(data):
        end = data.find(b"\n", start) + 1 or len(data)
        yield start, data[start:end]
        start = end
