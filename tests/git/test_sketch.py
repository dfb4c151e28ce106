"""Diffs of many pairs of trees at once have the lines of those that are asked for one by one."""

import os
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest

from gittrace.git import sketch
from gittrace.git.diff import diff_trees
from gittrace.git.patch import parse
from gittrace.git.process import Process
from gittrace.git.sketch import Pair, sketches
from tests.support.recording import view
from tests.support.repo import Repo

_ENOUGH = 1 << 20


def _trees(repo: Repo, count: int) -> list[str]:
    """Return the trees of so many commits, which change, add, rename and delete files, text and binary ones."""
    repo.commit("kept", "".join(f"line {number}\n" for number in range(20)))
    for number in range(count - 1):
        repo.write("kept", "".join(f"line {line if line % 7 else (line, number)}\n" for line in range(20)))
        repo.write(f"new {number % 3}", f"of {number}\n")
        repo.write("binary", bytes(range(256)) + b"%d" % number)
        if number % 4 == 3:
            repo.git("mv", "-f", "kept", "kept elsewhere")
            repo.git("mv", "kept elsewhere", f"renamed {number}")
            repo.git("rm", "-qf", "new 0", "--ignore-unmatch")
        repo.git("add", "-A")
        repo.git("commit", "-qm", str(number))
    return repo.git("log", "--reverse", "--format=%T").split()


def _signed(diff: bytes) -> list[bytes]:
    lines = diff.split(b"\n")
    return [line for line in lines if line[:1] in (b"+", b"-") and not line.startswith((b"+++ ", b"--- "))]


def _share_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let two gits take turns, pair by pair."""
    monkeypatch.setattr(sketch, "_MANY", 1)
    monkeypatch.setattr(sketch, "_IN_A_ROW", 1)
    monkeypatch.setattr("os.cpu_count", lambda: 2)


@pytest.mark.parametrize("many", [1, 1000], ids=["two gits", "one git"])
def test_the_lines_are_the_same(repo: Repo, many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    _share_all(monkeypatch)
    monkeypatch.setattr(sketch, "_MANY", many)
    trees = _trees(repo, 12)
    pairs: list[Pair] = list(pairwise(trees))
    here = view(repo)
    found = dict(sketches(here, pairs, _ENOUGH))
    assert sorted(found) == list(range(len(pairs)))
    for at, diff in enumerate(diff_trees(here, pairs, _ENOUGH)):
        assert diff.text is not None
        lines = [line.rstrip(b"\n") for file in parse(diff.text) for hunk in file.hunks for line in hunk.lines]
        assert _signed(found[at] or b"") == [line for line in lines if line[:1] in b"+-"]


def test_what_is_too_large_has_no_diff_and_what_is_missing_is_left_out(repo: Repo) -> None:
    trees = _trees(repo, 5)
    blob = repo.git("rev-parse", "HEAD~1:kept")
    (repo.git_dir / "objects" / blob[:2] / blob[2:]).unlink()
    nothing = "1" * 40
    pairs = [(trees[0], trees[1]), (trees[0], nothing), *pairwise(trees[1:]), (trees[0], trees[1])]
    found = dict(sketches(view(repo), pairs, _ENOUGH))
    # the blob is on either side of the one before the last commit
    assert sorted(found) == [0, 2, 5]
    assert found[0] == found[5]
    assert set(dict(sketches(view(repo), [pairs[0]], 10)).values()) == {None}


def test_two_gits_run_at_once_and_none_is_left_behind(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    _share_all(monkeypatch)
    started: list[int] = []

    def counted(*args: Any, **options: Any) -> Process:
        process = Process(*args, **options)
        started.append(process.pid)
        return process

    monkeypatch.setattr(sketch, "Process", counted)
    pairs = list(pairwise(_trees(repo, 6)))
    found = sketches(view(repo), pairs, _ENOUGH)
    next(found)
    assert len(started) == 2
    assert len(list(found)) == len(pairs) - 1
    left = sketches(view(repo), pairs, _ENOUGH)
    next(left)
    del left
    assert len(started) == 4
    for pid in started:
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)


def test_who_gives_nothing_yet_holds_nobody_up(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _share_all(monkeypatch)
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    held: list[str] = []

    def started(args: list[str], *rest: Any, **options: Any) -> Process:
        if not held:
            held.extend(("sh", "-c", f'read go < "{gate}"; exec "$@"', "sh"))
            args = [*held, *args]
        return Process(args, *rest, **options)

    monkeypatch.setattr(sketch, "Process", started)
    found = sketches(view(repo), list(pairwise(_trees(repo, 7))), _ENOUGH)
    assert {at for at, _ in islice(found, 3)} == {1, 3, 5}
    gate.write_text("go\n")
    assert {at for at, _ in found} == {0, 2, 4}
