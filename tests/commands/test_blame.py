"""git trace blame."""

import json
import re
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from gittrace.commands import blame as command
from gittrace.errors import GitFailed
from gittrace.main import build_parser, find
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.authorship.blame import asking, explain
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR
from tests.commands.conftest import Story, clone_of
from tests.support.recording import TEN, Make, Recording

LINE = re.compile(r"(\^?[0-9a-f]{7,8}) (.{17}) \((.*?) +(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}) +(\d+)\) ?(.*)")


def blame(work: Recording, *args: str) -> Any:
    """Return what `--json` says."""
    return json.loads(work.repo.trace("blame", *args, "--json"))


def written(work: Recording) -> str:
    """Record two events that write a file, and commit it; return the trace."""
    started = work.start(title="write it")
    work.repo.trace("run", "-m", "because\nof that", "--", "sh", "-c", "echo the first line >new")
    work.repo.trace("run", "--", "sh", "-c", "echo the second line >>new")
    work.commit("new file")
    return started.trace_id


def test_lines_as_git_blame_has_them(work: Recording) -> None:
    trace = written(work)
    found = [LINE.fullmatch(line) for line in work.repo.trace("blame", "new").splitlines()]
    ids = [event["id"][24:32] for event in json.loads(work.repo.trace("log", "--json"))[0]["events"]]
    assert [match and match[1] for match in found] == [work.head()[:8]] * 2
    assert [match and match[2] for match in found] == [f"{trace[:8]} {ids[0]}", f"{trace[:8]} {ids[1]}"]
    assert [match and match[3] for match in found] == ["A U Thor"] * 2
    assert [match and match[5] + match[6] for match in found] == ["1the first line", "2the second line"]


def test_unrecorded_lines_are_the_authors(work: Recording) -> None:
    line = work.repo.trace("blame", "-L", "3,3", "a").removesuffix("\n")
    match = LINE.fullmatch(line)
    assert match
    assert (match[2], match[3], match[6]) == (" " * 17, "A U Thor", "line 2")
    assert match[4] == work.git("log", "-1", "--format=%ad", "--date=iso")


def test_verbose_says_why(work: Recording) -> None:
    written(work)
    lines = work.repo.trace("blame", "-v", "new").splitlines()
    assert lines[0].endswith("$ sh -c 'echo the first line >new'")
    assert [line.strip() for line in lines[1:3]] == ["because", "of that"]
    assert lines[3].endswith("the first line")
    assert lines[4].endswith("$ sh -c 'echo the second line >>new'")


def test_json(work: Recording) -> None:
    trace = written(work)
    first, second = blame(work, "new")
    assert (first["line"], first["text"], first["commit"]) == (1, "the first line", work.head())
    assert (first["event"]["trace_id"], first["event"]["part"]) == (trace, "effect")
    assert (first["event"]["contributor"], first["event"]["confidence"]) == ("human", "high")
    assert first["event"]["original"] is None
    assert first["event"]["event_id"] != second["event"]["event_id"]
    assert "reasoning" not in first["event"]
    assert blame(work, "-v", "new")[0]["event"]["reasoning"] == "because\nof that"


def test_revision_and_path_from_below(work: Recording) -> None:
    written(work)
    work.stop()
    work.write(dir__x="x\n")
    work.repo.commit("new", "changed by hand\n")
    command = ("-m", "gittrace.main", "blame", "--json", "../new", "HEAD~")
    out = work.repo.run(sys.executable, *command, cwd=work.repo.top / "dir")
    assert [line["text"] for line in json.loads(out)] == ["the first line", "the second line"]
    assert [line["event"] for line in blame(work, "new")] == [None]


def test_what_is_not_committed_yet(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + "the line named one\n")
    work.write(a=TEN + "the line named one\nthe line of nobody yet\n")
    one, two = blame(work, "a")[-2:]
    assert (one["commit"], two["commit"]) == (None, None)
    assert one["event"]["part"] == "effect"
    assert two["event"] is None


@pytest.mark.parametrize("spans", [(), ("-L", "2,3")])
@pytest.mark.parametrize("kind", ["encoding", "filter", "textconv"])
def test_what_stands_otherwise_in_the_worktree(work: Recording, kind: str, spans: tuple[str, ...]) -> None:
    """Lines are those that git stores, committed or not."""
    attributes = {"encoding": "working-tree-encoding=UTF-16", "filter": "filter=bars", "textconv": "diff=sorted"}
    work.git("config", "filter.bars.clean", "tr '|' '\\n'")
    work.git("config", "filter.bars.smudge", "tr '\\n' '|'")
    work.git("config", "diff.sorted.textconv", "sort <")
    work.repo.write(".gitattributes", f"file {attributes[kind]}\n")

    def write(text: str) -> None:
        stored = text.replace("\n", "|") if kind == "filter" else text
        work.repo.write("file", stored.encode("utf-16" if kind == "encoding" else "utf-8"))

    write("mmm of others\nzzz of others\n")
    work.commit("others")
    trace = work.start().trace_id
    write("mmm of others\nzzz of others\naaa of one's own\n")
    work.repo.trace("run", "--", "true")
    for _ in range(2):
        lines = blame(work, "file", *spans)
        own = [line["text"] for line in lines if line["event"] and line["event"]["trace_id"] == trace]
        assert own == ["aaa of one's own"]
        assert [line["text"] for line in lines][-2:] == ["zzz of others", *own]
        work.commit("one's own")


def test_agents_are_named(work: Recording) -> None:
    work.repo.trace("start", "--agent", "robot@1")
    work.did("one", new="the first line\n")
    work.commit()
    (line,) = blame(work, "new")
    assert (line["event"]["contributor"], line["event"]["agent"]) == ("ai", "robot")
    assert "(robot " in work.repo.trace("blame", "new")


def test_cold_and_warm_cache_and_whatever_order(work: Recording) -> None:
    written(work)
    work.did("more", new="the first line\nthe second line\n\tthe third line\n", a=TEN + "more for that\n")
    work.commit("more")
    work.stop()
    work.repo.commit("new", "the first line\nthe second line\nthe third line\n")
    cold = {name: blame(work, name) for name in ("new", "a")}
    warm = {name: blame(work, name) for name in ("a", "new")}
    shutil.rmtree(Path(work.here.common_trace_dir) / CACHE_DIR)
    again = {name: blame(work, name) for name in ("a", "new")}
    assert cold == warm == again
    assert cold["new"][2]["event"]["original"] == "\tthe third line"


def test_cache_learns_of_what_is_recorded_later(work: Recording) -> None:
    written(work)
    assert blame(work, "new")[0]["event"]
    work.did("next", new="the first line\nthe second line\nthe next line\n")
    work.commit("next")
    assert [line["event"] is not None for line in blame(work, "new")] == [True] * 3


def test_cache_learns_of_notes_that_come_later(work: Recording) -> None:
    written(work)
    work.seal()
    top = work.repo.top.parent / "clone"
    work.git("clone", "-q", "--no-local", str(work.repo.top), str(top))
    clone = Recording(type(work.repo)(top, work.repo.env))
    assert [line["event"] for line in blame(clone, "new")] == [None, None]
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    assert blame(clone, "new") == blame(work, "new")


@pytest.mark.parametrize("damage", [b"", b"not a database at all, and long enough to be none" * 10])
def test_damaged_cache(work: Recording, damage: bytes) -> None:
    written(work)
    expected = blame(work, "new")
    path = Path(work.here.common_trace_dir) / CACHE_DIR / "attribution.sqlite"
    path.write_bytes(damage)
    assert blame(work, "new") == expected


def test_clone(story: Story) -> None:
    assert blame(Recording(clone_of(story)), "a") == blame(story.work, "a")
    assert [line["event"]["event_id"] for line in blame(story.work, "a")] == [story.events[1]]


def test_errors(work: Recording) -> None:
    work.repo.trace("blame", "no-such-file", status=128)
    assert work.repo.errors == "fatal: git blame: no such path 'no-such-file' in HEAD\n"
    work.repo.trace("blame", "../outside", status=128)
    assert work.repo.errors.startswith("fatal: '../outside' is outside of the worktree")
    work.repo.trace("blame", "a", "--", "--evil", status=128)


def test_a_mistyped_name_waits_for_nothing(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    prepared: list[bool] = []
    monkeypatch.setattr(Answers, "prepare", lambda answers, path: prepared.append(True))
    store = Store(work.here)
    for name in (b"no-such-file", b"a"):
        with suppress(GitFailed), asking(store) as answers:
            explain(answers, name)
    store.close()
    assert len(prepared) == 1


def test_foreign_text_is_made_safe(work: Recording) -> None:
    work.start()
    work.did("one", new=b"evil \x1b[2J\xff\n")
    work.commit()
    assert "evil \\x1b[2J\\xff" in work.repo.trace("blame", "new")


def test_sha256(make_work: Make) -> None:
    work = make_work("repo256", "sha256")
    written(work)
    assert [line["event"] is not None for line in blame(work, "new")] == [True, True]


@pytest.mark.parametrize("said", [["a"], ["a", "HEAD"], ["--json", "a"], ["--json", "a b", "HEAD~"], [""]])
def test_what_is_parsed_without_argparse_means_the_same(said: list[str]) -> None:
    fast = command.parse_fast(said)
    assert fast is not None
    assert vars(fast) == vars(build_parser(find("blame")).parse_args(said))


@pytest.mark.parametrize(
    "said", [[], ["-h"], ["a", "b", "c"], ["-v", "a"], ["a", "--json"], ["--", "a"], ["-L1,2", "a"]]
)
def test_the_rest_is_left_to_argparse(said: list[str]) -> None:
    assert command.parse_fast(said) is None
