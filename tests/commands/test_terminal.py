"""What reading commands look like on a terminal: coloured and paged as git's configuration says."""

import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from tests.commands.conftest import Story

_ESCAPE = "\x1b["


def on_terminal(story: Story, *args: str, **env: str) -> str:
    """Run a command on a terminal of 100 columns and return what it shows."""
    argv = ["-m", "gittrace.main", *args]
    merged = {key: value for key, value in story.repo.env.items() if key != "COLUMNS"} | {"TERM": "xterm"} | env
    return _finished(pexpect.spawn(sys.executable, argv, cwd=str(story.repo.top), env=merged, dimensions=(24, 100)), 0)


def _finished(child: Any, status: int) -> str:
    out: bytes = child.read()
    child.close()
    assert child.exitstatus == status
    return out.decode().replace("\r\n", "\n")


@pytest.mark.parametrize("command", ["list", "log", "show", "status", "diff"])
def test_coloured_unless_it_is_unwanted(story: Story, command: str) -> None:
    story.work.write(a="x\n")
    assert _ESCAPE in on_terminal(story, command, GIT_PAGER="cat")
    assert _ESCAPE not in on_terminal(story, command, GIT_PAGER="cat", NO_COLOR="1")
    assert _ESCAPE not in on_terminal(story, command, GIT_PAGER="cat", TERM="dumb")
    story.repo.git("config", "color.ui", "false")
    assert _ESCAPE not in on_terminal(story, command, GIT_PAGER="cat")
    assert _ESCAPE not in story.repo.trace(command)


@pytest.mark.parametrize("command", ["list", "log", "show", "diff"])
def test_paged(story: Story, tmp_path: Path, command: str) -> None:
    story.work.write(a="x\n")
    pager = f"cat >'{tmp_path}/paged'; echo LESS is $LESS"
    assert on_terminal(story, command, GIT_PAGER=pager) == "LESS is FRX\n"
    assert _ESCAPE in (tmp_path / "paged").read_text()
    story.repo.git("config", "core.pager", "sed s/^/paged:/")
    assert on_terminal(story, command).startswith("paged:")
    story.repo.git("config", f"pager.{command}", "sed s/^/mine:/")
    assert on_terminal(story, command).startswith("mine:")
    story.repo.git("config", f"pager.{command}", "false")
    assert "paged:" not in on_terminal(story, command)


def test_status_is_not_paged(story: Story) -> None:
    assert on_terminal(story, "status", GIT_PAGER="sed s/^/paged:/").startswith("On trace")


def test_pager_that_is_quit_early(story: Story) -> None:
    for _ in range(300):
        story.work.did("a command")
    assert "Traceback" not in on_terminal(story, "log", GIT_PAGER="true")
    assert on_terminal(story, "log", GIT_PAGER="head -n 1").count("\n") == 1


def test_lines_fit(story: Story) -> None:
    story.repo.trace("run", "-m", "why " * 100, "--", "sh", "-c", "exit 0 " + "x" * 300)
    for command in ("list", "log"):
        out = on_terminal(story, command, GIT_PAGER="cat", NO_COLOR="1")
        assert max(map(len, out.splitlines())) <= 100
        assert "…" in out or command == "list"


def test_graph(story: Story, tmp_path: Path) -> None:
    coloured = on_terminal(story, "log", "--graph", GIT_PAGER=f"cat >'{tmp_path}/paged'; echo LESS is $LESS")
    assert coloured == "LESS is FRX\n"
    paged = (tmp_path / "paged").read_text()
    oid = story.repo.git("rev-parse", "--short", story.commit)
    assert f"* \x1b[33m{oid}" in paged.replace("\x1b[m", "")
    assert f"\x1b[33mtrace {story.trace[:8]}\x1b[m \x1b[1mfix the parser\x1b[m (human, \x1b[36mactive\x1b[m)\n" in paged
    plain = on_terminal(story, "log", "--graph", GIT_PAGER="cat", NO_COLOR="1")
    assert _ESCAPE not in plain
    assert plain == story.repo.trace("log", "--graph")
    story.work.stop()
    story.work.start(title="word " * 100)
    story.work.did("make", a="more\n")
    story.work.commit("more")
    story.work.seal()
    earlier, cut = on_terminal(story, "log", "--graph", GIT_PAGER="cat", NO_COLOR="1").splitlines()[1:3]
    assert "fix the parser (human, stopped, made 50%)" in earlier
    assert (len(cut), cut[-17:]) == (100, "… (human, active)")
    assert on_terminal(story, "log", "--graph", GIT_PAGER="head -n 1", NO_COLOR="1").count("\n") == 1


def test_errors_are_seen_after_the_pager(story: Story) -> None:
    argv = ["-m", "gittrace.main", "show", "nothing"]
    child = pexpect.spawn(sys.executable, argv, cwd=str(story.repo.top), env=story.repo.env)
    assert "fatal: 'nothing' is no trace" in _finished(child, 128)
