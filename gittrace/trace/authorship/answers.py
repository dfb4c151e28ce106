"""Attribution that is remembered: `<common-dir>/trace/cache/attribution.sqlite`.

It may be deleted at any time. An answer for a commit holds until something is recorded, or fetched, that may have
led to that commit: a segment with an event that is not younger, or one that is noted on it. So what is asked again
costs a look into the cache, and new work makes only new commits dear.
"""

import gc
import json
import os
import sqlite3
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property, partial
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.added import file_changes
from gittrace.git.trees import TreeEditor
from gittrace.model.attribution import STATE, AttributedFile, Attribution, Line, Range, Writer, ranges
from gittrace.trace.bounded import Bounded
from gittrace.trace.small_cache import closed_on_failure
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR

# the decoders of segments and diffs are loaded when something has to be found out
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.trace import Trace
    from gittrace.trace.authorship.attribution import Attributor
    from gittrace.trace.authorship.kept import Keeper
    from gittrace.trace.authorship.past import Past
    from gittrace.trace.authorship.wordbook import Wordbook

# of more traces than this only those are read that share a line with what is asked
_FEW = 50
# of all traces: where so many changed a file, it is not worth while to find out which of the others matter
_NEARLY_ALL = 0.8
# of all traces: where the first question needs as much of them, all are read at once
_PART = 0.2
# what the states of all files may take that are held at once, where all traces are read (bytes, roughly)
_MOST_BYTES = 256 << 20
# events of traces that are held, to be read again
_MOST_EVENTS = 1 << 13
# to be raised whenever attribution says something else than before, or a lineage is made otherwise
_VERSION = 24
_SCHEMA = """
create table seen (segment text primary key);
create table noted (commit_oid text not null, segment text not null, primary key (commit_oid, segment));
create table state (tips text not null);
create table answers (commit_oid text not null, path blob not null, at text not null, lines text not null,
    primary key (commit_oid, path));
create index by_time on answers (at);
create table words (word integer not null, trace text not null, primary key (word, trace)) without rowid;
create table read (segment text primary key);
create table lineages (id integer primary key, traces text not null, last text not null, data blob not null);
"""

Asked = tuple[str, bytes]
Sharing = Callable[[Iterable[bytes], Iterable[str]], Collection[str]]
Lines = dict[int, Line | None]


class Answers:
    """Answers who first wrote the lines of commits; `problems` says in words what could not be read.

    Where `many` questions will come all traces are read at once, as long as that is not too much to hold. The first
    question need not wait for that, where few traces have to do with it.

    sharing  finds the traces that may have added one of some lines, or made one of some contents; by default a cache
             is filled for that
    """

    def __init__(self, store: Store, many: bool = False, sharing: Sharing | None = None) -> None:
        self.store = store
        self._reads_all = many
        self._sharing = sharing
        self.problems: list[str] = []
        # segments that are new since the cache was used last
        self._new: Collection[str] = ()
        self._loaded: Bounded[str, Trace] = Bounded(_MOST_EVENTS)
        self._made: tuple[frozenset[str], Attributor] | None = None
        self._kept: Keeper | None = None
        path = os.path.join(store.repo.common_trace_dir, CACHE_DIR, "attribution.sqlite")
        try:
            self._open(path)
        except (sqlite3.DatabaseError, OSError):
            # damaged, locked for long, or a repository that we may only read
            self._open(":memory:")

    def close(self) -> None:
        """Let go of the cache, which gets what is still to be put there."""
        self._keep()
        self.db.close()

    def _keep(self) -> None:
        keeper, self._kept = self._kept, None
        if keeper:
            self._write(keeper.save)

    def prepare(self, path: bytes) -> None:
        """Find out what nearly any question about a file needs that is not answered already."""
        news = self._new and not self.store.index.naming(path)[1].isdisjoint(self._new)
        if not news and self.db.execute("select 1 from answers limit 1").fetchone():
            return
        if self._needs_all([path]):
            self._attributor(self.store.trace_ids)
            return
        try:
            self._wordbook()
        except sqlite3.OperationalError:
            # locked for long, or a full disk: who needs it tries again
            if self.db.in_transaction:
                self.db.execute("rollback")

    def lines(self, asked: Mapping[Asked, Collection[int]]) -> dict[Asked, Lines]:
        """Return for each (commit, path) the lines asked for (see `Attributor.lines`). Raises ObjectMissing."""
        found: dict[Asked, Lines] = {}
        missing: dict[Asked, list[int]] = {}
        for item, wanted in asked.items():
            row = self.db.execute(_ANSWER, item).fetchone()
            lines = found[item] = _unpacked(json.loads(row[0])) if row else {}
            if left := [at for at in wanted if at not in lines]:
                missing[item] = left
        if missing:
            attributor = self._attributor(lambda: self._relevant(missing))
            rows = []
            times = {commit: self.store.objects.commit(commit).committer.time for commit, _ in missing}
            # contents that follow each other have most of their lines in common
            for commit, path in sorted(missing, key=lambda item: times[item[0]]):
                lines = found[commit, path]
                lines |= attributor.lines(commit, path, missing[commit, path])
                rows.append((commit, path, _time(times[commit]), json.dumps(_packed(lines))))
            self._save(rows)
        return found

    def worktree(self, path: bytes, content: bytes, wanted: Collection[int]) -> Lines:
        """Return the lines of a content that is not committed."""
        active = self.store.active.session_id if self.store.active else None
        texts = content.split(b"\n")
        attributor = self._attributor(lambda: self._with_words(texts, ()))
        return attributor.worktree(path, content, active, wanted)

    def attribution(self, commit: str) -> Attribution:
        """Return what a commit changes over its parents, and who did. Raises ObjectMissing when it isn't here."""
        files = file_changes(self.store.line_differ, self.store.objects, self.store.objects.commit(commit))
        numbers = {
            (commit, path): [run.start - 1 + at for run in runs for at in range(len(run.texts))] or [STATE]
            for path, runs, _ in files
        }
        known = self.lines(numbers)
        found = []
        for path, runs, gone in files:
            pieces: list[Range] = []
            for run in runs:
                lines = [known[commit, path][run.start - 1 + at] for at in range(len(run.texts))]
                pieces += ranges(run, lines)
            found.append(AttributedFile(path, tuple(pieces), known[commit, path].get(STATE), tuple(gone)))
        return Attribution(commit, tuple(found))

    @cached_property
    def _past(self) -> "Past":
        """What commits held, as it is read for any question."""
        from gittrace.trace.authorship.past import Past

        return Past(self.store.objects)

    def _attributor(self, wanted: Callable[[], Collection[str]]) -> "Attributor":
        """Return an attributor over all traces, or else over those that are wanted."""
        from gittrace.trace.authorship.recorded import TooMuch

        if self._reads_all:
            everything = self.store.trace_ids()
            first = [] if self._made else wanted()
            if first and len(first) < len(everything) * _PART:
                return self._over(first)
            try:
                return self._over(everything, _MOST_BYTES)
            except TooMuch:
                self._reads_all = False
        return self._over(wanted())

    def _over(self, traces: Collection[str], most: int | None = None) -> "Attributor":
        """Return an attributor over traces, those that can be read. Raises TooMuch."""
        from gittrace.trace.authorship.attribution import Attributor
        from gittrace.trace.authorship.kept import Keeper
        from gittrace.trace.authorship.reached import Outdated
        from gittrace.trace.authorship.recorded import Source

        if self._made and self._made[0].issuperset(traces):
            return self._made[1]
        if self._made:
            self._made = None
            # what it had read is in cycles, much, and would be held beside what is read now
            gc.collect()
        unsealed = {item.header["trace_id"]: str(item.header["at"]) for item in self.store.pending.values()}
        began = unsealed | {trace: at for trace, at, _ in self.store.index.traces()}

        def read(keeper: "Keeper | None") -> Attributor:
            left = [trace for trace in traces if keeper is None or trace not in keeper.done]
            sources = [
                Source("" if trace in unsealed else began.get(trace, ""), partial(self._load, trace)) for trace in left
            ]
            return Attributor(self._past, sources, most, keeper)

        self._keep()
        keeper = None
        if not self._reads_all:
            states = self.store.index.states()
            keeper = Keeper(self.db, traces, {one: states[one] for one in states.keys() - unsealed.keys()}, began)
        try:
            attributor = read(keeper)
        except Outdated:
            assert keeper
            keeper.drop()
            attributor = read(keeper)
        self.problems += attributor.problems
        self._made = frozenset(traces).union(keeper.current if keeper else ()), attributor
        # what is wrong is said again; and what is not here may come
        if keeper and not self.problems + self.store.problems and not self._past.lacks:
            self._kept = keeper
        return attributor

    def _read(self, trace: str) -> "Trace":
        """Load a trace for its words, and hold it, since who is asked for those may want more of it."""
        loaded = self.store.load(trace)
        self._loaded.put(trace, loaded, len(loaded.events))
        return loaded

    def _load(self, trace: str) -> "Trace | None":
        try:
            return self._loaded.get(trace) or self.store.load(trace)
        except TraceError as error:
            self.problems.append(str(error))
            return None

    def _relevant(self, asked: Collection[Asked]) -> list[str]:
        """Return the traces that may have to do with files of commits."""
        if self._needs_all({path for _, path in asked}):
            return self.store.trace_ids()
        objects = self.store.objects
        commits = {commit: objects.commit(commit) for commit, _ in asked}
        oids = []
        # contents that follow each other have most of their lines in common
        for commit, path in sorted(asked, key=lambda item: (item[1], commits[item[0]].committer.time)):
            entry = TreeEditor(objects, commits[commit].tree).get(path)
            if entry and objects.kind(entry.oid) == "blob":
                oids.append(entry.oid)
        noted = {trace for commit in commits for trace in self.store.index.traces_of(commit)}
        return sorted(noted | set(self._with_words(self._past.texts(oids), oids)))

    def _needs_all(self, paths: Iterable[bytes]) -> bool:
        """Tell whether all traces are read for files: they are few, or nearly all changed one of the files."""
        traces = self.store.trace_ids()
        if len(traces) <= _FEW:
            return True
        changed = set[str]().union(*(self.store.index.naming(path)[0] for path in paths))
        return len(changed) >= _NEARLY_ALL * len(traces)

    def _with_words(self, texts: Iterable[bytes], oids: Iterable[str]) -> list[str]:
        if len(self.store.trace_ids(_FEW + 1)) <= _FEW:
            return self.store.trace_ids()
        open_traces = {item.header["trace_id"] for item in self.store.pending.values()}
        return sorted(open_traces.union(self._sharing_traces(texts, oids)))

    def _sharing_traces(self, texts: Iterable[bytes], oids: Iterable[str]) -> Collection[str]:
        if self._sharing:
            return self._sharing(texts, oids)
        return self._wordbook().traces_with(texts, oids)

    def _wordbook(self) -> "Wordbook":
        from gittrace.trace.authorship.wordbook import Wordbook

        book = Wordbook(self.db, self.store, self._read)
        book.fill()
        return book

    def _save(self, rows: Collection[tuple[str, bytes, str, str]]) -> None:
        def write() -> None:
            self.db.execute("begin immediate")
            self.db.executemany("insert or replace into answers values (?, ?, ?, ?)", rows)
            self.db.execute("commit")

        self._write(write)

    def _write(self, write: Callable[[], None]) -> None:
        try:
            write()
        except sqlite3.OperationalError as error:
            if self.db.in_transaction:
                self.db.execute("rollback")
            # locked for long, or a full disk: it is only a cache
            problem = f"cannot keep what was found out: {error}"
            self.problems += [] if problem in self.problems else [problem]

    def _open(self, path: str) -> None:
        self.db = sqlite3.connect(path, timeout=10, isolation_level=None)
        with closed_on_failure(self.db):
            self._bring_up_to_date()

    def _bring_up_to_date(self) -> None:
        self.db.execute("pragma synchronous = off")
        tips = json.dumps(sorted(self.store.index.db.execute("select ref, oid from tips").fetchall()))
        if self._is_current(tips):
            return
        self.db.execute("begin immediate")
        try:
            if self.db.execute("pragma user_version").fetchone()[0] != _VERSION:
                self._empty()
            self._refresh()
            self.db.execute("delete from state")
            self.db.execute("insert into state values (?)", (tips,))
            self.db.execute("commit")
        except BaseException:
            self.db.execute("rollback")
            raise

    def _is_current(self, tips: str) -> bool:
        if self.db.execute("pragma user_version").fetchone()[0] != _VERSION:
            return False
        row = self.db.execute("select tips from state").fetchone()
        return row is not None and row[0] == tips

    def _empty(self) -> None:
        for (name,) in self.db.execute("select name from sqlite_master where type = 'table'").fetchall():
            self.db.execute(f'drop table "{name}"')
        for statement in _SCHEMA.split(";"):
            self.db.execute(statement)
        self.db.execute(f"pragma user_version = {_VERSION}")

    def _refresh(self) -> None:
        """Drop the answers that what is new, or gone, may change."""
        rows = self.store.index.db.execute("select sha, session, idx, commit_oid from segments").fetchall()
        seen = {row[0] for row in self.db.execute("select segment from seen")}
        new = {sha: (session, index) for sha, session, index, _ in rows if sha not in seen}
        if seen - {row[0] for row in rows}:
            # forgotten, or its ref is gone
            for table in ("seen", "noted", "answers", "words", "read", "lineages"):
                self.db.execute(f"delete from {table}")  # noqa: S608 - constants
            new = {sha: (session, index) for sha, session, index, _ in rows}
        first = self._first(new)
        if first is not None:
            self.db.execute("delete from answers where at >= ?", (first[:19],))
        self.db.executemany("insert into seen values (?)", [(sha,) for sha in new])
        self._new = new
        noted = set(self.db.execute("select commit_oid, segment from noted"))
        fresh = {(commit, sha) for sha, _, _, commit in rows if commit} - noted
        self.db.executemany("delete from answers where commit_oid = ?", [(commit,) for commit, _ in fresh])
        self.db.executemany("insert into noted values (?, ?)", fresh)

    def _first(self, segments: Mapping[str, tuple[str, int]]) -> str | None:
        """Return when the first thing in some segments happened; a session's first one begins with its header."""
        ask = self.store.index.db.execute
        times: list[str] = []
        for session, index in segments.values():
            times += [str(row[0]) for row in ask(_FIRST_EVENT, (session, index)) if row[0]]
            if index == 0:
                times += [str(json.loads(row[0]).get("at", "")) for row in ask(_HEADER, (session,))]
        return min(times, default=None)


_ANSWER = "select lines from answers where commit_oid = ? and path = ?"
_FIRST_EVENT = "select min(at) from events where session = ? and idx = ?"
_HEADER = "select header from segments where session = ? and idx = 0 limit 1"


def _time(seconds: int) -> str:
    """Return a time as events have it, in whole seconds, so that the two can be compared."""
    from gittrace.clock import now

    return now(seconds * 1_000_000_000)[:19]


def _packed(lines: Lines) -> dict[str, Any]:
    """Return lines as JSON: the writers, runs of [first index, end, writer or -1, how sure], and what was changed."""
    writers: dict[Writer, int] = {}
    runs: list[list[Any]] = []
    originals = {}
    for at, line in sorted(lines.items()):
        writer = -1 if line is None else writers.setdefault(line.writer, len(writers))
        sure = "" if line is None else line.sure
        if runs and runs[-1][1:] == [at, writer, sure]:
            runs[-1][1] = at + 1
        else:
            runs.append([at, at + 1, writer, sure])
        if line is not None and line.original is not None:
            originals[at] = line.original.decode("latin-1")
    values = [[getattr(writer, name) for name in Writer.__slots__] for writer in writers]
    return {"writers": values, "runs": runs, "originals": originals}


def _unpacked(packed: Mapping[str, Any]) -> Lines:
    lines: Lines = {}
    writers = [Writer(*values) for values in packed["writers"]]
    for start, end, writer, sure in packed["runs"]:
        lines |= dict.fromkeys(range(start, end), None if writer < 0 else Line(writers[writer], sure))
    for at, text in packed["originals"].items():
        line = lines[int(at)]
        if line is not None:
            lines[int(at)] = Line(line.writer, line.sure, text.encode("latin-1"))
    return lines
