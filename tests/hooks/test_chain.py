"""A hook that was there goes on running, as if it were alone."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gittrace.git import hooks
from gittrace.git.hook_files import CHAINED
from tests.hooks.conftest import Recorded, Sealer, open_repository
from tests.support.repo import Repo

pytestmark = pytest.mark.usefixtures("files_only")

Script = Callable[..., Path]


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the hooks of these tests write."""
    return tmp_path / "log"


def install(repo: Repo, sealer: Sealer) -> Recorded:
    hooks.install(open_repository(repo), str(sealer.path))
    return Recorded(repo)


def shell(log: Path, status: int = 0, read: str = "cat") -> str:
    return f"#!/bin/sh\n{{ echo \"$# $* $PWD ${{GIT_INDEX_FILE-}}\"; {read}; }} >>'{log}'\nexit {status}\n"


PYTHON = """#!/usr/bin/env python3
import os, sys
words = [len(sys.argv) - 1, " ".join(sys.argv[1:]), os.getcwd(), os.environ.get("GIT_INDEX_FILE", "")]
with open({log!r}, "ab") as log:
    log.write(b" ".join(str(word).encode() for word in words) + b"\\n" + sys.stdin.buffer.read())
"""


@pytest.mark.parametrize("language", ["sh", "python", "none"])
def test_arguments_input_and_surroundings(
    language: str, repo: Repo, sealer: Sealer, log: Path, script: Script, tmp_path: Path
) -> None:
    content = {"sh": shell(log), "python": PYTHON.format(log=str(log)), "none": shell(log).removeprefix("#!/bin/sh\n")}
    repo.commit("base", "base\n")
    repo.git("init", "-q", "--bare", str(tmp_path / "remote"))
    seen = {}
    for recording in (False, True):
        for name in ("post-commit", "post-merge", "post-rewrite", "pre-push"):
            if not recording:
                script(repo.top / ".git/hooks" / name, content[language])
        if recording:
            recorded = install(repo, sealer)
        log.unlink(missing_ok=True)
        repo.commit("a", f"{recording}\n")
        repo.git("commit", "-q", "--amend", "-m", "again")
        repo.git("push", "-q", "-f", str(tmp_path / "remote"), "main", "main:other")
        repo.git("push", "-q", "-f", str(tmp_path / "remote"), "main", "main:other")
        lines = log.read_text(encoding="utf-8").splitlines()
        seen[recording] = [[word for word in line.split() if len(word) != 40] for line in lines]
    assert seen[True] == seen[False]
    assert len(seen[True]) >= 6
    assert [pair[0] for pair in recorded.pairs()] == ["amend"]
    assert [mark["hook"] for mark in recorded.marks()] == ["post-commit", "post-commit"]


@pytest.mark.parametrize(
    "data", [b"", b"\n", b"a b\n", b"a b", b"a b\n\n\n", b"\xff\xfe caf\xc3\xa9\n", b"x" * 200_000]
)
def test_input_is_kept_to_the_byte(data: bytes, repo: Repo, sealer: Sealer, log: Path, script: Script) -> None:
    script(repo.top / ".git/hooks/post-rewrite", f"#!/bin/sh\ncat >'{log}'\n")
    install(repo, sealer)
    repo.run(".git/hooks/post-rewrite", "amend", stdin=data)
    assert log.read_bytes() == data
    assert repo.errors == ""


@pytest.mark.parametrize("status", [0, 1, 77])
def test_its_exit_status_decides(
    status: int, repo: Repo, sealer: Sealer, log: Path, script: Script, tmp_path: Path
) -> None:
    repo.commit("base", "base\n")
    repo.git("init", "-q", "--bare", str(tmp_path / "remote"))
    script(repo.top / ".git/hooks/pre-push", shell(log, status))
    install(repo, sealer)
    repo.git("push", "-q", str(tmp_path / "remote"), "main", status=1 if status else 0)
    assert sealer.settled() == (0 if status else 1), "nothing is sealed for a push that is refused"
    repo.run(".git/hooks/pre-push", "x", "y", status=status)
    script(repo.top / ".git/hooks/post-commit.gittrace-chained", shell(log, status))
    repo.run(".git/hooks/post-commit", status=status)


def test_a_hook_that_reads_nothing(repo: Repo, sealer: Sealer, log: Path, script: Script, tmp_path: Path) -> None:
    repo.commit("base", "base\n")
    script(repo.top / ".git/hooks/post-rewrite", shell(log, read="exit 0"))
    recorded = install(repo, sealer)
    repo.run(".git/hooks/post-rewrite", "amend", stdin=b"a b\n" * 50_000)
    assert repo.errors == ""
    assert len(recorded.pairs()) == 50_000


def test_a_program(repo: Repo, sealer: Sealer) -> None:
    true = shutil.which("true")
    assert true is not None
    hook = repo.top / ".git/hooks/post-commit"
    shutil.copy(true, hook)
    recorded = install(repo, sealer)
    repo.commit("a", "a\n")
    assert (hook.parent / f"post-commit{CHAINED}").read_bytes() == Path(true).read_bytes()
    assert len(recorded.marks()) == 1


def test_a_link(repo: Repo, sealer: Sealer, log: Path, script: Script) -> None:
    script(repo.top / "tools/hook", shell(log))
    hook = repo.top / ".git/hooks/post-commit"
    hook.symlink_to("../../tools/hook")
    recorded = install(repo, sealer)
    repo.commit("a", "a\n")
    assert log.exists()
    assert len(recorded.marks()) == 1
    hooks.uninstall(open_repository(repo))
    assert os.readlink(hook) == "../../tools/hook"


def test_what_git_ignores_stays_ignored(repo: Repo, sealer: Sealer, log: Path, script: Script) -> None:
    hook = script(repo.top / ".git/hooks/post-commit", shell(log), 0o644)
    recorded = install(repo, sealer)
    repo.commit("a", "a\n")
    assert not log.exists()
    assert len(recorded.marks()) == 1
    hooks.uninstall(open_repository(repo))
    assert hook.stat().st_mode & 0o777 == 0o644


def test_installing_twice_never_chains_itself(repo: Repo, sealer: Sealer, log: Path, script: Script) -> None:
    script(repo.top / ".git/hooks/post-commit", shell(log))
    for _ in range(3):
        recorded = install(repo, sealer)
    repo.commit("a", "a\n")
    assert len(log.read_text().splitlines()) == 1
    assert len(recorded.marks()) == 1


def test_another_install_that_overwrote_ours(
    repo: Repo, sealer: Sealer, log: Path, script: Script, tmp_path: Path
) -> None:
    path = repo.top / ".git/hooks/post-commit"
    script(path, shell(log))
    install(repo, sealer)
    second = script(path, shell(tmp_path / "second")).read_bytes()
    [missing] = [hook for hook in hooks.status(open_repository(repo)).hooks if not hook.how]
    assert missing.name == "post-commit"
    recorded = install(repo, sealer)
    repo.commit("a", "a\n")
    assert len(log.read_text().splitlines()) == 1, "the chain is kept"
    assert len((tmp_path / "second").read_text().splitlines()) == 1
    assert len(recorded.marks()) == 1
    removal = hooks.uninstall(open_repository(repo))
    assert path.read_bytes() == second, "the last that was installed stands"
    assert len(removal.kept) == 1


def test_the_same_hook_installed_again_runs_once(repo: Repo, sealer: Sealer, log: Path, script: Script) -> None:
    path = repo.top / ".git/hooks/post-commit"
    script(path, shell(log))
    install(repo, sealer)
    script(path, shell(log))
    install(repo, sealer)
    repo.commit("a", "a\n")
    assert len(log.read_text().splitlines()) == 1


@pytest.mark.parametrize("asks", ['n=$(basename "$0")', "n=${0##*/}"])
def test_a_hook_that_asks_its_name_is_left_alone(asks: str, repo: Repo, sealer: Sealer, script: Script) -> None:
    path = script(repo.top / ".git/hooks/post-commit", f"#!/bin/sh\n{asks}\n")
    report = hooks.install(open_repository(repo), str(sealer.path))
    [hook] = [hook for hook in report.problems if hook.name == "post-commit"]
    assert not hook.how
    assert "its own name" in hook.problem
    assert path.read_text().splitlines()[1] == asks
    with path.open("a", encoding="utf-8") as file:
        file.write(hook.advice.splitlines()[1] + "\n")
    assert not hooks.status(open_repository(repo)).problems, "the advice is heeded"
    recorded = Recorded(repo)
    repo.commit("a", "a\n")
    assert len(recorded.marks()) == 1, "the advice works"
