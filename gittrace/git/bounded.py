"""Run another program (gpg, ssh-keygen, ssh below git), bounded in time and in what it may say.

Standard input is what it is given, or nothing; it has no terminal unless it may ask. What takes too long is ended, with
all that it started.
"""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gittrace.errors import TraceError

#: bytes of standard output, and of standard error, that are kept
MOST = 1 << 20

# of the environment: ways in which a program without a terminal finds somebody to ask
ASKERS = ("SSH_ASKPASS", "DISPLAY", "WAYLAND_DISPLAY", "GPG_TTY")

_STEP = 0.2


class ProgramFailed(TraceError):
    """A program can't be started, or does not end in time."""


@dataclass(frozen=True)
class Ran:
    """How a program ended: its status (minus the signal's number if one killed it), and what it said."""

    code: int
    out: bytes
    err: bytes


def quiet_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which nobody can be asked."""
    kept = {name: value for name, value in env.items() if name not in ASKERS}
    return kept | {"SSH_ASKPASS_REQUIRE": "never", "GIT_TERMINAL_PROMPT": "0"}


def run(
    argv: Sequence[str], env: Mapping[str, str], where: str, seconds: float, stdin: bytes = b"", alone: bool = True
) -> Ran:
    """Run a program to its end. Raises ProgramFailed.

    stdin  no more than a pipe holds (4 KiB everywhere)
    alone  in a session of its own: without a terminal, and ended together with its children
    """
    assert len(stdin) <= 4096
    name = os.path.basename(argv[0])
    try:
        process = subprocess.Popen(
            argv,
            env=dict(env),
            cwd=where,
            stdin=subprocess.PIPE if stdin else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=alone,
        )
    except OSError as error:
        raise ProgramFailed(f"cannot run '{name}': {(error.strerror or '').lower()}") from None
    try:
        if process.stdin:
            _feed(process, stdin)
        out, err = _read(process, seconds)
    finally:
        if process.poll() is None:
            end(process, alone)
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe:
                pipe.close()
    if out is None:
        raise ProgramFailed(f"'{name}' does not answer: it was ended after {seconds:.0f} seconds")
    return Ran(process.returncode, out, err)


def _feed(process: "subprocess.Popen[bytes]", data: bytes) -> None:
    assert process.stdin
    fd = process.stdin.fileno()
    try:
        os.write(fd, data)
        process.stdin.close()
    except BrokenPipeError:
        return  # it wants none; its status tells why


def _read(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[bytes | None, bytes]:
    """Return what a program says until its end, None when that did not come in time.

    Children that it leaves behind, such as an agent, may hold the pipes: its own end counts.
    """
    assert process.stdout
    assert process.stderr
    until = time.monotonic() + seconds
    said: dict[int, bytearray] = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    with selectors.DefaultSelector() as selector:
        for fd in said:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            left = until - time.monotonic()
            if left <= 0:
                return None, b""
            ended = process.poll() is not None
            ready = selector.select(0 if ended else min(left, _STEP))
            if ended and not ready:
                break
            for key, _ in ready:
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fd)
                kept = said[key.fd]
                kept += data[: MOST - len(kept)]
    try:
        process.wait(max(0.0, until - time.monotonic()))
    except subprocess.TimeoutExpired:
        return None, b""
    out, err = said.values()
    return bytes(out), bytes(err)


def end(process: "subprocess.Popen[bytes]", group: bool) -> None:
    """End a program, with its children if it leads a `group`: asked first, then killed."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            if group:
                os.killpg(process.pid, number)
            else:
                process.send_signal(number)
            process.wait(2)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
        return
