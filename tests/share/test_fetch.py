"""A clone that fetched what was published answers as the place where the work was done."""

import json
from pathlib import Path
from typing import Any

import pytest

from gittrace.errors import NotFound
from gittrace.git.transfer import TransferFailed
from gittrace.share.fetch import default_remote, fetch
from gittrace.share.remotes import writer_of
from gittrace.share.setup import fetch_along
from gittrace.trace.upkeep.initialize import deinitialize, initialize
from tests.share.conftest import LINE, pull, push, recorded
from tests.share.support import Server
from tests.support.recording import Recording
from tests.support.repo import Repo

Answers = dict[str, Any]


def cloned(server: Server, top: Path, *options: str) -> Repo:
    """Return a clone in which nothing of gittrace is set up."""
    server.repo.git("clone", "-q", *options, f"file://{server.url}", str(top))
    return Repo(top, server.repo.env)


def answers(repo: Repo) -> Answers:
    """Return what the reading commands say."""
    commit, file = "HEAD", "a"
    asked = {
        "list": ["list", "--json"],
        "log": ["log", "--json"],
        "show": ["show", "--json"],
        "show commit": ["show", "--json", commit],
        "links": ["links", "--json"],
        "links commit": ["links", "--json", commit],
        "fate": ["fate", "--json"],
        "blame": ["blame", "--json", file],
        "why": ["why", "--json", f"{file}:2"],
        "verify": ["verify", "--json"],
        "export": ["export"],
    }
    said = {name: repo.trace(*words) for name, words in asked.items()}
    return {name: [json.loads(line) for line in text.splitlines()] for name, text in said.items()}


def without(value: Any, *keys: str) -> Any:
    """Return JSON without some fields, at whatever depth."""
    if isinstance(value, dict):
        return {key: without(item, *keys) for key, item in value.items() if key not in keys}
    return [without(item, *keys) for item in value] if isinstance(value, list) else value


def work_on(work: Recording) -> None:
    """Record two traces, of which one is amended, and one merged by a squash."""
    work.start(title="first")
    work.did("make", a="one\ntwo by the first\nthree\n")
    work.did("make", a="one\ntwo by the first\nthree by the first\n")
    work.commit("first")
    work.git("commit", "-q", "--amend", "-m", "first, in other words")
    work.stop(True)
    work.start(title="second")
    work.did("make", b="something else by the second\n")
    work.commit("second")
    work.did("test")
    work.stop(False)


@pytest.mark.parametrize("options", [(), ("--filter=blob:none",), ("--depth=1",), ("--bare",)])
def test_the_same_answers(work: Recording, server: Server, tmp_path: Path, options: tuple[str, ...]) -> None:
    server.repo.git("config", "uploadpack.allowFilter", "true")
    work_on(work)
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    clone = cloned(server, tmp_path / "clone", *options)
    if options == ("--bare",):
        assert clone.trace("fetch").count("[new writer]") == 1
        assert json.loads(clone.trace("list", "--json")) == json.loads(work.repo.trace("list", "--json"))
        return
    clone.trace("fetch")
    assert "trace" not in clone.git("config", "--list", "--local")
    here, there = answers(work.repo), answers(clone)
    # what a commit was before it was amended is in no clone, and which branches lead to a commit is each one's own;
    # evidence may name what was superseded, and counts no lines that a partial clone lacks
    local = ("noted_on", "branch", "content_hash", "evidence")
    if options == ("--depth=1",):
        # what is behind the cut can't be linked or rebuilt
        for name in ("list", "show", "log"):
            assert without(there[name], *local, "links", "fate", "commits") == without(
                here[name], *local, "links", "fate", "commits"
            )
        return
    for record in here["export"]:
        superseded = {link["revision"] for link in record["git_links"] if not link["commit_reachable"]}
        for links in (record["git_links"], record["metadata"]["links"]):
            links[:] = [link for link in links if link["revision"] not in superseded]
    for record in (*here["export"], *there["export"]):
        for session in record["metadata"]["sessions"]:
            session.pop("segments")
    for name in here:
        assert without(there[name], *local) == without(here[name], *local), name


def test_what_is_gone_there_goes_here_and_nothing_else(work: Recording, server: Server, tmp_path: Path) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    clone = cloned(server, tmp_path / "clone")
    clone.trace("fetch", "origin")
    tags = clone.git("for-each-ref", "refs/heads", "refs/remotes", "refs/tags")
    server.repo.git("update-ref", "-d", f"refs/notes/traces/{writer_of(work.here)}")
    assert "[deleted]" in clone.trace("fetch", "origin")
    assert clone.git("for-each-ref", "refs/notes") == ""
    assert clone.git("for-each-ref", "refs/heads", "refs/remotes", "refs/tags") == tags
    assert not (clone.git_dir / "FETCH_HEAD").exists()


class TestGitFetch:
    def test_brings_them_when_asked_to(self, work: Recording, server: Server) -> None:
        recorded(work, "one")
        work.git("push", "-q", "--no-verify", "origin", "main")
        push(work)
        own = work.git("for-each-ref", "refs/notes")
        fetch_along(work.here, "origin")
        for words in (
            ["fetch"],
            ["fetch", "--prune"],
            ["fetch", "--prune", "--tags", "--force"],
            ["remote", "prune", "origin"],
        ):
            work.git(*words)
            assert work.git("for-each-ref", "refs/notes") == own
        # git itself moves the mirror as it pushes
        recorded(work, "two")
        work.git("push", "-q", "--no-verify", "origin", "main")
        assert push(work).segments == 2
        assert pull(work).writers == {}

    def test_does_not_prune_what_is_not_published(self, work: Recording, server: Server) -> None:
        recorded(work, "private")
        fetch_along(work.here, "origin")
        before = work.git("for-each-ref", "refs/notes/trace", "refs/trace")
        work.git("fetch", "-q", "--prune", "origin")
        assert work.git("for-each-ref", "refs/notes/trace", "refs/trace") == before != ""

    def test_is_as_before_once_recording_is_given_up(self, work: Recording) -> None:
        deinitialize(work.here)
        before = (work.repo.git_dir / "config").read_bytes()
        initialize(work.here)
        fetch_along(work.here, "origin")
        fetch_along(work.here, "origin")
        assert len(work.git("config", "--get-all", "remote.origin.fetch").splitlines()) == 2
        deinitialize(work.here)
        assert (work.repo.git_dir / "config").read_bytes() == before

    def test_no_remote_is_made_up(self, work: Recording) -> None:
        for option in ("--fetch", "--share"):
            work.repo.trace("init", option, "upstream", status=128)
            assert "'upstream' is not a remote of this repository" in work.repo.errors
        work.git("remote", "add", "upstream", "nowhere")


def test_errors(work: Recording, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="'nowhere' is not a remote"):
        fetch(work.here, "nowhere", LINE)
    work.git("remote", "set-url", "origin", str(tmp_path / "gone"))
    with pytest.raises(TransferFailed):
        fetch(work.here, "origin", LINE)
    work.repo.trace("fetch", status=128)
    assert work.repo.errors.startswith("fatal: cannot fetch from 'origin': ")


def test_which_remote_is_meant(work: Recording) -> None:
    assert default_remote(work.here) == "origin"
    work.git("remote", "rename", "origin", "elsewhere")
    work.git("config", "trace.push", "off")
    work.git("config", "--unset", "trace.remote")
    work.here.forget_config()
    assert default_remote(work.here) == "elsewhere"
    work.git("remote", "remove", "elsewhere")
    work.here.forget_config()
    with pytest.raises(NotFound, match="no remote to fetch from"):
        default_remote(work.here)
