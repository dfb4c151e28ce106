"""The stage as seen from outside: `git trace` on the command line, hooks that start the real sealer, several people.

There is a clone more than on the usual stage, `c`, in which nobody records and no hook runs: what is squashed, rebased
and force-pushed there comes to the others by `git fetch`, as from a server.
"""

import fcntl
import json
import os
import select
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from gittrace.git.repository import Repository
from tests.fuzz.world import Desk, Setup, World
from tests.support.recording import view
from tests.support.repo import Repo

# what hooks leave behind closes the descriptors below it
_FIRST_KEPT = 200
_PATIENCE = 60
# says that it began, and goes on until it is told to end; its last word is the event's name
_HOLD = ("sh", "-c", "echo began; read -r _")
_PEOPLE = {"a": "Ann", "a2": "Abe", "b": "Bo", "c": "Cy"}
# in whose sessions an agent works
_AGENTS = {"a2": ("--agent", "helper@1.0")}


class Silence:
    """Knows when all programs of the stage have ended, those that hooks left behind too: each holds a pipe open."""

    def __init__(self) -> None:
        # the descriptors that each program is to inherit
        self.held: list[int] = []
        self._open()

    def wait(self) -> None:
        """Wait until they have ended."""
        os.close(self.held.pop())
        ready, _, _ = select.select([self._reading], [], [], _PATIENCE)
        os.close(self._reading)
        self._open()
        if not ready:
            raise AssertionError(f"something still runs after {_PATIENCE} s")

    def _open(self) -> None:
        self._reading, writing = os.pipe()
        self.held.append(fcntl.fcntl(writing, fcntl.F_DUPFD, _FIRST_KEPT))
        os.close(writing)


@dataclass(frozen=True)
class Session:
    """A session that was started."""

    trace_id: str


class CommandLine:
    """Records in a worktree by `git trace`, as people do."""

    def __init__(self, repo: Repo, agent: tuple[str, ...]) -> None:
        self.repo = repo
        self.agent = agent
        self.here: Repository = view(repo)

    def start(self, trace_id: str | None = None, title: str | None = None) -> Session:
        """Start a session."""
        wanted = ("--trace", trace_id) if trace_id else ("-m", title or "work")
        said = json.loads(self.repo.git("trace", "start", "--json", *wanted, *self.agent))
        return Session(str(said["trace_id"]))

    def stop(self, success: bool | None = None) -> None:
        """Stop the session."""
        verdict = {True: ["--success"], False: ["--failure"], None: []}[success]
        self.repo.git("trace", "stop", *verdict)

    def seal(self) -> None:
        """Seal."""
        self.repo.git("trace", "seal")

    @contextmanager
    def recorded(self, *argv: str) -> Iterator[None]:
        """Record what is done inside: a command that waits meanwhile."""
        process = subprocess.Popen(
            ("git", "trace", "run", "-m", f"because of {argv}", "--", *_HOLD, *argv),
            cwd=self.repo.top,
            env=self.repo.env,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            pass_fds=self.repo.inherited,
        )
        assert process.stdout
        began = process.stdout.readline()
        try:
            yield
        finally:
            _, errors = process.communicate(b"go on\n", timeout=_PATIENCE)
        if began != b"began\n" or process.returncode or errors:
            raise AssertionError(f"'git trace run' of {argv} ended with {process.returncode}: {errors.decode()}")


class Outside(World):
    """The stage.

    `setup.sealer` is `outside`, where hooks leave sealers behind that work beside what comes next, or `waited`: then
    each step waits for them, so that a program that fails fails again.
    """

    def __init__(self, top: Path, env: dict[str, str], setup: Setup) -> None:
        self.silence = Silence()
        env = {key: value for key, value in env.items() if key != "PYTHONDONTWRITEBYTECODE"}
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{env['PATH']}"
        super().__init__(top, env | {"PATH": path, "FILTER_BRANCH_SQUELCH_WARNING": "1"}, setup)
        stranger = self.clone("c")
        self.desks.append(Desk(self, "c", stranger, self.repo("c")))
        self.desks[-1].observe()

    def repo(self, name: str) -> Repo:
        """Return a worktree, and who works in it."""
        person = _PEOPLE.get(name, "Sam")
        who = {"NAME": person, "EMAIL": f"{person.lower()}@example.com"}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        return Repo(self.top / name, self.env | env, self.silence.held)

    def recorder(self, repo: Repo) -> CommandLine:
        """Return what records in a worktree."""
        return CommandLine(repo, _AGENTS.get(repo.top.name, ()))

    def initialize(self, desk: Desk) -> None:
        """Install the hooks of a clone."""
        desk.repo.git("trace", "init")

    def step_done(self) -> None:
        """Wait for what hooks left behind, if this is such a stage."""
        if self.setup.sealer == "waited":
            self.settle()

    def settle(self) -> None:
        """Wait for what hooks left behind."""
        self.silence.wait()
