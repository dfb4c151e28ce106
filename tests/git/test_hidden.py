"""The hidden ref of a trace: a tree that no log shows, that gc keeps, and that no writer takes from another."""

import json
import multiprocessing
import os

import pytest

from gittrace.errors import GitFailed, RefMoved
from gittrace.git.hidden import snapshot_path, update, write_blob
from gittrace.git.repository import Repository
from tests.support.recording import view
from tests.support.repo import Repo, make_repo
from tests.support.trees import write_trees

TRACE = "8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00"
REF = f"refs/trace/{TRACE}"


def numbered(repo: Repo, count: int) -> list[str]:
    """Return the oids of different trees."""
    return write_trees(repo, *({b"file": (0o100644, b"%d" % number)} for number in range(count)))


def snapshots(repo: Repo) -> dict[str, str]:
    """Return path -> tree of the snapshots."""
    found = {}
    for one in repo.git("ls-tree", "-r", "-d", "--format=%(objectname) %(path)", REF).splitlines():
        oid, _, path = one.partition(" ")
        if path.count("/") == 3:
            found[path.removeprefix("snapshots/")] = oid
    return found


@pytest.mark.parametrize(
    ("number", "path"),
    [
        (0, "00/00/00"),
        (31, "00/00/31"),
        (32, "00/01/00"),
        (1023, "00/31/31"),
        (1024, "01/00/00"),
        (102_399, "99/31/31"),
        (102_400, "100/00/00"),
    ],
)
def test_paths(number: int, path: str) -> None:
    assert "/".join(snapshot_path(number)) == path


def test_numbering_over_its_bounds(repo: Repo) -> None:
    here = view(repo)
    trees = numbered(repo, 1060)
    for start, end in ((0, 1), (1, 31), (31, 32), (32, 34), (34, 1023), (1023, 1024), (1024, 1025), (1025, 1060)):
        assert update(here, TRACE, trees[start:end])
    assert snapshots(repo) == {"/".join(snapshot_path(number)): tree for number, tree in enumerate(trees)}


def test_more_than_a_hundred_thousand(repo: Repo) -> None:
    here = view(repo)
    one, two, three = numbered(repo, 3)
    leaf = repo.run("git", "mktree", stdin=f"040000 tree {one}\t31\n".encode()).decode().strip()
    for name in ("31", "99", "snapshots"):
        leaf = repo.run("git", "mktree", stdin=f"040000 tree {leaf}\t{name}\n".encode()).decode().strip()
    repo.git("update-ref", REF, leaf)
    update(here, TRACE, [two, three])
    assert snapshots(repo) == {"99/31/31": one, "100/00/00": two, "100/00/01": three}


def test_equal_snapshots_count_once(repo: Repo) -> None:
    here = view(repo)
    one, two = numbered(repo, 2)
    assert update(here, TRACE, [one, one, two, two, one])
    assert not update(here, TRACE, [one])
    assert list(snapshots(repo).values()) == [one, two, one]


def test_files_and_meta(repo: Repo) -> None:
    here = view(repo)
    (tree,) = numbered(repo, 1)
    blob = write_blob(here, b"what it printed")
    assert update(here, TRACE, [tree], meta=json.dumps({"id": TRACE}).encode())
    assert update(here, TRACE, outputs={"event": blob})
    assert update(here, TRACE, segments={"session-0": blob, "session-1": blob})
    assert not update(here, TRACE, [tree], {"event": blob}, {"session-1": blob}, json.dumps({"id": TRACE}).encode())
    names = repo.git("ls-tree", "-r", "--name-only", REF).split()
    assert names == [
        "output/event",
        "segments/session-0",
        "segments/session-1",
        "snapshots/00/00/00/file",
        "trace.json",
    ]


def test_no_log_shows_it_and_gc_keeps_it(repo: Repo) -> None:
    here = view(repo)
    base = repo.commit("a", "1\n")
    trees = numbered(repo, 40)
    repo.git("update-ref", "-d", "refs/heads/made")
    update(here, TRACE, trees, outputs={"event": write_blob(here, b"output")})
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    assert repo.git("log", "--all", "--format=%H") == base
    assert list(snapshots(repo).values()) == trees
    assert repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""
    assert repo.errors == ""
    assert repo.git("diff", "--stat", f"{REF}:snapshots/00/00/03", f"{REF}:snapshots/00/01/04").startswith(
        " file | 2 +-"
    )


def test_an_update_writes_a_handful_of_objects(repo: Repo) -> None:
    here = view(repo)
    trees = numbered(repo, 1000)
    update(here, TRACE, trees[:-1])
    before = int(repo.git("count-objects").split()[0])
    update(here, TRACE, trees[-1:])
    assert int(repo.git("count-objects").split()[0]) - before <= 4


def updater(top: str, name: str, trees: list[str]) -> None:
    """Add snapshots and files in a process of its own."""
    repo = Repository(top, f"{top}/.git", f"{top}/.git")
    for number, tree in enumerate(trees):
        update(repo, TRACE, [tree], outputs={f"{name}-{number}": tree_file(repo, tree)})


def tree_file(repo: Repository, text: str) -> str:
    """Write a blob."""
    return write_blob(repo, text.encode())


def test_concurrent_updates_lose_nothing(repo: Repo) -> None:
    trees = numbered(repo, 60)
    context = multiprocessing.get_context("spawn")
    parts = {"a": trees[:20], "b": trees[20:40], "c": trees[40:]}
    processes = [context.Process(target=updater, args=(str(repo.top), name, part)) for name, part in parts.items()]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    kept = list(snapshots(repo).values())
    assert sorted(kept) == sorted(trees)
    for part in parts.values():
        assert [tree for tree in kept if tree in part] == part
    assert len(repo.git("ls-tree", f"{REF}:output").splitlines()) == 60


def test_a_writer_that_is_always_too_late(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    here = view(repo)
    one, *others = numbered(repo, 60)
    run = Repository.git
    rivals = iter(others)

    def late(self: Repository, *args: str, **kwargs: object) -> bytes:
        if args[0] == "update-ref":
            run(self, "update-ref", REF, next(rivals))
        return run(self, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(Repository, "git", late)
    with pytest.raises(RefMoved, match="other writers were faster 50 times"):
        update(here, TRACE, [one])


def test_other_failures_are_not_taken_for_races(repo: Repo) -> None:
    here = view(repo)
    (tree,) = numbered(repo, 1)
    repo.git("update-ref", "refs/trace", tree)
    with pytest.raises(GitFailed, match=r"cannot lock ref|cannot create"):
        update(here, TRACE, [tree])
    repo.git("update-ref", "-d", "refs/trace")
    repo.git("update-ref", REF, write_blob(here, b"a blob"))
    with pytest.raises(GitFailed, match="it is a blob, not a tree"):
        update(here, TRACE, [tree])


def test_a_stale_lock_is_told(repo: Repo) -> None:
    here = view(repo)
    one, two = numbered(repo, 2)
    update(here, TRACE, [one])
    repo.git("config", "core.filesRefLockTimeout", "0")
    lock = repo.git_dir / f"{REF}.lock"
    lock.write_text("")
    with pytest.raises((GitFailed, RefMoved)):
        update(here, TRACE, [two])
    lock.unlink()
    update(here, TRACE, [two])


def test_sha256_and_names_that_are_no_text(repo: Repo) -> None:
    new = make_repo(repo.top.parent / "sha256", repo.env, "sha256")
    here = view(new)
    trees = numbered(new, 33)
    update(here, TRACE, trees)
    update(here, TRACE, outputs={os.fsdecode(b"\xff\n"): write_blob(here, b"x")})
    update(here, TRACE, outputs={"second": write_blob(here, b"x")})
    assert list(snapshots(new).values()) == trees
    assert len(new.run("git", "ls-tree", "-z", f"{REF}:output").split(b"\0")) == 3
    assert new.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_many_outputs_pass_a_pipe(repo: Repo) -> None:
    """The tree of outputs is longer than a pipe holds: neither side may wait for the other for ever."""
    here = view(repo)
    blob = write_blob(here, b"x")
    update(here, TRACE, outputs={f"{number:036d}": blob for number in range(3000)})
    assert update(here, TRACE, outputs={"z": blob})
    assert len(repo.git("ls-tree", f"{REF}:output").splitlines()) == 3001
