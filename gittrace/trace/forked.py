"""A copy of this process that works something out meanwhile: what that is about need not be sent there.

Pure work is what it is for: whatever else the caller has open (a database, a git that answers) it must not touch. So it
ends without clearing anything away. The caller must have no threads.
"""

import os
import signal
from collections.abc import Callable
from typing import BinaryIO, NoReturn

from gittrace.git.process import widen


class Forked:
    """The copy, from when it is made until it is closed; `file` is what its work writes, as it comes.

    Raises OSError where no process can be had.
    """

    def __init__(self, work: Callable[[BinaryIO], object]) -> None:
        reading, writing = os.pipe()
        try:
            widen(reading)
            self._child = os.fork()
        except BaseException:
            os.close(reading)
            os.close(writing)
            raise
        if self._child == 0:
            os.close(reading)
            _work(work, writing)
        os.close(writing)
        self.file: BinaryIO = os.fdopen(reading, "rb")

    def ended_well(self) -> bool:
        """Wait for its end, once all was read, and tell whether it did all of its work."""
        child, self._child = self._child, 0
        self.file.close()
        return child != 0 and os.waitpid(child, 0)[1] == 0

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self.ended_well()


def _work(work: Callable[[BinaryIO], object], writing: int) -> NoReturn:
    status = 1
    try:
        with os.fdopen(writing, "wb") as file:
            work(file)
        status = 0
    finally:
        # not the end of the caller's process: nothing of it is cleaned up twice
        os._exit(status)
