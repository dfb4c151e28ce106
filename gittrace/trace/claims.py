"""Who produced a file or line first: what all traces claim, without what a commit had before.

An event claims what its diff shows as new. That is not its work when it was in the history already: a cherry-pick, a
stash or a checkout of an old version brings in what others wrote. So a claim falls when a commit that existed before
the event introduced the same thing; and of several claims the earliest holds, whichever trace it is of.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Generic, NamedTuple, Protocol, TypeVar

from gittrace.git.graph import Graph
from gittrace.git.history import Leaf, Made
from gittrace.trace.contents import UNKNOWN, Content
from gittrace.trace.facts import Claim, Facts, Family, blob_key, block_key, leaf_key, run_key
from gittrace.trace.fingerprint import Line
from gittrace.trace.packed import unpack_lines
from gittrace.trace.rewraps import Bents, Place, rewraps
from gittrace.trace.work import Work

Key = TypeVar("Key")


class Notes(Protocol):
    """Where segments are noted (`gittrace.trace.index`)."""

    def noted(self, commit: str) -> Mapping[str, int]:
        """Return by session the last segment of it that is noted on a commit."""

    def commits_of(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace."""


class Families:
    """Paths that renames connect, in traces or in the history: one file under several names."""

    def __init__(self) -> None:
        self._parents: dict[bytes, bytes] = {}
        self._members: dict[bytes, set[bytes]] = {}

    def members(self, path: bytes) -> set[bytes]:
        """Return all names of a path, itself included."""
        return {path} | self._members.get(self.of(path), set())

    def of(self, path: bytes) -> bytes:
        """Return the name of a path's family."""
        parent = self._parents.get(path, path)
        while parent != path:
            path, parent = parent, self._parents.get(parent, parent)
        return path

    def join(self, one: bytes, other: bytes) -> None:
        """Make two paths one family; what it is called doesn't depend on the order."""
        one, other = sorted((self.of(one), self.of(other)))
        if one != other:
            self._parents[other] = one
            self._members[one] = self._members.get(one, {one}) | self._members.pop(other, {other})


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


class _FamilyLines(NamedTuple):
    """What was written in a file under all its names, and by which commits its lines were put there."""

    written: Family
    commits: Mapping[int, list[int]]
    skeletons: Mapping[int, list[int]]


class Ledger:
    """The claims of all traces, held against the history; of each only what is asked for is looked up.

    leaves, blobs     as `Work`
    lines, skeletons  (family, fingerprint)
    runs, blocks      whatever the path
    removed           (family, exact fingerprints)
    """

    def __init__(self, facts: Facts, graph: Graph, notes: Notes) -> None:
        self.facts = facts
        self.ancestry = graph
        self._notes = notes
        self._noted_on: dict[str, Mapping[str, int]] = {}
        self._lines: dict[bytes, _FamilyLines] = {}
        self._counts: dict[int, bool] = {}
        self._places: dict[int, set[bytes]] = {}
        self._bent: dict[bytes, Mapping[int, Bents]] = {}
        self._formatted: dict[tuple[str, bytes], Mapping[int, int]] = {}
        self.families = Families()
        for old, new in facts.renamed():
            self.families.join(old, new)
        self._paths = self._closed(facts.wanted_paths())
        self.leaves: Register[Leaf] = Register(self.existed, self._of(leaf_key), self._leaf_commits)
        self.blobs: Register[str] = Register(self.existed, self._of(blob_key), self._occurring(blob_key))
        self.runs: Register[str] = Register(self.existed, self._of(run_key), self._occurring(run_key))
        self.blocks: Register[int] = Register(self.existed, self._of(block_key), self._occurring(block_key))
        self.lines: Register[tuple[bytes, int]] = Register(
            self.existed,
            lambda key: self._claims(self.lines_of(key[0]).written.lines.get(key[1], ())),
            lambda key: self.commits(self.lines_of(key[0]).commits.get(key[1], ())),
        )
        self.skeletons: Register[tuple[bytes, int]] = Register(
            self.existed,
            lambda key: self._claims(self.lines_of(key[0]).written.skeletons.get(key[1], ())),
            lambda key: self.commits(self.lines_of(key[0]).skeletons.get(key[1], ())),
        )
        self.removed: Register[tuple[bytes, tuple[int, ...]]] = Register(
            self.existed,
            lambda key: self._claims(self.lines_of(key[0]).written.removed.get(key[1], ())),
            lambda _: (),
        )

    def _closed(self, paths: set[bytes]) -> set[bytes]:
        """Return the paths that count: those that a trace touched, under all names that commits gave them."""
        moves = [(old, new) for oid, old, new in self.facts.moves() if oid in self.ancestry]
        while fresh := [pair for pair in moves if not paths.isdisjoint(pair)]:
            for pair in fresh:
                self.families.join(*pair)
                paths.update(pair)
            moves = [pair for pair in moves if paths.isdisjoint(pair)]
        return paths

    def _of(self, key: Callable[[Key], int]) -> Callable[[Key], Iterable[Claim]]:
        return lambda item: self.facts.claims(key(item))

    def _claims(self, numbers: Iterable[tuple[int, int]]) -> Iterator[Claim]:
        return (self.facts.claim(trace, origin) for trace, origin in numbers)

    def _occurring(self, key: Callable[[Key], int]) -> Callable[[Key], Iterable[Made]]:
        return lambda item: self.commits(self.facts.occurs(key(item)))

    def _leaf_commits(self, leaf: Leaf) -> Iterable[Made]:
        _, mode, oid = leaf
        return [made for made in self.commits(self.facts.occurs(blob_key(oid, mode == 0))) if leaf in made.introduced]

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
        return any(path in self._paths for path, _, _ in made.introduced) or any(
            mode and self.facts.claims(blob_key(blob)) for _, mode, blob in made.introduced
        )

    def lines_of(self, family: bytes) -> _FamilyLines:
        """Return what traces and commits wrote in a file."""
        found = self._lines.get(family)
        if found is None:
            found = self._lines[family] = self._read_lines(self.families.members(family))
        return found

    def _read_lines(self, names: Collection[bytes]) -> _FamilyLines:
        written = self.facts.family(names)
        commits: dict[int, list[int]] = {}
        skeletons: dict[int, list[int]] = {}
        # what nobody claims is not asked for
        for name in names if written.lines else ():
            for number, packed in self.facts.changes(name):
                for run in unpack_lines(packed).added:
                    for line in run:
                        if line.exact in written.lines:
                            commits.setdefault(line.exact, []).append(number)
                        if line.skeleton in written.skeletons:
                            skeletons.setdefault(line.skeleton, []).append(number)
        return _FamilyLines(written, commits, skeletons)

    def bent(self, family: bytes) -> Mapping[int, Bents]:
        """Return by commit (its number) the lines that it adds to a file and that traces wrote, wrapped otherwise."""
        found = self._bent.get(family)
        if found is None:
            lines = self.lines_of(family)

            def is_committed(line: Line) -> bool:
                numbers = (*lines.commits.get(line.exact, ()), *lines.skeletons.get(line.skeleton, ()))
                return any(self.ancestry.ref(self.facts.commit(number).oid) is not None for number in numbers)

            names = sorted(self.families.members(family))
            found = self._bent[family] = rewraps(self.facts, names, lines.written, is_committed)
        return found

    def first_bent(self, place: Place, made: Made) -> tuple[Claim, int] | None:
        """Return the earliest claim on an added line by who wrote it wrapped otherwise, and what they wrote."""
        bents = self.bent(self.families.of(place[0])).get(self.facts.number(made.oid), {}).get(place, ())
        raised = sorted((self.facts.claim(bent.trace, bent.origin), bent.exact) for bent in bents)
        return next(((claim, written) for claim, written in raised if self.caused(claim, made)), None)

    def formatted(self, trace: str, family: bytes) -> Mapping[int, int]:
        """Return the lines that a trace wrote in a file, by their skeletons."""
        found = self._formatted.get((trace, family))
        if found is None:
            paths = self.families.members(family)
            lines = [item.line for path in paths for item in self.work(trace).lines.get(path, {}).values()]
            found = self._formatted[trace, family] = {line.skeleton: line.exact for line in lines}
        return found

    def places(self, exact: int) -> set[bytes]:
        """Return where commits put a telling line."""
        found = self._places.get(exact)
        if found is None:
            places = self.facts.places(exact)
            counting = {made.oid for made in self.commits([number for _, number in places])}
            found = {path for path, number in places if self.facts.commit(number).oid in counting}
            self._places[exact] = found
        return found

    def commit(self, oid: str) -> Made:
        """Return a commit that counts, by its oid."""
        return self.facts.commit(self.facts.number(oid))

    def content(self, oid: str) -> Content:
        """Return what a commit changes; nothing, where that couldn't be read."""
        return self.facts.content(self.facts.number(oid)) or UNKNOWN

    def work(self, trace: str) -> Work:
        """Return what a trace produced; nothing, of one that could not be read: the store's `problems` name it."""
        return self.facts.work(trace) if trace in self.facts.traces.values() else Work(trace)

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

    def noted_on(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace."""
        return self._notes.commits_of(trace)

    def is_supported(self, claim: Claim, blob: str) -> bool:
        """Tell whether a trace that left a file so had a hand in it: it wrote lines of it, or only took some away.

        A cherry-pick onto something new makes a blob that nobody had, of lines that others wrote.
        """
        path, lines = self.work(claim.trace).support.get(blob, (b"", ()))
        family = self.families.of(path)
        firsts = (self.lines.claims((family, exact))[:1] for exact in lines)
        return not lines or any(held and held[0].trace == claim.trace for held in firsts)

    def wrote(self, claim: Claim, blob: str) -> bool:
        """Tell whether a trace that left a file so wrote telling lines to get there, or only took some away."""
        return bool(self.work(claim.trace).support.get(blob, (b"", ()))[1])

    def wrote_in(self, trace: str, family: bytes) -> bool:
        """Tell whether a trace wrote lines in a file."""
        return self.facts.wrote_in(trace, self.families.members(family))

    def made(self, claim: Claim, made: Made) -> bool:
        """Tell whether a commit was made in a session of the trace, or carries the segment that the claim is in."""
        return made.oid in self.facts.made.get(claim.trace, ()) or self._is_noted(claim, made)

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
        noted = self._noted_on.get(made.oid)
        if noted is None:
            noted = self._noted_on[made.oid] = self._notes.noted(made.oid)
        return index <= noted.get(session, -1)


def _is_picked(new: Made, old: Made) -> bool:
    """Tell whether a commit is a cherry-pick of another: it says so, or has its author, with the time, and subject."""
    return old.oid in new.picked or new.authored == old.authored
