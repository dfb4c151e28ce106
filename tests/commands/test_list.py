"""git trace list."""

import json
import re

from tests.commands.conftest import Story
from tests.support.recording import Recording

_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}"


def test_line(story: Story) -> None:
    (line,) = story.repo.trace("list").splitlines()
    assert re.fullmatch(
        rf"{story.trace[:8]}  active   {_TIME}  fix the parser  \(1 session, 3 commands, 1 commit\)", line
    )


def test_states(work: Recording) -> None:
    for success in (True, False, None):
        work.start(title=str(success))
        work.stop(success)
    states = [line.split()[1] for line in work.repo.trace("list").splitlines()]
    assert states == ["stopped", "failure", "success"]


def test_columns_are_aligned_and_newest_is_first(work: Recording) -> None:
    for title in ("a", "a longer title", None):
        work.start(title=title)
        work.stop()
    lines = work.repo.trace("list").splitlines()
    assert ["(no title)" in lines[0], "a longer title" in lines[1], "  a   " in lines[2]] == [True] * 3
    assert len({line.index("(1 session") for line in lines}) == 1


def test_count(work: Recording) -> None:
    for _ in range(3):
        work.start()
        work.stop()
    assert len(work.repo.trace("list", "-n", "2").splitlines()) == 2
    assert work.repo.trace("list", "-2") == work.repo.trace("list", "-n2") == work.repo.trace("list", "-n", "2")
    assert work.repo.trace("list", "-n", "0") == ""
    work.repo.trace("list", "-n", "-1", status=129)
    assert "is not a count" in work.repo.errors


def test_json(story: Story) -> None:
    (item,) = story.trace_json("list")
    assert {key: item[key] for key in ("trace_id", "title", "state", "success", "commands", "commits", "results")} == {
        "trace_id": story.trace,
        "title": "fix\tthe parser",
        "state": "active",
        "success": None,
        "commands": 3,
        "commits": [story.commit],
        "results": None,
    }
    assert [session["session_id"] for session in item["sessions"]] == [story.session]
    assert item["started"] < item["ended"]


def test_without_traces(work: Recording) -> None:
    assert work.repo.trace("list") == ""
    assert work.repo.trace("list", "--json") == "[]\n"


def test_title_is_made_safe(work: Recording) -> None:
    work.start(title="red \x1b[31malert")
    assert "red \\x1b[31malert" in work.repo.trace("list")


def test_rewritten_commits_count_once(work: Recording) -> None:
    work.start()
    for number in range(3):
        work.did(a=f"the line of {number}\n")
        work.commit(f"step {number}")
    work.git("reset", "-q", "--hard", "HEAD~3")
    work.write(c="in between\n")
    work.commit("in between")
    work.git("rebase", "-q", "HEAD", "ORIG_HEAD")
    work.commit("other words", "--amend")
    work.stop()
    (line,) = work.repo.trace("list").splitlines()
    assert line.endswith("(1 session, 3 commands, 4 commits)")
    (found,) = json.loads(work.repo.trace("list", "--json"))
    assert set(work.git("rev-list", "-3", "HEAD").split()) <= set(found["commits"])
