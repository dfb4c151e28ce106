"""Start a recorded command exactly as it would be without us, and end as it ended. Standard library only."""

import errno
import os

from gittrace.capture import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

_COERCED_LOCALES = ("C.UTF-8", "C.utf8", "UTF-8")


def child_environment() -> "dict[str, str]":
    """Return the environment that our caller's shell has: without what git and Python put in on the way to us.

    - git puts its own programs first in PATH, and in GIT_EXEC_PATH, for a subcommand (`setup_path` in exec-cmd.c).
    - Python sets LC_CTYPE where the locale is C (PEP 538).
    """
    env = dict(os.environ)
    if is_git_subcommand():
        first, _, rest = env.get("PATH", "").partition(os.pathsep)
        before = _environment_at_start(os.getppid(), ("PATH", "GIT_EXEC_PATH"))
        if before is None and os.path.basename(first) == "git-core":
            before = {"PATH": rest}
            if env.get("GIT_EXEC_PATH", first) != first:
                before["GIT_EXEC_PATH"] = env["GIT_EXEC_PATH"]
        _put_back(env, before, ("PATH", "GIT_EXEC_PATH"))
    if env.get("LC_CTYPE") in _COERCED_LOCALES:
        before = _environment_at_start(os.getpid(), ("LC_CTYPE",))
        if before is None and not env.get("LC_ALL") and env.get("LANG", "C") in ("", "C", "POSIX"):
            before = {}
        _put_back(env, before, ("LC_CTYPE",))
    return env


def is_git_subcommand() -> bool:
    """Whether git is what started us (where that can't be seen: whether it may be)."""
    try:
        with open(f"/proc/{os.getppid()}/comm", "rb") as file:
            return file.read().rstrip(b"\n") == b"git"
    except OSError:
        first = os.environ.get("PATH", "").partition(os.pathsep)[0]
        return os.path.basename(first) == "git-core"


def _environment_at_start(pid: int, names: "Sequence[str]") -> "dict[str, str] | None":
    """Return those variables with which a process was started; None where the kernel doesn't tell."""
    try:
        with open(f"/proc/{pid}/environ", "rb") as file:
            items = (os.fsdecode(item).partition("=") for item in file.read().split(b"\0"))
            return {name: value for name, _, value in items if name in names}
    except OSError:
        return None


def _put_back(env: "dict[str, str]", before: "Mapping[str, str] | None", names: "Sequence[str]") -> None:
    if before is None:
        return
    for name in names:
        env.pop(name, None)
    env.update(before)


def start(
    argv: "Sequence[str]",
    env: "Mapping[str, str]",
    watch: signals.Watch,
    files: "Mapping[int, int]",
    terminal: "int | None" = None,
    foreground: bool = True,
) -> int:
    """Start `argv`, with `files[fd]` as its descriptor `fd`, and return its process id.

    With a `terminal` (the one that controls this session) it gets a process group of its own, and the terminal if
    `foreground`. Raises OSError as exec does, once it is known that nothing can be executed.
    """
    read_end, write_end = os.pipe()
    pid = os.fork()
    if not pid:
        try:
            os.close(read_end)
            if terminal is not None:
                os.setpgid(0, 0)
                if foreground:
                    signals.block(signals.TERMINAL_OUTPUT)
                    os.tcsetpgrp(terminal, os.getpid())
            for fd, source in files.items():
                os.dup2(source, fd)
            watch.give_back()
            _execute(argv, env)
        except OSError as error:
            os.write(write_end, str(error.errno).encode())
        finally:
            os._exit(127)
    os.close(write_end)
    if terminal is None:
        # What was sent to the whole job before the command was of it. The command has signals blocked yet, so one that
        # reached it too counts once.
        for signo in watch.pending():
            os.kill(pid, signo)
    code = os.read(read_end, 16)
    os.close(read_end)
    if code:
        os.waitpid(pid, 0)
        raise OSError(int(code), os.strerror(int(code)), argv[0])
    return pid


def _execute(argv: "Sequence[str]", env: "Mapping[str, str]") -> None:
    """Do as execvp(3) does; `os.execvpe` knows no script without `#!`."""
    name = argv[0]
    places = [""] if "/" in name else env.get("PATH", os.defpath).split(os.pathsep)
    failure = errno.ENOENT
    for place in places if name else ():
        path = os.path.join(place, name)
        try:
            os.execve(path, list(argv), env)  # noqa: S606  the command is the user's own, and no shell is to see it
        except (FileNotFoundError, NotADirectoryError):
            continue
        except PermissionError:
            failure = errno.EACCES
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execve("/bin/sh", ["/bin/sh", path, *argv[1:]], env)  # noqa: S606
    raise OSError(failure, os.strerror(failure))


def failure_code(error: OSError) -> int:
    """Return a shell's exit status for a command that could not be started."""
    return 127 if error.errno == errno.ENOENT else 126


def exit_as(code: int) -> "NoReturn":
    """End as a command ended: with status `code`, or by the signal if it is minus the number of one.

    Where the signal does not kill us, the status is 128 + n.
    """
    if code >= 0:
        # Python would take 3 ms to tidy up a process that holds nothing
        os._exit(code)
    import resource

    # the command has left a core of its own if it was to; ours would be one of a Python that did nothing wrong
    resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    signals.act_by_default(-code)
    os._exit(128 - code)
