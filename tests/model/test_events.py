import copy

import pytest

from gittrace.errors import Damaged
from gittrace.model import events
from tests.export import sample


@pytest.mark.parametrize("data", [*sample.a_trace().events, *(s.header for s in sample.a_trace().segments)])
def test_what_is_recorded_is_valid_and_kept_whole(data: dict[str, object]) -> None:
    before = copy.deepcopy(dict(data))
    event = events.parse_event(data)
    assert event.model_dump(exclude_unset=True, by_alias=True) == before
    assert data == before


def test_the_kind_chooses_the_model() -> None:
    kinds = [type(events.parse_event(event)).__name__ for event in sample.a_trace().events]
    assert kinds == ["Command", "Command", "Note", "Commit", "Prompt", "Reply", "Edit", "Stop", "Other"]


def test_paths_that_are_not_utf8_are_kept() -> None:
    event = events.parse_event(sample.command(1, "cat", "1", argv=["cat", "caf\udce9"]))
    assert isinstance(event, events.Command)
    assert event.argv == ["cat", "caf\udce9"]


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"id": "1"}, "id: "),
        ({"id": 7}, "id: "),
        ({"at": "yesterday"}, "at: "),
        ({"at": "2024-02-30T00:00:00Z"}, "at: "),
        ({"at": "2024-02-20T00:00:00+02:00"}, "at: "),
        ({"tree": "1234"}, "tree: "),
        ({"tree": "A" * 40}, "tree: "),
        ({"tree": "a" * 40 + "\n"}, "tree: "),
        ({"exit_code": "0"}, "exit_code: "),
        ({"duration_ms": -1}, "duration_ms"),
        ({"duration_ms": float("inf")}, "duration_ms"),
        ({"results": {"framework": "pytest", "passed": "3"}}, "results.passed: "),
        ({"diff": "x", "diff_omitted": {"bytes": 1, "from": "a" * 40, "to": "b" * 40}}, "exclude each other"),
        ({"diff_omitted": {"bytes": 1}}, "diff_omitted.from: "),
        ({"diff_encoding": "utf-16"}, "diff_encoding: "),
    ],
)
def test_what_is_wrong_is_named(fields: dict[str, object], where: str) -> None:
    with pytest.raises(Damaged, match=where):
        events.parse_event(sample.command(1, "true", "1") | fields)


def test_a_segment_is_validated_with_its_header() -> None:
    segment = sample.a_trace().segments[0]
    header, parsed = events.parse_segment([segment.header, *segment.events])
    assert header.base.tree == sample.tree("1")
    assert len(parsed) == len(segment.events)
    with pytest.raises(Damaged, match="base: field required"):
        events.parse_segment([{key: value for key, value in segment.header.items() if key != "base"}])
    with pytest.raises(Damaged, match="empty"):
        events.parse_segment([])
