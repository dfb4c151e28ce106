"""Which lines of an event's diff stood elsewhere: on branches from which they were taken, or to which HEAD went.

The commits that tell are looked into when a session is sealed. Where it is read they may be gone, and a clone never had
those of a branch that was not pushed. So what they tell is recorded with the diff, as `taken` and
`effect_taken`: arrays of the number of a file in the diff, from 0, and the first and the last of some lines of its new
side; a number alone is all of a file.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.objects import Change, ObjectStore
from gittrace.git.patch import FilePatch, PatchError, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import EventDict, heads
from gittrace.trace.produced.bringing import borrowed_of, grafts_of, may_bring
from gittrace.trace.text.align import MOVED, align, key
from gittrace.trace.text.fingerprint import exact_of, line_of, weight_of
from gittrace.vocabulary import COMMIT, REWRITE

# a content over this (bytes) is not compared
_LARGEST = 1 << 20
# trees that differ in more files are not, to find what was moved out of them: a push waits for what is sealed
_MOST_FILES = 200
# by the part of an event
_NAMES = {"diff": "taken", "effect": "effect_taken"}
# what each leads to
_TREES = {"diff": "tree", "effect": "tree_after"}
# line numbers begin with 1
_ALL = range(1 << 62)


def mark(events: Sequence[dict[str, Any]], own: Collection[str], store: ObjectStore) -> None:
    """Say in the events of a segment, its header first, which lines of their diffs were taken.

    `own` are the commits that the session made before.
    """

    def time(oid: str) -> int | None:
        return store.commit(oid).committer.time if store.kind(oid) == "commit" else None

    head = heads(events[0])[0]
    mine = {*own, head, events[0].get("base_commit")}
    mine.update(event.get("commit") for event in events if event["kind"] == COMMIT)
    mine.update(new for event in events if event["kind"] == REWRITE for _, new in event.get("pairs") or ())
    grafts = grafts_of(events)
    trees: dict[str, TreeEditor] = {}
    for event, lent in zip(events, borrowed_of(events, time), strict=True):
        before, after = heads(event)
        came = [] if before in (None, head) or before in mine else [before]
        whole = [*came, *grafts.get(str(event.get("id")), ())]
        for oid in (*lent, *whole, head or ""):
            if oid not in trees and store.kind(oid) == "commit":
                trees[oid] = TreeEditor(store, store.commit(oid).tree)
        here, there = ([trees[oid] for oid in names if oid in trees] for names in (lent, whole))
        base, head = trees.get(head or ""), after
        if event is events[0] or not (here or there):
            continue
        for part, name in _NAMES.items() if may_bring(event) else [("diff", _NAMES["diff"])]:
            files = _files(event, part)
            # who only changed modes, or took away, moved nothing there
            roots = [store.commit(oid).tree for oid in (*lent, *whole) if oid in trees] if _adds(files) else []
            gone = _gone(roots, base, event.get(_TREES[part]), store)
            if found := list(_found(files, here, there, gone, store)):
                event[name] = found


def _found(
    files: Sequence[FilePatch],
    lent: Sequence[TreeEditor],
    whole: Sequence[TreeEditor],
    gone: Collection[bytes],
    store: ObjectStore,
) -> Iterator[list[int]]:
    for number, file in enumerate(files):
        if any(_is_there(tree, file) for tree in (*lent, *whole)):
            yield [number]
        elif file.new_path and file.hunks and (lent or gone):
            same = _same(file, lent, store) if lent else set()
            moved = {at for at, text in _added(file) if key(text) in gone} if gone else set()
            yield from ([number, *row] for row in _rows(same | moved))


def _gone(trees: Iterable[str], base: TreeEditor | None, now: str | None, store: ObjectStore) -> set[bytes]:
    """Return the keys of lines that files have in trees, and not in what HEAD was at before, and that are gone `now`.

    Where they turn up in another file, they were moved. A tree that is far from what there is now tells nothing.
    """
    found: set[bytes] = set()
    try:
        for tree in trees if now else ():
            changes = store.changes(tree, now)
            for change in changes if len(changes) <= _MOST_FILES else ():
                found |= _gone_from(change, base, store)
    except TraceError:
        return found  # a clone in part need not have all of them
    return found


def _gone_from(change: Change, base: TreeEditor | None, store: ObjectStore) -> set[bytes]:
    before = base.get(change.path) if base and change.old_oid else None
    if change.old_oid is None or (before and before.oid == change.old_oid):
        return set()
    stood = {*_keys(before.oid if before else None, store), *_keys(change.new_oid, store)}
    return {line for line in _keys(change.old_oid, store) if weight_of(line) >= MOVED and line not in stood}


def _adds(files: Iterable[FilePatch]) -> bool:
    return any(True for file in files for _ in _added(file))


def _files(event: EventDict, part: str) -> list[FilePatch]:
    try:
        return parse(from_json_text(event.get(part, ""), event.get(f"{part}_encoding")))
    except (PatchError, ValueError):
        return []  # who reads it says so


def _is_there(tree: TreeEditor, file: FilePatch) -> bool:
    """Tell whether a file is in a tree as a diff leaves it."""
    try:
        entry = tree.get(file.path)
    except TraceError:
        return False  # a clone in part need not have it
    if entry is None or file.new_path is None:
        return entry is None and file.new_path is None
    return entry.oid == (file.new_oid or file.old_oid)


def _same(file: FilePatch, trees: Sequence[TreeEditor], store: ObjectStore) -> set[int]:
    """Return the numbers of the lines that a file has in a tree too, in their order."""
    new = _keys(file.new_oid, store)
    found: set[int] = set()
    for tree in trees if new else ():
        try:
            entry = tree.get(file.path)
        except TraceError:
            continue
        old = _keys(entry.oid if entry else None, store)
        found.update(at + 1 for at, source in enumerate(align(old, new)) if source >= 0)
    return found & {number for number, _ in _added(file)}


def _keys(oid: str | None, store: ObjectStore) -> list[bytes]:
    try:
        small = oid is not None and store.kind(oid) == "blob" and store.size(oid) <= _LARGEST
        return [key(line) for line in store.blob(oid).split(b"\n")] if small and oid else []
    except TraceError:
        return []


def _rows(numbers: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of numbers that follow each other."""
    for _, row in groupby(enumerate(sorted(numbers)), key=lambda item: item[1] - item[0]):
        some = [number for _, number in row]
        yield some[0], some[-1]


def _added(file: FilePatch) -> Iterator[tuple[int, bytes]]:
    """Yield the added lines of a file with their numbers."""
    for hunk in file.hunks:
        at = hunk.new_start
        for line in hunk.lines:
            if line[:1] == b"+":
                yield at, line[1:]
            at += line[:1] != b"-"


def said_in(tree: TreeEditor, path: bytes, store: ObjectStore) -> set[int]:
    """Return the exact fingerprints of a file's lines in a tree; none, where it isn't there."""
    entry = tree.get(path)
    data = store.blob(entry.oid) if entry and store.kind(entry.oid) == "blob" else b""
    return {exact_of(line.rstrip(b"\r")) for line in data.split(b"\n")}


class Taken:
    """What is recorded of the lines that an event took, in its `diff` or `effect`, of which `files` are the files."""

    def __init__(self, event: EventDict, part: str, files: Sequence[FilePatch]) -> None:
        self._rows: dict[bytes, list[range]] = {}
        for number, *ends in event.get(_NAMES[part]) or ():
            if number < len(files):
                row = range(ends[0], ends[1] + 1) if ends else _ALL
                self._rows.setdefault(files[number].path, []).append(row)

    def whole(self, path: bytes) -> bool:
        """Tell whether a file was taken as it is."""
        return _ALL in self._rows.get(path, ())

    def numbers(self, file: FilePatch) -> set[int]:
        """Return the numbers of the lines of a file, from 1, that were taken."""
        return {number for number, _ in self._lines(file)}

    def lines(self, file: FilePatch) -> set[int]:
        """Return the exact fingerprints of telling lines that were taken."""
        lines = (line_of(text) for _, text in self._lines(file))
        return {line.exact for line in lines if line.telling}

    def _lines(self, file: FilePatch) -> Iterator[tuple[int, bytes]]:
        rows = sorted(self._rows.get(file.path, ()), key=lambda row: row.start, reverse=True)
        end = 0
        for number, text in _added(file) if rows else ():
            while rows and rows[-1].start <= number:
                end = max(end, rows.pop().stop)
            if number < end:
                yield number, text
