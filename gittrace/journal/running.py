"""Which commands are being recorded in a worktree, and what they began on: `<git-dir>/trace/running.<event-id>`.

A commit that is made meanwhile is the command's: who finds it first must know. And one that was made before is looked
at when the command may be writing files already: what the worktree held when it began tells what the commit left. The
file is locked as long as its recorder lives. Standard library only.
"""

import fcntl
import os

_PREFIX = "running."


class Running:
    """A command that is being recorded, by its event's id, and what it began on.

    head  HEAD (oid), None before the first commit
    tree  the worktree's
    log   the size of HEAD's log (see `position.log_size`), empty where it has no file
    """

    __slots__ = ("event_id", "head", "log", "tree")

    def __init__(self, event_id: str, head: "str | None", tree: str, log: str) -> None:
        self.event_id = event_id
        self.head = head
        self.tree = tree
        self.log = log


def _path(trace_dir: str, event_id: str) -> str:
    return os.path.join(trace_dir, _PREFIX + event_id)


def announce(trace_dir: str, command: Running) -> None:
    """Tell that a command is about to run; the lock lasts until this process, and those that it forks, have ended."""
    path = _path(trace_dir, command.event_id)
    # under another name until it is locked: one that nobody holds is taken for a dead recorder's
    new = os.path.join(trace_dir, f"new.{command.event_id}")
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o666)
    fcntl.flock(fd, fcntl.LOCK_EX)
    os.write(fd, f"{command.head or '-'} {command.tree} {command.log or '-'}\n".encode())
    os.rename(new, path)


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
        event_id = name.removeprefix(_PREFIX)
        path = os.path.join(trace_dir, name)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            words = os.read(fd, 200).decode("ascii", "replace").split()
            if len(words) == 3:
                head, tree, log = words
                found.append(Running(event_id, None if head == "-" else head, tree, "" if log == "-" else log))
        else:
            withdraw(trace_dir, event_id)
        finally:
            os.close(fd)
    return found
