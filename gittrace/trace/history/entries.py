"""Enter what may be in traces and commits into the tables of `gittrace.trace.history.tables`."""

import sqlite3
from collections import deque
from collections.abc import Callable, Iterable
from functools import cached_property, lru_cache
from itertools import chain, repeat
from typing import Any, NamedTuple

import mmh3

from gittrace.git.history import Outline, outline
from gittrace.trace.history.rows import insert, parts
from gittrace.trace.history.tables import OF_COMMITS, READ, UNREAD, UNREADABLE
from gittrace.trace.produced.hints import Hints, lines_of, renamed, split_files
from gittrace.trace.text.packed import blob_key, signed

_MASK = (1 << 64) - 1
# rows that are written together, so that git need not wait for long, and for one part of commits' lines how many others
_MOST_ROWS = 10_000
_PARTS = 2
# commits of which git may be asked what they change before the others are read
_FIRST = 1000

# what a commit may change: (its number, the diff without context or None for nothing, whether it is a merge)
Sketch = tuple[int, bytes | None, bool]


class Said(NamedTuple):
    """What a trace may say: its state, when it began (seconds since the epoch), and the hints of its segments.

    A segment comes with its session and its number in that.
    """

    state: str
    began: int
    hints: list[tuple[str, int, Hints]]


class Entries:
    """Writes the tables, inside a transaction of the caller's."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._paths: dict[bytes, int] = {}
        self._rest: deque[tuple[str, int, list[Any]]] = deque()
        # contents that traces name, which may wait to be written
        self._named: set[int] = set()

    def traces(self, traces: Iterable[tuple[str, Said]]) -> None:
        """Enter what traces may say; what commits have of it is wanted. Most of it is left to `write_rest`.

        What was entered before stays, where too much does no harm.
        """
        says: list[int] = []
        heads: list[Any] = []
        made: list[tuple[int, str]] = []
        mentions: list[int] = []
        names: list[int] = []
        renames: list[Any] = []
        mentioned: set[int] = set()
        for trace, said in traces:
            number = self._trace(trace, said)
            own = _made(hints for _, _, hints in said.hints)
            made += [(number, oid) for oid in own]
            for head, at in _heads(said.hints, own).items():
                heads += (number, head, at)
            files: set[int] = set()
            for _, _, hints in said.hints:
                for gone, lines in enumerate((hints.added, hints.removed)):
                    for name, some in lines.items():
                        path = self.path(name)
                        files.add(path)
                        says += chain.from_iterable(zip(some, repeat(path), repeat(number), repeat(gone)))
                loose = set(map(self.path, hints.loose))
                mentioned |= loose
                mentions += chain.from_iterable(zip(loose, repeat(number), repeat(1)))
                self._named.update(hints.blobs)
                names += chain.from_iterable(zip(hints.blobs, repeat(number)))
                for old, new in hints.renames:
                    renames += (old, new, number)
            mentioned |= files
            mentions += chain.from_iterable(zip(files, repeat(number), repeat(0)))
        self.db.executemany("insert into made values (?, ?)", made)
        self._later("insert or ignore into mentions", 3, mentions)
        self._later("insert or ignore into names", 2, names)
        self._later("insert or fail into heads", 3, heads)
        self._later("insert or ignore into renames", 3, renames)
        self._later("insert or ignore into says", 4, says)
        self.want_paths(mentioned)
        if self._has_commits():
            self.db.executemany(_WANT_MAKING, [(blob,) for blob in self._named])

    def _later(self, into: str, width: int, values: Iterable[Any]) -> None:
        """Leave rows (see `insert`) to `write_rest`: what git is to be asked for is told without them."""
        self._rest.extend((into, width, some) for some in parts(values, _MOST_ROWS * width))

    def write_rest(self, most: int | None = None) -> None:
        """Enter what waits for it, or `most` parts of it: between what git tells, which works beside."""
        for _ in range(len(self._rest) if most is None else min(most, len(self._rest))):
            insert(self.db, *self._rest.popleft())

    def _has_commits(self) -> bool:
        return self.db.execute("select 1 from commits limit 1").fetchone() is not None

    def _trace(self, trace: str, said: Said) -> int:
        """Enter a trace, in the place of what it was before, and return its number."""
        opaque = 0
        for _, _, hints in said.hints:
            opaque |= hints.opaque
        number: int
        ((number,),) = self.db.execute(
            "insert into traces (trace, state, began, opaque) values (?, ?, ?, ?) on conflict (trace)"
            " do update set (state, began, opaque) = (excluded.state, excluded.began, excluded.opaque)"
            " returning number",
            (trace, said.state, said.began, opaque),
        ).fetchall()
        self._forget(number)
        return number

    def forget_trace(self, trace: str) -> None:
        """Take out a trace."""
        row = self.db.execute("delete from traces where trace = ? returning number", (trace,)).fetchone()
        if row:
            self._forget(row[0])

    def _forget(self, number: int) -> None:
        for table in ("heads", "made"):
            self.db.execute(f"delete from {table} where trace = ?", (number,))  # noqa: S608 - constants

    def path(self, path: bytes) -> int:
        """Return the number of a path, a new one when it has none."""
        number = self._paths.get(path)
        if number is None:
            self.db.execute("insert or ignore into paths (path) values (?)", (path,))
            (number,) = self.db.execute("select number from paths where path = ?", (path,)).fetchone()
            self._paths[path] = number
        return number

    @cached_property
    def _wanted(self) -> set[int]:
        return {row[0] for row in self.db.execute("select number from paths where wanted")}

    def want_paths(self, numbers: Iterable[int]) -> None:
        """Say that what commits do to paths is to be read."""
        fresh = set(numbers) - self._wanted
        self._wanted.update(fresh)
        rows = [(number,) for number in fresh]
        self.db.executemany("update paths set wanted = 1 where number = ?", rows)
        self.db.executemany(_WANT_TOUCHING, rows)

    def commits(
        self, records: Iterable[bytes], whole: bool, some_entered: Callable[[], None] | None = None
    ) -> dict[str, tuple[int, str]]:
        """Enter commits, and return their times and parents; `whole`: with all that leads to them, so far as it counts.

        The records are those of `gittrace.git.history`. Of many, `some_entered` is called when the first ones are.
        """
        fresh: list[tuple[int, Outline, bytes]] = []
        found: dict[str, tuple[int, str]] = {}
        number = self.db.execute("select ifnull(max(number), 0) from commits").fetchone()[0]
        has = self._known(number)
        for record in records:
            made = outline(record)
            found[made.oid] = made.time, made.parents
            if has(made.oid):
                if whole:
                    self.db.execute("update commits set whole = 1 where oid = ?", (made.oid,))
                continue
            number += 1
            fresh.append((number, made, record))
            if some_entered and len(fresh) == _FIRST:
                self._enter(fresh, whole)
                fresh.clear()
                some_entered()
                some_entered = None
        self._enter(fresh, whole)
        return found

    def _enter(self, commits: Iterable[tuple[int, Outline, bytes]], whole: bool) -> None:
        """Enter commits with their numbers and records; what they change is to be read, where that is wanted."""
        rows: list[Any] = []
        touches: list[int] = []
        reverts: list[Any] = []
        occurs: list[int] = []
        wanted: list[int] = []
        others: list[tuple[int, int]] = []
        for number, made, record in commits:
            rows += (number, made.oid, made.time, made.parents, int(whole), record)
            paths = {self.path(path) for path, _, _ in made.leaves}
            touches += chain.from_iterable(zip(paths, repeat(made.time), repeat(number)))
            blobs = [blob_key(oid, mode == 0) for _, mode, oid in made.leaves]
            occurs += chain.from_iterable(zip(blobs, repeat(number)))
            reverts += chain.from_iterable(zip(made.reverts, repeat(number)))
            if paths.isdisjoint(self._wanted) and self._named.isdisjoint(blobs):
                others += zip(repeat(number), blobs)
            else:
                wanted += (number, UNREAD)
        insert(self.db, "insert or fail into commits", 6, rows)
        self._later("insert or fail into touches", 3, touches)
        self._later("insert or ignore into reverts", 2, reverts)
        self._later("insert or ignore into occurs", 2, occurs)
        insert(self.db, "insert or ignore into contents (number, state)", 2, wanted)
        self.db.executemany(_WANT_CLAIMED, others)

    def _known(self, any_commit: int) -> Callable[[str], bool]:
        if not any_commit:
            return lambda _: False
        query = "select 1 from commits where oid = ?"
        return lambda oid: self.db.execute(query, (oid,)).fetchone() is not None

    def unreadable(self) -> None:
        """Enter that what was not read yet of what commits change can't be read."""
        self.db.execute(f"update contents set state = {UNREADABLE} where state = {UNREAD}")  # noqa: S608 - constants

    def sketches(self, sketches: Iterable[Sketch]) -> None:
        """Enter what commits may change."""
        states: list[tuple[int | None, ...]] = []
        moves: list[tuple[int, bytes, bytes]] = []
        adds: list[int] = []
        for number, diff, is_merge in sketches:
            plus = minus = files = 0
            for header, body in split_files(diff or b""):
                names = renamed(header)
                if len(names) > 1 and not is_merge:
                    moves.append((number, names[0], names[1]))
                lines = lines_of(body)
                path = self.path(names[-1])
                adds += chain.from_iterable(zip(lines.added, repeat(path), repeat(number)))
                plus += lines.plus
                minus += lines.minus
                files += sum(map(_name_sum, names))
            known = (None, None, None) if diff is None or is_merge else map(_sum, (files, plus, minus))
            states.append((READ, *known, number))
            if len(adds) >= 3 * _MOST_ROWS:
                self._write_sketches(adds, states)
                self.write_rest(_PARTS)
        self._write_sketches(adds, states)
        self.write_rest()
        self.db.executemany("insert or ignore into moves values (?, ?, ?)", moves)
        self._want_moved(moves)

    def _write_sketches(self, adds: list[int], states: list[tuple[int | None, ...]]) -> None:
        insert(self.db, "insert or ignore into adds", 3, adds)
        query = "update contents set (state, files, added, removed) = (?, ?, ?, ?) where number = ?"
        self.db.executemany(query, states)
        adds.clear()
        states.clear()

    def _want_moved(self, moves: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Want the other name of a file that is wanted under one."""
        for _, *names in moves:
            numbers = {self.path(path) for path in names}
            if numbers & self._wanted:
                self.want_paths(numbers)

    def forget_commits(self) -> None:
        """Take out all commits."""
        if not self._has_commits():
            return
        self.write_rest()
        for table in OF_COMMITS:
            self.db.execute(f"delete from {table}")  # noqa: S608 - constants
        self.db.execute("update paths set wanted = 0")
        self._wanted.clear()
        self.want_paths(row[0] for row in self.db.execute("select distinct path from mentions").fetchall())


_INTO = "insert or ignore into contents (number, state) select"
_WANT_CLAIMED = f"{_INTO} ?, {UNREAD} where exists (select 1 from names where blob = ?)"  # noqa: S608 - constants
_WANT_TOUCHING = f"{_INTO} number, {UNREAD} from touches where path = ?"
_WANT_MAKING = f"{_INTO} number, {UNREAD} from occurs where blob = ?"


@lru_cache(maxsize=4096)
def _name_sum(name: bytes) -> int:
    return mmh3.hash64(name)[0]


def _sum(number: int) -> int:
    return signed(number & _MASK)


def _made(hints: Iterable[Hints]) -> set[str]:
    """Return the commits that the sessions of a trace made, under all their names (see `model.trace.made_in`)."""
    found = list(hints)
    made = {oid for one in found for oid in one.made}
    pairs = [pair for one in found for pair in one.pairs]
    seen: set[str] = set()
    while fresh := {new for old, new in pairs if old in made and new not in seen}:
        seen |= fresh
        made |= fresh
    return made


def _heads(hints: Iterable[tuple[str, int, Hints]], made: set[str]) -> dict[str, int]:
    """Return the HEADs that events of a trace saw, and when at first (see `Work.heads`)."""
    found: dict[str, int] = {}

    def seen(head: str, at: int) -> None:
        found[head] = min(at, found.get(head, at))

    begun: set[str] = set()
    for session, _, one in sorted(hints, key=lambda item: item[:2]):
        if session not in begun and one.first:
            seen(*one.first)
        begun.add(session)
        for head, at in one.heads.items():
            seen(head, at)
        for head, at in (*one.past.items(), *one.replaced.items()):
            if head not in made:
                seen(head, at)
    return found
