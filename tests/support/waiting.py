"""Wait for what other processes do."""

import time
from collections.abc import Callable
from typing import Any

# only what fails waits as long; on a busy machine all else may take ten times its time
PATIENCE = 90.0


def until(condition: Callable[[], Any], what: str) -> Any:
    """Wait until `condition` is true, and return it."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain for {what}")
