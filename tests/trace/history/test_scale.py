"""What an answer costs, in things that can be counted: processes of git, diffs that are parsed, traces read."""

import gc
import io
import json
import shutil
from argparse import Namespace
from collections import Counter
from contextlib import closing, nullcontext
from functools import partial
from pathlib import Path
from typing import Any
from weakref import ReferenceType, ref

import pytest

from gittrace.commands import export
from gittrace.git import process
from gittrace.model.attribution import Attribution
from gittrace.model.trace import Trace
from gittrace.trace.authorship import answers, attribution, lineage
from gittrace.trace.authorship.answers import Answers
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recorded import Source, read_all
from gittrace.trace.history import claims, contents, derivation, facts, gather, reading, tables
from gittrace.trace.history import outcome as outcome_of
from gittrace.trace.history.memo import Memo
from gittrace.trace.history.outcome import Historian
from gittrace.trace.produced import hints
from gittrace.trace.produced.hints import Hints, of_segment
from gittrace.trace.stored.store import Store
from gittrace.trace.text.fingerprint import line_of
from gittrace.trace.text.packed import signed
from gittrace.vocabulary import CACHE_DIR
from tests.support.recording import Recording
from tests.trace.outcomes import numbered

_COMMITS = 12


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Count, from when it is asked for on."""
    found: Counter[str] = Counter()

    def count(module: Any, name: str, what: str) -> None:
        real = getattr(module, name)

        def counting(*args: Any, **options: Any) -> Any:
            found[what] += 1
            return real(*args, **options)

        monkeypatch.setattr(module, name, counting)

    count(process.Process, "__init__", "git")
    count(contents, "parse", "diffs")
    count(reading, "work_of", "traces")
    count(facts.Facts, "removed_claims", "removed")
    count(derivation.Derivation, "__init__", "derivations")
    count(attribution.Attributor, "__init__", "attributors")
    return found


def _history(work: Recording, first: int = 0) -> list[str]:
    """Twelve traces, each of a file of its own, and a commit to it by nobody."""
    traces = []
    for number in range(first, first + _COMMITS):
        traces.append(work.start().trace_id)
        work.did(**{f"f{number}": numbered(f"{number} one", f"{number} two", f"{number} three")})
        work.commit()
        work.stop()
        work.repo.commit(f"f{number}", numbered(f"{number} one", f"{number} nobody's", f"{number} three"))
    return traces


def _forget(work: Recording) -> None:
    shutil.rmtree(Path(work.here.common_trace_dir) / CACHE_DIR, ignore_errors=True)


def _ask(work: Recording, *traces: str) -> None:
    store = Store(work.here)
    try:
        historian = Historian(store, ())
        for trace in traces:
            assert historian.fate(trace)
    finally:
        store.close()


def test_a_question_reads_the_trace_and_the_commits_that_share_something_with_it(
    work: Recording, counted: Counter[str]
) -> None:
    traces = _history(work)
    _forget(work)
    counted.clear()
    _ask(work, traces[0])
    assert counted["traces"] == 1
    # its own, and the next one to the file where that is of the same second
    assert 1 <= counted["diffs"] <= 2


def test_processes_are_as_many_however_many_commits_and_traces_there_are(
    work: Recording, counted: Counter[str]
) -> None:
    numbers = []
    for first in (0, _COMMITS):
        traces = _history(work, first)
        _forget(work)
        counted.clear()
        _ask(work, *traces)
        numbers.append((counted["git"], counted["derivations"]))
    # commits are read by one for all questions
    assert numbers[0][1] == numbers[1][1] == 1
    assert numbers[0][0] == numbers[1][0] <= 7


def test_what_is_known_is_not_read_again(work: Recording, counted: Counter[str]) -> None:
    traces = _history(work)
    _ask(work, traces[0])
    counted.clear()
    _ask(work, traces[0])
    assert (counted["traces"], counted["diffs"]) == (0, 0)
    for number in range(10):
        work.repo.commit(f"h{number}", numbered(f"more {number}"))
    counted.clear()
    _ask(work, traces[0])
    assert counted["traces"] == 1
    assert 1 <= counted["diffs"] <= 2


def test_what_a_commit_of_others_takes_away_is_not_looked_up(work: Recording, counted: Counter[str]) -> None:
    """It could only be the trace's where its session made the commit."""
    trace = work.start().trace_id
    work.did("make", shared=numbered("one", "two", "three"))
    work.commit()
    work.stop()
    for left in (("two", "three"), ("one",)):
        work.repo.commit("shared", numbered(*left))
    _forget(work)
    counted.clear()
    _ask(work, trace)
    assert counted["removed"] == 0


def _attributed(work: Recording, commits: list[str], many: bool) -> list[Attribution]:
    _forget(work)
    store = Store(work.here)
    historian = Historian(store, ())
    asked = Answers(store, many, historian.sharing if many else None)
    try:
        return [asked.attribution(commit) for commit in commits]
    finally:
        asked.close()
        store.close()


def test_many_questions_for_who_wrote_what_read_all_traces_once_unless_that_is_too_much(
    work: Recording, counted: Counter[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _history(work)
    commits = work.git("rev-list", "--no-merges", f"-n{2 * _COMMITS}", "HEAD").split()
    # so that a question by itself reads no more than it needs
    monkeypatch.setattr(answers, "_FEW", 0)
    one_by_one = _attributed(work, commits, many=False)
    assert counted["attributors"] > 1
    for part, attributors in ((answers._PART, 2), (0, 1)):
        monkeypatch.setattr(answers, "_PART", part)
        _forget(work)
        counted.clear()
        assert _attributed(work, commits, many=True) == one_by_one
        # the first answer need not wait for all
        assert counted["attributors"] == attributors
    _forget(work)
    monkeypatch.setattr(answers, "_MOST_BYTES", 5)
    assert _attributed(work, commits, many=True) == one_by_one


def test_who_wrote_what_is_told_of_all_commits_with_one_git(work: Recording, counted: Counter[str]) -> None:
    numbers = []
    for first in (0, _COMMITS):
        traces = _history(work, first)
        _forget(work)
        with closing(Store(work.here)) as store:
            historian = Historian(store, ())
            commits = [link.commit for trace in traces for link in historian.links(trace)]
            asked = Answers(store, many=True)
            counted.clear()
            assert all(asked.attribution(commit).files for commit in commits)
            asked.close()
        numbers.append((len(commits), counted["git"]))
    assert numbers == [(_COMMITS, 0), (_COMMITS, 0)]


def test_what_many_answers_took_is_let_go_of_without_looking_for_garbage(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is much, and garbage is looked for seldom."""
    traces = _history(work)
    held: list[ReferenceType[Any]] = []
    for kind in (reading.Reader, claims.Ledger):

        def made(self: Any, *args: Any, real: Any = kind.__init__) -> None:
            real(self, *args)
            held.append(ref(self))

        monkeypatch.setattr(kind, "__init__", made)
    monkeypatch.setattr(derivation, "_AT_ONCE", 5)
    with closing(Store(work.here)) as store:
        historian = Historian(store, ())
        gc.collect()
        gc.disable()
        try:
            historian.settle(traces)
            assert (len(held), [one() for one in held if one()]) == (4, [])
        finally:
            gc.enable()


def test_what_the_first_question_read_is_let_go_of_before_all_is_read(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    _history(work)
    held: list[ReferenceType[Any]] = []
    real = lineage.Lineage.__init__

    def made(self: Any, past: Any) -> None:
        held.append(ref(self))
        real(self, past)

    monkeypatch.setattr(lineage.Lineage, "__init__", made)
    monkeypatch.setattr(answers, "_FEW", 0)
    with closing(Store(work.here)) as store:
        asked = Answers(store, True, Historian(store, ()).sharing)
        gc.disable()
        try:
            for commit in work.git("rev-list", "--no-merges", "-n4", "HEAD").split():
                asked.attribution(commit)
            assert [one() is None for one in held] == [True, False]
        finally:
            gc.enable()
        asked.close()


class _Watched(io.BytesIO):
    """Takes an export in; `held` is how many traces were held when each record came."""

    def __init__(self, traces: list[ReferenceType[Trace]]) -> None:
        super().__init__()
        self._traces = traces
        self.held: list[int] = []

    def write(self, data: Any) -> int:
        gc.collect()
        self.held.append(sum(trace() is not None for trace in self._traces))
        return super().write(data)


def test_an_export_writes_each_record_before_the_next_trace_is_read(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    traces = _history(work)
    loaded: list[ReferenceType[Trace]] = []
    real = Store.load

    def load(self: Store, trace: str) -> Trace:
        found = real(self, trace)
        loaded.append(ref(found))
        return found

    monkeypatch.setattr(Store, "load", load)
    monkeypatch.chdir(work.repo.top)
    watched = _Watched(loaded)
    monkeypatch.setattr(export, "open_output", lambda _: nullcontext(watched))
    assert export.run(Namespace(format="opentraces", output=None, dataset_infos=False, traces=[])) == 0
    assert watched.held == [1] * len(traces)
    assert [json.loads(line)["trace_id"] for line in watched.getvalue().splitlines()] == traces[::-1]


def _read(work: Recording, lazily: bool) -> tuple[int, list[Any]]:
    """Return how many traces were held at most, and who left each file as it was."""
    held: list[ReferenceType[Trace]] = []
    most = 0
    with closing(Store(work.here)) as store:

        def load(trace: str) -> Trace:
            nonlocal most
            loaded = store.load(trace)
            held.append(ref(loaded))
            gc.collect()
            most = max(most, sum(one() is not None for one in held))
            return loaded

        traces = store.index.traces()
        sources = [Source(began if lazily else "", partial(load, trace)) for trace, began, _ in traces]
        lineage, problems = read_all(sources, Past(store.objects))
        assert problems == []
        return most, sorted((key, [leaf.writer for leaf in leaves]) for key, leaves in lineage.makers.items())


def test_a_trace_is_held_only_from_its_first_step_to_its_last(work: Recording) -> None:
    _history(work)
    most, makers = _read(work, lazily=True)
    assert most <= 3
    assert _read(work, lazily=False) == (_COMMITS, makers)


def test_what_was_looked_up_for_many_answers_is_forgotten(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = _history(work)

    def answers_of_all() -> list[object]:
        _forget(work)
        with closing(Store(work.here)) as store:
            historian = Historian(store, ())
            return [(historian.links(trace), historian.fate(trace)) for trace in traces]

    expected = answers_of_all()
    monkeypatch.setattr(derivation, "_AT_ONCE", 1)
    assert answers_of_all() == expected


def test_hints_of_a_segment_name_all_that_its_diffs_hold() -> None:
    diff = (
        'diff --git "a/q\\"uoted" "b/q\\"uoted"\nindex {1}..{2} 100644\n--- "a/q\\"uoted"\n+++ "b/q\\"uoted"\n'
        "@@ -1,3 +1,3 @@ section\n one\n-gone line,\n+come  line;\n three\n"
        "diff --git a/old name b/new name\nsimilarity index 100%\nrename from old name\nrename to new name\n"
        "diff --git a/mode b/mode\nold mode 100644\nnew mode 100755\n"
        "diff --git a/born b/born\nnew file mode 100644\nindex {0}..{3}\n--- /dev/null\n+++ b/born\n"
        "@@ -0,0 +1,3 @@\n+'born'\n+();\n+\n\\ No newline at end of file\n"
    ).format(*(str(digit) * 40 for digit in range(4)))
    header = {"kind": "session", "at": "2024-01-01T00:00:00Z", "base": {"commit": "b" * 40}}
    event = {"kind": "command", "at": "2024-01-01T00:00:01Z", "head": "c" * 40, "effect": diff}
    found = of_segment(header, [event])
    assert found.added.keys() == {b'q"uoted', b"old name", b"new name", b"mode", b"born"}
    assert found.added[b'q"uoted'] == [line_of(b"come  line;").hint]
    assert found.removed == {b'q"uoted': [line_of(b"gone line").hint]}
    assert set(found.added[b"born"]) == {line_of(b"'born'").hint, signed(line_of(b"();").hint)}
    assert found.renames == [(b"old name", b"new name")]
    assert set(found.loose) == {b"old name", b"new name", b"mode"}
    assert found.opaque == 0
    assert found.heads == {"c" * 40: 1704067201000000}
    assert Hints.load(found.dump()) == found


def test_hints_of_what_cannot_be_read_say_that_it_may_be_anything() -> None:
    header = {"kind": "session", "at": "2024-01-01T00:00:00Z"}
    bad = {"kind": "command", "at": "2024-01-01T00:00:01Z", "diff": "diff --git a/x b/y\nwhatever\n"}
    left_out = {"kind": "command", "at": "2024-01-01T00:00:01Z", "diff_omitted": {"bytes": 1, "from": "", "to": ""}}
    assert of_segment(header, [bad]).opaque == hints.ANYTHING
    assert of_segment(header, [left_out]).opaque == hints.CONTENTS


def test_the_trees_of_commits_are_not_read_again(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    traces = _history(work)
    read: list[str] = []
    monkeypatch.setattr(gather.Gatherer, "_tree", lambda _, commit: read.append(commit))
    _forget(work)
    _ask(work, traces[0])
    assert read == []


def test_what_is_in_reach_is_told_without_reading_commits(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    _history(work)
    # a merge, whose lines are over its first parent only
    work.git("switch", "-qc", "side", "HEAD~2")
    side = work.repo.commit("elsewhere", numbered("of the side", "and more of it"))
    work.git("switch", "-q", "-")
    work.git("merge", "-q", "--no-ff", "-m", "merged", "side")
    store = Store(work.here)
    try:
        memo = Memo(work.here)
        facts = derivation.Derivation(store, {}, memo, outcome_of._tips(store)).ledger.facts
        oids = dict(memo.db.execute("select number, oid from commits"))
        assert {number: facts.oid(number) for number in oids} == oids
        assert [facts.oid(number) for number in facts.tables.merges] == [work.head()]
        assert side in oids.values()
        monkeypatch.setattr(tables.Tables, "commits", None)
        asked: set[int] = set()

        def in_reach(number: int) -> bool:
            asked.add(number)
            return True

        list(facts.may_miss([b"f3"], in_reach))
        assert asked
        assert not asked & facts.tables.merges
        memo.close()
    finally:
        store.close()
