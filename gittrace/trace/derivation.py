"""Derive what became of traces, from what they produced and what the history introduced."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property

from gittrace.model.trace import Link, Trace
from gittrace.trace.claims import Ledger
from gittrace.trace.facts import Facts
from gittrace.trace.fate import Fates, Tips
from gittrace.trace.gather import Gatherer
from gittrace.trace.links import EMITTED, Finder, Found, chosen
from gittrace.trace.memo import Answer, Memo
from gittrace.trace.store import Store


class Derivation:
    """Answers for traces of the repository, as it is now; of no more of them than have to do with the question.

    `given` are traces that are loaded already, `memo` keeps what was read.
    """

    def __init__(self, store: Store, given: Mapping[str, Trace], memo: Memo, tips: Tips) -> None:
        self.tips = tips
        self.graph = Gatherer(store, given, memo, tips).graph()
        self.ledger = Ledger(Facts(memo.db), self.graph, store.index)
        self.finder = Finder(self.ledger)

    @cached_property
    def unreachable(self) -> list[str]:
        """The commits that count though nothing leads to them."""
        return [oid for oid in self.graph if self.graph.ref(oid) is None]

    def traces_in(self, commit: str) -> list[str]:
        """Return the traces that a commit has work of."""
        return list(self.finder.linked(commit))

    def answer(self, trace: str) -> Answer:
        """Return what became of a trace."""
        found = self.finder.links(trace)
        links = tuple(self._alive(trace, item) for item in found)
        paths = {
            path
            for link in links
            if link.reachable and link.tier in EMITTED
            for path in self.ledger.commit(link.commit).paths
        }
        fate = Fates(self.ledger.work(trace), found, self.ledger, self.tips).fate()
        return Answer(links, fate, self._chosen(trace, found), tuple(sorted(paths)))

    def _chosen(self, trace: str, found: list[Found]) -> str | None:
        work, families = self.ledger.work(trace), self.ledger.families
        standing = {
            (families.of(path), exact)
            for path, lines in work.lines.items()
            for exact, written in lines.items()
            if written.stands
        }
        sizes = {}
        for item in found:
            made = self.ledger.commit(item.link.commit)
            sizes[made.oid] = len(item.lines & standing) or len(made.introduced & work.leaves.keys())
        reverts = frozenset(item.link.commit for item in found if self.ledger.commit(item.link.commit).reverts)
        return chosen([item.link for item in found], sizes, reverts)

    def _alive(self, trace: str, item: Found) -> Link:
        """Return a link with the part of what the trace brought into the commit that is still at HEAD."""
        head = self.tips.head
        if head is None or item.link.tier not in EMITTED:
            return item.link
        families = self.ledger.families
        if item.lines:
            names: dict[bytes, frozenset[int]] = {}
            for family, _ in item.lines:
                if family not in names:
                    names[family] = frozenset().union(*map(head.exact, families.members(family)))
            share = sum(exact in names[family] for family, exact in item.lines) / len(item.lines)
        else:
            leaves = self.ledger.commit(item.link.commit).introduced & self.ledger.work(trace).leaves.keys()
            if not leaves:
                return item.link
            share = sum(map(head.has, leaves)) / len(leaves)
        return replace(item.link, alive=share > 0, alive_share=round(share, 4))
