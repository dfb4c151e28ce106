"""Enter what was read from traces and commits into the tables of `gittrace.trace.facts`."""

import json
import sqlite3
from array import array
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from gittrace.git.history import Made
from gittrace.trace.contents import Content
from gittrace.trace.facts import OF_COMMITS, READ, UNREAD, UNREADABLE, blob_key, block_key, leaf_key, run_key
from gittrace.trace.fingerprint import blocks
from gittrace.trace.packed import pack_lines, pack_written, signed
from gittrace.trace.work import Origin, Work


class Entries:
    """Writes the tables, inside a transaction of the caller's."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self.db = db
        self._paths: dict[bytes, int] = {}

    def work(self, work: Work, state: str) -> None:
        """Enter what a trace produced, in the place of what was entered before; what commits have of it is wanted."""
        self.forget_work(work.trace_id)
        row = (work.trace_id, state, work.began, work.ended, b"", _work_json(work, {}))
        insert = "insert into traces (trace, state, began, ended, keys, data) values (?, ?, ?, ?, ?, ?)"
        trace = self.db.execute(insert, row).lastrowid
        origins: dict[Origin, int] = {}
        claims = self._claims(work, origins)
        wrote = self._wrote(work, origins)
        many = self.db.executemany
        many("insert or ignore into claims values (?, ?, ?)", [(key, trace, origin) for key, origin in claims.items()])
        many(
            "insert into wrote values (?, ?, ?, ?, ?, ?)",
            [(path, trace, counts, touched, lines, removed) for path, counts, touched, lines, removed in wrote],
        )
        data = _work_json(work, origins)
        keys = array("q", claims).tobytes()
        self.db.execute("update traces set keys = ?, data = ? where number = ?", (keys, data, trace))
        many(
            "insert into origins values (?, ?, ?, ?, ?, ?, ?)",
            [
                (trace, number, one.at, _text(one.event_id), *one.order, _arrivals(work, one.event_id))
                for one, number in origins.items()
            ],
        )
        heads: dict[str, int] = {}
        for head, at in work.heads:
            heads[_text(head)] = min(at, heads.get(_text(head), at))
        many("insert into heads values (?, ?, ?)", [(trace, head, at) for head, at in heads.items()])
        many("insert or ignore into made values (?, ?)", [(trace, _text(oid)) for oid in work.made])
        many("insert into renames values (?, ?, ?)", [(trace, old, new) for old, new in work.renames])
        self.want_paths(path for path, counts, *_ in wrote if counts)
        many(_WANT_MAKING, [(blob_key(blob),) for blob in work.blobs])

    def forget_work(self, trace: str) -> None:
        """Take out what a trace produced."""
        row = self.db.execute("select number, keys from traces where trace = ?", (trace,)).fetchone()
        if row is None:
            return
        number, keys = row
        self.db.executemany(
            "delete from claims where key = ? and trace = ?", [(key, number) for key in array("q", keys)]
        )
        for table in ("wrote", "origins", "heads", "made", "renames"):
            self.db.execute(f"delete from {table} where trace = ?", (number,))  # noqa: S608 - constants
        self.db.execute("delete from traces where number = ?", (number,))

    def _claims(self, work: Work, origins: dict[Origin, int]) -> dict[int, int]:
        keyed = [
            *((leaf_key(leaf), origin) for leaf, origin in work.leaves.items()),
            *((blob_key(blob), origin) for blob, origin in work.blobs.items()),
            *((run_key(run), origin) for run, origin in work.runs.items()),
            *((block_key(block), origin) for block, origin in work.blocks.items()),
        ]
        found: dict[int, int] = {}
        for key, origin in keyed:
            found.setdefault(key, origins.setdefault(origin, len(origins)))
        return found

    def _wrote(self, work: Work, origins: dict[Origin, int]) -> list[tuple[int, int, int | None, bytes, str]]:
        """Return (path, whether it counts as touched, first claim on the file, lines, removed) of every path."""
        touched: dict[bytes, Origin] = {}
        for (path, _, _), origin in work.leaves.items():
            touched[path] = min(origin, touched.get(path, origin))
        removed: dict[bytes, list[tuple[tuple[int, ...], int]]] = {}
        for (path, run), origin in work.removed.items():
            removed.setdefault(path, []).append((run, origins.setdefault(origin, len(origins))))
        rows = []
        for path in dict.fromkeys((*touched, *work.lines, *removed)):
            first = touched.get(path)
            number = None if first is None else origins.setdefault(first, len(origins))
            written = work.order.get(path, ())
            lines = pack_written((one, origins.setdefault(one.origin, len(origins))) for one in written)
            counts = first is not None or path in work.lines
            rows.append((self.path(path), int(counts), number, lines, json.dumps(removed.get(path, []))))
        return rows

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

    def commits(self, commits: Iterable[Made], whole: bool) -> None:
        """Enter commits; `whole`: with all that leads to them, so far as it counts."""
        rows, touches, reverts, occurs = [], [], [], []
        number = self.db.execute("select ifnull(max(number), 0) from commits").fetchone()[0]
        for made in commits:
            if self.db.execute("select 1 from commits where oid = ?", (made.oid,)).fetchone():
                if whole:
                    self.db.execute("update commits set whole = 1 where oid = ?", (made.oid,))
                continue
            number += 1
            rows.append((number, made.oid, made.time, " ".join(made.parents), int(whole), _made_json(made)))
            touches += [(self.path(path), number) for path in made.paths]
            reverts += [(oid, number) for oid in made.reverts]
            occurs += [(blob_key(oid, mode == 0), number) for _, mode, oid in made.introduced]
        many = self.db.executemany
        many("insert into commits values (?, ?, ?, ?, ?, ?)", rows)
        many("insert into touches values (?, ?)", sorted(touches))
        many("insert or ignore into reverts values (?, ?)", reverts)
        many("insert or ignore into occurs values (?, ?)", sorted(occurs))
        wanted = self._wanted
        many(_WANT, [(number,) for path, number in touches if path in wanted])
        many(_WANT_CLAIMED, [(number, key) for key, number in occurs])

    def contents(self, numbers: Iterable[int], contents: Mapping[int, Content]) -> None:
        """Enter what commits change, and which could not be read."""
        states: list[tuple[int, int, str | None, str | None]] = []
        changes, moves, places, occurs = [], [], [], []
        for number in numbers:
            content = contents[number]
            if not content.known:
                states.append((number, UNREADABLE, None, None))
                continue
            states.append((number, READ, content.patch or None, content.inverse or None))
            for place, file in enumerate(content.files):
                path, old = self.path(file.path), self.path(file.old_path)
                changes.append((number, place, path, old, pack_lines(file.lines)))
                if path != old:
                    moves.append((number, file.old_path, file.path))
                for run, key in zip(file.lines.added, file.lines.keys, strict=True):
                    if key:
                        occurs.append((run_key(key), number))
                    occurs += [(block_key(block), number) for _, block in blocks(run)]
                    places += [(signed(line.exact), path, number) for line in run if line.telling]
        many = self.db.executemany
        many("insert or replace into contents values (?, ?, ?, ?)", states)
        many("insert or ignore into changes values (?, ?, ?, ?, ?)", changes)
        many("insert or ignore into moves values (?, ?, ?)", moves)
        many("insert or ignore into occurs values (?, ?)", sorted(occurs))
        many("insert or ignore into places values (?, ?, ?)", sorted(places))
        self._want_moved(moves)

    def _want_moved(self, moves: Iterable[tuple[int, bytes, bytes]]) -> None:
        """Want the other name of a file that is wanted under one."""
        for _, *names in moves:
            numbers = {self.path(path) for path in names}
            if numbers & self._wanted:
                self.want_paths(numbers)

    def forget_commits(self) -> None:
        """Take out all commits."""
        for table in OF_COMMITS:
            self.db.execute(f"delete from {table}")  # noqa: S608 - constants
        self.db.execute("update paths set wanted = 0")
        self._wanted.clear()
        self.want_paths(row[0] for row in self.db.execute("select distinct path from wrote where counts").fetchall())


_INTO = "insert or ignore into contents select"
_WANT = f"{_INTO} ?, {UNREAD}, null, null"
_WANT_CLAIMED = f"{_WANT} where exists (select 1 from claims where key = ?)"  # noqa: S608 - constants
_WANT_TOUCHING = f"{_INTO} number, {UNREAD}, null, null from touches where path = ?"
_WANT_MAKING = f"{_INTO} number, {UNREAD}, null, null from occurs where key = ?"


def _text(text: str) -> str:
    """Return text that a database can hold."""
    return text.encode("utf-8", "backslashreplace").decode()


def _path(path: bytes) -> str:
    return path.decode("latin-1")


def _arrivals(work: Work, event: str) -> str:
    return _text(" ".join(work.arrivals.get(event, ())))


def _work_json(work: Work, origins: Mapping[Origin, int]) -> str:
    data: dict[str, Any] = {
        "leaves": [
            (_path(path), mode, oid, origins.get(origin, -1)) for (path, mode, oid), origin in work.leaves.items()
        ],
        "support": {oid: (_path(path), lines) for oid, (path, lines) in work.support.items()},
        "names": {_path(first): _path(last) for first, last in work.names.items()},
        "renames": sorted((_path(old), _path(new)) for old, new in work.renames),
        "problems": work.problems,
        "whole": work.whole,
    }
    return json.dumps(data)


def _made_json(made: Made) -> str:
    leaves = [(_path(path), mode, oid) for path, mode, oid in sorted(made.introduced)]
    data = [made.tree, made.subject, made.authored, sorted(made.reverts), sorted(made.picked), leaves]
    return json.dumps(data)
