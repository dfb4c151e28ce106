"""Sealing by many at once, and killed anywhere."""

import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from gittrace.git.repository import Repository
from gittrace.trace.recording import progress
from gittrace.trace.sealing.seal import seal
from tests.support.recording import Recording, all_notes
from tests.support.repo import PACKAGE_ROOT, Repo


def sealer(top: str, times: int) -> None:
    """Seal in a process of its own."""
    repo = Repository(top, f"{top}/.git", f"{top}/.git")
    for _ in range(times):
        assert seal(repo).failed == []


def test_many_sealers_while_work_goes_on(work: Recording, tmp_path: Path) -> None:
    work.start()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=sealer, args=(str(work.repo.top), 25)) for _ in range(2)]
    for process in processes:
        process.start()
    for number in range(8):
        work.did(f"step{number}", a=f"{number}\n")
        work.commit()
    work.stop()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    sealed = [word for piece in work.pieces() if piece.commit for word in piece.words]
    assert sealed.count("commit") == 8
    work.check(tmp_path)


_SEAL = """
import sys
sys.path.insert(0, {root!r})
from gittrace.git.repository import Repository
from gittrace.trace.sealing.seal import seal
top = sys.argv[1]
print("ready", flush=True)
seal(Repository(top, top + "/.git", top + "/.git"))
"""


@pytest.mark.parametrize("rounds", [12, pytest.param(250, marks=pytest.mark.slow)])
def test_killed_at_any_time(work: Recording, tmp_path: Path, rounds: int) -> None:
    work.start()
    for number in range(3):
        work.did(f"step{number}", a=f"{number}\n", **{f"new{number}": "x\n"})
        work.commit()
    old = work.head()
    work.commit("other words", "--amend")
    work.did("last", a="last\n")
    pristine = tmp_path / "pristine"
    shutil.copytree(work.repo.top, pristine, symlinks=True)
    work.seal()
    wanted = all_notes(work)
    assert old in wanted
    chance = random.Random(rounds)
    script = _SEAL.format(root=str(PACKAGE_ROOT))
    killed = 0
    for number in range(rounds):
        copy = Repo(tmp_path / f"copy{number}", work.repo.env)
        shutil.copytree(pristine, copy.top, symlinks=True)
        # what was copied a moment ago is no news to the sealer, which asks for the time
        process = subprocess.Popen(
            [sys.executable, "-c", script, str(copy.top)],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdout
        process.stdout.readline()
        time.sleep(chance.random() * 0.25)
        os.killpg(process.pid, signal.SIGKILL)
        killed += process.wait() != 0
        process.stdout.close()
        other = Recording(copy)
        other.seal()
        found = all_notes(other)
        assert found.keys() == wanted.keys()
        assert other.journals().keys() == work.journals().keys()
        assert [piece.words for piece in other.pieces()] == [piece.words for piece in work.pieces()]
        assert copy.run("git", "fsck", "--no-dangling", "--no-progress") == b""
        shutil.rmtree(copy.top)
    assert killed


def test_killed_between_notes_and_progress(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(progress, "save", killed)
        with pytest.raises(KeyboardInterrupt):
            work.seal()
    before = all_notes(work)
    assert work.seal().noted.keys() == before.keys()
    assert all_notes(work) == before
    work.check(tmp_path)
