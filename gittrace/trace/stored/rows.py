"""What is to be written to the index (`gittrace.trace.stored.index`), many rows at once."""

import sqlite3
from typing import Any

Key = tuple[str, int, str]

EVENT_INDEXES = """
create index events_by_trace on events (trace, at);
create index events_by_id on events (id);
create index events_by_tail on events (substr(id, 25));
"""


class Rows:
    """Rows that wait; `is_first`: there is nothing in the tables yet."""

    def __init__(self, is_first: bool = False) -> None:
        self.is_first = is_first
        self.headers: dict[Key, str] = {}
        self.segments: list[tuple[Any, ...]] = []
        self.events: list[tuple[Any, ...]] = []
        self.hints: list[tuple[Any, ...]] = []

    def may_have_rivals(self) -> bool:
        """Whether there may be segments of one name and other content."""
        return not self.is_first or len({(session, number) for session, number, _ in self.headers}) < len(self.headers)

    def begin(self, db: sqlite3.Connection) -> None:
        """Put off what is cheaper to make of all rows than with each."""
        if self.is_first:
            for name in ("trace", "id", "tail"):
                db.execute(f"drop index events_by_{name}")

    def end(self, db: sqlite3.Connection) -> None:
        """Make what was put off; it is needed by those who read."""
        if self.is_first:
            for statement in EVENT_INDEXES.split(";"):
                db.execute(statement)

    def header(self, db: sqlite3.Connection, key: Key) -> str | None:
        """Return the header of a segment that was read before."""
        found = self.headers.get(key)
        if found is None and not self.is_first:
            row = db.execute("select header from segments where (session, idx, sha) = (?, ?, ?)", key).fetchone()
            found = row and row[0]
        return found

    def write(self, db: sqlite3.Connection) -> None:
        """Write all of it."""
        db.executemany("insert or replace into events values (?, ?, ?, ?, ?, ?, ?, ?)", self.events)
        db.executemany("insert or replace into hints values (?, ?, ?, ?, ?)", self.hints)
        db.executemany("insert or replace into segments values (?, ?, ?, ?, ?, ?, ?, ?)", self.segments)
        for rows in (self.events, self.hints, self.segments):
            rows.clear()
