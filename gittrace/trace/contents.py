"""What the lines are that commits add and take away: their fingerprints, not their text."""

from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

import mmh3

from gittrace.errors import TraceError
from gittrace.git.diff import Differ
from gittrace.git.history import Made
from gittrace.git.objects import EMPTY_TREE, ObjectStore
from gittrace.git.patch import FilePatch, added_runs, parse
from gittrace.trace.fingerprint import FileLines, file_lines, of_runs

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
    patch    the same for every commit that makes the same changes, wherever; empty when there is none to compare
    inverse  the `patch` of what undoes it
    known    False when it could not be read, since this clone lacks objects
    """

    files: tuple[Changed, ...] = ()
    patch: str = ""
    inverse: str = ""
    known: bool = True


UNKNOWN = Content(known=False)
_TOO_LARGE = Content()


def contents(differ: Differ, store: ObjectStore, commits: Iterable[Made]) -> dict[str, Content]:
    """Return what commits change, by oid."""
    return {made.oid: _one(differ, store, made) for made in commits}


def _one(differ: Differ, store: ObjectStore, made: Made) -> Content:
    try:
        parents = [_tree(store, parent) for parent in made.parents] or [EMPTY_TREE[store.format]]
        if None in parents:
            return UNKNOWN  # the end of a shallow clone
        diffs = [differ.diff(tree, made.tree, LARGEST_COMMIT) for tree in parents if tree is not None]
        texts = [diff.text for diff in diffs if diff.text is not None]
        return _content(made, [parse(text) for text in texts]) if len(texts) == len(diffs) else _TOO_LARGE
    except TraceError:
        return UNKNOWN


def _tree(store: ObjectStore, commit: str) -> str | None:
    return store.commit(commit).tree if store.kind(commit) == "commit" else None


def _content(made: Made, files: list[list[FilePatch]]) -> Content:
    if len(files) > 1:
        return Content(_merged(files, made.paths))
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
