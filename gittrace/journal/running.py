"""Which commands are being recorded in a worktree, and what they began on: `<git-dir>/trace/running.<event-id>`.

A commit is looked at after it was made, when the next command may be writing files already: what the worktree held when
that command began tells what the commit left. The file is locked as long as its recorder lives. Standard library only.
"""

import fcntl
import os

_PREFIX = "running."


class Running:
    """What a command that is being recorded began on: HEAD (None before the first commit) and the worktree's tree."""

    __slots__ = ("head", "tree")

    def __init__(self, head: "str | None", tree: str) -> None:
        self.head = head
        self.tree = tree


def _path(trace_dir: str, event_id: str) -> str:
    return os.path.join(trace_dir, _PREFIX + event_id)


def announce(trace_dir: str, event_id: str, head: "str | None", tree: str) -> None:
    """Tell that a command is about to run; the lock lasts until this process, and those that it forks, have ended."""
    fd = os.open(_path(trace_dir, event_id), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(fd, f"{head or '-'} {tree}\n".encode())


def withdraw(trace_dir: str, event_id: str) -> None:
    """Tell that the command was recorded; not to have announced it is fine."""
    try:
        os.unlink(_path(trace_dir, event_id))
    except FileNotFoundError:
        return


def live(trace_dir: str) -> "list[Running]":
    """Return the commands that are being recorded, in the order in which they began; forget those of dead recorders."""
    found = []
    for name in sorted(os.listdir(trace_dir)):
        if not name.startswith(_PREFIX):
            continue
        path = os.path.join(trace_dir, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = os.read(fd, 200).decode("ascii", "replace").split()
            if len(words) == 2:
                found.append(Running(None if words[0] == "-" else words[0], words[1]))
        else:
            withdraw(trace_dir, name.removeprefix(_PREFIX))
        finally:
            os.close(fd)
    return found
