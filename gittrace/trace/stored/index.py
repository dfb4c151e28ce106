"""A cache of what the notes hold, so that reading commands need not unpack them all again.

`<common-dir>/trace/cache/index.sqlite`. It may be deleted at any time: it is rebuilt from the refs, and a refresh costs
what changed since the last one. Nothing in it is true by itself; everything can be found in the refs.
"""

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from functools import partial

from gittrace.errors import Damaged
from gittrace.git import notes
from gittrace.git.objects import DIRECTORY, ObjectMissing, ObjectStore, open_objects
from gittrace.git.repository import Repository
from gittrace.trace.caches import remove_caches
from gittrace.trace.small_cache import closed_on_failure, ensure_tables
from gittrace.trace.stored.indexed import Indexed, Place
from gittrace.trace.stored.rows import EVENT_INDEXES, Rows
from gittrace.trace.stored.summary import as_text
from gittrace.vocabulary import CACHE_DIR, NOTES_REF, REMOTE_NOTES_REFS, SEGMENTS_DIR, TRACE_REFS

# a cache that is up to date unpacks nothing
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.segment import SegmentLine
    from gittrace.trace.stored.unpacked import Ahead, Named, Unpacked

_VERSION = 7
_SCHEMA = f"""
create table tips (ref text primary key, oid text not null);
create table segments (
    ref text not null, commit_oid text not null, blob text not null, trace text not null, session text not null,
    idx integer not null, sha text not null, header text not null,
    primary key (ref, commit_oid, session, idx, sha));
create index by_trace on segments (trace);
create index by_session on segments (session);
create index by_commit on segments (commit_oid);
create table events (id text not null, trace text not null, session text not null, idx integer not null,
    sha text not null, pos integer not null, at text not null, summary text not null,
    primary key (session, idx, sha, pos));
{EVENT_INDEXES}
create table hints (session text not null, idx integer not null, sha text not null, trace text not null,
    data text not null, primary key (session, idx, sha));
create index hints_by_trace on hints (trace);
create table forgets (ref text not null, commit_oid text not null, trace text not null, at text not null,
    sha text not null);
create index forgets_by_trace on forgets (trace);
create table hidden (
    ref text not null, commit_oid text not null, blob text not null, trace text not null, session text not null,
    idx integer not null, sha text not null, began text not null, twice integer not null default 0,
    primary key (ref, commit_oid, session, idx, sha));
create index hidden_by_trace on hidden (trace);
create table damaged (ref text not null, commit_oid text not null, why text not null);
create table traces (trace text primary key, began text not null, ended text not null, state text not null);
create index by_end on traces (ended);
"""


_DELETE_GONE = (
    "delete from {0} where trace = ? and not exists"
    " (select 1 from segments as s where (s.session, s.idx, s.sha) = ({0}.session, {0}.idx, {0}.sha))"
)
# segments that wait to be written together
_MOST_ROWS = 1000
# notes that are worth a second process
_MANY = 400


def _state(places: Iterable[tuple[str, int, str, str]]) -> str:
    """Return what stands for where segments lie, each as (session, index, hash, commit)."""
    import hashlib

    names = sorted(f"{session} {number} {sha} {commit}" for session, number, sha, commit in places)
    return hashlib.sha256("\n".join(names).encode()).hexdigest()


class Index(Indexed):
    """The cache, brought up to date when it is opened."""

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self._store: ObjectStore | None = None
        self._rows = Rows()
        self._ahead: Ahead | None = None
        folder = os.path.join(repo.common_trace_dir, CACHE_DIR)
        self.path = os.path.join(folder, "index.sqlite")
        tips = self._tips()
        # a repository in which nothing was recorded is left as it is
        if not tips or not self._use_file(folder, tips):
            self.db = self._open(":memory:")
            self._refresh(tips)

    def _use_file(self, folder: str, tips: dict[str, str]) -> bool:
        """Open the file and bring it up to date; return whether that worked. A damaged one is made anew, once."""
        for damaged in (False, True):
            try:
                if damaged:
                    os.unlink(self.path)
                os.makedirs(folder, exist_ok=True)
                self.db = self._open(self.path)
                with closed_on_failure(self.db):
                    self._refresh(tips)
            except (sqlite3.OperationalError, OSError):
                return False  # locked for long, or a repository that we may only read: it fits in memory
            except sqlite3.DatabaseError:
                continue
            return True
        return False

    def close(self) -> None:
        """Let go of the file."""
        self.db.close()
        if self._store:
            self._store.close()

    def _open(self, path: str) -> sqlite3.Connection:
        db = sqlite3.connect(path, timeout=10, isolation_level=None)
        with closed_on_failure(db):
            db.execute("pragma synchronous = off")
            # what was forgotten shall not stay in the file's free pages
            db.execute("pragma secure_delete = on")
            ensure_tables(db, _SCHEMA, _VERSION)
        return db

    def _tips(self) -> dict[str, str]:
        refs = (NOTES_REF, REMOTE_NOTES_REFS, TRACE_REFS)
        out = self.repo.git("for-each-ref", "--format=%(objectname) %(refname)", *refs)
        tips = {}
        for line in os.fsdecode(out).splitlines():
            oid, _, ref = line.partition(" ")
            tips[ref] = oid
        return tips

    def _refresh(self, tips: dict[str, str]) -> None:
        if dict(self.db.execute("select ref, oid from tips")) == tips:
            return
        self.db.execute("begin immediate")
        try:
            seen = dict(self.db.execute("select ref, oid from tips"))
            self._rows = Rows(is_first=not seen)
            self._rows.begin(self.db)
            touched: set[str] = set()
            for ref in seen.keys() - tips.keys():
                touched |= self._drop(ref, None)
                self.db.execute("delete from tips where ref = ?", (ref,))
            for ref, oid in tips.items():
                if seen.get(ref) != oid:
                    touched |= self._read_ref(ref, seen.get(ref), oid)
                    self.db.execute("insert or replace into tips values (?, ?)", (ref, oid))
            self._rows.end(self.db)
            covered = {row[0] for row in self.db.execute("select trace from forgets union select trace from hidden")}
            hidden = {trace for trace in touched & covered if self._hide(trace)}
            has_rivals = self._hide_rivals if self._rows.may_have_rivals() else lambda _: False
            for trace in touched:
                has_less = has_rivals(trace) or trace in hidden or not self._rows.is_first
                self._summarize(trace, has_less)
            self.db.execute("commit")
        except BaseException:
            self.db.execute("rollback")
            raise
        if hidden:
            self._drop_other_caches()

    @property
    def store(self) -> ObjectStore:
        """The repository's objects."""
        if self._store is None:
            self._store = open_objects(self.repo)
        return self._store

    def _drop(self, ref: str, commit: str | None) -> set[str]:
        self._rows.write(self.db)
        where, values = ("ref = ?", (ref,)) if commit is None else ("ref = ? and commit_oid = ?", (ref, commit))
        traces = {row[0] for row in self.db.execute(f"select distinct trace from segments where {where}", values)}  # noqa: S608 - constants
        for table in ("forgets", "hidden"):
            traces |= {row[0] for row in self.db.execute(f"select distinct trace from {table} where {where}", values)}  # noqa: S608 - constants
        for table in ("segments", "forgets", "hidden", "damaged"):
            self.db.execute(f"delete from {table} where {where}", values)  # noqa: S608 - constants
        return traces

    def _read_ref(self, ref: str, old: str | None, new: str) -> set[str]:
        try:
            return self._read_notes(ref, old, new)
        except ObjectMissing as error:
            raise ObjectMissing(f"cannot read '{ref}': {error}", "see 'git trace doctor'") from None
        finally:
            if self._ahead:
                self._ahead.close()
                self._ahead = None

    def _read_notes(self, ref: str, old: str | None, new: str) -> set[str]:
        touched: set[str] = set()
        if ref.startswith(TRACE_REFS):
            touched |= self._drop(ref, "")
            for blob in self._unlinked(new):
                touched |= self._add_note(ref, "", blob)
            self._rows.write(self.db)
            return touched
        new_tree = self.store.commit(new).tree
        try:
            old_tree = self.store.commit(old).tree if old else None
            changes = list(notes.changed(self.store, old_tree, new_tree))
        except (Damaged, ObjectMissing):
            old_tree, changes = None, list(notes.changed(self.store, None, new_tree))
        if old_tree is None:
            touched |= self._drop(ref, None)
        unlinked = False
        # of a ref that is new there is nothing to drop
        read: set[str] = set()
        self._unpack_ahead([note for commit, note in changes if note and not commit.startswith(SEGMENTS_DIR)])
        for commit, note in changes:
            if commit.startswith(SEGMENTS_DIR):
                unlinked = True
                continue
            if old_tree is not None or commit in read:
                touched |= self._drop(ref, commit)
            read.add(commit)
            if note:
                ahead = self._ahead.next() if self._ahead else None
                if ahead is None:
                    touched |= self._add_note(ref, commit, note)
                else:
                    touched |= self._add_unpacked(ref, commit, note, ahead)
        if unlinked:  # published without a commit, as files beside the notes
            touched |= self._drop(ref, "")
            for blob in self._unlinked(new_tree):
                touched |= self._add_note(ref, "", blob)
        self._rows.write(self.db)
        return touched

    def _unpack_ahead(self, blobs: list[str]) -> None:
        """Let most of many notes be unpacked beside this process, which has the rows to write besides."""
        if len(blobs) < _MANY or not self._rows.is_first or self._rows.headers or os.cpu_count() == 1:
            return
        from gittrace.trace.stored.unpacked import Ahead

        # where no process can be had, all is done here
        with suppress(OSError):
            self._ahead = Ahead(self.repo, blobs)

    def _unlinked(self, root: str) -> Iterator[str]:
        for entry in self.store.tree(root):
            if entry.name == SEGMENTS_DIR.encode() and entry.mode == DIRECTORY:
                for segment in self.store.tree(entry.oid):
                    yield segment.oid

    def _add_note(self, ref: str, commit: str, blob: str) -> set[str]:
        from gittrace.model.segment import parse_note

        note = parse_note(self.store.blob(blob))
        touched = set()
        for line in note.segments:
            touched.add(line.trace_id)
            try:
                self._add_line(Place(ref, commit, blob, line.trace_id, line.session_id, line.index, line.sha256), line)
            except Damaged as error:
                self.db.execute("insert into damaged values (?, ?, ?)", (ref, commit, str(error)))
        for forget in note.forgets:
            touched.add(forget.trace_id)
            row = (ref, commit, forget.trace_id, forget.at, forget.sha256 or "")
            self.db.execute("insert into forgets values (?, ?, ?, ?, ?)", row)
        for wrong in note.damaged:
            self.db.execute("insert into damaged values (?, ?, ?)", (ref, commit, f"line {wrong.number}: {wrong.why}"))
        return touched

    def _add_unpacked(self, ref: str, commit: str, blob: str, found: "list[Named]") -> set[str]:
        """Add a note that was unpacked ahead: segments, and nothing else."""
        from gittrace.trace.stored.unpacked import Unpacked

        for trace, session, number, sha, kept in found:
            unpack = partial(Unpacked, *kept) if kept else None
            self._add_segment(Place(ref, commit, blob, trace, session, number, sha), unpack)
        return {trace for trace, *_ in found}

    def _add_line(self, place: Place, line: "SegmentLine") -> None:
        from gittrace.trace.stored.unpacked import unpacked

        self._add_segment(place, partial(unpacked, line))

    def _add_segment(self, place: Place, unpack: "Callable[[], Unpacked] | None") -> None:
        """Add a segment; without `unpack` it is one that was read before."""
        key = (place.session_id, place.index, place.sha256)
        # the same segment on another commit or ref: it was unpacked and proved before
        header_text = self._rows.header(self.db, key)
        if header_text is None:
            assert unpack
            found = unpack()
            header_text = self._rows.headers[key] = found.header
            self._rows.events += [
                (id_, place.trace_id, *key, pos, at, text) for pos, (id_, at, text) in enumerate(found.events)
            ]
            self._rows.hints.append((*key, place.trace_id, found.hints))
        row = (place.ref, place.commit, place.blob, place.trace_id, *key, header_text)
        self._rows.segments.append(row)
        if len(self._rows.segments) >= _MOST_ROWS:
            self._rows.write(self.db)

    def _hide(self, trace: str) -> bool:
        """Take out of the tables what tombstones of the trace cover, and put back what none covers any more.

        Return whether something was taken out that was not hidden before.
        """
        was_hidden = self.db.execute("select * from hidden where trace = ?", (trace,)).fetchall()
        dead = self.tombstones(trace)
        for *where, began, _ in was_hidden:
            place = Place(*where)
            if not dead.covers(trace, began, place.sha256):
                self.db.execute("delete from hidden where (ref, commit_oid, sha) = (?, ?, ?)", (*where[:2], where[6]))
                self._add_hidden_again(place)
        rows = self.db.execute("select * from segments where trace = ?", (trace,)).fetchall()
        new = False
        for *where, header in rows:
            began = as_text(json.loads(header).get("at", ""))
            if dead.covers(trace, began, where[6]):
                self.db.execute("insert or replace into hidden values (?, ?, ?, ?, ?, ?, ?, ?, 0)", (*where, began))
                self.db.execute("delete from segments where (ref, commit_oid, sha) = (?, ?, ?)", (*where[:2], where[6]))
                new = True
        return new

    def _hide_rivals(self, trace: str) -> bool:
        """Take out segments of one name and other content: our own is the one that counts, else the smallest hash.

        Return whether there were any.
        """
        query = "select session, idx from segments where trace = ? group by session, idx having count(distinct sha) > 1"
        rivals = self.db.execute(query, (trace,)).fetchall()
        for session, number in rivals:
            found = self.db.execute(
                "select * from segments where (trace, session, idx) = (?, ?, ?)", (trace, session, number)
            ).fetchall()
            chosen = min((row[0].startswith(REMOTE_NOTES_REFS), row[6]) for row in found)[1]
            for *where, header in found:
                if where[6] != chosen:
                    row = (*where, as_text(json.loads(header).get("at", "")))
                    self.db.execute("insert or replace into hidden values (?, ?, ?, ?, ?, ?, ?, ?, 1)", row)
                    query = "delete from segments where (ref, commit_oid, sha) = (?, ?, ?)"
                    self.db.execute(query, (*where[:2], where[6]))
        return bool(rivals)

    def _add_hidden_again(self, place: Place) -> None:
        from gittrace.model.segment import parse_note

        for line in parse_note(self.store.blob(place.blob)).segments:
            if (line.session_id, line.index, line.sha256) == (place.session_id, place.index, place.sha256):
                self._add_line(place, line)
        self._rows.write(self.db)

    def _drop_other_caches(self) -> None:
        """Remove what other caches hold: it may follow from what was forgotten."""
        remove_caches(os.path.dirname(self.path), keep=os.path.basename(self.path))

    def _summarize(self, trace: str, has_less: bool) -> None:
        """Bring up to date what is known of a trace; `has_less`: segments of it may be gone."""
        query = "select session, idx, sha, commit_oid, header from segments where trace = ?"
        rows = self.db.execute(query, (trace,)).fetchall()
        if not rows:
            for table in ("traces", "events", "hints"):
                self.db.execute(f"delete from {table} where trace = ?", (trace,))  # noqa: S608 - constants
            return
        for table in ("events", "hints") if has_less else ():
            self.db.execute(_DELETE_GONE.format(table), (trace,))
        began = min(as_text(json.loads(header).get("at", "")) for *_, header in rows)
        (ended,) = self.db.execute("select max(at) from events where trace = ?", (trace,)).fetchone()
        state = _state(row[:-1] for row in rows)
        self.db.execute("insert or replace into traces values (?, ?, ?, ?)", (trace, began, ended or began, state))
