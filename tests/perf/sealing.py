"""What recorded events cost once they are to be kept: the time to seal them, and the room that they take."""

import shutil
from pathlib import Path
from statistics import median

from tests.perf.lab import Lab
from tests.perf.measure import Row, Run, in_turn
from tests.perf.sessions import Event, commit_unseen, prolong, started, states
from tests.support.repo import Repo

_OUTPUT = "".join(f"tests/test_module_{number}.py::test_case_{number * 31} PASSED\n" for number in range(40))
_MUCH = 4
"""How many times longer the long session is, to tell whether the time grows with the events or faster."""


def measure_time(lab: Lab) -> list[Row]:
    """`git trace seal` of a session of 1,000 events, each with an edit, and of a quarter of it."""
    events = lab.pick(8, 1_000, 1_000)
    runs = [_sealer(lab, count) for count in (events, events // _MUCH)]
    long, short = in_turn(lab.repeat(7), *runs)
    whole, quarter = median(long), median(short)
    what = f"git trace seal, {events:,} events"
    linear = f"{what}, over {_MUCH} times that of {events // _MUCH}"
    return [
        Row(what, whole, None, whole / 1000, "s", 3),
        Row(linear, whole, quarter, whole / quarter / _MUCH, "x", 1.1),
    ]


def _sealer(lab: Lab, count: int) -> Run:
    model = started(lab, f"seal-{count}", lab.pick(10, 1_000, 1_000))
    trees = states(model, count)

    def edited(number: int, event: Event) -> Event:
        output = f"{_OUTPUT}{number} passed\n"
        return {
            **event, "tree": trees[number], "tree_after": trees[number],
            "stdout": output, "stdout_bytes": len(output),
        }  # fmt: skip

    prolong(model, count, edited)
    commit_unseen(model, trees)

    def run() -> float:
        repo = _copy(model)
        took = lab.time(repo, "git", "trace", "seal")
        shutil.rmtree(repo.top)
        return took

    return run


def _copy(repo: Repo) -> Repo:
    """Return a copy, with an index that knows its files."""
    copy = Repo(repo.top.with_name(f"{repo.top.name}-copy"), repo.env)
    shutil.copytree(repo.top, copy.top, symlinks=True)
    copy.git("update-index", "-q", "--refresh")
    return copy


def measure_growth(lab: Lab) -> list[Row]:
    """The room that an event takes which changed nothing, when all is packed."""
    events = lab.pick(8, 1_000, 1_000)
    many, none = (_packed(lab, count) for count in (events, 0))
    each = (many - none) / events
    what = f"packed growth for an event that changed nothing, over {events:,}"
    return [Row(what, many, none, each, "bytes", 400)]


def _packed(lab: Lab, count: int) -> int:
    repo = started(lab, f"growth-{count}", 10)
    prolong(repo, count, lambda _, event: event)
    commit_unseen(repo)
    repo.git("trace", "seal")
    repo.git("gc", "--quiet", "--prune=now")
    return _size(repo.top / ".git" / "objects")


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
