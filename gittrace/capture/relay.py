"""Carry a command's output to where it was going anyway, and keep a copy. Standard library only.

A thread a stream, each with blocking reads and writes: so a reader of our standard output that is slow, or has
stopped, holds back the command's standard output and nothing else.
"""

import _thread
import errno
import os
import select
import stat

from gittrace.capture.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_CHUNK = 256 << 10
# after the command's end: how long its children may be silent before we go on (seconds)
QUIET = 0.05


class Stream:
    """The way from `source`, which the command writes to, to `target`, which is ours."""

    def __init__(self, source: int, target: int) -> None:
        self.source = source
        self.target = target
        self.busy = False
        self.open = True
        self.error = 0
        kind = os.fstat(target).st_mode
        self._can_hang_up = stat.S_ISFIFO(kind) or stat.S_ISSOCK(kind) or os.isatty(target)

    def pump(self, output: Output, lock: "_thread.LockType") -> None:
        """Relay until either end closes. `source` is closed then: a command that goes on gets SIGPIPE, as it should."""
        buffer = bytearray(_CHUNK)
        view = memoryview(buffer)
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        if self._can_hang_up:
            poll.register(self.target, 0)  # the reader's end is reported without being asked for
        while True:
            events = dict(poll.poll())
            self.busy = True
            if events.get(self.target, 0) & (select.POLLERR | select.POLLHUP):
                break
            if self.source in events:
                try:
                    size = os.readv(self.source, (buffer,))
                except BlockingIOError:
                    size = -1
                except OSError:  # EIO: nobody has the other end of the pseudo-terminal
                    break
                if not size:
                    break
                if size > 0:
                    with lock:
                        output.feed(view[:size])
                    if not self._write(view[:size]):
                        break
            elif self.target in events:
                poll.unregister(self.target)  # POLLNVAL: macOS can't poll it
            self.busy = False
        os.close(self.source)
        self.open = False
        self.busy = False

    def _write(self, data: memoryview) -> bool:
        while data:
            try:
                data = data[os.write(self.target, data) :]
            except BlockingIOError:  # node and others leave O_NONBLOCK on what they share with us
                poll = select.poll()
                poll.register(self.target, select.POLLOUT)
                poll.poll()
            except OSError as error:
                self.error = error.errno or errno.EIO
                return False
        return True

    @property
    def is_quiet(self) -> bool:
        """Whether there is nothing to relay just now."""
        if not self.open:
            return True
        if self.busy:
            return False
        poll = select.poll()
        poll.register(self.source, select.POLLIN)
        return not any(event & select.POLLIN for _, event in poll.poll(0))


class Relay:
    """All streams of a command, on their way from `start()`."""

    def __init__(self, streams: "Sequence[Stream]", output: Output) -> None:
        self._streams = streams
        self._output = output
        self._lock = _thread.allocate_lock()
        self._done = _thread.allocate_lock()
        self._left = len(streams)

    def start(self) -> None:
        """Start to relay. The threads get no signal that is blocked now."""
        self._done.acquire()
        if not self._left:
            self._done.release()
        for stream in self._streams:
            _thread.start_new_thread(self._run, (stream,))

    def _run(self, stream: Stream) -> None:
        try:
            stream.pump(self._output, self._lock)
        finally:
            with self._lock:
                self._left -= 1
                if not self._left:
                    self._done.release()

    def drain(self) -> bool:
        """Wait until all is relayed that a command which has ended left behind; return whether the streams ended.

        They have not when a process that the command started has them still: what that one prints goes on being
        relayed, and is not kept.
        """
        seen = -1
        while not self._done.acquire(timeout=QUIET):
            if seen == self._output.total and all(stream.is_quiet for stream in self._streams):
                with self._lock:
                    self._output.finish()
                return False
            seen = self._output.total
        self._done.release()
        self._output.finish()
        return True

    def join(self) -> None:
        """Wait until all streams have ended."""
        self._done.acquire()
        self._done.release()

    @property
    def errors(self) -> "list[tuple[int, int]]":
        """The targets that could not be written to, with errno; a reader that has gone is none."""
        gone = (0, errno.EPIPE, errno.EIO, errno.ECONNRESET)
        return [(stream.target, stream.error) for stream in self._streams if stream.error not in gone]
