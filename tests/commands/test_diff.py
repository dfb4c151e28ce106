"""git trace diff."""

import json
import sys

from gittrace.git.hidden import snapshot_path
from tests.commands.conftest import Story, clone_of
from tests.support.recording import Recording


def test_since_the_last_event(story: Story) -> None:
    assert story.repo.trace("diff") == ""
    story.work.write(a="more\n", untracked="x\n")
    assert story.repo.trace("diff", "--name-only") == "a\nuntracked\n"
    diff = story.repo.trace("diff", "--", "a")
    assert "-mended\n+more\n" in diff
    assert "untracked" not in diff


def test_one_event_is_all_since_the_one_before(story: Story) -> None:
    assert "+mended" in story.repo.trace("diff", story.events[1])
    assert story.repo.trace("diff", story.events[0]) == ""
    assert story.repo.trace("diff", "--name-only", "@~0") == "b\nnew\n"


def test_two_events(story: Story) -> None:
    assert story.repo.trace("diff", "--name-only", story.events[0], story.events[3][24:]) == "a\nb\nnew\n"
    assert story.repo.trace("diff", "--name-only", story.events[0], story.events[3], "--", "a", "new") == "a\nnew\n"
    backwards = story.repo.trace("diff", story.events[3], story.events[0], "--", "new")
    assert "-made" in backwards


def test_stat_is_gits(story: Story) -> None:
    assert story.repo.trace("diff", "--stat", "@~0").splitlines()[-1].startswith(" 2 files changed, 1 insertion(+)")


def test_git_makes_it_as_configured(story: Story) -> None:
    story.repo.git("config", "diff.noprefix", "true")
    assert story.repo.trace("diff", "@~0").startswith("diff --git b b\n")
    assert "\n@@ -1,10 +0,0 @@" in story.repo.trace("diff", "@~0")


def test_is_that_of_plain_git(story: Story) -> None:
    trees = [f"refs/trace/{story.trace}:snapshots/{'/'.join(snapshot_path(number))}" for number in (1, 2)]
    assert story.repo.trace("diff", "@~0").rstrip("\n") == story.repo.git("diff", *trees)


def test_json(story: Story) -> None:
    story.repo.git("config", "diff.noprefix", "true")
    found = story.trace_json("diff", story.events[1])
    assert found["files"] == [{"path": "a", "old_path": None, "change": "modify", "added": 1, "removed": 10}]
    assert found["diff"].startswith("diff --git a/a b/a\n")
    assert story.repo.git("cat-file", "-t", found["from"]) == "tree"
    with_paths = json.loads(story.repo.trace("diff", "--json", "@~0", "--", "b"))
    assert [file["path"] for file in with_paths["files"]] == ["b"]


def test_paths_count_from_the_current_directory(story: Story) -> None:
    story.repo.write("sub/x", "1\n")
    story.repo.write("x", "1\n")
    argv = (sys.executable, "-m", "gittrace.main", "diff", "--name-only", "--", "x")
    assert story.repo.run(*argv, cwd=story.repo.top / "sub") == b"sub/x\n"


def test_recorded_diff_where_snapshots_are_missing(story: Story) -> None:
    story.work.write(a="again\n")
    story.repo.trace("run", "true")
    event = story.trace_json("log")[0]["events"][-1]["id"]
    story.work.write(a="last\n")
    story.work.commit()
    story.work.seal()
    clone = clone_of(story)
    assert "-mended\n+again\n" in clone.trace("diff", event)
    assert clone.trace("diff", "--name-only", event) == "a\n"
    assert clone.trace("diff", "--stat", event).startswith("a | 2 +-")
    assert clone.trace("diff", event, "--", "b") == ""
    assert "+again" in json.loads(clone.trace("diff", "--json", event))["diff"]


def test_missing_snapshots_are_rebuilt_for_two_events(story: Story) -> None:
    story.work.commit()
    story.work.seal()
    clone = clone_of(story)
    assert clone.trace("diff", "--name-only", story.events[0], story.events[3]) == "a\nb\nnew\n"


def test_errors(work: Recording) -> None:
    work.repo.trace("diff", status=128)
    assert work.repo.errors.startswith("fatal: no session is active in this worktree\n")
    work.repo.trace("diff", "HEAD", status=128)
    assert work.repo.errors.startswith("fatal: 'HEAD' is a commit, not an event\n")
    work.repo.trace("diff", "a", "b", "c", status=129)
    work.repo.trace("diff", "--nonsense", "--", "a", status=129)
    assert "--nonsense" in work.repo.errors


def test_sha256(sha256_story: Story) -> None:
    assert "+mended" in sha256_story.repo.trace("diff", sha256_story.events[1])
