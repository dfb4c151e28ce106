"""git's own diffs of trees, the same whatever is configured, and how they travel in JSON."""

import os
from collections.abc import Generator, Iterable, Mapping
from typing import NamedTuple

from gittrace.errors import GitFailed, TraceError
from gittrace.git.isolated import Isolated
from gittrace.git.objects import ObjectMissing
from gittrace.git.process import Coprocess
from gittrace.git.repository import Repository

# What the version of git could decide is fixed here; everything else `Isolated` keeps away. Renames of empty files
# are left out: two empty files have nothing in common.
OPTIONS = (
    "-r --patch --binary --full-index --find-renames=50% -l1000 --no-rename-empty --unified=3 --diff-algorithm=myers"
    " --indent-heuristic --no-color --no-ext-diff --no-textconv --ignore-submodules=none --submodule=short"
    " --src-prefix=a/ --dst-prefix=b/"
).split()

# `diff-tree --stdin` prints a line that is no oid as it is, and flushes. No line of a diff begins with a full stop.
MARK = b".\n"

LATIN_1 = "latin-1"
_NOTHING: Mapping[str, bytes] = {}


class Diff(NamedTuple):
    """A diff of two trees; `size` in bytes, `text` None when that is over the limit, empty when the trees are equal."""

    text: bytes | None
    size: int


def diff_trees(repo: Repository, pairs: Iterable[tuple[str, str]], limit: int) -> Generator[Diff, None, None]:
    """Yield the diff of each pair (old tree, new tree), in order; pairs are taken as the diffs are asked for.

    Raises what `Differ.diff` does.
    """
    differ = Differ(repo)
    try:
        for old, new in pairs:
            yield differ.diff(old, new, limit)
    finally:
        differ.close()


class Differ:
    """Compares trees, all with one git: from the first question until it is closed, or until git stops.

    Who asks for lines only (`parse(..., has_data=False)`) spares git the data of binary files: to find the delta of a
    large one takes it many times as long as all the rest.
    """

    def __init__(self, repo: Repository, has_data: bool = True) -> None:
        self._repo = repo
        self._options = OPTIONS if has_data else [option for option in OPTIONS if option != "--binary"]
        self._running: tuple[Isolated, _DiffTree] | None = None

    def diff(self, old: str, new: str, limit: int, made: Mapping[str, bytes] = _NOTHING) -> Diff:
        """Return the diff of two trees, without holding more than `limit` bytes of it.

        made  the contents of trees that are not in the repository, by their oids

        Equal trees don't reach git at all. Raises ObjectMissing when a tree or blob isn't in this repository (git
        isn't asked to fetch it), GitFailed; the next question is asked of another git then.
        """
        if old == new:
            return Diff(b"", 0)
        if self._running is None:
            isolated = Isolated(self._repo, lends=True)
            argv = isolated.argv("diff-tree", "--stdin", *self._options)
            self._running = isolated, _DiffTree(argv, isolated.env)
        isolated, process = self._running
        for oid, content in made.items():
            isolated.lend("tree", oid, content)
        try:
            found = process.diff(old, new, limit)
        except TraceError:
            self.close()
            raise
        for oid in made:
            isolated.take_back(oid)
        return found

    def close(self) -> None:
        """End git."""
        if self._running:
            isolated, process = self._running
            self._running = None
            process.close()
            isolated.close()


class _DiffTree(Coprocess):
    """`git diff-tree --stdin`, a pair at a time."""

    def diff(self, old: str, new: str, limit: int) -> Diff:
        """Return the diff of two trees. Raises ObjectMissing, GitFailed."""
        try:
            self.write(f"{old} {new}\n".encode("ascii") + MARK)
            header = self.readline() + b"\n"
            if header == MARK:
                raise ObjectMissing(f"cannot compare tree '{old}' with '{new}': one of them is not in this repository")
            return self._body(limit)
        except GitFailed as error:
            _, unreadable, what = str(error).partition("unable to read ")
            if unreadable:
                raise ObjectMissing(f"cannot compare tree '{old}' with '{new}': object '{what}' is missing") from None
            raise

    def _body(self, limit: int) -> Diff:
        """Read up to the mark. It is the last to come, since the next pair isn't asked for before: look at the end."""
        parts = [b"\n", self._buffer]
        size = len(self._buffer)
        last = (b"\n" + self._buffer)[-3:]
        self._buffer = b""
        while last != b"\n" + MARK:
            data = os.read(self._output, 1 << 16)
            if not data:
                raise self._died()
            size += len(data)
            last = (last + data)[-3:]
            parts.append(data)
            if size > limit + len(MARK):
                parts.clear()
        size -= len(MARK)
        return Diff(b"".join(parts)[1 : -len(MARK)] if size <= limit else None, size)


def to_json_text(data: bytes) -> tuple[str, str | None]:
    """Return a diff as text, and the encoding to name beside it: None for UTF-8, else `latin-1`, which keeps all."""
    try:
        return data.decode("utf-8"), None
    except UnicodeDecodeError:
        return data.decode("latin-1"), LATIN_1


def from_json_text(text: str, encoding: str | None) -> bytes:
    """Return the bytes that `to_json_text` was given. Raises ValueError when they can't have been these."""
    if encoding not in (None, LATIN_1):
        raise ValueError(f"unknown encoding '{encoding}' of a diff")
    return text.encode(encoding or "utf-8")
