"""git trace identity, as it is used on two machines."""

import json
import stat
import sys
from pathlib import Path

import pytest

from gittrace.vocabulary import EXIT_ERROR, EXIT_USAGE
from tests.support.repo import Repo


@pytest.fixture
def other(repo: Repo, tmp_path: Path) -> Repo:
    """The same person's other machine: no repository there, and another configuration."""
    home = tmp_path / "other"
    home.mkdir()
    return Repo(home, repo.env | {"XDG_CONFIG_HOME": str(home / ".config")})


def _recorded_by(repo: Repo) -> str:
    repo.trace("start")
    repo.trace("run", "--", "true")
    repo.trace("stop")
    return _ids(repo)[0]


def _ids(repo: Repo) -> list[str]:
    """Return the id of each trace, the newest first."""
    traces = [trace["trace_id"] for trace in json.loads(repo.trace("list", "--json"))]
    shown = [json.loads(repo.trace("show", trace, "--json")) for trace in traces]
    return [trace["segments"][0]["header"]["developer_id"] for trace in shown]


def test_the_id_that_traces_have(repo: Repo) -> None:
    repo.commit("a", "a\n")
    key = Path(repo.env["XDG_CONFIG_HOME"]) / "gittrace/identity.key"
    assert repo.trace("identity") == "key: none: it is made with the first session\n"
    assert not key.exists()
    mine = _recorded_by(repo)
    assert repo.trace("identity") == f"{mine}\nkey: file: '{key}'\n"
    shown = json.loads(repo.trace("identity", "--json"))
    assert shown == {"developer_id": mine, "key": {"kind": "file", "detail": f"'{key}'"}, "others": []}


def test_another_id_from_now_on(repo: Repo) -> None:
    repo.commit("a", "a\n")
    mine = _recorded_by(repo)
    lines = repo.trace("identity", "--rotate").splitlines()
    assert lines[0] != mine
    assert lines[2:] == [f"used before: {mine}"]
    assert _recorded_by(repo) == lines[0]
    assert _ids(repo) == [lines[0], mine]


def test_the_same_on_another_machine(repo: Repo, other: Repo) -> None:
    repo.commit("a", "a\n")
    mine = _recorded_by(repo)
    file = other.top / "me.json"
    assert repo.trace("identity", "--export", "-o", str(file)) == ""
    assert repo.errors.startswith("warning: whoever has this can tell which traces are yours")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600

    shown = json.loads(other.trace("identity", "--import", "me.json", "--json"))
    assert (shown["developer_id"], shown["key"]["kind"], shown["others"]) == (None, "file", [mine])
    assert other.errors == ""
    other.git("init", "-q")
    other.commit("b", "b\n")
    assert _recorded_by(other) == mine


def test_through_a_pipe(repo: Repo, other: Repo) -> None:
    other.git("init", "-q")
    other.commit("b", "b\n")
    theirs = _recorded_by(other)
    other.trace("identity", "--export")  # this needs the key of the tags, so that there is one
    repo.commit("a", "a\n")
    mine = _recorded_by(repo)
    text = repo.trace("identity", "--export")
    assert json.loads(text)["own"] == [mine]
    lines = other.trace("identity", "--import", "-", stdin=text.encode()).splitlines()
    assert (lines[0], lines[2:]) == (mine, [f"used before: {theirs}"])
    assert other.errors == "warning: secrets have other tags from now on; trace.redact.allow may hold old ones\n"


@pytest.mark.parametrize("there", ["file", "link", "directory"])
def test_nothing_is_overwritten(repo: Repo, there: str) -> None:
    path = repo.top / "there"
    if there == "file":
        path.write_text("precious\n")
    elif there == "link":
        path.symlink_to("nowhere")
    else:
        path.mkdir()
    repo.trace("identity", "--export", "-o", "there", status=EXIT_ERROR)
    assert repo.errors == "fatal: cannot write 'there': file exists\n"
    assert not (repo.top / "nowhere").exists()
    assert there != "file" or path.read_text() == "precious\n"


@pytest.mark.parametrize(
    ("args", "status", "said"),
    [
        (["--import", "missing"], EXIT_ERROR, "cannot read 'missing': no such file or directory"),
        (["--import", "."], EXIT_ERROR, "cannot read '.': is a directory"),
        (["--import", "/dev/zero"], EXIT_ERROR, "cannot import the identity: this is not what"),
        (["--import", sys.executable], EXIT_ERROR, "cannot import the identity: this is not what"),
        (["--export", "-o", "no/such"], EXIT_ERROR, "cannot write 'no/such': no such file or directory"),
        (["--rotate", "--export"], EXIT_USAGE, "not allowed with"),
        (["-o", "file"], EXIT_USAGE, "--output needs --export"),
        (["--rotate", "-o", "file"], EXIT_USAGE, "--output needs --export"),
    ],
)
def test_what_makes_no_sense(repo: Repo, args: list[str], status: int, said: str) -> None:
    repo.commit("a", "a\n")
    mine = _recorded_by(repo)
    assert repo.trace("identity", *args, status=status) == ""
    assert said in repo.errors
    assert repo.trace("identity").splitlines()[0] == mine
    assert not (repo.top / "file").exists()
