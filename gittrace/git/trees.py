"""Trees made in memory: objects that need not be stored, and an editor of whole trees."""

import hashlib
import re
import weakref
from functools import cached_property

from gittrace.errors import TraceError
from gittrace.git.objects import DIRECTORY, EMPTY_TREE, GITLINK, BaseStore, Entry, ObjectMissing, ObjectStore
from gittrace.git.repository import Repository
from gittrace.text import decode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO

_IN_MEMORY = 64 << 20


class BadPath(TraceError):
    """A path that no tree may hold, such as `../x` or `.git/config`."""


# what HFS+ leaves out of a name (git's utf8.c, next_hfs_char), as UTF-8
_HFS_IGNORES = re.compile(b"\xe2(?:\x80[\x8c-\x8f\xaa-\xae]|\x81[\xaa-\xaf])|\xef\xbb\xbf")
# what NTFS takes for `.git`: its short name, and names with dots, spaces or a stream behind (path.c, is_ntfs_dotgit)
_NTFS_GIT = re.compile(rb"(?:\.git|git~1)[. ]*(?::.*)?", re.IGNORECASE | re.DOTALL)


def check_path(path: bytes) -> list[bytes]:
    """Return the components of a path. Raises BadPath when git's index would refuse it.

    It is as strict as with core.protectHFS and core.protectNTFS, wherever it runs: what is recorded travels.
    """
    parts = path.split(b"/")
    if b"\0" in path or any(map(_is_bad, parts)):
        raise BadPath(f"no tree may hold the path '{decode(path)}'")
    return parts


def _is_bad(name: bytes) -> bool:
    if name in (b"", b".", b".."):
        return True
    # git looks at backslashes as Windows does where only NTFS is protected
    names = name.split(b"\\") if b"\\" in name else (name,)
    return any(_NTFS_GIT.fullmatch(_HFS_IGNORES.sub(b"", part)) for part in names)


def hash_object(kind: str, content: bytes, object_format: str) -> str:
    """Return the oid that git gives to an object of this kind and content."""
    header = b"%s %d\0" % (kind.encode("ascii"), len(content))
    if object_format == "sha256":
        return hashlib.sha256(header + content).hexdigest()
    return hashlib.sha1(header + content, usedforsecurity=False).hexdigest()


class Overlay(BaseStore):
    """A store over another one, with more objects. Past 64 MiB they are kept in a temporary file."""

    def __init__(self, base: ObjectStore) -> None:
        super().__init__(base.format)
        self.base = base
        self._end = 0
        self._places: dict[str, tuple[str, int, int]] = {}

    @cached_property
    def _file(self) -> "IO[bytes]":
        # it costs milliseconds, and most overlays get nothing
        import tempfile

        file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 (lives as long as the overlay)
        weakref.finalize(self, file.close)
        return file

    def add(self, kind: str, content: bytes) -> str:
        """Add an object, unless the base has it, and return its oid."""
        oid = hash_object(kind, content, self.format)
        if oid not in self._places and self.base.kind(oid) is None:
            self._file.seek(self._end)
            self._file.write(content)
            self._places[oid] = (kind, self._end, len(content))
            self._end += len(content)
        return oid

    def trust(self) -> None:
        """See ObjectStore."""
        self.base.trust()

    def kind(self, oid: str) -> str | None:
        """See ObjectStore."""
        if oid in self._commits:
            return "commit"
        place = self._places.get(oid)
        return place[0] if place else self.base.kind(oid)

    def _load(self, oid: str) -> tuple[str, bytes] | None:
        place = self._places.get(oid)
        if place is None:
            try:
                return self.base.read(oid)
            except ObjectMissing:
                return None
        kind, start, size = place
        self._file.seek(start)
        return kind, self._file.read(size)

    def _header(self, oid: str) -> tuple[str, int] | None:
        place = self._places.get(oid)
        if place:
            return place[0], place[2]
        kind = self.base.kind(oid)
        return (kind, self.base.size(oid)) if kind else None

    def close(self) -> None:
        """Drop the added objects; the base stays open."""
        if self._places:
            self._file.close()
        self._places.clear()


class _Directory:
    """A directory that is being edited. `oid` is None while it has changes that aren't hashed yet."""

    __slots__ = ("entries", "oid")

    def __init__(self, entries: "dict[bytes, tuple[int, str | _Directory]]", oid: str | None) -> None:
        self.entries = entries
        self.oid = oid


class TreeEditor:
    """A tree that can be changed path by path. Only the directories on the way to a change are read.

    >>> editor = TreeEditor(store, commit.tree)
    >>> editor.set(b"src/a.py", FILE, oid)
    >>> editor.tree_oid()
    """

    def __init__(self, store: ObjectStore, root: str | None = None) -> None:
        self.objects = store if isinstance(store, Overlay) else Overlay(store)
        self._root = self._open(root or EMPTY_TREE[store.format])
        self._made: list[str] = []

    def get(self, path: bytes) -> Entry | None:
        """Return the file, symlink, gitlink or directory at `path`, None if there is none.

        A directory with changes has the oid that it would now be given. Raises ObjectMissing.
        """
        *parents, name = path.split(b"/")
        directory: _Directory | None = self._root
        for parent in parents:
            directory = self._step(directory, parent)
            if directory is None:
                return None
        entry = directory.entries.get(name) if directory else None
        if entry is None:
            return None
        mode, oid = entry
        return Entry(mode, name, self._hash(oid) if isinstance(oid, _Directory) else oid)

    def set(self, path: bytes, mode: int, oid: str) -> None:
        """Put an entry at `path`, in the place of whatever file or directory is in its way. Raises BadPath."""
        *parents, name = check_path(path)
        directory = self._root
        for parent in parents:
            directory.oid = None
            below = self._step(directory, parent)
            if below is None:
                below = _Directory({}, None)
                directory.entries[parent] = (DIRECTORY, below)
            directory = below
        directory.oid = None
        directory.entries[name] = (mode, oid)

    def remove(self, path: bytes) -> None:
        """Remove the entry at `path`, if there is one, and the directories that this leaves empty."""
        *parents, name = path.split(b"/")
        way = [(self._root, name)]
        for parent in parents:
            below = self._step(way[-1][0], parent)
            if below is None:
                return
            way[-1] = (way[-1][0], parent)
            way.append((below, name))
        if name not in way[-1][0].entries:
            return
        for directory, _ in way:
            directory.oid = None
        for directory, entry in reversed(way):
            del directory.entries[entry]
            if directory.entries:
                break

    def tree_oid(self) -> str:
        """Return the oid of the whole tree; the objects are then to be had from `objects`."""
        return self._hash(self._root)

    def made(self) -> dict[str, bytes]:
        """Return the contents of the trees that were made since the last `write`, by their oids."""
        self.tree_oid()
        return {oid: self.objects.read(oid)[1] for oid in self._made}

    def write(self, repo: Repository) -> str:
        """Store the trees that were made since the last `write`, and return the oid of the whole. Raises GitFailed."""
        oid = self.tree_oid()
        lines = []
        for made in self._made:
            for mode, name, entry_oid in self.objects.tree(made):
                kind = {DIRECTORY: b"tree", GITLINK: b"commit"}.get(mode, b"blob")
                lines.append(b"%06o %s %s\t%s\0" % (mode, kind, entry_oid.encode("ascii"), name))
            lines.append(b"\0")
        if lines:
            repo.git("mktree", "-z", "--batch", "--missing", stdin=b"".join(lines))
        self._made.clear()
        return oid

    def _open(self, oid: str) -> _Directory:
        return _Directory({name: (mode, sub) for mode, name, sub in self.objects.tree(oid)}, oid)

    def _step(self, directory: _Directory | None, name: bytes) -> _Directory | None:
        """Return the directory `name` inside `directory`, read if it wasn't yet."""
        mode, oid = directory.entries.get(name, (0, "")) if directory else (0, "")
        if directory is None or mode != DIRECTORY:
            return None
        if isinstance(oid, _Directory):
            return oid
        below = self._open(oid)
        directory.entries[name] = (DIRECTORY, below)
        return below

    def _hash(self, top: _Directory) -> str:
        """Hash what changed, from the bottom up; without recursion, since others choose the depth of paths."""
        todo, order = [top], []
        while todo:
            directory = todo.pop()
            if directory.oid is None:
                order.append(directory)
                todo.extend(sub for _, sub in directory.entries.values() if isinstance(sub, _Directory))
        for directory in reversed(order):
            directory.oid = self.objects.add("tree", _serialize(directory))
            self._made.append(directory.oid)
        assert top.oid is not None
        return top.oid


def _serialize(directory: _Directory) -> bytes:
    """Return a tree's content. git sorts a directory as if its name ended in a slash."""
    lines = []
    for name, (mode, oid) in directory.entries.items():
        raw = oid.oid if isinstance(oid, _Directory) else oid
        assert raw is not None
        key = name + b"/" if mode == DIRECTORY else name
        lines.append((key, b"%o %s\0%s" % (mode, name, bytes.fromhex(raw))))
    return b"".join(line for _, line in sorted(lines))
