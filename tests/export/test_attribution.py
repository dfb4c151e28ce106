"""The attribution of an export: from recorded work to the lines of the commit, on real git."""

import json
import os
from typing import Any

import mmh3
import opentraces_schema as reference  # type: ignore[import-untyped]
import pytest

from tests.support.recording import TEN, Recording, make_work, work

__all__ = ["make_work", "work"]


def exported(work: Recording, *traces: str) -> list[dict[str, Any]]:
    """Return the exported records, as the reference package reads them."""
    out = work.repo.trace("export", *traces)
    records = [reference.TraceRecord.model_validate_json(line) for line in out.splitlines()]
    assert all(record.compute_content_hash() == record.content_hash for record in records)
    return [json.loads(record.model_dump_json()) for record in records]


def hashed(*lines: str) -> str:
    """Return the schema's hash of lines."""
    return f"murmur3:{mmh3.hash128(chr(10).join(lines).encode(), signed=False):032x}"


def test_the_lines_of_the_commit(work: Recording) -> None:
    trace = work.start().trace_id
    work.did("one", a="first of mine\n" + TEN)
    work.did("two", a="first of mine\n" + TEN + "second of mine\nthird of mine\n", new="new file of mine\n")
    work.commit()
    (record,) = exported(work)
    found = record["attribution"]
    assert found["experimental"] is True
    assert found["revision"] == {"vcs_type": "git", "revision": work.head()}
    assert found["revision"]["revision"] == record["outcome"]["commit_sha"]
    assert found["unaccounted_files"] == []
    files = {file["path"]: file["conversations"] for file in found["files"]}
    assert [(c["contributor"], c["url"]) for c in files["a"]] == [
        ({"type": "human"}, f"opentraces://{trace}/step_0"),
        ({"type": "human"}, f"opentraces://{trace}/step_1"),
    ]
    (only,) = files["a"][1]["ranges"]
    assert (only["start_line"], only["end_line"], only["change_type"]) == (12, 13, "addition")
    assert only["content_hash"] == hashed("second of mine", "third of mine")
    assert (only["confidence"], only["original"]) == ("high", None)
    assert files["new"][0]["url"] == f"opentraces://{trace}/step_1"


def test_modifications_and_what_was_reformatted(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN.replace("line 3", "the third line"))
    work.stop()
    work.repo.commit("a", TEN.replace("line 3", "the  third  line"))
    (record,) = exported(work)
    ((only,),) = [c["ranges"] for c in record["attribution"]["files"][0]["conversations"]]
    assert (only["start_line"], only["change_type"], only["confidence"]) == (4, "modification", "medium")
    assert only["content_hash"] == hashed("the  third  line")
    assert only["original"] == {"content_hash": hashed("the third line"), "text": "the third line"}


def test_other_hands(work: Recording) -> None:
    first = work.start().trace_id
    work.did("one", a=TEN + "the line of one\n")
    work.stop()
    second = work.start().trace_id
    work.did("two", a=TEN + "the line of one\nthe line of two\n")
    work.stop()
    work.write(a=TEN + "the line of one\nthe line of two\nthe line of nobody\n", c="the file of nobody\n")
    work.commit()
    one, two = exported(work, first, second)
    for record, own, other in ((one, first, second), (two, second, first)):
        files = {file["path"]: file["conversations"] for file in record["attribution"]["files"]}
        urls = {c["url"]: c["contributor"]["type"] for c in files["a"]}
        assert urls == {f"opentraces://{own}/step_0": "human", f"opentraces://{other}": "human", None: "unknown"}
        assert record["attribution"]["unaccounted_files"] == ["c"]


def test_each_event_of_another_trace_has_lines_of_its_own(work: Recording) -> None:
    first = work.start().trace_id
    work.did("one", a="the line of one\n" + TEN)
    work.did("two", a="the line of one\n" + TEN + "the line of two\n")
    work.stop()
    second = work.start().trace_id
    work.did("three", b=TEN + "the line of three\n", a="the line of one\n" + TEN + "the line of two\nand of three\n")
    work.commit()
    _, record = exported(work, first, second)
    (found,) = [file["conversations"] for file in record["attribution"]["files"] if file["path"] == "a"]
    lines = {c["ids"]["event_id"]: [(r["start_line"], r["end_line"]) for r in c["ranges"]] for c in found}
    assert list(lines.values()) == [[(1, 1)], [(12, 12)], [(13, 13)]]
    assert [c["url"] for c in found[:2]] == [f"opentraces://{first}"] * 2


def test_agent(work: Recording) -> None:
    work.repo.trace("start", "--agent", "robot@1", "--model", "maker/robot-1")
    work.write(a=TEN + "what it tried before the command\n")
    work.did("one", b=TEN + "what the command did\n")
    work.commit()
    (record,) = exported(work)
    for file in record["attribution"]["files"]:
        contributors = [c["contributor"] for c in file["conversations"]]
        assert contributors == [{"type": "ai", "agent": "robot", "model_id": "maker/robot-1"}]


@pytest.mark.parametrize("name", ["ü ö.txt", "tab\there"])
def test_paths(work: Recording, name: str) -> None:
    work.start()
    with work.recorded("one"):
        work.repo.write(name, "the line of one\n")
    work.commit()
    (record,) = exported(work)
    assert [file["path"] for file in record["attribution"]["files"]] == [name]


def test_uncommitted_work_has_none(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + "the line of one\n")
    (record,) = exported(work)
    assert record["attribution"] is None


def deed(work: Recording, *argv: str) -> None:
    """Record a command, run for its effect."""
    work.run("sh", "-c", " ".join(argv))


@pytest.fixture
def many(work: Recording) -> Recording:
    """A repository with a file of each kind: `{name}1` for the trace, `{name}2` for somebody else."""
    for number in (1, 2):
        work.write(**{f"gone{number}": f"to be deleted {number}\nand more\n", f"bin{number}": "\0\1" * number})
        work.write(**{f"mode{number}": f"mode {number}\n", f"cut{number}": TEN, f"kind{number}": f"file {number}\n"})
        work.write(**{f"old{number}": f"to be renamed {number}\n" + TEN * number})
        os.symlink(f"target{number}", work.repo.top / f"link{number}")
        work.git("update-index", "--add", "--cacheinfo", f"160000,{str(number) * 40},sub{number}")
        (work.repo.top / f"sub{number}").mkdir()
    work.commit("base of all kinds")
    return work


def change_all(work: Recording, number: int) -> None:
    """Change a file of each kind."""
    deed(work, f"rm gone{number} && chmod +x mode{number} && git mv old{number} new{number}")
    work.did("binary", **{f"bin{number}": "\2\0" * number, f"cut{number}": TEN.replace("line 4\nline 5\n", "")})
    deed(work, f"ln -sfn elsewhere{number} link{number}; ln -sf x{number} kind{number}")


def test_files_without_added_lines(many: Recording) -> None:
    """Deleted, binary, cut, renamed, of another mode, a link, a link in the place of a file."""
    trace = many.start().trace_id
    change_all(many, 1)
    many.stop()
    change_all_by_hand = [f"{name}2" for name in ("bin", "cut", "gone", "mode", "new")]
    many.repo.run("sh", "-c", "rm gone2; chmod +x mode2; git mv old2 new2; printf '\\2' > bin2; sed -i 4,5d cut2")
    many.repo.run("sh", "-c", "ln -sfn elsewhere2 link2; ln -sf x2 kind2")
    many.commit()
    (record,) = exported(many, trace)
    found = record["attribution"]
    assert found["unaccounted_files"] == sorted([*change_all_by_hand, "link2", "kind2"])
    files = {file["path"]: file["conversations"] for file in found["files"]}
    assert {path for path in files if path.endswith("1")} == {
        f"{name}1" for name in "bin cut gone kind link mode new".split()
    }
    for path, conversations in files.items():
        types = [item["contributor"]["type"] for item in conversations]
        assert types == (["human"] if path.endswith("1") else ["unknown"]), path
    ranges = {
        path: [tuple(one.values())[:5] for item in some for one in item["ranges"]] for path, some in files.items()
    }
    assert ranges["gone1"] == [(1, 2, hashed("to be deleted 1", "and more"), "high", "deletion")]
    assert ranges["cut1"] == [(5, 6, hashed("line 4", "line 5"), "high", "deletion")]
    assert (ranges["bin1"], ranges["mode1"], ranges["new1"]) == ([], [], [])
    assert [one[4] for one in ranges["link1"]] == ["modification"]
    assert [one[4] for one in ranges["kind1"]] == ["addition"]


def test_submodules(work: Recording) -> None:
    for name in ("one", "two"):
        work.git("init", "-q", name)
        work.git("-C", name, "commit", "-q", "--allow-empty", "-m", "in it")
    work.git("add", "one", "two")
    work.commit("submodules")
    trace = work.start().trace_id
    work.run("git", "-C", "one", "commit", "-q", "--allow-empty", "-m", "further")
    work.git("-C", "two", "commit", "-q", "--allow-empty", "-m", "further")
    work.git("add", "one", "two")
    work.git("commit", "-q", "-m", "bump one")
    work.stop()
    (record,) = exported(work, trace)
    assert record["outcome"]["commit_sha"] == work.head()
    # `two` was moved between the recorded command and the commit: the commit's event saw it
    assert record["attribution"]["unaccounted_files"] == []
    files = {file["path"]: file["conversations"] for file in record["attribution"]["files"]}
    assert {path: [item["ranges"] for item in some] for path, some in files.items()} == {"one": [[]], "two": [[]]}
    work.git("-C", "one", "commit", "-q", "--allow-empty", "-m", "by hand")
    work.git("commit", "-q", "-a", "-m", "bump by hand")
    assert work.head() not in {link["revision"] for link in exported(work, trace)[0]["git_links"]}
