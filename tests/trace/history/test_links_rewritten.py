"""Work in commits that are rewritten: by an interactive rebase, filter-branch, and what lies between (doc/LINKS.md)."""

import os
from pathlib import Path

import pytest

from tests.support.recording import TEN, Recording
from tests.trace.outcomes import DIVERGED, TOOL, link_to, numbered, outcome, tiers

FILES = ("a", "b", "c")


@pytest.fixture
def three(work: Recording) -> tuple[str, list[str]]:
    """A trace of three commits on a branch, to a file each; main has gone on since."""
    work.write(c=TEN)
    work.commit("c")
    work.git("checkout", "-q", "-b", "topic")
    trace = work.start().trace_id
    commits = []
    for name in FILES:
        work.did(**{name: TEN + numbered(f"{name} one", f"{name} two")})
        commits.append(work.commit(f"work on {name}"))
    work.stop()
    work.git("checkout", "-q", "main")
    work.write(d="by another hand\n")
    work.commit("by hand")
    work.git("checkout", "-q", "topic")
    return trace, commits


def rebase(work: Recording, tmp_path: Path, *todo: str) -> list[str]:
    """Rebase onto main by a list of what to do, and return the new commits, the oldest first."""
    script = tmp_path / "todo"
    script.write_text("".join(f"{line}\n" for line in todo))
    work.git("rebase", "-q", "-i", "main", env={"GIT_SEQUENCE_EDITOR": f"cp '{script}'", "GIT_EDITOR": "true"})
    return work.git("rev-list", "--reverse", "main..HEAD").split()


def test_reordered_and_dropped(work: Recording, three: tuple[str, list[str]], tmp_path: Path) -> None:
    trace, (a, b, c) = three
    new = rebase(work, tmp_path, f"pick {c}", f"pick {a}", f"drop {b}")
    found = outcome(work, trace)
    assert tiers(found) == {new[0]: TOOL, new[1]: TOOL}
    assert tiers(found, reachable=False) == {a: TOOL, b: TOOL, c: TOOL}
    assert found.fate is not None
    assert {file.path: file.word for file in found.fate.files} == {"a": "alive", "b": "lost", "c": "alive"}
    assert (found.fate.word, found.fate.shares["lost"]) == ("partial", 0.3333)


@pytest.mark.parametrize("how", ["squash", "fixup"])
def test_melted_into_one(work: Recording, three: tuple[str, list[str]], tmp_path: Path, how: str) -> None:
    trace, (a, b, c) = three
    (new,) = rebase(work, tmp_path, f"pick {a}", f"{how} {b}", f"{how} {c}")
    found = outcome(work, trace)
    assert tiers(found) == {new: TOOL}
    assert (found.commit_sha, link_to(found, new).share) == (new, 1.0)


def test_reworded(work: Recording, three: tuple[str, list[str]], tmp_path: Path) -> None:
    trace, (a, b, c) = three
    new = rebase(work, tmp_path, f"pick {a}", "exec git commit -q --amend -m reworded", f"pick {b}", f"pick {c}")
    assert tiers(outcome(work, trace)) == dict.fromkeys(new, TOOL)


def test_split(work: Recording, three: tuple[str, list[str]], tmp_path: Path) -> None:
    trace, (a, b, c) = three
    melted = rebase(work, tmp_path, f"pick {a}", f"fixup {b}", f"fixup {c}")
    work.git("reset", "-q", "HEAD~1")
    parts = []
    for name in FILES:
        work.git("add", name)
        work.git("commit", "-q", "-m", f"only {name}")
        parts.append(work.head())
    found = outcome(work, trace)
    assert tiers(found) == dict.fromkeys(parts, TOOL)
    assert melted[0] in tiers(found, reachable=False)


def test_a_conflict_that_was_solved(work: Recording, three: tuple[str, list[str]]) -> None:
    trace, _ = three
    work.git("checkout", "-q", "main")
    work.write(b=TEN + "in the way\n")
    work.commit("in the way")
    work.git("rebase", "-q", "main", "topic", status=1)
    work.write(b=TEN + "in the way\n" + numbered("b one", "b two, solved"))
    work.git("add", "b")
    work.git("rebase", "--continue", env={"GIT_EDITOR": "true"})
    a, b, c = work.git("rev-list", "--reverse", "main..HEAD").split()
    found = outcome(work, trace)
    assert tiers(found) == {a: TOOL, b: DIVERGED, c: TOOL}
    assert link_to(found, b).share == 0.5


def test_filtered(work: Recording, three: tuple[str, list[str]]) -> None:
    """A branch that filter-branch moved into a folder, blobs and all."""
    trace, commits = three
    env = {"FILTER_BRANCH_SQUELCH_WARNING": "1"}
    script = 'mkdir -p sub && for f in *; do [ "$f" = sub ] || mv "$f" sub/; done'
    work.git("filter-branch", "-f", "--tree-filter", script, "topic", env=env)
    new = work.git("rev-list", "--reverse", "-3", "topic").split()
    work.git("update-ref", "-d", "refs/original/refs/heads/topic")
    found = outcome(work, trace)
    assert tiers(found) == dict.fromkeys(new, TOOL)
    assert set(tiers(found, reachable=False)) == set(commits)
    assert found.fate is not None
    assert found.fate.word == "moved"


def test_filtered_beside_the_old_branch(work: Recording) -> None:
    """What is alike, of the same second, by dates that were kept, was made of what was written by hand here."""
    trace = work.start().trace_id
    work.did("look")
    work.write(a=TEN + numbered("a one"))
    commit = work.commit()
    work.git("checkout", "-q", "-b", "topic")
    env = {"FILTER_BRANCH_SQUELCH_WARNING": "1"}
    work.git("filter-branch", "-f", "--tree-filter", "echo more >c", "HEAD~..HEAD", env=env)
    work.git("update-ref", "-d", "refs/original/refs/heads/topic")
    work.stop()
    assert tiers(outcome(work, trace)) == {commit: TOOL, work.head("topic"): TOOL}


def test_rebased_in_the_second_of_a_recorded_commit_unseen_by_hooks(work: Recording, tmp_path: Path) -> None:
    """Of two alike of one second, the one that a recorded command made anew is the older one."""
    work.write(b=TEN + "by another hand\n")
    before = work.commit("by hand")
    work.unhook()
    trace = work.start().trace_id
    with work.recorded("make"):
        work.write(a=TEN + numbered("a one"))
        commit = work.commit()
    when = work.git("show", "-s", "--format=%ct", commit)
    script = tmp_path / "todo"
    script.write_text(f"drop {before}\npick {commit}\n")
    env = {"GIT_SEQUENCE_EDITOR": f"cp '{script}'", "GIT_COMMITTER_DATE": f"@{when} +0000"}
    work.git("checkout", "-q", "-b", "topic")
    work.git("rebase", "-q", "-i", f"{before}~", env=env)
    assert tiers(outcome(work, trace)) == {commit: TOOL, work.head(): TOOL}


def test_a_dirty_rebase_with_autostash(work: Recording, three: tuple[str, list[str]]) -> None:
    trace, _ = three
    work.start(trace_id=trace)
    work.did(b=TEN + numbered("b one", "b two", "not yet committed"))
    work.run("git", "rebase", "-q", "--autostash", "main")
    rest = work.commit("the rest")
    work.stop()
    found = outcome(work, trace)
    *picks, last = work.git("rev-list", "--reverse", "main..HEAD").split()
    assert last == rest
    assert tiers(found) == dict.fromkeys((*picks, rest), TOOL)
    assert link_to(found, rest).share == 1.0


def test_paths_that_are_not_utf_8(work: Recording) -> None:
    name = b"caf\xe9.txt"
    if os.fsencode(os.fsdecode(name)) != name:
        pytest.skip("file names are UTF-8 here")
    trace = work.start().trace_id
    with work.recorded("make"):
        work.repo.write(name, b"the line of caf\xe9\n")
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "alive"
