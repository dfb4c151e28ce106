"""Branches rewritten with the real `git filter-repo`, and its commit map (gittrace/trace/recording/commit_map.py)."""

import importlib.util
import sys
from contextlib import closing
from pathlib import Path

import pytest

from gittrace.trace.recording import commit_map
from gittrace.trace.recording.rewrites import newest, read_pairs
from gittrace.trace.sealing.seal import seal
from gittrace.trace.stored.store import Store
from tests.support.recording import TEN, Recording, all_notes
from tests.trace.authorship.test_attribution import blamed
from tests.trace.outcomes import TOOL, numbered, outcome, tiers

needs_filter_repo = pytest.mark.skipif(
    importlib.util.find_spec("git_filter_repo") is None, reason="git-filter-repo is not installed"
)


def filter_repo(work: Recording, *options: str) -> None:
    """Rewrite all of the repository."""
    work.run_bytes(sys.executable, "-m", "git_filter_repo", "--quiet", "--force", *options)


@pytest.fixture
def two(work: Recording) -> tuple[str, list[str]]:
    """A stopped trace of two commits, both of which change `a`, and the first of them adds `gone`."""
    trace = work.start().trace_id
    work.did("first", a=TEN + numbered("one"), gone=numbered("what is removed"))
    commits = [work.commit("one")]
    work.did("second", a=TEN + numbered("one", "two"))
    commits.append(work.commit("two"))
    work.stop()
    return trace, commits


@needs_filter_repo
def test_a_file_is_removed(work: Recording, two: tuple[str, list[str]]) -> None:
    trace, old = two
    before = all_notes(work)
    filter_repo(work, "--invert-paths", "--path", "gone")
    new = work.git("rev-list", "--reverse", "-2", "HEAD").split()
    assert not set(new) & set(old)
    assert work.seal().copied == 2
    notes = all_notes(work)
    assert [notes[commit] for commit in new] == [before[commit] for commit in old]
    found = outcome(work, trace)
    assert tiers(found) == dict.fromkeys(new, TOOL)
    assert (found.commit_sha, found.fate and found.fate.word) == (new[1], "partial")
    assert blamed(work) == dict.fromkeys(TEN.splitlines()) | {"the line of one": "first", "the line of two": "second"}
    with closing(Store(work.here)) as store:
        assert sorted(store.index.commits_of(trace)) == sorted((*old, *new))
    work.check_here()


@needs_filter_repo
def test_moved_into_a_folder(work: Recording, two: tuple[str, list[str]]) -> None:
    trace, old = two
    filter_repo(work, "--to-subdirectory-filter", "sub")
    new = work.git("rev-list", "--reverse", "-2", "HEAD").split()
    found = outcome(work, trace)
    assert tiers(found) == dict.fromkeys(new, TOOL)
    assert found.fate is not None
    assert found.fate.word == "moved"
    assert list(blamed(work, "sub/a").values())[-2:] == ["first", "second"]
    assert {piece.commit for piece in work.pieces()} == {*old, *new}
    work.check_here()


@needs_filter_repo
def test_text_is_replaced(work: Recording, two: tuple[str, list[str]], tmp_path: Path) -> None:
    trace, _ = two
    (tmp_path / "texts").write_text("what is removed==>***\nof two==>of 2\n")
    filter_repo(work, "--replace-text", str(tmp_path / "texts"))
    one, _ = work.git("rev-list", "--reverse", "-2", "HEAD").split()
    found = outcome(work, trace)
    # of the second commit nothing is left as it was written
    assert tiers(found) == {one: TOOL}
    assert blamed(work)["the line of one"] == "first"


@needs_filter_repo
def test_several_runs_with_work_between_them(work: Recording, two: tuple[str, list[str]]) -> None:
    """A run within a day of another brings the map up to date: what was there between the two is in no line of it."""
    trace, old = two
    filter_repo(work, "--invert-paths", "--path", "gone")
    between = work.git("rev-list", "--reverse", "-2", "HEAD").split()
    work.start(trace_id=trace)
    work.did("third", b=TEN + numbered("three"))
    work.commit("three")
    work.stop()
    filter_repo(work, "--to-subdirectory-filter", "sub")
    new = work.git("rev-list", "--reverse", "-3", "HEAD").split()
    work.seal()
    assert [newest(work.here, commit) for commit in (*old, *between)] == [*new[:2], *new[:2]]
    assert new[2] in all_notes(work)
    assert tiers(outcome(work, trace)) == dict.fromkeys(new, TOOL)
    work.check_here()


@needs_filter_repo
@pytest.mark.parametrize("sealed", [True, False])
def test_amid_a_session(work: Recording, tmp_path: Path, sealed: bool) -> None:
    """What the session committed is not found again as if it were new, though all logs of HEAD are gone."""
    work.write(gone="before the session\n", kept="too\n")
    work.commit("to be filtered")
    trace = work.start().trace_id
    work.did("first", a=TEN + numbered("one"))
    work.commit("one")
    work.did("second", a=TEN + numbered("one", "two"))
    if sealed:
        work.seal()
    filter_repo(work, "--invert-paths", "--path", "gone")
    one = work.head()
    work.did("third", a=TEN + numbered("one", "two", "three"))
    two = work.commit("two")
    work.stop(success=True)
    assert [piece.words.count("commit") for piece in work.pieces() if piece.commit == one] == [1]
    assert sum(piece.words.count("commit") for piece in work.pieces() if piece.commit == two) == 1
    (events,) = work.journals().values()
    (rewrite,) = [event for event in events if event["kind"] == "rewrite"]
    assert (rewrite["cause"], [new for _, new in rewrite["pairs"]]) == ("filter-repo", [one])
    assert tiers(outcome(work, trace)) == dict.fromkeys((one, two), TOOL)
    work.check_here()
    if not sealed:
        work.check(tmp_path)  # it begins on what the base became


@needs_filter_repo
@pytest.mark.parametrize("dropped", [False, True])
def test_what_a_session_began_on_is_gone_when_it_is_sealed(work: Recording, tmp_path: Path, dropped: bool) -> None:
    work.write(gone="before the session\n", **({} if dropped else {"kept": "too\n"}))
    work.commit("to be filtered")
    work.write(b=TEN + "not committed yet\n")
    trace = work.start().trace_id
    work.did("first", a=TEN + numbered("one"))
    # filter-repo takes the worktree to the new HEAD, so what is not committed goes
    filter_repo(work, "--invert-paths", "--path", "gone")
    base = work.head()
    work.did("second", a=TEN + numbered("one"))
    commit = work.commit("one")
    work.stop()
    first = next(piece for piece in work.pieces() if piece.commit == commit)
    assert first.header["base"]["commit"] == (None if dropped else base)
    assert tiers(outcome(work, trace)) == {commit: TOOL}
    work.check_here()
    if not dropped:
        work.check(tmp_path)


def given_map(work: Recording, text: bytes) -> None:
    """Leave a commit map."""
    folder = Path(work.here.common_dir) / "filter-repo"
    folder.mkdir(exist_ok=True)
    (folder / "commit-map").write_bytes(text)


def test_a_damaged_map(work: Recording, two: tuple[str, list[str]], tmp_path: Path) -> None:
    """What can be read of it counts, the rest is named once; long lines are not held."""
    _, (one, two_) = two
    new = work.commit("more")
    rows = [b"old new", f"{one} {new}".encode(), b"\xff" * 3_000_000, b"", f"{two_} abc".encode(), b"x " * 40]
    given_map(work, b"\n".join(rows))
    sealed = seal(work.here)
    assert [problem.partition("is damaged: ")[2] for problem in sealed.failed] == ["no pair of commits in line 3, 5, 6"]
    assert (sealed.copied, new in all_notes(work)) == (1, True)
    work.check(tmp_path)


def test_a_map_that_cannot_be_read(work: Recording, two: tuple[str, list[str]], tmp_path: Path) -> None:
    """It is named once, and holds nothing up."""
    (work.repo.git_dir / "filter-repo" / "commit-map").mkdir(parents=True)
    (problem,) = seal(work.here).failed
    assert problem.startswith("the commit map was not read: ")
    work.start()
    work.did("three", a="three\n")
    commit = work.commit()
    work.stop()
    assert seal(work.here).failed == []
    assert commit in all_notes(work)
    work.check(tmp_path)


def test_a_map_that_is_too_large(
    work: Recording, two: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(commit_map, "_LARGEST", 0)
    given_map(work, f"old new\n{two[1][0]} {work.head()}\n".encode())
    assert "larger than" in seal(work.here).failed[0]
    assert read_pairs(work.here)[0] == []
    work.check(tmp_path)


def test_only_what_was_recorded_is_taken(work: Recording, two: tuple[str, list[str]], tmp_path: Path) -> None:
    trace, (one, _) = two
    new = work.commit("more")
    rows = [f"{number:040x} {new}" for number in range(1, 20_000)]
    given_map(work, "\n".join(["old new", *rows, f"{one} {new}", f"{new} {'0' * 40}", ""]).encode())
    work.seal()
    assert [(pair.cause, pair.old, pair.new) for pair in read_pairs(work.here)[0]] == [("filter-repo", one, new)]
    assert new in all_notes(work)
    # a note says where something was sealed, not what is in there
    assert new not in tiers(outcome(work, trace))
    work.check(tmp_path)
