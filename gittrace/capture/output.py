"""What a command printed, in bounded memory: its beginning, its end and, if that is not all, the whole in a file."""

import os
import time

from gittrace.vocabulary import OUTPUT_HEAD, OUTPUT_TAIL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

# past this the whole is given up: a command may run for days, and the disk is the user's
SPOOL_LIMIT = 1 << 30


class Output:
    """Bytes in the order of their arrival.

    total   how many there were
    spool   a file descriptor (unlinked file, to be read from 0) that holds all of them, once head and tail do not;
            None before that, and when it could not be kept: `lost` then says why
    """

    def __init__(self, spool_dir: str, limit: int = SPOOL_LIMIT) -> None:
        self.total = 0
        self.spool: int | None = None
        self.lost = ""
        self._dir = spool_dir
        self._limit = limit
        self._head = bytearray()
        self._tail = bytearray()
        self._closed = False

    @property
    def head(self) -> bytes:
        """The first bytes, at most `OUTPUT_HEAD`."""
        return bytes(self._head)

    @property
    def tail(self) -> bytes:
        """The last bytes, at most `OUTPUT_TAIL`, none of which is in `head`."""
        return bytes(self._tail[-OUTPUT_TAIL:])

    @property
    def is_whole(self) -> bool:
        """Whether head and tail are all there was."""
        return self.total <= OUTPUT_HEAD + OUTPUT_TAIL

    def feed(self, data: memoryview) -> None:
        """Add `data`."""
        if self._closed:
            return
        size = len(data)
        if self.total + size > OUTPUT_HEAD + OUTPUT_TAIL and not self.lost:
            self._keep_whole(data)
        self.total += size
        if len(self._head) < OUTPUT_HEAD:
            room = OUTPUT_HEAD - len(self._head)
            self._head += data[:room]
            data = data[room:]
        if len(data) >= OUTPUT_TAIL:
            self._tail[:] = data[-OUTPUT_TAIL:]
            return
        self._tail += data
        if len(self._tail) > 4 * OUTPUT_TAIL:
            del self._tail[:-OUTPUT_TAIL]

    def chunks(self, size: int = 1 << 20) -> "Iterator[bytes]":
        """Yield the whole output. Raises ValueError when it was lost."""
        if self.is_whole:
            yield self.head + self.tail
            return
        if self.spool is None:
            raise ValueError(self.lost)
        offset = 0
        while data := os.pread(self.spool, size, offset):
            yield data
            offset += len(data)

    def finish(self) -> None:
        """Take no more; what is fed from now on is not kept."""
        self._closed = True

    def close(self) -> None:
        """Give the spool's space back."""
        self._closed = True
        if self.spool is not None:
            os.close(self.spool)
            self.spool = None

    def _keep_whole(self, data: memoryview) -> None:
        try:
            if self.total + len(data) > self._limit:
                raise OSError(0, f"more than {self._limit} bytes")
            if self.spool is None:
                self.spool = _unlinked(self._dir)
                # so far head and tail are everything: the tail has not been cut yet
                _write(self.spool, memoryview(bytes(self._head + self._tail)))
            _write(self.spool, data)
        except OSError as error:
            # a full disk is no reason to disturb the command
            self.lost = f"cannot keep the whole output: {error.strerror}"
            if self.spool is not None:
                os.close(self.spool)
                self.spool = None


def _write(fd: int, data: memoryview) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _unlinked(directory: str) -> int:
    """Open a file without a name, so that nothing is left behind whatever is killed."""
    if hasattr(os, "O_TMPFILE"):
        try:
            return os.open(directory, os.O_TMPFILE | os.O_RDWR | os.O_CLOEXEC, 0o600)
        except OSError:
            pass  # not every file system can: a name that is removed at once does the same
    path = os.path.join(directory, f"output-{os.getpid()}-{time.time_ns():x}")
    fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
    os.unlink(path)
    return fd
