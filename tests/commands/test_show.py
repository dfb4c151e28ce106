"""git trace show."""

import re

import pytest

from tests.commands.conftest import Story, clone_of
from tests.support.recording import Recording


def test_trace_with_reasoning_and_files(story: Story) -> None:
    lines = story.repo.trace("show").splitlines()
    assert lines[0] == f"trace {story.trace} (active)"
    at = lines.index(" " * 38 + "see it fail")
    assert lines[at + 1] == " " * 38 + "then mend it"
    assert re.fullmatch(r" {30}edited  a \| 11 \+-+", lines[at + 3])
    effects = [line.strip() for line in lines[-2:]]
    assert effects == ["effect  b   | 10 ----------", "new |  1 +"]
    assert story.repo.trace("show", story.trace).splitlines() == lines


def test_session_alone(story: Story) -> None:
    story.work.stop()
    second = story.work.start(trace_id=story.trace)
    story.work.did("other", c="c\n")
    out = story.repo.trace("show", second.session_id)
    assert "$ other" in out
    assert "echo yes" not in out
    assert "echo yes" in story.repo.trace("show")


def test_event(story: Story) -> None:
    lines = story.repo.trace("show", story.events[1][24:]).splitlines()
    assert lines[0] == f"event {story.events[1]}"
    assert f"Trace:     {story.trace[:8]} fix the parser" in lines
    assert next(line for line in lines if line.startswith("Status:")).startswith("Status:    exit 0 after ")
    assert "Noted on:  " + story.repo.git("log", "-1", "--format=%h %s", story.commit) in lines
    at = lines.index("    $ sh -c 'echo yes'")
    assert lines[at + 1 : at + 4] == ["    yes", "", "What led to it:"]
    assert "+mended" in lines
    assert "What it changed:" not in lines


def test_event_of_a_sealed_and_of_an_unsealed_segment_in_json(story: Story) -> None:
    sealed, unsealed = (story.trace_json("show", story.events[number]) for number in (0, 3))
    assert (sealed["trace_id"], sealed["session_id"], sealed["noted_on"]) == (
        story.trace,
        story.session,
        [story.commit],
    )
    assert sealed["event"]["reasoning"] == "see it fail\nthen mend it"
    assert unsealed["noted_on"] == []
    assert "+made" in unsealed["event"]["effect"]


def test_commit_with_notes(story: Story) -> None:
    lines = story.repo.trace("show", "HEAD").splitlines()
    assert lines[:2] == [f"commit {story.commit}", "Subject: mend a"]
    assert f"trace {story.trace}" in lines
    assert sum("$ sh -c" in line for line in lines) == 2
    (found,) = story.trace_json("show", "HEAD")["traces"]
    assert [event["kind"] for event in found["segments"][0]["events"]] == ["command", "command", "commit"]


def test_commit_without_notes_is_linked_by_its_content(story: Story) -> None:
    story.repo.git("checkout", "-q", "-b", "other", "HEAD~")
    story.repo.git("restore", "--source=main", "--", "a")
    story.repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-a", "-m", "the same, by hand")
    story.work.stop()
    found = story.trace_json("show", "main")["traces"]
    assert [trace["trace_id"] for trace in found] == [story.trace]


def test_commit_of_which_nothing_is_known(story: Story) -> None:
    assert story.repo.trace("show", "HEAD~").splitlines()[-1] == "No trace led to it, as far as this clone knows."
    assert story.trace_json("show", "HEAD~")["traces"] == []


def test_whole_output(work: Recording) -> None:
    work.start()
    code = r"import sys; sys.stdout.buffer.write(b'\xff\x1b[31m' + b'0123456789' * 50000 + b'\n')"
    work.repo.trace("run", "--", "python3", "-c", code)
    out = work.repo.trace("show", "--output", "@~0")
    assert out.encode("utf-8", "surrogateescape") == b"\xff\x1b[31m" + b"0123456789" * 50000 + b"\n"
    assert "bytes left out" in work.repo.trace("show", "@~0")


def test_whole_output_is_only_where_it_was_recorded(work: Recording, story: Story) -> None:
    story.repo.trace("run", "--", "python3", "-c", "print('x' * 500000)")
    event = story.trace_json("log")[0]["events"][-1]["id"]
    story.work.commit("after")
    story.work.seal()
    clone = clone_of(story)
    clone.trace("show", "--output", event, status=128)
    assert clone.errors.startswith(f"fatal: output of event '{event}' is not whole in this clone\n")
    assert clone.trace("show", "--output", story.events[1]) == "yes\n"


def test_output_of_something_else(story: Story) -> None:
    story.repo.trace("show", "--output", "@", status=129)
    assert "--output needs an event, not a trace" in story.repo.errors


def test_nothing_to_show(work: Recording) -> None:
    work.repo.trace("show", status=128)
    hint = "'git trace start' starts one; 'git trace fetch' brings those of others"
    assert work.repo.errors == f"fatal: there are no traces yet\nhint: {hint}\n"


def test_newest_trace_is_the_default(story: Story) -> None:
    story.work.stop()
    assert story.repo.trace("show").startswith(f"trace {story.trace}\n")


def test_foreign_text_is_made_safe(work: Recording) -> None:
    work.start()
    work.repo.trace("run", "-m", "why\x1b[2J", "--", "printf", r"\033]0;x\007ok\n")
    work.repo.write("file\x1b", "evil \x1b[2J\n")
    work.repo.trace("run", "true")
    for name in ("@", "@~0", "@~1"):
        assert "\x1b" not in work.repo.trace("show", name)
    assert "+evil \\x1b[2J" in work.repo.trace("show", "@~0")


@pytest.mark.parametrize("name", ["@~1", "HEAD", "@"])
def test_sha256(sha256_story: Story, name: str) -> None:
    assert "mend" in sha256_story.repo.trace("show", name)
