"""A small cache of its own in the folder of caches: a file of SQLite, which may be deleted at any time."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from gittrace.git.repository import Repository
from gittrace.vocabulary import CACHE_DIR


def open_small(repo: Repository, name: str, schema: str) -> sqlite3.Connection:
    """Open a cache with the tables that `schema` makes: anew where it is damaged, in memory where it can't be kept."""
    folder = os.path.join(repo.common_trace_dir, CACHE_DIR)
    path = os.path.join(folder, name)
    for damaged in (False, True):
        try:
            if damaged:
                os.unlink(path)
            os.makedirs(folder, exist_ok=True)
            return _opened(path, schema)
        except (sqlite3.OperationalError, OSError):
            break  # a repository that we may only read
        except sqlite3.DatabaseError:
            continue
    return _opened(":memory:", schema)


def _opened(path: str, schema: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    with closed_on_failure(db):
        db.execute("pragma synchronous = off")
        db.execute(schema)
    return db


def ensure_tables(db: sqlite3.Connection, schema: str, version: int) -> None:
    """Drop all tables and make those of `schema`, statements each ended by `;`, unless they are of this version."""
    if db.execute("pragma user_version").fetchone()[0] == version:
        return
    # of a new file: most of what is written is rows in no order, and texts of which four would fill a page
    db.execute("pragma page_size = 16384")
    db.execute("begin immediate")
    # another process may have been faster
    if db.execute("pragma user_version").fetchone()[0] != version:
        for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
            db.execute(f'drop table "{name}"')
        for statement in schema.split(";"):
            db.execute(statement)
        db.execute(f"pragma user_version = {version}")
    db.execute("commit")


@contextmanager
def closed_on_failure(db: sqlite3.Connection) -> Iterator[None]:
    """Close a file that the body of the `with` can't use."""
    try:
        yield
    except BaseException:
        db.close()
        raise


def put(db: sqlite3.Connection, statements: Iterable[tuple[str, Iterable[Any]]]) -> None:
    """Run statements for many rows each, all or nothing; what can't be kept is found again the next time."""
    try:
        db.execute("begin immediate")
        for statement, rows in statements:
            db.executemany(statement, rows)
        db.execute("commit")
    except sqlite3.OperationalError:
        # locked for long, or a repository that we may only read
        if db.in_transaction:
            db.rollback()
