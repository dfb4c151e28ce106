"""Text made to fit what a schema allows, and what is said where something was left out."""

import shlex
from collections.abc import Mapping
from typing import Any

from gittrace.text import clean, decode


def cap(text: str, limit: int) -> str:
    """Return `text` in at most `limit` characters: the head and the tail, with what is missing named between."""
    if len(text) <= limit:
        return text
    mark = f"\n[... {len(text) - limit} characters left out ...]\n"
    # the mark takes room too, and the number in it grows by that
    mark = f"\n[... {len(text) - limit + len(mark)} characters left out ...]\n"
    room = limit - len(mark)
    if room < 2:
        return text[: limit - 1] + "…"
    head = room - room // 2
    return text[:head] + mark + text[len(text) - room // 2 :]


def first_line(text: str, limit: int) -> str:
    """Return the first line that says something, in at most `limit` characters."""
    line = next((line for line in text.splitlines() if line.strip()), "").strip()
    return line if len(line) <= limit else line[: limit - 1] + "…"


def plain(value: Any) -> Any:
    """Return a JSON value of an event with every string made encodable (see `gittrace.text.clean`)."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {clean(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value


def command_line(event: Mapping[str, Any]) -> str:
    """Return a command event's command as typed, or else its argv as a shell would take it."""
    command = event.get("command")
    if isinstance(command, str) and command:
        return clean(command)
    return clean(shlex.join(map(str, event.get("argv") or ())))


def verdict(event: Mapping[str, Any]) -> str | None:
    """Return why a command failed, None when it did not."""
    if event.get("signal"):
        return f"killed by signal {event['signal']}"
    if event.get("error"):
        return clean(str(event["error"]))
    if event.get("exit_code"):
        return f"exit status {event['exit_code']}"
    if event.get("exit_code") is None and event.get("stdout") is None:
        return "no_result"
    return None


def whole_ms(event: Mapping[str, Any]) -> int | None:
    """Return an event's duration in whole milliseconds, None when it was not measured."""
    duration = event.get("duration_ms")
    return round(duration) if isinstance(duration, int | float) else None


def joined_diff(event: Mapping[str, Any]) -> str:
    """Return what changed from the event before to after this one: its diff, then its effect.

    Applied in this order the two lead from the previous `tree_after` to this one.
    """
    return clean((event.get("diff") or "") + (event.get("effect") or ""))


def shown_diff(event: Mapping[str, Any], name: str) -> str:
    r"""Return the `diff` or `effect` of an event to be read: bytes that are not UTF-8 become `\xNN`."""
    text = event.get(name) or ""
    encoding = event.get(f"{name}_encoding")
    return decode(text.encode(encoding)) if encoding else clean(text)
