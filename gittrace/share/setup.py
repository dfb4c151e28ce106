"""Set up sharing: what `git trace init --share` and `--fetch` write into the configuration."""

from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository
from gittrace.share import state as states
from gittrace.share.gated import as_before
from gittrace.share.plan import Planner, Scope
from gittrace.share.remotes import MARK, Remotes, Target, notes_refspec, writer_of
from gittrace.share.renamed import remotes_of
from gittrace.share.tips import as_if_accepted
from gittrace.share.writer import ensure_own
from gittrace.trace.upkeep.initialize import add_settings, initialize


def share(repo: Repository, remote: str, to: str | None = None) -> Target:
    """Have every push to a remote publish its traces, there or at another remote. Raises NotFound, GitFailed, OSError.

    What is noted on commits that are there already is left to `git trace push`.
    """
    remotes = remotes_of(repo)
    remotes.need(remote)
    if to is not None:
        add_settings(repo, [(f"trace.{remote}.to", remotes.need(to))], replace=True)
    add_settings(repo, [("trace.push", "auto")], replace=True)
    add_settings(repo, [("trace.remote", remote)])
    # so that they are known when they are renamed
    add_settings(repo, [(f"remote.{name}.{MARK}", name) for name in dict.fromkeys((remote, to or remote))])
    initialize(repo)
    ensure_own(repo)
    target = remotes.target(remote)
    state = states.load(repo, remote)
    if state.baseline is None:
        with open_objects(repo) as store:
            state.baseline = Planner(repo, store, remotes, target, writer_of(repo), state).there()
        states.save(repo, remote, state)
    return target


def left_behind(repo: Repository, target: Target) -> tuple[int, int]:
    """Return how many segments, of how many traces, are noted on commits that a remote has, and are not published.

    None of its pushes will take these there. Raises GitFailed, NotInitialized.
    """
    state = states.load(repo, target.remote)
    with open_objects(repo) as store:
        planner = Planner(repo, store, Remotes(repo), target, writer_of(repo), state)
        # nothing leaves, so nothing is scanned
        plan = planner.plan((), Scope(everything=True), as_before(state.held), {}, as_if_accepted(state, ()))
    return plan.segments, len(plan.traces)


def fetch_along(repo: Repository, remote: str) -> None:
    """Have `git fetch` of a remote bring what is published there. Raises NotFound, GitFailed, OSError."""
    remotes_of(repo).need(remote)
    add_settings(repo, [(f"remote.{remote}.fetch", notes_refspec(remote)), (f"remote.{remote}.{MARK}", remote)])
