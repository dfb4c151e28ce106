"""That a lineage which was kept is gone on with, and that answers are the same with it and without."""

import pickle
import shutil
import sys
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from io import BytesIO
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import zstandard

from gittrace.model.attribution import Attribution
from gittrace.trace.authorship import answers, kept
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.authorship.lineage import Lineage
from gittrace.trace.authorship.reached import Outdated, Reached, Told
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR, NOTES_REF
from tests.support.recording import TEN, Recording

_EARLIER = 20

Steps = Callable[[], int]


@pytest.fixture(autouse=True)
def keep_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep a lineage however little is new in it."""
    monkeypatch.setattr(kept, "_STEPS", 1)
    monkeypatch.setattr(kept, "_STEPS_PART", 0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    """Return what tells how many steps were taken in since it was asked last."""
    numbers = count()
    real = Lineage.take
    monkeypatch.setattr(Lineage, "take", lambda *args: (next(numbers), real(*args))[1])
    asked = [0]

    def since() -> int:
        before, asked[0] = asked[0], next(numbers) + 1
        return asked[0] - before - 1

    return since


def ask(work: Recording, *commits: str) -> list[Attribution]:
    """Return the attribution of commits, HEAD by default; nothing may be wrong."""
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        found = [asked.attribution(work.head(commit)) for commit in commits or ("HEAD",)]
        assert store.problems + asked.problems == []
        return found


def cold(work: Recording, *commits: str) -> list[Attribution]:
    """Return the same with nothing in the cache, which is left as it was."""
    folder = Path(work.here.common_trace_dir, CACHE_DIR)
    folder.rename(folder.with_suffix(".warm"))
    try:
        return ask(work, *commits)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".warm").rename(folder)


def tell(work: Recording, first: int = 0, many: int = _EARLIER) -> None:
    """Record commands, each with a commit, of a trace of their own; each one rewrites a line that others wrote."""
    work.start()
    for number in range(first, first + many):
        work.did(
            f"command {number}", a=TEN + "".join(f"the line named {at}\n" for at in range(number // 2, number + 1))
        )
        work.commit(f"command {number}")
    work.stop()


def test_only_what_is_new_is_taken_in(work: Recording, steps: Steps) -> None:
    tell(work)
    ask(work)
    everything = steps()
    tell(work, _EARLIER, 2)
    warm = ask(work)
    assert steps() < everything / 4
    assert warm == cold(work)
    writers = [piece.writer and piece.writer.event_id for file in warm[0].files for piece in file.ranges]
    assert len(writers) == 1
    assert writers[0]


def test_a_session_that_goes_on_is_gone_on_with(work: Recording, steps: Steps) -> None:
    work.start()
    texts = [TEN]
    for number in range(_EARLIER):
        texts.append(f"the line named {number}\n")
        work.did(f"command {number}", a="".join(texts))
        work.commit(f"command {number}")
    # not sealed yet, when it is asked
    work.did("a command", a="".join(texts) + "the line that is taken back\n")
    ask(work)
    everything = steps()
    for number in range(3):
        # what a step took away may come back in the next one, in another file
        work.did("moves", a="".join(texts[: -number - 1]), b="".join(texts[-number - 1 :]))
        work.commit("moves")
        assert ask(work, "HEAD", "HEAD~") == cold(work, "HEAD", "HEAD~")
        steps()
    work.did("another", c="the line of another file\n")
    work.commit("another")
    warm = ask(work)
    assert steps() < everything / 4
    assert warm == cold(work)


def test_older_work_that_comes_late_is_read_in_its_order(work: Recording) -> None:
    tell(work)
    commits = [f"HEAD~{number}" for number in range(0, 8, 3)]
    work.write(a=TEN)
    work.commit("by hand")
    # the same lines again, which are the earlier trace's
    tell(work, 0, 12)
    whole = work.head(NOTES_REF)
    notes = [work.git("notes", f"--ref={NOTES_REF}", "list", f"HEAD~{number}") for number in range(12)]
    work.git("update-ref", "-d", NOTES_REF)
    for number, blob in enumerate(notes):
        work.git("notes", f"--ref={NOTES_REF}", "add", "-C", blob, f"HEAD~{number}")
    alone = ask(work, *commits)
    work.git("update-ref", NOTES_REF, whole)
    both = ask(work, *commits)
    assert both == cold(work, *commits)
    assert both != alone


def test_what_is_of_a_file_that_was_kept_is_asked_for_other_traces_too(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "_FEW", 0)
    monkeypatch.setattr(answers, "_NEARLY_ALL", 2)
    for number in range(6):
        tell(work, number * 30, 4)
        work.start()
        work.did("another", b=f"the line number {number} of another file\n")
        work.commit("another")
        work.stop()
        commits = [f"HEAD~{at}" for at in (0, 1, 5)][: 2 + number]
        assert ask(work, *commits) == cold(work, *commits)
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        assert 1 < asked.db.execute("select count(*) from lineages").fetchone()[0] <= kept._MOST_KEPT


def test_what_is_forgotten_is_in_no_lineage(work: Recording) -> None:
    tell(work)
    ask(work)
    work.git("update-ref", "-d", NOTES_REF)
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        assert not asked.db.execute("select * from lineages").fetchall()


@pytest.mark.parametrize("data", [b"", b"damaged", zstandard.compress(b"damaged"), zstandard.compress(pickle.dumps(1))])
def test_a_damaged_lineage_is_made_again(work: Recording, data: bytes) -> None:
    tell(work)
    before = ask(work)
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        asked.db.execute("update lineages set data = ?", (data,))
        asked.db.execute("delete from answers")
    assert ask(work) == before
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        assert asked.db.execute("select data != ? from lineages", (data,)).fetchall() == [(1,)]


class _Evil:
    def __init__(self, made: Any) -> None:
        self._made = made

    def __reduce__(self) -> Any:
        return self._made


@pytest.mark.parametrize(
    "made", [(eval, ("1/0",)), (pickle.loads, (b"",)), (kept._packed, (1,)), (shutil.rmtree, ("no-such-folder",))]
)
def test_nothing_else_is_made_of_a_cache(made: Any) -> None:
    assert kept._unpacked(zstandard.compress(pickle.dumps(_Evil(made)))) is None


def test_nothing_is_reached_through_a_module_of_ours() -> None:
    # as pickle names `kept.io.open`
    data = b"\x80\x04\x8c\x1egittrace.trace.authorship.kept\x8c\x07io.open\x93."
    assert kept._unpacked(zstandard.compress(data)) is None
    with pytest.raises(pickle.UnpicklingError):
        kept._Unpickler(BytesIO(data)).load()


def test_steps_that_were_others_are_no_beginning() -> None:
    made: Any = type("S", (), {"when": type("W", (), {"session_id": "s"})})
    told = [Told(f"{number}", made, f"step {number}", True) for number in range(3)]
    reached = Reached(Lineage(None))  # type: ignore[arg-type]
    for one in told[:2]:
        reached.add(one)
    assert list(reached.rest("s", iter(told))) == told[2:]
    assert list(reached.rest("another", iter(told))) == told
    for other in ([told[0], told[1]._replace(by="another")], told[:1]):
        with pytest.raises(Outdated):
            reached.rest("s", iter(other))
    assert replace(reached, taken={}).rest("s", iter(()))


# apart from the tests' process: fork is not for one with threads
_PACKED_BESIDE = """
import os, signal, sys
from contextlib import closing
from gittrace.git.repository import discover
from gittrace.trace.authorship import kept
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.stored.store import Store

kept._MUCH, os.cpu_count = 0, lambda: 2
first, pack = os.getpid(), kept._packed
def packed(what):
    assert os.getpid() != first
    if sys.argv[1] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    return pack(what)
kept._packed = packed
with closing(Store(discover())) as store, closing(Answers(store)) as asked:
    print(asked.attribution(sys.argv[2]), store.problems + asked.problems)
"""


@pytest.mark.parametrize("how", ["well", "killed"])
def test_a_lineage_is_packed_in_a_process_of_its_own(work: Recording, steps: Steps, how: str) -> None:
    tell(work)
    told = work.repo.run(sys.executable, "-c", _PACKED_BESIDE, how, work.head()).decode()
    with closing(Store(work.here)) as store, closing(Answers(store)) as asked:
        held = asked.db.execute("select count(*) from lineages").fetchone()[0]
        assert f"{asked.attribution(work.head())} []\n" == told
    assert held == (how == "well")
    tell(work, _EARLIER, 2)
    steps()
    warm = ask(work)
    assert (steps() < _EARLIER) == (how == "well")
    assert warm == cold(work)
