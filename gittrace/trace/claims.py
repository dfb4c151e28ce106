"""Who produced a file or line first: what all traces claim, without what a commit had before.

An event claims what its diff shows as new. That is not its work when it was in the history already: a cherry-pick, a
stash or a checkout of an old version brings in what others wrote. So a claim falls when a commit that existed before
the event introduced the same thing; and of several claims the earliest holds, whichever trace it is of.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Generic, NamedTuple, TypeVar

from gittrace.git.history import Ancestry, Leaf, Made
from gittrace.trace.contents import Content
from gittrace.trace.fingerprint import blocks
from gittrace.trace.work import Origin, Work

Key = TypeVar("Key")
Contents = Callable[[Iterable[Made]], Mapping[str, Content]]
# commit -> session -> the last of its segments that is noted there
Noted = Mapping[str, Mapping[str, int]]


class Claim(NamedTuple):
    """An event of a trace says that it produced something; the earliest comes first."""

    origin: Origin
    trace: str


class Families:
    """Paths that renames connect, in traces or in the history: one file under several names."""

    def __init__(self) -> None:
        self._parents: dict[bytes, bytes] = {}

    def members(self, path: bytes) -> set[bytes]:
        """Return all names of a path, itself included."""
        family = self.of(path)
        return {path, family} | {name for name in self._parents if self.of(name) == family}

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


class Register(Generic[Key]):
    """Claims of one kind of thing, by what is claimed, and the commits that introduced it."""

    def __init__(self, before: Callable[[Made, Claim], bool]) -> None:
        self._before = before
        self._claims: dict[Key, list[Claim]] = defaultdict(list)
        self._commits: dict[Key, list[Made]] = defaultdict(list)
        self._settled: set[Key] = set()

    def claim(self, key: Key, claim: Claim) -> None:
        """Enter a claim."""
        self._claims[key].append(claim)

    def introduced(self, key: Key, made: Made) -> None:
        """Enter that a commit introduced something; what nobody claims is not kept."""
        if key in self._claims:
            self._commits[key].append(made)

    def claims(self, key: Key) -> list[Claim]:
        """Return the claims that hold against the history, the earliest first."""
        found = self._claims.get(key)
        if found is None:
            return []
        if key not in self._settled:
            self._settled.add(key)
            found.sort()
            found[:] = [claim for claim in found if not any(self._before(made, claim) for made in self.commits(key))]
        return found

    def commits(self, key: Key) -> list[Made]:
        """Return the commits that introduced something claimed."""
        return self._commits.get(key, [])

    def __contains__(self, key: object) -> bool:
        return key in self._claims


class Ledger:
    """The claims of all traces, held against the history.

    leaves, blobs     as `Work`
    lines, skeletons  (family, fingerprint)
    runs, blocks      whatever the path
    removed           (family, exact fingerprints)
    """

    def __init__(self, works: Mapping[str, Work], history: dict[str, Made], contents: Contents, noted: Noted) -> None:
        self.works = works
        self.history = history
        self.noted = noted
        self.ancestry = Ancestry(history)
        self.families = Families()
        self.leaves: Register[Leaf] = Register(self.existed)
        self.blobs: Register[str] = Register(self.existed)
        self.lines: Register[tuple[bytes, int]] = Register(self.existed)
        self.skeletons: Register[tuple[bytes, int]] = Register(self.existed)
        self.runs: Register[str] = Register(self.existed)
        self.blocks: Register[int] = Register(self.existed)
        self.removed: Register[tuple[bytes, tuple[int, ...]]] = Register(self.existed)
        # telling lines that somebody claims, and where commits put them
        self.places: dict[int, set[bytes]] = {}
        self._seen = self._seen_at()
        self._wrote: dict[str, set[bytes]] = {}
        for work in works.values():
            for old, new in work.renames:
                self.families.join(old, new)
        self.contents = self._relevant(contents)
        for work in works.values():
            self._enter(work)
        for oid, content in self.contents.items():
            self._introduce(history[oid], content)

    def _seen_at(self) -> dict[str, int]:
        """Return when commits are known to have existed at the latest: when an event saw HEAD there, or further on."""
        seen: dict[str, int] = {}
        for work in self.works.values():
            for head, at in work.heads:
                seen[head] = min(at, seen.get(head, at))
        for oid in reversed(self.history):
            if oid in seen:
                for parent in self.history[oid].parents:
                    seen[parent] = min(seen[oid], seen.get(parent, seen[oid]))
        return seen

    def _relevant(self, contents: Contents) -> dict[str, Content]:
        """Return what the commits change that touch a file that a trace touched, under any of its names."""
        paths = {path for work in self.works.values() for path in (*work.paths, *work.lines)}
        blobs = {blob for work in self.works.values() for blob in work.blobs}
        found: dict[str, Content] = {}
        rest = dict(self.history)
        while True:
            touched = [
                made
                for made in rest.values()
                if any(path in paths or blob in blobs for path, _, blob in made.introduced)
            ]
            if not touched:
                return found
            fresh = contents(touched)
            found |= fresh
            for made in touched:
                del rest[made.oid]
            for content in fresh.values():
                for file in content.files:
                    if file.old_path != file.path and (file.old_path in paths or file.path in paths):
                        self.families.join(file.old_path, file.path)
                        paths |= {file.old_path, file.path}

    def _enter(self, work: Work) -> None:
        trace = work.trace_id
        for leaf, origin in work.leaves.items():
            self.leaves.claim(leaf, Claim(origin, trace))
        for blob, origin in work.blobs.items():
            self.blobs.claim(blob, Claim(origin, trace))
        for path, written in work.lines.items():
            family = self.families.of(path)
            for exact, one in written.items():
                claim = Claim(one.origin, trace)
                self.lines.claim((family, exact), claim)
                if one.line.telling:
                    self.places.setdefault(exact, set())
                    self.skeletons.claim((family, one.line.skeleton), claim)
        for key, origin in work.runs.items():
            self.runs.claim(key, Claim(origin, trace))
        for block, origin in work.blocks.items():
            self.blocks.claim(block, Claim(origin, trace))
        for (path, lines), origin in work.removed.items():
            self.removed.claim((self.families.of(path), lines), Claim(origin, trace))

    def _introduce(self, made: Made, content: Content) -> None:
        for leaf in made.introduced:
            self.leaves.introduced(leaf, made)
            if leaf[1]:
                self.blobs.introduced(leaf[2], made)
        for file in content.files:
            family = self.families.of(file.path)
            for run, key in zip(file.lines.added, file.lines.keys, strict=True):
                self.runs.introduced(key, made)
                for line in run:
                    self.lines.introduced((family, line.exact), made)
                    self.skeletons.introduced((family, line.skeleton), made)
                    if line.exact in self.places:
                        self.places[line.exact].add(file.path)
                for _, block in blocks(run):
                    self.blocks.introduced(block, made)

    def first(self, register: "Register[Key]", key: Key, made: Made) -> Claim | None:
        """Return the earliest claim that holds and can have led to a commit."""
        return next((claim for claim in register.claims(key) if self.caused(claim, made)), None)

    def is_supported(self, claim: Claim, blob: str) -> bool:
        """Tell whether a trace that left a file so had a hand in it: it wrote lines of it, or only took some away.

        A cherry-pick onto something new makes a blob that nobody had, of lines that others wrote.
        """
        path, lines = self.works[claim.trace].support.get(blob, (b"", ()))
        family = self.families.of(path)
        firsts = (self.lines.claims((family, exact))[:1] for exact in lines)
        return not lines or any(held and held[0].trace == claim.trace for held in firsts)

    def wrote_in(self, trace: str, family: bytes) -> bool:
        """Tell whether a trace wrote lines in a file."""
        if trace not in self._wrote:
            work = self.works[trace]
            self._wrote[trace] = {self.families.of(path) for path, lines in work.lines.items() if lines}
        return family in self._wrote[trace]

    def made(self, claim: Claim, made: Made) -> bool:
        """Tell whether a commit was made in a session of the trace, or carries the segment that the claim is in."""
        return made.oid in self.works[claim.trace].made or self._is_noted(claim, made)

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
        work = self.works[claim.trace]
        if made.oid in work.made:
            return False
        # what came in as HEAD moved was not made by whom it came to
        for name in work.arrivals.get(claim.origin.event_id, ()):
            if self.ancestry.leads_to(made.oid, name):
                return True
            arrived = self.history.get(name)
            # of two alike one of which is gone, that is the older one: it was rebased or amended
            if arrived and arrived.reachable and made.time <= arrived.time and _is_picked(arrived, made):
                return True
        return False

    def _is_noted(self, claim: Claim, made: Made) -> bool:
        session, index = claim.origin.order
        return index <= self.noted.get(made.oid, {}).get(session, -1)


def _is_picked(new: Made, old: Made) -> bool:
    """Tell whether a commit is a cherry-pick of another: it says so, or has its author, with the time, and subject."""
    return old.oid in new.picked or new.authored == old.authored
