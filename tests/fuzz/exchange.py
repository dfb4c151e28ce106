"""The stage of `tests.fuzz.sharing`: clones of one server, in which people record, push, fetch and forget.

All on the real command line, with hooks that start the real publisher. What is known of the truth: which commits the
server ever had, which events were recorded, which traces were forgotten.
"""

import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gittrace.vocabulary import SHARED_NOTES_REFS
from tests.fuzz.checks import Broken
from tests.fuzz.outside import Silence
from tests.share.support import Server
from tests.support.program import with_program
from tests.support.repo import Repo

BRANCHES = ("--branches", "--tags")


class Exchange:
    """The server, the clones `a`, `b` and `c`, and what happened.

    public      commits that the server ever had
    recorded    event -> trace, of all that were recorded
    forgotten   traces that somebody forgot
    opened      clones that published private work on purpose, and those that they were copied to
    """

    def __init__(self, top: Path, env: dict[str, str]) -> None:
        self.top = top
        self.env = with_program(top / "bin", {k: v for k, v in env.items() if k != "PYTHONDONTWRITEBYTECODE"})
        self.silence = Silence()
        self.transcript: list[str] = []
        self.public: set[str] = set()
        self.recorded: dict[str, str] = {}
        self.forgotten: set[str] = set()
        self.opened: set[str] = set()
        self.server = Server(Repo(top / "server.git", self.env))
        self.server.repo.top.mkdir()
        self.server.repo.git("init", "-q", "--bare", "-b", "main", ".")
        self.clones: list[Clone] = []
        seed = self._clone("seed")
        seed.repo.commit("README", "of all\n")
        seed.repo.git("push", "-q", "origin", "main")
        for name in "abc":
            clone = self._clone(name)
            clone.repo.git("trace", "init", "--share", "origin")
            self.clones.append(clone)
        self.see()

    def _clone(self, name: str) -> "Clone":
        Repo(self.top, self.env).git("clone", "-q", self.server.url, name)
        return Clone(self, name, self.person(name))

    def person(self, name: str) -> Repo:
        """Return a worktree, and who works in it."""
        who = {"NAME": f"Ann {name}", "EMAIL": f"{name}@example.com"}
        env = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        return Repo(self.top / name, self.env | env, self.silence.held)

    def settle(self) -> None:
        """Wait for what hooks left behind, and look at the server."""
        self.silence.wait()
        self.see()

    def see(self) -> None:
        """Remember the commits that the server has."""
        self.public.update(self.server.repo.git("rev-list", *BRANCHES).split())

    def tips(self) -> dict[str, str]:
        """Return the notes of each writer at the server."""
        out = self.server.repo.git("for-each-ref", "--format=%(refname) %(objectname)", SHARED_NOTES_REFS)
        return dict(line.removeprefix(SHARED_NOTES_REFS).split(" ") for line in out.splitlines())


@dataclass
class Clone:
    """A clone, and what its person does there."""

    exchange: Exchange
    name: str
    repo: Repo
    lines: int = 0
    remote: str = "origin"
    told: list[str] = field(default_factory=list)

    def git(self, *args: str, status: int | None = 0) -> str:
        """Run git there; it is noted down."""
        self.exchange.transcript.append(f"{self.name}$ git {' '.join(args)}")
        try:
            out = self.repo.git(*args, status=status)
        finally:
            if said := self.repo.errors.strip():
                self.exchange.transcript += [f"    {line}" for line in said.splitlines()]
        if "Traceback (most recent call last)" in self.repo.errors:
            raise Broken("no traceback", self.repo.errors)
        return out

    def works(self, *args: str) -> bool:
        """Run git where it may fail, and tell whether it did what it was told."""
        self.git(*args, status=None)
        return not self.repo.status

    def ask(self, *args: str) -> Any:
        """Return the JSON that a command of ours prints; those that find nothing may end with 1."""
        said = self.repo.git("trace", *args, "--json", status=None)
        if self.repo.status not in (0, 1) or not said:
            raise AssertionError(f"{args!r} ended with {self.repo.status}:\n{said}{self.repo.errors}")
        return json.loads(said)

    def active(self) -> str | None:
        """Return the trace that is recorded there."""
        active = self.ask("status")["active"]
        return str(active["trace_id"]) if active else None

    def write(self, path: str) -> None:
        """Add a line that is nowhere else to a file."""
        self.lines += 1
        with open(self.repo.top / path, "a") as file:
            file.write(f"line {self.lines} of {self.name}, which nobody else wrote\n")

    def record(self) -> None:
        """Record a command, and remember the event."""
        self.git("trace", "run", "-m", f"line {self.lines}", "--", sys.executable, "-c", "")
        trace = self.active()
        if trace is None:
            raise Broken("a session goes on", f"none in {self.name}")
        event = self.ask("show", "@~0")["event"]
        if event["kind"] == "command":
            self.exchange.recorded[event["id"]] = trace

    def commit(self) -> None:
        """Commit all there is."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", f"{self.name}: line {self.lines}")

    def tidy(self) -> None:
        """Leave nothing uncommitted."""
        if self.repo.git("status", "--porcelain"):
            self.commit()

    def branches(self) -> list[str]:
        """Return its branches."""
        return self.repo.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def traces(self) -> dict[str, dict[str, Any]]:
        """Return what it knows of each trace."""
        return {item["trace_id"]: item for item in self.ask("list")}
