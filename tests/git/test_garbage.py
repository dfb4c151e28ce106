"""What is recorded while git collects garbage stays, and a ref that leads to nothing leads somewhere again."""

import os
import socket
import subprocess
from pathlib import Path

import pytest

from gittrace.errors import ObjectsDropped
from gittrace.git import garbage, hidden, notes, snapshot
from gittrace.git.repository import Repository
from tests.support.recording import Recording, make_work, view, work
from tests.support.repo import Repo
from tests.support.trees import write_trees

__all__ = ["make_work", "work"]

TRACE = "8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00"
REF = f"refs/trace/{TRACE}"
NOTES = "refs/notes/trace"


def loose(repo: Repo) -> set[Path]:
    return set((repo.top / ".git/objects").glob("??/*"))


def drop(repo: Repo, before: set[Path]) -> None:
    """Drop what was written since, as a gc does that looked before."""
    for path in loose(repo) - before:
        path.unlink()


def sound(repo: Repo) -> bool:
    """Tell whether git finds everything, and collects garbage."""
    said = repo.run("git", "fsck", "--no-dangling", "--no-progress")
    repo.git("gc", "-q", "--prune=now")
    return said == b""


def collecting(repo: Repo, pid: int, host: str = "") -> None:
    (repo.top / ".git/gc.pid").write_text(f"{pid} {host or socket.gethostname()}")


@pytest.fixture
def ended() -> int:
    """The pid of a process that has ended."""
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


def test_whether_garbage_is_collected(repo: Repo, ended: int) -> None:
    common = view(repo).common_dir
    assert not garbage.is_collecting(common)
    collecting(repo, os.getpid())
    assert garbage.is_collecting(common)
    collecting(repo, ended)
    assert not garbage.is_collecting(common)
    collecting(repo, ended, "elsewhere")
    assert garbage.is_collecting(common)
    os.utime(repo.top / ".git/gc.pid", (0, 0))
    assert not garbage.is_collecting(common)


@pytest.fixture
def taken(repo: Repo) -> tuple[Repository, str]:
    """A repository whose trace has a snapshot, with a change that has none yet."""
    repo.commit("a", "1\n")
    here = view(repo)
    hidden.update(here, TRACE, [snapshot.take(here).tree])
    repo.write("b", "2\n")
    return here, repo.git("rev-parse", REF)


def test_a_snapshot_while_garbage_is_collected(repo: Repo, taken: tuple[Repository, str]) -> None:
    here, _ = taken
    collecting(repo, os.getpid())
    before = loose(repo)
    hidden.update(here, TRACE, [snapshot.take(here).tree])
    drop(repo, before)
    (repo.top / ".git/gc.pid").unlink()
    assert sound(repo)
    assert repo.git("show", f"{REF}:snapshots/00/00/01/b") == "2"
    assert not list((repo.top / ".git/objects/pack").glob("*.keep"))


@pytest.mark.parametrize("when", ["taken", "moved"])
def test_a_snapshot_that_was_dropped_is_taken_again(
    repo: Repo, taken: tuple[Repository, str], when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, tip = taken
    before = loose(repo)
    tree = snapshot.take(here).tree
    dropped: list[str] = []

    def late(common_dir: str) -> bool:
        """Say that a gc goes on when the ref has moved for the first time, and do what it does."""
        if dropped or repo.git("rev-parse", REF) == tip:
            return False
        drop(repo, before)
        dropped.append(common_dir)
        return True

    if when == "taken":
        drop(repo, before)
    else:
        monkeypatch.setattr(garbage, "is_collecting", late)
    assert hidden.update(here, TRACE, [tree])
    assert sound(repo)
    assert repo.git("rev-parse", f"{REF}:snapshots/00/00/01") == tree


def test_a_snapshot_that_cannot_be_taken_again(repo: Repo, taken: tuple[Repository, str]) -> None:
    here, tip = taken
    before = loose(repo)
    tree = snapshot.take(here).tree
    drop(repo, before)
    repo.write("b", "3\n")
    with pytest.raises(ObjectsDropped, match="it is gone"):
        hidden.update(here, TRACE, [tree])
    assert repo.git("rev-parse", REF) == tip
    assert hidden.update(here, TRACE, [snapshot.take(here).tree])
    assert sound(repo)


def test_after_a_crash_of_the_machine(repo: Repo, taken: tuple[Repository, str]) -> None:
    """What was written last never got to the disk, but the ref did."""
    here, _ = taken
    hidden.update(here, TRACE, [snapshot.take(here).tree])
    safe = loose(repo)
    for content in ("3\n", "4\n"):
        repo.write("b", content)
        hidden.update(here, TRACE, [snapshot.take(here).tree])
    drop(repo, safe)
    assert repo.git("rev-parse", "-q", "--verify", f"{REF}^{{tree}}", status=1) == ""
    repo.write("b", "5\n")
    assert hidden.update(here, TRACE, [snapshot.take(here).tree])
    assert [repo.git("show", f"{REF}:snapshots/00/00/0{number}/b") for number in (1, 2)] == ["2", "5"]
    assert sound(repo)
    assert f"'{REF}' led to" in (repo.top / ".git/trace/log").read_text()


def test_nothing_is_left_of_a_ref(repo: Repo, taken: tuple[Repository, str]) -> None:
    here, _ = taken
    (repo.top / ".git/trace/tips" / TRACE).unlink()
    path = repo.top / ".git/objects"
    tip = repo.git("rev-parse", REF)
    (path / tip[:2] / tip[2:]).unlink()
    assert hidden.update(here, TRACE, [snapshot.take(here).tree])
    assert repo.git("show", f"{REF}:snapshots/00/00/00/b") == "2"
    assert sound(repo)


def test_former_tips_are_few(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hidden, "_REMEMBERED", 3)
    here = view(repo)
    for tree in write_trees(repo, *({b"file": (0o100644, b"%d" % number)} for number in range(30))):
        hidden.update(here, TRACE, [tree])
    tips = (repo.top / ".git/trace/tips" / TRACE).read_text().split()
    assert 3 <= len(tips) <= 24
    assert tips[-1] == repo.git("rev-parse", REF)


def test_a_ref_never_goes_back_to_what_was_replaced(repo: Repo, taken: tuple[Repository, str]) -> None:
    here, _ = taken
    blobs = [hidden.write_blob(here, text) for text in (b"a secret", b"masked")]
    hidden.update(here, TRACE, outputs={"one": blobs[0]})
    hidden.replace(here, TRACE, "output", {"one": blobs[1]})
    tip = repo.git("rev-parse", REF)
    assert (repo.top / ".git/trace/tips" / TRACE).read_text().split() == [tip]
    (repo.top / ".git/objects" / tip[:2] / tip[2:]).unlink()
    assert hidden.mend(here, TRACE)
    assert repo.git("for-each-ref", REF) == ""


def test_notes_while_garbage_is_collected(work: Recording, tmp_path: Path) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    collecting(work.repo, os.getpid())
    before = loose(work.repo)
    work.seal()
    drop(work.repo, before)
    (work.repo.top / ".git/gc.pid").unlink()
    assert sound(work.repo)
    work.stop()
    work.check(tmp_path)


def test_notes_that_were_dropped_are_written_again(
    work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    before = loose(work.repo)
    is_whole = garbage.is_whole

    def late(here: Repository, *new: str, old: str = "") -> bool:
        monkeypatch.setattr(garbage, "is_whole", is_whole)
        drop(work.repo, before)
        return is_whole(here, *new, old=old)

    monkeypatch.setattr(garbage, "is_whole", late)
    assert not work.seal().failed
    assert sound(work.repo)
    work.stop()
    work.check(tmp_path)


def test_notes_after_a_crash_of_the_machine(work: Recording, tmp_path: Path) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    work.seal()
    lost = []
    for number in range(2):
        work.did("more", a=f"{number} more\n")
        work.commit()
        work.seal()
    for name in (NOTES, f"{NOTES}~1", f"{NOTES}^{{tree}}"):
        oid = work.git("rev-parse", name).strip()
        lost.append(work.repo.top / ".git/objects" / oid[:2] / oid[2:])
    for path in lost:
        path.unlink()
    work.did("more", a="the last\n")
    work.commit()
    work.seal()
    assert sound(work.repo)
    work.stop()
    work.check(tmp_path)
    assert notes.tip(work.here, NOTES)


def test_leftovers_of_killed_processes(repo: Repo, taken: tuple[Repository, str], ended: int) -> None:
    here, _ = taken
    folder = repo.top / ".git/objects/pack"
    (folder / f"gittrace-{ended}").mkdir()
    (folder / f"gittrace-{ended}/pack-1.pack").touch()
    (folder / "pack-1.keep").write_text(f"gittrace {ended}\n")
    (folder / "pack-2.keep").write_text(f"gittrace {os.getpid()}\n")
    (folder / "pack-3.keep").write_text("fetch-pack 1 on here\n")
    garbage.drop_leftovers(here)
    assert sorted(path.name for path in folder.iterdir()) == ["pack-2.keep", "pack-3.keep"]


def test_recording_while_gc_goes_on(work: Recording, tmp_path: Path) -> None:
    work.install()
    work.start()
    # one may fail that looks when what another took is about to be written again
    gc = "for i in 1 2 3 4 5 6 7 8; do git gc -q --prune=now; done"
    collector = subprocess.Popen(["sh", "-c", gc], cwd=work.repo.top, env=work.repo.env)
    number = 0
    while collector.poll() is None:
        number += 1
        work.did("edit", **{"a": f"{number}\n", f"file{number}": "x\n"})
        work.repo.trace("run", "--", "true")
        if number % 3 == 0:
            work.commit(f"commit {number}")
            work.seal()
    work.stop()
    assert sound(work.repo)
    work.check(tmp_path)
