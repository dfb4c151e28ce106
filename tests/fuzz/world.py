"""The stage: a bare server, two clones of it, the worktrees in which people work, and who records where."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from gittrace.git.repository import Repository
from gittrace.trace.upkeep.initialize import initialize
from gittrace.vocabulary import HOOKS_DIR
from tests.fuzz.model import Commits, Ledger, Writer, is_text, line, tokens
from tests.support.recording import Recording
from tests.support.repo import Repo, make_repo

_NAMES = (b"a.txt", b"b.txt", b"dir/c.txt", b"dir/sp ace.txt")


@dataclass(frozen=True)
class Setup:
    """How a program's stage is built. `sealer`: none (the steps seal), now or detached (the hooks do)."""

    sealer: str = "none"
    object_format: str = "sha1"


class Clock:
    """The time of the stage: it goes on by what happens, so a program is the same on any machine, on any day.

    Where hooks start the sealer it is the machine's, which is what the sealer sees.
    """

    def __init__(self, real: bool) -> None:
        self.real = real
        self.now_ns = 1_800_000_000 * 10**9

    def tick(self, seconds: float = 0.09) -> None:
        """Let time pass."""
        self.now_ns += int(seconds * 10**9)

    def time(self) -> float:
        """Stand for `time.time`."""
        return self.time_ns() / 10**9

    def time_ns(self) -> int:
        """Stand for `time.time_ns`: no two moments are the same."""
        self.now_ns += 1000
        return self.now_ns

    def environment(self) -> dict[str, str]:
        """Return what tells git the time."""
        date = f"{self.now_ns // 10**9} +0000"
        return {} if self.real else {"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}


@dataclass
class Clone:
    """A clone: its model of history, the traces that were begun in it and the events recorded in each, by name."""

    name: str
    commits: Commits
    events: dict[str, list[str]] = field(default_factory=dict)

    @property
    def traces(self) -> list[str]:
        """Its traces, the oldest first."""
        return list(self.events)


class Started(Protocol):
    """A session that was started."""

    @property
    def trace_id(self) -> str:
        """Its trace."""


class Recorder(Protocol):
    """What records at a desk."""

    @property
    def here(self) -> Repository:
        """Where it records."""

    def start(self, trace_id: str | None = None, title: str | None = None) -> Started:
        """Start a session, of a new trace or of the one that is named."""

    def stop(self, success: bool | None = None) -> object:
        """Stop the session."""

    def seal(self) -> object:
        """Have sealed what can be."""

    def recorded(self, *argv: str) -> AbstractContextManager[None]:
        """Record what is done inside as a command."""


class Desk:
    """A worktree in which somebody works, at times in a session."""

    def __init__(self, world: "World", name: str, clone: Clone, repo: Repo) -> None:
        self.world = world
        self.name = name
        self.clone = clone
        self.repo = repo
        self.work = world.recorder(repo)
        self.trace: str | None = None
        self.pending: set[int] = set()
        self.seen: dict[bytes, frozenset[int]] = {}
        self.event: str | None = None

    def say(self, text: str) -> None:
        """Write a line of the transcript."""
        self.world.transcript.append(f"{self.name}{' *' if self.trace else ''}: {text}")

    def git(self, *args: str, stdin: bytes | None = None, env: dict[str, str] | None = None, ok: bool = True) -> str:
        """Run git; without `ok` it may fail, as when there are conflicts or nothing to do."""
        self.world.clock.tick()
        out = self.repo.git(
            *args, stdin=stdin, env=self.world.clock.environment() | (env or {}), status=0 if ok else None
        )
        failed = f"  [{self.repo.status}]" if self.repo.status else ""
        self.say(f"git {' '.join(args)}{failed}")
        self.observe()
        return out

    def ask(self, *args: str) -> str:
        """Ask git something; no step of the program, and it may fail."""
        return self.repo.git(*args, status=None)

    def files(self) -> dict[bytes, bytes]:
        """Return the worktree's files."""
        found = {}
        top = os.fsencode(self.repo.top)
        for folder, folders, names in os.walk(top):
            folders[:] = sorted(set(folders) - {b".git"})
            for name in sorted(names):
                path = os.path.join(folder, name)
                if path != os.path.join(top, b".git"):
                    with open(path, "rb") as file:
                        found[os.path.relpath(path, top)] = file.read()
        return found

    def observe(self) -> dict[bytes, bytes]:
        """Tell the ledger what stands in the worktree now, and return it."""
        files = self.files()
        ledger = self.world.ledger
        now = {path: tokens(data) for path, data in files.items()}
        for data in files.values():
            ledger.saw(hashlib.sha256(data).digest(), self.trace)
        if self.trace:
            ledger.deleted |= {(self.trace, path) for path in self.seen.keys() - now.keys()}
            gone = (token for path, had in self.seen.items() for token in had - now.get(path, frozenset()))
            ledger.removed |= {(self.trace, token) for token in gone}
        self.seen = now
        return files

    def new_line(self) -> bytes:
        """Make up a line: an event's, when one is being recorded; else one that the session has yet to see."""
        if self.trace and self.event:
            return line(self.world.ledger.new(Writer(self.trace, frozenset((self.event,)))))
        token = self.world.ledger.new(None)
        if self.trace:
            self.pending.add(token)
        return line(token)

    def sees(self, here: frozenset[int]) -> None:
        """Say that the session will find these tokens, in a snapshot or a commit: what of them is pending is its."""
        for token in self.pending & here:
            self.world.ledger.writers[token] = Writer(self.trace) if self.trace else None
        self.pending -= here

    def snapshot(self) -> None:
        """Say that the session sees the worktree: nobody can know whether it will ever see what is not there."""
        self.sees(frozenset[int]().union(*map(tokens, self.files().values())))
        self.doubt()

    def commit(self, *options: str) -> None:
        """Commit what is staged; there may be nothing."""
        before = self.ask("rev-parse", "HEAD")
        self.git("commit", "-q", *(options or ("-m", "work")), ok=False)
        if self.ask("rev-parse", "HEAD") != before:
            self.committed()

    def committed(self) -> None:
        """Say that the session will find HEAD's commit."""
        files = self.clone.commits.commit(self.ask("rev-parse", "HEAD")).files.values()
        self.sees(frozenset[int]().union(*(file.tokens for file in files)))
        for file in files:  # one that was staged in part stood in no worktree
            self.world.ledger.saw(file.digest, self.trace)

    def doubt(self) -> None:
        """Say that nobody can know whether the session will see what is pending."""
        self.world.ledger.unsure |= self.pending
        self.pending.clear()

    @contextmanager
    def recorded(self) -> Iterator[None]:
        """Record what is done inside as a command of the session."""
        assert self.trace
        name = self.world.new_name()
        self.world.clock.tick()
        self.say(f"begin {name}")
        with self.work.recorded(name):
            self.snapshot()
            self.event = name
            try:
                yield
            finally:
                self.event = None
        self.clone.events[self.trace].append(name)
        self.say(f"end {name}")

    def busy(self) -> bool:
        """Tell whether a merge, rebase or series of picks waits for an answer."""
        git_dir = self.repo.git_dir
        names = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply", "sequencer")
        return any((git_dir / name).exists() for name in names)

    def branches(self) -> list[str]:
        """Return the branches."""
        return self.ask("for-each-ref", "--format=%(refname:short)", "refs/heads").split()

    def own_commits(self, count: int = 6) -> list[str]:
        """Return the last commits of this branch, newest first, without the first one."""
        return self.ask("rev-list", "--no-merges", f"-n{count}", "--min-parents=1", "HEAD").split()


class World:
    """Server, clones and desks, and the ledger over all of them."""

    def __init__(self, top: Path, env: dict[str, str], setup: Setup) -> None:
        self.top = top
        self.clock = Clock(real=setup.sealer != "none")
        self.env = env | self.clock.environment()
        self.setup = setup
        self.ledger = Ledger()
        self.transcript: list[str] = []
        self.named = 0
        make_repo(top / "server", self.env, setup.object_format).git("config", "core.bare", "true")
        self.repo("server").git("config", "receive.denyCurrentBranch", "ignore")
        first = self.clone("a")
        self._begin()
        self.repo("a").git("worktree", "add", "-q", "-b", "side", "../a2")
        second = self.clone("b")
        self.desks = [Desk(self, name, clone, self.repo(name)) for name, clone in (("a", first), ("a2", first))]
        self.desks.append(Desk(self, "b", second, self.repo("b")))
        for desk in (self.desks[0], self.desks[2]):
            self.initialize(desk)
        for desk in self.desks:
            desk.observe()

    def new_name(self) -> str:
        """Return a name for an event."""
        self.named += 1
        return f"ev{self.named}"

    def repo(self, name: str) -> Repo:
        """Return a worktree of the stage, or the server."""
        return Repo(self.top / name, self.env)

    def recorder(self, repo: Repo) -> Recorder:
        """Return what records in a worktree."""
        return Recording(repo)

    def initialize(self, desk: Desk) -> None:
        """Install the hooks of a clone."""
        initialize(desk.work.here)
        if self.setup.sealer == "none":
            (Path(desk.work.here.common_trace_dir) / HOOKS_DIR / "seal").unlink()

    def clone(self, name: str) -> Clone:
        """Make a clone of the server."""
        if any(self.top.glob("*/.git/refs/remotes/origin")):
            Repo(self.top, self.env).git("clone", "-q", "server", name)
        else:  # a clone of an empty repository would be one of SHA-1
            make_repo(self.top / name, self.env, self.setup.object_format).git("remote", "add", "origin", "../server")
        repo = self.repo(name)
        repo.git("config", "trace.seal", "now" if self.setup.sealer == "now" else "detached")
        repo.git("config", "gc.reflogExpire", "never")  # the stage's time is not that of the machine
        repo.git("config", "gc.reflogExpireUnreachable", "never")
        return Clone(name, Commits(self.top / name, self.env))

    def _begin(self) -> None:
        repo = self.repo("a")
        for name in _NAMES:
            repo.write(name, b"".join(line(self.ledger.new(None)) for _ in range(8)))
        repo.git("add", "-A")
        repo.git("commit", "-q", "-m", "base")
        repo.git("push", "-q", "origin", "HEAD")

    def step_done(self) -> None:
        """Do what is to be done after each step."""

    def settle(self) -> None:
        """Wait for what hooks left behind, where that can be."""


def scribble(desk: Desk, rng: Random) -> None:
    """Edit a few files by hand: insert, replace, delete, move and indent lines, make and remove files."""
    for _ in range(rng.randint(1, 3)):
        files = {path: data for path, data in desk.files().items() if is_text(data)}
        edit = rng.choices(_EDITS, _WEIGHTS)[0] if files else _create
        edit(desk, rng, files)
    desk.observe()


def _save(desk: Desk, path: bytes, rows: list[bytes], what: str) -> None:
    desk.repo.write(path, b"".join(rows))
    desk.say(f"{what} {os.fsdecode(path)}")


def _rows(rng: Random, files: dict[bytes, bytes]) -> tuple[bytes, list[bytes], int]:
    path = rng.choice(sorted(files))
    rows = files[path].splitlines(keepends=True)
    return path, rows, rng.randint(0, max(len(rows) - 1, 0))


def _insert(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    path, rows, at = _rows(rng, files)
    new = [desk.new_line() for _ in range(rng.randint(1, 4))]
    _save(desk, path, rows[:at] + new + rows[at:], f"insert {_named(new)} in")


def _replace(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    path, rows, at = _rows(rng, files)
    new = [desk.new_line()]
    _save(desk, path, rows[:at] + new + rows[at + 1 :], f"put {_named(new)} for {_named(rows[at : at + 1])} in")


def _delete(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    path, rows, at = _rows(rng, files)
    count = rng.randint(1, 2)
    _save(desk, path, rows[:at] + rows[at + count :], f"delete {_named(rows[at : at + count])} from")


def _move(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    source, rows, at = _rows(rng, files)
    target, others, to = _rows(rng, files)
    if source == target:
        return
    count = rng.randint(1, 3)
    _save(desk, source, rows[:at] + rows[at + count :], f"move {_named(rows[at : at + count])} from")
    _save(desk, target, others[:to] + rows[at : at + count] + others[to:], "... to")


def _indent(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    path, rows, at = _rows(rng, files)
    count = rng.randint(1, 3)
    moved = [b"    " + row for row in rows[at : at + count]]
    _save(desk, path, rows[:at] + moved + rows[at + count :], f"indent {_named(moved)} in")


def _create(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    path = b"new/%d.txt" % len(desk.world.ledger.writers)
    new = [desk.new_line() for _ in range(rng.randint(1, 6))]
    _save(desk, path, new, f"create with {_named(new)}")


def _remove(desk: Desk, rng: Random, files: dict[bytes, bytes]) -> None:
    if len(files) > 3:
        path = rng.choice(sorted(files))
        os.unlink(os.path.join(os.fsencode(desk.repo.top), path))
        desk.say(f"remove {os.fsdecode(path)}")


def _named(rows: list[bytes]) -> str:
    return " ".join(f"t{token}" for row in rows for token in tokens(row)) or "nothing"


_EDITS = (_insert, _replace, _delete, _move, _indent, _create, _remove)
_WEIGHTS = (8, 5, 3, 2, 1, 3, 1)
