"""Run commands recorded and bare, through pipes and under a terminal."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import IO, TYPE_CHECKING, Any

import pexpect
import pytest

from tests.support.repo import hermetic_environment
from tests.support.waiting import PATIENCE, until

DRIVER = Path(__file__).with_name("driver.py")

if TYPE_CHECKING:
    _Spawn = pexpect.spawn[str]
else:
    _Spawn = pexpect.spawn


class Recording:
    """Where recorded commands run, and how the last one went."""

    def __init__(self, directory: Path, home: Path) -> None:
        self.directory = directory
        self.result_file = directory / "result.json"
        self.env = hermetic_environment(home) | {"TERM": "xterm", "PS1": "$ "}

    def argv(self, *command: str) -> list[str]:
        """Return the argv that records `command`."""
        return [sys.executable, str(DRIVER), str(self.result_file), *command]

    def start(self, *command: str, **options: Any) -> "Started":
        """Start, recorded; the options are those of Popen, and `driver` has variables for the driver."""
        env = self.env | options.pop("driver", {})
        return Started(subprocess.Popen(self.argv(*command), cwd=self.directory, env=env, **options))

    def run(self, *command: str, **options: Any) -> subprocess.CompletedProcess[bytes]:
        """Run to the end, recorded; the options are those of `subprocess.run`."""
        env = self.env | options.pop("driver", {})
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        stdin: dict[str, Any] = {} if "input" in options else {"stdin": subprocess.DEVNULL}
        options = pipes | stdin | {"cwd": self.directory, "env": env, "timeout": PATIENCE} | options
        done: subprocess.CompletedProcess[bytes] = subprocess.run(self.argv(*command), **options)
        return done

    def spawn(self, *command: str, size: tuple[int, int] = (24, 80)) -> "Terminal":
        """Run recorded under a terminal."""
        argv = self.argv(*command)
        return Terminal(argv[0], argv[1:], cwd=str(self.directory), env=self.env, dimensions=size, timeout=PATIENCE)

    def as_subcommand(self) -> str:
        """Return a shell line's beginning with which git itself records a command, as its subcommand."""
        directory = self.directory / "bin"
        directory.mkdir()
        words = " ".join(f"'{word}'" for word in self.argv())
        command = directory / "git-record-me"
        command.write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        command.chmod(0o755)
        self.env["PATH"] = f"{directory}:{self.env['PATH']}"
        return "git record-me"

    def shell(self) -> "Terminal":
        """Start a bash with job control under a terminal; `rec` in it records a command."""
        words = " ".join(f"'{word}'" for word in self.argv())
        rc = self.directory / "rc"
        rc.write_text(f"PS1='ready> '\nrec() {{ {words} \"$@\"; }}\nbind 'set enable-bracketed-paste off'\n")
        args = ["--noprofile", "--rcfile", str(rc), "-i"]
        shell = Terminal("bash", args, cwd=str(self.directory), env=self.env, dimensions=(24, 200), timeout=PATIENCE)
        shell.expect_exact("ready> ")
        return shell

    def result(self) -> dict[str, Any]:
        """Wait for the recording and return it."""
        until(self.result_file.exists, "the recording")
        value: dict[str, Any] = json.loads(self.result_file.read_text())
        return value


class Started:
    """A recorded command that runs."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self.process = process

    def __enter__(self) -> "subprocess.Popen[bytes]":
        return self.process

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self.process.poll() is None:
            self.process.kill()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream:
                stream.close()
        self.process.wait(PATIENCE)


class Terminal(_Spawn):
    """A program under a terminal."""

    def __init__(self, *args: Any, **options: Any) -> None:
        defaults: dict[str, Any] = {"timeout": PATIENCE, "encoding": "utf-8"}
        super().__init__(*args, **defaults | options)
        self.delaybeforesend = None

    def end(self) -> int:
        """Wait for its end and return its exit status, or minus the signal."""
        self.expect(pexpect.EOF)
        self.close()
        if self.signalstatus is not None:
            return -self.signalstatus
        assert self.exitstatus is not None
        return self.exitstatus

    def hang_up(self) -> None:
        """Take the terminal away, without the signals that `close` sends to what lives on."""
        process: Any = vars(self)["ptyproc"]
        process.fileobj.close()
        process.closed = self.closed = True

    def found(self, pattern: str) -> int:
        """Wait for a pattern with a group, and return the number that it matched."""
        self.expect(pattern)
        assert isinstance(self.match, re.Match)
        return int(self.match.group(1))


def line(stream: "IO[bytes] | None") -> bytes:
    """Read a line."""
    assert stream is not None
    return stream.readline()


def alive(pid: int) -> bool:
    """Whether the process runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def recording(tmp_path: Path, home: Path) -> Recording:
    """A directory to record commands in."""
    directory = tmp_path / "work"
    directory.mkdir()
    return Recording(directory, home)


__all__ = ["Recording", "Started", "Terminal", "alive", "line", "recording"]
