"""What became of traces: the commits that each is in, and how strong the evidence is.

Pure functions; nothing here is stored. From strongest to weakest: a file that a commit introduces was first produced
by an event of the trace, or a run of added lines was, or the commit makes the same changes as one that is linked; lines
that it adds to a file were first written by the trace, as they are or re-formatted, or in a row in another file; the
same files within the session's time, where the content can't tell. Cause comes before effect, and the earliest producer
has it (`gittrace.trace.claims`). A note says where a segment was sealed: what came before the commit, not what is in
it.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace

from gittrace.clock import now
from gittrace.git.history import Made
from gittrace.model.trace import Link, Tier
from gittrace.trace.claims import Claim, Ledger
from gittrace.trace.contents import Content
from gittrace.trace.evidence import DIVERGED, OVERLAPPING, TOOL_EMITTED, Match, Spot, matches
from gittrace.trace.index import Place

EMITTED = (TOOL_EMITTED, DIVERGED)


@dataclass(frozen=True)
class Found:
    """A link, and which lines of the trace the commit adds."""

    link: Link
    lines: frozenset[Spot] = frozenset()


def notes_of(places: Iterable[Place]) -> dict[str, dict[str, int]]:
    """Return commit -> session -> the last segment of it that is noted there: what came before it for certain."""
    found: dict[str, dict[str, int]] = {}
    for place in places:
        if place.commit:
            sessions = found.setdefault(place.commit, {})
            sessions[place.session_id] = max(place.index, sessions.get(place.session_id, -1))
    return found


def find_links(ledger: Ledger) -> dict[str, list[Found]]:
    """Return the links of every trace that has some, by its id; the oldest commit first, parents before children."""
    finder = _Finder(ledger)
    for made in ledger.history.values():
        content = ledger.contents.get(made.oid)
        if content is not None:
            finder.look_at(made, content)
    return finder.links()


class _Finder:
    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.found: dict[str, dict[str, Found]] = defaultdict(dict)
        # the same by commit: the tier of each trace
        self.linked: dict[str, dict[str, Tier]] = defaultdict(dict)
        # (trace, commit) -> what reverts it
        self.reverted: dict[tuple[str, str], list[str]] = defaultdict(list)
        # by `Content.patch`: the first commit that makes these changes; by `Content.inverse`: all that can be undone so
        self.patches: dict[str, str] = {}
        self.undone_by: dict[str, list[str]] = defaultdict(list)
        self.touched: dict[bytes, dict[str, Claim]] = defaultdict(dict)
        for work in ledger.works.values():
            for (path, _, _), origin in work.leaves.items():
                claim = Claim(origin, work.trace_id)
                self.touched[path][work.trace_id] = min(claim, self.touched[path].get(work.trace_id, claim))

    def links(self) -> dict[str, list[Found]]:
        """Return what was found."""
        return {
            trace: [
                replace(item, link=replace(item.link, reverted_by=tuple(self.reverted.get((trace, oid), ()))))
                for oid, item in found.items()
            ]
            for trace, found in self.found.items()
        }

    def look_at(self, made: Made, content: Content) -> None:
        """Link a commit to the traces that it has work of; its parents were looked at before."""
        found, added = matches(made, content, self.ledger)
        self._same_changes(made, content, found)
        undone = self._undone(made, content)
        for trace, match in found.items():
            tier = match.tier
            if tier and not (made.reverts and undone[trace] and not self._is_newer(match, undone[trace])):
                whole = len(match.files) / max(len(made.introduced), 1)
                share = match.explained / added if added else whole
                link = _link(made, tier, match.words(added), min(share, 1.0))
                self._enter(trace, Found(link, frozenset(match.lines)))
        if not found:
            for trace in self._overlapping(made, content):
                self._enter(trace, Found(_link(made, OVERLAPPING, ("the same files at the same time",), 0.0)))
        if content.patch:
            self.patches.setdefault(content.patch, made.oid)
            self.undone_by[content.inverse].append(made.oid)

    def _enter(self, trace: str, found: Found) -> None:
        self.found[trace][found.link.commit] = found
        self.linked[found.link.commit][trace] = found.link.tier

    def _same_changes(self, made: Made, content: Content, found: dict[str, Match]) -> None:
        first = self.patches.get(content.patch) if content.patch and not made.reverts else None
        if first is None:
            return
        for trace, tier in self.linked.get(first, {}).items():
            if tier == TOOL_EMITTED:
                found.setdefault(trace, Match()).same_as = first

    def _undone(self, made: Made, content: Content) -> dict[str, list[str]]:
        """Return which linked commits this one reverts, by trace: its message says so, or it is the exact inverse."""
        undone: dict[str, list[str]] = defaultdict(list)
        named = dict.fromkeys(
            (*sorted(made.reverts), *(self.undone_by.get(content.patch, ()) if content.patch else ()))
        )
        for oid in named:
            for trace, tier in self.linked.get(oid, {}).items():
                if tier in EMITTED:
                    undone[trace].append(oid)
                    if made.reachable:
                        self.reverted[trace, oid].append(made.oid)
        return undone

    def _is_newer(self, match: Match, undone: list[str]) -> bool:
        """Tell whether something of a match was produced after what is reverted here was committed."""
        history = self.ledger.history
        return match.newest is not None and all(self.ledger.existed(history[oid], match.newest) for oid in undone)

    def _overlapping(self, made: Made, content: Content) -> list[str]:
        """Return the traces that touched the same files in their time, where the content can't tell more."""
        # a diff of text says what is in it, and a merge what it merged
        told = {path for file in content.files for path in (file.path, file.old_path)}
        told |= made.paths if len(made.parents) > 1 or made.reverts else set()
        found = set()
        for path in made.paths - told:
            for trace, claim in self.touched.get(path, {}).items():
                work = self.ledger.works[trace]
                if work.began <= made.time <= work.ended and self.ledger.caused(claim, made):
                    found.add(trace)
        return sorted(found)


def _link(made: Made, tier: Tier, evidence: tuple[str, ...], share: float) -> Link:
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
    return any(link.reachable and link.tier in EMITTED for link in links)


def chosen(links: list[Link], sizes: dict[str, int], reverts: frozenset[str]) -> str | None:
    """Return the reachable commit that holds most of the trace; the later one (`links` is in order) of two alike.

    `sizes`: commit -> number of the trace's lines (or files, where there are no lines) in it; `reverts`: commits that
    are chosen only when there is nothing else, such as a revert of a revert.
    """
    held = [(number, link) for number, link in enumerate(links) if link.reachable and link.tier in EMITTED]
    if not held:
        return None

    def rank(item: tuple[int, Link]) -> tuple[bool, int, bool, int]:
        number, link = item
        return link.commit not in reverts, sizes.get(link.commit, 0), link.tier == TOOL_EMITTED, number

    return max(held, key=rank)[1].commit
