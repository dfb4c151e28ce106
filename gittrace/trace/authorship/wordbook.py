"""Which traces added a line, wherever: so that a question about a file need not read a thousand of them.

It is part of the cache of attribution. A word is the hash of what a telling line says (see `align.key`), or of
a blob's oid; a trace that shares none with a file has no part in it, unless it is noted on its commit.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping

import mmh3

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.patch import PatchError, added_runs, parse
from gittrace.model.trace import EventDict, Segment, Trace
from gittrace.trace.authorship.recorded import DIFF, EFFECT
from gittrace.trace.produced.unmasked import unmasked
from gittrace.trace.stored.store import Store
from gittrace.trace.text.align import key, telling

# values in one question to sqlite
_BATCH = 500


class Wordbook:
    """The words of all sealed segments; its tables are `words` and `read`."""

    def __init__(self, db: sqlite3.Connection, store: Store, load: Callable[[str], Trace]) -> None:
        self.db = db
        self.store = store
        self._load = load

    def fill(self) -> None:
        """Read the segments that are new."""
        read = {row[0] for row in self.db.execute("select segment from read")}
        rows = self.store.index.db.execute("select distinct trace, sha from segments").fetchall()
        new: dict[str, set[str]] = {}
        for trace, sha in rows:
            if sha not in read:
                new.setdefault(trace, set()).add(sha)
        for trace, segments in new.items():
            words = self._words(trace, segments)
            self.db.execute("begin immediate")
            self.db.executemany("insert or ignore into words values (?, ?)", [(word, trace) for word in words])
            self.db.executemany("insert or ignore into read values (?)", [(sha,) for sha in segments])
            self.db.execute("commit")

    def _words(self, trace: str, segments: Iterable[str]) -> set[int]:
        try:
            loaded = self._load(trace)
        except TraceError:
            return set()  # it can't be read for attribution either, which says so
        wanted = set(segments)
        return {
            word for segment in loaded.segments if segment.sha256 in wanted for word in _words_of(segment, self.store)
        }

    def traces_with(self, texts: Iterable[bytes], oids: Iterable[str]) -> set[str]:
        """Return the traces that added one of the lines, or made one of the blobs."""
        words = sorted({*map(_word, _telling(texts)), *(_word(oid.encode()) for oid in oids)})
        found: set[str] = set()
        for start in range(0, len(words), _BATCH):
            some = words[start : start + _BATCH]
            marks = ",".join("?" * len(some))
            query = f"select distinct trace from words where word in ({marks})"  # noqa: S608 - question marks
            found.update(row[0] for row in self.db.execute(query, some))
        return found


def _word(text: bytes) -> int:
    return mmh3.hash64(text)[0]


def _telling(lines: Iterable[bytes]) -> Iterator[bytes]:
    """Yield the keys of lines that say where they come from: others are in every project."""
    return (text for text in map(key, lines) if telling(text))


def _words_of(segment: Segment, store: Store) -> Iterator[int]:
    for event in (segment.header, *segment.events):
        for part in (DIFF, EFFECT):
            for text in _added(event, part, store):
                yield _word(text)


def _added(event: EventDict, part: str, store: Store) -> Iterator[bytes]:
    """Yield what an event added: the keys of lines, and oids of blobs."""
    omitted = event.get(f"{part}_omitted")
    text = event.get(part)
    try:
        if isinstance(omitted, Mapping):
            for change in store.objects.changes(omitted.get("from"), omitted.get("to")):
                if change.new_oid and store.objects.kind(change.new_oid) == "blob":
                    yield change.new_oid.encode()
                    yield from _telling(store.objects.blob(change.new_oid).split(b"\n"))
        elif isinstance(text, str):
            for file in unmasked(parse(from_json_text(text, event.get(f"{part}_encoding"))), store.objects):
                if file.new_oid:
                    yield file.new_oid.encode()
                for _, lines in added_runs(file):
                    yield from _telling(lines)
    except (PatchError, TraceError, ValueError):
        return  # attribution can't read it either, and says so
