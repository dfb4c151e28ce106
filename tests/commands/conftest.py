"""A small story, recorded: what the reading commands are tested on."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from tests.support.recording import Make, Recording, make_work, work
from tests.support.repo import Repo

__all__ = ["make_work", "work"]


@dataclass
class Story:
    """A session, still active: a command that fails, an edit, a command that does not, a commit, a command that edits.

    `events` are their ids, in that order.
    """

    work: Recording
    trace: str
    session: str
    commit: str
    events: list[str]

    @property
    def repo(self) -> Repo:
        """The worktree."""
        return self.work.repo

    def trace_json(self, *args: str) -> Any:
        """Run a command with `--json` and return what it printed."""
        return json.loads(self.repo.trace(*args, "--json"))


Tell = Callable[[Recording], Story]


@pytest.fixture
def tell() -> Tell:
    """Record the story in a repository of one's choice."""

    def tell(work: Recording) -> Story:
        repo = work.repo
        started = work.start(title="fix\tthe parser")
        repo.trace("run", "-m", "see it fail\nthen mend it", "--", "sh", "-c", "echo no; exit 3", status=3)
        work.write(a="mended\n")
        repo.trace("run", "--", "sh", "-c", "echo yes")
        commit = work.commit("mend a")
        work.seal()
        repo.trace("run", "--", "sh", "-c", "echo made >new; rm b")
        shown = json.loads(repo.trace("log", "--json"))[0]
        events = [event["id"] for event in shown["events"]]
        return Story(work, started.trace_id, started.session_id, commit, events)

    return tell


@pytest.fixture
def story(work: Recording, tell: Tell) -> Story:
    """The story in the usual repository."""
    return tell(work)


@pytest.fixture
def sha256_story(make_work: Make, tell: Tell) -> Story:
    """The story in a SHA-256 repository."""
    return tell(make_work("repo256", "sha256"))


def clone_of(story: Story, name: str = "clone") -> Repo:
    """Return a clone that has the branch and the notes, but none of the snapshots."""
    top = story.repo.top.parent / name
    story.repo.git("clone", "-q", "--no-local", str(story.repo.top), str(top))
    clone = Repo(top, story.repo.env)
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    return clone
