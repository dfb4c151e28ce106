"""Every benchmark runs and gives numbers; what they are is for `python -m tests.perf` to say."""

from collections.abc import Callable
from math import isfinite

import pytest

from tests.perf.__main__ import BENCHMARKS
from tests.perf.lab import TINY, Lab
from tests.perf.measure import Row, in_turn, over, render


@pytest.fixture(scope="session")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    lab = Lab(tmp_path_factory.mktemp("perf"), TINY)
    lab.install()
    return lab


@pytest.mark.parametrize("benchmark", BENCHMARKS.values(), ids=BENCHMARKS.keys())
def test_gives_numbers(installed: Lab, benchmark: Callable[[Lab], list[Row]]) -> None:
    rows = benchmark(installed)
    assert any(row.goal is not None for row in rows)
    for row in rows:
        assert row.measured > 0
        assert row.reference is None or row.reference > 0
        assert isfinite(row.value)
    assert len(render(rows).splitlines()) == len(rows) + 1


def test_the_stopwatch_waits_for_what_is_left_running_and_does_not_count_it(installed: Lab) -> None:
    repo = installed.repo("stopwatch")
    took = installed.time(repo, "sh", "-c", "(sleep 1; echo done >left) >/dev/null 2>&1 &")
    assert (repo.top / "left").read_text() == "done\n"
    assert took < 1000


def test_the_stopwatch_tells_of_failures(installed: Lab) -> None:
    repo = installed.repo("failing")
    with pytest.raises(AssertionError, match="not a git command"):
        installed.time(repo, "git", "nonsense")


def test_takes_runs_in_turn_and_drops_the_first_round() -> None:
    seen: list[str] = []

    def run(name: str, *times: float) -> Callable[[], float]:
        left = iter(times)

        def once() -> float:
            seen.append(name)
            return next(left)

        return once

    one, other = in_turn(3, run("a", 100, 3, 5, 50), run("b", 100, 1, 2, 40))
    assert ["".join(sorted(seen[at : at + 2])) for at in range(0, 8, 2)] == ["ab"] * 4
    # of each round's own difference, so a round in which all was slow says nothing
    row = over("a", one, other, goal=3, parts=1)
    assert (row.measured, row.reference, row.value, row.verdict) == (5, 2, 3, "ok")
    assert over("a", one, other, goal=2).verdict == "over"
    assert render([row]).splitlines()[1].split() == ["a", "5.00", "2.00", "3.00", "ms", "3.00", "ms", "ok"]
