"""Record a command and write how it went into a file: `python driver.py RESULT COMMAND...`.

`DRIVER_BEGAN` is a number of seconds that the preparation takes, `DRIVER_ENDED` one that the recording takes,
`DRIVER_RAISE` makes either raise.
"""

import hashlib
import json
import os
import sys
import time

from gittrace.capture.child import exit_as
from gittrace.capture.screen import bounded
from gittrace.capture.supervisor import run
from gittrace.capture.worker import Result

_result = sys.argv[1]
_raise = os.environ.pop("DRIVER_RAISE", "")
_began = float(os.environ.pop("DRIVER_BEGAN", "0"))
_ended = float(os.environ.pop("DRIVER_ENDED", "0"))


def began() -> None:
    """Prepare."""
    with open(_result + ".pid", "w", encoding="ascii") as file:
        file.write(str(os.getpid()))
    time.sleep(_began)
    if _raise:
        raise ValueError(_raise)


def ended(result: Result) -> None:
    """Record."""
    time.sleep(_ended)
    output = result.output
    digest = hashlib.sha256()
    for chunk in output.chunks():
        digest.update(chunk)
    with open(_result + ".tmp", "w", encoding="utf-8") as file:
        json.dump(
            {
                "exit_code": result.exit_code,
                "signal": result.signal,
                "began": result.began_ns / 1e9,
                "duration": result.duration_ns / 1e9,
                "terminal": result.terminal,
                "total": output.total,
                "text": bounded(output.head, output.tail, output.total),
                "sha256": digest.hexdigest(),
                "spooled": output.spool is not None,
            },
            file,
        )
    os.rename(_result + ".tmp", _result)
    if _raise:
        raise ValueError(_raise)


def failed(error: Exception) -> None:
    """Tell."""
    sys.stderr.write(f"failed: {error}\n")


if __name__ == "__main__":
    sys.exit(exit_as(run(sys.argv[2:], began=began, ended=ended, failed=failed, spool_dir=os.path.dirname(_result))))
