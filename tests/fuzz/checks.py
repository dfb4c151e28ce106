"""What must hold after any program, whatever was asked before and in whatever order."""

import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from random import Random
from typing import Protocol

from gittrace.model.trace import Link, Outcome
from gittrace.trace.authorship.blame import asking, explain
from gittrace.trace.history.outcome import outcomes
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import OK, rebuild
from gittrace.vocabulary import CACHE_DIR
from tests.fuzz.blaming import Blamed, blame_files, same, wrong_lines
from tests.fuzz.model import Commit, Ledger, may_link, must_link
from tests.fuzz.world import Desk

_EMITTED = ("tool_emitted", "tool_emitted_with_divergence")
_LEFTOVERS = (".lock", ".new", ".zst", "fast_import_crash_")


class Said(Protocol):
    """What is said of a trace."""

    @property
    def links(self) -> Iterable[Link]:
        """Its links."""

    @property
    def committed(self) -> bool:
        """Whether some of it is reachable."""

    @property
    def commit_sha(self) -> str | None:
        """The commit that holds most of it."""


class Broken(AssertionError):
    """An invariant does not hold; `rule` is its name."""

    def __init__(self, rule: str, text: str) -> None:
        super().__init__(f"{rule}: {text}")
        self.rule = rule


def check(desk: Desk, rng: Random) -> None:
    """Ask all that can be asked at a desk. Raises Broken."""
    desk.say("check")
    git_state = _state(desk)
    store = Store(desk.work.here)
    try:
        if store.problems:
            raise Broken("nothing fails", "; ".join(store.problems))
        asked = rng.sample(desk.clone.traces, len(desk.clone.traces))
        _complete(desk, store)
        _proved(store, asked)
        found = outcomes(store, [store.load(trace) for trace in asked])
        blamed = blame_files(desk, store, rng)
        for rule, text in wrong_lines(desk, store, blamed):
            raise Broken(rule, text)
    finally:
        store.close()
    _true(desk, found)
    _same_when_cold(desk, rng, found, blamed)
    _clean(desk, git_state)


def _state(desk: Desk) -> str:
    status = desk.ask("status", "--porcelain=v2", "--branch", "-uall")
    return f"{status}\n{desk.ask('for-each-ref', 'refs/heads', 'refs/remotes', 'refs/stash', 'refs/tags')}"


def _complete(desk: Desk, store: Store) -> None:
    """Every recorded event is there, once, whether one asks for the list or for the whole."""
    if set(store.trace_ids()) != set(desk.clone.traces):
        raise Broken("nothing is lost", f"traces {store.trace_ids()}, not {desk.clone.traces}")
    for trace, names in desk.clone.events.items():
        for how, events in (("listed", store.summaries(trace)), ("loaded", store.load(trace).events)):
            ids = Counter(str(event["id"]) for event in events)
            commands = Counter(str(event["command"]) for event in events if event["kind"] == "command")
            if commands != Counter(names) or max(ids.values(), default=1) > 1:
                wrong = {**(Counter(names) - commands), **(commands - Counter(names))}
                raise Broken("nothing is lost", f"events of trace {trace} as {how}: {wrong}, {ids.most_common(1)}")


def _proved(store: Store, traces: list[str]) -> None:
    for trace in traces:
        for outcome in rebuild(store.objects, [step for _, step in steps(store.load(trace))]):
            if outcome.status != OK:
                event, what = outcome.step.event_id, outcome.step.what
                raise Broken("every snapshot is proved", f"{outcome.status}: {what} of {event}: {outcome.reason}")


def _true(desk: Desk, found: Mapping[str, Said]) -> None:
    """Links and outcome agree with where the tokens stand."""
    history = desk.clone.commits.reachable(desk.repo.top)
    for number, trace in enumerate(desk.clone.traces):
        for rule, text in wrong_links(desk.world.ledger, history, trace, found[trace]):
            raise Broken(rule, f"trace {number}: {text}")


def wrong_links(ledger: Ledger, history: Mapping[str, Commit], trace: str, found: Said) -> Iterator[tuple[str, str]]:
    """Yield (rule, what breaks it) where links and outcome disagree with where the tokens stand."""
    links = {link.commit: link for link in found.links if link.tier in _EMITTED}
    must = {oid for oid, commit in history.items() if must_link(ledger, commit, trace, history)}
    may = {oid for oid, commit in history.items() if may_link(ledger, commit, trace)}
    owned = ledger.owned(trace)
    for oid in must - links.keys():
        brought = sorted(history[oid].brought & owned)
        yield "every commit with lines of a trace is linked", f"commit {oid[:7]} brings in {_named(brought)}"
    for oid in links.keys() & history.keys() - may:
        evidence = "; ".join(links[oid].evidence)
        yield "no commit without lines of a trace is linked", f"commit {oid[:7]} by {links[oid].tier}: {evidence}"
    for oid, link in links.items():
        if link.reachable != (oid in history):
            yield "reachable is what git reaches", f"commit {oid[:7]} is {'not ' * link.reachable}reachable"
    if found.committed != bool(must) and not (found.committed and may):
        yield "committed is what the commits say", f"{found.committed}, with {[oid[:7] for oid in must]}"
    if found.committed != (found.commit_sha is not None):
        yield "committed is what the commits say", f"{found.committed} and commit_sha {found.commit_sha}"
    if found.commit_sha and found.commit_sha not in may:
        yield "commit_sha is a commit of the trace", found.commit_sha[:7]


def _named(tokens: list[int]) -> str:
    return " ".join(f"t{token}" for token in tokens)


def _same_when_cold(desk: Desk, rng: Random, found: dict[str, Outcome], blamed: Blamed) -> None:
    """The answers are the same without the cache, one trace at a time, in another order; the cache lives on."""
    folder = os.path.join(desk.work.here.common_trace_dir, CACHE_DIR)
    os.makedirs(folder, exist_ok=True)
    os.rename(folder, f"{folder}.warm")
    store = Store(desk.work.here)
    try:
        for (path, revision), lines in rng.sample(sorted(blamed.items(), key=str), len(blamed)):
            with asking(store) as answers:
                found_again = explain(answers, path, revision)
            if not same(found_again, lines):
                raise Broken("the cache changes nothing", f"blame of {os.fsdecode(path)} at {revision}")
        for trace in rng.sample(desk.clone.traces, min(len(desk.clone.traces), 3)):
            again = outcomes(store, [store.load(trace)])[trace]
            if again != found[trace]:
                raise Broken("the cache changes nothing", "; ".join(differences(again, found[trace])))
    finally:
        store.close()
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(f"{folder}.warm", folder)


def differences(one: Outcome, two: Outcome) -> Iterator[str]:
    """Yield in words how an outcome differs from another."""
    for name in one.__dataclass_fields__:
        if name != "links" and getattr(one, name) != getattr(two, name):
            yield f"{name} is {getattr(one, name)!r:.99}, not {getattr(two, name)!r:.99}"
    for link in set(one.links) ^ set(two.links):
        yield f"{'more' if link in one.links else 'less'}: {link}"


def _clean(desk: Desk, before: str) -> None:
    """What was asked left no mark, and git finds nothing wrong."""
    if _state(desk) != before:
        raise Broken("git is left alone", f"{_state(desk)}\nnot {before}")
    said = desk.repo.git("fsck", "--no-dangling", "--no-progress", status=None) + desk.repo.errors
    if said or desk.repo.status:
        raise Broken("git fsck is clean", said)
    if desk.world.setup.sealer == "detached":
        return  # it may be at work
    for folder, _, names in os.walk(Path(desk.work.here.common_dir)):
        left = [name for name in names if name.endswith(_LEFTOVERS[:3]) or name.startswith(_LEFTOVERS[3])]
        if left and left != ["seal.lock"]:
            raise Broken("nothing is left over", f"{left} in {folder}")
