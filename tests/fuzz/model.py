"""What is true, by the fuzzer's own book-keeping: it never asks gittrace.

Every line that is ever written holds a token of its own, so what git made of a line can be read off its objects. The
ledger knows who wrote each token; `Commits` knows where the tokens stand.
"""

import hashlib
import re
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

_TOKEN = re.compile(rb"^[ \t]*t(\d{6}) ", re.MULTILINE)
_VERBATIM = re.compile(rb"^t(\d{6}) ", re.MULTILINE)
_WORDS = "amber basin cedar delta ember fjord grove haven islet junco knoll ledge".split()


def line(token: int) -> bytes:
    """Return the only line that holds a token."""
    a, b, c = (_WORDS[token * factor % len(_WORDS)] for factor in (1, 5, 7))
    return f"t{token:06d} {a} {b} {c}\n".encode()


def is_text(data: bytes) -> bool:
    """Tell whether git takes a content for lines."""
    return b"\0" not in data


def tokens(data: bytes) -> frozenset[int]:
    """Return the tokens in a file, indented or not; what is no text has no lines."""
    return frozenset(map(int, _TOKEN.findall(data))) if is_text(data) else frozenset()


def verbatim(data: bytes) -> frozenset[int]:
    """Return the tokens of a file that stand in the line as it was written."""
    return frozenset(map(int, _VERBATIM.findall(data))) if is_text(data) else frozenset()


@dataclass(frozen=True)
class Writer:
    """Who wrote a line: a trace, and the events (by name) one of which did; no names when it may be any of its."""

    trace: str
    events: frozenset[str] = frozenset()


@dataclass
class Ledger:
    """Who wrote what.

    writers   by token; None for a hand that nobody recorded
    unsure    tokens of which a recorder can't know whether the session's hand wrote them: typed and stashed before
              the next snapshot, popped from a stash that was made unrecorded, typed amid a rebase
    contents  by digest of a file's content: the trace in whose session it was first seen, None for a hand's
    deleted   (trace, path): files that were seen to go in a trace's session
    removed   (trace, token): lines that were seen to go from a file in a trace's session
    copied    by token: the traces (None for a hand) in whose sessions it was written down once more
    placed    (trace, path, digest): files that were copied
    """

    writers: dict[int, Writer | None] = field(default_factory=dict)
    unsure: set[int] = field(default_factory=set)
    contents: dict[bytes, str | None] = field(default_factory=dict)
    deleted: set[tuple[str, bytes]] = field(default_factory=set)
    removed: set[tuple[str, int]] = field(default_factory=set)
    copied: dict[int, set[str | None]] = field(default_factory=dict)
    placed: set[tuple[str | None, bytes, bytes]] = field(default_factory=set)

    def new(self, writer: Writer | None) -> int:
        """Return a token that nobody has written yet."""
        token = len(self.writers) + 1
        self.writers[token] = writer
        return token

    def owned(self, trace: str) -> frozenset[int]:
        """Return the tokens that a trace wrote for certain."""
        return frozenset(
            token
            for token, writer in self.writers.items()
            if writer and writer.trace == trace and token not in self.unsure
        )

    def saw(self, digest: bytes, trace: str | None) -> None:
        """Take down that a content stands somewhere."""
        self.contents.setdefault(digest, trace)


@dataclass(frozen=True)
class File:
    """A file of a commit: its content's digest, and its tokens."""

    digest: bytes
    tokens: frozenset[int]
    verbatim: frozenset[int]


_NOTHING = File(b"", frozenset(), frozenset())


@dataclass(frozen=True)
class Commit:
    """A commit as git holds it."""

    oid: str
    parents: tuple["Commit", ...]
    message: str
    files: Mapping[bytes, File]

    @cached_property
    def reverts(self) -> frozenset[str]:
        """The commits that it says it reverts."""
        return frozenset(re.findall(r"^This reverts commit ([0-9a-f]{40,64})", self.message, re.MULTILINE))

    @cached_property
    def brought(self) -> frozenset[int]:
        """The tokens that stand in it as they were written, and in no file of its parents."""
        had = frozenset(token for parent in self.parents for file in parent.files.values() for token in file.tokens)
        return frozenset(token for file in self.files.values() for token in file.verbatim) - had

    @cached_property
    def changed(self) -> frozenset[bytes]:
        """The paths that are in none of its parents as they are in it."""
        paths = self.files.keys() | {path for parent in self.parents for path in parent.files}
        return frozenset(
            path
            for path in paths
            if all(self.files.get(path, _NOTHING) != parent.files.get(path, _NOTHING) for parent in self.parents)
        )

    @cached_property
    def added(self) -> frozenset[int]:
        """The tokens in lines that it adds to a file, moved ones too."""
        found: set[int] = set()
        for path in self.changed:
            had = [parent.files.get(path, _NOTHING).tokens for parent in self.parents]
            found |= self.files.get(path, _NOTHING).tokens.difference(*had)
        return frozenset(found)


class Commits:
    """Reads commits with plain git, each object once."""

    def __init__(self, top: Path, env: Mapping[str, str]) -> None:
        self.top = top
        self.env = dict(env) | {"GIT_NO_REPLACE_OBJECTS": "1"}
        self._files: dict[str, File] = {}
        self._trees: dict[str, Mapping[bytes, File]] = {}
        self._known: dict[str, Commit] = {}

    def git(self, *args: str, stdin: bytes | None = None, top: Path | None = None) -> bytes:
        """Run git."""
        return subprocess.run(
            ("git", *args), cwd=top or self.top, env=self.env, input=stdin, stdout=subprocess.PIPE, check=True
        ).stdout

    def reachable(self, top: Path) -> dict[str, Commit]:
        """Return the commits that a branch, tag, remote-tracking branch or a worktree's HEAD leads to.

        They are taken as they are stored; what `git replace` puts in another's place is one of them too.
        """
        out = self.git("rev-list", "--branches", "--tags", "--remotes", "--glob=refs/replace", "HEAD", top=top)
        return {oid: self.commit(oid) for oid in reversed(out.decode().split())}

    def commit(self, oid: str) -> Commit:
        """Return a commit."""
        todo = [oid]
        while todo:
            if todo[-1] in self._known:
                todo.pop()
                continue
            head, _, message = self.git("cat-file", "commit", todo[-1]).decode().partition("\n\n")
            parents = [row[7:] for row in head.split("\n") if row.startswith("parent ")]
            missing = [parent for parent in parents if parent not in self._known]
            if missing:
                todo += missing
                continue
            name = todo.pop()
            ancestors = tuple(self._known[parent] for parent in parents)
            self._known[name] = Commit(name, ancestors, message, self._tree(head.split("\n")[0][5:]))
        return self._known[oid]

    def _tree(self, oid: str) -> Mapping[bytes, File]:
        if oid not in self._trees:
            rows = [row.partition(b"\t") for row in self.git("ls-tree", "-rz", oid).split(b"\0") if row]
            blobs = {path: head.split(b" ")[2].decode() for head, _, path in rows}
            self._read(blob for blob in blobs.values() if blob not in self._files)
            self._trees[oid] = {path: self._files[blob] for path, blob in blobs.items()}
        return self._trees[oid]

    def _read(self, blobs: Iterable[str]) -> None:
        asked = "".join(f"{blob}\n" for blob in dict.fromkeys(blobs))
        data = self.git("cat-file", "--batch", stdin=asked.encode()) if asked else b""
        while data:
            head, _, rest = data.partition(b"\n")
            oid, _, size = head.decode().split(" ")
            content, data = rest[: int(size)], rest[int(size) + 1 :]
            digest = hashlib.sha256(content).digest()
            self._files[oid] = File(digest, tokens(content), verbatim(content))


def _older(commit: Commit) -> frozenset[int]:
    """Return the tokens that stand in any commit before one."""
    found: set[int] = set()
    todo, seen = list(commit.parents), set()
    while todo:
        parent = todo.pop()
        if parent.oid not in seen:
            seen.add(parent.oid)
            found.update(token for file in parent.files.values() for token in file.tokens)
            todo += parent.parents
    return frozenset(found)


def _is_indented_anew(commit: Commit, path: bytes, file: File) -> bool:
    return any(
        token in file.tokens and (token in had.verbatim) != (token in file.verbatim)
        for parent in commit.parents
        for had in (parent.files.get(path, _NOTHING),)
        for token in had.tokens
    )


def must_link(ledger: Ledger, commit: Commit, trace: str, reachable: Mapping[str, Commit]) -> bool:
    """Tell whether a commit brings in lines that the trace wrote, and not by undoing the trace's own work."""
    if not commit.brought & ledger.owned(trace):
        return False
    return not any(oid not in reachable or may_link(ledger, reachable[oid], trace) for oid in commit.reverts)


def may_link(ledger: Ledger, commit: Commit, trace: str) -> bool:
    """Tell whether there is anything of the trace in what a commit changes: a line, a file, what it removed."""
    if commit.added & (ledger.owned(trace) | ledger.unsure):
        return True
    if any(trace in ledger.copied.get(token, ()) for token in commit.added):
        return True
    stood = frozenset(token for parent in commit.parents for file in parent.files.values() for token in file.tokens)
    for path in commit.changed:
        file = commit.files.get(path)
        if file is None and (trace, path) in ledger.deleted:
            return True
        # a file as the trace left it, unless it brings in lines that others wrote
        if file is not None and ledger.contents.get(file.digest) == trace and file.tokens <= stood:
            return True
        if file is not None and (trace, path, file.digest) in ledger.placed:
            return True
        # lines are indented otherwise there, as the trace left them
        if file is not None and ledger.contents.get(file.digest) == trace and _is_indented_anew(commit, path, file):
            return True
        # the same under a name that it never had, when a rename was committed in two parts
        is_new = all(path not in parent.files for parent in commit.parents)
        if file is not None and is_new and ledger.contents.get(file.digest) == trace and file.tokens <= _older(commit):
            return True
        # two who remove the same line can't be told apart
        had = frozenset[int]().union(*(parent.files.get(path, _NOTHING).tokens for parent in commit.parents))
        if any((trace, token) in ledger.removed for token in had - (file or _NOTHING).tokens):
            return True
    return False
