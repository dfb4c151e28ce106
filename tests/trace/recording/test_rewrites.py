"""Sessions and what rewrites history: rebases of both backends, with a session before, during and after them."""

import os
import stat
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from gittrace.git import notes
from gittrace.git.objects import open_objects
from gittrace.trace.recording.rewrites import Pair, in_order, newest, read_pairs
from gittrace.vocabulary import NOTES_REF
from tests.support.recording import TEN, Recording, all_notes
from tests.support.repo import Repo

BACKENDS = pytest.mark.parametrize("backend", ["--merge", "--apply"])


@pytest.fixture(autouse=True)
def _checked(work: Recording, tmp_path: Path) -> object:
    """Check after each test what always holds."""
    yield
    work.check(tmp_path)


@pytest.fixture
def topic(work: Recording) -> list[str]:
    """Three recorded commits on `topic`, and one on `main` that they don't have; return the three."""
    work.git("switch", "-q", "-c", "topic")
    work.start()
    made = []
    for number in range(3):
        work.did(f"step{number}", **{f"file{number}": f"{number}\n" * 5})
        made.append(work.commit(f"commit {number}"))
    work.seal()
    upstream(work, other="other\n")
    return made


def upstream(work: Recording, **files: str) -> str:
    """Commit on `main` without touching this worktree, and return the commit."""
    side = Repo(work.repo.top.parent / "upstream", work.repo.env)
    if not side.top.exists():
        work.git("worktree", "add", "-q", str(side.top), "main")
    for name, content in files.items():
        tip = side.commit(name, content, "upstream")
    return tip


def editor(work: Recording, script: str) -> Mapping[str, str]:
    """Return the environment for a todo list that a sed script edits, with commit messages taken as they are."""
    path = work.repo.top.parent / "sequence-editor"
    path.write_text(f"#!/bin/sh\nsed -i.old -e '{script}' \"$1\"\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return {"GIT_SEQUENCE_EDITOR": str(path), "GIT_EDITOR": "true"}


def words(work: Recording, *names: str) -> list[list[list[str]]]:
    """Return what the notes of commits hold."""
    return [work.noted(work.head(name)) for name in names]


STEPS = [[["step0", "commit"]], [["step1", "commit"]], [["step2", "commit"]]]


@BACKENDS
def test_rebase_carries_notes_over(work: Recording, topic: list[str], backend: str) -> None:
    work.git("rebase", "-q", backend, "main")
    work.seal()
    assert words(work, "HEAD~2", "HEAD~1", "HEAD") == STEPS
    assert [work.noted(old) for old in topic] == STEPS


@BACKENDS
def test_rebase_without_a_session(work: Recording, topic: list[str], backend: str) -> None:
    work.stop()
    work.git("rebase", "-q", backend, "main")
    work.seal()
    assert words(work, "HEAD~2", "HEAD~1") == STEPS[:2]
    assert words(work, "HEAD") == [[["step2", "commit"], ["stop"]]]


@BACKENDS
def test_what_is_recorded_after_a_rebase_tells_of_it(work: Recording, topic: list[str], backend: str) -> None:
    work.git("rebase", "-q", backend, "main")
    work.did("test")
    work.stop(success=True)
    (last,) = [piece for piece in work.pieces() if piece.words[-1] == "stop" and piece.commit == work.head()]
    assert last.words == ["rewrite", "test", "stop"]
    (rewrite,) = [event for event in last.events if event["kind"] == "rewrite"]
    assert rewrite["pairs"] == [
        [old, work.head(name)] for old, name in zip(topic, ("HEAD~2", "HEAD~1", "HEAD"), strict=True)
    ]


@BACKENDS
def test_a_rebase_amid_a_commit_that_no_one_sealed(work: Recording, topic: list[str], backend: str) -> None:
    work.did("late", late="late\n")
    work.commit("late")
    work.git("rebase", "-q", backend, "main")
    work.seal()
    assert words(work, "HEAD~1", "HEAD") == [STEPS[2], [["late", "commit"]]]


@BACKENDS
def test_rebase_with_a_conflict(work: Recording, topic: list[str], backend: str) -> None:
    upstream(work, file1="mine\n")
    work.git("rebase", "-q", backend, "main", status=1)
    work.did("solve", file1="both\n")
    work.seal()
    work.git("add", "file1")
    work.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    work.seal()
    assert words(work, "HEAD~2", "HEAD") == [STEPS[0], STEPS[2]]
    assert words(work, "HEAD~1") == [[["step1", "commit"], ["solve", "commit"]]]


@BACKENDS
def test_rebase_aborted(work: Recording, topic: list[str], backend: str) -> None:
    upstream(work, file1="mine\n")
    work.git("rebase", "-q", backend, "main", status=1)
    work.did("solve", file1="both\n")
    work.seal()
    work.git("rebase", "--abort")
    work.seal()
    assert len(work.pieces()) == 3
    work.did("test")
    work.write(a="1\n")
    work.commit()
    work.seal()
    assert words(work, "HEAD") == [[["solve", "test", "commit"]]]


@BACKENDS
def test_rebase_skip(work: Recording, topic: list[str], backend: str) -> None:
    skipped_onto = upstream(work, file0="mine\n")
    work.git("rebase", "-q", backend, "main", status=1)
    work.git("rebase", "--skip")
    work.seal()
    assert work.noted(skipped_onto) == []
    assert words(work, "HEAD~1", "HEAD") == STEPS[1:]


def test_reword(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "-i", "HEAD~2", env=editor(work, "s/^pick/reword/"))
    work.seal()
    assert words(work, "HEAD~2", "HEAD~1", "HEAD") == STEPS


@pytest.mark.parametrize("how", ["squash", "fixup"])
def test_squash(work: Recording, topic: list[str], how: str) -> None:
    work.git("rebase", "-q", "-i", "HEAD~3", env=editor(work, f"2,3s/^pick/{how}/"))
    work.seal()
    assert words(work, "HEAD") == [[steps[0] for steps in STEPS]]


def test_drop_and_reorder(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "-i", "HEAD~3", env=editor(work, "1d;3{h;d};2{G}"))
    work.seal()
    assert words(work, "HEAD") == [STEPS[1]]
    assert len(work.git("log", "--format=%H").splitlines()) == 2


def test_exec_and_break_change_nothing(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "-i", "--exec", "true", "main", env=editor(work, "1i break"))
    work.did("look")
    work.git("rebase", "--continue")
    work.seal()
    assert words(work, "HEAD~1", "HEAD") == STEPS[1:]


def test_edit_at_a_stop(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "-i", "HEAD~2", env=editor(work, "1s/^pick/edit/"))
    work.did("better", file1="better\n")
    work.git("commit", "-qa", "--amend", "--no-edit")
    work.seal()
    work.git("rebase", "--continue")
    work.seal()
    assert words(work, "HEAD") == [STEPS[2]]
    assert words(work, "HEAD~1") == [[["step1", "commit"], ["better", "rewrite", "commit"]]]


def test_edit_at_a_stop_then_fixup(work: Recording, topic: list[str]) -> None:
    """The commit that the recorded work went into is itself amended by the next step of the rebase."""
    work.git("rebase", "-q", "-i", "HEAD~2", env=editor(work, "1s/^pick/edit/;2s/^pick/fixup/"))
    work.did("better", file1="better\n")
    work.git("commit", "-qa", "--amend", "--no-edit")
    work.seal()
    work.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    work.seal()
    found = work.noted(work.head())
    assert sorted(found) == sorted([["step1", "commit"], ["step2", "commit"], ["better", "rewrite", "commit"]])


def test_split_at_a_stop(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "-i", "HEAD~1", env=editor(work, "s/^pick/edit/"))
    work.git("reset", "-q", "HEAD~")
    work.did("split", extra="extra\n")
    work.git("add", "extra")
    work.git("commit", "-q", "-m", "one")
    work.git("add", "-A")
    work.git("commit", "-q", "-m", "two")
    work.git("rebase", "--continue")
    work.seal()
    assert words(work, "HEAD~1", "HEAD") == [[["split", "commit"]], [*STEPS[2], ["commit"]]]


def test_what_was_recorded_where_a_rebase_goes_is_not_of_its_picks(work: Recording, topic: list[str]) -> None:
    work.git("switch", "-q", "--detach", "main")
    work.did("look")
    work.git("switch", "-q", "topic")
    time.sleep(1.1)  # a reflog counts seconds
    work.git("rebase", "-q", "main")
    work.seal()
    assert words(work, "HEAD~2", "HEAD~1", "HEAD") == STEPS


def test_rebase_then_amend_then_rebase(work: Recording, topic: list[str]) -> None:
    work.git("rebase", "-q", "main")
    work.git("commit", "-q", "--amend", "-m", "reworded")
    work.git("rebase", "-q", "--force-rebase", "main~")
    work.seal()
    assert [steps[0] for steps in STEPS[2:]] == work.noted(work.head())[:1]


def test_autosquash(work: Recording, topic: list[str]) -> None:
    work.did("oops", file1="oops\n")
    work.git("add", "-A")
    work.git("commit", "-q", "--fixup", topic[1])
    work.git("rebase", "-q", "-i", "--autosquash", "HEAD~3", env={"GIT_SEQUENCE_EDITOR": "true"})
    work.seal()
    assert words(work, "HEAD~1", "HEAD") == [[["step1", "commit"], ["oops", "commit"]], STEPS[2]]


def test_pull_rebase(work: Recording, topic: list[str]) -> None:
    work.git("config", "branch.topic.remote", ".")
    work.git("config", "branch.topic.merge", "refs/heads/main")
    work.git("pull", "-q", "--rebase")
    work.seal()
    assert words(work, "HEAD~2", "HEAD~1", "HEAD") == STEPS


def test_notes_of_others_go_over_too(work: Recording, topic: list[str]) -> None:
    """What another tool wrote into the note of a commit is copied with it, byte for byte."""
    text = b"a line of another tool \xff\n"
    tip = topic[2]
    work.repo.git("notes", f"--ref={NOTES_REF}", "append", "--allow-empty", "-m", "x", tip, status=None)
    with open_objects(work.here) as store:
        head = notes.tip(work.here, NOTES_REF)
        assert head
        old = notes.find(store, store.commit(head).tree, tip)
        assert old
        had = store.blob(old)
    notes.add(work.here, NOTES_REF, {tip: text}, lambda before, new: before + new, "foreign")
    work.git("rebase", "-q", "main")
    work.seal()
    copied = work.repo.run("git", "notes", f"--ref={NOTES_REF}", "show", "HEAD")
    assert set(had.splitlines()) | {text.rstrip(b"\n")} == set(copied.splitlines()) | {b""} - {b""} | (
        {b""} if b"" in had.splitlines() else set()
    )


def test_pairs_are_read_to_the_last_whole_line(work: Recording) -> None:
    path = Path(work.here.common_trace_dir) / "rewrites"
    old, new = "1" * 40, "2" * 40
    path.write_text(f"amend - {old} {new}\nnonsense\nrebase - {new}")
    pairs, end = read_pairs(work.here)
    assert [(pair.cause, pair.old, pair.new) for pair in pairs] == [("amend", old, new)]
    with path.open("a") as file:
        file.write(f" {old}\n")
    pairs, end = read_pairs(work.here, end)
    assert ([(pair.cause, pair.old) for pair in pairs], end) == ([("rebase", new)], os.path.getsize(path))
    assert newest(work.here, old) in (old, new)  # round and round, yet it ends
    path.unlink()


def test_a_large_rebase(work: Recording, topic: list[str]) -> None:
    work.write(a=TEN * 2)
    for number in range(30):
        work.write(b=f"{number}\n")
        work.commit()
    work.seal()
    work.git("rebase", "-q", "main")
    work.seal()
    assert len(work.noted(work.head())) == 1
    assert len(set(work.git("log", "--format=%H", "main..").splitlines()) & {p.commit for p in work.pieces()}) == 33


def test_amended_by_what_a_rebase_executes(work: Recording) -> None:
    """git says what the rebase picked only at its end, after what was made of that on the way."""
    work.git("checkout", "-q", "-b", "topic")
    work.start()
    old = []
    for number in range(3):
        work.did(f"step {number}", **{f"new{number}": f"the line of {number}\n"})
        old.append(work.commit(f"step {number}"))
    work.stop()
    before = all_notes(work)
    work.git("checkout", "-q", "main")
    work.write(b="by hand\n")
    work.commit("by hand")
    work.git("rebase", "-q", "main", "topic", "--exec", "git commit -q --amend --no-edit -m reworded")
    work.seal()
    new = work.git("rev-list", "--reverse", "main..topic").split()
    notes = all_notes(work)
    assert [notes.get(commit) for commit in new] == [before[commit] for commit in old]


def test_pairs_in_order() -> None:
    def pair(old: str, new: str) -> Pair:
        return Pair("amend", None, old, new)

    said = [pair("b", "c"), pair("x", "y"), pair("a", "b"), pair("c", "d")]
    assert in_order(said) == [said[2], said[0], said[1], said[3]]
    around = [pair("a", "b"), pair("b", "a")]
    assert sorted(map(repr, in_order(around))) == sorted(map(repr, around))
    long = [pair(str(number + 1), str(number)) for number in range(3000)]
    assert in_order(long) == long[::-1]
