"""Sealing that is killed before each step that it takes in the system: every write, rename, directory and program.

What the kernel is asked for is seen by an audit hook, in a process that was forked for it. After each kill the next
round must find all of it: no event lost, none twice, no second line of one name, whatever changed in between.
"""

import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from gittrace.trace.recording import progress
from gittrace.trace.recording.session import stop
from tests.support.recording import TEN, Recording, all_notes, view
from tests.support.repo import PACKAGE_ROOT, Repo

_KILLER = """
import os, signal, sys
sys.path.insert(0, {root!r})
import gittrace.protect.masking, gittrace.trace.sealing.seal, gittrace.git.pygit2_objects, pygit2, zstandard
from gittrace.git.repository import Repository
STEPS = "os.rename os.remove os.mkdir os.truncate os.link os.symlink os.posix_spawn subprocess.Popen".split()
def forked(top, last):
    seen = 0
    def hook(name, args):
        nonlocal seen
        writes = name == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
        if writes or name in STEPS:
            seen += 1
            if seen == last:
                os.kill(os.getpid(), signal.SIGKILL)
    sys.addaudithook(hook)
    gittrace.trace.sealing.seal.seal(Repository(top, top + "/.git", top + "/.git"))
    sys.stdout.write(f"{{seen}}\\n")
    sys.stdout.flush()
    os._exit(0)
for line in sys.stdin:
    top, last = line.rstrip("\\n").rsplit(" ", 1)
    child = os.fork()
    if not child:
        forked(top, int(last))
    if os.waitpid(child, 0)[1]:
        sys.stdout.write("killed\\n")
        sys.stdout.flush()
"""


@contextmanager
def killer(work: Recording) -> Iterator["subprocess.Popen[str]"]:
    """Start the process that forks sealers."""
    argv = [sys.executable, "-c", _KILLER.format(root=str(PACKAGE_ROOT))]
    with subprocess.Popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=work.repo.env, text=True, bufsize=1
    ) as process:
        yield process


def told(process: "subprocess.Popen[str]", top: Path, last: int) -> str:
    """Seal in a repository up to a step, and return `killed`, or how many steps it took."""
    assert process.stdin
    assert process.stdout
    process.stdin.write(f"{top} {last}\n")
    return process.stdout.readline().strip()


def history(work: Recording) -> None:
    """Leave to be sealed: two commits, one of them amended, a verdict, what is not committed, and a second session."""
    trace = work.start().trace_id
    work.did("one", a=TEN + "the line of one\n")
    work.commit("one")
    work.did("two", a=TEN + "the line of one\nthe line of two\n")
    work.commit("two")
    work.commit("two, in other words", "--amend")
    work.did("three", b="left in the worktree\n")
    stop(work.here, True, None)
    work.git("checkout", "-q", "b")
    work.start(trace_id=trace)
    work.did("four", b="the line of four\n" * 50)


def events_of(work: Recording) -> Counter[str]:
    """Return how often each event is in a segment; a segment counts once, on however many commits it is noted."""
    pieces = {(piece.session, piece.index, tuple(event["id"] for event in piece.events)) for piece in work.pieces()}
    return Counter(event for _, _, ids in pieces for event in ids)


def names_of(work: Recording) -> Counter[tuple[str, int]]:
    """Return how many contents there are by segment."""
    found = {(piece.session, piece.index, repr(piece.events)) for piece in work.pieces()}
    return Counter((session, index) for session, index, _ in found)


@pytest.mark.parametrize(
    ("every", "config"),
    [
        (4, None),
        (4, "trace.maxDiff"),
        pytest.param(1, None, marks=pytest.mark.slow),
        pytest.param(1, "trace.maxDiff", marks=pytest.mark.slow),
    ],
)
def test_killed_before_each_step(work: Recording, tmp_path: Path, every: int, config: str | None) -> None:
    history(work)
    pristine = tmp_path / "pristine"
    shutil.copytree(work.repo.top, pristine, symlinks=True)
    work.seal()
    wanted = {commit: len(note.splitlines()) for commit, note in all_notes(work).items()}
    events = events_of(work)
    assert set(events.values()) == {1}
    with killer(work) as process:
        step, answer = 1, "killed"
        while answer == "killed":
            copy = Repo(tmp_path / f"copy{step}", work.repo.env)
            shutil.copytree(pristine, copy.top, symlinks=True)
            answer = told(process, copy.top, step)
            other = Recording(copy)
            if config:
                copy.git("config", config, "60")
            other.seal()
            assert events_of(other) == events, step
            assert set(names_of(other).values()) == {1}, step
            assert {commit: len(note.splitlines()) for commit, note in all_notes(other).items()} == wanted, step
            assert copy.run("git", "fsck", "--no-dangling", "--no-progress") == b""
            shutil.rmtree(copy.top)
            step += every
    assert int(answer) > 10


def test_with_other_rules_after_a_kill(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was attached is taken as it is, though now it would be split, left out or masked differently."""
    work.start()
    work.did("fix", a=TEN + "the line of one, which is a secret\n")
    commit = work.commit()
    with monkeypatch.context() as patch:
        patch.setattr(progress, "save", _killed)
        with pytest.raises(KeyboardInterrupt):
            work.seal()
    before = all_notes(work)
    assert list(before) == [commit]
    work.git("config", "trace.maxDiff", "10")
    work.here = view(work.repo)  # what was asked of the configuration is remembered
    work.git("commit", "-q", "--amend", "-m", "other words")
    work.did("more", a=TEN + "the line of two\n")
    work.commit()
    work.stop()
    notes = all_notes(work)
    assert notes[commit] == before[commit]
    assert set(names_of(work).values()) == {1}
    assert [
        piece.index for piece in sorted(work.pieces(), key=lambda piece: piece.index) if piece.commit != commit
    ] == [0, 1, 2, 3]
    work.check_here()


def _killed(*_: object) -> None:
    raise KeyboardInterrupt


_SEALER = """
import sys
sys.path.insert(0, {root!r})
from gittrace.git.repository import Repository
from gittrace.trace.sealing.seal import seal
top = sys.argv[1]
for _ in iter(sys.stdin.readline, ""):
    failed = seal(Repository(top, top + "/.git", top + "/.git")).failed
    print(failed, flush=True)
"""


def test_commits_rebases_and_gc_while_two_seal(work: Recording, tmp_path: Path) -> None:
    """Each round of work goes on beside two sealers that were told to begin at its start."""
    argv = [sys.executable, "-c", _SEALER.format(root=str(PACKAGE_ROOT)), str(work.repo.top)]
    sealers = [
        subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=work.repo.env, text=True, bufsize=1)
        for _ in range(2)
    ]
    work.start()
    for number in range(4):
        for sealer in sealers:
            assert sealer.stdin
            sealer.stdin.write("go\n")
        work.did(f"step {number}", a=TEN + f"the line of {number}\n")
        work.commit(f"step {number}")
        work.did(f"more {number}", **{f"file{number}": "x\n"})
        work.commit(f"more {number}")
        if number % 2:
            work.git("rebase", "-q", "--exec", "git commit -q --amend --no-edit -m reworded", "HEAD~2")
        else:
            work.git("gc", "-q", "--prune=now")
        for sealer in sealers:
            assert sealer.stdout
            assert sealer.stdout.readline() == "[]\n"
    for sealer in sealers:
        sealer.communicate()
        assert sealer.returncode == 0
    work.stop()
    (events,) = work.journals().values()
    assert events_of(work) == Counter(str(event["id"]) for event in events)
    assert set(names_of(work).values()) == {1}
    assert sum(event["kind"] == "commit" for event in events) >= 8
    work.check(tmp_path)
