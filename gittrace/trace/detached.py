"""Go on behind the back of whoever waits: for git's output, or for a command to end."""

import os
import sys
from collections.abc import Callable

from gittrace.errors import TraceError, told
from gittrace.git.repository import Repository
from gittrace.journal.faillog import log_failures


def detach(repo: Repository, what: str, work: Callable[[], object]) -> None:
    """Do some work in a process of its own; what goes wrong in it goes to the log, which `git trace status` shows."""
    sys.stdout.flush()
    if os.fork():
        return
    try:
        leave_terminal()
        try:
            work()
        except Exception as error:  # nobody is there to see it
            log_failures(
                repo.common_trace_dir, what, [told(error) if isinstance(error, TraceError | OSError) else repr(error)]
            )
    finally:
        # not the end of the caller's process: nothing of it is cleaned up twice
        os._exit(0)


def leave_terminal(keep: int = -1) -> None:
    """Leave the terminal and the pipes of whoever waits for git's output; one descriptor may be kept."""
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    for fd in range(3, 100):
        if fd != keep:
            try:
                os.close(fd)
            except OSError:
                continue
