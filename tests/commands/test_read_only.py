"""Reading commands where nothing may be written: a repository on a file system that is mounted read-only."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.commands.conftest import Story
from tests.protect.samples import fill

_MOUNT = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && cd "$1" && shift && exec "$@"'


class ReadOnly:
    """A story's repository, mounted so that nothing in it can be written, for one command at a time."""

    def __init__(self, story: Story) -> None:
        self.story = story

    def _within(self, *argv: str, status: int) -> str:
        spaces = ("unshare", "-m") if os.geteuid() == 0 else ("unshare", "-rm")
        top = str(self.story.repo.top)
        return self.story.repo.run(*spaces, "sh", "-c", _MOUNT, "sh", top, *argv, status=status, cwd=Path("/")).decode()

    def check(self) -> None:
        """Skip the test where this can't be had."""
        try:
            self._within("sh", "-c", "! touch x", status=0)
        except (AssertionError, FileNotFoundError, subprocess.SubprocessError):
            pytest.skip("needs leave to mount")

    def trace(self, *args: str, status: int = 0) -> str:
        """Run a command there."""
        return self._within(sys.executable, "-m", "gittrace.main", *args, status=status)

    @property
    def errors(self) -> str:
        """What it said on standard error."""
        return self.story.repo.errors


@pytest.fixture
def read_only(story: Story) -> ReadOnly:
    """The story, with a last command that is not sealed."""
    place = ReadOnly(story)
    place.check()
    return place


def test_nothing_is_missing_from_an_export(read_only: ReadOnly) -> None:
    story = read_only.story
    there = json.loads(read_only.trace("export", story.trace, "--format", "opentraces"))
    assert read_only.errors.startswith("warning: cannot seal: ")
    assert read_only.errors.count("\n") == 1
    here = json.loads(story.repo.trace("export", story.trace, "--format", "opentraces"))
    assert len(there["steps"]) == len(here["steps"])
    # what can't be read is told as anywhere
    assert read_only.trace("export", "0123abcd", status=128) == ""


def test_secrets_are_found(read_only: ReadOnly) -> None:
    story = read_only.story
    assert read_only.trace("scan") == "nothing found in 1 trace\n"
    journal = story.repo.git_dir / f"trace/sessions/{story.session}.jsonl"
    event = {"kind": "note", "id": story.events[0], "at": "2026-01-01T00:00:00Z", "text": fill("ghp_{a36}")}
    with open(journal, "a", encoding="utf-8") as file:
        file.write(json.dumps(event) + "\n")
    assert "github-token" in read_only.trace("scan", status=1)
    assert "would mask" in read_only.trace("redact", "-n", story.trace)
    # to mask it takes more
    story.repo.trace("stop")
    before = journal.read_bytes()
    read_only.trace("redact", story.trace, status=128)
    assert journal.read_bytes() == before


@pytest.mark.parametrize("command", ["list", "log", "show", "status", "fate", "verify"])
def test_others_read_it_too(read_only: ReadOnly, command: str) -> None:
    assert read_only.trace(command)
    assert not read_only.errors.replace("warning: cannot seal: ", "", 1).count("warning: ")


def test_what_would_be_collected(read_only: ReadOnly) -> None:
    assert read_only.trace("gc", "-n") == read_only.story.repo.trace("gc", "-n")


def test_what_an_event_changed(read_only: ReadOnly) -> None:
    story = read_only.story
    assert read_only.trace("diff", story.events[-1]) == story.repo.trace("diff", story.events[-1])


def test_what_changed_since_the_last_event(read_only: ReadOnly, tmp_path: Path) -> None:
    story = read_only.story
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    story.repo.env["TMPDIR"] = str(temporary)
    story.work.write(a="mended again\n", fresh="new\n")
    there = read_only.trace("diff")
    assert "+mended again\n" in there
    assert "+new\n" in there
    assert there == story.repo.trace("diff")
    assert json.loads(read_only.trace("diff", "--json")) == story.trace_json("diff")
    assert not any(temporary.iterdir())
