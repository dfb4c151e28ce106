"""git trace status."""

import json
import re
import shutil
from pathlib import Path

from gittrace.clock import now
from gittrace.vocabulary import HOOKS_DIR, LOG_FILE, SESSIONS_DIR
from tests.commands.conftest import Story
from tests.support.recording import Recording
from tests.support.repo import Repo


def with_hooks(repo: Repo) -> None:
    """Put the hooks in order: the fixture leaves out the sealer that they start."""
    repo.trace("init", "-q")


def test_active_session(story: Story) -> None:
    with_hooks(story.repo)
    lines = story.repo.trace("status").splitlines()
    assert lines[0] == f"On trace {story.trace[:8]}: fix the parser"
    assert re.fullmatch(rf"Session {story.session[:8]} by human since \d.* [+-]\d{{4}}, on branch main", lines[1])
    assert lines[2] == "  4 events; the trace has 1 session, 3 commands, 1 commit"
    assert lines[3:5] == ["", "Not sealed yet:"]
    assert lines[5].startswith(f"  {story.session[:8]}  1 event; it goes on")
    assert len(lines) == 6


def test_no_session(work: Recording) -> None:
    with_hooks(work.repo)
    assert work.repo.trace("status") == (
        'No session is active in this worktree\n  (use "git trace start" to start one)\n'
    )


def test_not_set_up(repo: Repo) -> None:
    assert repo.trace("status").endswith(
        'Recording is not set up in this repository\n  (use "git trace init" to set it up)\n'
    )
    assert not (repo.git_dir / "trace/sessions").exists()


def test_outside_a_repository(repo: Repo, home: Path) -> None:
    repo.trace("status", status=0)
    outside = Repo(home, repo.env)
    outside.trace("status", status=128)
    assert "is not in a git repository" in outside.errors


def test_hook_that_does_not_run(work: Recording) -> None:
    with_hooks(work.repo)
    (Path(work.here.common_trace_dir) / HOOKS_DIR / "post-commit").unlink()
    out = work.repo.trace("status")
    assert "Hooks:\n  post-commit does not run: " in out
    assert "    run 'git trace init' again\n" in out
    (hook,) = [hook for hook in _json(work)["hooks"] if hook["problem"]]
    assert hook["name"] == "post-commit"


def _json(work: Recording) -> dict[str, list[dict[str, str]]]:
    found = json.loads(work.repo.trace("status", "--json"))
    assert isinstance(found, dict)
    return found


def test_failures_of_the_sealer_and_damage(story: Story) -> None:
    folder = Path(story.work.here.common_trace_dir)
    with open(folder / LOG_FILE, "w", encoding="utf-8") as file:
        file.write("2001-01-01T00:00:00.000000Z seal: long ago\n")
        file.write(f"{now()} seal: disk \x1b full\n")
    with open(folder / SESSIONS_DIR / f"{story.session}.jsonl", "ab") as journal:
        journal.write(b"not json\n")
    out = story.repo.trace("status")
    assert "long ago" not in out
    assert "  seal: disk \\x1b full\n" in out
    assert f"journal of session '{story.session}': byte " in out


def test_rebase_in_progress(story: Story) -> None:
    repo = story.repo
    repo.git("reset", "-q", "--hard")
    repo.git("clean", "-q", "-f")
    repo.git("rebase", "-q", "-i", "HEAD~", env={"GIT_SEQUENCE_EDITOR": "sed -i.bak s/pick/edit/"})
    assert "waits for the rebase to end" in repo.trace("status")
    assert "on a detached HEAD" in repo.trace("status")


def test_session_of_a_worktree_that_was_removed(story: Story, tmp_path: Path) -> None:
    story.repo.git("worktree", "add", "-q", str(tmp_path / "other"))
    other = Repo(tmp_path / "other", story.repo.env)
    other.trace("start", "-m", "elsewhere")
    other.trace("run", "true")
    assert other.trace("status").startswith("On trace ")
    assert story.repo.trace("status").count("it goes on") == 2
    shutil.rmtree(other.top)
    story.repo.git("worktree", "prune")
    assert "1 event; it was never stopped, and no worktree has it" in story.repo.trace("status")


def test_bare(story: Story, tmp_path: Path) -> None:
    story.repo.git("clone", "-q", "--bare", str(story.repo.top), str(tmp_path / "bare.git"))
    bare = Repo(tmp_path / "bare.git", story.repo.env)
    assert bare.trace("status").startswith("No session is active")


def test_cache_that_can_not_be_read(story: Story) -> None:
    cache = Path(story.work.here.common_trace_dir) / "cache/index.sqlite"
    cache.write_bytes(b"this is no database, " * 100)
    assert story.repo.trace("status").startswith("On trace ")
    assert story.repo.trace("log", "--oneline").startswith(story.trace[:8])
