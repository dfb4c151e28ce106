"""git trace log."""

import json
import re
import sys

from tests.commands.conftest import Story, clone_of
from tests.support.recording import Recording, append


def test_entry(story: Story) -> None:
    lines = story.repo.trace("log").splitlines()
    short = story.repo.git("rev-parse", "--short", story.commit)
    assert lines[0] == f"trace {story.trace} (active)"
    assert lines[1:3] == ["Title:   fix the parser", "Author:  human"]
    assert re.fullmatch(r"Date:    \d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}", lines[3])
    assert lines[4] == f"Commits: {short} mend a"
    assert lines[5] == ""
    ids = [line.split()[0] for line in lines[6:] if re.match(r"    \S", line)]
    assert ids == [event[24:32] for event in story.events]
    assert re.fullmatch(r"    \S{8}  \d\d:\d\d:\d\d     3  +\S+s  \$ sh -c 'echo no; exit 3'", lines[6])
    assert lines[7] == " " * 38 + "see it fail …"
    assert lines[9].endswith(f"  commit {short} mend a")


def test_amended_commit_is_said_to_be_rewritten(story: Story) -> None:
    story.repo.git("commit", "-q", "--amend", "-m", "mend a for good")
    lines = story.repo.trace("log").splitlines()
    commits = [line[9:] for line in lines if re.match(r"Commits: |         \S", line)]
    assert commits[0].endswith(" mend a for good")
    assert commits[1].endswith(" mend a (rewritten)")


def test_commit_that_nothing_leads_to(story: Story) -> None:
    story.repo.git("reset", "-q", "--hard", "HEAD~")
    assert " mend a (unreachable)" in story.repo.trace("log")


def test_commit_that_is_gone(story: Story) -> None:
    clone = clone_of(story)
    note = clone.git("rev-parse", f"refs/notes/trace:{story.commit}")
    tree = clone.git("mktree", stdin=f"100644 blob {note}\t{'1' * 40}\n".encode())
    clone.git("update-ref", "refs/notes/trace", clone.git("commit-tree", "-m", "of a commit of others", tree))
    assert f"Commits: {'1' * 7} (gone)" in clone.trace("log")


def test_results_are_shown(work: Recording) -> None:
    work.start()
    results = {"framework": "pytest", "passed": 3, "failed": 2, "errors": 1, "skipped": 0}
    append(work, kind="command", command="pytest", exit_code=1, duration_ms=1234, results=results)
    assert "1    1.2s  $ pytest  (2 failed, 1 error, 3 passed)" in work.repo.trace("log")
    assert "(1 session, 1 command, 0 commits; 2 failed, 1 error, 3 passed)" in work.repo.trace("list")


def test_odd_events_of_others_are_shown_all_the_same(work: Recording) -> None:
    work.start()
    append(work, kind="command", command="\x1b]0;owned\x07\nsecond", exit_code="x", duration_ms=[], results=7)
    append(work, kind="rewrite", pairs="no")
    append(work, kind="never heard of")
    append(work, kind="edit", path="a\u202eb", tool=3)
    out = work.repo.trace("log")
    assert "?          $ \\x1b]0;owned\\x07 …" in out
    assert "never heard of" in out
    assert "edit a\\u202eb\n" in out
    assert "\x1b" not in out


def test_signal(work: Recording) -> None:
    work.start()
    append(work, kind="command", command="x", signal=9, exit_code=137)
    assert "  KILL  " in work.repo.trace("log")


def test_oneline_and_names(story: Story) -> None:
    short = story.repo.git("rev-parse", "--short", story.commit)
    line = f"{story.trace[:8]} fix the parser (active, {short})\n"
    assert story.repo.trace("log", "--oneline") == line
    assert story.repo.trace("log", "--oneline", story.events[0], story.session, "@") == line
    story.repo.trace("log", "nothing", status=128)
    assert story.repo.errors.startswith("fatal: 'nothing' is no trace, session, event or commit\n")


def test_sessions_are_told_apart(story: Story) -> None:
    story.work.stop(True)
    second = story.work.start(trace_id=story.trace)
    story.work.stop(False)
    lines = story.repo.trace("log").splitlines()
    heads = [line.split()[1] for line in lines if line.startswith("  session ")]
    assert heads == [story.session[:8], second.session_id[:8]]
    assert "Result:  failure" in lines
    assert [line.split("  ")[-1] for line in lines if " stop " in line] == ["stop (success)", "stop (failure)"]


def test_json(story: Story) -> None:
    (item,) = story.trace_json("log")
    assert item["noted_on"] == [{"commit": story.commit, "subject": "mend a", "state": "reachable"}]
    assert [event["kind"] for event in item["events"]] == ["command", "command", "commit", "command"]
    assert item["events"][0]["exit_code"] == 3


def test_a_warm_log_loads_nothing_heavy(story: Story) -> None:
    for command in (["log"], ["status"], ["list"]):
        story.repo.trace(*command)
        program = (
            f"import sys; from gittrace.main import main; main({command!r})\n"
            "bad = {'pygit2', 'pygit2._pygit2', 'pydantic', 'zstandard', 'gittrace.model.trace'} & set(sys.modules)\n"
            "sys.exit(f'loaded: {bad}' if bad else 0)"
        )
        story.repo.run(sys.executable, "-c", program)


def test_seals_first(story: Story) -> None:
    other = story.work.commit("made without a word to gittrace")
    assert f"Commits: {story.repo.git('rev-parse', '--short', story.commit)} mend a" in story.repo.trace("log")
    assert story.repo.git("notes", "--ref=trace", "show", other).startswith("gittrace1 ")


def test_where_a_file_is_called_head(story: Story) -> None:
    for detached in (False, True):
        if detached:
            story.repo.git("checkout", "-q", "--detach")
        story.repo.write("HEAD", "a file of this name\n")
        story.repo.trace("run", "--", "true")
        story.repo.git("add", "-A")
        story.repo.git("commit", "-q", "--allow-empty", "-m", "a file called HEAD")
        assert "a file called HEAD" in story.repo.trace("log", "--fate")


def test_json_on_a_terminal_commands_nothing(story: Story) -> None:
    """JSON escapes the controls below 32 only; a terminal takes those above 127 for the same."""
    name = "a\x9b31m\x9d0;owned\x9c\u202eb\u2066c\u200f\x7f\u200b\ufeff"
    story.repo.write(name, "a line\n")
    story.repo.trace("run", "--", "true")
    story.repo.trace("note", "-m", name)
    for asked in (("log", "--json", "--fate"), ("show", "--json", story.trace), ("export",)):
        told = story.repo.trace(*asked)
        assert not set(name) & set(told) - set("a31m0;ownedbc")
        json.loads(told)
    (trace,) = story.trace_json("log", "--fate")
    assert name in [file["path"] for file in trace["fate"]["files"]]


def test_json_is_one_line_whatever_a_reader_takes_for_the_end_of_one(story: Story) -> None:
    story.repo.write("a\u2028b\u2029c\u0085d", "a line\n")
    story.repo.trace("run", "--", "true")
    for asked in (("log", "--json", "--fate"), ("show", "--json", story.trace), ("status", "--json"), ("export",)):
        assert len(story.repo.trace(*asked).splitlines()) == 1
    (trace,) = story.trace_json("log", "--fate")
    assert "a\u2028b\u2029c\u0085d" in [file["path"] for file in trace["fate"]["files"]]
