"""What a session took from branches of which nobody recorded anything, where git doesn't say that it did."""

import time
from pathlib import Path

import pytest

from gittrace.git.objects import open_objects
from gittrace.trace.recording.borrowed import Borrowed
from tests.support.recording import TEN, Recording, view
from tests.support.repo import Repo, make_repo
from tests.trace.authorship.test_attribution import blamed, lines, said
from tests.trace.outcomes import TOOL, asked, link_to, numbered, outcome, tiers


@pytest.fixture
def topic(work: Recording) -> str:
    """A branch on which somebody else wrote a file, and lines in another one."""
    work.git("switch", "-q", "-c", "topic")
    work.write(a=TEN + lines("theirs", "too"), b=lines("new"))
    commit = work.commit("theirs")
    work.git("switch", "-q", "main")
    return commit


def _take(work: Recording, how: str) -> None:
    if how == "checkout":
        work.git("checkout", "-q", "topic", "--", "a", "b")
    else:
        work.git(*{"merge": ("merge", "-q", "--squash"), "cherry-pick": ("cherry-pick", "-n")}[how], "topic")


@pytest.mark.parametrize("recorded", [False, True])
@pytest.mark.parametrize("how", ["merge", "cherry-pick", "checkout"])
def test_taken_without_a_word(work: Recording, topic: str, how: str, recorded: bool) -> None:
    """In the second in which it was written, and from a branch that is gone later."""
    trace = work.start().trace_id
    _take(work, how)
    (work.run if recorded else work.repo.run)("git", "commit", "-q", "-m", "taken")
    work.seal()
    work.git("branch", "-q", "-D", "topic")
    work.did("make", c=lines("mine"))
    own = work.commit()
    work.stop()
    assert tiers(outcome(work, trace)) == {own: TOOL}
    for path in ("a", "b"):
        assert set(blamed(work, path).values()) == {None}
    assert blamed(work, "c") == said("mine", by="make")


@pytest.mark.parametrize("recorded", [False, True])
def test_a_merge_that_stopped_and_was_solved(work: Recording, topic: str, recorded: bool) -> None:
    """What it had brought into the worktree is nobody's, also where the command that committed it is recorded."""
    trace = work.start().trace_id
    work.did("make", a=TEN + lines("mine"))
    own = work.commit()
    work.git("merge", "-q", "topic", status=1)
    work.write(a=TEN + lines("mine", "theirs", "too", "solved"))
    work.git("add", "-A")
    (work.run if recorded else work.repo.run)("git", "commit", "-q", "--no-edit")
    work.stop()
    assert tiers(outcome(work, trace)) == {own: TOOL, work.head(): TOOL}
    assert set(blamed(work, "b").values()) == {None}
    solved = "git commit -q --no-edit" if recorded else "commit"
    wanted = said("mine", by="make") | said("theirs", "too", by=None) | said("solved", by=solved)
    assert {text: by for text, by in blamed(work).items() if "named" in text} == wanted


@pytest.mark.parametrize("recorded", [False, True])
def test_taken_from_a_branch_where_the_file_was_renamed_since(work: Recording, topic: str, recorded: bool) -> None:
    work.git("switch", "-q", "topic")
    work.git("mv", "a", "renamed")
    work.commit("renamed")
    work.git("switch", "-q", "main")
    trace = work.start().trace_id
    work.git("cherry-pick", "-n", topic)
    (work.run if recorded else work.repo.run)("git", "commit", "-q", "-m", "taken")
    work.seal()
    work.git("branch", "-q", "-D", "topic")
    work.stop()
    assert tiers(outcome(work, trace)) == {}
    for path in ("a", "b"):
        assert set(blamed(work, path).values()) == {None}


@pytest.mark.parametrize("how", ["reset --keep", "merge --ff-only", "merge --no-ff --no-edit"])
@pytest.mark.parametrize("recorded", [False, True])
def test_what_was_moved_out_of_a_file_that_head_went_to(work: Recording, how: str, recorded: bool) -> None:
    """Nothing that is recorded ever held the line where it came from."""
    work.git("switch", "-q", "-c", "topic")
    work.write(b=lines("somebody else's") + TEN)
    work.commit("theirs")
    work.git("switch", "-q", "main")
    trace = work.start().trace_id
    work.git(*how.split(), "-q", "topic")
    work.write(b=TEN, c=lines("typed by whoever did", "somebody else's"))
    if recorded:
        work.run("true")
    own = work.commit()
    work.seal()
    work.git("branch", "-q", "-D", "topic")
    work.stop()
    by = "true" if recorded else "commit"
    assert blamed(work, "c") == said("somebody else's", by=None) | said("typed by whoever did", by=by)
    assert tiers(outcome(work, trace)) == {own: TOOL}


def test_what_is_written_beside_it_is_the_traces(work: Recording, topic: str) -> None:
    trace = work.start().trace_id
    work.did("make", a=lines("mine") + TEN)
    work.git("checkout", "-q", "topic", "--", "b")
    work.write(a=lines("mine") + TEN + lines("theirs", "too", "typed"))
    own = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {own: TOOL}
    wanted = said("mine", by="make") | said("theirs", "too", by=None) | said("typed", by="commit")
    assert {text: by for text, by in blamed(work).items() if "named" in text} == wanted
    assert found.fate is not None
    assert found.fate.lines == 2


def test_a_short_line_beside_it_is_the_traces(work: Recording, topic: str) -> None:
    work.git("switch", "-q", "topic")
    work.write(a="else\n" + TEN + lines("theirs", "too"))
    work.commit("else")
    work.git("switch", "-q", "main")
    work.start()
    work.write(a="else\n" + TEN + lines("theirs", "typed"))
    work.commit()
    work.stop()
    assert blamed(work)["else"] == "commit"
    assert blamed(work)["the line named typed"] == "commit"
    assert blamed(work)["the line named theirs"] is None


def test_what_a_command_writes_is_its_though_a_branch_has_the_same(work: Recording, topic: str) -> None:
    work.start()
    time.sleep(1.1)  # a commit's time is in whole seconds
    work.did("make", a=TEN + lines("theirs", "too"))
    work.commit()
    work.stop()
    assert blamed(work)["the line named theirs"] == "make"


def test_what_the_trace_wrote_there_stays_its(work: Recording) -> None:
    trace = work.start().trace_id
    work.git("switch", "-q", "-c", "topic")
    work.did("make", a=TEN + lines("mine"))
    first = work.commit()
    work.git("switch", "-q", "main")
    work.git("merge", "-q", "--squash", "topic")
    squashed = work.commit("squashed")
    work.stop()
    assert tiers(outcome(work, trace)) == {first: TOOL, squashed: TOOL}
    assert blamed(work)["the line named mine"] == "make"


def test_what_another_took_from_the_session_is_still_its(work: Recording) -> None:
    """The branch is younger than the commit, in the same second."""
    trace = work.start().trace_id
    work.did("make", a=TEN + numbered("mine"))
    own = work.commit()
    tree = work.head("HEAD^{tree}")
    work.git("branch", "-q", "topic", work.git("commit-tree", tree, "-p", "HEAD~", "-m", "taken by another"))
    work.git("commit", "-q", "--amend", "-m", "amended")
    amended = work.head()
    work.stop()
    assert {own, amended} <= set(tiers(outcome(work, trace)) | tiers(outcome(work, trace), reachable=False))
    assert blamed(work)["the line of mine"] == "make"


def test_a_commit_says_from_which_branches_it_took_lines(work: Recording, topic: str) -> None:
    work.git("branch", "-q", "elsewhere", "main")
    work.start()
    work.git("merge", "-q", "--squash", "topic")
    work.commit("taken")
    work.did("make", a=TEN)
    work.commit("mine")
    work.stop()
    commits = [event for piece in work.pieces() for event in piece.events if event["kind"] == "commit"]
    assert [event.get("borrowed") for event in commits] == [[topic], None]


def test_branches_of_which_the_clone_has_no_files(work: Recording, topic: str) -> None:
    """A clone in part has commits without their trees."""
    who = "Sam <sam@example.com> 1000000000 +0000"
    commit = f"tree {'1' * 40}\nparent {topic}\nauthor {who}\ncommitter {who}\n\nfar away\n".encode()
    oid = work.repo.git("hash-object", "-w", "-t", "commit", "--stdin", stdin=commit)
    work.git("update-ref", "refs/remotes/origin/far", oid)
    work.start()
    work.git("merge", "-q", "--squash", "topic")
    work.commit("taken")
    work.stop()
    (event,) = [event for piece in work.pieces() for event in piece.events if event["kind"] == "commit"]
    assert event["borrowed"] == [topic]


def test_a_younger_branch_that_says_it_is_older(work: Recording) -> None:
    """Anyone may set a commit's date."""
    past = {f"GIT_{role}_DATE": "2001-02-03T04:05:06Z" for role in ("AUTHOR", "COMMITTER")}
    work.start()
    work.write(a=TEN + lines("typed"))
    own = work.commit()
    taken = work.git("commit-tree", work.head("HEAD^{tree}"), "-p", "HEAD~", "-m", "taken by another", env=past)
    work.git("update-ref", "refs/heads/topic", taken)
    work.stop()
    (event,) = [event for piece in work.pieces() for event in piece.events if event["kind"] == "commit"]
    assert (event["commit"], event.get("borrowed")) == (own, None)
    assert blamed(work)["the line named typed"] == "commit"


@pytest.mark.parametrize("later", [False, True])
def test_a_stash_of_before_the_session_popped_by_hand(work: Recording, clone: Recording, later: bool) -> None:
    """What was tracked and what wasn't, with a command between the pop and the commit, or with the next commit."""
    work.write(a=TEN + lines("theirs", "too"), b=lines("new"))
    work.git("stash", "push", "-q", "-u")
    time.sleep(1.1)  # a commit's time is in whole seconds
    trace = work.start().trace_id
    work.git("stash", "pop", "-q")
    if later:
        work.did("look")
    work.write(c=lines("mine"))
    own = work.commit()
    work.stop()
    _fetch(clone)
    for there in (work, clone):
        link = link_to(outcome(there, trace), own)
        assert (link.tier, link.share) == (TOOL, 0.25)
        for path in ("a", "b"):
            assert set(blamed(there, path).values()) == {None}
        assert blamed(there, "c") == said("mine", by="commit")


@pytest.mark.parametrize("commits", [False, True])
@pytest.mark.parametrize(
    "how", ["merge -q --squash topic", "cherry-pick -n topic", "checkout topic a b", "stash pop -q"]
)
def test_a_line_for_the_shell_in_which_git_takes_lines(
    work: Recording, topic: str, clone: Recording, how: str, commits: bool
) -> None:
    if how.startswith("stash"):
        work.write(a=TEN + lines("theirs", "too"), b=lines("new"))
        work.git("stash", "push", "-q", "-u")
    time.sleep(1.1)  # a commit's time is in whole seconds
    trace = work.start().trace_id
    line = f"git {how} && echo the line named mine >c && git add ."
    work.run("sh", "-c", line + (" && git commit -q -m taken" if commits else ""))
    own = work.head() if commits else work.commit("taken")
    work.stop()
    _fetch(clone)
    for there in (work, clone):
        link = link_to(outcome(there, trace), own)
        assert (link.tier, link.share) == (TOOL, 0.25)
        for path in ("a", "b"):
            assert set(blamed(there, path).values()) == {None}
        assert None not in blamed(there, "c").values()


@pytest.mark.parametrize("pick", ["cherry-pick", "revert --no-edit"])
def test_a_line_for_the_shell_that_picks(work: Recording, pick: str) -> None:
    work.write(a=TEN + lines("theirs", "too"))
    first = work.commit("theirs")
    work.git("switch", "-q", "-c", "topic", "HEAD~")
    if pick != "cherry-pick":
        work.git("switch", "-q", "main")
        work.write(a=TEN)
        first = work.commit("gone")
    time.sleep(1.1)
    trace = work.start().trace_id
    work.run("sh", "-c", f"git {pick} {first} && echo the line named mine >c")
    own = work.commit()
    work.stop()
    assert tiers(outcome(work, trace)) == {own: TOOL}
    assert set(blamed(work).values()) == {None}
    assert None not in blamed(work, "c").values()


@pytest.fixture
def clone(work: Recording, tmp_path: Path) -> Recording:
    """A clone that is to get main and the notes, and no other branch: see `_fetch`."""
    repo = make_repo(tmp_path / "clone", work.repo.env)
    repo.git("remote", "add", "origin", str(work.repo.top))
    return Recording(repo)


def _fetch(clone: Recording) -> None:
    clone.git("fetch", "-q", "--no-tags", "origin", "main", "refs/notes/trace:refs/notes/trace")
    clone.git("checkout", "-q", "-B", "main", "FETCH_HEAD")


@pytest.mark.parametrize("how", ["merge", "cherry-pick", "checkout"])
def test_a_clone_without_the_branch(work: Recording, topic: str, clone: Recording, how: str) -> None:
    trace = work.start().trace_id
    _take(work, how)
    work.write(a="typed here too\n" + (work.repo.top / "a").read_text(), c=lines("mine"))
    own = work.commit("taken")
    work.stop()
    _fetch(clone)
    assert clone.repo.git("cat-file", "-t", topic, status=None) == ""
    assert asked(clone) == asked(work)
    assert tiers(outcome(clone, trace)) == {own: TOOL}
    for path in ("a", "b", "c"):
        assert blamed(clone, path) == blamed(work, path)
    assert set(blamed(clone, "b").values()) == {None}
    assert {text: by for text, by in blamed(clone).items() if by} == {"typed here too": "commit"}


def test_a_clone_without_a_branch_that_the_session_looked_at(work: Recording, topic: str, clone: Recording) -> None:
    trace = work.start().trace_id
    for branch in ("topic", "main"):
        work.git("switch", "-q", branch)
        work.did("look")
    _take(work, "merge")
    work.commit("taken")
    work.did("make", c=lines("mine"))
    own = work.commit()
    work.stop()
    _fetch(clone)
    assert tiers(outcome(clone, trace)) == tiers(outcome(work, trace)) == {own: TOOL}
    for path in ("a", "b", "c"):
        assert blamed(clone, path) == blamed(work, path)


def test_a_clone_without_the_revert_that_was_melted_into_a_commit(work: Recording, clone: Recording) -> None:
    """What it brought back was written before the session, and stands in no commit that the clone could tell by."""
    work.write(a=TEN + lines("theirs", "too"))
    work.commit("theirs")
    work.write(a=TEN)
    gone = work.commit("gone")
    trace = work.start().trace_id
    work.did("make", c=lines("mine"))
    own = work.commit()
    work.git("revert", "--no-edit", gone)
    work.git("reset", "-q", "--soft", own)
    work.git("commit", "-q", "--amend", "--no-edit")
    work.stop()
    work.git("reflog", "expire", "--expire=now", "--all")
    _fetch(clone)
    assert {work.head()} == set(tiers(outcome(clone, trace)))
    shares = [link_to(outcome(one, trace), work.head()).share for one in (work, clone)]
    assert shares == [0.3333, 0.3333]
    for path in ("a", "c"):
        assert blamed(clone, path) == blamed(work, path)


def test_what_a_clone_lacks_is_not_fetched(work: Recording, topic: str, tmp_path: Path) -> None:
    """A branch is looked through for a former name, and of that a clone without trees has but the commits."""
    work.git("switch", "-q", "topic")
    work.git("mv", "a", "renamed")
    work.commit("renamed")
    work.git("switch", "-q", "main")
    work.git("config", "uploadpack.allowFilter", "true")
    work.repo.git("clone", "-q", "--filter=tree:0", f"file://{work.repo.top}", str(tmp_path / "part"))
    part = view(Repo(tmp_path / "part", work.repo.env))
    tips = [part.git("rev-parse", name).decode().strip() for name in ("origin/topic", "^origin/main")]
    with open_objects(part) as store:
        assert Borrowed(part, store, "")._last(b"a", tips) is None
    missing = part.git("rev-list", "--objects", "--all", "--missing=print").decode()
    assert f"?{work.head(f'{topic}^{{tree}}')}" in missing.split()
