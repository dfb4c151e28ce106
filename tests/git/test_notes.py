"""Notes: read at any fan-out, written in bulk, merged when another writer was faster."""

import multiprocessing
import os
from pathlib import Path

import pytest

from gittrace.errors import GitFailed, RefMoved
from gittrace.git import notes
from gittrace.git.objects import EMPTY_TREE, open_objects
from gittrace.git.repository import Repository
from tests.support.recording import view
from tests.support.repo import Repo, hermetic_environment, make_repo

REF = "refs/notes/trace"


def union(old: bytes, new: bytes) -> bytes:
    """Merge as sets of lines."""
    return b"".join(sorted(set(old.splitlines(keepends=True)) | set(new.splitlines(keepends=True))))


def commits(repo: Repo, count: int) -> list[str]:
    """Make commits that nothing leads to, and return them."""
    lines = [b"feature done\n"]
    for number in range(1, count + 1):
        lines.append(
            b"commit refs/heads/x%d\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata 0\n" % ((number,) * 3)
        )
        lines.append(
            b"get-mark :%d\nreset refs/heads/x%d\nfrom %s\n\n"
            % (number, number, b"0" * (64 if is_sha256(repo) else 40))
        )
    out = repo.run("git", "fast-import", "--quiet", "--force", stdin=b"".join([*lines, b"done\n"]))
    return out.decode().split()


def is_sha256(repo: Repo) -> bool:
    """Tell a repository's format."""
    return repo.git("rev-parse", "--show-object-format") == "sha256"


def read(repo: Repo, ref: str = REF) -> dict[str, bytes]:
    """Return all notes as `walk` and `find` see them, which must agree."""
    found = {}
    here = view(repo)
    with open_objects(here) as store:
        tip = notes.tip(here, ref)
        if tip:
            tree = store.commit(tip).tree
            for commit, oid in notes.walk(store, tree):
                assert notes.find(store, tree, commit) == oid
                found[commit] = store.blob(oid)
            assert notes.find(store, tree, "0" * 40) is None
    return found


def test_what_is_written_git_reads(repo: Repo) -> None:
    commit = repo.commit("a", "1\n")
    text = b"one\n\n  two \xff\n\n"
    assert notes.add(view(repo), REF, {commit: text}, lambda old, new: new, "why")
    assert repo.run("git", "notes", f"--ref={REF}", "show", commit) == text
    assert read(repo) == {commit: text}
    assert repo.git("log", "-1", "--format=%s", REF) == "why"


def test_what_is_noted_in_the_same_words_is_not_sent_to_git_again(repo: Repo) -> None:
    known, other = repo.commit("a", "1\n"), repo.commit("a", "2\n")
    unknown = "1" * len(known)
    here = view(repo)
    notes.add(here, REF, {known: b"said\n"}, union, "message")
    with open_objects(here) as store:
        wanted = {known: b"said\n", other: b"said\n", unknown: b"said\n"}
        assert b"said" not in notes._changes(store, None, wanted)
        new = notes.make(here, store, None, wanted | {other: b"else\n"}, "message", {})
        repo.git("update-ref", "refs/notes/made", new)
    assert read(repo, "refs/notes/made") == {known: b"said\n", other: b"else\n", unknown: b"said\n"}


def test_nothing_new_makes_no_commit(repo: Repo) -> None:
    here = view(repo)
    (commit,) = commits(repo, 1)
    assert notes.add(here, REF, {commit: b"x\n"}, union, "one")
    tip = notes.tip(here, REF)
    assert not notes.add(here, REF, {commit: b"x\n"}, union, "two")
    assert not notes.add(here, REF, {}, union, "three")
    assert notes.tip(here, REF) == tip


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_every_fan_out(tmp_path: Path, home: Path, object_format: str) -> None:
    repo = make_repo(tmp_path / "new", hermetic_environment(home), object_format)
    made = commits(repo, 1000)
    wanted: dict[str, bytes] = {}
    for start, end in ((0, 1), (1, 60), (60, 400), (400, 1000)):
        part = {commit: b"%s\n" % commit.encode() for commit in made[start:end]}
        notes.add(view(repo), REF, part, union, "some")
        wanted |= part
        assert read(repo) == wanted
    depths = {name.count("/") for name in repo.git("ls-tree", "-r", "--name-only", REF).splitlines()}
    assert max(depths) >= 1
    assert repo.git("notes", f"--ref={REF}", "list").count("\n") == 999
    assert repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_notes_of_git_itself(repo: Repo) -> None:
    """git's own fan-out, and files in the tree that are no notes."""
    tips = [repo.commit("a", f"{number}\n") for number in range(3)]
    for commit in tips:
        repo.git("notes", f"--ref={REF}", "add", "-m", commit[:7], commit)
    notes.add(view(repo), REF, dict.fromkeys(commits(repo, 700), b"x\n"), union, "many")
    repo.git("notes", f"--ref={REF}", "add", "-f", "-m", "again", tips[0])
    found = read(repo)
    assert found[tips[0]] == b"again\n"
    assert found[tips[1]] == f"{tips[1][:7]}\n".encode()
    assert len(found) == 703


def test_other_files_in_the_tree_stay(repo: Repo) -> None:
    blob = repo.run("git", "hash-object", "-w", "--stdin", stdin=b"x").decode().strip()
    (here,) = commits(repo, 1)
    gone = "7" * 40
    lines = f"100644 blob {blob}\tREADME\n100644 blob {blob}\tabc\n100644 blob {blob}\t{gone}\n"
    tree = repo.run("git", "mktree", stdin=lines.encode()).decode().strip()
    repo.git("update-ref", REF, repo.git("commit-tree", "-m", "x", tree))
    assert read(repo) == {gone: b"x"}
    notes.add(view(repo), REF, {here: b"y"}, union, "more")
    assert read(repo) == {gone: b"x", here: b"y"}
    assert {"README", "abc"} <= set(repo.git("ls-tree", "--name-only", REF).split())


def changed(repo: Repo, old: str, new: str) -> dict[str, str | None]:
    """Return what differs between two states of the ref."""
    with open_objects(view(repo)) as store:
        return dict(notes.changed(store, store.commit(old).tree, store.commit(new).tree))


def test_what_changed(repo: Repo) -> None:
    here = view(repo)
    one, two, three = commits(repo, 3)
    notes.add(here, REF, {one: b"1\n", two: b"2\n"}, union, "x")
    old = notes.tip(here, REF)
    notes.add(here, REF, {one: b"more\n", three: b"3\n"}, union, "x")
    repo.git("notes", f"--ref={REF}", "remove", two)
    new = notes.tip(here, REF)
    assert old
    assert new
    found = changed(repo, old, new)
    assert found.keys() == {one, two, three}
    assert found[two] is None


def test_what_changed_when_the_fan_out_did(repo: Repo) -> None:
    here = view(repo)
    first, *rest = commits(repo, 900)
    notes.add(here, REF, {first: b"1\n"}, union, "x")
    old = notes.tip(here, REF)
    notes.add(here, REF, dict.fromkeys(rest, b"x\n"), union, "x")
    new = notes.tip(here, REF)
    assert old
    assert new
    found = changed(repo, old, new)
    assert set(rest) <= found.keys()
    assert all(found.values())


def adder(top: str, name: str, count: int, on: list[str]) -> None:
    """Add to the notes of the same commits in a process of its own."""
    repo = Repository(top, f"{top}/.git", f"{top}/.git")
    for number in range(count):
        notes.add(repo, REF, {on[number % 4]: f"{name} {number}\n".encode()}, union, name)


def test_many_writers(repo: Repo) -> None:
    on = commits(repo, 4)
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=adder, args=(str(repo.top), name, 12, on)) for name in "abc"]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == 0
    lines = [line for note in read(repo).values() for line in note.splitlines()]
    assert sorted(lines) == sorted(f"{name} {number}".encode() for name in "abc" for number in range(12))
    assert not [name for name in os.listdir(repo.git_dir) if name.startswith("fast_import_crash")]


def test_a_writer_that_is_always_too_late(repo: Repo) -> None:
    here = view(repo)
    count = 0

    def rival(old: bytes, new: bytes) -> bytes:
        nonlocal count
        count += 1
        repo.git("notes", f"--ref={REF}", "append", "--allow-empty", "-m", str(count), "HEAD")
        return old + new

    tip = repo.commit("a", "1\n")
    with pytest.raises(RefMoved, match="other writers were faster 20 times"):
        notes.add(here, REF, {tip: b"x\n"}, rival, "late")


def test_a_failure_that_is_no_race(repo: Repo) -> None:
    crash = repo.git_dir / "fast_import_crash_1"
    crash.write_text("the user's own\n")
    with pytest.raises(GitFailed, match=r"Empty path component|invalid path"):
        notes.add(view(repo), REF, {"a//b": b"x\n"}, union, "bad")
    assert [name for name in os.listdir(repo.git_dir) if name.startswith("fast_import_crash")] == [crash.name]


def test_notes_of_what_is_no_commit_here(repo: Repo) -> None:
    (commit,) = commits(repo, 1)
    empty = EMPTY_TREE["sha1"]
    assert notes.add(view(repo), REF, {"7" * 40: b"x\n", empty: b"y\n", commit: b"z\n"}, union, "all")
    listed = {line.split()[1] for line in repo.git("notes", f"--ref={REF}", "list").splitlines()}
    assert listed == {"7" * 40, empty, commit}
    repo.git("notes", f"--ref={REF}", "prune")
    assert repo.git("notes", f"--ref={REF}", "show", empty) == "y"


@pytest.mark.parametrize("name", ["Ada <Lovelace>", "", "x\ny", "\u00e9"])
def test_identities(repo: Repo, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for key in list(os.environ):
        if key.startswith(("GIT_COMMITTER", "GIT_AUTHOR", "EMAIL")):
            monkeypatch.delenv(key)
    repo.git("config", "user.useConfigOnly", "true")
    assert notes.identity(view(repo)) == b"gittrace <gittrace@localhost>"
    monkeypatch.setenv("GIT_COMMITTER_NAME", name)
    monkeypatch.setenv("GIT_COMMITTER_EMAIL", "ada@example.com")
    assert notes.add(view(repo), REF, dict.fromkeys(commits(repo, 1), b"x\n"), union, "who")
    assert repo.run("git", "fsck", "--strict", "--no-dangling", "--no-progress") == b""


@pytest.mark.parametrize("date", ["@1 +0000", "2001-02-03T04:05:06Z"])
def test_dates_of_the_caller(repo: Repo, monkeypatch: pytest.MonkeyPatch, date: str) -> None:
    (commit,) = commits(repo, 1)
    monkeypatch.setenv("GIT_COMMITTER_DATE", date)
    assert notes.add(view(repo), REF, {commit: b"x\n"}, union, "when")
