"""What ties traces to one commit: the files and lines of it that each produced first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from gittrace.git.history import Leaf, Made
from gittrace.model.trace import Tier
from gittrace.text import counted, decode
from gittrace.trace.history.claims import Ledger
from gittrace.trace.history.contents import Content
from gittrace.trace.history.facts import Claim
from gittrace.trace.history.repeats import only_repeats
from gittrace.trace.text.fingerprint import BLOCK, Line, Run, RunKey, blocks, heaviest

TOOL_EMITTED: Tier = "tool_emitted"
DIVERGED: Tier = "tool_emitted_with_divergence"
OVERLAPPING: Tier = "overlapping"

SHORT_OID = 12
# a line of a trace in a commit: its file's family, and its exact fingerprint
Spot = tuple[bytes, int]


@dataclass
class Match:
    """The evidence for one trace and one commit, in numbers of lines and runs where nothing else is said.

    files      (path, blob) that the trace left so; mode 0 of deleted ones is not told apart
    same_as    a linked commit that makes the same changes, empty when there is none
    lines      as the trace wrote them
    formatted  with other white space, quotes, commas or round brackets
    wrapped    joined, split or filled anew
    bent       what was written, of the formatted and wrapped ones
    moved      in a row in another file
    known      the claims on telling lines that are the trace's, as they are or formatted, by path and skeleton
    removed    runs that the trace took away
    explained  added lines of the commit that are the trace's
    """

    files: list[tuple[bytes, str]] = field(default_factory=list)
    runs: int = 0
    same_as: str = ""
    lines: set[Spot] = field(default_factory=set)
    formatted: int = 0
    wrapped: int = 0
    bent: set[Spot] = field(default_factory=set)
    moved: int = 0
    removed: int = 0
    explained: int = 0
    known: dict[tuple[bytes, int], Claim] = field(default_factory=dict)

    @property
    def tier(self) -> Tier | None:
        """The tier of the strongest evidence, None when there is none."""
        if self.files or self.runs or self.same_as:
            return TOOL_EMITTED
        return DIVERGED if self.lines or self.formatted or self.wrapped or self.moved or self.removed else None

    def words(self, added: int) -> tuple[str, ...]:
        """Return the evidence in words, the strongest first, for a commit that adds so many lines."""
        said = [f"blob {oid[:SHORT_OID]} {decode(path)}" for path, oid in sorted(self.files)]
        if self.runs:
            said.append(f"{counted(self.runs, 'run')} of added lines")
        if self.same_as:
            said.append(f"the same changes as {self.same_as[:SHORT_OID]}")
        if self.lines:
            said.append(f"{len(self.lines)} of {counted(added, 'added line')}")
        if self.formatted:
            said.append(f"{counted(self.formatted, 'line')} formatted differently")
        if self.wrapped:
            said.append(f"{counted(self.wrapped, 'line')} wrapped differently")
        if self.moved:
            said.append(f"{counted(self.moved, 'line')} in another file")
        if self.removed:
            said.append(f"{counted(self.removed, 'run')} of removed lines")
        return tuple(said)


def matches(made: Made, content: Content, ledger: Ledger) -> tuple[dict[str, Match], int]:
    """Return what ties a commit to traces, by trace, and how many lines it adds (moved ones don't count)."""
    found: dict[str, Match] = defaultdict(Match)
    # a line that goes in one place and comes in another was there before
    gone = {line.exact for file in content.files for run in file.lines.removed for line in run if line.telling}
    bones = {line.skeleton for file in content.files for run in file.lines.removed for line in run if line.telling}
    total = 0
    readers: dict[bytes, _Lines] = {}
    for file in content.files:
        reader = readers[file.path] = _Lines(made, ledger, found, file.path, file.old_path)
        reader.gone.update(line.exact for run in file.lines.removed for line in run)
        for run, key in zip(file.lines.added, file.lines.keys, strict=True):
            reader.read(run, key, gone, bones)
        total += reader.new
    # what a merge introduces by hand is how a conflict was solved: maybe with lines that either side had
    leaves = [leaf for leaf in made.introduced if leaf[0] not in content.joined]
    _files(made, leaves, ledger, found, readers if len(made.parents) < 2 else {})
    if not made.reverts:
        _removed(made, content, ledger, found)
    for reader in readers.values():
        for trace in found.keys() & reader.explained.keys():
            found[trace].explained += reader.explained[trace]
    sources = {file.path: file.old_path for file in content.files}
    return {
        trace: match
        for trace, match in found.items()
        if match.files or match.wrapped or match.moved or not only_repeats(made, sources, trace, match.known, ledger)
    }, total


def _files(
    made: Made, leaves: Iterable[Leaf], ledger: Ledger, found: dict[str, Match], readers: Mapping[bytes, "_Lines"]
) -> None:
    deleted = {oid for _, mode, oid in made.introduced if mode == 0}
    for leaf in leaves:
        path, mode, oid = leaf
        claim, lines = ledger.first(ledger.leaves, leaf, made), readers.get(path)
        if (mode == 0 or oid in deleted) and not (claim and claim.trace in found):
            # several may have deleted or renamed the same, each on a branch of its own
            claim = ledger.own_leaf(leaf, made) or claim
        if claim is None and mode and oid not in deleted and not _had(made, ledger.blobs.commits(oid), ledger):
            claim, lines = ledger.first(ledger.blobs, oid, made), None  # its lines were written in another file
        if claim is not None and (mode == 0 or _has_part(claim, oid, ledger, lines)):
            match = found[claim.trace]
            match.files.append((path, oid))


def _has_part(claim: Claim, oid: str, ledger: Ledger, lines: "_Lines | None") -> bool:
    """Tell whether a trace that left a file so has a part in what the commit changes there.

    It may have left it so after it took in what others wrote; and a revert leads back to what it wrote before.
    """
    if lines is None:
        return ledger.is_supported(claim, oid)
    if lines.new:
        return claim.trace in lines.explained or lines.say_again(claim, oid)
    return ledger.only_took(claim, oid, lines.family, lines.gone)


def _had(made: Made, commits: Iterable[Made], ledger: Ledger) -> bool:
    """Tell whether one of the commits came before this one, which then only copies what that introduced."""
    return any(other.oid != made.oid and ledger.ancestry.leads_to(other.oid, made.oid) for other in commits)


def _removed(made: Made, content: Content, ledger: Ledger, found: dict[str, Match]) -> None:
    """Where a trace only took lines away, that is all that can be seen of it in a commit that its session made."""
    for file in content.files if ledger.is_of_session(made) else ():
        family = ledger.families.of(file.path)
        for run in file.lines.removed:
            # several may have taken the same away, each from what it began on
            for claim in ledger.removed.claims((family, run)):
                if ledger.made(claim, made) and ledger.caused(claim, made):
                    if not ledger.wrote_in(claim.trace, family):
                        found[claim.trace].removed += 1
                    break


class _Lines:
    """Reads the lines that a commit adds to one file."""

    def __init__(self, made: Made, ledger: Ledger, found: dict[str, Match], path: bytes, old_path: bytes) -> None:
        self.made = made
        self.ledger = ledger
        self.found = found
        self.path = path
        self.old_path = old_path
        self.family = ledger.families.of(path)
        self.runs = 0
        # how many lines are new, and how many of them are a trace's
        self.new = 0
        # new lines that say something and are nobody's
        self.orphans: list[Line] = []
        # exact fingerprints of all that it takes away there
        self.gone: set[int] = set()
        self.explained: Counter[str] = Counter()

    def read(self, run: Run, key: str, gone: set[int], bones: set[int]) -> None:
        """Take in a run of added lines."""
        new = [line.exact not in gone for line in run]
        owners: list[Claim | None] = [None] * len(run)
        for at, line in enumerate(run):
            if new[at] and line.telling:
                owners[at] = self._owner(line, bones) or self._wrapped(at)
        for at, block in () if all(owners) else blocks(run):
            # of three that are all somebody's, or were there before, nothing follows
            if None not in owners[at : at + BLOCK] or not all(new[at : at + BLOCK]):
                continue
            claim = self.ledger.first(self.ledger.blocks, block, self.made)
            if claim and not _had(self.made, self.ledger.blocks.commits(block), self.ledger):
                for place in range(at, at + BLOCK):
                    if owners[place] is None and run[place].skeleton not in bones:
                        owners[place] = claim
                        self.found[claim.trace].moved += 1
        whole = self._run(run, key, owners)
        for at, line in enumerate(run):
            if not line.telling:
                owners[at] = self._neighbours(line, owners, at)
            owner = owners[at] or whole
            if owner is None and new[at] and line.telling:
                self.orphans.append(line)
            if owner and new[at]:
                self.explained[owner.trace] += 1
        self.new += sum(new)
        self.runs += 1

    def _owner(self, line: Line, bones: set[int]) -> Claim | None:
        place = (self.family, line)
        claim = self.ledger.first(self.ledger.lines, place, self.made)
        if claim:
            match = self.found[claim.trace]
            match.lines.add((self.family, line.exact))
            match.known[self.path, line.skeleton] = claim
        elif line.skeleton not in bones and place not in self.ledger.lines:
            claim = self.ledger.first(self.ledger.skeletons, (self.family, line.skeleton), self.made)
            if claim:
                match = self.found[claim.trace]
                match.formatted += 1
                match.known[self.path, line.skeleton] = claim
                match.bent.add((self.family, self.ledger.formatted(claim.trace, self.family)[line.skeleton]))
        return claim

    def say_again(self, claim: Claim, blob: str) -> bool:
        """Tell whether a trace wrote a line that the file had already, where its session made the commit; count those.

        That an earlier commit brought such a line doesn't mean that this one isn't new.
        """
        if len(self.made.parents) != 1 or not self.ledger.made(claim, self.made):
            return False
        wrote = self.ledger.wrote(claim, blob)
        mine = [line for line in self.orphans if line.exact in wrote]
        stood = self.ledger.facts.standing(self.made.parents[0], self.old_path) if mine else None
        again = sum(line.skeleton in stood for line in mine) if stood else 0
        self.explained[claim.trace] += again
        return again > 0

    def _wrapped(self, at: int) -> Claim | None:
        found = self.ledger.first_bent((self.path, self.runs, at), self.made)
        if found is None:
            return None
        claim, written = found
        match = self.found[claim.trace]
        match.wrapped += 1
        match.bent.add((self.family, written))
        return claim

    def _run(self, run: Run, key: str, owners: list[Claim | None]) -> Claim | None:
        """Return who wrote all of a run, though some line of it may have stood elsewhere before."""
        known = RunKey(key, heaviest(run).skeleton)
        claim = self.ledger.first(self.ledger.runs, known, self.made) if key else None
        if claim is None:
            return None
        # short runs turn up in unrelated files too
        telling = {owner.trace for owner in owners if owner}
        here = self.ledger.lines.claims((self.family, run[0]))
        if claim.trace in telling or (not telling and any(one.trace == claim.trace for one in here)):
            self.found[claim.trace].runs += 1
            return claim
        return None

    def _neighbours(self, line: Line, owners: list[Claim | None], at: int) -> Claim | None:
        """Return who wrote a line that says nothing by itself: whoever wrote the one beside it, if it may be theirs."""
        claims = [
            claim for claim in self.ledger.lines.claims((self.family, line)) if self.ledger.caused(claim, self.made)
        ]
        beside = {owner.trace for owner in (*owners[max(at - 1, 0) : at], *owners[at + 1 : at + 2]) if owner}
        bent = self.ledger.first_bent((self.path, self.runs, at), self.made)
        if bent and bent[0].trace in beside:
            return bent[0]
        if not claims and not line.length and at:
            return owners[at - 1]  # a bracket that closes what is in front of it
        return next((claim for claim in claims if claim.trace in beside), claims[0] if claims else None)
