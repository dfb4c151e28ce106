"""Derive the links of all traces from what they produced and what the history introduced."""

import gc
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from itertools import chain

from gittrace.errors import TraceError
from gittrace.git.history import Made, read_history
from gittrace.model.trace import Link, Trace
from gittrace.trace.claims import Ledger, Noted
from gittrace.trace.contents import Content, contents
from gittrace.trace.fate import Fates, Tips
from gittrace.trace.links import EMITTED, Found, chosen, find_links, notes_of
from gittrace.trace.memo import Answer, Memo, state_of
from gittrace.trace.rewrites import read_pairs
from gittrace.trace.store import Store
from gittrace.trace.work import Work, work_of

# what a commit had that is so much older than the first event (seconds) is not looked for
_LOOK_BACK = 90 * 24 * 3600


@contextmanager
def _uncollected() -> Iterator[None]:
    """Keep the garbage collector from walking again and again through what is built here, all of which stays."""
    collects = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collects:
            gc.enable()


class Derivation:
    """The links of all traces, with one walk of the history.

    All traces of the repository are read, not only those that are asked for: what one produced, another did not.
    """

    def __init__(self, store: Store, given: Mapping[str, Trace], memo: Memo, tips: Tips) -> None:
        self.store = store
        self.objects = store.objects
        self.tips = tips
        with _uncollected():
            works, noted = self._works(given, memo)
            made = {oid for work in works.values() for oid in work.made}
            known = {*noted, *made}
            known |= {name for pair in read_pairs(store.repo)[0] for name in (pair.old, pair.new)}
            began = min((work.began for work in works.values()), default=0)
            self.history = read_history(store.repo, self.objects, began - _LOOK_BACK, sorted(known), made)
            self.ledger = Ledger(works, self.history, partial(self._contents, memo), noted)
            self.found = find_links(self.ledger)

    def _works(self, given: Mapping[str, Trace], memo: Memo) -> tuple[dict[str, Work], Noted]:
        """Return the work of every trace, and where segments are noted; what is loaded already is in `given`."""
        pending = {item.header["trace_id"] for item in self.store.pending.values()}
        places = {trace: self.store.index.places(trace) for trace in sorted(self.store.trace_ids())}
        # what lacks objects here may find them after a fetch
        tips = repr(sorted(self.tips.refs.items()))
        states = {trace: state_of(found) for trace, found in places.items() if trace not in pending}
        works = memo.works(states)
        partly = {trace: state_of(places[trace], tips) for trace in states.keys() - works.keys()}
        works |= memo.works(partly)
        fresh = {}
        for trace in places.keys() - works.keys():
            try:
                fresh[trace] = work_of(given.get(trace) or self.store.load(trace), self.objects)
            except TraceError as error:
                self.store.problems.append(str(error))
        kept = {trace: work for trace, work in fresh.items() if trace in states}
        memo.keep_works(kept, {trace: states[trace] if work.whole else partly[trace] for trace, work in kept.items()})
        works |= fresh
        return {trace: works[trace] for trace in sorted(works)}, notes_of(chain.from_iterable(places.values()))

    def _contents(self, memo: Memo, commits: Iterable[Made]) -> Mapping[str, Content]:
        wanted = {made.oid: made for made in commits}
        known = memo.contents(wanted)
        fresh = contents(self.store.repo, self.objects, [made for oid, made in wanted.items() if oid not in known])
        memo.keep_contents(fresh)
        return known | fresh

    def answer(self, trace: str) -> Answer:
        """Return what became of a trace."""
        found = self.found.get(trace, [])
        links = tuple(self._alive(trace, item) for item in found)
        paths = {
            path
            for link in links
            if link.reachable and link.tier in EMITTED
            for path in self.history[link.commit].paths
        }
        fate = Fates(self._work(trace), found, self.ledger, self.tips).fate()
        return Answer(links, fate, self._chosen(trace, found), tuple(sorted(paths)))

    def _work(self, trace: str) -> Work:
        # none of a trace that could not be read: the store's `problems` name it
        return self.ledger.works.get(trace) or Work(trace)

    def _chosen(self, trace: str, found: list[Found]) -> str | None:
        work, families = self._work(trace), self.ledger.families
        standing = {
            (families.of(path), exact)
            for path, lines in work.lines.items()
            for exact, written in lines.items()
            if written.stands
        }
        sizes = {}
        for item in found:
            made = self.history[item.link.commit]
            sizes[made.oid] = len(item.lines & standing) or len(made.introduced & work.leaves.keys())
        reverts = frozenset(item.link.commit for item in found if self.history[item.link.commit].reverts)
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
            leaves = self.history[item.link.commit].introduced & self._work(trace).leaves.keys()
            if not leaves:
                return item.link
            share = sum(map(head.has, leaves)) / len(leaves)
        return replace(item.link, alive=share > 0, alive_share=round(share, 4))
