"""What the process that records tells the one that the user waits for, in messages of five bytes.

Between them is a pipe, and a SIGCHLD after each message, since the one that waits may be waiting for signals.
"""

import os

from gittrace.capture import signals

STARTED = b"P"  # the command's process id, 0 if it could not be started
STOPPED = b"S"  # the signal that stopped it
CONTINUED = b"C"
ENDED = b"X"  # its wait status: its process id means nothing any more
DRAINED = b"D"  # all it printed has been relayed
RECORDED = b"R"  # 1 if the recording process lives on as a relay for the command's children

# from the one that waits: the user's shell has given it the terminal, or taken it away; the window's size has changed
FOREGROUND = b"F"
BACKGROUND = b"B"
RESIZED = b"W"

_SIZE = 5


class Sender:
    """The recording process' end; `waiter` is the process that waits."""

    def __init__(self, fd: int, waiter: int) -> None:
        self._fd = fd
        self._waiter = waiter

    def send(self, kind: bytes, value: int = 0) -> None:
        """Tell; that nobody is left to be told is no error."""
        try:
            os.write(self._fd, kind + value.to_bytes(_SIZE - 1, "little"))
            if os.getppid() == self._waiter:
                os.kill(self._waiter, signals.CHILD)
        except (BrokenPipeError, ProcessLookupError):
            return


class Receiver:
    """The waiting process' end."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.closed = False

    def first(self) -> int:
        """Wait for STARTED and return its value; 0 if the other end died before."""
        data = os.read(self.fd, _SIZE)
        self.closed = not data
        os.set_blocking(self.fd, False)
        return int.from_bytes(data[1:], "little")

    def read(self) -> "list[tuple[bytes, int]]":
        """Return the messages that have come."""
        messages = []
        while not self.closed:
            try:
                data = os.read(self.fd, _SIZE)
            except BlockingIOError:
                break
            self.closed = not data
            if data:
                messages.append((data[:1], int.from_bytes(data[1:], "little")))
        return messages
