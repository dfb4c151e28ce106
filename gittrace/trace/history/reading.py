"""Reads what traces wrote and what commits change, when it is asked for, and keeps as much of it as memory allows."""

from collections import Counter
from collections.abc import Iterable, Mapping
from functools import cached_property
from weakref import finalize

from gittrace.errors import TraceError
from gittrace.git.history import Made
from gittrace.git.trees import Overlay, TreeEditor
from gittrace.model.trace import Trace
from gittrace.trace.authorship.changes import LARGEST
from gittrace.trace.bounded import Bounded
from gittrace.trace.history.contents import Content, contents
from gittrace.trace.produced.work import Work, Written
from gittrace.trace.produced.work_reader import work_of
from gittrace.trace.stored.store import Store
from gittrace.trace.text.fingerprint import line_of

# lines that are held, of traces and of commits; one takes some 300 bytes
_MOST_LINES = 300_000


class Known:
    """What a trace wrote, and the paths and skeletons by which it is looked up."""

    def __init__(self, work: Work) -> None:
        self.work = work

    @cached_property
    def paths(self) -> frozenset[bytes]:
        """The files that it changed."""
        return self.work.paths | self.work.lines.keys()

    @cached_property
    def skeletons(self) -> Mapping[tuple[bytes, int], list[Written]]:
        """The telling lines, by file and skeleton."""
        found: dict[tuple[bytes, int], list[Written]] = {}
        for path, lines in self.work.lines.items():
            for written in lines.values():
                if written.line.telling:
                    found.setdefault((path, written.line.skeleton), []).append(written)
        return found


class Reader:
    """Reads traces and commits of a repository. `given` are traces that are loaded already."""

    def __init__(self, store: Store, given: Mapping[str, Trace]) -> None:
        self.store = store
        self.given = given
        self._objects = Overlay(store.objects)
        finalize(self, self._objects.close)
        self._works: Bounded[str, Known] = Bounded(_MOST_LINES)
        self._contents: Bounded[str, Content] = Bounded(_MOST_LINES)
        self._unreadable: set[str] = set()
        self._standing: Bounded[tuple[str, bytes], Counter[int]] = Bounded(_MOST_LINES)

    def held(self, trace: str) -> Known | None:
        """Return what a trace wrote, None when that was not read, or is not held any more."""
        return self._works.get(trace)

    def work(self, trace: str) -> Known:
        """Return what a trace wrote; nothing, of one that can't be read: the store's `problems` name it."""
        found = self._works.get(trace)
        if found is None:
            found = Known(self._read(trace))
            self._works.put(trace, found, 20 + sum(map(len, found.work.lines.values())))
        return found

    def _read(self, trace: str) -> Work:
        if trace in self._unreadable:
            return Work(trace)
        try:
            return work_of(self.given.get(trace) or self.store.load(trace), self._objects)
        except TraceError as error:
            self._unreadable.add(trace)
            self.store.problems.append(str(error))
            return Work(trace)

    def standing(self, commit: str, path: bytes) -> Counter[int] | None:
        """Return how often the skeletons of telling lines stand in a commit's file, None where that can't be read."""
        found = self._standing.get((commit, path))
        if found is None:
            found = self._count(commit, path)
            if found is not None:
                self._standing.put((commit, path), found, 1 + len(found))
        return found

    def _count(self, commit: str, path: bytes) -> Counter[int] | None:
        try:
            entry = TreeEditor(self._objects, self._objects.commit(commit).tree).get(path)
            if entry is None or self._objects.size(entry.oid) > LARGEST:
                return None
            lines = map(line_of, self._objects.blob(entry.oid).split(b"\n"))
        except TraceError:
            return None  # a directory, a submodule, or what a clone in part lacks
        return Counter(line.skeleton for line in lines if line.telling)

    def content(self, made: Made) -> Content:
        """Return what a commit changes."""
        found = self._contents.get(made.oid)
        if found is None:
            found = contents(self.store.line_differ, self.store.objects, [made])[made.oid]
            self._put(made.oid, found)
        return found

    def read(self, commits: Iterable[Made]) -> None:
        """Read commits that will be asked for, with one git."""
        missing = [made for made in commits if made.oid not in self._contents]
        if missing:
            for oid, content in contents(self.store.line_differ, self.store.objects, missing).items():
                self._put(oid, content)

    def _put(self, oid: str, content: Content) -> None:
        runs = (run for file in content.files for run in (*file.lines.added, *file.lines.removed))
        self._contents.put(oid, content, 10 + sum(map(len, runs)))
