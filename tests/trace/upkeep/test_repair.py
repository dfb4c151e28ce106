"""What a crash of the machine leaves: refs that are torn or lead to nothing, snapshots that are gone."""

from pathlib import Path

import pytest

from gittrace.trace.upkeep.repair import damaged, repair
from gittrace.vocabulary import NOTES_REF
from tests.support.recording import Recording, all_notes
from tests.trace.sealing.test_seal_steps import events_of


def newer(work: Recording, before: set[Path]) -> list[Path]:
    """Return the files of loose objects written since that no branch leads to."""
    committed = {line.split()[0] for line in work.git("rev-list", "--objects", "HEAD").splitlines()}
    return [path for path in loose(work) - before if path.parent.name + path.name not in committed]


def loose(work: Recording) -> set[Path]:
    return set((work.repo.top / ".git/objects").glob("??/*"))


@pytest.fixture
def crashed(work: Recording) -> tuple[Recording, list[Path]]:
    """A session that goes on, and the files of what was written last."""
    work.start()
    work.did("fix", a="1\n")
    work.commit("one")
    work.seal()
    before = loose(work)
    work.did("more", a="2\n")
    work.commit("two")
    work.seal()
    work.did("last", a="3\n")
    return work, newer(work, before)


def go_on(work: Recording, tmp_path: Path) -> None:
    """Work on, and see that nothing else is lost."""
    work.did("next", a="4\n", b="new\n")
    work.commit("three")
    work.repo.trace("stop")
    assert work.repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""
    work.git("gc", "-q", "--prune=now")
    assert damaged(work.here) == []
    (events,) = work.journals().values()
    assert events_of(work).keys() == {str(event["id"]) for event in events}
    assert len(all_notes(work)) == 3
    shown = work.repo.trace("log")
    assert all(f"commit {work.head(f'HEAD~{back}')[:7]}" in shown for back in range(3))
    assert "damaged" not in work.repo.trace("verify")


@pytest.mark.parametrize("text", [b"", b"\0" * 41], ids=["empty", "zeros"])
@pytest.mark.parametrize("asked", [True, False], ids=["doctor", "at-once"])
def test_torn_refs(crashed: tuple[Recording, list[Path]], tmp_path: Path, text: bytes, asked: bool) -> None:
    work, _ = crashed
    trace = work.git("for-each-ref", "--format=%(refname)", "refs/trace").strip()
    for ref in (trace, NOTES_REF):
        (work.repo.top / ".git" / ref).write_bytes(text)
    assert damaged(work.here) == sorted([NOTES_REF, trace])
    if asked:
        assert len(repair(work.here)) == 2
        assert damaged(work.here) == []
    go_on(work, tmp_path)


@pytest.mark.parametrize("asked", [True, False], ids=["doctor", "at-once"])
def test_objects_that_never_reached_the_disk(
    crashed: tuple[Recording, list[Path]], tmp_path: Path, asked: bool
) -> None:
    work, last = crashed
    for path in last:
        path.unlink()
    assert NOTES_REF in damaged(work.here)
    if asked:
        said = work.repo.trace("doctor", "--repair")
        assert "it is back at" in work.repo.errors
        assert "objects are missing to which it leads" not in said
        assert damaged(work.here) == []
    go_on(work, tmp_path)


def test_what_the_doctor_says(crashed: tuple[Recording, list[Path]]) -> None:
    work, last = crashed
    assert "--repair" not in work.repo.trace("doctor")
    for path in last:
        path.unlink()
    said = work.repo.trace("doctor", status=1)
    assert f"{NOTES_REF}" in said
    assert "'git trace doctor --repair' moves it back" in said
    (work.repo.top / ".git/trace/cache/index.sqlite").unlink()
    work.repo.trace("log", status=128)
    assert "hint: see 'git trace doctor'" in work.repo.errors


def test_a_snapshot_that_is_gone(work: Recording, tmp_path: Path) -> None:
    """The events are sealed without it, and what they changed shows in the next one."""
    work.start()
    work.did("fix", a="1\n")
    work.commit("one")
    work.seal()
    before = loose(work)
    work.did("more", a="2\n")
    for path in newer(work, before):
        path.unlink()
    work.did("next", b="1\n")
    commit = work.commit("two")
    failed = seal_failures(work)
    assert len(failed) == 1
    assert "is not in this repository" in failed[0]
    assert not seal_failures(work)
    (lines,) = work.noted(commit)
    assert lines
    work.stop()
    work.check(tmp_path)


def seal_failures(work: Recording) -> list[str]:
    from gittrace.trace.sealing.seal import seal

    return seal(work.here).failed
