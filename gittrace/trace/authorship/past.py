"""Contents, line by line, and what files held in commits: read once for all that ask for the same few."""

from collections.abc import Iterable
from functools import lru_cache

from gittrace.errors import TraceError
from gittrace.git.objects import Entry, ObjectStore
from gittrace.git.trees import Overlay, TreeEditor
from gittrace.trace.authorship.changes import LARGEST
from gittrace.trace.bounded import Bounded
from gittrace.trace.text.lines import Alphabets, Lines, split

# what is kept at hand: lines of contents, trees, places
_MOST_LINES = 1 << 22
# what a line takes in its content (bytes, roughly): its letter, and mostly that of what it says
_A_LINE = 4
_MOST_TREES = 64
_MOST_PLACES = 1 << 14


class Past:
    """Reads the commits of a repository.

    lacks  whether a content was asked for that isn't here
    """

    def __init__(self, objects: ObjectStore) -> None:
        # one that all trees share, with what they read
        self.objects = Overlay(objects)
        self.objects.trust()
        self._tree = lru_cache(_MOST_TREES)(self._open)
        self._entry = lru_cache(_MOST_PLACES)(self._find)
        self.age = lru_cache(_MOST_PLACES)(self._age)
        self.lacks = False
        self._alphabets = Alphabets()
        self._held: Bounded[str, Lines] = Bounded(_MOST_LINES)

    @property
    def size(self) -> int:
        """How much it holds, in bytes, roughly."""
        return self._held.weight * _A_LINE + self._alphabets.size

    def held(self, commit: str, path: bytes) -> Lines | None:
        """Return a file's lines in a commit; None where it isn't there, or is very large."""
        entry = self._entry(commit, path)
        return self.content(entry.oid) if entry else None

    def content(self, oid: str) -> Lines | None:
        """Return the lines of a blob, None when it isn't here or is very large."""
        found = self._held.get(oid)
        if found is None:
            try:
                data = self.objects.blob(oid) if self.objects.size(oid) <= LARGEST else None
            except TraceError:
                self.lacks, data = True, None
            if data is None:
                return None
            found = self._alphabets.lines(data)
            if found is not None:
                self._held.put(oid, found, found.size)
        return found

    def lines(self, content: bytes) -> Lines | None:
        """Return the lines of any content, None when it is very large."""
        return self._alphabets.lines(content)

    def texts(self, oids: Iterable[str]) -> set[bytes]:
        """Return the lines of blobs, also of very large ones, all together. Raises ObjectMissing."""
        found: set[bytes] = set()
        before: Lines | None = None
        for oid in oids:
            lines = self.content(oid)
            if lines is None:
                found.update(split(self.objects.blob(oid)))
            elif before and before.alphabet is lines.alphabet:
                for one in lines.after(before):
                    found.update(map(lines.text, range(one.new, one.new_end)))
            else:
                found.update(lines.texts())
            before = lines or before
        return found

    def _open(self, commit: str) -> TreeEditor:
        return TreeEditor(self.objects, self.objects.commit(commit).tree)

    def _find(self, commit: str, path: bytes) -> Entry | None:
        return self._tree(commit).get(path)

    def time(self, commit: str) -> int | None:
        """Return when a commit was made, in seconds since the epoch; None where it isn't here."""
        return self.objects.commit(commit).committer.time if self.objects.kind(commit) == "commit" else None

    def _age(self, commit: str) -> tuple[int, str]:
        return -self.objects.commit(commit).committer.time, commit
