"""What traces claim and what commits introduced, exactly, of what is asked for.

The tables (`gittrace.trace.history.tables`) name the traces and commits that may have to do with it; these are read,
and say what they hold. So a question costs what has to do with it, and the answer doesn't depend on what was asked
before.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from typing import NamedTuple

from gittrace.git.graph import Node
from gittrace.git.history import Leaf
from gittrace.trace.history.contents import Changed, Content
from gittrace.trace.history.reading import Known, Reader
from gittrace.trace.history.tables import Tables
from gittrace.trace.produced.work import Origin, Work, Written
from gittrace.trace.text.fingerprint import Block, Line, Run, RunKey, blocks, heaviest
from gittrace.trace.text.packed import blob_key, signed


class Claim(NamedTuple):
    """An event of a trace says that it produced something; the earliest comes first."""

    origin: Origin
    trace: str


class Facts:
    """Answers from the tables, and from the traces and commits that they name."""

    def __init__(self, tables: Tables, reader: Reader) -> None:
        self.tables = tables
        self.reader = reader
        self.commit = tables.commit
        self.commits = tables.commits
        self.number = tables.number
        self.oid = tables.oid
        self.reverting = tables.reverting
        self.touching = tables.touching
        self._blocks: dict[int, frozenset[int]] = {}

    @property
    def made(self) -> Mapping[str, set[str]]:
        """The commits that the sessions of each trace made, under all their names."""
        return self.tables.made

    def nodes(self) -> dict[str, Node]:
        """Return what is known of the order of commits."""
        return self.tables.nodes()

    def heads(self) -> dict[str, int]:
        """Return when the first event saw a commit as HEAD (microseconds since the epoch)."""
        return self.tables.heads()

    def work(self, trace: str) -> Work:
        """Return what a trace produced; nothing, of one that is not known or can't be read."""
        return self._known(trace).work

    def _known(self, trace: str) -> Known:
        return self.reader.work(trace) if trace in self.tables.ids else Known(Work(trace))

    def _of(self, numbers: Iterable[int]) -> Iterable[Known]:
        """Return the traces, by their numbers; those that were read before come first."""
        traces, held = self.tables.traces, self.reader.held
        ids = [traces[number] for number in numbers if number in traces]
        read = [known for trace in ids if (known := held(trace))]
        if len(read) == len(ids):
            return read
        return chain(read, map(self.reader.work, [trace for trace in ids if not held(trace)]))

    def _claims(self, numbers: Iterable[int], origin: Callable[[Work], Origin | None]) -> list[Claim]:
        found = []
        for known in self._of(numbers):
            at = origin(known.work)
            if at is not None:
                found.append(Claim(at, known.work.trace_id))
        return found

    def leaf_claims(self, leaf: Leaf) -> list[Claim]:
        """Return the claims on a file as it was left."""
        path, _, oid = leaf
        numbers = self.tables.naming(blob_key(oid)) | self.tables.mentioning(path, only_loose=True)
        return self._claims(numbers, lambda work: work.leaves.get(leaf))

    def blob_claims(self, oid: str) -> list[Claim]:
        """Return the claims on a content."""
        return self._claims(self.tables.naming(blob_key(oid)), lambda work: work.blobs.get(oid))

    def run_claims(self, run: RunKey) -> list[Claim]:
        """Return the claims on a run of lines."""
        return self._claims(self.tables.saying(signed(run.skeleton)), lambda work: work.runs.get(run))

    def block_claims(self, block: Block) -> list[Claim]:
        """Return the claims on three lines in a row."""
        return self._claims(self.tables.saying(signed(block.skeleton)), lambda work: work.blocks.get(block))

    def line_claims(self, paths: Iterable[bytes], line: Line) -> list[Claim]:
        """Return the claims on a line of a file, by the file's names."""
        names = list(paths)
        return [
            Claim(written.origin, known.work.trace_id)
            for known in self._of(self.tables.saying(signed(line.hint), names))
            for path in names
            if (written := known.work.lines.get(path, _NO_LINES).get(line.exact))
        ]

    def skeleton_claims(self, paths: Iterable[bytes], skeleton: int) -> list[Claim]:
        """Return the claims on a telling line of a file that was formatted differently."""
        names = list(paths)
        return [
            Claim(written.origin, known.work.trace_id)
            for known in self._of(self.tables.saying(signed(skeleton), names))
            for path in names
            for written in known.skeletons.get((path, skeleton), ())
        ]

    def removed_claims(self, paths: Iterable[bytes], run: Run) -> list[Claim]:
        """Return the claims on a run of lines of a file that was taken away."""
        names, exacts = list(paths), tuple(line.exact for line in run)
        return [
            Claim(origin, known.work.trace_id)
            for known in self._of(self.tables.removing(signed(heaviest(run).hint), names))
            for path in names
            if (origin := known.work.removed.get((path, exacts)))
        ]

    def may_miss(self, paths: Iterable[bytes], is_reachable: Callable[[int], bool]) -> Iterable[Known]:
        """Return the traces that may have added a line to a file, by its names, that no reachable commit adds."""
        rows = self.tables.added_by_traces(paths)
        # what a merge may add, it adds over one of its parents
        committed = {
            hint
            for hint, _, number in rows
            if number is not None and number not in self.tables.merges and is_reachable(number)
        }
        return self._of(self.tables.opaque[1] | {trace for hint, trace, _ in rows if hint not in committed})

    def touched(self, path: bytes) -> list[Claim]:
        """Return the first claim of each trace that left a file, in whatever state, under a path."""
        return [
            Claim(min(origins), known.work.trace_id)
            for known in self._of(self.tables.mentioning(path))
            if (origins := [origin for leaf, origin in known.work.leaves.items() if leaf[0] == path])
        ]

    def is_touched(self, path: bytes) -> bool:
        """Tell whether a trace changed a file under this name."""
        return any(path in known.paths for known in self._of(self.tables.mentioning(path)))

    def renames(self, trace: int) -> set[tuple[bytes, bytes]]:
        """Return (old, new) of what a trace, by its number, renamed."""
        return {pair for known in self._of((trace,)) for pair in known.work.renames}

    def arrivals(self, claim: Claim) -> tuple[str, ...]:
        """Return the commits to which HEAD went while the event of a claim happened, or which were merged."""
        return self.work(claim.trace).arrivals.get(claim.origin.event_id, ())

    def times(self, trace: str) -> tuple[int, int]:
        """Return when a trace began and ended, in seconds since the epoch."""
        work = self.work(trace)
        return work.began, work.ended

    def wrote_in(self, trace: str, paths: Iterable[bytes]) -> bool:
        """Tell whether a trace wrote lines in a file, by its names."""
        lines = self.work(trace).lines
        return any(lines.get(path) for path in paths)

    def content(self, number: int) -> Content:
        """Return what a commit changes."""
        return self.reader.content(self.commit(number))

    def standing(self, commit: str, path: bytes) -> Counter[int] | None:
        """Return how often the skeletons of telling lines stand in a commit's file, None where that can't be read."""
        return self.reader.standing(commit, path)

    def read(self, numbers: Iterable[int]) -> None:
        """Read commits of which all will be asked."""
        self.reader.read(self.commits(numbers))

    def patches(self, number: int) -> tuple[str, str]:
        """Return what `Content` says of a commit's patch and its inverse."""
        content = self.content(number)
        return content.patch, content.inverse

    def alike(self, number: int) -> list[int]:
        """Return the commits that make the same changes as one, itself included."""
        patch = self.patches(number)[0]
        return [one for one in self.tables.alike(number, inverse=False) if patch and self.patches(one)[0] == patch]

    def undone(self, number: int) -> list[int]:
        """Return the commits that a commit takes back."""
        patch = self.patches(number)[0]
        return [one for one in self.tables.alike(number, inverse=True) if patch and self.patches(one)[1] == patch]

    def undoing(self, number: int) -> list[int]:
        """Return the commits that take back what a commit changes."""
        inverse = self.patches(number)[1]
        return [one for one in self.tables.alike(number, inverse=True) if inverse and self.patches(one)[0] == inverse]

    def blob_commits(self, oid: str, gone: bool = False) -> list[int]:
        """Return the commits that introduced a content, or took it away."""
        return self.tables.occurs(blob_key(oid, gone))

    def run_commits(self, run: RunKey) -> list[int]:
        """Return the commits that add a run of lines."""
        return self._adding(run.skeleton, None, lambda file: run.key in file.lines.keys)

    def block_commits(self, block: Block) -> list[int]:
        """Return the commits that add three lines in a row."""
        numbers = sorted(self.tables.adding(signed(block.skeleton), None))
        self.read(number for number in numbers if number not in self._blocks)
        return [number for number in numbers if block.key in self._blocks_of(number)]

    def _blocks_of(self, number: int) -> frozenset[int]:
        """Return the keys of all three lines in a row that a commit adds: of large ones they are asked for often."""
        found = self._blocks.get(number)
        if found is None:
            runs = (run for file in self.content(number).files for run in file.lines.added)
            found = self._blocks[number] = frozenset(block.key for run in runs for _, block in blocks(run))
        return found

    def line_commits(self, paths: Iterable[bytes], line: Line) -> list[int]:
        """Return the commits that add a line to a file, by its names."""
        return self._adding(line.hint, paths, lambda file: any(line in run for run in file.lines.added))

    def skeleton_commits(self, paths: Iterable[bytes], skeleton: int) -> list[int]:
        """Return the commits that add a line to a file, formatted in whatever way."""
        return self._adding(
            skeleton,
            paths,
            lambda file: any(line.skeleton == skeleton for run in file.lines.added for line in run),
        )

    def _adding(self, hint: int, paths: Iterable[bytes] | None, has: Callable[[Changed], bool]) -> list[int]:
        names = None if paths is None else frozenset(paths)
        numbers = sorted(self.tables.adding(signed(hint), names))
        self.read(numbers)
        return [
            number
            for number in numbers
            if any((names is None or file.path in names) and has(file) for file in self.content(number).files)
        ]

    def places(self, line: Line) -> list[tuple[bytes, int]]:
        """Return (path, commit) of wherever a commit put a telling line."""
        return [
            (path, number)
            for path, number in self.tables.places(signed(line.hint))
            if any(file.path == path and line in run for file in self.content(number).files for run in file.lines.added)
        ]


_NO_LINES: Mapping[int, Written] = {}
