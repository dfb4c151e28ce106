"""What a learner wants to know of each event and no event says by itself: computed from all of them, in order."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from gittrace.model.trace import EventDict, Trace

FLIPPED = "tests flipped"
RETURNED = "tree returned to an earlier snapshot"
REWRITTEN = "file rewritten"

_COUNTS = ("passed", "failed", "errors")
_BAD = ("failed", "error")


@dataclass(slots=True)
class Signals:
    """Of one event: `tests` (before, after, difference), why it is a decision point, whether its change was undone."""

    tests: dict[str, Any] | None = None
    decision_point: list[str] = field(default_factory=list)
    reverted_later: bool = False


def signals(trace: Trace) -> dict[str, Signals]:
    """Return the signals of the events that have any, by event id."""
    found: dict[str, Signals] = {}
    _tests(trace.events, found)
    _trees(trace, found)
    return found


def _of(found: dict[str, Signals], event_id: str) -> Signals:
    return found.setdefault(event_id, Signals())


def _tests(events: Iterable[EventDict], found: dict[str, Signals]) -> None:
    """Compare each test run with the one before it: of the same command if there is one, else of the same runner."""
    last: dict[tuple[str, str | None], EventDict] = {}
    for event in events:
        results = event.get("results")
        if not isinstance(results, Mapping):
            continue
        framework, command = str(results.get("framework")), event.get("command")
        before = last.get((framework, command)) or last.get((framework, None))
        last[framework, command] = last[framework, None] = event
        tests: dict[str, Any] = {"after": _counts(results)}
        if before is not None:
            earlier = before["results"]
            tests |= {"before": _counts(earlier), "before_event": before["id"]}
            tests["same_command"] = before.get("command") == command
            tests["difference"] = {
                key: tests["after"][key] - tests["before"][key]
                for key in _COUNTS
                if key in tests["after"] and key in tests["before"]
            }
            tests |= _by_test(earlier, results)
            was, now = _failing(earlier), _failing(results)
            if None not in (was, now) and was != now:
                _of(found, event["id"]).decision_point.append(FLIPPED)
        _of(found, event["id"]).tests = tests


def _counts(results: EventDict) -> dict[str, int]:
    return {key: results[key] for key in _COUNTS if isinstance(results.get(key), int)}


def _failing(results: EventDict) -> bool | None:
    counts = _counts(results)
    if "failed" not in counts and "errors" not in counts:
        return None
    return bool(counts.get("failed", 0) + counts.get("errors", 0))


def _by_test(before: EventDict, after: EventDict) -> dict[str, list[str]]:
    """Name the tests that were fixed and broken, among those that both runs report."""
    if not before.get("tests") or not after.get("tests"):
        return {}
    was = {test["id"]: test["status"] for test in before["tests"]}
    both = [(test["id"], was[test["id"]], test["status"]) for test in after["tests"] if test["id"] in was]
    return {
        "fixed": sorted(name for name, old, new in both if old in _BAD and new not in _BAD),
        "broken": sorted(name for name, old, new in both if old not in _BAD and new in _BAD),
    }


class _Path:
    """The snapshots from the beginning to now, without what was taken back.

    Every snapshot has a parent: the one from which it was first reached. To go back to a snapshot takes back what is
    not on the way to it, and brings back what is: a stash that is popped again was not lost.
    """

    def __init__(self, found: dict[str, Signals]) -> None:
        self.found = found
        self.parent: dict[str, tuple[str | None, str | None]] = {}
        self.path: list[str] = []
        self.on_path: set[str] = set()

    def move(self, tree: str, event_id: str | None) -> None:
        """Note that `event_id` (None: something unrecorded) left the worktree at `tree`."""
        if self.path and self.path[-1] == tree:
            return
        if tree not in self.parent:
            self.parent[tree] = (self.path[-1] if self.path else None, event_id)
            self._push(tree)
            return
        way = [tree]
        while way[-1] not in self.on_path:
            parent = self.parent[way[-1]][0]
            assert parent is not None  # the first snapshot never leaves the path
            way.append(parent)
        while self.path[-1] != way[-1]:
            gone = self.path.pop()
            self.on_path.remove(gone)
            self._mark(gone, reverted=True)
        for back in reversed(way[:-1]):
            self._push(back)
            self._mark(back, reverted=False)
        if event_id is not None:
            _of(self.found, event_id).decision_point.append(RETURNED)

    def _push(self, tree: str) -> None:
        self.path.append(tree)
        self.on_path.add(tree)

    def _mark(self, tree: str, reverted: bool) -> None:
        event_id = self.parent[tree][1]
        if event_id is not None:
            _of(self.found, event_id).reverted_later = reverted


def _trees(trace: Trace, found: dict[str, Signals]) -> None:
    path = _Path(found)
    for session in trace.sessions:
        if tree := session.header.get("tree"):
            path.move(tree, None)
        for event in session.events:
            trees = [event.get("tree_after")] if event.get("parallel") else [event.get("tree"), event.get("tree_after")]
            for tree in trees:
                if tree:
                    path.move(tree, event["id"])
