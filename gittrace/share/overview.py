"""How sharing stands: where traces go, what waits and why, what came from elsewhere."""

from dataclasses import dataclass, field
from typing import Any

from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository
from gittrace.share import queue
from gittrace.share import state as states
from gittrace.share.fetch import mirrors
from gittrace.share.gated import as_before
from gittrace.share.plan import Planner, Scope
from gittrace.share.queue import Entry
from gittrace.share.remotes import Remotes, Target
from gittrace.share.renamed import remotes_of
from gittrace.share.tips import as_if_accepted


@dataclass
class Standing:
    """How a remote stands.

    to       where the traces of what is pushed to it go; None: it was not chosen
    writers  whose notes are known to be there
    commits, segments, signatures  what waits to be published there
    removed  segments that wait to be taken away there, since they were forgotten, or their push was refused
    held     what is held back, as in `State`
    waiting  pushes whose traces are in the queue
    problem  why nothing can be published
    """

    remote: str
    to: str | None = None
    writers: list[str] = field(default_factory=list)
    commits: int = 0
    segments: int = 0
    signatures: int = 0
    removed: int = 0
    held: list[dict[str, Any]] = field(default_factory=list)
    waiting: list[Entry] = field(default_factory=list)
    problem: str = ""


def standings(repo: Repository) -> list[Standing]:
    """Return how each remote stands, the chosen ones first. Raises BadConfig."""
    remotes = remotes_of(repo)
    targets = {target.remote: target for target in remotes.targets}
    entries = queue.waiting(repo)
    names = dict.fromkeys([*targets, *(entry.remote for entry in entries), *remotes.names])
    found = []
    for name in names:
        standing = Standing(name, writers=sorted(mirrors(repo, name)))
        standing.waiting = [entry for entry in entries if entry.remote == name]
        if name in targets:
            _examine(repo, remotes, targets[name], standing)
        found.append(standing)
    return found


def _examine(repo: Repository, remotes: Remotes, target: Target, standing: Standing) -> None:
    standing.to = target.to
    state = states.load(repo, target.remote)
    standing.held = state.held
    missing = [name for name in (target.remote, target.to) if name not in remotes.names]
    writer = str(repo.config("trace.writer"))
    if missing:
        standing.problem = f"there is no remote '{missing[0]}'"
    elif not writer:
        standing.problem = "recording is not set up"
    else:
        with open_objects(repo) as store:
            planner = Planner(repo, store, remotes, target, writer, state)
            if state.baseline is None:
                state.baseline = planner.there()
            ask = as_if_accepted(state, standing.waiting)
            plan = planner.plan(standing.waiting, Scope(), as_before(state.held), {}, ask)
        standing.commits, standing.segments, standing.signatures = len(plan.notes), plan.segments, plan.signatures
        standing.removed = plan.removed
