"""Who first wrote the lines of commits, on real git: every way in which recorded work reaches history."""

import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import partial

import pytest

from gittrace.git import hidden, snapshot
from gittrace.model.attribution import Line, Range
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.authorship.attribution import Attributor
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recorded import Source
from gittrace.trace.produced.bringing import brings
from gittrace.trace.recording.session import Agent, current, start
from gittrace.trace.stored.store import Store
from gittrace.trace.text.lines import split
from tests.support.recording import TEN, Make, Recording, append, view
from tests.support.repo import Repo


@contextmanager
def attributor(work: Recording) -> Iterator[tuple[Attributor, dict[str, str]]]:
    """Yield the attributor of a repository, and what its events were, by id."""
    with closing(Store(work.here)) as store:
        assert store.problems == []
        traces = [store.load(trace) for trace in store.trace_ids()]
        made = Attributor(Past(store.objects), [Source("", partial(store.load, trace.id)) for trace in traces])
        assert made.problems == []
        yield made, {str(e["id"]): str(e.get("command") or e["kind"]) for trace in traces for e in trace.events}


def every(work: Recording, made: Attributor, path: bytes, commit: str = "HEAD") -> list[Line | None]:
    """Return who wrote each line of a commit's file."""
    oid = work.head(commit)
    content = work.repo.run("git", "cat-file", "blob", f"{oid}:".encode() + path)
    return list(made.lines(oid, path, range(len(split(content)))).values())


def words(found: list[Line | None], names: dict[str, str]) -> list[str | None]:
    """Return for each line what the event was that wrote it."""
    return [None if line is None else names[line.writer.event_id] for line in found]


def blamed(work: Recording, path: str = "a", commit: str = "HEAD") -> dict[str, str | None]:
    """Return for each line of a file what wrote it."""
    content = work.git("show", f"{commit}:{path}").splitlines()
    with attributor(work) as (made, names):
        return dict(zip(content, words(every(work, made, path.encode(), commit), names), strict=True))


def wrote(work: Recording, path: str = "a", commit: str = "HEAD") -> dict[str, str | None]:
    """Return for each line that a commit adds to a file what wrote it."""
    with attributor(work) as (_, names):
        return {
            text.decode(): names[piece.writer.event_id] if piece.writer else None
            for piece in added(work, commit, path)
            for text in piece.texts
        }


def added(work: Recording, commit: str, path: str) -> tuple[Range, ...]:
    """Return the ranges that a commit adds to a file."""
    with closing(Store(work.here)) as store, closing(Answers(store)) as answers:
        (file,) = [item for item in answers.attribution(work.head(commit)).files if item.path == path.encode()]
        assert answers.problems == []
        return file.ranges


def lines(*names: str) -> str:
    """Return telling lines."""
    return "".join(f"the line named {name}\n" for name in names)


def said(*names: str, by: str | None) -> dict[str, str | None]:
    """Return telling lines with what wrote them."""
    return {f"the line named {name}": by for name in names}


def test_commands_and_the_edits_before_them(work: Recording) -> None:
    work.start()
    work.write(a=TEN + lines("typed"))
    work.did("first", b="the line named effect\n" + TEN)
    work.did("second", a=TEN + lines("typed", "second"))
    work.commit()
    assert wrote(work) == said("typed", by="first") | said("second", by="second")
    assert wrote(work, "b") == said("effect", by="first")
    assert set(blamed(work).values()) == {None, "first", "second"}


def test_what_was_there_before_the_session_is_nobodys(work: Recording) -> None:
    work.write(a=TEN + lines("dirty"))
    work.start()
    work.did("one", a=lines("mine") + TEN + lines("dirty"))
    work.commit()
    assert wrote(work) == said("mine", by="one") | said("dirty", by=None)


def test_edits_up_to_the_commit_are_the_commits(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.write(a=TEN + lines("one", "two"))
    work.commit()
    assert wrote(work) == said("one", by="one") | said("two", by="commit")


def test_unrecorded_edit_after_the_session(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("mine", "too"))
    work.stop()
    work.write(a=TEN + lines("mine", "theirs", "too"))
    work.commit()
    assert wrote(work) == said("mine", "too", by="one") | said("theirs", by=None)


def test_amend(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.did("two", a=TEN + lines("one", "two"))
    work.commit("again", "--amend")
    assert wrote(work) == said("one", by="one") | said("two", by="two")


def test_amending_a_commit_of_before_the_session(work: Recording) -> None:
    # an amend keeps the author's date, and so looks older than it is
    work.write(a=TEN + lines("theirs"))
    work.git("commit", "-q", "-a", "-m", "theirs", env={"GIT_AUTHOR_DATE": "2020-01-01T00:00:00Z"})
    work.start()
    work.write(a=TEN + lines("theirs", "ours"))
    work.commit("both", "--amend")
    assert blamed(work)["the line named theirs"] is None
    assert blamed(work)["the line named ours"] == "commit"


@pytest.mark.parametrize("how", ["--merge", "--apply"])
def test_rebase(work: Recording, how: str) -> None:
    work.git("branch", "other")
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.stop()
    work.git("checkout", "-q", "other")
    work.write(a=lines("theirs") + TEN)
    work.commit("theirs")
    work.git("rebase", "-q", how, "other", "main")
    assert wrote(work) == said("one", by="one")
    assert blamed(work) | said("theirs", by=None) == blamed(work)


def test_rebase_within_the_session_brings_in_what_is_not_its_own(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "other")
    theirs = work.repo.commit("a", lines("theirs", "and theirs") + TEN)
    work.git("checkout", "-q", "main")
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.git("rebase", "-q", theirs)
    work.did("two", a=lines("theirs", "and theirs") + TEN + lines("one", "two"))
    work.commit()
    assert blamed(work) == {
        **said("theirs", "and theirs", by=None),
        **dict.fromkeys(TEN.splitlines(), None),
        **said("one", by="one"),
        **said("two", by="two"),
    }


def test_squash(work: Recording) -> None:
    work.start()
    work.git("checkout", "-q", "-b", "topic")
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.did("two", a=TEN + lines("one", "two"))
    work.commit()
    work.stop()
    work.git("checkout", "-q", "main")
    work.repo.commit("c", "unrelated\n")
    work.git("merge", "-q", "--squash", "topic")
    work.commit("squashed")
    assert wrote(work) == said("one", by="one") | said("two", by="two")


@pytest.mark.parametrize("options", [(), ("-x",)])
def test_cherry_pick_elsewhere(work: Recording, options: tuple[str, ...]) -> None:
    work.git("branch", "other")
    work.start()
    work.did("one", a=TEN + lines("one"))
    picked = work.commit()
    work.stop()
    work.git("checkout", "-q", "other")
    work.repo.commit("a", lines("theirs") + TEN)
    work.git("cherry-pick", *options, picked)
    assert wrote(work) == said("one", by="one")


def test_cherry_pick_in_the_session_of_another_trace(work: Recording) -> None:
    work.git("branch", "other")
    first = work.start()
    work.did("one", a=TEN + lines("one"))
    picked = work.commit()
    work.stop()
    work.git("checkout", "-q", "other")
    work.repo.commit("a", lines("theirs") + TEN)
    second = work.start()
    work.run("git", "cherry-pick", picked)
    work.did("two", a=lines("theirs") + TEN + lines("one", "two"))
    work.commit()
    assert first.trace_id != second.trace_id
    assert wrote(work, commit="HEAD~") == said("one", by="one")
    assert wrote(work) == said("two", by="two")


def test_unrecorded_commit_picked_by_a_command_is_nobodys(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "other")
    theirs = work.repo.commit("a", TEN + lines("theirs"))
    work.git("checkout", "-q", "main")
    work.start()
    work.did("one", a=lines("one") + TEN)
    work.commit()
    work.run("git", "cherry-pick", theirs)
    work.did("two", b=TEN + lines("two"))
    work.commit()
    assert blamed(work)["the line named theirs"] is None
    assert blamed(work)["the line named one"] == "one"


def test_partial_staging(work: Recording) -> None:
    work.start()
    work.did("one", a=lines("top") + TEN + "}\n" + lines("bottom"))
    work.did("two", a=lines("top", "under") + TEN + "}\n" + lines("bottom"))
    work.stop()
    work.write(a=lines("top") + TEN)
    work.git("add", "a")
    work.write(a=lines("top", "under") + TEN + "}\n" + lines("bottom"))
    work.git("commit", "-q", "-m", "half")
    assert wrote(work) == said("top", by="one")
    work.commit("rest")
    assert wrote(work) == said("under", by="two") | said("bottom", by="one") | {"}": "one"}


def test_formatter_between_event_and_commit(work: Recording) -> None:
    work.start()
    work.did("one", a="if x:\n" + lines("one", "two"))
    work.stop()
    work.write(a="if x:\n    the line  named one\n    the line named two\nthe line of somebody\n")
    work.commit()
    found = wrote(work)
    assert found == {
        "if x:": "one",
        "    the line  named one": "one",
        "    the line named two": "one",
        "the line of somebody": None,
    }
    ranges = added(work, "HEAD", "a")
    assert [(piece.start, piece.end, piece.sure) for piece in ranges] == [
        (1, 1, "high"),
        (2, 3, "medium"),
        (4, 4, "low"),
    ]
    assert ranges[1].originals == (b"the line named one", b"the line named two")


def test_move_to_another_file(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one", "two"))
    work.did("two", a=TEN, b=lines("one", "two") + TEN, c=lines("new"))
    work.commit()
    assert wrote(work, "b") == said("one", "two", by="one")
    assert wrote(work, "c") == said("new", by="two")


def test_a_line_moved_alone_to_another_file_where_nobody_recorded_it(work: Recording) -> None:
    """The commit takes it away in one file and adds it in the other; one that is typed there again is typed."""
    work.write(b=TEN)
    work.start()
    work.did("one", a=TEN + lines("that is moved", "that is dropped"))
    work.commit()
    work.stop()
    work.write(a=TEN, b=TEN + "in between\n" + lines("that is moved"))
    work.commit()
    work.write(b=lines("that is dropped") + TEN)
    work.commit()
    assert blamed(work, "b", "HEAD~")["the line named that is moved"] == "one"
    assert blamed(work, "b")["the line named that is dropped"] is None


def test_a_line_moved_alone_before_it_was_committed(work: Recording) -> None:
    """The commit has the file as it was left, but for the line; where it leaves the file alone, the line is typed."""
    work.write(b=TEN, d=TEN)
    work.commit()
    work.start()
    work.did("one", a=TEN + lines("that stays", "that is moved"), d=TEN + lines("that is not moved"))
    work.stop()
    work.write(a=TEN + lines("that stays"), b=TEN + "in between\n" + lines("that is moved"), d=TEN)
    work.commit()
    assert blamed(work, "b")["the line named that is moved"] == "one"
    work.write(b=lines("that is not moved") + TEN)
    work.commit()
    assert blamed(work, "b")["the line named that is not moved"] is None


@pytest.mark.parametrize("theirs", ["a", "c"])
def test_what_a_merge_brings_into_a_file_that_was_renamed(work: Recording, theirs: str) -> None:
    """Under the name that it has on the other side, where others wrote it."""
    work.git("checkout", "-q", "-b", "side")
    work.git("mv", "a", theirs, status=None)
    work.write(**{theirs: lines("theirs") + TEN})
    work.commit()
    work.git("checkout", "-q", "main")
    work.start()
    work.run("git", "mv", "a", "c")
    work.did("mine", c=TEN + lines("mine"))
    work.commit()
    work.git("merge", "-q", "--no-edit", "side")
    work.run("true")
    assert blamed(work, "c") == said("theirs", by=None) | dict.fromkeys(TEN.splitlines()) | said("mine", by="mine")


def test_a_copy_out_of_a_file_that_was_renamed_is_the_copiers(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one of these", "two of these"))
    work.run("git", "mv", "a", "c")
    work.commit()
    work.stop()
    work.write(b=lines("one of these", "two of these") + TEN)
    work.commit()
    assert wrote(work, "b") == said("one of these", "two of these", by=None)


def test_moved_with_a_line_that_had_come_back_unseen(work: Recording) -> None:
    """A stash brings back what an event had replaced, and it is moved to another file with what stood around it."""
    work.write(a=lines("one of those", "two of those", "three of those") + TEN)
    work.commit()
    work.start()
    work.did("other", a=lines("one of those", "instead", "three of those") + TEN)
    work.git("stash", "-q")
    work.write(a=TEN, b=TEN + lines("one of those", "two of those", "three of those", "new"))
    work.commit()
    known = said("one of those", "two of those", "three of those", by=None)
    assert wrote(work, "b") == known | said("new", by="commit")


def test_moved_with_a_line_that_came_back_unseen_and_stood_in_two_files(work: Recording) -> None:
    work.write(a=TEN + lines("wanderer"), b=lines("one", "two", "three"))
    work.commit()
    work.start()
    work.did("first", a=TEN, b=lines("one", "wanderer", "two", "three"))
    work.commit()
    work.did("second", b=lines("one", "other", "two", "three"))
    work.git("checkout", "b")
    work.write(b=lines("three"), c=lines("one", "wanderer", "two"))
    work.commit()
    assert set(blamed(work, "c").values()) == {None}


def test_a_line_that_was_moved_and_committed_in_parts(work: Recording) -> None:
    """The commit that adds it does not show where it was."""
    work.write(a=lines("somebody else's") + TEN, b=TEN)
    work.commit()
    work.start()
    work.did("make", c=lines("mine"))
    work.commit()
    work.write(a=TEN, b=TEN + lines("somebody else's", "typed by hand"))
    for name in "ab":
        work.git("add", name)
        work.git("commit", "-q", "-m", f"part {name}")
    work.stop()
    assert wrote(work, "b") == said("somebody else's", by=None) | said("typed by hand", by="commit")


def test_typed_into_another_file_beside_what_was_moved_there(work: Recording) -> None:
    """It had not stood beside that before."""
    work.write(a=lines("one of those", "three of those", "two of those") + TEN)
    work.commit()
    work.start()
    work.did("other", a=lines("one of those", "three of those", "instead") + TEN)
    work.did("again", a=lines("instead") + TEN, b=TEN + lines("two of those", "one of those", "three of those"))
    work.commit()
    known = said("one of those", "three of those", by=None)
    assert wrote(work, "b") == said("two of those", by="again") | known


def test_reindent(work: Recording) -> None:
    work.start()
    work.did("one", a=lines("one") + "}\n")
    work.did("two", a="if x:\n\tthe line named one\n\t}\n")
    work.commit()
    assert wrote(work) == {"if x:": "two", "\tthe line named one": "one", "\t}": "one"}


def test_two_traces_in_one_commit(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.stop()
    work.start()
    work.did("two", a=TEN + lines("one", "two"), b=lines("three"))
    work.commit()
    assert wrote(work) == said("one", by="one") | said("two", by="two")
    assert wrote(work, "b") == said("three", by="two")


def test_stash_and_pop_onto_another_state(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one", "two"))
    work.git("stash", "-q")
    work.did("three", a=lines("three") + TEN)
    work.commit()
    work.git("stash", "pop", "-q")
    work.run("true")
    work.commit()
    assert wrote(work) == said("one", "two", by="one")
    assert wrote(work, commit="HEAD~") == said("three", by="three")


def test_revert_and_revert_of_the_revert(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.git("revert", "--no-edit", "HEAD")
    work.did("two", a=lines("two") + TEN)
    work.commit()
    work.git("revert", "--no-edit", "HEAD~")
    assert wrote(work) == said("one", by="one")


def test_reverting_unrecorded_work_makes_it_nobodys_still(work: Recording) -> None:
    work.repo.commit("a", TEN + lines("theirs"))
    gone = work.repo.commit("a", TEN)
    work.start()
    work.did("one", a=lines("one") + TEN)
    work.commit()
    work.git("revert", "--no-edit", gone)
    work.did("two", a=lines("one", "two") + TEN + lines("theirs"))
    work.commit()
    assert blamed(work)["the line named theirs"] is None


def test_checkout_and_back(work: Recording) -> None:
    work.git("branch", "other")
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    work.git("checkout", "-q", "other")
    work.run("true")
    work.git("checkout", "-q", "main")
    work.run("true")
    work.did("two", a=TEN + lines("one", "two"))
    work.commit()
    assert blamed(work) == dict.fromkeys(TEN.splitlines(), None) | said("one", by="one") | said("two", by="two")


def test_merge_with_conflict_solved_by_hand(work: Recording) -> None:
    work.git("checkout", "-q", "-b", "other")
    work.repo.commit("a", TEN + lines("theirs"))
    work.git("checkout", "-q", "main")
    work.start()
    work.did("one", a=TEN + lines("ours"))
    work.commit()
    work.git("merge", "-q", "other", status=1)
    work.write(a=TEN + lines("ours", "theirs", "solved"))
    work.commit("merged")
    assert wrote(work) == said("solved", by="commit")
    assert blamed(work)["the line named theirs"] is None


@pytest.mark.parametrize("recorded", [True, False])
def test_rename(work: Recording, recorded: bool) -> None:
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    if not recorded:
        work.stop()
    work.git("mv", "a", "moved")
    if recorded:
        work.did("two", moved=TEN + lines("one", "two"))
    else:
        work.write(moved=TEN + lines("one", "two"))
    work.commit()
    found = blamed(work, "moved")
    assert found["the line named one"] == "one"
    assert found["the line named two"] == ("two" if recorded else None)


def renamed_unseen(work: Recording) -> None:
    """Write a line, and let somebody rename the file and commit it with another one beside it."""
    work.start()
    work.did("one", a=TEN + lines("mine"))
    work.stop()
    work.git("mv", "a", "z")
    work.write(z=TEN + lines("theirs", "mine"))
    work.commit()


def test_renamed_and_changed_where_nobody_recorded_it(work: Recording) -> None:
    """A line is known though it is the only one that was written there."""
    renamed_unseen(work)
    found = blamed(work, "z")
    assert (found["the line named mine"], found["the line named theirs"]) == ("one", None)


def test_a_session_that_begins_on_what_was_renamed_unseen(work: Recording) -> None:
    renamed_unseen(work)
    work.start()
    work.did("two", z=TEN + lines("theirs", "mine", "more"))
    work.commit()
    found = blamed(work, "z")
    assert (found["the line named mine"], found["the line named theirs"]) == ("one", None)
    assert found["the line named more"] == "two"


def test_a_line_of_a_file_that_stands_is_not_taken_for_that_of_its_like(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN + lines("mine"))
    work.commit()
    work.stop()
    work.write(a=TEN, z=TEN + lines("theirs", "mine"))
    work.commit()
    assert set(blamed(work, "z").values()) == {None}


@pytest.mark.parametrize("changed", [False, True])
def test_half_of_a_rename_by_hand_that_is_found_late(work: Recording, changed: bool) -> None:
    """The commit has both files, but of the two only one was ever in the worktree."""
    work.start()
    (work.repo.top / "a").rename(work.repo.top / "z")
    work.write(z=TEN + lines(*["mine"] * changed))
    work.git("add", "z")
    work.git("commit", "-q", "-m", "half")
    work.did("next", c=lines("next"))
    work.commit("the other half")
    assert blamed(work, "z") == dict.fromkeys(TEN.splitlines()) | said(*["mine"] * changed, by="commit")


def test_line_ends_changed_by_somebody(work: Recording) -> None:
    work.start()
    work.did("one", crlf=lines("one", "two"))
    work.stop()
    work.write(crlf=lines("one", "two").replace("\n", "\r\n"))
    work.commit()
    with attributor(work) as (made, names):
        found = every(work, made, b"crlf")
    assert words(found, names) == ["one", "one"]
    assert [line and line.original for line in found] == [None, None]


def test_crlf_recorded(work: Recording) -> None:
    work.start()
    work.did("one", crlf=b"the line named one\r\n}\r\n")
    work.did("two", crlf=b"the line named one\r\nthe line named two\r\n}\r\n")
    work.commit()
    with attributor(work) as (made, names):
        assert words(every(work, made, b"crlf"), names) == ["one", "two", "one"]


def test_not_utf8(work: Recording) -> None:
    work.start()
    work.repo.write(b"\xff name", b"")
    with work.recorded("one"):
        work.repo.write(b"\xff name", b"caf\xe9 with milk and sugar\nno final line feed, \xfe")
    with work.recorded("two"):
        work.repo.write(b"\xff name", b"caf\xe9 with milk and sugar\nno final line feed, \xfe\nnow there is\n")
    work.commit()
    with attributor(work) as (made, names):
        assert words(every(work, made, b"\xff name"), names) == ["one", "one", "two"]


def test_equal_short_lines_belong_to_who_wrote_each(work: Recording) -> None:
    work.start()
    work.did("one", c="{\n}\n")
    work.did("two", c="{\n}\n{\n}\n")
    work.commit()
    with attributor(work) as (made, names):
        assert words(every(work, made, b"c"), names) == ["one", "one", "two", "two"]


def test_resumed_trace_goes_on_with_what_it_left(work: Recording) -> None:
    first = work.start()
    work.did("one", a=TEN + lines("one"))
    work.stop()
    work.start(trace_id=first.trace_id)
    work.did("two", a=TEN + lines("one", "two"))
    work.commit()
    assert wrote(work) == said("one", by="one") | said("two", by="two")


def test_binary_file(work: Recording) -> None:
    work.start()
    work.did("one", bin=b"\0the line named one\n")
    work.did("two", bin=b"\0the line named one\nthe line named two\n")
    work.commit()
    with attributor(work) as (made, names):
        assert words(every(work, made, b"bin"), names) == ["one", "two"]


def test_diff_that_was_left_out_for_its_size(work: Recording) -> None:
    work.git("config", "trace.maxDiff", "1k")
    work.start()
    big = "".join(f"one of many lines, number {number}\n" for number in range(100))
    work.did("one", c=big)
    work.did("two", c=big + lines("two"))
    work.commit()
    found = set(blamed(work, "c").items())
    assert ("one of many lines, number 7", "one") in found
    assert ("the line named two", "two") in found


def protect(work: Recording) -> str:
    """Take a snapshot, keep it from gc, and return its tree."""
    taken = snapshot.take(work.here)
    hidden.update(work.here, current(work.here).trace_id, [taken.tree])
    return taken.tree


def test_between_the_events_of_an_agent_whose_edits_are_recorded_a_person_works(work: Recording) -> None:
    start(work.here, None, agent=Agent("robot"))
    append(work, kind="reply", source="robot", text="let me see")
    work.write(a=TEN + lines("person"))
    before = protect(work)
    work.write(a=TEN + lines("person", "robot"))
    append(work, kind="edit", source="robot", path="a", tree=before, tree_after=protect(work))
    work.did("nested", a=TEN + lines("person", "robot", "nested"))
    work.commit()
    found = {text: piece.writer for piece in added(work, "HEAD", "a") for text in piece.texts}
    by = {text.decode().split()[-1]: (writer.who, writer.agent) for text, writer in found.items() if writer}
    assert by == {"person": ("human", "human"), "robot": ("ai", "robot"), "nested": ("unknown", "robot")}


def test_an_agent_of_whom_only_commands_are_recorded_makes_the_attempts(work: Recording) -> None:
    start(work.here, None, agent=Agent("robot"))
    work.write(a=TEN + lines("attempt"))
    work.did("command", a=TEN + lines("attempt", "effect"))
    work.commit()
    assert [piece.writer and piece.writer.who for piece in added(work, "HEAD", "a")] == ["ai", "ai"]


def test_what_stood_before_a_command_that_commits_is_none_of_its_effect(work: Recording) -> None:
    work.start()
    work.write(a=TEN + lines("typed"))
    work.run("git", "commit", "-q", "-a", "-m", "typed")
    work.write(a=TEN + lines("typed", "more"))
    with work.recorded("make"):
        work.write(b=lines("made"))
        work.commit()
    parts = {
        text.decode().split()[-1]: piece.writer.part
        for commit, path in (("HEAD~", "a"), ("HEAD", "a"), ("HEAD", "b"))
        for piece in added(work, commit, path)
        for text in piece.texts
        if piece.writer
    }
    assert parts == {"typed": "diff", "more": "diff", "made": "effect"}
    assert blamed(work)["the line named typed"] == "git commit -q -a -m typed"
    assert blamed(work)["the line named more"] == "make"


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("git stash pop", True),
        ("git -C sub -c a.b=c merge topic", True),
        ("/usr/bin/git cherry-pick x", True),
        ("git commit -m merge", False),
        ("git apply fix.patch", False),
        ("gitk merge", False),
        ("git", False),
        ("", False),
    ],
)
def test_commands_that_bring_in_what_stood_elsewhere(command: str, expected: bool) -> None:
    assert brings({"kind": "command", "command": command}) is expected
    assert brings({"kind": "command", "argv": command.split(), "command": "x"}) is expected


def clone_with_notes(work: Recording, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Return a clone that has the branches and the notes, and nothing else."""
    work.seal()
    top = work.repo.top.parent / "clone"
    work.git("clone", "-q", "--no-local", str(work.repo.top), str(top))
    clone = Repo(top, work.repo.env)
    clone.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    made = Recording(clone)
    made.here = view(clone)
    return made


def test_a_command_that_moves_a_line_and_commits_and_takes_it_away(work: Recording) -> None:
    """What stood in the commit alone shows in a step of its own; who moved a line didn't write it."""
    theirs = "somebody else, in a line that says enough"
    work.write(b=TEN + lines(theirs))
    work.commit("of others")
    work.start()
    with work.recorded("make"):
        work.write(a=TEN + lines("mine", theirs), b=TEN)
        work.git("commit", "-q", "-a", "-m", "made")
        work.write(a=TEN + lines("mine"))
    work.stop()
    assert wrote(work) == said("mine", by="make") | said(theirs, by=None)


def test_clone_without_the_commits_that_a_session_saw(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a rebase brought in is told by what it built on, though all that it made was squashed since."""
    work.git("branch", "topic")
    work.write(a=TEN + lines("theirs", "others"))
    work.commit("of others")
    work.git("checkout", "-q", "topic")
    work.start()
    work.did("one", b=TEN + lines("one"))
    work.commit()
    work.git("rebase", "-q", "main")
    work.did("two", b=TEN + lines("one", "two"))
    work.commit()
    work.stop()
    work.git("reset", "-q", "--soft", "main")
    work.write(b=lines("theirs", "others") + TEN + lines("one", "two"), a=TEN)
    work.commit("all in one, and moved on")
    work.git("checkout", "-q", "main")
    work.git("merge", "-q", "--squash", "topic")
    work.commit("squashed")
    work.git("branch", "-q", "-D", "topic")
    clone = clone_with_notes(work, monkeypatch)
    for path in ("a", "b"):
        assert blamed(clone, path) == blamed(work, path)
    assert wrote(clone, "b") == said("theirs", "others", by=None) | said("one", by="one") | said("two", by="two")


def test_clone_with_only_the_notes_says_the_same(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    work.start()
    work.did("one", a=TEN + lines("one", "two"))
    work.commit()
    work.did("two", a=lines("three") + TEN + lines("one"), b=lines("two") + TEN)
    work.did("three", c="{\n" + lines("four") + "}\n")
    work.commit("rewritten", "--amend")
    work.did("four", c="{\n" + lines("four", "five") + "}\n")
    work.commit()
    clone = clone_with_notes(work, monkeypatch)
    for path in ("a", "b", "c"):
        assert blamed(clone, path) == blamed(work, path)
    assert blamed(clone, "c") == {"{": "three", "}": "three"} | said("four", by="three") | said("five", by="four")


def test_sha256(make_work: Make) -> None:
    work = make_work("repo256", "sha256")
    work.start()
    work.did("one", a=TEN + lines("one"))
    work.commit()
    assert wrote(work) == said("one", by="one")


SHORT = "    return a - b\n"


def test_a_short_line_written_anew_belongs_to_who_wrote_it(work: Recording) -> None:
    work.repo.commit("f", "def add(a, b):\n" + SHORT)
    work.start()
    work.did("mend", f="def add(a, b):\n    return a + b\n")
    work.commit()
    work.did("more", f="def add(a, b):\n    return a + b\ndef sub(a, b):\n" + SHORT)
    work.commit()
    assert wrote(work, "f") == {"def sub(a, b):": "more", "    return a - b": "more"}


def test_a_short_line_that_goes_here_and_comes_there_in_one_step_is_written_anew(work: Recording) -> None:
    work.repo.commit("f", "def add(a, b):\n" + SHORT + "\n\n" + TEN)
    work.start()
    work.did("one", f="def add(a, b):\n    return a + b\n\n\n" + TEN + "def sub(a, b):\n" + SHORT)
    work.commit()
    assert wrote(work, "f") == {"    return a + b": "one", "def sub(a, b):": "one", "    return a - b": "one"}


def test_a_short_line_that_comes_back_to_its_place_is_whose_it_was(work: Recording) -> None:
    work.repo.commit("f", "def add(a, b):\n" + SHORT + "\n\n" + TEN)
    work.start()
    work.did("try", f="def add(a, b):\n    return b\n\n\n" + TEN)
    work.did("undo", f="def add(a, b):\n" + SHORT + "\n\n" + TEN + lines("one"))
    work.commit()
    assert blamed(work, "f")["    return a - b"] is None


def test_what_head_was_at_before_an_event_is_not_of_that(work: Recording) -> None:
    """Whatever the clock of who committed said, or the event came in the same second."""
    theirs = "a line that somebody wrote\nand another line of theirs\n"
    work.write(a=theirs)
    later = f"{int(time.time()) + 3600} +0000"
    work.git("add", "-A")
    work.git("commit", "-q", "-m", "theirs", env={"GIT_AUTHOR_DATE": later, "GIT_COMMITTER_DATE": later})
    work.start()
    work.did("copy", b=theirs)
    work.did("change", a=f"{theirs}and one of the session\n")
    work.commit()
    lines = theirs.splitlines()
    assert blamed(work, "a", "HEAD~") == dict.fromkeys(lines)
    assert blamed(work, "b") == dict.fromkeys(lines, "copy")


def test_of_a_commit_older_than_all_that_was_recorded_no_content_is_read(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    date = "1000000000 +0000"
    work.write(a=TEN + lines("old"))
    work.git("commit", "-q", "-a", "-m", "old", env={"GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date})
    work.start()
    work.did("new", a=TEN + lines("old", "new"))
    with monkeypatch.context() as patch:
        patch.setenv("GIT_COMMITTER_DATE", date)
        # by a wrong clock as old; but the note tells
        work.commit("new")
    work.stop()
    with attributor(work) as (made, names):
        monkeypatch.setattr(made.lineage.past, "content", lambda oid: pytest.fail(f"{oid} is read"))
        assert set(made.lines(work.head("HEAD~"), b"a", range(11)).values()) == {None}
        monkeypatch.undo()
        assert words(every(work, made, b"a"), names) == [*[None] * 11, "new"]
