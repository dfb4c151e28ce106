"""`git trace run`: the process that the user sees, and waits for. Standard library only, and little of it.

It only waits: it hands on signals and keys, stops when the command stops, and ends as the command ends. Whatever kills
it, the command and the process that records it (`gittrace.capture.worker`) go on.
"""

import os
import select
import sys
import time

from gittrace.capture import channel, child, signals
from gittrace.capture.terminal import Terminal
from gittrace.capture.worker import Result, Worker, close_inherited, flush
from gittrace.errors import TraceError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

# how long a key counts as just typed (seconds): git, whose subcommand we may be, hands the signal on to us once more
_ECHO = 1.0
# how long we wait to hear that the command goes on (milliseconds)
_PATIENCE = 500


def run(
    argv: "Sequence[str]",
    *,
    began: "Callable[[], None]",
    ended: "Callable[[Result], None]",
    failed: "Callable[[Exception], None]",
    spool_dir: str,
    env: "Mapping[str, str] | None" = None,
) -> int:
    """Run `argv` and return its exit status, or minus the number of the signal that killed it.

    `began` is called right after the command was started (or could not be), `ended` when it is over and its output
    relayed; both in another process, which outlives this one. `failed` is told there what they raise. `spool_dir` is
    where an output that is too large for memory goes. Signals stay blocked or handled: the caller ends next, with
    `gittrace.capture.child.exit_as`.
    """
    env = child.child_environment() if env is None else env
    _occupy_standard_descriptors()
    flush()
    terminal = _terminal()
    watch = signals.Watch(stopping=terminal is not None)
    foreground = terminal is not None and terminal.is_foreground
    messages, tell = os.pipe()
    control, order = os.pipe()
    waiter = os.getpid()
    worker_pid = os.fork()
    if not worker_pid:
        try:
            os.close(messages)
            os.close(order)
            worker = Worker(argv, env, watch, channel.Sender(tell, waiter), terminal, spool_dir)
            worker.run(control, foreground, began, ended, failed)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            os._exit(1)
        os._exit(0)
    os.close(tell)
    os.close(control)
    close_inherited()
    if terminal:
        os.close(terminal.slave)
    job = _TerminalJob(watch, messages, order, terminal) if terminal else _Job(watch, messages, order)
    try:
        code = job.wait(foreground)
    finally:
        if terminal and terminal.is_raw:
            terminal.restore()
    if not job.left_behind:
        os.waitpid(worker_pid, 0)
    return code


class _Job:
    """A command whose output goes through pipes: it is of our process group, and gets the terminal's keys itself."""

    def __init__(self, watch: signals.Watch, messages: int, order: int) -> None:
        self.order = order
        self.watch = watch
        self.channel = channel.Receiver(messages)
        self.pid = 0
        self.code: int | None = None
        self.stopped = 0
        self.over = False
        self.left_behind = False
        self._typed: dict[int, float] = {}

    def wait(self, foreground: bool) -> int:
        """Wait for the end of command and recording, and return how the command ended."""
        self.pid = self.channel.first()
        while not self.over:
            was_over = self.code is not None
            signo, typed, sender = self.watch.take()
            self.read(resumed=signo == signals.CONTINUE)
            if signo != signals.CHILD and not self._is_echo(signo, sender):
                if was_over:
                    self.leave(signo)
                elif not typed:
                    self.hand_on(signo)
                elif signo == signals.WINDOW:
                    self.tell(channel.RESIZED)
                else:  # the command got it too
                    self._typed[signo] = time.monotonic()
        return self._ending()

    def _is_echo(self, signo: int, sender: int) -> bool:
        """Whether this is a key that git got as we did, and handed on to its subcommand."""
        typed = self._typed.get(signo)
        return sender == os.getppid() and typed is not None and time.monotonic() - typed < _ECHO

    def read(self, resumed: bool = False) -> None:
        """Take the messages that have come; if we were just `resumed`, a stop among them is over."""
        for kind, value in self.channel.read():
            if kind == channel.STOPPED:
                self.stopped = value
            elif kind == channel.CONTINUED:
                self.stopped = 0
                self.continued()
            elif kind == channel.ENDED:
                self.code = os.waitstatus_to_exitcode(value)
                self.stopped = 0
            elif kind == channel.DRAINED:
                self.drained()
            elif kind == channel.RECORDED:
                self.left_behind = bool(value)
                self.over = True
        self.over = self.over or self.channel.closed
        stopped_by, self.stopped = self.stopped, 0
        if stopped_by and not self.over and not resumed:
            self.stop(stopped_by)

    def stop(self, signo: int) -> None:
        """Stop as the command did, since the user's shell sees only us (or git).

        Not so when a key stopped it: that stopped us too, and now both go on.
        """
        if signals.CONTINUE not in self.watch.pending() and _is_stopped(self.pid):
            signals.stop_self(signo, os.getppid() if child.is_git_subcommand() else 0)

    def tell(self, order: bytes) -> None:
        """Have the recording process do something."""
        if not self.pid or self.code is not None:
            return
        try:
            os.write(self.order, order)
        except BrokenPipeError:
            return  # it is gone, which its channel tells next

    def continued(self) -> None:
        """The command was stopped, and is no more."""

    def drained(self) -> None:
        """The command is over, and all its output has been relayed."""

    def hand_on(self, signo: int) -> None:
        """Give the command a signal that was sent to us and was meant for it."""
        if self.pid:
            try:
                os.kill(self.pid, signo)
            except (ProcessLookupError, PermissionError):
                return  # it has just ended, or has become another user's (sudo)

    def leave(self, signo: int) -> None:
        """Wait no longer: the command is over, and what remains is recording, which goes on without us."""
        if signo not in (signals.WINDOW, signals.CONTINUE, signals.CHILD):
            self.left_behind = True
            self.over = True

    def _ending(self) -> int:
        if self.code is None:
            raise TraceError(
                "cannot tell how the command ended: the process that recorded it was killed",
                "the command itself may still be running",
            )
        return self.code


class _TerminalJob(_Job):
    """A command with a pseudo-terminal: keys go to it through that one, and no signal but by us."""

    def __init__(self, watch: signals.Watch, messages: int, order: int, terminal: "Terminal") -> None:
        super().__init__(watch, messages, order)
        self._terminal = terminal
        self._master = terminal.master
        self._keys = b""
        self._in_background = False
        # between our order to continue the command and its being continued: a ^Z would be lost on it
        self._awaits = False
        self._held = False

    def wait(self, foreground: bool) -> int:
        """Wait for the end of command and recording, and return how the command ended."""
        self._in_background = not foreground
        if foreground:
            self._terminal.make_raw()
        wakeup = self.watch.wake()
        self._terminal.resize()  # nobody listened until now
        self.pid = self.channel.first()
        while not self.over:
            poll = select.poll()
            poll.register(wakeup, select.POLLIN)
            poll.register(self.channel.fd, select.POLLIN)
            if self._terminal.is_raw and self._master >= 0 and not self._awaits:
                if self._keys:
                    poll.register(self._master, select.POLLOUT)
                else:
                    poll.register(self._terminal.fd, select.POLLIN)
            ready = dict(poll.poll(_PATIENCE if self._awaits else None))
            if not ready:
                self.continued()
            if wakeup in ready:
                self._signals(os.read(wakeup, 512))
            if self.channel.fd in ready:
                self.read()
            if self._terminal.fd in ready or self._master in ready:
                self._relay_keys(self._terminal.fd in ready)
        return self._ending()

    def _signals(self, numbers: bytes) -> None:
        for signo in numbers:
            if signo == signals.WINDOW:
                self._terminal.resize()
            elif signo == signals.CONTINUE:
                self._resume()
            elif signo == signals.CHILD:
                continue
            elif self.code is not None:
                self.leave(signo)
            elif signo == signals.TERMINAL_STOP and self._awaits:
                self._held = True
            else:
                self.hand_on(signo)

    def continued(self) -> None:
        """The command goes on, and is to get keys."""
        self._awaits = False
        if self._held:
            self._held = False
            self.hand_on(signals.TERMINAL_STOP)

    def _relay_keys(self, more: bool) -> None:
        try:
            if more and self._terminal.is_raw:
                self._keys = os.read(self._terminal.fd, 4096)
                if not self._keys:
                    raise OSError  # hung up
            self._keys = self._keys[os.write(self._master, self._keys) :]
        except BlockingIOError:
            return
        except OSError:
            if self._terminal.is_hung_up:
                # so must be the command's terminal: the relay of its output sees it too, and lets go as we do
                os.close(self._master)
                self._master = -1
            else:  # we were put into the background without being told
                self._terminal.is_raw = False

    def stop(self, signo: int) -> None:
        """Give the terminal back to the user's shell, and stop, unless the command only waits to be the foreground."""
        waits = signo in (signals.TERMINAL_INPUT, signals.TERMINAL_OUTPUT)
        self._terminal.restore()
        self._in_background = True
        if not (waits and self._terminal.is_foreground):
            signals.stop_job(signo)
        self._awaits = True
        self._resume()

    def _resume(self) -> None:
        """Go on, in the foreground or the background, as the user's shell decided."""
        if self.code is not None:
            return
        foreground = self._terminal.is_foreground
        if foreground:
            self._terminal.make_raw()
            self._terminal.resize()
        else:
            self._terminal.restore()
        if self._in_background:
            self._in_background = not foreground
            self.tell(channel.FOREGROUND if foreground else channel.BACKGROUND)

    def drained(self) -> None:
        """Give the terminal back: what is still said, and typed, is not the command's."""
        if self._terminal.is_raw:
            self._terminal.restore()


def _terminal() -> "Terminal | None":
    """Return the terminal, if standard input and standard output are one."""
    if not (os.isatty(0) and os.isatty(1)):
        return None
    try:
        return Terminal(0)
    except OSError:  # no pseudo-terminal is to be had
        return None


def _is_stopped(pid: int) -> bool:
    """Whether a process is stopped now; True where the kernel doesn't tell."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            return file.read().rpartition(b") ")[2][:1] in b"Tt"
    except OSError:
        return True


def _occupy_standard_descriptors() -> None:
    """Keep a descriptor 0, 1 or 2 that our caller closed from becoming one of our pipes; the command has it closed."""
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
