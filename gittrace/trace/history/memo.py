"""The cache of what the history says: `<common-dir>/trace/cache/history.sqlite`. It may be deleted at any time.

In it are tables (`gittrace.trace.history.tables`), which stay true, and answers, which hold until a ref, note or
journal changes.
"""

import json
import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields
from typing import Any

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.model.trace import Fate, FileFate, Link
from gittrace.trace.history import tables
from gittrace.trace.small_cache import closed_on_failure, ensure_tables
from gittrace.vocabulary import CACHE_DIR

_VERSION = 27
_SCHEMA = f"""
create table states (state text primary key, lost text not null);
create table answers (trace text primary key, state text not null, data text not null);
{tables.SCHEMA}
"""


@dataclass(frozen=True)
class Answer:
    """What became of a trace.

    commit  the one that holds most of it
    paths   that were changed by the reachable commits that hold work of it
    """

    links: tuple[Link, ...]
    fate: Fate | None
    commit: str | None
    paths: tuple[bytes, ...]


class Memo:
    """The cache; where it can't be kept, what is put there is forgotten with this object."""

    def __init__(self, repo: Repository) -> None:
        # the index makes the folder, where something was recorded
        self._path = os.path.join(repo.common_trace_dir, CACHE_DIR, "history.sqlite")
        self.db = _opened(self._path) or _open(":memory:")

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()

    @property
    def is_shared(self) -> bool:
        """Whether other processes see what is put there."""
        return bool(self.db.execute("pragma database_list").fetchone()[2])

    def renew(self) -> None:
        """Begin anew, since the file is damaged."""
        self.db.close()
        with suppress(OSError):
            os.unlink(self._path)
        self.db = _opened(self._path) or _open(":memory:")

    def use_memory(self) -> None:
        """Begin anew, apart from the file."""
        self.db.close()
        self.db = _open(":memory:")

    def shrink(self) -> None:
        """Let go of what of the file is held in memory."""
        self.db.execute("pragma shrink_memory")

    def hold(self) -> None:
        """Read from now on what is there now, whatever others write, until something is written here."""
        self.release()
        self.db.execute("begin")
        self.db.execute("select 1 from meta").fetchone()

    def release(self) -> None:
        """Let others write, and see it."""
        if self.db.in_transaction:
            self.db.execute("rollback")

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Write all or nothing. Raises sqlite3.OperationalError where that can't be."""
        self.release()
        self.db.execute("begin immediate")
        try:
            yield
            self.db.execute("commit")
        finally:
            self.release()

    def version(self) -> int:
        """Return a number that is another when somebody else has written."""
        return int(self.db.execute("pragma data_version").fetchone()[0])

    def answer(self, trace: str, state: str, store: ObjectStore) -> Answer | None:
        """Return what was answered in a state of the repository, None too when commits have gone from it since."""
        query = "select data, lost from answers join states using (state) where trace = ? and state = ?"
        row = self.db.execute(query, (trace, state)).fetchone()
        if row is None or any(store.kind(oid) is None for oid in row[1].split()):
            return None
        return _answer(json.loads(row[0]))

    def keep_answer(self, trace: str, answer: Answer, state: str, lost: Iterable[str]) -> None:
        """Remember what was answered in a state of the repository, in which no ref led to the `lost` commits."""
        # a full disk, or somebody else who writes for long
        with suppress(sqlite3.OperationalError), self.writing():
            self.db.execute("delete from states where state != ?", (state,))
            self.db.execute("insert or ignore into states values (?, ?)", (state, " ".join(lost)))
            row = (trace, state, json.dumps(answer, default=_plain))
            self.db.execute("insert or replace into answers values (?, ?, ?)", row)


def _opened(path: str) -> sqlite3.Connection | None:
    """Open the file; a damaged one is made anew, once."""
    for damaged in (False, True):
        try:
            if damaged:
                os.unlink(path)
            return _open(path)
        except (sqlite3.OperationalError, OSError):
            return None  # locked for long, or a repository that we may only read
        except sqlite3.DatabaseError:
            continue
    return None


def _open(path: str) -> sqlite3.Connection:
    db = sqlite3.connect(path, timeout=10, isolation_level=None)
    with closed_on_failure(db):
        db.execute("pragma synchronous = off")
        db.execute("pragma cache_size = -65536")
        ensure_tables(db, _SCHEMA, _VERSION)
    return db


def _text(path: bytes) -> str:
    return path.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _plain(item: Any) -> Any:
    """Return what json doesn't know, one level deep: a path, or a dataclass."""
    return _text(item) if isinstance(item, bytes) else {part.name: getattr(item, part.name) for part in fields(item)}


def _answer(data: Mapping[str, Any]) -> Answer:
    links = tuple(
        Link(**link | {name: tuple(link[name]) for name in ("evidence", "reverted_by")}) for link in data["links"]
    )
    fate = data["fate"]
    if fate is not None:
        files = (FileFate(**file | {"now": tuple(file["now"])}) for file in fate["files"])
        fate = Fate(**fate | {"files": tuple(files)})
    return Answer(links, fate, data["commit"], tuple(map(_bytes, data["paths"])))
