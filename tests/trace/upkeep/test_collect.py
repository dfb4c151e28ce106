"""What gc drops is not needed: all that is asked afterwards is answered as before."""

import json
import os
import random
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from gittrace.git.objects import EMPTY_TREE
from gittrace.trace.upkeep.collect import Collected, collect
from gittrace.trace.upkeep.forget import forget_trace
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS, TRACE_REFS
from tests.support.recording import Recording, all_notes

NOW = "now"


def collected(work: Recording, force: bool = False, dry_run: bool = False) -> Collected:
    # a trace that ended in this very second is not older than now
    return collect(work.here, str(int(time.time()) + 10), dry_run, force)


def answers(work: Recording) -> dict[str, Any]:
    """Return what verify, export and links say; the commits on which a segment is noted are not in that."""
    asked = {
        "verify": ("verify", "--json"),
        "links": ("links", "--json"),
        "fate": ("fate", "--json"),
        "list": ("list", "--json"),
    }
    found = {name: json.loads(work.repo.trace(*args, status=None) or "null") for name, args in asked.items()}
    lines = [json.loads(line) for line in work.repo.trace("export", "--format", "prtelemetry").splitlines()]
    return found | {"export": lines}


def user_gc(work: Recording) -> None:
    work.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "-q", "--prune=now")


class Life:
    """Somebody's work at random."""

    def __init__(self, work: Recording, seed: int) -> None:
        self.work = work
        self.chance = random.Random(seed)
        self.number = 0
        self.active = False

    def text(self) -> str:
        self.number += 1
        return "".join(f"line {self.number} of thing {n}\n" for n in range(self.chance.randint(1, 5)))

    def step(self) -> None:
        work, dice = self.work, self.chance.randrange(12)
        if not self.active:
            work.start(title=f"trace {self.number}")
            self.active = True
        name = self.chance.choice("abc")
        if dice < 4:
            work.did(f"step{self.number}", **{name: self.text()})
        elif dice == 4:
            work.write(**{name: self.text()})
        elif dice < 8:
            work.commit(f"commit {self.number}")
        elif dice == 8:
            work.commit(f"amended {self.number}", "--amend")
        elif dice == 9:
            work.git("checkout", "-q", "-f", "-B", self.chance.choice(("side", "other")))
        elif dice == 10:
            work.git("reset", "-q", "--hard", "HEAD^" if self.number % 2 else "HEAD", status=None)
        else:
            work.stop(success=self.chance.choice((True, False, None)))
            self.active = False
        work.seal()

    def end(self) -> None:
        if self.active:
            self.work.stop()
        self.work.git("checkout", "-q", "-f", "-B", "main")


@pytest.mark.parametrize("seed", [1, 2, 3, *(pytest.param(n, marks=pytest.mark.slow) for n in range(4, 40))])
def test_nothing_that_is_needed_is_lost(work: Recording, seed: int) -> None:
    life = Life(work, seed)
    for _ in range(30):
        life.step()
    life.end()
    if seed % 2:
        for branch in ("side", "other"):
            work.git("branch", "-q", "-D", branch, status=None)
        user_gc(work)
    before = answers(work)
    assert before["list"]
    would = collected(work, dry_run=True)
    assert answers(work) == before
    done = collected(work)
    done.packed = False
    assert vars(done) == vars(would)
    assert done.journals
    assert done.refs or seed != 2
    assert answers(work) == before
    # what was dropped was not only reachable by luck
    user_gc(work)
    after = answers(work)
    assert after["verify"] == before["verify"] or not seed % 2
    shutil.rmtree(Path(work.here.common_trace_dir) / "cache")
    assert answers(work) == after
    assert [trace["mismatch"] for trace in after["verify"]["traces"]] == [[]] * len(before["list"])
    work.repo.run("git", "fsck", "--no-dangling")


def story(work: Recording) -> tuple[str, str]:
    """Record a trace with a commit, a whole output, and a tail that led to no commit."""
    started = work.start()
    work.did(a="1\n")
    commit = work.commit()
    blob = work.repo.git("hash-object", "-w", "--stdin", stdin=b"an output")
    from gittrace.git import hidden

    hidden.update(work.here, started.trace_id, outputs={"0" * 36: blob})
    work.did(b="1\n")
    work.stop()
    return started.trace_id, commit


def names(work: Recording, trace: str) -> list[str]:
    return work.git("ls-tree", "--name-only", TRACE_REFS + trace, status=None).splitlines()


def test_what_is_nowhere_else_is_kept_and_named(work: Recording) -> None:
    trace, _ = story(work)
    done = collected(work)
    assert names(work, trace) == ["output", "segments", "trace.json"]
    assert done.kept == [
        f"trace {trace}: it has events that led to no commit",
        f"trace {trace}: whole outputs are nowhere else",
    ]
    assert (done.refs, done.outputs, done.unlinked) == ([TRACE_REFS + trace], [], [])
    assert work.repo.trace("gc", "--expire", "never") == ""
    forced = collected(work, force=True)
    assert (forced.outputs, forced.unlinked, forced.kept) == ([trace], [trace], [])
    assert names(work, trace) == []
    assert json.loads(work.repo.trace("verify", "--json"))["damaged"] == []


def test_what_was_published_is_not_nowhere_else(work: Recording) -> None:
    trace, commit = story(work)
    line = work.git("cat-file", "blob", f"{TRACE_REFS}{trace}:segments/{names_of_segments(work, trace)[0]}")
    work.git("notes", "--ref=trace-remotes/origin/0123456789ab", "add", "-m", line, commit)
    done = collected(work)
    assert done.unlinked == [trace]
    assert names(work, trace) == ["output", "trace.json"]


def names_of_segments(work: Recording, trace: str) -> list[str]:
    return work.git("ls-tree", "--name-only", f"{TRACE_REFS}{trace}:segments").splitlines()


def test_notes_of_commits_that_are_gone(work: Recording) -> None:
    work.start()
    work.did(a="1\n")
    old = work.commit()
    work.seal()
    new = work.commit("amended", "--amend")
    work.stop()
    assert {old, new} <= all_notes(work).keys()
    assert collected(work).notes == []
    user_gc(work)
    work.git("notes", "--ref=trace", "append", "-m", "a line of somebody", old)
    assert collected(work).notes == [old]
    assert all_notes(work)[old] == b"a line of somebody\n"
    assert new in all_notes(work)
    # the only one is kept
    work.git("commit", "-q", "--amend", "-m", "without hooks", env={"GIT_CONFIG_COUNT": "0"})
    work.git("notes", "--ref=trace", "remove", work.head(), status=None)
    work.git("update-ref", "-d", "refs/heads/main")
    user_gc(work)
    os.unlink(Path(work.here.common_trace_dir) / "rewrites")
    kept = collected(work)
    assert (kept.notes, len(kept.kept)) == ([], 1)
    assert "segments are nowhere else" in kept.kept[0]
    forced = collected(work, force=True)
    assert forced.notes == [new]


def test_a_base_that_only_snapshots_keep_is_kept(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "side")
    work.write(a="side\n")
    work.commit("on the side")
    started = work.start()
    work.did(a="1\n")
    commit = work.commit()
    work.stop()
    work.git("checkout", "-q", "main")
    work.git("branch", "-q", "-D", "side")
    user_gc(work)
    done = collected(work, force=True)
    assert done.refs == []
    assert [line for line in done.kept if "began on" in line] == [
        f"trace {started.trace_id}: what it began on is in no branch, and only its snapshots keep it"
    ]
    assert commit


def test_pairs_of_commits_that_are_gone(work: Recording) -> None:
    work.start()
    work.did(a="1\n")
    work.commit()
    work.commit("two", "--amend")
    work.commit("three", "--amend")
    work.stop()
    path = Path(work.here.common_trace_dir) / "rewrites"
    os.utime(path, (0, 0))
    before = path.read_bytes()
    assert (before.count(b"\n"), collected(work).rewrites) == (2, 0)
    one, two = "1" * 40, "2" * 40
    path.write_bytes(f"amend - {one} {two}\n".encode() + before)
    work.seal()
    assert collected(work).rewrites == 0  # somebody wrote a moment ago
    os.utime(path, (0, 0))
    assert collected(work).rewrites == 1
    assert path.read_bytes() == before
    assert work.seal().copied == 0


def test_what_was_forgotten_and_came_back(work: Recording) -> None:
    trace, _ = story(work)
    work.git("update-ref", "refs/notes/before", NOTES_REF)
    work.git("update-ref", f"{REMOTE_NOTES_REFS}origin/0123456789ab", NOTES_REF)
    forget_trace(work.here, trace)
    assert collected(work).forgotten == []
    work.git("notes", f"--ref={NOTES_REF}", "merge", "-q", "-s", "cat_sort_uniq", "refs/notes/before")
    assert collected(work).forgotten == [trace]
    assert collected(work).forgotten == []
    assert all(b"forget" in line for note in all_notes(work).values() for line in note.splitlines())
    assert EMPTY_TREE[work.here.format] in all_notes(work)
