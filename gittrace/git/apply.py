"""Apply git's diffs to trees in memory. Every blob that is used or made is compared with the oids of the diff."""

import re
from collections.abc import MutableSet
from dataclasses import dataclass, field

from gittrace.git.binary_patch import MASKED, resolve
from gittrace.git.objects import DIRECTORY, EXECUTABLE, FILE, GITLINK, Entry, ObjectMissing, ObjectStore
from gittrace.git.patch import ADD, DELETE, MODIFY, RENAME, FilePatch, Hunk, PatchError, parse
from gittrace.git.trees import TreeEditor, check_path, hash_object
from gittrace.text import decode

MAX_RESULT = 1 << 30

_GITLINK_TEXT = b"Subproject commit "


@dataclass
class Trust:
    """What may be taken on trust in a diff whose secrets were masked: content that nobody can make again.

    mask   tells a masked line; binary data says itself that it is
    blobs  oids of contents that were taken on trust so far
    paths  of the files that were, in this diff
    """

    mask: re.Pattern[bytes]
    blobs: MutableSet[str]
    paths: list[bytes] = field(default_factory=list)


def apply(data: bytes, editor: TreeEditor, limit: int = MAX_RESULT, trust: Trust | None = None) -> None:
    """Apply a diff to the editor's tree; on an error the tree is as it was.

    New blobs are added to `editor.objects`. All files are read from the tree as it was before, so renames may go
    round in circles. Raises PatchError when the diff can't be read, doesn't fit, or makes files of over `limit` bytes
    together; ObjectMissing when a blob or tree that it needs isn't there; BadPath.

    With `trust`, a file with masked lines, or one that follows from such a file, gets the oid that the diff states.
    """
    files = parse(data)
    removed = {file.old_path for file in files if file.kind in (DELETE, RENAME)}
    made: list[tuple[bytes, int, str]] = []
    for file in files:
        check_path(file.path)
        try:
            entry = None if file.kind == ADD else _preimage(file, editor)
            if file.kind not in (MODIFY, DELETE) and file.new_path not in removed:
                _check_free(editor.get(file.path))
            if trust and _is_on_trust(file, entry, editor.objects, trust):
                trust.paths.append(file.path)
                if file.kind != DELETE:
                    made.append((file.path, file.new_mode or (entry.mode if entry else FILE), file.new_oid or ""))
                continue
            if file.kind == DELETE:
                _check_removed(file, entry, editor.objects.format, limit)
                continue
            mode, oid, size = _make(file, entry, editor, limit)
        except ValueError as error:
            raise PatchError(f"cannot apply the diff of '{decode(file.path)}': {error}") from None
        limit -= size
        made.append((file.path, mode, oid))
    for path in removed:
        editor.remove(path or b"")
    for path, mode, oid in made:
        editor.set(path, mode, oid)


def _is_on_trust(file: FilePatch, entry: Entry | None, objects: ObjectStore, trust: Trust) -> bool:
    """Tell whether the content of a file can't be made: part of it is masked, or it was on trust before."""
    oid = file.old_oid if file.kind == DELETE else file.new_oid
    needs_old = bool(file.hunks) or (file.forward is not None and file.forward.method == "delta")
    follows = needs_old and entry is not None and entry.oid in trust.blobs and objects.kind(entry.oid) is None
    if oid is None or not (follows or _is_masked(file, trust)):
        return False
    trust.blobs.add(oid)
    return True


def _is_masked(file: FilePatch, trust: Trust) -> bool:
    if file.forward and file.forward.method == MASKED:
        return True
    return any(trust.mask.search(line) for hunk in file.hunks for line in hunk.lines)


def _preimage(file: FilePatch, editor: TreeEditor) -> Entry:
    """Return the old file. Raises ValueError when the tree holds another one, or none."""
    entry = editor.get(file.old_path or b"")
    if entry is None or entry.mode == DIRECTORY:
        raise ValueError(f"there is no file '{decode(file.old_path or b'')}'")
    if file.old_oid is not None and entry.oid != file.old_oid:
        raise ValueError(f"the file is '{entry.oid}', not '{file.old_oid}'")
    if file.old_mode is not None and _canonical(entry.mode) != file.old_mode:
        raise ValueError(f"its mode is {entry.mode:06o}, not {file.old_mode:06o}")
    return entry


def _canonical(mode: int) -> int:
    """Return a mode as diffs show it; old trees hold others, such as 100664."""
    return (EXECUTABLE if mode & 0o100 else FILE) if mode >> 12 == FILE >> 12 else mode


def _check_free(entry: Entry | None) -> None:
    # a directory may be in the way: its files are removed by the same diff, or the oid of the tree will tell
    if entry is not None and entry.mode != DIRECTORY:
        raise ValueError("it exists already")


def _check_removed(file: FilePatch, entry: Entry | None, object_format: str, limit: int) -> None:
    """Compare what the diff says to be gone with the old file, without reading that: the hash tells."""
    if file.backward:
        content = resolve(file.backward, b"", limit)
    else:
        content = b"".join(line[1:] for hunk in file.hunks for line in hunk.lines)
        if _patched(content, file.hunks):
            raise ValueError("it is to be deleted, but lines are left")
    mode, oid = (entry.mode, entry.oid) if entry else (0, "")
    if (_gitlink(content) if mode == GITLINK else hash_object("blob", content, object_format)) != oid:
        raise ValueError("what it removes is not what the file holds")


def _make(file: FilePatch, entry: Entry | None, editor: TreeEditor, limit: int) -> tuple[int, str, int]:
    """Return mode, oid and size of the new file."""
    mode = file.new_mode or (entry.mode if entry else FILE)
    if entry and not file.hunks and not file.forward:
        if file.new_oid != file.old_oid:
            raise ValueError("there is no hunk")
        return mode, entry.oid, 0
    if file.forward:
        needed = entry if file.forward.method == "delta" else None
        content = resolve(file.forward, _content(file, needed, editor.objects), limit)
    else:
        content = _patched(_content(file, entry, editor.objects), file.hunks)
    if len(content) > limit:
        raise ValueError(f"its {len(content)} bytes are too many")
    oid = _gitlink(content) if mode == GITLINK else editor.objects.add("blob", content)
    if oid != file.new_oid:
        raise ValueError(f"the result is '{oid}', not '{file.new_oid}'")
    return mode, oid, len(content)


def _content(file: FilePatch, entry: Entry | None, objects: ObjectStore) -> bytes:
    if entry is None:
        return b""
    if entry.mode == GITLINK:
        return _GITLINK_TEXT + entry.oid.encode("ascii") + b"\n"
    try:
        return objects.blob(entry.oid)
    except ObjectMissing:
        raise ObjectMissing(f"blob '{entry.oid}' of '{decode(file.old_path or b'')}' is missing") from None


def _gitlink(content: bytes) -> str:
    return decode(content.removeprefix(_GITLINK_TEXT).removesuffix(b"\n"))


def _patched(content: bytes, hunks: tuple[Hunk, ...]) -> bytes:
    """Apply hunks where they say, and nowhere else."""
    *whole, last = content.split(b"\n")
    lines = [line + b"\n" for line in whole] + ([last] if last else [])
    out: list[bytes] = []
    at = 0
    for hunk in hunks:
        # without old lines, a hunk goes after the line that it names
        start = hunk.old_start - (1 if hunk.old_count else 0)
        if not at <= start <= len(lines):
            raise ValueError(f"its hunk at line {hunk.old_start} is out of place")
        out += lines[at:start]
        old = [line[1:] for line in hunk.lines if line[:1] != b"+"]
        at = start + len(old)
        if lines[start:at] != old:
            raise ValueError(f"its hunk at line {hunk.old_start} doesn't fit the file")
        if len(out) != hunk.new_start - (1 if hunk.new_count else 0):
            raise ValueError(f"its hunk at line {hunk.old_start} doesn't land at line {hunk.new_start}")
        out += [line[1:] for line in hunk.lines if line[:1] != b"-"]
    return b"".join(out + lines[at:])
