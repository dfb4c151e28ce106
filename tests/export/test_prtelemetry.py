import itertools

from gittrace.export import prtelemetry
from gittrace.model.prtelemetry import PRTelemetryTrace, Results, consolidate
from gittrace.model.trace import Outcome, RepoFacts, assemble
from tests.export import sample


def test_a_trace_in_the_schema() -> None:
    document = prtelemetry.document(sample.a_trace(), sample.OUTCOME, sample.FACTS)
    assert document.trace_id == sample.TRACE
    assert document.developer_id == "dev_" + "0" * 32
    assert (document.repo.name, document.repo.working_commit, document.repo.branch) == ("o/r", "a" * 40, "fix")
    start, failing, passing, note, commit, *_ = document.events
    assert start.data.metadata.model_dump()["kind"] == "session"
    assert failing.data.command == "pytest"
    assert failing.data.results == Results(passed=2, failed=1)
    assert failing.data.metadata.exit_code == 1
    assert (passing.data.diff, passing.data.stdout) == (sample.DIFF, "3 passed")
    assert passing.data.metadata.duration_ms == 900
    assert note.data.reasoning == "minus was a typo"
    assert commit.data.command == "git commit"
    assert len(document.events) == len(sample.a_trace().events) + 2


def test_the_one_diff_is_the_attempt_and_then_the_effect() -> None:
    effect = sample.DIFF.replace("add", "log")
    event = sample.command(1, "make", "2", "3", diff=sample.DIFF, effect=effect)
    trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON), [event])])
    data = prtelemetry.document(trace, Outcome(), RepoFacts()).events[1].data
    assert data.diff == sample.DIFF + effect
    assert data.diff[: data.metadata.model_dump()["diff_length"]] == sample.DIFF


def test_nothing_that_was_recorded_is_lost() -> None:
    """Each event can be had back from its row."""
    trace = sample.a_trace()
    rows = {row.event_id: row for row in prtelemetry.document(trace, Outcome(), RepoFacts()).events}
    for event in trace.events:
        row = rows[event["id"]]
        everything = row.data.model_dump() | row.data.metadata.model_dump() | {"id": row.event_id, "at": row.timestamp}
        texts = (row.data.diff, row.data.reasoning, row.data.stdout)
        for key, value in event.items():
            if key in ("text", "effect", "diff"):
                assert value in texts
            elif key == "duration_ms":
                assert everything["duration_ms"] == round(value)
            elif key == "results":
                assert row.data.metadata.model_dump()["results"] == value
            else:
                assert everything[key] == value


def test_files_of_parts_of_a_trace_make_the_whole() -> None:
    trace = sample.a_trace()
    whole = prtelemetry.document(trace, Outcome(), sample.FACTS)
    parts = [prtelemetry.document(assemble([part]), Outcome(), sample.FACTS) for part in trace.segments]
    for order in itertools.permutations([*parts, whole]):
        read = [PRTelemetryTrace.model_validate_json(part.to_line()) for part in order]
        assert [event.event_id for event in consolidate(read).events] == [event.event_id for event in whole.events]
