"""Fixtures for sharing: bare servers, and clones in which work is recorded."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from gittrace.git.transfer import Line
from gittrace.share.fetch import Fetched, fetch
from gittrace.share.plan import Scope
from gittrace.share.publish import Published, exclusively, publish
from gittrace.share.remotes import Target
from gittrace.share.setup import share
from tests.share.support import Server
from tests.support.program import with_program
from tests.support.recording import Make, Recording, make_work
from tests.support.repo import Repo, hermetic_environment

__all__ = ["make_work"]

LINE = Line(idle=20, total=60)
MakeServer = Callable[..., Server]


@pytest.fixture
def program(tmp_path: Path, home: Path) -> Mapping[str, str]:
    """An environment in which hooks find `git-trace`."""
    return with_program(tmp_path / "bin", hermetic_environment(home))


@pytest.fixture
def make_server(tmp_path: Path, home: Path) -> MakeServer:
    """Make a bare repository."""

    def make(name: str = "server.git", object_format: str = "sha1") -> Server:
        repo = Repo(tmp_path / name, hermetic_environment(home))
        repo.top.mkdir()
        repo.git("init", "-q", "--bare", "-b", "main", f"--object-format={object_format}", ".")
        return Server(repo)

    return make


@pytest.fixture
def server(make_server: MakeServer) -> Server:
    """The usual server."""
    return make_server()


@pytest.fixture
def work(make_work: Make, server: Server) -> Recording:
    """A repository whose `origin` has its first commit; pushes to it publish, when a test says so."""
    work = make_work()
    work.git("remote", "add", "origin", str(server.repo.top))
    work.git("push", "-q", "--no-verify", "-u", "origin", "main")
    share(work.here, "origin")
    return work


def push(
    work: Recording,
    remote: str = "origin",
    to: str = "",
    *,
    private: bool = False,
    unlinked: bool = False,
    old: bool = False,
) -> Published:
    """Publish."""
    scope = Scope(everything=old or private or unlinked, private=private, unlinked=unlinked)
    with exclusively(work.here, LINE):
        return publish(work.here, Target(remote, to or remote), scope, LINE)


def pull(work: Recording, remote: str = "origin") -> Fetched:
    """Fetch what is published."""
    return fetch(work.here, remote, LINE)


def recorded(work: Recording, name: str, commit: bool = True) -> str:
    """Record a session that writes a file of its own and, mostly, commits it; return the commit."""
    work.start(title=name)
    work.did(f"make {name}", **{os.path.basename(name): f"the file of {name}\n"})
    oid = work.commit(name) if commit else ""
    work.stop(True)
    return oid
