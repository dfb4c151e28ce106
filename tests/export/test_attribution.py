"""The attribution of an export: from recorded work to the lines of the commit, on real git."""

import json
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
