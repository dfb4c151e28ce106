"""From `git trace start` to what a stranger's clone says of the work, through the real hooks and the real command."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.newer_git import newer_git
from tests.support.program import with_program
from tests.support.repo import Repo, hermetic_environment, make_repo

NEW_GIT = newer_git((2, 45))
Tell = Callable[[Repo], None]


@pytest.fixture
def env(tmp_path: Path, home: Path) -> dict[str, str]:
    """An environment in which `git trace` is this checkout."""
    return with_program(tmp_path / "bin", hermetic_environment(home))


def project(top: Path, env: dict[str, str], *options: str) -> Repo:
    """Make a project with a bug, on `main`, and with hooks that wait for the sealer."""
    top.mkdir()
    repo = Repo(top, env)
    repo.git("init", "-q", "-b", "main", *options)
    repo.git("config", "trace.seal", "now")
    repo.write("sum.py", "def add(a, b):\n    return a - b\n")
    repo.commit("README", "a project\n")
    repo.git("add", "-A")
    repo.git("commit", "-qm", "sums")
    return repo


def work(repo: Repo) -> None:
    """Find the bug and fix it, with a failed attempt on the way."""
    repo.git("trace", "start", "-m", "add subtracts")
    check = ("git", "trace", "run", "--", sys.executable, "-c", "import sum; assert sum.add(2, 3) == 5")
    repo.run(*check, status=1)
    repo.write("sum.py", "def add(a, b):\n    return abs(a) + abs(b)  # works for most\n")
    repo.run(*check)
    repo.write("sum.py", "def add(a, b):\n    return a + b  # as the name says\n")
    # before the check: of a commit that is found late, on a busy machine, only what was seen before it is known
    repo.write(".gitignore", "__pycache__\n")
    repo.run(*check)


def plain(repo: Repo) -> None:
    repo.git("commit", "-qam", "fix add")


def amended(repo: Repo) -> None:
    plain(repo)
    repo.git("commit", "-q", "--amend", "-m", "fix add, really")


def rebased(repo: Repo) -> None:
    repo.git("switch", "-qc", "topic")
    plain(repo)
    side = Repo(repo.top.parent / "upstream", repo.env)
    repo.git("worktree", "add", "-q", str(side.top), "main")
    side.commit("other", "other\n")
    repo.git("rebase", "-q", "main")


def squashed(repo: Repo) -> None:
    repo.write("test.py", "import sum\n\nassert sum.add(1, 1) == 2\n")
    repo.git("switch", "-qc", "topic")
    plain(repo)
    repo.git("add", "test.py")
    repo.git("commit", "-qm", "test add")
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--squash", "topic")
    repo.git("commit", "-qm", "squashed")


def picked(repo: Repo) -> None:
    rebased(repo)
    tip = repo.git("rev-parse", "HEAD")
    repo.git("switch", "-qC", "release", "main~")
    # without -x a pick onto the first commit's own parent is, within the second, that very commit again
    repo.git("cherry-pick", "-x", tip)
    repo.git("branch", "-D", "topic")


STORIES = [plain, amended, rebased, squashed, picked]


def exported(repo: Repo) -> dict[str, Any]:
    """Return the only record that is exported."""
    (line,) = repo.git("trace", "export").splitlines()
    record = json.loads(line)
    assert isinstance(record, dict)
    return record


def fetched(repo: Repo, top: Path, env: dict[str, str]) -> Repo:
    """Return a stranger's clone with the notes."""
    repo.git("clone", "-q", "--no-local", str(repo.top / ".git"), str(top))
    clone = Repo(top, env)
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    return clone


@pytest.mark.parametrize("tell", STORIES)
def test_a_bug_is_fixed(tmp_path: Path, env: dict[str, str], tell: Tell) -> None:
    repo = project(tmp_path / "project", env)
    work(repo)
    tell(repo)
    repo.git("trace", "stop", "--success")
    head = repo.git("rev-parse", "HEAD")
    clone = fetched(repo, tmp_path / "clone", env)
    for place in (repo, clone):
        place.git("trace", "verify")
        record = exported(place)
        outcome = record["outcome"]
        assert outcome["committed"] is True
        assert outcome["commit_sha"] == head
        assert outcome["success"] is True
        assert "+    return a + b  # as the name says" in outcome["patch"]
        assert "works for most" not in outcome["patch"]
        links = {link["revision"]: link for link in record["git_links"]}
        assert links[head]["tier"] == "tool_emitted"
        assert links[head]["commit_reachable"] is True
    superseded = [link for link in exported(repo)["git_links"] if not link["commit_reachable"]]
    assert len(superseded) == (1 if tell in (amended, rebased) else 2 if tell is picked else 0)
    assert repo.git("status", "--porcelain") in ("", "?? .gitignore", "?? .gitignore\n?? test.py")
    assert repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""
    assert "refs/trace" not in repo.git("log", "--all", "--format=%D")


@pytest.mark.parametrize("how", ["reset", "never"])
def test_work_that_was_not_committed(tmp_path: Path, env: dict[str, str], how: str) -> None:
    repo = project(tmp_path / "project", env)
    work(repo)
    if how == "reset":
        plain(repo)
        repo.git("reset", "-q", "--hard", "HEAD~")
    repo.git("trace", "stop", "--failure", "-m", "wrong way")
    record = exported(repo)
    assert record["outcome"]["committed"] is False
    assert not record["outcome"].get("commit_sha")
    assert record["outcome"]["success"] is False
    assert all(not link["commit_reachable"] for link in record["git_links"])


@pytest.mark.skipif(NEW_GIT is None, reason="no git with reftable here")
@pytest.mark.parametrize("options", [("--ref-format=reftable",), ("--ref-format=reftable", "--object-format=sha256")])
def test_reftable(tmp_path: Path, env: dict[str, str], options: tuple[str, ...]) -> None:
    shim, _, rest = env["PATH"].partition(":")
    env = env | {"PATH": f"{shim}:{NEW_GIT}:{rest}"}
    repo = project(tmp_path / "project", env, *options)
    work(repo)
    amended(repo)
    repo.git("trace", "run", "true")
    repo.git("switch", "-q", "--detach", "HEAD~")
    repo.git("switch", "-q", "main")
    repo.git("trace", "stop", "--success")
    clone = fetched(repo, tmp_path / "clone", env)
    for place in (repo, clone):
        place.git("trace", "verify")
        assert exported(place)["outcome"]["commit_sha"] == repo.git("rev-parse", "HEAD")
    assert repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_nothing_is_recorded_without_a_session(tmp_path: Path, env: dict[str, str]) -> None:
    repo = project(tmp_path / "project", env)
    repo.git("trace", "init")
    before = repo.git("for-each-ref")
    repo.write("sum.py", "def add(a, b):\n    return a + b\n")
    plain(repo)
    assert repo.git("for-each-ref").count("\n") == before.count("\n")
    assert not list((repo.top / ".git/trace/sessions").iterdir())
    assert make_repo(tmp_path / "other", env).git("for-each-ref") == ""
