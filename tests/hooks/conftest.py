"""Fixtures for hooks: a repository with a session and a sealer that only tells how it was started."""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gittrace.git import hook_config, hooks
from gittrace.git.repository import Repository
from tests.support.repo import Repo

SESSION = "0d2f0a6e-51a5-4d2b-9a53-5b8c1c9b3f60"
TRACE = "8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00"


def open_repository(repo: Repo) -> Repository:
    """Return gittrace's view of a test repository."""
    lines = repo.git("rev-parse", "--absolute-git-dir", "--path-format=absolute", "--git-common-dir").split("\n")
    # a path may hold line feeds, in equal number in both here
    git_dir, common_dir = "\n".join(lines[: len(lines) // 2]), "\n".join(lines[len(lines) // 2 :])
    bare = repo.git("rev-parse", "--is-bare-repository") == "true"
    return Repository("" if bare else str(repo.top), git_dir, common_dir, repo.git("rev-parse", "--show-object-format"))


class Sealer:
    """A stand-in for `git-trace`, given to the hooks: it writes down its arguments, directory and environment."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / 'the sealer\'s "place"' / "git-trace"
        self.log = folder / "sealer.log"
        self.path.parent.mkdir()
        self.path.write_text(
            '#!/bin/sh\nprintf "%s|%s|%s\\n" "$*" "$PWD" "${GIT_DIR-}" >>' + f"'{self.log}'\n", encoding="utf-8"
        )
        self.path.chmod(0o755)

    def started(self, count: int) -> list[list[str]]:
        """Return how it was started, once it was `count` times."""
        deadline = time.monotonic() + 20
        while len(lines := self._lines()) < count:
            assert time.monotonic() < deadline, f"started {len(lines)} times, not {count}"
            time.sleep(0.005)
        return [line.split("|") for line in lines]

    def settled(self) -> int:
        """Return how often it was started, some time after the last hook ended."""
        time.sleep(0.15)
        return len(self._lines())

    def _lines(self) -> list[str]:
        return self.log.read_text(encoding="utf-8").splitlines() if self.log.exists() else []


class Recorded:
    """A worktree with an active session."""

    def __init__(self, repo: Repo) -> None:
        self.repo = repo
        view = open_repository(repo)
        self.journal = Path(view.common_trace_dir) / "sessions" / f"{SESSION}.jsonl"
        self.journal.parent.mkdir(parents=True, exist_ok=True)
        self.journal.touch()
        self.rewrites = Path(view.common_trace_dir) / "rewrites"
        self.active = Path(view.trace_dir) / "active"
        self.active.parent.mkdir(exist_ok=True)
        self.begin()

    def begin(self) -> None:
        """Make the session active."""
        self.active.write_text(f"{SESSION} {TRACE}\n", encoding="utf-8")

    def pause(self) -> None:
        """Leave the worktree without a session, so that what a test prepares is not recorded."""
        self.active.unlink()

    def marks(self) -> list[dict[str, Any]]:
        """Return what hooks wrote to the journal."""
        return [json.loads(line) for line in self.journal.read_bytes().split(b"\n") if line]

    def pairs(self) -> list[list[str]]:
        """Return what hooks wrote of rewrites."""
        return [line.split(" ") for line in self.rewrites.read_text().splitlines()] if self.rewrites.exists() else []

    def forget(self) -> None:
        """Start over with empty files."""
        self.journal.write_bytes(b"")
        self.rewrites.unlink(missing_ok=True)


@pytest.fixture
def sealer(tmp_path: Path) -> Sealer:
    """What the hooks start."""
    return Sealer(tmp_path)


@pytest.fixture
def files_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Install hook files whatever git's version: every git runs them."""
    monkeypatch.setattr(hook_config, "SUPPORTED", (99,))


@pytest.fixture
def recorded(repo: Repo, sealer: Sealer, files_only: None) -> Recorded:
    """A repository with one commit, hook files and a session."""
    repo.commit("base", "base\n")
    hooks.install(open_repository(repo), str(sealer.path))
    return Recorded(repo)


@pytest.fixture
def script() -> Callable[..., Path]:
    """Write an executable file."""

    def write(path: Path, content: str, mode: int = 0o755) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        path.chmod(mode)
        return path

    return write
