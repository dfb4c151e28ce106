import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from gittrace.errors import TraceError
from gittrace.model.prtelemetry import PRTelemetryTrace, consolidate

times = st.sampled_from(
    ["2024-05-01T12:00:00Z", "2024-05-01T12:00:00.5Z", "2024-05-01T14:00:00+02:00", "2024-05-01T12:00:01", "2023-01-01"]
)
events = st.builds(
    lambda number, at, text, extra: {
        "event_id": str(number), "timestamp": at, "data": {"command": text, "metadata": {"kind": extra}}
    },
    st.integers(0, 5), times, st.text(max_size=3), st.text(max_size=2),
)  # fmt: skip
files = st.builds(
    lambda commit, some: PRTelemetryTrace.model_validate(
        {"trace_id": "t", "developer_id": "d", "repo": {"name": "o/r", "working_commit": commit}, "events": some}
    ),
    st.sampled_from([None, "a" * 40, "b" * 40]),
    st.lists(events, max_size=6),
)


@given(st.lists(files, min_size=1, max_size=4), st.data())
def test_consolidation_depends_on_no_order(some: list[PRTelemetryTrace], data: st.DataObject) -> None:
    whole = consolidate(some)
    assert consolidate([whole]) == whole
    assert consolidate([whole, *some]) == whole
    assert consolidate(data.draw(st.permutations(some))) == whole
    cut = data.draw(st.integers(0, len(some) - 1))
    assert consolidate([*some[:cut], consolidate(some[cut:])]) == whole
    ids = [event.event_id for event in whole.events]
    assert len(ids) == len(set(ids))
    assert set(ids) == {event.event_id for one in some for event in one.events}


def test_events_are_ordered_by_instant_not_by_text() -> None:
    def event(name: str, at: str) -> dict[str, object]:
        return {"event_id": name, "timestamp": at, "data": {}}

    times = {"c": "2024-05-01T12:00:01Z", "a": "2024-05-01T13:00:00+02:00", "b": "2024-05-01T12:00:00.5Z"}
    some = [event(name, at) for name, at in times.items()]
    trace = PRTelemetryTrace.model_validate({"trace_id": "t", "repo": {"name": "r"}, "events": some})
    assert [e.event_id for e in consolidate([trace]).events] == ["a", "b", "c"]


def test_files_of_several_traces_are_not_mixed() -> None:
    one, two = (PRTelemetryTrace.model_validate({"trace_id": name, "repo": {"name": "r"}}) for name in "ab")
    with pytest.raises(TraceError, match="'a', 'b'"):
        consolidate([one, two])
    with pytest.raises(TraceError):
        consolidate([])


def test_unknown_fields_are_kept_and_bad_times_refused() -> None:
    event = {"event_id": "1", "timestamp": "2024-05-01T12:00:00Z", "data": {"new": [1]}, "more": {"a": None}}
    data = {"trace_id": "t", "developer_id": None, "repo": {"name": "r", "fork": True}, "events": [event], "z": 1}
    read = PRTelemetryTrace.model_validate_json(PRTelemetryTrace.model_validate(data).to_line())
    dumped = read.model_dump(exclude_unset=True)
    assert dumped["z"] == 1
    assert dumped["repo"]["fork"] is True
    assert dumped["events"][0]["data"]["new"] == [1]
    assert dumped["events"][0]["more"] == {"a": None}
    with pytest.raises(ValidationError):
        PRTelemetryTrace.model_validate(data | {"events": [event | {"timestamp": "noon"}]})
