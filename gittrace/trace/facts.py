"""What is known of traces and commits, in tables: what each trace wrote, what each commit changed.

They are part of the cache in `<common-dir>/trace/cache/history.sqlite`, which may be deleted at any time. A row says
what follows from the segments of one trace, or from one commit, and from nothing else. What follows from them
together (whose a line is, which commits count) is found when it is asked for, and of no more than the question needs:
so a commit or a segment that is new costs what is in it.
"""

import json
import sqlite3
from array import array
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property
from typing import Any, NamedTuple

import mmh3

from gittrace.git.graph import Node
from gittrace.git.history import Leaf, Made
from gittrace.trace.contents import Changed, Content
from gittrace.trace.fingerprint import Line
from gittrace.trace.packed import signed, unpack_lines, unpack_written
from gittrace.trace.work import Origin, Work, Written

SCHEMA = """
create table meta (name text primary key, value text not null);
create table paths (number integer primary key, path blob not null unique, wanted integer not null default 0);
create table traces (number integer primary key, trace text not null unique, state text not null,
    began integer not null, ended integer not null, keys blob not null, data text not null);
create table origins (trace integer not null, number integer not null, at integer not null, event text not null,
    session text not null, idx integer not null, arrivals text not null,
    primary key (trace, number)) without rowid;
create table wrote (path integer not null, trace integer not null, counts integer not null, touched integer,
    lines blob not null, removed text not null, primary key (path, trace)) without rowid;
create index wrote_by_trace on wrote (trace);
create table claims (key integer not null, trace integer not null, origin integer not null,
    primary key (key, trace)) without rowid;
create table heads (trace integer not null, head text not null, at integer not null,
    primary key (trace, head)) without rowid;
create table made (trace integer not null, oid text not null, primary key (trace, oid)) without rowid;
create table renames (trace integer not null, old blob not null, new blob not null,
    primary key (trace, old, new)) without rowid;
create table commits (number integer primary key, oid text not null unique, time integer not null,
    parents text not null, whole integer not null, data text not null);
create table touches (path integer not null, number integer not null, primary key (path, number)) without rowid;
create table reverts (oid text not null, number integer not null, primary key (oid, number)) without rowid;
create table contents (number integer primary key, state integer not null, patch text, inverse text);
create index contents_unread on contents (number) where state = 0;
create index contents_by_patch on contents (patch);
create index contents_by_inverse on contents (inverse);
create table changes (number integer not null, place integer not null, path integer not null, old_path integer not null,
    lines blob not null, primary key (number, place)) without rowid;
create index changes_by_path on changes (path);
create table moves (number integer not null, old blob not null, new blob not null,
    primary key (number, old, new)) without rowid;
create table occurs (key integer not null, number integer not null, primary key (key, number)) without rowid;
create table places (exact integer not null, path integer not null, number integer not null,
    primary key (exact, path, number)) without rowid;
"""
TABLES = (
    "meta paths traces origins wrote claims heads made renames"
    " commits touches reverts contents changes moves occurs places"
).split()
OF_COMMITS = "commits touches reverts contents changes moves occurs places".split()

# states of a commit's content; what could not be read may be here another time
UNREAD, READ, UNREADABLE = range(3)
_RUN, _BLOCK, _GONE = 0x5BD1E995A3C59AC3, 0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F
_BATCH = 500


def leaf_key(leaf: Leaf) -> int:
    """Return the key of a claim on a file as it was left."""
    path, mode, oid = leaf
    return int(mmh3.hash64(b"%o %s %s" % (mode, oid.encode(), path))[0])


def blob_key(oid: str, gone: bool = False) -> int:
    """Return the key of a content; of one that was deleted it is another."""
    return signed(int(oid[:16] or "0", 16) ^ (_GONE if gone else 0))


def run_key(key: str) -> int:
    """Return the key of a run of lines, by its murmur3."""
    return signed(int(key[:16], 16) ^ _RUN)


def block_key(block: int) -> int:
    """Return the key of three lines in a row."""
    return signed(block ^ _BLOCK)


class Claim(NamedTuple):
    """An event of a trace says that it produced something; the earliest comes first."""

    origin: Origin
    trace: str


class Family(NamedTuple):
    """What traces wrote in a file, under all its names; each claim as (number of the trace, number of the origin).

    lines, skeletons  by the fingerprint
    removed           by the exact fingerprints of lines that were taken away
    """

    lines: Mapping[int, list[tuple[int, int]]]
    skeletons: Mapping[int, list[tuple[int, int]]]
    removed: Mapping[tuple[int, ...], list[tuple[int, int]]]


class Facts:
    """Reads the tables."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._commits: dict[int, Made] = {}
        self._numbers: dict[str, int] = {}
        self._works: dict[str, Work] = {}
        self._origins: dict[tuple[int, int], tuple[Claim, tuple[str, ...]]] = {}
        self._paths: dict[int, bytes] = {}

    @cached_property
    def traces(self) -> dict[int, str]:
        """The traces, by their numbers here."""
        return dict(self.db.execute("select number, trace from traces"))

    @cached_property
    def _trace_numbers(self) -> dict[str, int]:
        return {trace: number for number, trace in self.traces.items()}

    @cached_property
    def made(self) -> dict[str, set[str]]:
        """The commits that the sessions of each trace made, under all their names."""
        found: dict[str, set[str]] = defaultdict(set)
        for number, oid in self.db.execute("select trace, oid from made"):
            found[self.traces[number]].add(oid)
        return found

    def nodes(self) -> dict[str, Node]:
        """Return what is known of the order of commits."""
        rows = self.db.execute("select oid, time, parents from commits")
        return {oid: Node(time, tuple(parents.split())) for oid, time, parents in rows}

    def heads(self) -> dict[str, int]:
        """Return when the first event saw a commit as HEAD (microseconds since the epoch)."""
        return dict(self.db.execute("select head, min(at) from heads group by head"))

    def number(self, oid: str) -> int:
        """Return the number of a commit here; it must be known."""
        found = self._numbers.get(oid)
        if found is None:
            (found,) = self.db.execute("select number from commits where oid = ?", (oid,)).fetchone()
            self._numbers[oid] = found
        return found

    def commit(self, number: int) -> Made:
        """Return a commit."""
        if number not in self._commits:
            self.commits((number,))
        return self._commits[number]

    def commits(self, numbers: Iterable[int]) -> list[Made]:
        """Return commits."""
        wanted = list(numbers)
        missing = [number for number in wanted if number not in self._commits]
        for start in range(0, len(missing), _BATCH):
            some = missing[start : start + _BATCH]
            marks = ",".join("?" * len(some))
            query = f"select number, oid, time, parents, data from commits where number in ({marks})"  # noqa: S608 - question marks
            for number, oid, time, parents, data in self.db.execute(query, some):
                self._commits[number] = _made(oid, time, parents, json.loads(data))
        return [self._commits[number] for number in wanted]

    def content(self, number: int) -> Content | None:
        """Return what a commit changes, None when it touches nothing that was looked at."""
        row = self.db.execute("select state, patch, inverse from contents where number = ?", (number,)).fetchone()
        if row is None:
            return None
        state, patch, inverse = row
        query = "select path, old_path, lines from changes where number = ? order by place"
        files = tuple(
            Changed(self._path(path), self._path(old), unpack_lines(lines))
            for path, old, lines in self.db.execute(query, (number,))
        )
        return Content(files, patch or "", inverse or "", state == READ)

    def patches(self, number: int) -> tuple[str, str]:
        """Return what `Content` says of a commit's patch and its inverse."""
        row = self.db.execute("select patch, inverse from contents where number = ?", (number,)).fetchone()
        return (row[0] or "", row[1] or "") if row else ("", "")

    def with_patch(self, patch: str) -> list[int]:
        """Return the commits that make the same changes."""
        query = "select number from contents where patch = ?"
        return [row[0] for row in self.db.execute(query, (patch,))] if patch else []

    def with_inverse(self, patch: str) -> list[int]:
        """Return the commits that are undone by such changes."""
        query = "select number from contents where inverse = ?"
        return [row[0] for row in self.db.execute(query, (patch,))] if patch else []

    def reverting(self, oid: str) -> list[int]:
        """Return the commits that say they revert one."""
        return [row[0] for row in self.db.execute("select number from reverts where oid = ?", (oid,))]

    def occurs(self, key: int) -> list[int]:
        """Return the commits that introduced something, by its key."""
        return [row[0] for row in self.db.execute("select number from occurs where key = ?", (key,))]

    def touching(self, path: bytes) -> list[int]:
        """Return the commits that touched a path."""
        query = "select number from touches where path = (select number from paths where path = ?)"
        return [row[0] for row in self.db.execute(query, (path,))]

    def places(self, exact: int) -> list[tuple[bytes, int]]:
        """Return (path, commit) of wherever a commit put a telling line."""
        query = "select path, number from places where exact = ?"
        return [(self._path(path), number) for path, number in self.db.execute(query, (signed(exact),))]

    def claims(self, key: int) -> list[Claim]:
        """Return the claims on something, by its key."""
        rows = self.db.execute("select trace, origin from claims where key = ?", (key,))
        return [self.claim(trace, origin) for trace, origin in rows.fetchall()]

    def keys(self, trace: str) -> set[int]:
        """Return the keys of all claims of a trace."""
        (packed,) = self.db.execute("select keys from traces where trace = ?", (trace,)).fetchone() or (b"",)
        return set(array("q", packed))

    def claim(self, trace: int, origin: int) -> Claim:
        """Return a claim, by the numbers of its trace and origin."""
        return self._origin(trace, origin)[0]

    def _origin(self, trace: int, number: int) -> tuple[Claim, tuple[str, ...]]:
        found = self._origins.get((trace, number))
        if found is None:
            query = "select at, event, session, idx, arrivals from origins where trace = ? and number = ?"
            at, event, session, index, arrivals = self.db.execute(query, (trace, number)).fetchone()
            claim = Claim(Origin(at, event, (session, index)), self.traces[trace])
            found = self._origins[trace, number] = claim, tuple(arrivals.split())
            self._arrivals[claim.trace, event] = found[1]
        return found

    @cached_property
    def _arrivals(self) -> dict[tuple[str, str], tuple[str, ...]]:
        return {}

    def arrivals(self, claim: Claim) -> tuple[str, ...]:
        """Return the commits to which HEAD went while the event of a claim happened, or which were merged."""
        return self._arrivals[claim.trace, claim.origin.event_id]

    def family(self, paths: Iterable[bytes]) -> Family:
        """Return what traces wrote in a file, by its names."""
        family = Family(defaultdict(list), defaultdict(list), defaultdict(list))
        query = "select trace, lines, removed from wrote where path = (select number from paths where path = ?)"
        for path in paths:
            for trace, lines, removed in self.db.execute(query, (path,)):
                for line, origin, _ in unpack_written(lines):
                    family.lines[line.exact].append((trace, origin))
                    if line.telling:
                        family.skeletons[line.skeleton].append((trace, origin))
                for run, origin in json.loads(removed):
                    family.removed[tuple(run)].append((trace, origin))
        return family

    def standing(self, path: bytes) -> list[tuple[int, list[tuple[Line, int]]]]:
        """Return by trace the lines that it wrote in a file and let stand, each with the number of its origin."""
        query = "select trace, lines from wrote where path = (select number from paths where path = ?)"
        return [
            (trace, [(line, origin) for line, origin, stands in unpack_written(lines) if stands])
            for trace, lines in self.db.execute(query, (path,))
        ]

    def changes(self, path: bytes) -> list[tuple[int, bytes]]:
        """Return (commit, packed lines) of every change of a path."""
        query = "select number, lines from changes where path = (select number from paths where path = ?)"
        return self.db.execute(query, (path,)).fetchall()

    def touched(self, path: bytes) -> list[Claim]:
        """Return the first claim of each trace that left a file, in whatever state, under a path."""
        query = (
            "select trace, touched from wrote where touched is not null"
            " and path = (select number from paths where path = ?)"
        )
        return [self.claim(trace, origin) for trace, origin in self.db.execute(query, (path,)).fetchall()]

    def wanted_paths(self) -> set[bytes]:
        """Return the paths that traces touched."""
        query = "select path from paths where number in (select path from wrote where counts)"
        return {row[0] for row in self.db.execute(query)}

    def renamed(self) -> list[tuple[bytes, bytes]]:
        """Return (old, new) of what traces renamed."""
        return self.db.execute("select distinct old, new from renames").fetchall()

    def moves(self) -> list[tuple[str, bytes, bytes]]:
        """Return (commit's oid, old, new) of what commits renamed."""
        return self.db.execute("select oid, old, new from moves join commits using (number)").fetchall()

    def work(self, trace: str) -> Work:
        """Return what a trace produced, without what `claims` is there for: blobs, runs, blocks and HEADs."""
        if trace not in self._works:
            self._works[trace] = self._read_work(trace)
        return self._works[trace]

    def _read_work(self, trace: str) -> Work:
        number = self._trace_numbers[trace]
        query = "select began, ended, data from traces where number = ?"
        began, ended, text = self.db.execute(query, (number,)).fetchone()
        data: Mapping[str, Any] = json.loads(text)
        origins = {
            key: Origin(at, event, (session, index))
            for key, at, event, session, index in self.db.execute(
                "select number, at, event, session, idx from origins where trace = ?", (number,)
            )
        }
        lines: dict[bytes, dict[int, Written]] = {}
        order: dict[bytes, list[Written]] = {}
        removed: dict[tuple[bytes, tuple[int, ...]], Origin] = {}
        query = "select paths.path, lines, removed from wrote join paths on paths.number = wrote.path where trace = ?"
        for path, packed, taken in self.db.execute(query, (number,)):
            written = [Written(line, origins[origin], stands) for line, origin, stands in unpack_written(packed)]
            if written:
                lines[path] = {one.line.exact: one for one in written}
                order[path] = written
            for run, origin in json.loads(taken):
                removed[path, tuple(run)] = origins[origin]
        return Work(
            trace_id=trace,
            began=began,
            ended=ended,
            leaves={(_bytes(path), mode, oid): origins[origin] for path, mode, oid, origin in data["leaves"]},
            support={oid: (_bytes(path), tuple(exacts)) for oid, (path, exacts) in data["support"].items()},
            lines=lines,
            order=order,
            removed=removed,
            names={_bytes(first): _bytes(last) for first, last in data["names"].items()},
            renames={(_bytes(old), _bytes(new)) for old, new in data["renames"]},
            made=frozenset(self.made.get(trace, ())),
            problems=data["problems"],
            whole=data["whole"],
        )

    def times(self, trace: str) -> tuple[int, int]:
        """Return when a trace began and ended, in seconds since the epoch."""
        number = self._trace_numbers[trace]
        began, ended = self.db.execute("select began, ended from traces where number = ?", (number,)).fetchone()
        return began, ended

    def wrote_in(self, trace: str, paths: Collection[bytes]) -> bool:
        """Tell whether a trace wrote lines in a file, by its names."""
        query = (
            "select 1 from wrote where trace = ? and lines != x'' and path = (select number from paths where path = ?)"
        )
        number = self._trace_numbers[trace]
        return any(self.db.execute(query, (number, path)).fetchone() for path in paths)

    def _path(self, number: int) -> bytes:
        if number not in self._paths:
            (self._paths[number],) = self.db.execute("select path from paths where number = ?", (number,)).fetchone()
        return self._paths[number]


def _made(oid: str, time: int, parents: str, data: list[Any]) -> Made:
    tree, subject, authored, reverts, picked, leaves = data
    introduced = frozenset((_bytes(path), mode, blob) for path, mode, blob in leaves)
    return Made(
        oid, tree, tuple(parents.split()), time, subject, introduced, frozenset(reverts), frozenset(picked), authored
    )


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")
