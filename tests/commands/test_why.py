"""git trace why."""

import json

import pytest

from tests.commands.conftest import Story, clone_of
from tests.support.recording import Recording


def test_event_reasoning_diff_and_what_was_around(story: Story) -> None:
    lines = story.repo.trace("why", "a:1").splitlines()
    assert lines[0] == "line 1 mended"
    assert lines[1].startswith(f"Commit:    {story.commit[:8]} mend a (A U Thor, ")
    assert f"event {story.events[1]}" in lines
    assert "+mended" in lines
    around = lines[lines.index("Around it:") + 1 :]
    marks = [(line[0], line.split()[3]) for line in around if "$ sh" in line]
    assert [mark for mark, _ in marks] == [" ", ">", " "]
    assert " 3 " in around[0]


def test_json(story: Story) -> None:
    found = json.loads(story.repo.trace("why", "a:1", "--json"))
    assert found["event"]["event_id"] == story.events[1]
    assert found["recorded"]["command"] == "sh -c 'echo yes'"
    assert [other["exit_code"] for other in found["around"]] == [3, 0, 0]


def test_reasoning_that_was_noted_later(work: Recording) -> None:
    work.start()
    work.did("one", new="the first line\n")
    work.repo.trace("note", "-m", "it had to be")
    work.commit()
    found = json.loads(work.repo.trace("why", "new:1", "--json"))
    assert found["reasoning"] == "it had to be"
    assert "    it had to be" in work.repo.trace("why", "new:1").splitlines()


def test_unrecorded_line(work: Recording) -> None:
    out = work.repo.trace("why", "a:1", status=1)
    assert out.splitlines()[-1] == "No recorded event wrote it, as far as this clone knows."
    assert json.loads(work.repo.trace("why", "--json", "a:1", status=1))["recorded"] is None


def test_as_of_a_commit(story: Story) -> None:
    story.work.stop()
    story.repo.commit("a", "another\n")
    story.repo.trace("why", "a:1", status=1)
    assert story.events[1] in story.repo.trace("why", "a:1", "HEAD~")


def test_clone(story: Story) -> None:
    here, there = (json.loads(repo.trace("why", "a:1", "--json")) for repo in (story.repo, clone_of(story)))
    # what came after the commit is not in its note
    assert here.pop("around")[:2] == there.pop("around")
    assert here == there


@pytest.mark.parametrize("place", ["a", "a:", "a:0", "a:-1", ":1", "a:x"])
def test_no_place(work: Recording, place: str) -> None:
    work.repo.trace("why", place, status=129)
    assert work.repo.errors.startswith(f"error: '{place}' is no line of a file\n")


def test_line_beyond_the_end(work: Recording) -> None:
    work.repo.trace("why", "a:11", status=128)
    assert work.repo.errors == "fatal: git blame: file a has only 10 lines\n"
