"""What the history says of a test's traces: short to ask, and the same in whatever way it is asked."""

import shutil
from pathlib import Path

from gittrace.model.trace import Link, Outcome
from gittrace.trace.history.outcome import outcomes
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR
from tests.support.recording import Recording

TOOL, DIVERGED, OVERLAPPING = "tool_emitted", "tool_emitted_with_divergence", "overlapping"


def asked(work: Recording, *traces: str) -> dict[str, Outcome]:
    """Return the outcomes of traces (all, if none is named); cold, warm and one by one they are the same."""
    shutil.rmtree(Path(work.here.common_trace_dir) / CACHE_DIR, ignore_errors=True)
    cold, warm = _outcomes(work, *traces), _outcomes(work, *traces)
    assert warm == cold
    for trace in cold:
        assert _outcomes(work, trace)[trace] == cold[trace]
    return cold


def _outcomes(work: Recording, *traces: str) -> dict[str, Outcome]:
    store = Store(work.here)
    try:
        found = outcomes(store, [store.load(trace) for trace in traces or store.trace_ids()])
        assert store.problems == []
        return found
    finally:
        store.close()


def outcome(work: Recording, trace: str) -> Outcome:
    """Return what became of a trace."""
    return asked(work, trace)[trace]


def tiers(found: Outcome, reachable: bool = True) -> dict[str, str]:
    """Return the tier of each linked commit, by the commit: the reachable ones, or the others."""
    return {link.commit: link.tier for link in found.links if link.reachable == reachable}


def link_to(found: Outcome, commit: str) -> Link:
    """Return the link to a commit."""
    (link,) = (link for link in found.links if link.commit == commit)
    return link


def numbered(*names: str) -> str:
    """Return a file of telling lines, one a name."""
    return "".join(f"the line of {name}\n" for name in names)
