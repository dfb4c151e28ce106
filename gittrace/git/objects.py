"""Objects as they are stored: what trees, commits and blobs hold, and what changed between two trees.

One interface, two implementations: libgit2 where it can open the object store, else one long-lived
`git cat-file --batch`. Neither sees replace refs or grafts, and neither fetches what a partial clone lacks.
Names of revisions are not resolved here: refs are git's own work.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import chain
from types import TracebackType
from typing import NamedTuple, Protocol, Self

from gittrace.errors import Damaged, NotFound
from gittrace.git.repository import Repository
from gittrace.text import decode

DIRECTORY = 0o040000
EXECUTABLE = 0o100755
FILE = 0o100644
GITLINK = 0o160000
SYMLINK = 0o120000

EMPTY_TREE = {
    "sha1": "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
    "sha256": "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
}

_TREE_LINES = {raw: re.compile(rb"([0-7]{5,6}) ([^\0]+)\0([\x00-\xff]{%d})" % raw) for raw in (20, 32)}
# of each store; one takes some 220 bytes
_CACHED_ENTRIES = 50_000
_CACHED_COMMITS = 2_000
_HEX = frozenset(b"0123456789abcdef")


class ObjectMissing(NotFound):
    """The object store doesn't hold an object (it was pruned, never fetched, or never existed)."""


class Entry(NamedTuple):
    """One line of a tree; `mode` as it is stored."""

    mode: int
    name: bytes
    oid: str


class Signature(NamedTuple):
    """Who and when; `time` in seconds since the epoch, `offset` from UTC in minutes, east positive."""

    name: str
    email: str
    time: int
    offset: int


class Commit(NamedTuple):
    """A commit; `message` in the commit's own encoding."""

    oid: str
    tree: str
    parents: tuple[str, ...]
    author: Signature
    committer: Signature
    message: bytes


class Change(NamedTuple):
    """A path that differs between two trees; mode 0 and oid None on the side that lacks it."""

    path: bytes
    old_mode: int
    new_mode: int
    old_oid: str | None
    new_oid: str | None


class ObjectStore(Protocol):
    """The objects of a repository, by full oid. Objects added by others after it was opened are seen too."""

    format: str

    def read(self, oid: str) -> tuple[str, bytes]:
        """Return kind (`blob`, `tree`, `commit`, `tag`) and content. Raises ObjectMissing, Damaged, GitFailed."""

    def kind(self, oid: str) -> str | None:
        """Return the kind of an object, None if it isn't there."""

    def size(self, oid: str) -> int:
        """Return the content's length in bytes. Raises ObjectMissing."""

    def blob(self, oid: str) -> bytes:
        """Return a blob's content. Raises ObjectMissing, NotFound when it is no blob."""

    def tree(self, oid: str) -> tuple[Entry, ...]:
        """Return a tree's entries in its order. Raises ObjectMissing, NotFound when it is no tree, Damaged."""

    def commit(self, oid: str) -> Commit:
        """Return a commit. Raises ObjectMissing, NotFound when it is no commit, Damaged."""

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        """Return the files, symlinks and gitlinks that differ, by path; None is the empty tree. No renames."""

    def trust(self) -> None:
        """Don't hash what is read to see that it is what was asked for, as git doesn't: for who reads very much."""

    def close(self) -> None:
        """Let go of what it holds open."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None: ...


class BaseStore(ABC):
    """What the stores have in common, over `_load` and `_header`, which are only asked for well-formed oids."""

    def __init__(self, object_format: str) -> None:
        self.format = object_format
        self._oid_length = 64 if object_format == "sha256" else 40
        self._trees: dict[str, tuple[Entry, ...]] = {}
        self._cached = 0
        self._commits: dict[str, Commit] = {}

    @abstractmethod
    def _load(self, oid: str) -> tuple[str, bytes] | None:
        """Return kind and content, None if the object isn't there."""

    @abstractmethod
    def _header(self, oid: str) -> tuple[str, int] | None:
        """Return kind and size, None if the object isn't there."""

    def read(self, oid: str) -> tuple[str, bytes]:
        """See ObjectStore."""
        if oid == EMPTY_TREE[self.format]:
            return "tree", b""
        found = self._load(oid) if self._is_oid(oid) else None
        if found is None:
            raise ObjectMissing(f"object '{oid}' is not in this repository")
        return found

    def kind(self, oid: str) -> str | None:
        """See ObjectStore."""
        if oid in self._commits:
            return "commit"
        if oid == EMPTY_TREE[self.format]:
            return "tree"
        header = self._header(oid) if self._is_oid(oid) else None
        return header[0] if header else None

    def size(self, oid: str) -> int:
        """See ObjectStore."""
        if oid == EMPTY_TREE[self.format]:
            return 0
        header = self._header(oid) if self._is_oid(oid) else None
        if header is None:
            raise ObjectMissing(f"object '{oid}' is not in this repository")
        return header[1]

    def blob(self, oid: str) -> bytes:
        """See ObjectStore."""
        return self._of_kind(oid, "blob")

    def tree(self, oid: str) -> tuple[Entry, ...]:
        """See ObjectStore."""
        entries = self._trees.get(oid)
        if entries is None:
            entries = parse_tree(oid, self._of_kind(oid, "tree"))
            self._cached += len(entries)
            if self._cached > _CACHED_ENTRIES:
                self._trees.clear()
                self._cached = len(entries)
            self._trees[oid] = entries
        return entries

    def commit(self, oid: str) -> Commit:
        """See ObjectStore."""
        found = self._commits.get(oid)
        if found is None:
            found = parse_commit(oid, self._of_kind(oid, "commit"))
            if len(self._commits) >= _CACHED_COMMITS:
                self._commits.clear()
            self._commits[oid] = found
        return found

    def changes(self, old: str | None, new: str | None) -> list[Change]:
        """See ObjectStore."""
        empty = EMPTY_TREE[self.format]
        found: list[Change] = []
        todo = [(b"", old or empty, new or empty)]
        while todo:
            prefix, old_tree, new_tree = todo.pop()
            if old_tree == new_tree:
                continue
            before = {entry.name: entry for entry in self.tree(old_tree)}
            after = {entry.name: entry for entry in self.tree(new_tree)}
            for name in before.keys() | after.keys():
                was, now = before.get(name), after.get(name)
                if was and now and was[::2] == now[::2]:
                    continue
                path = prefix + name
                old_mode, old_oid, old_sub = _side(was)
                new_mode, new_oid, new_sub = _side(now)
                if old_sub or new_sub:
                    todo.append((path + b"/", old_sub or empty, new_sub or empty))
                if old_oid or new_oid:
                    found.append(Change(path, old_mode, new_mode, old_oid, new_oid))
        return sorted(found)

    @abstractmethod
    def trust(self) -> None:
        """See ObjectStore."""

    @abstractmethod
    def close(self) -> None:
        """See ObjectStore."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _is_oid(self, oid: str) -> bool:
        return len(oid) == self._oid_length and oid.isascii() and _HEX.issuperset(oid.encode())

    def _of_kind(self, oid: str, wanted: str) -> bytes:
        kind, content = self.read(oid)
        if kind != wanted:
            raise NotFound(f"object '{oid}' is a {kind}, not a {wanted}")
        return content


def _side(entry: Entry | None) -> tuple[int, str | None, str | None]:
    """Return mode and oid of a file, or the oid of a directory."""
    if entry is None:
        return 0, None, None
    if entry.mode == DIRECTORY:
        return 0, None, entry.oid
    return entry.mode, entry.oid, None


def parse_tree(oid: str, content: bytes) -> tuple[Entry, ...]:
    """Parse a tree: `<octal mode> <name>\\0<raw oid>`, again and again. Raises Damaged."""
    raw = len(oid) // 2
    found = _TREE_LINES[raw].findall(content)
    if sum(map(len, chain.from_iterable(found))) + 2 * len(found) == len(content):
        modes = {mode: int(mode, 8) for mode in {line[0] for line in found}}
        return tuple([Entry(modes[mode], name, raw_oid.hex()) for mode, name, raw_oid in found])
    return _parse_odd_tree(oid, content)


def _parse_odd_tree(oid: str, content: bytes) -> tuple[Entry, ...]:
    """Parse a tree step by step, and tell where it is damaged."""
    raw = len(oid) // 2
    entries = []
    at = 0
    try:
        while at < len(content):
            space = content.index(b" ", at)
            end = content.index(b"\0", space) + 1
            entry_oid = content[end : end + raw]
            if len(entry_oid) != raw:
                raise ValueError
            entries.append(Entry(int(content[at:space], 8), content[space + 1 : end - 1], entry_oid.hex()))
            at = end + raw
    except ValueError:
        raise Damaged(f"tree '{oid}' is damaged at byte {at}") from None
    return tuple(entries)


def parse_commit(oid: str, content: bytes) -> Commit:
    """Parse a commit; continuation lines (signatures) and unknown headers are skipped. Raises Damaged."""
    head, _, message = content.partition(b"\n\n")
    lines = [line.partition(b" ") for line in head.split(b"\n") if line[:1] != b" "]
    one = {key: value for key, _, value in reversed(lines)}
    try:
        encoding = one.get(b"encoding", b"utf-8").decode("ascii")
        return Commit(
            oid,
            one[b"tree"].decode("ascii"),
            tuple(value.decode("ascii") for key, _, value in lines if key == b"parent"),
            _signature(one[b"author"], encoding),
            _signature(one[b"committer"], encoding),
            message,
        )
    except (KeyError, UnicodeDecodeError):
        raise Damaged(f"commit '{oid}' is damaged") from None


def _signature(line: bytes, encoding: str) -> Signature:
    """Parse `name <email> time +hhmm`. Old histories hold broken ones; what can't be read is empty or 0."""
    name, _, rest = line.partition(b"<")
    email, _, when = rest.rpartition(b">")
    words = when.split()
    time = int(words[0]) if words and words[0].isdigit() else 0
    zone = words[1] if len(words) > 1 and words[1][1:].isdigit() else b"+0000"
    minutes = int(zone[1:-2] or b"0") * 60 + int(zone[-2:])
    try:
        texts = name.strip().decode(encoding), email.strip().decode(encoding)
    except (LookupError, UnicodeDecodeError):
        texts = decode(name.strip()), decode(email.strip())
    return Signature(*texts, time, -minutes if zone[:1] == b"-" else minutes)


def open_objects(repo: Repository) -> ObjectStore:
    """Open a repository's objects; its alternates and those of the main worktree included.

    libgit2 can't open SHA-256 repositories, and refuses reftable refs; so it gets the object directory alone.
    """
    libgit2 = _libgit2_store() if repo.format == "sha1" else None
    if libgit2:
        return libgit2(repo)
    from gittrace.git.catfile_objects import CatFileObjects

    return CatFileObjects(repo)


def prepare() -> None:
    """Load what reads objects, where it isn't loaded; for who has to wait for something else."""
    _libgit2_store()


def _libgit2_store() -> Callable[[Repository], ObjectStore] | None:
    """Return the store over libgit2, None where pygit2 isn't installed: it has no wheel for every platform."""
    try:
        from gittrace.git.pygit2_objects import Pygit2Objects
    except ImportError:
        return None
    return Pygit2Objects
