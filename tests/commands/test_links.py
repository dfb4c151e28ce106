"""git trace links, git trace fate."""

import json

import pytest

from gittrace.commands.display import percent
from tests.support.recording import TEN, Recording

LINES = "the first line of it\nthe second line of it\n"


@pytest.fixture
def committed(work: Recording) -> tuple[Recording, str, str]:
    """A trace that added two lines, and its commit."""
    trace = work.start(title="two lines").trace_id
    work.did(a=TEN + LINES)
    commit = work.commit("add them")
    work.stop()
    return work, trace, commit


def test_of_a_trace_and_of_a_commit(committed: tuple[Recording, str, str]) -> None:
    work, trace, commit = committed
    line, *details = work.repo.trace("links", trace).splitlines()
    assert line == f"{commit[:12]}  made     100%  add them (main)"
    assert [detail.strip() for detail in details][1:] == [
        "1 run of added lines",
        "2 of 2 added lines",
        "100% of it is at HEAD",
    ]
    assert work.repo.trace("links").splitlines() == [line, *details]
    assert work.repo.trace("links", "HEAD").splitlines() == [f"trace {trace[:8]}  two lines", line, *details]
    assert work.repo.trace("links", "HEAD~1", status=1) == ""


def test_links_json(committed: tuple[Recording, str, str]) -> None:
    work, trace, commit = committed
    work.git("revert", "--no-edit", "HEAD")
    (link,) = json.loads(work.repo.trace("links", trace, "--json"))
    assert {key: link[key] for key in ("trace_id", "commit", "tier", "share", "reachable", "alive", "reverted_by")} == {
        "trace_id": trace,
        "commit": commit,
        "tier": "tool_emitted",
        "share": 1.0,
        "reachable": True,
        "alive": False,
        "reverted_by": [work.head()],
    }
    assert "reverted by" in work.repo.trace("links", trace)


def test_fate(committed: tuple[Recording, str, str]) -> None:
    work, trace, _ = committed
    assert work.repo.trace("fate", trace).splitlines() == ["alive (2 lines)", "    a: alive (2 lines)"]
    work.git("mv", "a", "elsewhere")
    work.commit("move it")
    assert work.repo.trace("fate").splitlines() == ["moved (2 lines)", "    a: moved (2 lines) -> elsewhere"]
    work.write(elsewhere=TEN + LINES.splitlines(keepends=True)[0])
    work.commit("cut it")
    assert work.repo.trace("fate").splitlines()[0] == "partial (2 lines: 50% moved, 50% superseded)"


def test_fate_json(committed: tuple[Recording, str, str]) -> None:
    work, trace, _ = committed
    whole = {"word": "alive", "lines": 2, "shares": {"alive": 1.0}}
    assert json.loads(work.repo.trace("fate", "--json")) == {
        "trace_id": trace,
        "fate": whole | {"files": [{"path": "a"} | whole]},
    }


def test_a_trace_that_left_nothing(work: Recording) -> None:
    work.start()
    work.stop()
    assert work.repo.trace("fate", status=1) == ""
    assert work.repo.trace("links", status=1) == ""


def test_without_traces(work: Recording) -> None:
    for command in ("fate", "links"):
        work.repo.trace(command, status=128)
        assert "there are no traces yet" in work.repo.errors


def test_exported(committed: tuple[Recording, str, str]) -> None:
    work, _, commit = committed
    record = json.loads(work.repo.trace("export"))
    assert record["metadata"]["fate"]["word"] == "alive"
    assert [link["revision"] for link in record["git_links"]] == [commit]


def test_of_many_blobs_a_few_are_shown(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(**{f"file{number}": f"the line of file {number}\n" for number in range(9)})
    work.commit()
    work.stop()
    details = [line.strip() for line in work.repo.trace("links", trace).splitlines()[1:]]
    assert [detail.split()[0] for detail in details[:4]] == ["blob"] * 4
    assert details[4:6] == ["5 more blobs", "9 runs of added lines"]
    (link,) = json.loads(work.repo.trace("links", trace, "--json"))
    assert sum(proof.startswith("blob ") for proof in link["evidence"]) == 9


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0, "0%"),
        (0.0001, "<1%"),
        (0.0049, "<1%"),
        (0.006, "1%"),
        (0.5, "50%"),
        (0.994, "99%"),
        (0.9999, ">99%"),
        (1, "100%"),
    ],
)
def test_percent(share: float, expected: str) -> None:
    assert percent(share) == expected
