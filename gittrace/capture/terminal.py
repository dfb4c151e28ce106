"""The user's terminal, and the pseudo-terminal that stands for it in front of a recorded command."""

import fcntl
import os
import termios

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    Attributes = list[Any]

# indices of what tcgetattr returns
_IFLAG, _OFLAG, _CFLAG, _LFLAG, _CC = 0, 1, 2, 3, 6


class Terminal:
    """The terminal at descriptor `fd`, put into raw mode and back.

    master, slave   the two ends of a pseudo-terminal with the same modes and the same size
    """

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self._cooked = termios.tcgetattr(fd)
        self._raw = _raw(self._cooked)
        self.is_raw = False
        self.master, self.slave = os.openpty()
        termios.tcsetattr(self.slave, termios.TCSANOW, self._cooked)
        # one end is shared between processes that read it and write it: none of them may wait for it
        os.set_blocking(self.master, False)
        self.resize()

    @property
    def is_foreground(self) -> bool:
        """Whether we are the job that the terminal belongs to now."""
        try:
            return os.tcgetpgrp(self.fd) == os.getpgrp()
        except OSError:  # it was hung up
            return False

    @property
    def is_hung_up(self) -> bool:
        """Whether there is no terminal behind the descriptor any more."""
        try:
            os.tcgetpgrp(self.fd)
        except OSError:
            return True
        return False

    def resize(self) -> None:
        """Give the pseudo-terminal the terminal's size; the kernel tells the command if that is a new one."""
        copy_size(self.fd, self.master)

    def make_raw(self) -> None:
        """Let every key through to the command's terminal, whose modes decide what it means."""
        try:
            now = termios.tcgetattr(self.fd)
            if not _same(now, self._raw):
                self._cooked = now
                self._raw = _raw(now)
                termios.tcsetattr(self.fd, termios.TCSANOW, self._raw)
            self.is_raw = True
        except termios.error:
            return  # hung up

    def restore(self) -> None:
        """Undo `make_raw`, unless somebody else has set the terminal since (a shell that took it back)."""
        self.is_raw = False
        try:
            if _same(termios.tcgetattr(self.fd), self._raw):
                termios.tcsetattr(self.fd, termios.TCSANOW, self._cooked)
        except termios.error:
            return  # hung up

    def take_control(self) -> None:
        """Start a session whose terminal is the pseudo-terminal."""
        os.setsid()
        fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)


def stand_in(terminal: int) -> "tuple[int, int]":
    """Return master and slave of a pseudo-terminal for output that goes to `terminal`, and for nothing else.

    It controls no session, and lets bytes through as they are: the terminal itself will do what is to be done to them.
    """
    master, slave = os.openpty()
    attributes = termios.tcgetattr(terminal)
    attributes[_OFLAG] &= ~termios.OPOST
    termios.tcsetattr(slave, termios.TCSANOW, attributes)
    copy_size(terminal, slave)
    return master, slave


def copy_size(terminal: int, other: int) -> None:
    """Make the window of `other` as large as that of `terminal`."""
    try:
        fcntl.ioctl(other, termios.TIOCSWINSZ, fcntl.ioctl(terminal, termios.TIOCGWINSZ, bytes(8)))
    except OSError:
        return  # hung up: it has no size


def give_to(group: int) -> None:
    """Make process group `group` the foreground of this session's terminal. The caller has SIGTTOU blocked."""
    try:
        terminal = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return  # hung up
    try:
        os.tcsetpgrp(terminal, group)
    except OSError:
        return  # the group has ended
    finally:
        os.close(terminal)


def _raw(attributes: "Attributes") -> "Attributes":
    """Return terminal attributes as cfmakeraw(3) makes them, with reads of at least one byte."""
    raw = [*attributes[:_CC], list(attributes[_CC])]
    t = termios
    raw[_IFLAG] &= ~(t.IGNBRK | t.BRKINT | t.PARMRK | t.ISTRIP | t.INLCR | t.IGNCR | t.ICRNL | t.IXON)
    raw[_OFLAG] &= ~t.OPOST
    raw[_CFLAG] = raw[_CFLAG] & ~(t.CSIZE | t.PARENB) | t.CS8
    raw[_LFLAG] &= ~(t.ECHO | t.ECHONL | t.ICANON | t.ISIG | t.IEXTEN)
    raw[_CC][t.VMIN] = b"\x01"
    raw[_CC][t.VTIME] = b"\x00"
    return raw


def _same(one: "Attributes", other: "Attributes") -> bool:
    # the kernel may add flags to those it was told (PENDIN): the ones that make a terminal raw decide
    mask = termios.ICANON | termios.ECHO | termios.ISIG
    return bool(
        one[_LFLAG] & mask == other[_LFLAG] & mask and one[_OFLAG] == other[_OFLAG] and one[_IFLAG] == other[_IFLAG]
    )
