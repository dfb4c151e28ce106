"""What is known of traces and commits, in tables: what could be in each, and where each commit stands.

They are part of the cache in `<common-dir>/trace/cache/history.sqlite`, which may be deleted at any time. A row says
what follows from the segments of one trace, or from one commit, and from nothing else. Of what traces and commits
hold there are hints only (`gittrace.trace.produced.hints`), which may say too much: who needs to know reads these few
traces and commits (`gittrace.trace.history.facts`).
"""

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from functools import cached_property
from typing import Any, NamedTuple

from gittrace.git.graph import Node
from gittrace.git.history import Made, made_of, tree_of
from gittrace.trace.produced.hints import ANYTHING, MASKED

SCHEMA = """
create table meta (name text primary key, value text not null);
create table paths (number integer primary key, path blob not null unique, wanted integer not null default 0);
create table traces (number integer primary key, trace text not null unique, state text not null,
    began integer not null, opaque integer not null);
create table says (hint integer not null, path integer not null, trace integer not null, gone integer not null,
    primary key (hint, path, trace, gone)) without rowid;
create index says_by_path on says (path);
create table mentions (path integer not null, trace integer not null, loose integer not null,
    primary key (path, trace, loose)) without rowid;
create table names (blob integer not null, trace integer not null, primary key (blob, trace)) without rowid;
create table renames (old blob not null, new blob not null, trace integer not null,
    primary key (old, new, trace)) without rowid;
create table heads (trace integer not null, head text not null, at integer not null,
    primary key (trace, head)) without rowid;
create table made (trace integer not null, oid text not null, primary key (trace, oid)) without rowid;
create table commits (number integer primary key, oid text not null unique, time integer not null,
    parents text not null, whole integer not null, record blob not null);
create table touches (path integer not null, time integer not null, number integer not null,
    primary key (path, time, number)) without rowid;
create table reverts (oid text not null, number integer not null, primary key (oid, number)) without rowid;
create table occurs (blob integer not null, number integer not null, primary key (blob, number)) without rowid;
create table contents (number integer primary key, state integer not null, files integer, added integer,
    removed integer);
create index contents_unread on contents (number) where state = 0;
create index contents_alike on contents (files, added, removed);
create table moves (number integer not null, old blob not null, new blob not null,
    primary key (number, old, new)) without rowid;
create table adds (hint integer not null, path integer not null, number integer not null,
    primary key (hint, path, number)) without rowid;
"""
OF_COMMITS = "commits touches reverts occurs contents moves adds".split()

# states of a commit's content; what could not be read may be here another time
UNREAD, READ, UNREADABLE = range(3)
_BATCH = 500
# the tree stands in the record behind the commit's name, which is as long (see `tree_of`)
_STEMS = (
    "select number, oid, cast(substr(record, length(oid) + 2, length(oid)) as text), parents"  # noqa: S608 - constants
    f" from contents join commits using (number) where state = {UNREAD} order by number"
)
_ADDED_BY_TRACES = (
    "select says.hint, trace, number from says left join adds on adds.hint = says.hint and adds.path in ({0})"
    " where says.path in ({0}) and not gone"
)


class Stem(NamedTuple):
    """What a commit stands on."""

    number: int
    oid: str
    tree: str
    parents: tuple[str, ...]


class Tables:
    """Reads them. Traces and commits have numbers there."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._commits: dict[int, Made] = {}
        self._numbers: dict[str, int] = {}
        self._oids: dict[int, str] = {}
        self._paths: dict[bytes, int | None] = {}
        self._masking: dict[tuple[str, bytes | None], set[int]] = {}

    @cached_property
    def traces(self) -> dict[int, str]:
        """The traces, by their numbers."""
        return dict(self.db.execute("select number, trace from traces"))

    @cached_property
    def ids(self) -> frozenset[str]:
        """The ids of the traces."""
        return frozenset(self.traces.values())

    @cached_property
    def made(self) -> dict[str, set[str]]:
        """The commits that the sessions of each trace made, under all their names."""
        found: dict[str, set[str]] = defaultdict(set)
        for number, oid in self.db.execute("select trace, oid from made"):
            found[self.traces[number]].add(oid)
        return found

    @cached_property
    def opaque(self) -> tuple[frozenset[int], frozenset[int]]:
        """The traces that may have any content, and those that may have any line."""
        rows = self.db.execute("select number, opaque from traces where opaque").fetchall()
        return frozenset(number for number, _ in rows), frozenset(number for number, what in rows if what & ANYTHING)

    def nodes(self) -> dict[str, Node]:
        """Return what is known of the order of commits."""
        rows = self.db.execute("select oid, time, parents from commits")
        return {oid: Node(time, tuple(parents.split())) for oid, time, parents in rows}

    def heads(self) -> dict[str, int]:
        """Return when the first event saw a commit as HEAD (microseconds since the epoch)."""
        return dict(self.db.execute("select head, min(at) from heads group by head"))

    def number(self, oid: str) -> int:
        """Return the number of a commit; it must be known."""
        found = self._numbers.get(oid)
        if found is None:
            (found,) = self.db.execute("select number from commits where oid = ?", (oid,)).fetchone()
            self._numbers[oid] = found
        return found

    def oid(self, number: int) -> str:
        """Return the oid of a commit."""
        found = self._oids.get(number)
        if found is None:
            (found,) = self.db.execute("select oid from commits where number = ?", (number,)).fetchone()
            self._oids[number] = found
        return found

    @cached_property
    def merges(self) -> frozenset[int]:
        """The commits with several parents."""
        return frozenset(self._first("select number from commits where instr(parents, ' ')", ()))

    def commit(self, number: int) -> Made:
        """Return a commit."""
        (found,) = self.commits((number,))
        return found

    def commits(self, numbers: Iterable[int]) -> list[Made]:
        """Return commits."""
        wanted = list(numbers)
        missing = [number for number in wanted if number not in self._commits]
        for number, record in self._rows("select number, record from commits where number in ({})", missing):
            self._commits[number] = made_of(record)
        return [self._commits[number] for number in wanted]

    def has_unread(self) -> bool:
        """Tell whether there are commits of which it is wanted and not known what they change."""
        return bool(self._first(f"select 1 from contents where state = {UNREAD} limit 1", ()))  # noqa: S608 - constants

    def unread(self) -> list[Stem]:
        """Return what these commits stand on, in the order of their numbers; they may be very many."""
        rows = self.db.execute(_STEMS)
        return [Stem(number, oid, tree, tuple(parents.split())) for number, oid, tree, parents in rows]

    def trees(self, oids: Iterable[str]) -> dict[str, str]:
        """Return the trees of those of the commits that are known."""
        rows = self._rows("select oid, record from commits where oid in ({})", sorted(oids))
        return {oid: tree_of(record) for oid, record in rows}

    def _rows(self, query: str, values: Collection[Any]) -> Iterator[tuple[Any, ...]]:
        asked = list(values)
        for start in range(0, len(asked), _BATCH):
            some = asked[start : start + _BATCH]
            yield from self.db.execute(query.format(",".join("?" * len(some))), some)

    def path(self, path: bytes) -> int | None:
        """Return the number of a path, None when nothing is known of it."""
        if path not in self._paths:
            row = self.db.execute("select number from paths where path = ?", (path,)).fetchone()
            self._paths[path] = row[0] if row else None
        return self._paths[path]

    def alike(self, number: int, inverse: bool) -> list[int]:
        """Return the commits that may make the same changes as one, or those that may undo it."""
        row = self.db.execute("select files, added, removed from contents where number = ?", (number,)).fetchone()
        if row is None or row[0] is None:
            return []
        files, added, removed = row
        query = "select number from contents where (files, added, removed) = (?, ?, ?)"
        return self._first(query, (files, removed, added) if inverse else row)

    def reverting(self, oid: str) -> list[int]:
        """Return the commits that say they revert one."""
        return self._first("select number from reverts where oid = ?", (oid,))

    def occurs(self, blob: int) -> list[int]:
        """Return the commits that introduced a content, by its key."""
        return self._first("select number from occurs where blob = ?", (blob,))

    def touching(self, path: bytes, began: int, ended: int) -> list[int]:
        """Return the commits of a time (seconds since the epoch, both included) that touched a path."""
        query = "select number from touches where path = ? and time between ? and ?"
        return self._first(query, (self.path(path), began, ended))

    def adding(self, hint: int, paths: Iterable[bytes] | None = None) -> set[int]:
        """Return the commits that may add a line; `paths`: to one of these files."""
        return self._with_line("adds", "number", hint, paths)

    def places(self, hint: int) -> list[tuple[bytes, int]]:
        """Return (path, commit) of wherever a commit may have put a line."""
        query = "select paths.path, adds.number from adds join paths on paths.number = adds.path where hint = ?"
        return self.db.execute(query, (hint,)).fetchall()

    def saying(self, hint: int, paths: Iterable[bytes] | None = None) -> set[int]:
        """Return the traces that may add a line or take it away; `paths`: in one of these files."""
        return self._saying(hint, paths)

    def writing(self, hint: int) -> set[int]:
        """Return the traces that may add a line, to whatever file."""
        return self._saying(hint, None, "and not gone")

    def removing(self, hint: int, paths: Iterable[bytes]) -> set[int]:
        """Return the traces that may take a line away in one of these files."""
        return self._saying(hint, paths, "and gone")

    def added_by_traces(self, paths: Iterable[bytes]) -> list[tuple[int, int, int | None]]:
        """Return (line, trace, commit that may add it too or None) of what traces may add to a file, by its names."""
        numbers = [number for path in paths if (number := self.path(path))]
        query = _ADDED_BY_TRACES.format(",".join("?" * len(numbers)))
        return self.db.execute(query, numbers * 2).fetchall()

    def _saying(self, hint: int, paths: Iterable[bytes] | None, only: str = "") -> set[int]:
        names = None if paths is None else list(paths)
        found = self._with_line("says", "trace", hint, names, only) | self.opaque[1]
        if self._has_masked:
            found.update(*(self._with_masked(name, only) for name in ((None,) if names is None else names)))
        return found

    @cached_property
    def _has_masked(self) -> bool:
        """Whether there are lines in which a secret was masked, which may be any; commits have none."""
        return bool(self._first("select 1 from says where hint = ? limit 1", (MASKED,)))

    def _with_masked(self, path: bytes | None, only: str) -> set[int]:
        found = self._masking.get((only, path))
        if found is None:
            paths = None if path is None else (path,)
            found = self._masking[only, path] = self._with_line("says", "trace", MASKED, paths, only)
        return found

    def _with_line(self, table: str, column: str, hint: int, paths: Iterable[bytes] | None, only: str = "") -> set[int]:
        query = f"select {column} from {table} where hint = ? {only}"  # noqa: S608 - constants
        if paths is None:
            return set(self._first(query, (hint,)))
        query += " and path = ?"
        return {found for path in paths if (number := self.path(path)) for found in self._first(query, (hint, number))}

    def naming(self, blob: int) -> set[int]:
        """Return the traces that may have made a content, by its key."""
        return set(self._first("select trace from names where blob = ?", (blob,))) | self.opaque[0]

    def mentioning(self, path: bytes, only_loose: bool = False) -> set[int]:
        """Return the traces that may have changed a file; `only_loose`: without naming its content."""
        query = "select trace from mentions where path = ? and loose >= ?"
        return set(self._first(query, (self.path(path), int(only_loose)))) | self.opaque[0]

    def renamed(self) -> list[tuple[bytes, bytes, int]]:
        """Return (old, new, trace) of what traces may have renamed."""
        return self.db.execute("select old, new, trace from renames").fetchall()

    def moves(self) -> list[tuple[str, bytes, bytes]]:
        """Return (commit's oid, old, new) of what commits renamed."""
        return self.db.execute("select oid, old, new from moves join commits using (number)").fetchall()

    def _first(self, query: str, values: tuple[object, ...]) -> list[int]:
        return [row[0] for row in self.db.execute(query, values)]
