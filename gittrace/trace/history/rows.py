"""Rows on their way into a table of SQLite: their values one after the other, and many rows in a statement.

A tuple and a statement for each row take half as long again.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

# rows in a statement
_AT_ONCE = 30


def insert(db: sqlite3.Connection, into: str, width: int, values: Sequence[Any]) -> None:
    """Insert rows of so many values each; `into` is the statement's beginning, up to the table's name.

    It says what is done where a row is there: what "insert into" alone does costs SQLite two to three times as much.
    """
    whole = len(values) // (width * _AT_ONCE) * _AT_ONCE * width
    for start, end, rows in ((0, whole, _AT_ONCE), (whole, len(values), 1)):
        places = ", ".join([f"({', '.join('?' * width)})"] * rows)
        step = width * rows
        db.executemany(f"{into} values {places}", (values[at : at + step] for at in range(start, end, step)))


def parts(values: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Yield the values in lists of at most so many."""
    left = iter(values)
    while some := list(islice(left, size)):
        yield some
