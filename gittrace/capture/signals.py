"""Signals on the way to a recorded command, without the `signal` module: it imports enum, which costs milliseconds."""

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Iterable
    from types import FrameType
else:
    import _signal

HANGUP = int(_signal.SIGHUP)
INTERRUPT = int(_signal.SIGINT)
QUIT = int(_signal.SIGQUIT)
ALARM = int(_signal.SIGALRM)
CHILD = int(_signal.SIGCHLD)
CONTINUE = int(_signal.SIGCONT)
WINDOW = int(_signal.SIGWINCH)
TERMINAL_INPUT = int(_signal.SIGTTIN)
TERMINAL_OUTPUT = int(_signal.SIGTTOU)
STOP = int(_signal.SIGSTOP)
TERMINAL_STOP = int(_signal.SIGTSTP)

# Whoever waits for a command may get these in its place. SIGALRM is among them because an alarm survives exec:
# `perl -e 'alarm 5; exec @ARGV'` is how macOS spells timeout(1).
_NAMES = "SIGHUP SIGINT SIGQUIT SIGUSR1 SIGUSR2 SIGALRM SIGTERM SIGCONT SIGWINCH SIGCHLD SIGINFO"
WATCHED = tuple(int(getattr(_signal, name)) for name in _NAMES.split() if hasattr(_signal, name))
# A job that has the user's terminal leaves them to the kernel: it stops all processes of the job at once, and as one.
STOPPING = (TERMINAL_STOP, TERMINAL_INPUT, TERMINAL_OUTPUT)

# Python ignores them, and a command would inherit that. What the caller had is not to be known any more; git, which
# usually is the caller, gives its children the default.
_PYTHON_IGNORES = tuple(
    int(getattr(_signal, name)) for name in ("SIGPIPE", "SIGXFSZ", "SIGXFZ") if hasattr(_signal, name)
)


def _nothing(signo: int, frame: "FrameType | None") -> None:
    """Stand for the default action, which would be to die, to stop, or to be told nothing."""


class Watch:
    """The signals that are watched for, those that the caller had ignored (as nohup does) left out.

    From `Watch(...)` on they are blocked. `mask` is what was blocked before, and is what a command must get back.
    """

    def __init__(self, stopping: bool) -> None:
        names = WATCHED + STOPPING if stopping else WATCHED
        ignored = {signo for signo in names if _signal.getsignal(signo) == _signal.SIG_IGN}
        # the end of a child must be told whatever the caller thought of it; the command gets it back as it was
        self.child_ignored = CHILD in ignored
        self.watched = frozenset(names) - ignored | {CHILD}
        self.mask: Iterable[int] = _signal.pthread_sigmask(_signal.SIG_BLOCK, self.watched)
        # BSD drops a signal whose default is to be ignored even while it is blocked
        for signo in (CHILD, WINDOW, CONTINUE):
            if signo in self.watched:
                _signal.signal(signo, _nothing)

    def take(self) -> "tuple[int, bool, int]":
        """Wait for one: its number, whether the kernel sent it (a key of the terminal), and who did otherwise."""
        if hasattr(_signal, "sigwaitinfo"):
            info = _signal.sigwaitinfo(self.watched)
            return info.si_signo, info.si_code > 0 and info.si_signo != ALARM, info.si_pid
        signo = int(_signal.sigwait(self.watched))
        return signo, signo in (INTERRUPT, QUIT, WINDOW) and _is_foreground(), 0

    def pending(self) -> "list[int]":
        """Return those that came while blocked, and not SIGCHLD."""
        return [s for s in map(int, _signal.sigpending()) if s in self.watched and s != CHILD]

    def handle(self) -> None:
        """Let them come, and do nothing: a program started from here gets the defaults, which SIG_IGN would spoil."""
        for signo in self.watched:
            _signal.signal(signo, _nothing)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, self.watched)

    def wake(self) -> int:
        """Handle them so that each also puts its number, a byte, into the pipe that is returned.

        SIGTTIN and SIGTTOU stay blocked: who asks in the background gets an error then, and is not stopped.
        """
        read_end, write_end = os.pipe()
        os.set_blocking(read_end, False)
        os.set_blocking(write_end, False)
        _signal.set_wakeup_fd(write_end, warn_on_full_buffer=False)
        for signo in self.watched:
            _signal.signal(signo, _nothing)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, self.watched - {TERMINAL_INPUT, TERMINAL_OUTPUT})
        return read_end

    def give_back(self) -> None:
        """Undo all of it, and what Python did; only between fork and exec."""
        for signo in _PYTHON_IGNORES:
            _signal.signal(signo, _signal.SIG_DFL)
        for signo in self.watched:
            if callable(_signal.getsignal(signo)):
                _signal.signal(signo, _signal.SIG_DFL)
        if self.child_ignored:
            _signal.signal(CHILD, _signal.SIG_IGN)
        _signal.pthread_sigmask(_signal.SIG_SETMASK, self.mask)


def block(signo: int) -> None:
    """Block a signal in this thread."""
    _signal.pthread_sigmask(_signal.SIG_BLOCK, (signo,))


def stop_job(signo: int) -> None:
    """Stop this process and all of its process group by `signo`; return when it is continued.

    git, whose subcommand we are, is of the group, and it is git that the shell waits for.
    """
    act_by_default(signo, group=True)
    if signo != STOP:
        _signal.signal(signo, _nothing)
    if signo in (TERMINAL_INPUT, TERMINAL_OUTPUT):
        block(signo)


def stop_self(signo: int, also: int = 0) -> None:
    """Stop this process, and process `also` with it; return when it is continued."""
    if also:
        os.kill(also, signo)
    act_by_default(signo)


def act_by_default(signo: int, group: bool = False) -> None:
    """Have the default of `signo` done to this process (or its whole group)."""
    if signo not in (STOP, int(_signal.SIGKILL)):
        _signal.signal(signo, _signal.SIG_DFL)
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, (signo,))
    os.kill(0 if group else os.getpid(), signo)


def _is_foreground() -> bool:
    try:
        tty = os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(tty) == os.getpgrp()
    except OSError:
        return False
    finally:
        os.close(tty)
