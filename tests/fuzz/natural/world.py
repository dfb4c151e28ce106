"""Two clones of one server, one with a second worktree; and what the book says of what git made there."""

import json
import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from random import Random

from tests.fuzz.natural.book import EMPTY, HAND, NOBODY, Book, Files, Text, Writer, joined, split
from tests.fuzz.natural.text import Pool
from tests.support.repo import Repo, hermetic_environment, make_repo

_OUR_REFS = ("refs/notes/*", "refs/trace/*")
_CONFIG = {"user.name": "Sam", "user.email": "sam@example.com", "advice.detachedHead": "false", "gc.auto": "0"}
_PEOPLE = {"a": "Ann", "a2": "Abe", "b": "Bo"}


class Desk:
    """A worktree, and who works there; `clone` is the name of the clone that it is of."""

    def __init__(self, world: "World", name: str, clone: str) -> None:
        self.world = world
        self.name = name
        self.clone = clone
        who = {"NAME": _PEOPLE[name], "EMAIL": f"{name}@example.com"}
        person = {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}
        self.repo = Repo(world.top / name, world.env | person)
        self.files: Files = {}
        self.session: str | None = None

    @property
    def hand(self) -> Writer:
        """Who types here now."""
        return (self.session, HAND) if self.session else NOBODY

    def git(self, *args: str, ok: bool = True) -> str:
        """Run git; unless `ok`, it may fail."""
        return self.repo.git(*args, status=0 if ok else None)

    def maybe_recorded(self, part: float, *args: str, ok: bool = True) -> None:
        """Run git, in a session for a part of the times as a recorded command."""
        recorded = self.session and self.world.rng.random() < part
        self.git(*(("trace", "run", "-m", self.world.label(), "--", "git") if recorded else ()), *args, ok=ok)

    def head(self) -> str:
        """Return the oid of HEAD."""
        return self.git("rev-parse", "HEAD")

    def is_dirty(self) -> bool:
        """Tell whether there is something to commit."""
        return bool(self.git("status", "--porcelain"))

    def branches(self, free: bool = False) -> list[str]:
        """Return the local branches; `free` ones are those that no worktree has."""
        names = self.git("for-each-ref", "--format=%(refname:short)", "refs/heads").split("\n")
        used = self.git("worktree", "list", "--porcelain").split("\n") if free else []
        return [name for name in names if f"branch refs/heads/{name}" not in used]

    def commits(self, *asked: str) -> list[str]:
        """Return commits as `git rev-list` does."""
        return self.git("rev-list", *asked).split()

    def write(self, changes: dict[str, Text | None], label: str | None) -> None:
        """Write files, and delete those that are None: by hand, or by a recorded command with that reasoning."""
        if self.session:
            self.world.took(self.session, self.files, changes)
        kept = {name: text for name, text in {**self.files, **changes}.items() if text is not None}
        target = self.repo.top
        if label:
            target = self.world.top / "box"
            shutil.rmtree(target, ignore_errors=True)
            target.mkdir()
        for name, text in changes.items():
            path = target / name
            if text is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(joined(text.lines))
            elif not label:
                path.unlink(missing_ok=True)
        if label:
            gone = " ".join(f"'{name}'" for name, text in changes.items() if text is None)
            script = f"rm -f {gone}; cp -R {target}/. ." if gone else f"cp -R {target}/. ."
            self.git("trace", "run", "-m", label, "--", "sh", "-c", script)
        self.files = kept


class World:
    """The stage.

    By trace, `took_away` are the numbers of lines that went in its sessions, and `renamed` old and new names.
    """

    def __init__(self, top: Path, rng: Random, source: Path | None, waits: bool) -> None:
        self.top = top
        self.rng = rng
        self.pool = Pool(rng, source)
        self.book = Book()
        self.log: list[str] = []
        self.traces: dict[str, str] = {}
        self.took_away: dict[str, set[int]] = {}
        self.renamed: dict[str, set[str]] = {}
        self.labels = 0
        home = top / "home"
        home.mkdir()
        path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"
        self.env = hermetic_environment(home) | {"PATH": path, "GIT_EDITOR": "true"}
        make_repo(top / "server", self.env).git("config", "receive.denyCurrentBranch", "ignore")
        self.desks = [self._clone("a"), Desk(self, "a2", "a")]
        first, second = self.desks
        start = {name: Text(lines, [self.book.new(line, NOBODY) for line in lines]) for name, lines in self._base()}
        first.write(dict(start), None)
        first.git("add", "-A")
        first.git("commit", "-q", "-m", "base")
        first.git("push", "-q", "origin", "HEAD:main")
        self.base = first.head()
        first.git("worktree", "add", "-q", "-b", "side", str(second.repo.top))
        self.desks.append(self._clone("b"))
        for desk in self.desks:
            desk.files = dict(start)
        for desk in (first, self.desks[2]):
            if waits:
                desk.git("config", "trace.seal", "now")
            desk.git("trace", "init")
        self.sync()

    def say(self, text: str) -> None:
        """Write down what is done."""
        self.log.append(text)

    def label(self) -> str:
        """Return the reasoning of the next recorded command."""
        self.labels += 1
        return f"EV{self.labels}"

    def start(self, desk: Desk) -> None:
        """Start a session of a new trace, or of one that is known in the clone."""
        known = [trace for trace, clone in self.traces.items() if clone == desk.clone]
        how = ("--trace", self.rng.choice(known)) if known and self.rng.random() < 0.3 else ("-m", "work")
        agent = self.rng.choice(((), ("--agent", "robot@1"), ("--agent", "helper@2")))
        desk.session = str(json.loads(desk.git("trace", "start", "--json", *how, *agent))["trace_id"])
        self.traces.setdefault(desk.session, desk.clone)
        self.took_away.setdefault(desk.session, set())
        self.renamed.setdefault(desk.session, set())

    def took(self, trace: str, files: Files, changes: dict[str, Text | None]) -> None:
        """Take down which lines go in a session."""
        for name, text in changes.items():
            self.took_away[trace].update(set(files.get(name, EMPTY).numbers) - set((text or EMPTY).numbers))

    def sync(self, hints: Iterable[str] = ()) -> None:
        """Take down what git made: commits, and what the worktrees hold; `hints` are commits that it was made of."""
        hinted = [self.book.commits[commit] for commit in hints if commit in self.book.commits]
        for desk in self.desks:
            self._read_commits(desk, hinted)
            states = [self.book.commits[desk.head()], desk.files, *hinted]
            desk.files = {
                name: desk.files[name]
                if name in desk.files and desk.files[name].lines == lines
                else self._derived(name, lines, states)
                for name, lines in self._worktree(desk)
            }

    def _clone(self, name: str) -> Desk:
        repo = make_repo(self.top / name, self.env)
        repo.git("remote", "add", "origin", str(self.top / "server"))
        for key, value in _CONFIG.items():
            repo.git("config", key, value)
        desk = Desk(self, name, name)
        if self.book.commits or self.book.origins:
            desk.git("fetch", "-q", "origin")
            desk.git("reset", "-q", "--hard", "origin/main")
        return desk

    def _base(self) -> Iterable[tuple[str, list[bytes]]]:
        return self.pool.base(6).items()

    def _worktree(self, desk: Desk) -> Iterable[tuple[str, list[bytes]]]:
        for name in dict.fromkeys(desk.git("ls-files", "-z", "-co", "--exclude-standard").split("\0")):
            path = desk.repo.top / name
            if name and path.is_file():
                yield name, split(path.read_bytes())

    def _read_commits(self, desk: Desk, hinted: Sequence[Files]) -> None:
        excluded = [f"--exclude={ref}" for ref in _OUR_REFS]
        for row in desk.git(
            "rev-list", *excluded, "--all", "--reflog", "HEAD", "--topo-order", "--reverse", "--parents"
        ).split("\n"):
            oid, *parents = row.split(" ")
            if oid in self.book.commits or not all(parent in self.book.commits for parent in parents):
                continue
            time, subject = desk.git("show", "-s", "--format=%ct %s", oid).split(" ", 1)
            # our own refs have histories of their own, and so have untracked files in a stash
            if not parents and self.book.commits and not subject.startswith("untracked files on"):
                continue
            self.book.times[oid], self.book.parents[oid] = int(time), parents
            states = [*(self.book.commits[parent] for parent in parents), *hinted, desk.files]
            self.book.commits[oid] = {name: self._derived(name, lines, states) for name, lines in self._tree(desk, oid)}

    def _tree(self, desk: Desk, commit: str) -> Iterable[tuple[str, list[bytes]]]:
        for row in desk.git("ls-tree", "-rz", commit).split("\0"):
            meta, _, name = row.partition("\t")
            if name:
                yield name, split(desk.repo.run("git", "cat-file", "blob", meta.split(" ")[2]))

    def _derived(self, name: str, lines: list[bytes], states: Sequence[Files]) -> Text:
        sources = [state[name] for state in states if name in state]
        others = [text for state in states for text in state.values()]
        if name not in states[0] and others:
            sources.append(max(others, key=lambda text: len(set(text.lines) & set(lines))))
        return self.book.derive(lines, sources, others)
