"""What is remembered of attribution, and what is read for it."""

from contextlib import closing

import pytest

from gittrace.model.attribution import Attribution
from gittrace.trace.authorship import answers
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.stored.store import Store
from tests.support.recording import TEN, Recording


def ask(work: Recording, commit: str = "HEAD") -> tuple[Attribution, frozenset[str]]:
    """Return the attribution of a commit, and the traces that were read for it; none, where it was remembered."""
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        found = asked.attribution(work.head(commit))
        assert store.problems + asked.problems == []
        return found, asked._made[0] if asked._made else frozenset()


def tell(work: Recording) -> list[str]:
    """Record three traces: the second moves what the first wrote, the third has nothing to do with them."""
    traces = [work.start().trace_id]
    work.did("one", a=TEN + "the line named one\nthe line after it\n")
    work.commit("one")
    work.stop()
    traces.append(work.start().trace_id)
    work.did("two", a=TEN, b=TEN + "the line named one\nthe line after it\nthe line named two\n")
    work.commit("two")
    work.stop()
    traces.append(work.start().trace_id)
    work.did("three", c="unrelated work on another file\n")
    work.commit("three")
    work.stop()
    return traces


def forget(work: Recording) -> None:
    """Delete the cache."""
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        asked.db.execute("delete from answers")


def test_of_many_traces_only_those_are_read_that_share_a_line(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = tell(work)
    every, read = ask(work, "HEAD~")
    assert read == frozenset(traces)
    forget(work)
    monkeypatch.setattr(answers, "_FEW", 0)
    some, read = ask(work, "HEAD~")
    assert read == frozenset(traces[:2])
    assert some == every
    writers = [piece.writer and piece.writer.trace_id for file in some.files for piece in file.ranges]
    assert writers == [traces[0], traces[1]]


def test_where_nearly_all_traces_changed_a_file_it_is_not_looked_for_which_share_a_line(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = tell(work)[:2]
    for _ in range(8):
        traces.append(work.start().trace_id)
        work.did("more", a=TEN + f"the line of {traces[-1]}\n")
        work.commit("more")
        work.stop()
    monkeypatch.setattr(answers, "_FEW", 0)
    every, read = ask(work, "HEAD")
    assert read > frozenset(traces)
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        assert not asked.db.execute("select * from read").fetchone()
    assert [piece.writer and piece.writer.trace_id for file in every.files for piece in file.ranges] == [traces[-1]]


def test_what_is_remembered_is_not_asked_again(work: Recording) -> None:
    tell(work)
    cold, read = ask(work)
    assert read
    warm, read = ask(work)
    assert read == frozenset()
    assert warm == cold


def test_new_work_leaves_old_answers_alone(work: Recording) -> None:
    tell(work)
    for number in (0, 1, 2):
        ask(work, f"HEAD~{number}")
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        # as if these commits were old; all of this test falls into the same second or two
        asked.db.execute("update answers set at = '1999' || substr(at, 5)")
        before = asked.db.execute("select commit_oid, path from answers").fetchall()
    # a file to which a commit adds no lines counts too: who left it so is asked
    assert len(before) == 4
    work.start()
    work.did("four", a=TEN + "the line named four\n")
    work.commit("four")
    work.stop()
    ask(work)
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        kept = asked.db.execute("select commit_oid, path from answers where at < '2000'").fetchall()
    assert set(kept) == set(before)


def test_cold_and_warm_agree_after_new_work(work: Recording) -> None:
    tell(work)
    for number in (0, 1, 2):
        ask(work, f"HEAD~{number}")
    work.start()
    work.did("four", b=TEN, a=TEN + "the line named one\nthe line after it\nthe line named two\n")
    work.commit("four")
    work.stop()
    names = [f"HEAD~{number}" for number in (3, 1, 0, 2)]
    warm = [ask(work, name)[0] for name in names]
    forget(work)
    assert [ask(work, name)[0] for name in names] == warm
