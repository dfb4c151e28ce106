"""git writes the notes to be published while the gate looks at them; what leaves is what the gate let through."""

import json
import os
import sys
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.clock import now, uuid4, uuid7
from gittrace.errors import TraceError
from gittrace.git.process import Process
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine, encode
from gittrace.share import publish as publishing
from gittrace.share.gated import Beside, gate_of
from gittrace.share.plan import Gate
from gittrace.share.remotes import quoted
from gittrace.share.state import share_dir
from gittrace.trace.sealing.noting import add_lines
from gittrace.vocabulary import NOTES_REF
from tests.share.conftest import push, recorded
from tests.share.support import Server
from tests.support.recording import Recording


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was done, in order: `write` when git begins to write notes, `scan` when the gate is asked."""
    order: list[str] = []
    start = Repository.start

    def started(self: Repository, *args: str, **options: Any) -> Process:
        order.extend(["write"] if args[0] == "fast-import" else [])
        return start(self, *args, **options)

    def watched(repo: Repository, beside: Beside | None) -> Gate:
        gate = gate_of(repo, beside)

        def asked(lines: list[SegmentLine]) -> tuple[set[SegmentLine], dict[SegmentLine, TraceError]]:
            order.append("scan")
            return gate(lines)

        return asked

    monkeypatch.setattr(Repository, "start", started)
    monkeypatch.setattr(publishing, "gate_of", watched)
    return order


def _recorded(work: Recording, name: str) -> str:
    oid = recorded(work, name)
    work.git("push", "-q", "--no-verify", "origin", "HEAD")
    return oid


def _hold(work: Recording, commit: str) -> None:
    """Note a segment that holds a secret, as one that was sealed before there was a rule for it."""
    trace, session = uuid4(), uuid4()
    header = {"kind": "session", "id": uuid7(), "at": now(), "trace_id": trace, "session_id": session, "index": 0}
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    event = {"kind": "note", "id": uuid7(), "at": now(), "source": "test", "text": f"it is {secret}"}
    jsonl = "".join(f"{json.dumps(line)}\n" for line in (header, event)).encode()
    add_lines(work.here, {commit: [encode(trace, session, 0, jsonl)]})


def _left(work: Recording) -> list[str]:
    return [path.name for path in Path(share_dir(work.here)).iterdir() if path.name == "making"]


def test_git_writes_while_the_gate_looks(work: Recording, server: Server, said: list[str]) -> None:
    oid = _recorded(work, "one")
    said.clear()
    assert push(work).segments == 2
    assert said == ["write", "scan"]
    assert set(server.segments()) == {oid}
    assert push(work).segments == 0
    assert said == ["write", "scan"]
    assert _left(work) == []


def test_what_is_held_back_is_in_nothing_that_leaves(work: Recording, server: Server, said: list[str]) -> None:
    one, two = _recorded(work, "one"), _recorded(work, "two")
    _hold(work, one)
    said.clear()
    done = push(work)
    assert (done.segments, len(done.held)) == (4, 1)
    # what was begun was for nobody
    assert said == ["write", "scan", "write"]
    assert {oid: len(some) for oid, some in server.segments().items()} == {one: 2, two: 2}
    published = "".join(server.repo.git("rev-list", "--objects", done.ref).split("\n"))
    assert work.git("notes", f"--ref={NOTES_REF}", "list", two) in published
    assert work.git("notes", f"--ref={NOTES_REF}", "list", one) not in published
    # it will be held back again: nothing is written for it each time
    three = _recorded(work, "three")
    said.clear()
    assert push(work).segments == 2
    assert said == ["scan", "write"]
    assert set(server.segments()) == {one, two, three}
    assert _left(work) == []


def test_what_was_begun_for_nobody_stays_here_until_git_collects_it(work: Recording, server: Server) -> None:
    one = _recorded(work, "one")
    _hold(work, one)

    def loose() -> set[str]:
        told = work.git("fsck", "--unreachable", "--no-reflogs", "--no-progress").splitlines()
        return {line.split()[2] for line in told if line.split()[1] == "commit"}

    before = loose()
    done = push(work)
    assert len(done.held) == 1
    (begun,) = loose() - before
    held = work.git("notes", f"--ref={NOTES_REF}", "list", one)
    assert held in work.git("ls-tree", "-r", begun)
    two = _recorded(work, "two")
    push(work)
    work.git("push", "-q", "--no-verify", "--all", "origin")
    assert two in server.segments()
    for oid in (begun, held):
        server.repo.git("cat-file", "-e", oid, status=1)
    work.git("gc", "-q", "--prune=now")
    work.git("cat-file", "-e", begun, status=1)
    assert push(work).segments == 0


def test_a_gate_that_fails_leaves_no_git_behind(
    work: Recording, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    _recorded(work, "one")
    pids: list[int] = []
    start = Repository.start

    def started(self: Repository, *args: str, **options: Any) -> Process:
        process = start(self, *args, **options)
        pids.extend([process.pid] if args[0] == "fast-import" else [])
        return process

    def failing(repo: Repository, beside: Beside | None) -> Gate:
        def asked(lines: list[SegmentLine]) -> tuple[set[SegmentLine], dict[SegmentLine, TraceError]]:
            raise TraceError("the rules can't be read")

        return asked

    monkeypatch.setattr(Repository, "start", started)
    monkeypatch.setattr(publishing, "gate_of", failing)
    with pytest.raises(TraceError, match="the rules"):
        push(work)
    assert len(pids) == 1
    with pytest.raises(ChildProcessError):
        os.waitpid(pids[0], os.WNOHANG)
    assert server.writers() == []
    assert _left(work) == []


def test_objects_are_opened_once(work: Recording, server: Server) -> None:
    # a commit without a note has all traces looked at, once
    one = _recorded(work, "one")
    work.repo.trace("push", "-q", "origin")
    two = _recorded(work, "two")
    program = (
        "import sys; from gittrace.git import objects; real = []\n"
        "opened = objects.open_objects\n"
        "def counted(repo):\n"
        "    real.append(repo)\n"
        "    return opened(repo)\n"
        "objects.open_objects = counted\n"
        "from gittrace.main import main\n"
        "status = main(['push', '-q', 'origin'])\n"
        "loaded = {'ssl', 'pygit2.repository'} & set(sys.modules)\n"
        "print(status, len(real), *loaded)"
    )
    assert work.repo.run(sys.executable, "-c", program).split() == [b"0", b"1"]
    assert set(server.segments()) == {one, two}


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_remotes_name_is_quoted_as_in_urls(name: str) -> None:
    assert quoted("a" + name + "b").replace("%2E", ".").replace("%2D", "-") == (
        quote(f"a{name}b", safe="").replace("~", "%7E")
    )
