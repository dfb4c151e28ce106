"""Times and ids of events. Standard library only: `gittrace run` imports this before it starts the command."""

import os
import time

_last_id = 0


def now(ns: "int | None" = None) -> str:
    """Return a time (nanoseconds since the epoch; default now) as RFC 3339 in UTC with microseconds."""
    ns = time.time_ns() if ns is None else ns
    seconds, rest = divmod(ns, 1_000_000_000)
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(seconds))}.{rest // 1000:06d}Z"


def uuid7(ns: "int | None" = None) -> str:
    """Return a new UUIDv7 (RFC 9562); those of one process sort in the order in which they were made."""
    global _last_id
    ns = time.time_ns() if ns is None else ns
    # 48 bits of milliseconds, then 12 bits of the millisecond's fraction (RFC 9562 6.2, method 3)
    stamp = ns // 1_000_000 << 12 | (ns % 1_000_000) * 4096 // 1_000_000
    stamp = _last_id = max(stamp, _last_id + 1)
    value = (stamp >> 12) << 80 | 7 << 76 | (stamp & 0xFFF) << 64 | 2 << 62
    value |= int.from_bytes(os.urandom(8), "big") & ((1 << 62) - 1)
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def uuid4() -> str:
    """Return a new random UUID, for traces and sessions."""
    value = int.from_bytes(os.urandom(16), "big")
    value = value & ~(0xF << 76) & ~(3 << 62) | 4 << 76 | 2 << 62
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
