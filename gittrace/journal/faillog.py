"""`<common-dir>/trace/log`: what went wrong where nobody saw it. `git trace status` shows the last of it."""

import os
from collections.abc import Iterable

from gittrace.clock import now
from gittrace.text import shown
from gittrace.vocabulary import LOG_FILE

_LONGEST = 1 << 20


def log_failures(common_trace_dir: str, what: str, failures: Iterable[str]) -> None:
    """Append failures of `what` to the log, which is cut when it grows past 1 MiB. Raises OSError."""
    lines = [f"{now()} {what}: {shown(failure)}\n" for failure in failures]
    if not lines:
        return
    path = os.path.join(common_trace_dir, LOG_FILE)
    if os.path.exists(path) and os.path.getsize(path) > _LONGEST:
        os.replace(path, f"{path}.1")
    with open(path, "a", encoding="utf-8") as file:
        file.writelines(lines)
