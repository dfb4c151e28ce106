"""What became of a trace: the commits it is in, and how strong the evidence is.

Pure functions over a small history interface; nothing here is stored. From strongest to weakest: a file that a commit
introduces was first produced by an event of the trace, or a run of added lines was; a file that both changed has lines
in common; the same files within the session's time. Cause comes before effect. A note says where a segment was
sealed: a first candidate, not proof.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gittrace.clock import now
from gittrace.git.history import Made
from gittrace.model.trace import Link, Tier, Trace
from gittrace.trace.work import Lines, Order, Origin, Work, says_something

# of the lines that a commit adds to a file, the part that a trace must have written to count as its origin
_SIMILAR = 0.25

TOOL_EMITTED: Tier = "tool_emitted"
DIVERGED: Tier = "tool_emitted_with_divergence"
OVERLAPPING: Tier = "overlapping"


@dataclass(frozen=True)
class AddedLines:
    """What a commit adds, by path: runs of lines in their order."""

    runs: Mapping[bytes, tuple[Lines, ...]]

    def lines(self, path: bytes) -> list[bytes]:
        """Return the added lines of a path that are not blank."""
        return [line for run in self.runs.get(path, ()) for line in run if line.strip()]


Added = Callable[[Made], AddedLines]


def notes_of(trace: Trace) -> dict[str, dict[str, int]]:
    """Return commit -> session -> the last segment of it that is noted there: what led to the commit for certain."""
    found: dict[str, dict[str, int]] = {}
    for segment in trace.segments:
        for commit in segment.commits:
            sessions = found.setdefault(commit, {})
            sessions[segment.session_id] = max(segment.index, sessions.get(segment.session_id, -1))
    return found


@dataclass(frozen=True)
class _Causes:
    """Tells what may have led to one commit."""

    time: int
    noted: Mapping[str, int]

    def __call__(self, origin: Origin) -> bool:
        session, index = origin.order
        return index <= self.noted.get(session, -1) or origin.time <= self.time


def find_links(trace: Trace, work: Work, history: Mapping[str, Made], added: Added) -> list[Link]:
    """Return the trace's links, oldest commit first."""
    noted = notes_of(trace)
    found = []
    for made in history.values():
        sessions = noted.get(made.oid, {})
        if not sessions and made.time < work.began:
            continue
        link = _link(work, made, _Causes(made.time, sessions), added)
        if link:
            found.append(link)
    linked = {link.commit for link in found}
    # a revert is a fact about the link to what it reverts, never a link itself
    found = [link for link in found if not history[link.commit].reverts & linked]
    return sorted(found, key=lambda link: (history[link.commit].time, link.commit))


def _link(work: Work, made: Made, causes: _Causes, added: Added) -> Link | None:
    exact = {leaf for leaf in made.introduced if (origin := work.leaves.get(leaf)) and causes(origin)}
    exact |= {leaf for leaf in made.introduced if leaf[1] and (origin := work.blobs.get(leaf[2])) and causes(origin)}
    shared = made.paths & work.lines.keys()
    if not exact and not shared:
        return _link_of(made, OVERLAPPING, (), 0.0) if _overlaps(work, made) else None
    lines = added(made)
    explained, total, similar = 0, 0, 0.0
    for path in made.paths:
        new = lines.lines(path)
        total += len(new)
        known = work.lines.get(path, {})
        ours = sum(1 for line in new if (origin := known.get(line)) and causes(origin))
        explained += len(new) if not known and any(leaf[0] == path for leaf in exact) else ours
        if new and known:
            similar = max(similar, ours / len(new))
    share = explained / total if total else len(exact) / max(len(made.introduced), 1)
    if exact:
        proofs = tuple(sorted(f"blob {oid[:12]} {path.decode('utf-8', 'backslashreplace')}" for path, _, oid in exact))
        return _link_of(made, TOOL_EMITTED, proofs, share)
    runs = [run for path in shared for run in lines.runs.get(path, ()) if says_something(run)]
    hits = [run for run in runs if (origin := work.runs.get(run)) and causes(origin)]
    if hits:
        return _link_of(made, TOOL_EMITTED, (f"{len(hits)} of {len(runs)} runs of added lines",), share)
    if similar >= _SIMILAR:
        return _link_of(made, DIVERGED, (f"{similar:.0%} of the lines added to a file",), share)
    return _link_of(made, OVERLAPPING, (), share) if _overlaps(work, made) else None


def _overlaps(work: Work, made: Made) -> bool:
    return work.began <= made.time <= work.ended and bool(made.paths & work.paths)


def _link_of(made: Made, tier: Tier, evidence: tuple[str, ...], share: float) -> Link:
    branch = (made.ref or "").removeprefix("refs/heads/").removeprefix("refs/remotes/").removeprefix("refs/tags/")
    return Link(
        commit=made.oid,
        tier=tier,
        reachable=made.reachable,
        branch=branch or None,
        subject=made.subject,
        time=now(made.time * 1_000_000_000),
        evidence=evidence,
        share=round(share, 4),
    )


def committed(links: Iterable[Link]) -> bool:
    """Tell whether some commit that a branch, tag or remote-tracking branch leads to holds work of the trace."""
    return any(link.reachable and link.tier in (TOOL_EMITTED, DIVERGED) for link in links)


def chosen(links: Iterable[Link], sizes: Mapping[str, int]) -> str | None:
    """Return the reachable commit that holds most of the trace; the later one of two that hold the same.

    `sizes`: commit -> number of the trace's lines (or files, where there are no lines) in it.
    """
    held = [link for link in links if link.reachable and link.tier in (TOOL_EMITTED, DIVERGED)]
    if not held:
        return None
    return max(held, key=lambda link: (link.tier == TOOL_EMITTED, sizes.get(link.commit, 0), link.time)).commit


__all__ = ["AddedLines", "Order", "chosen", "committed", "find_links", "notes_of"]
