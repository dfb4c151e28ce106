"""What files held in commits, as keys of lines: read once for all sessions that ask for the same few."""

from collections.abc import Sequence
from functools import lru_cache

from gittrace.errors import TraceError
from gittrace.git.objects import Entry, ObjectStore
from gittrace.git.trees import TreeEditor
from gittrace.trace.align import Text, keys
from gittrace.trace.changes import LARGEST, split

# what is kept at hand: contents, trees, places
_MOST_HELD = 256
_MOST_TREES = 64
_MOST_PLACES = 1 << 16


class Past:
    """Reads the commits of a repository."""

    def __init__(self, objects: ObjectStore) -> None:
        self._objects = objects
        self._tree = lru_cache(_MOST_TREES)(self._open)
        self._entry = lru_cache(_MOST_PLACES)(self._find)
        self._keys = lru_cache(_MOST_HELD)(self._read)
        self.age = lru_cache(_MOST_PLACES)(self._age)

    def held(self, commit: str, path: bytes) -> Sequence[Text] | None:
        """Return the keys of a file's lines in a commit; None where it isn't there, or is very large."""
        entry = self._entry(commit, path)
        return self._keys(entry.oid) if entry else None

    def blob(self, oid: str) -> bytes | None:
        """Return a blob, None when it isn't here or is very large."""
        try:
            return self._objects.blob(oid) if self._objects.size(oid) <= LARGEST else None
        except TraceError:
            return None

    def _open(self, commit: str) -> TreeEditor:
        return TreeEditor(self._objects, self._objects.commit(commit).tree)

    def _find(self, commit: str, path: bytes) -> Entry | None:
        return self._tree(commit).get(path)

    def _read(self, oid: str) -> Sequence[Text] | None:
        content = self.blob(oid)
        return None if content is None else keys(split(content))

    def _age(self, commit: str) -> tuple[int, str]:
        return -self._objects.commit(commit).committer.time, commit
