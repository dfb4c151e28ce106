"""The process that records: it starts the command, relays what it prints, and outlives whoever waits for it.

It lives in a session of its own, where no key, no hangup and no `kill` of a process group reaches it, and is the
command's parent: so the command's end is recorded though the process that the user sees was killed.
"""

import _thread
import os
import sys
import time

from gittrace.capture import channel, child, signals
from gittrace.capture.output import Output
from gittrace.capture.relay import Relay, Stream
from gittrace.capture.terminal import copy_size, give_to, stand_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gittrace.capture.terminal import Terminal


class Result:
    """How a command ended.

    exit_code    0 to 255; 128 + n when a signal killed it; 126 or 127 when it could not be executed or found
    signal       the signal that killed it
    began_ns     wall clock, nanoseconds since the epoch
    duration_ns  from a clock that is never set
    terminal     whether its standard output was a terminal
    """

    def __init__(self, began_ns: int, output: Output, terminal: bool) -> None:
        self.exit_code = 0
        self.signal: int | None = None
        self.began_ns = began_ns
        self.duration_ns = 0
        self.output = output
        self.terminal = terminal

    def set_status(self, status: int) -> None:
        """Take a status of waitpid(2)."""
        code = os.waitstatus_to_exitcode(status)
        self.signal = -code if code < 0 else None
        self.exit_code = 128 - code if code < 0 else code


class Worker:
    """One recorded command, seen from the process that records it."""

    def __init__(
        self,
        argv: "Sequence[str]",
        env: "Mapping[str, str]",
        watch: signals.Watch,
        sender: channel.Sender,
        terminal: "Terminal | None",
        spool_dir: str,
    ) -> None:
        self.argv = argv
        self.env = env
        self.watch = watch
        self.sender = sender
        self.terminal = terminal
        self.output = Output(spool_dir)
        self.result = Result(time.time_ns(), self.output, terminal is not None)
        self._began = time.monotonic_ns()
        self.pid = 0
        self._stand_ins: list[tuple[int, int]] = []

    def run(
        self,
        control: int,
        foreground: bool,
        began: "Callable[[], None]",
        ended: "Callable[[Result], None]",
        failed: "Callable[[Exception], None]",
    ) -> None:
        """Start the command, see it to its end, and report; return when nothing is left to relay."""
        streams, files = self._streams()
        try:
            self._start(files, foreground)
        except OSError as error:
            self.result.exit_code = child.failure_code(error)
            _say(files.get(2, 2), f"error: cannot run '{self.argv[0]}': {error.strerror}\n")
        self.sender.send(channel.STARTED, self.pid)
        _let_go()
        for fd in {*files.values()} - {self.terminal.slave if self.terminal else -1}:
            os.close(fd)
        relay = Relay(streams, self.output)
        relay.start()
        _thread.start_new_thread(self._obey, (control,))
        over = _thread.allocate_lock()
        over.acquire()
        _thread.start_new_thread(self._wait, (over,))
        self.watch.handle()
        _call(began, failed)
        over.acquire()
        whole = relay.drain()
        for target, code in relay.errors:
            name = "standard output" if target == 1 else "standard error"
            _say(2, f"error: cannot write to {name}: {os.strerror(code)}\n")
        self.sender.send(channel.DRAINED)
        _call(lambda: ended(self.result), failed)
        flush()
        self.output.close()
        self.sender.send(channel.RECORDED, not whole)
        relay.join()

    def _streams(self) -> "tuple[list[Stream], dict[int, int]]":
        """Return the streams to relay, and what the command gets as its descriptors 0 to 2 where it is not ours."""
        streams: list[Stream] = []
        files: dict[int, int] = {}
        if self.terminal:
            streams.append(Stream(self.terminal.master, 1))
            files = dict.fromkeys((0, 1), self.terminal.slave)
            if _is_same_file(1, 2):
                files[2] = self.terminal.slave
        shared = not self.terminal and _is_same_file(1, 2)
        for fd in (1, 2):
            if fd in files or not os.get_inheritable(fd):  # closed, so the place was taken; see supervisor
                continue
            if fd == 2 and shared:
                files[2] = files[1]  # one pipe, so that their order is exact, as it would be without us
                continue
            if os.isatty(fd):
                source, files[fd] = stand_in(fd)
                self._stand_ins.append((fd, source))
            else:
                source, files[fd] = os.pipe()
                _widen(source)
            streams.append(Stream(source, fd))
        return streams, files

    def _start(self, files: "Mapping[int, int]", foreground: bool) -> None:
        if self.terminal:
            self.terminal.take_control()
            self.pid = child.start(self.argv, self.env, self.watch, files, self.terminal.slave, foreground)
            return
        try:
            self.pid = child.start(self.argv, self.env, self.watch, files)
        finally:
            os.setsid()

    def _wait(self, over: "_thread.LockType") -> None:
        """Wait for the command's end, and tell of its stops."""
        try:
            self._follow()
        finally:
            over.release()

    def _follow(self) -> None:
        status = 0
        while self.pid:
            _, status = os.waitpid(self.pid, os.WUNTRACED | os.WCONTINUED)
            if os.WIFSTOPPED(status):
                self.sender.send(channel.STOPPED, os.WSTOPSIG(status))
            elif os.WIFCONTINUED(status):
                self.sender.send(channel.CONTINUED)
            else:
                self.result.set_status(status)
                break
        self.result.duration_ns = time.monotonic_ns() - self._began
        self.sender.send(channel.ENDED, status if self.pid else self.result.exit_code << 8)
        if self.terminal:
            # children of the command that live on are in the background now, and are not to get our hangup
            signals.block(signals.TERMINAL_OUTPUT)
            give_to(os.getpgrp())
            os.close(self.terminal.slave)

    def _obey(self, control: int) -> None:
        """Do what the waiting process can't, which is not of this session and does not have all descriptors."""
        signals.block(signals.TERMINAL_OUTPUT)
        while order := os.read(control, 1):
            try:
                if order == channel.RESIZED:
                    for terminal, other in self._stand_ins:
                        copy_size(terminal, other)
                        os.kill(self.pid, signals.WINDOW)  # it was told by the user's terminal, maybe too early
                else:
                    give_to(self.pid if order == channel.FOREGROUND else os.getpgrp())
                    os.killpg(self.pid, signals.CONTINUE)
            except ProcessLookupError:
                continue
        # it was killed: its last duty is ours
        if self.terminal:
            self.terminal.restore()


def _call(function: "Callable[[], None]", failed: "Callable[[Exception], None]") -> None:
    """Call `function`; what it raises is told, and harms neither the command nor its output."""
    try:
        function()
    except Exception as error:
        failed(error)


def _say(fd: int, message: str) -> None:
    try:
        os.write(fd, os.fsencode(message))
    except OSError:  # its reader has gone
        return


def flush() -> None:
    """Write out what `print` still holds: a process that forks, or leaves by `os._exit`, would double or lose it."""
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream is not None:
                stream.flush()
        except OSError:  # its reader has gone
            continue


def _let_go() -> None:
    """Let go of what is the command's alone: its standard input, and what it inherited above descriptor 2.

    While we hold a pipe's end its other end never hears that the command closed it.
    """
    null = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    os.dup2(null, 0)
    os.close(null)
    close_inherited()


def close_inherited() -> None:
    """Close the descriptors above 2 that came from our caller: Python's own are not inheritable."""
    for name in os.listdir("/dev/fd"):
        fd = int(name)
        try:
            if fd > 2 and os.get_inheritable(fd):
                os.close(fd)
        except OSError:  # the one that listed the directory
            continue


def _is_same_file(one: int, other: int) -> bool:
    first, second = os.fstat(one), os.fstat(other)
    return (first.st_dev, first.st_ino) == (second.st_dev, second.st_ino)


def _widen(pipe: int) -> None:
    """Make a pipe as large as Linux allows anybody: four times the throughput for commands that print a lot."""
    try:
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, 1 << 20)
    except (AttributeError, OSError):
        return
