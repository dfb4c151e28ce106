"""Who produced a file or line first: what all traces claim, without what a commit had before.

An event claims what its diff shows as new. That is not its work when it was in the history already: a cherry-pick, a
stash or a checkout of an old version brings in what others wrote. So a claim falls when a commit that existed before
the event introduced the same thing; and of several claims the earliest holds, whichever trace it is of.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from typing import Generic, Protocol, TypeVar

from gittrace.git.graph import Graph
from gittrace.git.history import Leaf, Made
from gittrace.trace.history.contents import Content
from gittrace.trace.history.facts import Claim, Facts
from gittrace.trace.history.families import Families
from gittrace.trace.history.rewraps import Book, Place, bents
from gittrace.trace.produced.work import Work
from gittrace.trace.text.fingerprint import Block, Line, Run, RunKey

Key = TypeVar("Key")
# seconds since the epoch, beyond any
_NEVER = 1 << 62


class Notes(Protocol):
    """Where segments are noted (`gittrace.trace.stored.index`)."""

    def noted(self, commit: str) -> Mapping[str, int]:
        """Return by session the last segment of it that is noted on a commit."""

    def commits_of(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace."""


class Register(Generic[Key]):
    """Claims of one kind of thing, by what is claimed, and the commits that introduced it; looked up when asked for."""

    def __init__(
        self,
        before: Callable[[Made, Claim], bool],
        claims: Callable[[Key], Iterable[Claim]],
        commits: Callable[[Key], Iterable[Made]],
    ) -> None:
        self._before = before
        self._load_claims = claims
        self._load_commits = commits
        self._raised: dict[Key, list[Claim]] = {}
        self._holding: dict[Key, list[Claim]] = {}
        self._commits: dict[Key, list[Made]] = {}

    def claims(self, key: Key) -> list[Claim]:
        """Return the claims that hold against the history, the earliest first."""
        found = self._holding.get(key)
        if found is None:
            raised = self._all(key)
            made = self.commits(key) if raised else ()
            found = [claim for claim in raised if not any(self._before(one, claim) for one in made)]
            self._holding[key] = found
        return found

    def commits(self, key: Key) -> list[Made]:
        """Return the commits that introduced something claimed."""
        found = self._commits.get(key)
        if found is None:
            found = self._commits[key] = list(self._load_commits(key)) if self._all(key) else []
        return found

    def _all(self, key: Key) -> list[Claim]:
        found = self._raised.get(key)
        if found is None:
            found = self._raised[key] = sorted(self._load_claims(key))
        return found

    def __contains__(self, key: Key) -> bool:
        return bool(self._all(key))


class Ledger:
    """The claims of all traces, held against the history; of each only what is asked for is looked up.

    leaves, blobs, runs, blocks  as `Work`
    lines                        (family, line)
    skeletons                    (family, fingerprint)
    removed                      (family, run)
    """

    def __init__(self, facts: Facts, graph: Graph, notes: Notes) -> None:
        self.facts = facts
        self.ancestry = graph
        self._notes = notes
        self._noted_on: dict[str, Mapping[str, int]] = {}
        self._counts: dict[int, bool] = {}
        self._places: dict[Line, set[bytes]] = {}
        self._books: dict[bytes, list[Book]] = {}
        self._bent: dict[tuple[str, bytes], Mapping[Place, list[tuple[Claim, int]]]] = {}
        self._formatted: dict[tuple[str, bytes], Mapping[int, int]] = {}
        self.families = Families(facts, ((old, new) for oid, old, new in facts.tables.moves() if oid in graph))
        names = self.families.members
        self.leaves: Register[Leaf] = self._register(facts.leaf_claims, self._leaf_commits)
        self.blobs: Register[str] = self._register(facts.blob_claims, facts.blob_commits)
        self.runs: Register[RunKey] = self._register(facts.run_claims, facts.run_commits)
        self.blocks: Register[Block] = self._register(facts.block_claims, facts.block_commits)
        self.lines: Register[tuple[bytes, Line]] = self._register(
            lambda key: facts.line_claims(names(key[0]), key[1]), lambda key: facts.line_commits(names(key[0]), key[1])
        )
        self.skeletons: Register[tuple[bytes, int]] = self._register(
            lambda key: facts.skeleton_claims(names(key[0]), key[1]),
            lambda key: facts.skeleton_commits(names(key[0]), key[1]),
        )
        self.removed: Register[tuple[bytes, Run]] = self._register(
            lambda key: facts.removed_claims(names(key[0]), key[1]), lambda _: ()
        )

    def close(self) -> None:
        """Let go of all that was looked up; it answers no more.

        It is much, and in cycles: the registers ask the ledger.
        """
        vars(self).clear()

    def _register(
        self, claims: Callable[[Key], Iterable[Claim]], commits: Callable[[Key], Collection[int]]
    ) -> Register[Key]:
        return Register(self.existed, claims, lambda key: self.commits(commits(key)))

    def _leaf_commits(self, leaf: Leaf) -> list[int]:
        _, mode, oid = leaf
        numbers = self.facts.blob_commits(oid, mode == 0)
        return [one for one in numbers if leaf in self.facts.commit(one).introduced]

    def commits(self, numbers: Collection[int]) -> list[Made]:
        """Return those of the commits that count: reachable or named, and touching what a trace touched."""
        found = []
        for number, made in zip(numbers, self.facts.commits(numbers), strict=True):
            counts = self._counts.get(number)
            if counts is None:
                counts = self._counts[number] = made.oid in self.ancestry and self._touches(made)
            if counts:
                found.append(made)
        return found

    def _touches(self, made: Made) -> bool:
        return any(self.families.is_touched(path) for path, _, _ in made.introduced) or any(
            mode and self.facts.blob_claims(blob) for _, mode, blob in made.introduced
        )

    def books(self, family: bytes) -> list[Book]:
        """Return what traces wrote in a file that stands so in no reachable commit."""
        found = self._books.get(family)
        if found is None:
            names = sorted(self.families.members(family))

            def is_committed(line: Line) -> bool:
                numbers = (*self.facts.line_commits(names, line), *self.facts.skeleton_commits(names, line.skeleton))
                return any(self._is_reachable(number) for number in numbers)

            found = self._books[family] = [
                book
                for known in self.facts.may_miss(names, self._is_reachable)
                for name in names
                if (book := Book.of(known.work, name, is_committed))
            ]
        return found

    def _is_reachable(self, number: int) -> bool:
        return self.ancestry.ref(self.facts.oid(number)) is not None

    def may_wrap(self, trace: str, path: bytes) -> set[int]:
        """Return the commits (their numbers) that may add lines that a trace wrote in a file, wrapped otherwise."""
        family = self.families.of(path)
        since = [book.since for book in self.books(family) if book.trace == trace]
        if not since:
            return set()
        names = self.families.members(family)
        return {number for name in names for number in self.facts.touching(name, min(since) // 1_000_000, _NEVER)}

    def first_bent(self, place: Place, made: Made) -> tuple[Claim, int] | None:
        """Return the earliest claim on an added line by who wrote it wrapped otherwise, and what they wrote."""
        path = place[0]
        found = self._bent.get((made.oid, path))
        if found is None:
            found = self._bent[made.oid, path] = self._bents(made, path)
        raised = sorted(found.get(place, ()))
        return next(((claim, written) for claim, written in raised if self.caused(claim, made)), None)

    def _bents(self, made: Made, path: bytes) -> Mapping[Place, list[tuple[Claim, int]]]:
        family = self.families.of(path)
        books = self.books(family)

        def is_known(line: Line) -> bool:
            return (family, line) in self.lines or (family, line.skeleton) in self.skeletons

        found: dict[Place, list[tuple[Claim, int]]] = {}
        for file in self.content(made.oid).files if books else ():
            if file.path == path:
                for at, bent in bents(file.lines, is_known, books):
                    found.setdefault((path, *at), []).append((Claim(bent.origin, bent.trace), bent.exact))
        return found

    def formatted(self, trace: str, family: bytes) -> Mapping[int, int]:
        """Return the lines that a trace wrote in a file, by their skeletons."""
        found = self._formatted.get((trace, family))
        if found is None:
            paths = self.families.members(family)
            lines = [item.line for path in paths for item in self.work(trace).lines.get(path, {}).values()]
            found = self._formatted[trace, family] = {line.skeleton: line.exact for line in lines}
        return found

    def places(self, line: Line) -> set[bytes]:
        """Return where commits put a telling line."""
        found = self._places.get(line)
        if found is None:
            places = self.facts.places(line)
            counting = {made.oid for made in self.commits([number for _, number in places])}
            found = {path for path, number in places if self.facts.commit(number).oid in counting}
            self._places[line] = found
        return found

    def commit(self, oid: str) -> Made:
        """Return a commit that counts, by its oid."""
        return self.facts.commit(self.facts.number(oid))

    def content(self, oid: str) -> Content:
        """Return what a commit changes; nothing, where that couldn't be read."""
        return self.facts.content(self.facts.number(oid))

    def work(self, trace: str) -> Work:
        """Return what a trace produced; nothing, of one that could not be read: the store's `problems` name it."""
        return self.facts.work(trace)

    @cached_property
    def _seen(self) -> dict[str, int]:
        """When commits are known to have existed at the latest: when an event saw HEAD there, or further on."""
        seen = self.facts.heads()
        for oid in reversed(self.ancestry):
            if oid in seen:
                for parent in self.ancestry.parents(oid):
                    seen[parent] = min(seen[oid], seen.get(parent, seen[oid]))
        return seen

    def first(self, register: Register[Key], key: Key, made: Made) -> Claim | None:
        """Return the earliest claim that holds and can have led to a commit."""
        return next((claim for claim in register.claims(key) if self.caused(claim, made)), None)

    def own_leaf(self, leaf: Leaf, made: Made) -> Claim | None:
        """Return the earliest claim on a file as it was left of those whose session made the commit."""
        claims = (claim for claim in sorted(self.facts.leaf_claims(leaf)) if self.made(claim, made))
        return next((claim for claim in claims if self.caused(claim, made)), None)

    def noted_on(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace."""
        return self._notes.commits_of(trace)

    def is_supported(self, claim: Claim, blob: str) -> bool:
        """Tell whether a trace that left a file so had a hand in it: it wrote lines of it, or only took some away.

        A cherry-pick onto something new makes a blob that nobody had, of lines that others wrote.
        """
        path, lines = self.work(claim.trace).support.get(blob, (b"", ()))
        family = self.families.of(path)
        firsts = (self.lines.claims((family, line))[:1] for line in lines)
        return not lines or any(held and held[0].trace == claim.trace for held in firsts)

    def wrote(self, claim: Claim, blob: str) -> frozenset[int]:
        """Return the telling lines that a trace wrote to get to a content, by their exact fingerprints."""
        _, lines = self.work(claim.trace).support.get(blob, (b"", ()))
        return frozenset(line.exact for line in lines)

    def only_took(self, claim: Claim, blob: str, family: bytes, gone: Collection[int]) -> bool:
        """Tell whether a trace that left a file so wrote no telling lines to get there, but took some away.

        `gone` are the exact fingerprints of what a commit takes away there; of a renamed file that may be nothing.
        """
        work = self.work(claim.trace)
        if work.support.get(blob, (b"", ()))[1]:
            return False
        names = self.families.members(family)
        return (
            not gone
            or any(not work.taken.get(name, set()).isdisjoint(gone) for name in names)
            or not work.untold.isdisjoint(names)
        )

    def wrote_in(self, trace: str, family: bytes) -> bool:
        """Tell whether a trace wrote lines in a file."""
        return self.facts.wrote_in(trace, self.families.members(family))

    def made(self, claim: Claim, made: Made) -> bool:
        """Tell whether a commit was made in a session of the trace, or carries the segment that the claim is in."""
        return made.oid in self.facts.made.get(claim.trace, ()) or self._is_noted(claim, made)

    def is_of_session(self, made: Made) -> bool:
        """Tell whether a commit was made in a session of any trace, or carries segments."""
        return bool(self._noted(made)) or any(made.oid in commits for commits in self.facts.made.values())

    def caused(self, claim: Claim, made: Made) -> bool:
        """Tell whether an event can have led to a commit: cause comes before effect."""
        if self._is_noted(claim, made):
            return True
        return claim.origin.at // 1_000_000 <= made.time and not self.existed(made, claim)

    def existed(self, made: Made, claim: Claim) -> bool:
        """Tell whether a commit existed before the event of a claim had ended.

        A commit's time is in whole seconds; within the second it is the HEADs that events saw that tell.
        """
        if self._is_noted(claim, made):
            return False
        if made.time < claim.origin.at // 1_000_000 or self._seen.get(made.oid, claim.origin.at + 1) <= claim.origin.at:
            return True
        if made.oid in self.facts.made.get(claim.trace, ()):
            return False
        # what came in as HEAD moved was not made by whom it came to
        for name in self.facts.arrivals(claim):
            if self.ancestry.leads_to(made.oid, name):
                return True
            arrived = self.commit(name) if name in self.ancestry else None
            # of two alike one of which is gone, that is the older one: it was rebased or amended
            if (
                arrived
                and self.ancestry.ref(name) is not None
                and made.time <= arrived.time
                and _is_picked(arrived, made)
            ):
                return True
        return False

    def _is_noted(self, claim: Claim, made: Made) -> bool:
        session, index = claim.origin.order
        return index <= self._noted(made).get(session, -1)

    def _noted(self, made: Made) -> Mapping[str, int]:
        noted = self._noted_on.get(made.oid)
        if noted is None:
            noted = self._noted_on[made.oid] = self._notes.noted(made.oid)
        return noted


def _is_picked(new: Made, old: Made) -> bool:
    """Tell whether a commit is a cherry-pick of another: it says so, or has its author, with the time, and subject."""
    return old.oid in new.picked or new.authored == old.authored
