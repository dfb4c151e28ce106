"""What became of traces: the commits that each is in, and how strong the evidence is.

Pure functions; nothing here is stored. From strongest to weakest: a file that a commit introduces was first produced
by an event of the trace, or a run of added lines was, or the commit makes the same changes as one that is linked; lines
that it adds to a file were first written by the trace, as they are or re-formatted, or in a row in another file; the
same files within the session's time, where the content can't tell. Cause comes before effect, and the earliest producer
has it (`gittrace.trace.history.claims`). A note says where a segment was sealed: what came before the commit, not what
is in it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gittrace.clock import now
from gittrace.git.history import Made
from gittrace.model.trace import Link, Tier
from gittrace.trace.history.claims import Ledger
from gittrace.trace.history.evidence import DIVERGED, OVERLAPPING, TOOL_EMITTED, Match, Spot, matches
from gittrace.trace.text.packed import signed

REPLACE_REFS = "refs/replace/"
EMITTED = (TOOL_EMITTED, DIVERGED)


@dataclass(frozen=True)
class Found:
    """A link, and which lines of the trace the commit adds: as they are, and `bent` by a formatter."""

    link: Link
    lines: frozenset[Spot] = frozenset()
    bent: frozenset[Spot] = frozenset()


class Finder:
    """Finds links; of no more commits than have to do with what is asked for."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.graph = ledger.ancestry
        self.facts = ledger.facts
        # by commit, and then by trace
        self._found: dict[str, dict[str, Found]] = {}
        self._matches: dict[str, tuple[dict[str, Match], int]] = {}

    def links(self, trace: str) -> list[Found]:
        """Return the links of a trace, the oldest commit first, parents before children."""
        candidates = self._candidates(trace)
        commits = self._in_order(made.oid for made in candidates)
        linked = [oid for oid in commits if trace in self.linked(oid)]
        # what makes the same changes as a commit that holds files or runs of the trace
        alike = {
            made.oid
            for oid in linked
            if self.linked(oid)[trace].link.tier == TOOL_EMITTED
            for made in self._counting(self.facts.alike(self.facts.number(oid)))
        }
        commits = self._in_order({*linked, *alike})
        return [
            replace(found, link=replace(found.link, reverted_by=tuple(self._reverted_by(trace, oid))))
            for oid in commits
            if (found := self.linked(oid).get(trace)) is not None
        ]

    def linked(self, oid: str) -> dict[str, Found]:
        """Return the traces that a commit has work of, without what reverts it; none of a commit that doesn't count."""
        todo = [] if oid in self._found else [oid]
        while todo:
            # what it repeats or reverts comes first; without recursion, since reverts of reverts may go on and on
            missing = [name for name in self._named(todo[-1]) if name not in self._found]
            if missing:
                todo += missing
            else:
                name = todo.pop()
                if name not in self._found:
                    self._found[name] = dict(self._look_at(name)) if self._counts(name) else {}
        return self._found[oid]

    def _in_order(self, commits: Iterable[str]) -> list[str]:
        return sorted(set(commits), key=self.graph.place)

    def _counts(self, oid: str) -> bool:
        return oid in self.graph and bool(self._counting((self.facts.number(oid),)))

    def _counting(self, numbers: Iterable[int]) -> list[Made]:
        return self.ledger.commits(list(numbers))

    def _candidates(self, trace: str) -> list[Made]:
        """Return the commits that may have work of a trace; they were read."""
        work, tables = self.ledger.work(trace), self.facts.tables
        numbers: set[int] = set()
        for oid, gone in {(oid, mode == 0) for _, mode, oid in work.leaves} | {(oid, False) for oid in work.blobs}:
            numbers.update(self.facts.blob_commits(oid, gone))
        for skeleton in {run.skeleton for run in work.runs} | {block.skeleton for block in work.blocks}:
            numbers |= tables.adding(signed(skeleton))
        for path, lines in work.lines.items():
            names = self.ledger.families.members(path)
            # lines that say nothing are no evidence by themselves
            for skeleton in {one.line.skeleton for one in lines.values() if one.line.telling}:
                numbers |= tables.adding(signed(skeleton), names)
            numbers.update(self.ledger.may_wrap(trace, path))
        named = {oid for oid in (*work.made, *self.ledger.noted_on(trace)) if oid in self.graph}
        numbers.update(map(self.facts.number, named))
        numbers.update(one for path in work.paths for one in self.facts.touching(path, work.began, work.ended))
        found = self._counting(sorted(numbers))
        self.facts.read(self.facts.number(made.oid) for made in found)
        return found

    def _look_at(self, oid: str) -> Iterator[tuple[str, Found]]:
        made = self.ledger.commit(oid)
        found, added = self._matched(made)
        # who deletes or renames what another did has it by what is found in the commit
        found = self._with_same_changes(made, found) if added or not found else found
        for trace, match in found.items():
            tier = match.tier
            if tier and not (made.reverts and self._only_undoes(made, trace, match)):
                whole = len(match.files) / max(len(made.introduced), 1)
                share = match.explained / added if added else whole
                link = self._link(made, tier, match.words(added), min(share, 1.0))
                yield trace, Found(link, frozenset(match.lines), frozenset(match.bent))
        if not found:
            for trace in self._overlapping(made):
                yield trace, Found(self._link(made, OVERLAPPING, ("the same files at the same time",), 0.0))

    def _matched(self, made: Made) -> tuple[dict[str, Match], int]:
        if made.oid not in self._matches:
            self._matches[made.oid] = matches(made, self.ledger.content(made.oid), self.ledger)
        return self._matches[made.oid]

    def _earlier(self, oid: str, numbers: Iterable[int]) -> list[str]:
        """Return those of the commits that come before one, in order."""
        place = self.graph.place(oid)
        return [
            name
            for name in self._in_order(made.oid for made in self._counting(numbers))
            if self.graph.place(name) < place
        ]

    def _named(self, oid: str) -> list[str]:
        """Return the commits that must be looked at before one: what it makes the same changes as, or reverts."""
        if oid not in self.graph:
            return []
        first = self._first_alike(oid)
        return [*([first] if first else []), *self._reverted(oid)]

    def _first_alike(self, oid: str) -> str | None:
        """Return the first commit that makes the same changes, None when that is this one."""
        earlier = self._earlier(oid, self.facts.alike(self.facts.number(oid)))
        return earlier[0] if earlier else None

    def _reverted(self, oid: str) -> list[str]:
        """Return the earlier commits that one takes back: its message says so, or it is the exact inverse."""
        said = {name for name in self.ledger.commit(oid).reverts if name in self.graph}
        numbers = [*map(self.facts.number, sorted(said)), *self.facts.undone(self.facts.number(oid))]
        return self._earlier(oid, numbers)

    def _reverted_by(self, trace: str, oid: str) -> Iterator[str]:
        """Yield the reachable commits that take back what a commit has of a trace, in order."""
        if self.linked(oid)[trace].link.tier in EMITTED:
            place = self.graph.place(oid)
            numbers = [*self.facts.reverting(oid), *self.facts.undoing(self.facts.number(oid))]
            for name in self._in_order(made.oid for made in self._counting(numbers)):
                if self.graph.place(name) > place and self.graph.ref(name) is not None:
                    yield name

    def _with_same_changes(self, made: Made, found: dict[str, Match]) -> dict[str, Match]:
        first = None if made.reverts else self._first_alike(made.oid)
        if first is None:
            return found
        alike = dict(found)
        # what is done to a file to which the same was done before adds to that, or brings back what was taken away
        again = self.graph.leads_to(first, made.oid)
        for trace, other in self._found[first].items():
            if other.link.tier == TOOL_EMITTED and (trace in found or not again):
                alike[trace] = replace(alike.get(trace, Match()), same_as=first)
        return alike

    def _only_undoes(self, made: Made, trace: str, match: Match) -> bool:
        """Tell whether a revert brings nothing of a trace back: neither lines nor what another revert had undone."""
        return not match.lines and not any(
            trace not in self._found[oid] and trace in self._undone(oid) for oid in self._reverted(made.oid)
        )

    def _undone(self, oid: str) -> set[str]:
        """Return the traces of which a commit takes back what a linked one has."""
        return {
            trace
            for reverted in self._reverted(oid)
            for trace, found in self._found[reverted].items()
            if found.link.tier in EMITTED
        }

    def _overlapping(self, made: Made) -> list[str]:
        """Return the traces that touched the same files in their time, where the content can't tell more."""
        # a diff of text says what is in it, and a merge what it merged
        content = self.ledger.content(made.oid)
        told = {path for file in content.files for path in (file.path, file.old_path)}
        told |= made.paths if len(made.parents) > 1 or made.reverts else set()
        found = set()
        for path in made.paths - told:
            for claim in self.facts.touched(path):
                began, ended = self.facts.times(claim.trace)
                if began <= made.time <= ended and self.ledger.caused(claim, made):
                    found.add(claim.trace)
        return sorted(found)

    def _link(self, made: Made, tier: Tier, evidence: tuple[str, ...], share: float) -> Link:
        ref = self.graph.ref(made.oid)
        # what takes another's place is where that is
        place = self.graph.ref(ref.removeprefix(REPLACE_REFS)) if ref and ref.startswith(REPLACE_REFS) else ref
        branch = (place or "").removeprefix("refs/heads/").removeprefix("refs/remotes/").removeprefix("refs/tags/")
        return Link(
            commit=made.oid,
            tier=tier,
            reachable=ref is not None,
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
