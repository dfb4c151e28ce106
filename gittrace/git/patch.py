"""Parse the diffs that `gittrace.git.diff` makes: git's own, with `--binary --full-index` and `a/` and `b/`.

Exact, not lenient: what git wouldn't print is an error, but for binary data that was masked. Format: git's
Documentation/diff-generate-patch.txt, and apply.c for what a reader may expect.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from gittrace.errors import TraceError
from gittrace.git.binary_patch import MASKED, Binary, decode_line
from gittrace.text import decode

ADD = "add"
DELETE = "delete"
MODIFY = "modify"
RENAME = "rename"
COPY = "copy"

_HUNK = re.compile(rb"@@ -(\d{1,10})(?:,(\d{1,10}))? \+(\d{1,10})(?:,(\d{1,10}))? @@(?: .*)?", re.DOTALL)
_INDEX = re.compile(rb"([0-9a-f]{40}|[0-9a-f]{64})\.\.([0-9a-f]{40}|[0-9a-f]{64})(?: ([0-7]{6}))?")
_MODE = re.compile(rb"[0-7]{6}")
_BINARY = re.compile(rb"(literal|delta) (\d{1,12})")
_MASKED = MASKED.encode("ascii") + b" "
_ESCAPE = re.compile(rb"\\([abfnrtv\"\\]|[0-3][0-7]{2})")
_ESCAPES = dict(zip(b'abfnrtv"\\', b'\a\b\f\n\r\t\v"\\', strict=True))
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"', re.DOTALL)


class PatchError(TraceError):
    """A diff that can't be read, or that doesn't fit the tree."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines with their sign (` `, `-`, `+`) and line feed, which a file's last may lack. Line numbers begin at 1."""

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    lines: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class FilePatch:
    """What a diff does to one file; None is what it doesn't say, or what the side that isn't there doesn't have.

    kind      `add`, `delete`, `modify`, `rename` or `copy`
    hunks     of a text diff
    forward   of a binary diff: from old to new
    backward  of a binary diff: from new to old
    """

    kind: str
    old_path: bytes | None
    new_path: bytes | None
    old_mode: int | None
    new_mode: int | None
    old_oid: str | None
    new_oid: str | None
    hunks: tuple[Hunk, ...] = ()
    forward: Binary | None = None
    backward: Binary | None = None

    @property
    def path(self) -> bytes:
        """The new path, or the old one of a deleted file."""
        return self.new_path or self.old_path or b""

    @property
    def added(self) -> int:
        """How many lines it adds."""
        return sum(line[:1] == b"+" for hunk in self.hunks for line in hunk.lines)

    @property
    def removed(self) -> int:
        """How many lines it removes."""
        return sum(line[:1] == b"-" for hunk in self.hunks for line in hunk.lines)


def parse(data: bytes, has_data: bool = True) -> list[FilePatch]:
    """Parse a whole diff, of a git that was given `--binary` or one that was not (`has_data`).

    Without, binary files have neither hunks nor data. Raises PatchError, with the number of the line.
    """
    lines = data.split(b"\n")
    if lines.pop():
        raise PatchError("cannot read the diff: its last line is cut short")
    reader = _Reader(lines)
    files = []
    while reader.more():
        try:
            files.append(_file(reader, has_data))
        except ValueError as error:
            raise PatchError(f"cannot read line {reader.at} of the diff: {error}") from None
    return files


def added_runs(file: FilePatch) -> Iterator[tuple[int, tuple[bytes, ...]]]:
    """Yield each run of consecutive added lines: its first line's number in the new file, and the lines without LF."""
    for hunk in file.hunks:
        number = hunk.new_start
        run: list[bytes] = []
        for line in hunk.lines:
            if line[:1] == b"+":
                run.append(line[1:].removesuffix(b"\n"))
                continue
            if run:
                yield number, tuple(run)
                number += len(run)
                run = []
            number += line[:1] == b" "
        if run:
            yield number, tuple(run)


class _Reader:
    """The lines of a diff, one after the other; `at` is how many were read."""

    def __init__(self, lines: list[bytes]) -> None:
        self.lines = lines
        self.at = 0

    def more(self) -> bool:
        return self.at < len(self.lines)

    def peek(self) -> bytes:
        """Return the next line, empty at the end (only the end of binary data looks like this too)."""
        return self.lines[self.at] if self.more() else b""

    def next(self) -> bytes:
        if not self.more():
            raise ValueError("the diff ends too early")
        self.at += 1
        return self.lines[self.at - 1]

    def take(self, prefix: bytes) -> bytes | None:
        """Return the rest of the next line if it has this prefix."""
        if self.more() and self.lines[self.at].startswith(prefix):
            return self.next()[len(prefix) :]
        return None


def _file(reader: _Reader, has_data: bool) -> FilePatch:
    names = reader.take(b"diff --git ")
    if names is None:
        reader.next()
        raise ValueError("it should begin with 'diff --git'")
    kind = MODIFY
    old_mode = new_mode = None
    if (mode := reader.take(b"new file mode ")) is not None:
        kind, new_mode = ADD, _mode(mode)
    elif (mode := reader.take(b"deleted file mode ")) is not None:
        kind, old_mode = DELETE, _mode(mode)
    elif (mode := reader.take(b"old mode ")) is not None:
        old_mode, new_mode = _mode(mode), _mode(_expect(reader, b"new mode "))
    old_path = new_path = None
    if reader.take(b"similarity index ") is not None:
        kind = RENAME if reader.peek().startswith(b"rename ") else COPY
        old_path = unquote(_expect(reader, b"%s from " % kind.encode("ascii")))
        new_path = unquote(_expect(reader, b"%s to " % kind.encode("ascii")))
    else:
        old_path = new_path = _same_name(names)
    old_oid = new_oid = None
    if (index := reader.take(b"index ")) is not None:
        old_oid, new_oid, both = _index(index)
        old_mode, new_mode = (both, both) if both else (old_mode, new_mode)
    sides = (old_path if kind != ADD else None, new_path if kind != DELETE else None)
    head = (kind, *sides, old_mode, new_mode, old_oid, new_oid)
    if reader.take(b"GIT binary patch") is not None:
        return FilePatch(*head, forward=_binary(reader), backward=_binary(reader))
    if reader.take(b"Binary files ") is not None:
        if has_data:
            raise ValueError("it was made without --binary")
        return FilePatch(*head)
    if reader.peek().startswith(b"--- "):
        _check_names(reader, *sides)
        return FilePatch(*head, hunks=_hunks(reader))
    return FilePatch(*head)


def _expect(reader: _Reader, prefix: bytes) -> bytes:
    rest = reader.take(prefix)
    if rest is None:
        raise ValueError(f"'{decode(prefix).strip()}' is missing")
    return rest


def _mode(text: bytes) -> int:
    if not _MODE.fullmatch(text):
        raise ValueError(f"bad mode '{decode(text)}'")
    return int(text, 8)


def _index(text: bytes) -> tuple[str | None, str | None, int | None]:
    match = _INDEX.fullmatch(text)
    if not match:
        raise ValueError("bad index line (are the object ids abbreviated?)")
    old, new = (oid.decode("ascii") if oid.strip(b"0") else None for oid in match.group(1, 2))
    return old, new, int(match[3], 8) if match[3] else None


def _same_name(names: bytes) -> bytes:
    """Split `a/x b/x`. Spaces may be anywhere in x, but without a rename both names are the same."""
    if names.startswith(b'"'):
        both = [_unescape(match[1]) for match in _QUOTED.finditer(names)]
        old, new = both if len(both) == 2 else (b"", b"")
    else:
        half = len(names) // 2
        old, new = names[:half], names[half + 1 :]
    if not (old.startswith(b"a/") and new.startswith(b"b/") and old[2:] == new[2:] != b""):
        raise ValueError("the two names are not 'a/' and 'b/' of one path")
    return old[2:]


def unquote(name: bytes) -> bytes:
    """Undo git's quoting of a path that holds a quote, a backslash or a control character (quote.c)."""
    match = _QUOTED.fullmatch(name)
    return _unescape(match[1]) if match else name


def _unescape(text: bytes) -> bytes:
    return _ESCAPE.sub(lambda m: bytes([_ESCAPES[m[1][0]] if len(m[1]) == 1 else int(m[1], 8)]), text)


def _check_names(reader: _Reader, old: bytes | None, new: bytes | None) -> None:
    """Read `---` and `+++`, which repeat the names, with a tab behind those that hold white space."""
    for prefix, side, path in ((b"--- ", b"a/", old), (b"+++ ", b"b/", new)):
        name = unquote(_expect(reader, prefix).removesuffix(b"\t"))
        if name != (b"/dev/null" if path is None else side + path):
            raise ValueError(f"'{decode(name)}' is not the file that was announced")


def _hunks(reader: _Reader) -> tuple[Hunk, ...]:
    hunks = []
    while (match := _HUNK.fullmatch(reader.peek())) is not None:
        reader.next()
        old_start, old_count, new_start, new_count = (1 if n is None else int(n) for n in match.groups())
        old_left, new_left = old_count, new_count
        lines: list[bytes] = []
        while old_left or new_left:
            line = reader.next()
            sign = line[:1]
            if sign not in (b" ", b"-", b"+"):
                raise ValueError("a hunk has fewer lines than it announced")
            old_left -= sign != b"+"
            new_left -= sign != b"-"
            if old_left < 0 or new_left < 0:
                raise ValueError("a hunk has more lines than it announced")
            # the words after the backslash may be translated
            lines.append(line if reader.take(b"\\ ") is not None else line + b"\n")
        hunks.append(Hunk(old_start, old_count, new_start, new_count, tuple(lines)))
    if not hunks:
        raise ValueError("there is no hunk")
    return tuple(hunks)


def _binary(reader: _Reader) -> Binary:
    if (mark := reader.take(_MASKED)) is not None:
        if reader.next():
            raise ValueError("what is masked is one line")
        return Binary(MASKED, 0, mark)
    match = _BINARY.fullmatch(reader.next())
    if not match:
        raise ValueError("binary data is 'literal' or 'delta'")
    parts = []
    while line := reader.next():
        parts.append(decode_line(line))
    return Binary(match[1].decode("ascii"), int(match[2]), b"".join(parts))
