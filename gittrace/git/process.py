"""The one gate to git: argv in, bytes out.

Nothing else in gittrace starts git. Standard library only and little of it: `git trace run` starts git before and
after a command, and the user waits for it.
"""

import os
import select
import sys
import time

from gittrace.errors import GitFailed, GitMissing
from gittrace.text import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Mapping, Sequence

# What git calls local to one repository (`git rev-parse --local-env-vars`), and what changes how git answers. A hook
# inherits all of it: git exports GIT_INDEX_FILE during commit; left set, a snapshot sees the wrong index.
# GIT_CONFIG_PARAMETERS and its kin stay: they are how `git -c key=value trace` reaches us.
SCRUBBED = frozenset(
    """
    GIT_ALTERNATE_OBJECT_DIRECTORIES GIT_OBJECT_DIRECTORY GIT_DIR GIT_WORK_TREE GIT_IMPLICIT_WORK_TREE
    GIT_GRAFT_FILE GIT_INDEX_FILE GIT_NO_REPLACE_OBJECTS GIT_REPLACE_REF_BASE GIT_PREFIX GIT_SHALLOW_FILE
    GIT_COMMON_DIR GIT_CONFIG GIT_INTERNAL_SUPER_PREFIX GIT_NAMESPACE GIT_LITERAL_PATHSPECS GIT_GLOB_PATHSPECS
    GIT_NOGLOB_PATHSPECS GIT_ICASE_PATHSPECS GIT_QUARANTINE_PATH GIT_EXTERNAL_DIFF GIT_DIFF_OPTS
    GIT_REFLOG_ACTION GIT_ATTR_SOURCE GIT_DEFAULT_HASH GIT_PAGER GIT_PAGER_IN_USE GIT_NOTES_REF
    GIT_NOTES_DISPLAY_REF GIT_NOTES_REWRITE_REF GIT_NOTES_REWRITE_MODE GIT_INDEX_VERSION
    """.split()
)

# Python ignores SIGPIPE and SIGXFSZ, and a child would inherit that. The numbers are the same on Linux and macOS;
# `import signal` costs two milliseconds.
_DEFAULT_SIGNALS = (13, 25)

# output (bytes) that is worth to be read, and how often it is waited for that long (seconds) for so much
_ENOUGH = 1 << 15
_PATIENCE = 4
_A_WHILE = 0.002

# what Linux lets a pipe hold for anyone, in bytes
_WIDE = 1 << 20


def scrubbed_environment(extra: "Mapping[str, str] | None" = None) -> "dict[str, str]":
    """Return the environment without git's repository-local variables, with `extra` laid over it.

    Who traces a git (GIT_TRACE2_EVENT=FILE git commit) wants to see that one, and not what we start beside it or long
    after; under GITTRACE_TRACE ours are meant.
    """
    traced = "GITTRACE_TRACE" in os.environ
    env = {
        key: value
        for key, value in os.environ.items()
        if key not in SCRUBBED and (traced or not key.startswith("GIT_TRACE"))
    }
    # error messages are parsed, and shown to people beside our own English ones
    env["LC_ALL"] = "C.UTF-8" if env.get("LC_ALL", env.get("LANG", "")).upper().endswith("UTF-8") else "C"
    env.pop("LANGUAGE", None)  # counts for more than LC_ALL, save where that is plain C
    env["GIT_TERMINAL_PROMPT"] = "0"
    if extra:
        env.update(extra)
    return env


def widen(pipe: int, size: int = _WIDE) -> None:
    """Let a pipe hold so many bytes, or as much as the system allows, where it can be asked."""
    import fcntl

    set_size = getattr(fcntl, "F_SETPIPE_SZ", None)
    if set_size is not None:
        try:
            fcntl.fcntl(pipe, set_size, size)
        except OSError:
            return  # one user's pipes may hold so much together


class Process:
    """A running git. `finish()` feeds its standard input and collects what it prints; unfed, it reads `source`."""

    def __init__(
        self, args: "list[str]", env: "Mapping[str, str]", feed: bool = False, source: str = os.devnull
    ) -> None:
        self.args = args
        self.began = time.monotonic()
        actions: list[tuple[int, ...] | tuple[int, int, str, int, int]] = []
        self._input = -1
        ours: list[int] = []
        try:
            if feed:
                read_in, self._input = os.pipe()
                ours.append(read_in)
                actions.append((os.POSIX_SPAWN_DUP2, read_in, 0))
            else:
                actions.append((os.POSIX_SPAWN_OPEN, 0, source, os.O_RDONLY, 0))
            self._output, write_out = os.pipe()
            ours.append(write_out)
            actions.append((os.POSIX_SPAWN_DUP2, write_out, 1))
            self._errors, write_err = os.pipe()
            ours.append(write_err)
            actions.append((os.POSIX_SPAWN_DUP2, write_err, 2))
            try:
                self.pid = os.posix_spawnp(args[0], args, env, file_actions=actions, setsigdef=_DEFAULT_SIGNALS)
            except FileNotFoundError:
                raise GitMissing(f"cannot run '{args[0]}': it is not on PATH", "install git 2.34 or newer") from None
        except BaseException:
            for fd in (self._input, getattr(self, "_output", -1), getattr(self, "_errors", -1)):
                if fd >= 0:
                    os.close(fd)
            raise
        finally:
            for fd in ours:
                os.close(fd)

    def finish(self, stdin: bytes = b"") -> "tuple[int, bytes, bytes]":
        """Return exit status (minus the signal's number if one killed it), standard output, standard error."""
        out: list[bytes] = []
        err: list[bytes] = []
        for is_error, data in self._pieces(stdin):
            (err if is_error else out).append(data)
        return self._wait(), b"".join(out), b"".join(err)

    def stream(self, stdin: bytes = b"") -> "Generator[bytes, None, None]":
        """Yield standard output as it comes. Raises GitFailed at its end.

        Who has had enough closes the iterator, and git ends when it writes more.
        """
        err: list[bytes] = []
        pieces = self._pieces(stdin)
        try:
            for is_error, data in pieces:
                if is_error:
                    err.append(data)
                else:
                    yield data
        finally:
            pieces.close()
            code = self._wait()
        if code:
            raise failure(self.args, code, b"".join(err))

    def _pieces(self, stdin: bytes) -> "Generator[tuple[bool, bytes], None, None]":
        """Yield (whether it is from standard error, data) as it comes, while standard input is fed."""
        poll = select.poll()
        open_fds = {self._output, self._errors}
        for fd in open_fds:
            poll.register(fd, select.POLLIN)
        feed = memoryview(stdin)
        if self._input >= 0:
            os.set_blocking(self._input, False)
            poll.register(self._input, select.POLLOUT)
        try:
            while open_fds or self._input >= 0:
                for fd, _ in poll.poll():
                    if fd == self._input:
                        try:
                            feed = feed[os.write(fd, feed[:65536]) :] if feed else feed
                        except BlockingIOError:
                            continue
                        except BrokenPipeError:
                            feed = feed[:0]  # git stopped reading; its exit status tells why
                        if not feed:
                            poll.unregister(fd)
                            os.close(fd)
                            self._input = -1
                        continue
                    data = os.read(fd, 65536)
                    if data:
                        yield fd == self._errors, data
                    else:
                        poll.unregister(fd)
                        os.close(fd)
                        open_fds.remove(fd)
                        # another file may be opened by this number
                        self._errors = -1 if fd == self._errors else self._errors
        finally:
            if self._input >= 0:
                os.close(self._input)
                self._input = -1
            for fd in open_fds:
                os.close(fd)

    def widen(self, size: int = _WIDE) -> None:
        """Let it print more (bytes) before it has to wait for its reader."""
        widen(self._output, size)

    def has_output(self) -> bool:
        """Tell whether what streams its output, and has not come to an end, would give some without waiting."""
        poll = select.poll()
        poll.register(self._output, select.POLLIN)
        return bool(poll.poll(0))

    def _wait(self) -> int:
        _, status = os.waitpid(self.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if os.environ.get("GITTRACE_TRACE"):
            took = (time.monotonic() - self.began) * 1000
            sys.stderr.write(f"gittrace: {took:8.2f} ms  {code:3d}  {' '.join(self.args)}\n")
        return code

    def check(self, stdin: bytes = b"", ok: "Iterable[int]" = (0,)) -> bytes:
        """Finish, and return standard output. Raises GitFailed when the exit status is not in `ok`."""
        code, out, err = self.finish(stdin)
        if code not in ok:
            raise failure(self.args, code, err)
        return out


def with_output(processes: "Iterable[Process]") -> "list[Process]":
    """Wait until some of those that stream their output have printed something, or come to an end; return these.

    Who prints little at a time is given some milliseconds for more: to be woken for each line costs more than to read.
    """
    poll = select.poll()
    by_pipe = {pipe: process for process in processes for pipe in (process._output, process._errors) if pipe >= 0}
    for pipe in by_pipe:
        poll.register(pipe, select.POLLIN)
    for _ in range(_PATIENCE):
        events = poll.poll()
        if any(event != select.POLLIN or _size(pipe) >= _ENOUGH for pipe, event in events):
            break
        time.sleep(_A_WHILE)
    return list(dict.fromkeys(by_pipe[pipe] for pipe, _ in events))


def _size(pipe: int) -> int:
    """Return how many bytes a pipe holds."""
    import fcntl
    import termios

    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


class Coprocess(Process):
    """A git that answers line by line, such as `cat-file --batch` or `mktree --batch`."""

    def __init__(self, args: "list[str]", env: "Mapping[str, str]") -> None:
        super().__init__(args, env, feed=True)
        self._buffer = b""

    def write(self, data: bytes) -> None:
        """Send `data`; keep it below a pipe's capacity (64 KiB) unless answers are read in between."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._input, view) :]
        except BrokenPipeError:
            raise self._died() from None

    def readline(self) -> bytes:
        """Return the next line of the answer, without its line feed. Raises GitFailed at its end."""
        while (end := self._buffer.find(b"\n")) < 0:
            self._more()
        line, self._buffer = self._buffer[:end], self._buffer[end + 1 :]
        return line

    def read(self, size: int) -> bytes:
        """Return exactly `size` bytes of the answer. Raises GitFailed at its end."""
        if len(self._buffer) < size:
            parts = [self._buffer]
            have = len(self._buffer)
            while have < size:
                data = os.read(self._output, max(65536, size - have))
                if not data:
                    raise self._died()
                parts.append(data)
                have += len(data)
            self._buffer = b"".join(parts)
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def _more(self) -> None:
        data = os.read(self._output, 65536)
        if not data:
            raise self._died()
        self._buffer += data

    def _died(self) -> GitFailed:
        code, _, err = self.finish()
        return failure(self.args, code, err)

    def close(self) -> None:
        """Close its input and wait for it to end."""
        if self._input >= 0:
            self.finish()


def failure(args: "Sequence[str]", code: int, err: bytes) -> GitFailed:
    """Make the error for a git that failed: its own last message, in one line."""
    said = [line for line in decode(err).splitlines() if line.strip()]
    fatal = [line for line in said if line.startswith(("fatal: ", "error: "))]
    text = (fatal or said or [f"it ended with {code}"])[-1 if not fatal else 0]
    for prefix in ("fatal: ", "error: "):
        text = text.removeprefix(prefix)
    verb = next((arg for arg in args[1:] if not arg.startswith("-") and "=" not in arg and "/" not in arg), "")
    return GitFailed(f"git {verb}: {text}", code=code)


def run(args: "list[str]", env: "Mapping[str, str]", stdin: bytes = b"", ok: "Iterable[int]" = (0,)) -> bytes:
    """Run to the end and return standard output. Raises GitFailed."""
    return Process(args, env, feed=bool(stdin)).check(stdin, ok)
