"""What is at a remote: what refs here show, what pushes that go on will bring, and what the server says of others.

Once a push has ended, the remote-tracking ref tells whether it was accepted, where there is one. A push by URL moves
none, and tags have none: then the server is asked, if it matters.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from gittrace.git.objects import ObjectStore
from gittrace.git.reach import outside, peeled, within
from gittrace.git.repository import Repository
from gittrace.share.queue import Entry, alive
from gittrace.share.remotes import tracked_as
from gittrace.share.state import State, Unproven

#: returns the (ref, oid) of all that a server has; None where it can't be asked
Ask = Callable[[], Collection[tuple[str, str]] | None]

# elsewhere what is pushed need not stay where it was pushed to, or not be shown
_SHOWN = ("refs/heads/", "refs/tags/")


def as_if_accepted(state: State, entries: Iterable[Entry]) -> Ask:
    """Take it that a server has all that it is said to have been pushed."""
    return lambda: [(claim.ref, claim.oid) for claim in (*state.unproven, *_claims(entries))]


@dataclass
class Tips:
    """What is at a remote, as far as is known.

    oids      commits and tags that are there, or will be when pushes that go on are accepted
    unproven  pushes that are not known to have been accepted
    refused   what was published for pushes that were not
    pushed    ref there -> oid, where no remote-tracking ref tells
    """

    oids: list[str]
    unproven: list[Unproven] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    pushed: dict[str, str] = field(default_factory=dict)


class Finder:
    """Finds the tips of one remote.

    shown     what its remote-tracking refs lead to
    tracking  what makes them of the refs there, as `Remotes.tracking` has it
    refs      ref here -> oid
    """

    def __init__(
        self,
        repo: Repository,
        store: ObjectStore,
        shown: Collection[str],
        tracking: Sequence[tuple[str, str]],
        refs: Mapping[str, str],
    ) -> None:
        self._repo = repo
        self._store = store
        self._shown = shown
        self._tracking = list(tracking)
        self._refs = refs

    def find(self, state: State, entries: Iterable[Entry], ask: Ask) -> Tips:
        """Return what is there, by what is remembered and what is in the queue. Raises GitFailed."""
        tips = Tips([], pushed=dict(state.pushed))
        found = {*self._shown}
        ended: list[Unproven] = []
        for claim in (*state.unproven, *_claims(entries)):
            if claim.oid == self._repo.zero:
                tips.pushed.pop(claim.ref, None)
            elif alive(claim.pid):
                found.add(claim.oid)
                if not self._is_shown(claim):
                    tips.unproven.append(claim)
            elif not self._teller(claim):
                ended.append(claim)
        for claim, accepted in self._asked(ended, ask) if ended else ():
            if accepted:
                tips.pushed[claim.ref] = claim.oid
            elif accepted is None:
                tips.unproven.append(claim)
                # what was published stays until it is known, and what was not waits
                found.update({claim.oid}.intersection(state.tips))
        found.update(tips.pushed.values())
        tips.oids = sorted(self._still(found))
        open_still = {claim.oid for claim in tips.unproven}
        over = {claim.oid for claim in state.unproven if not alive(claim.pid)}
        tips.refused = sorted(self._still(over - found - open_still))
        return tips

    def _still(self, oids: Iterable[str]) -> list[str]:
        return [oid for oid in oids if self._store.kind(oid) in ("commit", "tag")]

    def _teller(self, claim: Unproven) -> str | None:
        """Return the ref here that tells what became of a push."""
        return None if claim.by_url else tracked_as(self._tracking, claim.ref)

    def _is_shown(self, claim: Unproven) -> bool:
        ref = self._teller(claim)
        return ref is not None and self._refs.get(ref) == claim.oid

    def _asked(self, claims: list[Unproven], ask: Ask) -> Iterator[tuple[Unproven, bool | None]]:
        """Yield pushes that have ended and whether each was accepted; of what is there anyway nobody is asked."""
        commits = peeled(self._repo, self._still({claim.oid for claim in claims}))
        news = outside(self._repo, commits.values(), self._still(self._shown))
        there = ask() if news.intersection(commits.values()) else None
        for claim in claims:
            if commits.get(claim.oid) not in news:
                yield claim, True
            else:
                yield claim, None if there is None else self._is_accepted(claim, commits[claim.oid], there)

    def _is_accepted(self, claim: Unproven, commit: str, there: Collection[tuple[str, str]]) -> bool:
        # `refs/for/*` of Gerrit and others: it is at the server, under another name
        if any(oid == claim.oid for _, oid in there):
            return True
        now = [oid for ref, oid in there if ref == claim.ref]
        if not now:
            return not claim.ref.startswith(_SHOWN)
        # a later push may have gone on from there
        return bool(within(self._repo, {commit}, self._still(now)))


def _claims(entries: Iterable[Entry]) -> Iterator[Unproven]:
    for entry in entries:
        for ref, oid in entry.refs.items():
            yield Unproven(ref, oid, entry.pid, entry.by_url)


__all__ = ["Ask", "Finder", "Tips", "as_if_accepted"]
