"""Sessions driven in this process, on a real repository with real hooks, and what must hold after each scenario.

The hooks are installed without their sealer: a test says when it runs, so nothing depends on timing.
"""

import os
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from gittrace.capture.output import Output
from gittrace.capture.record import Recorder
from gittrace.capture.worker import Result
from gittrace.clock import now, uuid7
from gittrace.git import hooks
from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository
from gittrace.journal.append import Journal
from gittrace.journal.read import read
from gittrace.journal.running import withdraw
from gittrace.model.segment import decode, parse_note
from gittrace.trace.recording.session import Start, current, start, stop
from gittrace.trace.sealing.seal import Sealed, seal
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import OK, rebuild
from gittrace.trace.upkeep.initialize import initialize
from gittrace.vocabulary import HOOK, HOOKS_DIR, NOTES_REF, SESSION, SESSIONS_DIR, TRACE_REFS
from tests.support.repo import Repo, hermetic_environment, make_repo

Event = dict[str, Any]


@dataclass(frozen=True)
class Piece:
    """A segment as it was found: the commit whose note holds it ('' for an unlinked one), its header, its events."""

    commit: str
    session: str
    index: int
    header: Event
    events: tuple[Event, ...]

    @property
    def words(self) -> list[str]:
        """What its events were: the commands, else their kinds."""
        return [str(event.get("command", event["kind"])) for event in self.events]


def view(repo: Repo) -> Repository:
    """Return the package's view of a test's worktree."""
    asked = ("--absolute-git-dir", "--path-format=absolute", "--git-common-dir", "--show-object-format")
    git_dir, common_dir, object_format = repo.git("rev-parse", *asked).split("\n")
    return Repository(os.fspath(repo.top), git_dir, common_dir, object_format)


class Recording:
    """A worktree in which sessions are recorded."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        self.here = view(repo)

    def git(self, *args: str | bytes, env: Mapping[str, str] | None = None, status: int | None = 0) -> str:
        """Run git."""
        return self.repo.git(*args, env=env, status=status)

    def run_bytes(self, *argv: str) -> bytes:
        """Run a program and return its output."""
        return self.repo.run(*argv)

    def head(self, name: str = "HEAD") -> str:
        """Return the oid of a revision."""
        return self.git("rev-parse", "--verify", name)

    def install(self) -> None:
        """Install the hooks, without the sealer that they would start."""
        initialize(self.here)
        (Path(self.here.common_trace_dir) / HOOKS_DIR / "seal").unlink()

    def unhook(self) -> None:
        """Take the hooks away again."""
        hooks.uninstall(self.here)

    def start(self, trace_id: str | None = None, title: str | None = None) -> Start:
        """Start a session."""
        return start(self.here, "dev-0123456789abcdef", title, trace_id)

    def stop(self, success: bool | None = None) -> Sealed:
        """Stop the session and seal."""
        stop(self.here, success, None)
        return self.seal()

    def write(self, **files: str | bytes) -> None:
        """Write files: `write(a="1\\n")` writes `a`."""
        for name, content in files.items():
            self.repo.write(name.replace("__", "/"), content)

    def run(self, *argv: str, status: int | None = 0) -> None:
        """Record a command, as `git trace run` does but without its terminal."""
        with self.recorded(*argv):
            self.repo.run(*argv, status=status)

    def did(self, name: str = "make", **files: str | bytes) -> None:
        """Record a command that writes files."""
        with self.recorded(name):
            self.write(**files)

    @contextmanager
    def recorded(self, *argv: str) -> Iterator[None]:
        """Record what is done inside as a command."""
        recorder = Recorder(self.here, current(self.here), list(argv), None)
        recorder._before()
        recorder._began()
        result = Result(time.time_ns(), Output(self.here.trace_dir), terminal=False)
        yield
        result.exit_code = max(self.repo.status, 0)
        result.duration_ns = time.time_ns() - result.began_ns
        recorder._record(result)
        lock = os.path.join(self.here.trace_dir, f"running.{recorder.event_id}")
        held = [fd for fd in os.listdir("/dev/fd") if os.path.realpath(f"/dev/fd/{fd}") == lock]
        withdraw(self.here.trace_dir, recorder.event_id)
        # a recorder ends now, and this process goes on
        for fd in held:
            os.close(int(fd))

    def commit(self, message: str = "work", *options: str) -> str:
        """Commit all of the worktree, and return the commit."""
        self.git("add", "-A")
        self.git("commit", "-q", "--allow-empty", "-m", message, *options)
        return self.head()

    def seal(self) -> Sealed:
        """Seal; nothing may fail."""
        sealed = seal(self.here)
        assert sealed.failed == [], sealed.failed
        return sealed

    def pieces(self, ref: str = NOTES_REF) -> list[Piece]:
        """Return the segments of all notes, and the unlinked ones, by session and index."""
        found = []
        with open_objects(self.here) as store:
            for line in self.git("ls-tree", "-r", ref, status=None).splitlines():
                oid, _, name = line.partition("\t")
                found += list(_pieces(name.replace("/", ""), store.blob(oid.split(" ")[2])))
            for hidden_ref in self.git("for-each-ref", "--format=%(refname)", TRACE_REFS).splitlines():
                for line in self.git("ls-tree", f"{hidden_ref}:segments", status=None).splitlines():
                    found += list(_pieces("", store.blob(line.split()[2])))
        return sorted(found, key=lambda piece: (piece.session, piece.index, piece.commit))

    def noted(self, commit: str) -> list[list[str]]:
        """Return what the segments of a commit's note hold, in words."""
        return [piece.words for piece in self.pieces() if piece.commit == commit]

    def unlinked(self) -> list[list[str]]:
        """Return what the segments of no commit hold, in words."""
        return self.noted("")

    def journals(self) -> dict[str, list[Event]]:
        """Return the events of every session's journal, its header left out."""
        folder = Path(self.here.common_trace_dir) / SESSIONS_DIR
        return {
            path.stem: [event for event in read(str(path)).events if event["kind"] not in (SESSION, HOOK)]
            for path in sorted(folder.glob("*.jsonl"))
        }

    def check(self, tmp: Path) -> None:
        """Assert what holds after every scenario, sealed once more, here and in a clone."""
        self.check_here()
        proved(self, tmp / "clone")

    def check_here(self) -> None:
        """Assert what holds after every scenario, sealed once more, though what a trace began on may be gone."""
        before = self.git("status", "--porcelain=v2", "--branch")
        self.seal()
        again = self.seal()
        assert (again.noted, again.unlinked, again.copied) == ({}, {}, 0)
        assert self.git("status", "--porcelain=v2", "--branch") == before
        assert self.repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""
        assert [line for line in self.repo.errors.splitlines() if "unborn branch" not in line] == []
        self._check_complete()
        with closing(Store(self.here)) as store:
            for trace_id in store.trace_ids():
                assert _unproved(store, trace_id) == []

    def _check_complete(self) -> None:
        """Every journaled event is in exactly one segment, or in none yet; and none was made up."""
        pieces = {(piece.session, piece.index): piece for piece in self.pieces()}
        sealed: dict[str, list[str]] = {}
        for (session, _), piece in sorted(pieces.items()):
            sealed.setdefault(session, []).extend(event["id"] for event in piece.events)
        for session, events in self.journals().items():
            ids = [event["id"] for event in events]
            assert len(set(ids)) == len(ids)
            assert sealed.get(session, []) == ids[: len(sealed.get(session, []))]
            if any(event["kind"] == "stop" for event in events):
                assert sealed[session] == ids


def _pieces(commit: str, note: bytes) -> Iterator[Piece]:
    parsed = parse_note(note)
    assert parsed.damaged == ()
    for line in parsed.segments:
        header, *events = decode(line)
        yield Piece(commit, line.session_id, line.index, header, tuple(events))


def proved(work: Recording, top: Path) -> int:
    """Prove every noted snapshot in a clone that has only the notes and what the traces began on; return how many."""
    env = {key: value for key, value in work.repo.env.items() if key != "GIT_CONFIG_COUNT"}
    clone = make_repo(top, env, work.here.format)
    source = work.here.common_dir
    work.git("config", "uploadpack.allowAnySHA1InWant", "true")
    noted = [piece for piece in work.pieces() if piece.commit]
    if not noted:
        return 0
    first = {piece.session: piece for piece in reversed(noted)}
    bases = sorted({piece.header["base"]["commit"] for piece in first.values() if piece.header["base"]["commit"]})
    clone.git("fetch", "-q", "--no-tags", source, f"{NOTES_REF}:{NOTES_REF}", *bases)
    store = Store(view(clone))
    count = 0
    try:
        assert store.problems == []
        for trace_id in store.trace_ids():
            assert _unproved(store, trace_id) == []
            count += len(list(steps(store.load(trace_id))))
    finally:
        store.close()
    return count


def _unproved(store: Store, trace_id: str) -> list[tuple[str, str]]:
    outcomes = rebuild(store.objects, [step for _, step in steps(store.load(trace_id))])
    return [(item.step.what, item.reason) for item in outcomes if item.status != OK]


def note(work: Recording, name: str = "HEAD", ref: str = NOTES_REF) -> bytes:
    """Return a commit's note."""
    return work.run_bytes("git", "notes", f"--ref={ref}", "show", name)


def all_notes(work: Recording) -> dict[str, bytes]:
    """Return commit -> note."""
    listed = work.git("notes", f"--ref={NOTES_REF}", "list", status=None).splitlines()
    return {line.split()[1]: note(work, line.split()[1]) for line in listed}


def append(work: Recording, **fields: Any) -> str:
    """Append an event to the active session's journal, and return its id."""
    event = {"kind": "note", "id": uuid7(), "at": now(), "source": "test"} | fields
    with Journal(current(work.here).journal) as journal:
        journal.append(event)
    return str(event["id"])


def recorded(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Return a recording in a repository, whose environment this process takes over."""
    for key, value in repo.env.items():
        monkeypatch.setenv(key, value)
    return Recording(repo)


Make = Callable[..., Recording]


@pytest.fixture(scope="session")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with a commit, `a` and `b` of ten lines each, and hooks, of which tests get copies."""
    place = tmp_path_factory.mktemp("usual")
    (place / "home").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        return prepared(make_repo(place / "repo", hermetic_environment(place / "home")), patch).repo.top


def prepared(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Return a recording of an empty repository, with hooks and a commit of two files."""
    work = recorded(repo, monkeypatch)
    work.install()
    work.write(a=TEN, b=TEN)
    work.commit("base")
    return work


def _copied(usual: Path, repo: Repo, monkeypatch: pytest.MonkeyPatch) -> Recording:
    shutil.copytree(usual, repo.top, symlinks=True)
    kept = repo.top / ".git/trace/installation"
    kept.write_text(kept.read_text().replace(str(usual), str(repo.top)))
    work = recorded(repo, monkeypatch)
    work.git("update-index", "-q", "--refresh")
    return work


@pytest.fixture
def make_work(tmp_path: Path, home: Path, usual: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """Make a repository as `usual` is, or with other objects or settings."""

    def make(name: str = "repo", object_format: str = "sha1", env: Mapping[str, str] | None = None) -> Recording:
        ours = hermetic_environment(home) | dict(env or {})
        # a copy is the same writer too, so of a test's repositories only one may be one
        if (name, object_format, env) == ("repo", "sha1", None):
            return _copied(usual, Repo(tmp_path / name, ours), monkeypatch)
        return prepared(make_repo(tmp_path / name, ours, object_format), monkeypatch)

    return make


@pytest.fixture
def work(make_work: Make) -> Recording:
    """The usual repository."""
    return make_work()


TEN = "".join(f"line {number}\n" for number in range(10))
