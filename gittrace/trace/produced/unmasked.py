"""What stood where a diff has placeholders for secrets, as far as the files that it led to and from are here.

A line that was masked is nobody's by its text: a commit that brings it in could not be linked to who wrote it. But the
diff names the contents on either side, and says which of their lines its own are. So a masked line is read there, if
what was left of it is what stands there.
"""

from collections.abc import Sequence
from dataclasses import replace

from gittrace.errors import TraceError
from gittrace.git.objects import ObjectStore
from gittrace.git.patch import FilePatch, Hunk
from gittrace.protect.found import PLACEHOLDER

# what every placeholder begins with
MARK = b"[REDACTED:"
# a content over this (bytes) is not read
_LARGEST = 8 << 20


def unmasked(files: Sequence[FilePatch], store: ObjectStore) -> Sequence[FilePatch]:
    """Return the files of a diff with the lines that were masked as they are; those that can't be read stay masked."""
    if not any(_is_masked(hunk) for file in files for hunk in file.hunks):
        return files
    return [_file(file, store) if any(map(_is_masked, file.hunks)) else file for file in files]


def _is_masked(hunk: Hunk) -> bool:
    return any(MARK in line for line in hunk.lines)


def _file(file: FilePatch, store: ObjectStore) -> FilePatch:
    old, new = _lines(file.old_oid, store), _lines(file.new_oid, store)
    return replace(file, hunks=tuple(_hunk(hunk, old, new) for hunk in file.hunks))


def _lines(oid: str | None, store: ObjectStore) -> list[bytes]:
    """Return the lines of a content, none of one that is not here."""
    try:
        if oid is None or store.kind(oid) != "blob" or store.size(oid) > _LARGEST:
            return []
        return _split(store.blob(oid))
    except TraceError:
        return []


def _split(data: bytes) -> list[bytes]:
    """Return lines with their line feeds: what else is taken for the end of a line ends none here."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines


def _hunk(hunk: Hunk, old: Sequence[bytes], new: Sequence[bytes]) -> Hunk:
    if not _is_masked(hunk):
        return hunk
    lines = []
    old_at, new_at = hunk.old_start - 1, hunk.new_start - 1
    for line in hunk.lines:
        sign = line[:1]
        side, at = (old, old_at) if sign == b"-" else (new, new_at)
        is_known = MARK in line and 0 <= at < len(side) and _fits(line[1:], side[at])
        lines.append(sign + side[at] if is_known else line)
        old_at += sign != b"+"
        new_at += sign != b"-"
    return replace(hunk, lines=tuple(lines))


def _fits(masked: bytes, line: bytes) -> bool:
    """Tell whether a line is what was masked: all that is between the placeholders stands there, in its order."""
    first, *between = PLACEHOLDER.split(masked)
    if not between or masked.endswith(b"\n") != line.endswith(b"\n"):
        return False
    last = between.pop()
    if len(first) + len(last) > len(line) or not (line.startswith(first) and line.endswith(last)):
        return False
    at, end = len(first), len(line) - len(last)
    for part in between:
        at = line.find(part, at, end)
        if at < 0:
            return False
        at += len(part)
    return True
