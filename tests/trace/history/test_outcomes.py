"""What became of traces in odd cases: deletions, binaries, renames, modes; refs and histories of all kinds."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.recording import TEN, Recording, recorded, view
from tests.support.repo import Repo, make_repo
from tests.trace.outcomes import TOOL, link_to, numbered, outcome, tiers

Deed = Callable[[Recording], None]


def _cut(work: Recording) -> None:
    work.did(a=TEN.replace("line 4\n", ""))


DEEDS: dict[str, tuple[Deed, str]] = {
    "a deleted file": (lambda work: work.run("rm", "a"), "deleted file mode"),
    "a deleted line": (_cut, "-line 4"),
    "a binary file": (lambda work: work.did(bin=b"\0\1\2"), "GIT binary patch"),
    "a rename": (lambda work: work.run("git", "mv", "a", "z"), "rename to z"),
    "a mode": (lambda work: work.run("chmod", "+x", "a"), "new mode 100755"),
    "a symbolic link": (lambda work: work.run("ln", "-s", "elsewhere", "link"), "new file mode 120000"),
    "lines": (lambda work: work.did(a=TEN + numbered("one", "two")), "+the line of one"),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_committed_reverted_and_restored(work: Recording, deed: str) -> None:
    """Of reverts of reverts each other one brings it back; the commit that is named is never one of them."""
    do, said = DEEDS[deed]
    trace = work.start().trace_id
    do(work)
    commit = work.commit()
    work.stop()
    restoring: list[str] = []
    for number in range(4):
        found = outcome(work, trace)
        assert found.fate is not None
        back = number % 2 == 0
        assert (found.committed, found.commit_sha) == (True, commit)
        assert found.fate.word == ("alive" if back else "reverted")
        assert found.fate.shares == {found.fate.word: 1.0}
        assert (link_to(found, commit).alive, link_to(found, commit).alive_share) == (back, float(back))
        assert tiers(found) == dict.fromkeys((commit, *restoring), TOOL)
        assert said in (found.patch or "")
        work.git("revert", "--no-edit", "HEAD")
        restoring += [work.head()] if number % 2 else []


def test_to_ask_leaves_no_objects_behind(work: Recording) -> None:
    """The tree that the patch leads to is of nobody's commit."""
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"), c=numbered("two"))
    work.repo.commit("d", "of others\n")
    work.git("add", "a", "c")
    work.commit()
    work.stop()
    before = work.git("count-objects")
    assert "+the line of two" in (outcome(work, trace).patch or "")
    assert work.git("count-objects") == before


def test_nothing_at_all(work: Recording) -> None:
    empty = work.start().trace_id
    work.stop()
    looked = work.start().trace_id
    work.run("true")
    work.run("false", status=None)
    work.stop(success=False)
    nothing, failure = outcome(work, empty), outcome(work, looked)
    assert (nothing.committed, nothing.commit_sha, nothing.patch, nothing.fate, nothing.links) == (
        False,
        None,
        None,
        None,
        (),
    )
    assert (nothing.success, nothing.success_source, nothing.confidence) == (None, "deterministic", "derived")
    assert (failure.success, failure.success_source, failure.confidence) == (False, "stop", "annotated")
    assert (failure.terminal_state, failure.fate) == ("abandoned", None)
    assert len(work.repo.trace("export", empty, looked).splitlines()) == 2


@pytest.fixture
def topic(work: Recording) -> tuple[str, str]:
    """A trace and its commit, which only the branch `topic` leads to."""
    work.git("checkout", "-q", "-b", "topic")
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one", "two"))
    commit = work.commit()
    work.stop()
    work.git("checkout", "-q", "main")
    return trace, commit


def test_what_leads_to_a_commit(work: Recording, topic: tuple[str, str]) -> None:
    """A tag, an annotated one, a remote-tracking branch; a reflog, a stash or a ref of another kind don't count."""
    trace, commit = topic
    places = {"refs/tags/v1": "v1", "refs/remotes/origin/topic": "origin/topic"}
    for ref, name in places.items():
        work.git("update-ref", ref, commit)
        work.git("update-ref", "-d", "refs/heads/topic")
        found = outcome(work, trace)
        assert (found.committed, found.commit_sha, link_to(found, commit).branch) == (True, commit, name)
        assert found.fate is not None
        assert (found.fate.word, link_to(found, commit).alive) == ("alive", False)  # there, and not at HEAD
        work.git("update-ref", "-d", ref)
    work.git("tag", "-a", "-m", "annotated", "v2", commit)
    assert link_to(outcome(work, trace), commit).branch == "v2"
    work.git("tag", "-d", "v2")
    for ref in ("refs/stash", "refs/original/refs/heads/topic"):
        work.git("update-ref", ref, commit)
    found = outcome(work, trace)
    assert (found.committed, found.commit_sha, found.patch) == (False, None, None)
    assert tiers(found, reachable=False) == {commit: TOOL}
    assert found.fate is not None
    assert found.fate.word == "lost"
    work.git("branch", "back", commit)
    assert link_to(outcome(work, trace), commit).branch == "back"


def test_a_detached_head(work: Recording) -> None:
    work.git("checkout", "-q", "--detach")
    trace = work.start().trace_id
    work.did(a=TEN + numbered("one"))
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert (found.committed, found.commit_sha, link_to(found, commit).alive) == (True, commit, True)
    work.git("checkout", "-q", "main")
    found = outcome(work, trace)
    assert (found.committed, found.fate and found.fate.word) == (False, "lost")


def test_an_orphan_branch(work: Recording) -> None:
    work.git("checkout", "-q", "--orphan", "apart")
    trace = work.start().trace_id
    work.did(z=numbered("one"))
    commit = work.commit()
    work.stop()
    work.git("checkout", "-q", "main")
    found = outcome(work, trace)
    assert (found.commit_sha, link_to(found, commit).branch) == (commit, "apart")
    assert found.fate is not None
    assert (found.fate.word, link_to(found, commit).alive) == ("alive", False)


def test_an_unborn_branch(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    new = recorded(make_repo(tmp_path / "unborn", work.repo.env), monkeypatch)
    new.install()
    trace = new.start().trace_id
    new.did(a=numbered("one"))
    found = outcome(new, trace)
    assert (found.committed, found.commit_sha, found.fate and found.fate.word) == (False, None, "uncommitted")
    commit = new.commit()
    new.stop()
    found = outcome(new, trace)
    assert (found.commit_sha, found.fate and found.fate.word) == (commit, "alive")
    assert "+the line of one" in (found.patch or "")


def test_nothing_but_a_merge(work: Recording) -> None:
    """Who merges what others did has no part in it."""
    work.git("checkout", "-q", "-b", "side")
    work.write(b=TEN + numbered("side"))
    work.commit("side")
    work.git("checkout", "-q", "main")
    work.write(a=TEN + numbered("main"))
    work.commit("main")
    trace = work.start().trace_id
    work.run("git", "merge", "-q", "--no-edit", "side")
    work.stop()
    found = outcome(work, trace)
    assert (found.committed, found.commit_sha, found.fate, found.links) == (False, None, None, ())


def test_a_shallow_clone(work: Recording, tmp_path: Path) -> None:
    trace = work.start().trace_id
    commits = []
    for number in range(3):
        work.did(a=TEN + numbered(*(f"step {one}" for one in range(number + 1))))
        commits.append(work.commit())
    work.stop()
    work.git("clone", "-q", "--no-local", "--depth", "1", str(work.repo.top), str(tmp_path / "shallow"))
    clone = Recording(Repo(tmp_path / "shallow", work.repo.env))
    clone.here = view(clone.repo)
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    found = outcome(clone, trace)
    assert (tiers(found), found.commit_sha, found.fate and found.fate.word) == ({commits[2]: TOOL}, commits[2], "alive")
    assert found.patch is None  # what it began on isn't here
    clone.git("fetch", "-q", "--unshallow")
    whole = outcome(clone, trace)
    assert tiers(whole) == dict.fromkeys(commits, TOOL)
    assert whole.patch == outcome(work, trace).patch


def test_a_graft(work: Recording) -> None:
    """`git replace --graft` makes a commit of the same tree: its branch is that of the one whose place it takes."""
    trace = work.start().trace_id
    commits = []
    for number in range(3):
        work.did(a=TEN + numbered(*(f"step {one}" for one in range(number + 1))))
        commits.append(work.commit())
    work.stop()
    work.git("replace", "--graft", "HEAD", "HEAD~2")
    grafted = work.head(f"refs/replace/{commits[2]}")
    found = outcome(work, trace)
    assert tiers(found) == dict.fromkeys((*commits, grafted), TOOL)
    assert {link.branch for link in found.links} == {"main"}
    assert found.fate is not None
    assert found.fate.word == "alive"
