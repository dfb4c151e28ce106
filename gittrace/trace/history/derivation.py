"""Derive what became of traces, from what they produced and what the history introduced."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import groupby
from operator import itemgetter

from gittrace.model.trace import Link, Trace
from gittrace.trace.history.claims import Ledger
from gittrace.trace.history.evidence import Spot
from gittrace.trace.history.facts import Facts
from gittrace.trace.history.fate import Fates, Tip, Tips
from gittrace.trace.history.gather import Gatherer
from gittrace.trace.history.links import EMITTED, Finder, Found, chosen
from gittrace.trace.history.memo import Answer, Memo
from gittrace.trace.history.reading import Reader
from gittrace.trace.history.tables import Tables
from gittrace.trace.stored.store import Store
from gittrace.trace.text.fingerprint import line_of
from gittrace.trace.text.packed import blob_key, signed

# answers after which what was looked up for them is forgotten: it is much, and the next ones need little of it
_AT_ONCE = 100


class Derivation:
    """Answers for traces of the repository, as it is now; of no more of them than have to do with the question.

    `given` are traces that are loaded already, `memo` keeps what was read.
    """

    def __init__(self, store: Store, given: Mapping[str, Trace], memo: Memo, tips: Tips) -> None:
        self.tips = tips
        self.graph = Gatherer(store, memo, tips).graph()
        self._memo = memo
        self._notes = store.index
        self._reader = Reader(store, given)
        self._begin()

    def _begin(self) -> None:
        """Begin to look things up; what was read is kept."""
        self._asked = 0
        self.ledger = Ledger(Facts(Tables(self._memo.db), self._reader), self.graph, self._notes)
        self.finder = Finder(self.ledger)

    def close(self) -> None:
        """Let go of what was read and looked up; nothing is answered any more."""
        self.ledger.close()
        vars(self).clear()

    @cached_property
    def unreachable(self) -> list[str]:
        """The commits that count though nothing leads to them."""
        return self.graph.unreached()

    def traces_in(self, commit: str) -> list[str]:
        """Return the traces that a commit has work of."""
        return list(self.finder.linked(commit))

    def found_in(self, commit: str) -> dict[str, Link]:
        """Return by trace the links to a commit, without what reverts it."""
        return {trace: found.link for trace, found in self.finder.linked(commit).items()}

    def sharing(self, texts: Iterable[bytes], oids: Iterable[str]) -> set[str]:
        """Return the traces that may have added one of these lines, a telling one, or made one of the blobs."""
        facts = self.ledger.facts
        found = set(facts.tables.opaque[0])
        for line in set(map(line_of, texts)):
            if line.telling:
                found |= facts.tables.writing(signed(line.hint))
        for oid in oids:
            found |= facts.tables.naming(blob_key(oid))
        return {facts.tables.traces[number] for number in found}

    def answer(self, trace: str) -> Answer:
        """Return what became of a trace."""
        self._asked += 1
        if self._asked > _AT_ONCE:
            self.ledger.close()
            self._begin()
        found = self.finder.links(trace)
        fates = Fates(self.ledger.work(trace), found, self.ledger, self.tips)
        links = tuple(self._alive(fates, item) for item in found)
        paths = {
            path
            for link in links
            if link.reachable and link.tier in EMITTED
            for path in self.ledger.commit(link.commit).paths
        }
        return Answer(links, fates.fate(), self._chosen(trace, found), tuple(sorted(paths)))

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
            sizes[made.oid] = len((item.lines | item.bent) & standing) or len(made.introduced & work.leaves.keys())
        reverts = frozenset(item.link.commit for item in found if self.ledger.commit(item.link.commit).reverts)
        return chosen([item.link for item in found], sizes, reverts)

    def _alive(self, fates: Fates, item: Found) -> Link:
        """Return a link with the part of what the trace brought into the commit that is still at HEAD."""
        head = self.tips.head
        if head is None or item.link.tier not in EMITTED:
            return item.link
        if lines := item.lines | item.bent:
            share = self._standing(head, fates, lines) / len(lines)
        else:
            leaves = self.ledger.commit(item.link.commit).introduced & fates.work.leaves.keys()
            if not leaves:
                return item.link
            share = sum(map(head.has, leaves)) / len(leaves)
        return replace(item.link, alive=share > 0, alive_share=round(share, 4))

    def _standing(self, head: Tip, fates: Fates, lines: Iterable[Spot]) -> int:
        """Return how many lines of a trace are in their files at HEAD, formatted differently or not."""
        standing = 0
        for family, group in groupby(sorted(lines), key=itemgetter(0)):
            wanted = {exact for _, exact in group}
            names = self.ledger.families.members(family)
            left = wanted.difference(*map(head.exact, names))
            # to look for lines that were wrapped takes long
            for path in names & fates.work.lines.keys() if left else ():
                left.difference_update(*(fates.bent(head, path, name) for name in names))
            standing += len(wanted) - len(left)
        return standing
