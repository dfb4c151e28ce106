"""What the lines are that commits add and take away: their fingerprints, not their text."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, groupby, pairwise
from typing import NamedTuple

import mmh3

from gittrace.errors import TraceError
from gittrace.git.diff import Differ
from gittrace.git.history import Made
from gittrace.git.objects import EMPTY_TREE, ObjectStore
from gittrace.git.patch import FilePatch, added_runs, parse
from gittrace.trace.text.fingerprint import FileLines, file_lines, of_runs

# a commit that changes more than this (bytes of diff) is looked at by its files only
LARGEST_COMMIT = 8 << 20


class Changed(NamedTuple):
    """A file that a commit changes; `old_path` is another one when the commit renames it."""

    path: bytes
    old_path: bytes
    lines: FileLines


class Content(NamedTuple):
    """What a commit changes.

    files    of a merge, only lines that none of its parents had
    joined   of a merge, the files of which each change is one parent's alone: git made them, nobody's hand
    patch    the same for every commit that makes the same changes, wherever; empty when there is none to compare
    inverse  the `patch` of what undoes it
    known    False when it could not be read, since this clone lacks objects
    """

    files: tuple[Changed, ...] = ()
    patch: str = ""
    inverse: str = ""
    known: bool = True
    joined: frozenset[bytes] = frozenset()


UNKNOWN = Content(known=False)
_TOO_LARGE = Content()


def contents(differ: Differ, store: ObjectStore, commits: Iterable[Made]) -> dict[str, Content]:
    """Return what commits change, by oid; the `differ` is one without data."""
    return {made.oid: _one(differ, store, made) for made in commits}


def _one(differ: Differ, store: ObjectStore, made: Made) -> Content:
    try:
        parents = [_tree(store, parent) for parent in made.parents] or [EMPTY_TREE[store.format]]
        if None in parents:
            return UNKNOWN  # the end of a shallow clone
        diffs = [differ.diff(tree, made.tree, LARGEST_COMMIT) for tree in parents if tree is not None]
        texts = [diff.text for diff in diffs if diff.text is not None]
        if len(texts) < len(diffs):
            return _TOO_LARGE
        return _content(made, [parse(text, has_data=False) for text in texts])
    except TraceError:
        return UNKNOWN


def _tree(store: ObjectStore, commit: str) -> str | None:
    return store.commit(commit).tree if store.kind(commit) == "commit" else None


def _content(made: Made, files: list[list[FilePatch]]) -> Content:
    if len(files) > 1:
        joined = frozenset(path for path in made.paths if _is_joined(files, path))
        return Content(_merged(files, made.paths), joined=joined)
    changed = tuple(
        Changed(file.path, file.old_path or file.path, file_lines(file))
        for file in files[0]
        if file.hunks or file.old_path != file.new_path
    )
    return Content(changed, _patch(files[0]), _patch(files[0], forward=False))


def _merged(diffs: list[list[FilePatch]], paths: frozenset[bytes]) -> tuple[Changed, ...]:
    """Return the lines of a merge that are in none of its parents: how a conflict was solved."""
    found = []
    for path in sorted(paths):
        numbered = [_numbered(diff, path) for diff in diffs]
        common = set(numbered[0]).intersection(*numbered[1:])
        runs: list[list[bytes]] = []
        for before, number in pairwise([-1, *sorted(common)]):
            if number != before + 1 or not runs:
                runs.append([])
            runs[-1].append(numbered[0][number])
        found.append(Changed(path, path, of_runs(runs)))
    return tuple(found)


def _is_joined(diffs: list[list[FilePatch]], path: bytes) -> bool:
    """Tell whether no change of a merged file touches one from every side, as all that is solved by hand does."""
    changes = [[_changes(file) for file in diff if file.new_path == path and file.hunks] for diff in diffs]
    if not all(changes):
        return False  # without lines
    first, *others = [list(chain.from_iterable(found)) for found in changes]
    return not any(all(any(_touch(one, two) for two in other) for other in others) for one in first)


def _touch(one: range, two: range) -> bool:
    return one.start <= two.stop and two.start <= one.stop


def _changes(file: FilePatch) -> Iterator[range]:
    """Yield where the lines stand in the new file that a diff put there: an empty range, where it only took some."""
    for hunk in file.hunks:
        at = hunk.new_start + (hunk.new_count == 0)
        for same, lines in groupby(hunk.lines, key=lambda line: line[:1] == b" "):
            stop = at + sum(line[:1] != b"-" for line in lines)
            if not same:
                yield range(at, stop)
            at = stop


def _numbered(diff: list[FilePatch], path: bytes) -> Mapping[int, bytes]:
    return {
        number + at: line
        for file in diff
        if file.new_path == path
        for number, lines in added_runs(file)
        for at, line in enumerate(lines)
    }


def _patch(files: list[FilePatch], forward: bool = True) -> str:
    """Return a hash of what is added and removed, as `git patch-id --stable` has one but without context.

    So it stays when lines nearby change, as they do when a commit is rebased. White space doesn't count, and of
    binary files the blobs do.
    """
    plus = b"+" if forward else b"-"
    parts = []
    for file in files:
        new, old = (file.new_path, file.old_path) if forward else (file.old_path, file.new_path)
        modes = (file.new_mode, file.old_mode) if forward else (file.old_mode, file.new_mode)
        kept = modes if modes[0] != modes[1] else ()
        blobs = () if file.hunks else (file.new_oid, file.old_oid) if forward else (file.old_oid, file.new_oid)
        runs = [b"", b""]
        for hunk in file.hunks:
            for line in hunk.lines:
                if line[:1] != b" ":
                    runs[line[:1] != plus] += b"".join(line[1:].split()) + b"\n"
        parts.append(b"\0".join((new or b"", old or b"", repr((*kept, *blobs)).encode(), *runs)))
    return f"{mmh3.hash128(b'|'.join(sorted(parts)), signed=False):032x}" if parts else ""
