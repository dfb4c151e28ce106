"""Chosen snapshots travel thinly, and are tree refs again on the other side."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gittrace.errors import NotFound, TraceError
from gittrace.share.remotes import Target, writer_of
from gittrace.share.snapshots import fetch_snapshots, mirror_of, publish_snapshots
from gittrace.trace.upkeep.forget import forget_trace
from tests.share.conftest import LINE, push
from tests.share.support import Server
from tests.support.keys import program
from tests.support.recording import Make, Recording

ORIGIN = Target("origin", "origin")
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def worked(work: Recording, name: str = "one") -> str:
    """Record a trace with two states that were never committed, and return it."""
    trace = work.start(title=name).trace_id
    for count in range(2):
        work.did(f"make {name}", **{name: f"{name} in state {count}\n"})
    work.stop()
    return trace


def last_snapshot(work: Recording, trace: str) -> str:
    return work.git("rev-parse", f"refs/trace/{trace}:snapshots/00/00/02")


def test_there_and_back(work: Recording, server: Server, make_work: Make) -> None:
    trace, other = worked(work), worked(work, "two")
    (done,) = publish_snapshots(work.here, ORIGIN, [trace], LINE)
    assert server.repo.git("for-each-ref", "--format=%(refname)", "refs/trace-snapshots") == done.ref
    names = server.repo.git("ls-tree", "--name-only", done.ref).split()
    assert names == ["snapshots", "trace.json"]
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    tree = last_snapshot(work, trace)
    assert clone.git("cat-file", "-t", tree, status=None) == ""
    (ref,) = fetch_snapshots(clone.here, "origin", LINE)
    assert ref == mirror_of("origin", writer_of(work.here), trace)
    assert clone.git("cat-file", "-t", ref) == "tree"
    assert clone.git("show", f"{tree}:one") == "one in state 1"
    assert clone.git("for-each-ref", "refs/trace-incoming") == ""
    assert "napshots" not in clone.git("log", "--all", "--format=%D%s")
    assert fetch_snapshots(clone.here, "origin", LINE) == []
    assert other not in server.repo.git("for-each-ref")


def test_only_what_is_new_is_sent(work: Recording, server: Server) -> None:
    work.write(large=os.urandom(1 << 20), in__a__folder=os.urandom(1 << 20))
    work.commit("large")
    work.git("push", "-q", "--no-verify", "origin", "main")
    trace = worked(work)
    server.repo.git("config", "receive.unpackLimit", "1")
    sizes = []
    for _ in range(3):
        publish_snapshots(work.here, ORIGIN, [trace], LINE)
        packs = sorted((server.repo.top / "objects/pack").glob("*.pack"), key=lambda path: path.stat().st_mtime_ns)
        sizes.append(packs[-1].stat().st_size)
        work.start(trace_id=trace)
        work.did("more", one=f"one in state {len(sizes)} of many\n")
        if not sizes[1:]:
            work.did("large", another=os.urandom(1 << 19))
            (work.repo.top / "another").unlink()
        work.stop()
    sizes.remove(max(sizes))
    assert max(sizes) < 10_000


def test_nothing_new(work: Recording, server: Server) -> None:
    trace = worked(work)
    publish_snapshots(work.here, ORIGIN, [trace], LINE)
    (done,) = publish_snapshots(work.here, ORIGIN, [trace], LINE)
    assert done.commit is None


def test_a_secret_in_a_file_keeps_them_here(work: Recording, server: Server) -> None:
    trace = work.start().trace_id
    work.did("make", secret=f"token = {SECRET}\n")
    # gone again: only a snapshot has it
    work.did("make", secret="none\n")
    work.stop()
    with pytest.raises(TraceError, match="secret") as error:
        publish_snapshots(work.here, ORIGIN, [trace], LINE)
    assert SECRET not in str(error.value) + str(error.value.hint)
    assert server.repo.git("for-each-ref", "refs/trace-snapshots") == ""


def test_what_the_server_has_is_not_asked_again(work: Recording, server: Server) -> None:
    work.write(secret=f"token = {SECRET}\n")
    work.commit("it is out already")
    work.git("push", "-q", "--no-verify", "origin", "main")
    trace = worked(work)
    publish_snapshots(work.here, ORIGIN, [trace], LINE)
    assert server.repo.git("for-each-ref", "refs/trace-snapshots") != ""


def test_they_go_when_the_trace_is_forgotten(work: Recording, server: Server, make_work: Make) -> None:
    work.start(title="one")
    work.did("make", one="one\n")
    work.commit()
    work.stop()
    trace = str(work.pieces()[0].header["trace_id"])
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    publish_snapshots(work.here, ORIGIN, [trace], LINE)
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    assert len(fetch_snapshots(clone.here, "origin", LINE)) == 1
    forget_trace(work.here, trace)
    push(work)
    assert server.repo.git("for-each-ref", "refs/trace-snapshots") == ""
    assert work.git("for-each-ref", "refs/trace-remotes") == ""
    fetch_snapshots(clone.here, "origin", LINE)
    assert clone.git("for-each-ref", "refs/trace-remotes") == ""


def measured(clone: Recording, tmp_path: Path) -> Callable[[], int]:
    """Have fetches of `origin` counted; what is returned fetches the snapshots, and says how many bytes that took."""
    log = tmp_path / "sent"
    counting = program(tmp_path / "counting", f'git-upload-pack "$@" | tee -a {log}')
    clone.git("config", "remote.origin.uploadpack", counting)

    def fetched() -> int:
        log.write_bytes(b"")
        fetch_snapshots(clone.here, "origin", LINE)
        return log.stat().st_size

    return fetched


def clone_with_branches(server: Server, make_work: Make) -> Recording:
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    clone.git("fetch", "-q", "origin")
    return clone


def test_only_what_is_missing_is_fetched(work: Recording, server: Server, make_work: Make, tmp_path: Path) -> None:
    trace = work.start(title="large").trace_id
    work.did("make", large=os.urandom(1 << 20), folder__deep__another=os.urandom(1 << 19))
    work.stop()
    publish_snapshots(work.here, ORIGIN, [trace], LINE)
    clone = clone_with_branches(server, make_work)
    fetched = measured(clone, tmp_path)
    assert fetched() > 1 << 20
    assert fetched() < 5000
    # the commit that they came in is not kept: git may prune it
    clone.git("reflog", "expire", "--expire=now", "--all")
    clone.git("gc", "-q", "--prune=now")
    assert fetched() < 5000
    # what is in an earlier snapshot alone
    (work.repo.top / "large").unlink()
    for number in range(3):
        work.start(trace_id=trace)
        work.did("more", small=f"state {number}\n")
        work.stop()
        publish_snapshots(work.here, ORIGIN, [trace], LINE)
        assert fetched() < 10_000
        assert clone.git("rev-parse", mirror_of("origin", writer_of(work.here), trace)) == work.git(
            "rev-parse", mirror_of("origin", writer_of(work.here), trace)
        )
    assert clone.repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""
    assert clone.git("for-each-ref", "refs/trace-incoming") == ""
    # nor do those who published fetch their own
    assert measured(work, tmp_path)() < 5000


@pytest.mark.parametrize("lost", ["the file", "nonsense", "the tree", "the branches"])
def test_what_can_not_be_told_to_be_here_is_fetched_again(
    work: Recording, server: Server, make_work: Make, tmp_path: Path, lost: str
) -> None:
    trace = worked(work)
    publish_snapshots(work.here, ORIGIN, [trace], LINE)
    clone = clone_with_branches(server, make_work)
    fetched = measured(clone, tmp_path)
    fetched()
    ref = mirror_of("origin", writer_of(work.here), trace)
    tree = clone.git("rev-parse", ref)
    memory = Path(clone.here.common_trace_dir, "share/origin.snapshots")
    if lost == "the file":
        memory.unlink()
    elif lost == "nonsense":
        memory.write_text(memory.read_text().replace("parent", "pare\u00e9"))
    elif lost == "the tree":
        clone.git("update-ref", "-d", ref)
    else:
        clone.git("update-ref", "-d", "refs/remotes/origin/main")
        # newer gits leave a HEAD there
        clone.git("symbolic-ref", "-d", "refs/remotes/origin/HEAD", status=None)
    clone.git("reflog", "expire", "--expire=now", "--all")
    clone.git("gc", "-q", "--prune=now")
    fetched()
    assert clone.git("rev-parse", ref) == tree
    assert clone.repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_names_of_others_are_checked(work: Recording, server: Server, make_work: Make) -> None:
    work.git(
        "push", "-q", "--no-verify", "origin", "main:refs/trace-snapshots/evil/name", "main:refs/trace-snapshots/x"
    )
    assert fetch_snapshots(work.here, "origin", LINE) == []
    assert work.git("for-each-ref", "refs/trace-remotes", "refs/trace-incoming") == ""


def test_by_command(work: Recording, server: Server, tmp_path: Path) -> None:
    trace = worked(work)
    assert work.repo.trace("push", "--snapshots", trace[:8]).startswith(f"snapshots of trace {trace}")
    server.repo.git("clone", "-q", server.url, str(tmp_path / "clone"))
    assert work.repo.trace("fetch", "--snapshots") == ""
    with pytest.raises(NotFound):
        publish_snapshots(work.here, ORIGIN, ["7" * 8 + "-0000-4000-8000-000000000000"], LINE)
    work.repo.trace("push", "--snapshots", trace, "--all", status=129)
