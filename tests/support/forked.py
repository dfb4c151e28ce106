"""Commands of gittrace in copies of a process that has loaded them: to start Python is most of what a short one costs.

A copy takes over a command's arguments, environment, folder and files. What it can't show is a module that loads only
when another one did so before; `tests/test_imports.py` looks for those.
"""

import atexit
import importlib
import json
import os
import pkgutil
import selectors
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import gittrace.main

_MESSAGE = 1 << 17
_BLOCK = 1 << 16
# what a pipe takes on every system without a reader
_PIPE = 1 << 12
# what Python asks the environment for when it starts
_AT_START = ("PYTHON", "LC_", "LANG")


class Forks:
    """A process whose copies are commands; started when it is first needed, ends with the one that started it."""

    def __init__(self) -> None:
        self._process: socket.socket | None = None
        self._lock = threading.Lock()

    def run(
        self, argv: Sequence[str | bytes], cwd: Path, env: Mapping[str, str], stdin: bytes | None, timeout: float
    ) -> "subprocess.CompletedProcess[bytes] | None":
        """Do what `subprocess.run` with `capture_output` does, for `git-trace ARGV`. Raises TimeoutExpired.

        None when a program has to be started: another thread is at it, or a copy would see another environment.
        """
        request = json.dumps([[os.fsdecode(word) for word in argv], os.fspath(cwd), dict(env)]).encode()
        at_start = {key: value for key, value in env.items() if key.startswith(_AT_START)}
        if len(stdin or b"") > _PIPE or len(request) > _MESSAGE or not self._lock.acquire(blocking=False):
            return None
        try:
            if self._process is None:
                self._at_start = at_start
                self._process, program = _started(env)
                atexit.register(_end, self._process, program)
            return _asked(self._process, request, stdin, timeout) if at_start == self._at_start else None
        finally:
            self._lock.release()


def _started(env: Mapping[str, str]) -> tuple[socket.socket, "subprocess.Popen[bytes]"]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        program = subprocess.Popen(
            [sys.executable, "-m", __name__, str(theirs.fileno())],
            cwd=Path(__file__).parents[2],
            env=dict(env),
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            # Python asks what they are when it starts; a command's are pipes
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
    return ours, program


def _end(process: socket.socket, program: "subprocess.Popen[bytes]") -> None:
    with program:
        process.close()


def _asked(
    process: socket.socket, request: bytes, stdin: bytes | None, timeout: float
) -> "subprocess.CompletedProcess[bytes]":
    if stdin is None:
        given = os.open(os.devnull, os.O_RDONLY)
    else:
        given, put = os.pipe()
        os.write(put, stdin)
        os.close(put)
    out, out_end = os.pipe()
    err, err_end = os.pipe()
    theirs = (given, out_end, err_end)
    try:
        socket.send_fds(process, [request], theirs)
        for fd in theirs:
            os.close(fd)
        pid = int(process.recv(_MESSAGE))
        try:
            outputs = _read((out, err), timeout)
        except TimeoutError:
            os.kill(pid, signal.SIGKILL)
            raise subprocess.TimeoutExpired(request, timeout) from None
        finally:
            status = int(process.recv(_MESSAGE))
    finally:
        os.close(out)
        os.close(err)
    return subprocess.CompletedProcess(request, status, *outputs)


def _read(fds: Sequence[int], timeout: float) -> list[bytes]:
    """Return what comes from each until its end."""
    end = time.monotonic() + timeout
    read: dict[int, list[bytes]] = {fd: [] for fd in fds}
    with selectors.DefaultSelector() as selector:
        for fd in fds:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(end - time.monotonic(), 0))
            if not ready:
                raise TimeoutError
            for key, _ in ready:
                data = os.read(key.fd, _BLOCK)
                read[key.fd].append(data)
                if not data:
                    selector.unregister(key.fd)
    return [b"".join(blocks) for blocks in read.values()]


def _serve(requests: socket.socket) -> None:
    """Make a copy for each request, and answer with its process id and its exit status; return in a copy."""
    while True:
        request, fds, _, _ = socket.recv_fds(requests, _MESSAGE, 3)
        if not request:
            sys.exit()
        pid = os.fork()
        if not pid:
            break
        for fd in fds:
            os.close(fd)
        requests.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())
    requests.close()
    for number, fd in enumerate(fds):
        os.dup2(fd, number)
        os.close(fd)
    argv, cwd, env = json.loads(request)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    time.tzset()
    sys.argv[:] = [str(gittrace.main.__file__), *argv]


def _main() -> None:
    for module in pkgutil.walk_packages(gittrace.__path__, "gittrace."):
        importlib.import_module(module.name)
    # an interrupt from the keyboard is for pytest
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _serve(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        gittrace.main.entry()
    except SystemExit as error:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        # to take all that is loaded down is most of what would be left
        os._exit(int(error.code or 0))


if __name__ == "__main__":
    _main()
