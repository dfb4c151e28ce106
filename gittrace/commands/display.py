"""How reading commands speak to people: colours, times, durations, and foreign text made safe for a terminal."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from gittrace.text import counted, shown

BOLD = "1"
DIM = "2"
RED = "31"
GREEN = "32"
YELLOW = "33"
CYAN = "36"

_SHORT = 8
# a smaller share, or one as near to all, is not rounded away
_NEARLY_NONE = 0.005
# signals as people know them; the numbers are those of Linux and macOS alike
_SIGNALS = {1: "HUP", 2: "INT", 3: "QUIT", 4: "ILL", 6: "ABRT", 8: "FPE", 9: "KILL", 11: "SEGV", 13: "PIPE", 15: "TERM"}


class Screen:
    """Where text goes: coloured or not, `width` columns wide (0: as wide as it takes)."""

    def __init__(self, colour: bool = False, width: int = 0) -> None:
        self.colour = colour
        self.width = width

    def paint(self, text: str, *codes: str) -> str:
        """Return `text` with the colours on, where there are colours."""
        if not self.colour or not text or not codes:
            return text
        return f"\x1b[{';'.join(codes)}m{text}\x1b[m"

    def cut(self, text: str, used: int) -> str:
        """Return `text`, cut to what a line of which `used` columns are taken has left."""
        room = self.width - used
        if not self.width or room < 8 or len(text) <= room:
            return text
        return text[: room - 1] + "…"


def safe(text: str) -> str:
    """Return one line of foreign text with its control characters written out; tabs stay."""
    return "\t".join(map(shown, text.split("\t"))) if not text.isprintable() else text


def safe_lines(text: str) -> Iterator[str]:
    """Yield the lines of foreign text, safe for a terminal."""
    for line in text.removesuffix("\n").split("\n"):
        yield safe(line.removesuffix("\r"))


def first_line(value: object) -> str:
    """Return the first line of a text that says something, with a mark when more follows."""
    lines = [line for line in str(value).splitlines() if line.strip()]
    if not lines:
        return ""
    return one_line(lines[0]) + (" …" if len(lines) > 1 else "")


def one_line(text: str) -> str:
    """Return foreign text in one line whose columns can be counted: white space of any kind becomes a space."""
    return safe(" ".join(text.split()))


def short_event(event_id: str) -> str:
    """Return the short name of an event: the random end of its UUIDv7, whose beginning is only the time."""
    return event_id[24 : 24 + _SHORT] if len(event_id) == 36 else safe(event_id)


def short_id(full: str) -> str:
    """Return the first eight digits of the id of a trace or session."""
    return full[:_SHORT]


def local_time(at: object) -> str:
    """Return a recorded time as `YYYY-MM-DD HH:MM:SS +ZZZZ` in the local zone."""
    moment = _parse(at)
    return moment.strftime("%Y-%m-%d %H:%M:%S %z") if moment else safe(str(at))


def clock(at: object) -> str:
    """Return a recorded time as `HH:MM:SS` in the local zone."""
    moment = _parse(at)
    return moment.strftime("%H:%M:%S") if moment else "--:--:--"


def local_day(at: object) -> str:
    """Return the local day of a recorded time, empty when it can't be read."""
    moment = _parse(at)
    return moment.strftime("%Y-%m-%d") if moment else ""


def _parse(at: object) -> datetime | None:
    try:
        return datetime.fromisoformat(str(at)).astimezone()
    except (ValueError, OverflowError):
        return None


def duration(ms: object) -> str:
    """Return a duration in three digits or so: `12ms`, `1.2s`, `34s`, `2m05s`, `1h02m`; empty when not known."""
    if not is_number(ms):
        return ""
    seconds = float(str(ms)) / 1000
    if seconds < 0.0995:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


def is_number(value: object) -> bool:
    """Tell whether a recorded value is a number that can be shown as one; what others recorded may be anything."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 <= value < 1e15


def verdict(event: Mapping[str, Any]) -> tuple[str, str]:
    """Return how a command ended, in at most four characters, and the colour of that."""
    signal, code = event.get("signal"), event.get("exit_code")
    if isinstance(signal, int) and signal:
        return _SIGNALS.get(signal, f"s{signal}"), RED
    if isinstance(code, int):
        return str(code), RED if code else GREEN
    return "?", DIM


def tests(results: object) -> str:
    """Return test results in words, `2 failed, 3 passed`; empty when there are none."""
    if not isinstance(results, Mapping):
        return ""
    names = ("failed", "errors", "passed", "skipped", "xfailed", "xpassed")
    parts = [f"{results[name]} {name}" for name in names if is_number(results.get(name)) and results[name]]
    if not parts and is_number(results.get("total")):
        parts = [counted(results["total"], "test")]
    return ", ".join(parts).replace("1 errors", "1 error") if parts else ""


def tests_colour(results: object) -> str:
    """Return the colour of test results."""
    bad = isinstance(results, Mapping) and (results.get("failed") or results.get("errors"))
    return RED if bad else GREEN


def agent_name(agent: object) -> str:
    """Return who worked, `name@version (model)`; `human` when nobody is named."""
    if not isinstance(agent, Mapping) or not agent.get("name"):
        return "human"
    name = str(agent["name"]) + (f"@{agent['version']}" if agent.get("version") else "")
    return safe(f"{name} ({agent['model']})" if agent.get("model") else name)


def percent(share: float) -> str:
    """Return a share (0 to 1) in percent: what is neither none nor all is not shown as such."""
    if 0 < share < _NEARLY_NONE:
        return "<1%"
    return ">99%" if 1 - _NEARLY_NONE < share < 1 else f"{share:.0%}"
