"""A cache of what was read from traces and commits, so that asking again costs what is new.

`<common-dir>/trace/cache/history.sqlite`. It may be deleted at any time. What is in it follows from what its keys name,
and from nothing else: the lines of a trace from its segments, those of a commit from the commit.
"""

import hashlib
import json
import os
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.model.trace import Fate, FileFate, Link
from gittrace.trace.contents import Changed, Content
from gittrace.trace.fingerprint import FileLines, Line, Run
from gittrace.trace.index import Place
from gittrace.trace.work import Origin, Work, Written
from gittrace.vocabulary import CACHE_DIR

_VERSION = 2
# asking for more by name would pass sqlite's limit, and reading all is as fast
_MANY = 500
_SCHEMA = """
create table states (state text primary key, lost text not null);
create table answers (trace text primary key, state text not null, data text not null);
create table works (trace text primary key, state text not null, data text not null);
create table contents (oid text primary key, data text not null);
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
    """The cache; where it can't be kept, nothing is remembered."""

    def __init__(self, repo: Repository) -> None:
        # the index makes the folder, where something was recorded
        path = os.path.join(repo.common_trace_dir, CACHE_DIR, "history.sqlite")
        self._db = _opened(path) or _open(":memory:")

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def keep_state(self, state: str, lost: Iterable[str]) -> None:
        """Remember that answers were given in a state of the repository, in which no ref led to the `lost` commits."""
        self._write("delete from states where state != ?", [(state,)])
        self._write("insert or replace into states values (?, ?)", [(state, " ".join(lost))])

    def answer(self, trace: str, state: str, store: ObjectStore) -> Answer | None:
        """Return what was answered in a state of the repository, None too when commits have gone from it since."""
        query = "select data, lost from answers join states using (state) where trace = ? and state = ?"
        row = self._db.execute(query, (trace, state)).fetchone()
        if row is None or any(store.kind(oid) is None for oid in row[1].split()):
            return None
        return _answer(json.loads(row[0]))

    def keep_answer(self, trace: str, state: str, answer: Answer) -> None:
        """Remember an answer."""
        data = json.dumps(_answer_json(answer))
        self._write("insert or replace into answers values (?, ?, ?)", [(trace, state, data)])

    def works(self, states: Mapping[str, str]) -> dict[str, Work]:
        """Return the works that are remembered of traces in the given states."""
        found = {}
        for trace, state, data in self._db.execute("select trace, state, data from works"):
            if states.get(trace) == state:
                found[trace] = _work(trace, json.loads(data))
        return found

    def keep_works(self, works: Mapping[str, Work], states: Mapping[str, str]) -> None:
        """Remember works, each with the state of its trace."""
        rows = ((trace, states[trace], json.dumps(_work_json(work))) for trace, work in works.items())
        self._write("insert or replace into works values (?, ?, ?)", rows)

    def contents(self, commits: Iterable[str]) -> dict[str, Content]:
        """Return what is remembered of commits."""
        wanted = set(commits)
        if not wanted:
            return {}
        if len(wanted) < _MANY:
            marks = ",".join("?" * len(wanted))
            query = f"select oid, data from contents where oid in ({marks})"  # noqa: S608 - question marks
            rows = self._db.execute(query, tuple(wanted))
        else:
            rows = self._db.execute("select oid, data from contents")
        return {oid: _content(json.loads(data)) for oid, data in rows if oid in wanted}

    def keep_contents(self, contents: Mapping[str, Content]) -> None:
        """Remember contents; what could not be read may be here another time."""
        rows = ((oid, json.dumps(_content_json(content))) for oid, content in contents.items() if content.known)
        self._write("insert or replace into contents values (?, ?)", rows)

    def _write(self, statement: str, rows: Iterable[tuple[str, ...]]) -> None:
        try:
            self._db.execute("begin immediate")
            self._db.executemany(statement, rows)
            self._db.execute("commit")
        except sqlite3.OperationalError:
            # another process writes the same, or the disk is full
            if self._db.in_transaction:
                self._db.execute("rollback")


def state_of(places: Iterable[Place], more: str = "") -> str:
    """Return what stands for the segments of a trace and where they are noted, and for `more`."""
    names = sorted(f"{place.session_id} {place.index} {place.sha256} {place.commit}" for place in places)
    return hashlib.sha256("\n".join((more, *names)).encode()).hexdigest()


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
    db.execute("pragma synchronous = off")
    if db.execute("pragma user_version").fetchone()[0] != _VERSION:
        db.execute("begin immediate")
        if db.execute("pragma user_version").fetchone()[0] != _VERSION:
            for (name,) in db.execute("select name from sqlite_master where type = 'table'").fetchall():
                db.execute(f'drop table "{name}"')
            for statement in _SCHEMA.split(";"):
                db.execute(statement)
            db.execute(f"pragma user_version = {_VERSION}")
        db.execute("commit")
    return db


def _text(path: bytes) -> str:
    return path.decode("latin-1")


def _bytes(text: str) -> bytes:
    return text.encode("latin-1")


def _work_json(work: Work) -> dict[str, Any]:
    origins: dict[Origin, int] = {}

    def number(origin: Origin) -> int:
        return origins.setdefault(origin, len(origins))

    found: dict[str, Any] = {
        "began": work.began,
        "ended": work.ended,
        "leaves": [(_text(path), mode, oid, number(origin)) for (path, mode, oid), origin in work.leaves.items()],
        "blobs": {oid: number(origin) for oid, origin in work.blobs.items()},
        "support": {oid: (_text(path), lines) for oid, (path, lines) in work.support.items()},
        "lines": {
            _text(path): [(*one.line, number(one.origin), one.stands) for one in lines.values()]
            for path, lines in work.lines.items()
        },
        "runs": {key: number(origin) for key, origin in work.runs.items()},
        "blocks": [(block, number(origin)) for block, origin in work.blocks.items()],
        "removed": [(_text(path), lines, number(origin)) for (path, lines), origin in work.removed.items()],
        "names": {_text(first): _text(last) for first, last in work.names.items()},
        "renames": sorted((_text(old), _text(new)) for old, new in work.renames),
        "heads": work.heads,
        "arrivals": work.arrivals,
        "made": sorted(work.made),
        "problems": work.problems,
        "whole": work.whole,
    }
    return found | {"origins": [(origin.at, origin.event_id, *origin.order) for origin in origins]}


def _work(trace: str, data: Mapping[str, Any]) -> Work:
    origins = [Origin(at, event, (session, index)) for at, event, session, index in data["origins"]]
    return Work(
        trace_id=trace,
        began=data["began"],
        ended=data["ended"],
        leaves={(_bytes(path), mode, oid): origins[number] for path, mode, oid, number in data["leaves"]},
        blobs={oid: origins[number] for oid, number in data["blobs"].items()},
        support={oid: (_bytes(path), tuple(lines)) for oid, (path, lines) in data["support"].items()},
        lines={
            _bytes(path): {row[0]: Written(Line(*row[:3]), origins[row[3]], row[4]) for row in rows}
            for path, rows in data["lines"].items()
        },
        runs={key: origins[number] for key, number in data["runs"].items()},
        blocks={block: origins[number] for block, number in data["blocks"]},
        removed={(_bytes(path), tuple(lines)): origins[number] for path, lines, number in data["removed"]},
        names={_bytes(first): _bytes(last) for first, last in data["names"].items()},
        renames={(_bytes(old), _bytes(new)) for old, new in data["renames"]},
        heads=[(head, at) for head, at in data["heads"]],
        arrivals={event: tuple(commits) for event, commits in data["arrivals"].items()},
        made=frozenset(data["made"]),
        problems=data["problems"],
        whole=data["whole"],
    )


def _answer_json(answer: Answer) -> dict[str, Any]:
    return asdict(answer) | {"paths": [_text(path) for path in answer.paths]}


def _answer(data: Mapping[str, Any]) -> Answer:
    links = tuple(
        Link(**link | {name: tuple(link[name]) for name in ("evidence", "reverted_by")}) for link in data["links"]
    )
    fate = data["fate"]
    if fate is not None:
        files = (FileFate(**file | {"now": tuple(file["now"])}) for file in fate["files"])
        fate = Fate(**fate | {"files": tuple(files)})
    return Answer(links, fate, data["commit"], tuple(map(_bytes, data["paths"])))


def _content_json(content: Content) -> list[Any]:
    files = [(_text(file.path), _text(file.old_path), file.lines) for file in content.files]
    return [files, content.patch, content.inverse]


def _content(data: list[Any]) -> Content:
    files, patch, inverse = data
    return Content(
        tuple(
            Changed(_bytes(path), _bytes(old), FileLines(_runs(added), _runs(removed), tuple(keys)))
            for path, old, (added, removed, keys) in files
        ),
        patch,
        inverse,
    )


def _runs(data: list[Any]) -> tuple[Run, ...]:
    return tuple(tuple(Line(*line) for line in run) for run in data)
