from typing import Any

from gittrace.export.signals import FLIPPED, RETURNED, Signals, signals
from gittrace.model.trace import assemble
from tests.export import sample


def signals_of(*events: dict[str, Any]) -> dict[int, Signals]:
    """Return the signals by the number of the event."""
    trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON), events)])
    return {int(event_id[-4:]): found for event_id, found in signals(trace).items()}


def states(path: str) -> list[int]:
    """Return which of the commands, that ran on the snapshots that the letters name, were taken back later."""
    events = [sample.command(number, "x", letter) for number, letter in enumerate(path, 1)]
    return [number for number, found in sorted(signals_of(*events).items()) if found.reverted_later]


def test_work_that_is_taken_back_is_reverted() -> None:
    assert states("1231") == [2, 3]
    assert states("1232") == [3]
    assert states("12321") == [2, 3]
    assert states("111222") == []


def test_work_that_is_brought_back_is_not() -> None:
    assert states("1212") == []
    assert states("123132") == [3]
    assert states("123124") == [3]
    assert states("123123") == []
    assert states("1231425") == [3, 5]


def test_a_return_is_a_decision_point() -> None:
    events = [sample.command(number, "x", letter) for number, letter in enumerate("121", 1)]
    assert signals_of(*events)[3].decision_point == [RETURNED]


def test_an_effect_can_be_taken_back_by_the_next_command() -> None:
    found = signals_of(sample.command(1, "sed", "1", "2"), sample.command(2, "git checkout .", "2", "1"))
    assert found[1].reverted_later
    assert found[2].decision_point == [RETURNED]


def test_a_parallel_command_takes_nothing_back() -> None:
    slow = sample.command(3, "sleep 9", "1", "2") | {"parallel": True}
    assert signals_of(sample.command(1, "ls", "1"), sample.command(2, "sed", "2"), slow) == {}


def test_test_runs_are_compared_with_the_one_before() -> None:
    found = signals_of(
        sample.command(1, "pytest", "1", results=sample.results(2, 1)),
        sample.command(2, "pytest -k add", "1", results=sample.results(0, 1)),
        sample.command(3, "pytest", "2", results=sample.results(3, 0)),
        sample.command(4, "pytest", "3", results=sample.results(3, 0)),
    )
    assert found[1].tests == {"after": {"passed": 2, "failed": 1}}
    assert found[2].tests is not None
    assert found[2].tests["same_command"] is False
    assert found[3].tests == {
        "after": {"passed": 3, "failed": 0},
        "before": {"passed": 2, "failed": 1},
        "before_event": sample.event_id(1),
        "same_command": True,
        "difference": {"passed": 1, "failed": -1},
    }
    assert [found[number].decision_point for number in (1, 2, 3, 4)] == [[], [], [FLIPPED], []]


def test_what_a_runner_did_not_say_is_absent() -> None:
    unknown = {"framework": "go", "failed": 1}
    found = signals_of(
        sample.command(1, "go test", "1", results=unknown),
        sample.command(2, "go test", "2", results={"framework": "go", "passed": 3}),
    )
    assert found[2].tests is not None
    assert found[2].tests["difference"] == {}
    assert found[2].decision_point == []


def test_tests_are_named_that_were_fixed_and_broken() -> None:
    def run(**statuses: str) -> dict[str, Any]:
        return {"framework": "pytest", "tests": [{"id": name, "status": status} for name, status in statuses.items()]}

    found = signals_of(
        sample.command(1, "pytest", "1", results=run(a="failed", b="passed", c="error", gone="failed")),
        sample.command(2, "pytest", "2", results=run(a="passed", b="failed", c="error", new="failed")),
    )
    assert found[2].tests is not None
    assert (found[2].tests["fixed"], found[2].tests["broken"]) == (["a"], ["b"])
