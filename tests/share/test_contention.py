"""Many clones publish at once, and none of them gets in another's way."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from gittrace.model.segment import parse_note
from gittrace.share.remotes import writer_of
from gittrace.trace.sealing.noting import add_lines
from tests.share.conftest import pull, push, recorded
from tests.share.support import Server
from tests.support.recording import Make, Recording, note

CLONES, ROUNDS = 8, 2


def test_eight_clones_in_a_loop(make_work: Make, server: Server) -> None:
    clones = [make_work(f"clone-{number}") for number in range(CLONES)]
    commits = []
    for number, clone in enumerate(clones):
        clone.git("remote", "add", "origin", server.url)
        commits.append([recorded(clone, f"work-{number}-{each}") for each in range(ROUNDS)])

    def publish(number: int) -> None:
        clone = clones[number]
        for commit in commits[number]:
            clone.git("push", "-q", "--no-verify", "origin", f"{commit}:refs/heads/clone-{number}")
            assert push(clone, old=True).segments == 2

    with ThreadPoolExecutor(CLONES) as pool:
        list(pool.map(publish, range(CLONES)))
    assert sorted(server.writers()) == sorted(writer_of(clone.here) for clone in clones)
    assert set(server.segments()) == {commit for some in commits for commit in some}
    for writer in server.writers():
        # a commit for each publication, each on top of the one before
        assert server.repo.git("rev-list", "--count", "--no-merges", f"refs/notes/traces/{writer}") == str(ROUNDS)
    pull(clones[0])
    assert len(clones[0].repo.trace("list").splitlines()) == CLONES * ROUNDS


@pytest.mark.parametrize("strategy", ["union", "cat_sort_uniq"])
def test_notes_that_are_merged_by_hand(work: Recording, make_work: Make, server: Server, strategy: str) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    other = make_work("other")
    recorded(other, "elsewhere")
    # both know something of the same commit
    other.git("fetch", "-q", server.url, "main")
    commit = work.head()
    add_lines(other.here, {commit: note(other, "HEAD").decode().splitlines()})
    push(work)
    other.git("remote", "add", "origin", server.url)
    push(other, private=True)
    pull(work)
    mirrors = work.git("for-each-ref", "--format=%(refname)", "refs/notes/trace-remotes").splitlines()
    assert len(mirrors) == 2
    work.git("update-ref", "refs/notes/merged", mirrors[0])
    work.git("notes", "--ref=refs/notes/merged", "merge", "-q", "-s", strategy, mirrors[1])
    parsed = [parse_note(note(work, commit, ref)) for ref in ("refs/notes/merged", *mirrors)]
    assert all(not item.damaged and not item.foreign for item in parsed)
    merged, one, two = (set(item.segments) for item in parsed)
    assert merged == one | two
    assert one
    assert two
    # readers take what is merged like any other note
    work.git("update-ref", "refs/notes/trace", "refs/notes/merged")
    assert len(work.repo.trace("list").splitlines()) == 2


def gits(work: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the commands of git that publishing starts."""
    monkeypatch.setenv("GITTRACE_TRACE", "1")
    push(work)
    return [line for line in capsys.readouterr().err.splitlines() if " git " in line]


def test_the_number_of_processes_does_not_grow(
    work: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counts: list[int] = []
    for number in (1, 5, 1):
        for each in range(number):
            recorded(work, f"work-{len(counts)}-{each}")
        work.git("push", "-q", "--no-verify", "origin", "main")
        capsys.readouterr()
        counts.append(len(gits(work, capsys, monkeypatch)))
        monkeypatch.delenv("GITTRACE_TRACE")
    assert counts[1] == counts[2] < 25


def test_git_is_asked_each_question_once(
    work: Recording, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded(work, "first")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    recorded(work, "second")
    work.git("push", "-q", "--no-verify", "origin", "main")
    capsys.readouterr()
    asked = gits(work, capsys, monkeypatch)
    assert any(" fast-import " in line for line in asked)
    # what came to the remote is in history there, and was not before sharing began
    assert len([line for line in asked if "rev-list --stdin" in line]) == 1
    # remotes and the way to reach them are configured beside what is of ours
    assert len([line for line in asked if " config " in line]) <= 1
