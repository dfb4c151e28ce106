"""What commits change over their parents: the lines that they add, and those that they take away.

Of a merge, what no parent has.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from gittrace.git.diff import Differ
from gittrace.git.objects import EMPTY_TREE, GITLINK, Commit, ObjectMissing, ObjectStore
from gittrace.git.patch import FilePatch, PatchError, parse
from gittrace.model.attribution import Added

# a commit that adds more than this (bytes of diff) over a parent is not looked into
LARGEST = 64 << 20


class FileChange(NamedTuple):
    """What a commit does to a file; no lines of one that is binary, a submodule, renamed, or has another mode.

    runs  the lines that it adds
    gone  those that it takes away and puts none in the place of, by their numbers in the parent; none for a merge
    """

    path: bytes
    runs: Sequence[Added] = ()
    gone: Sequence[Added] = ()


def file_changes(differ: Differ, store: ObjectStore, commit: Commit) -> list[FileChange]:
    """Return what a commit does to each file that it changes, by path; the `differ` is one without data.

    None at all when a parent or a blob isn't in this clone, which is shallow or partial then.
    """
    parents = [store.commit(oid).tree if store.kind(oid) == "commit" else None for oid in commit.parents]
    known = [tree for tree in parents if tree is not None]
    if len(known) < len(parents):
        return []
    pairs = [(tree, commit.tree) for tree in known or [EMPTY_TREE[store.format]]]
    try:
        return _common([parse(differ.diff(*pair, LARGEST).text or b"", has_data=False) for pair in pairs])
    except (PatchError, ObjectMissing):
        return []


def _common(sides: Sequence[Iterable[FilePatch]]) -> list[FileChange]:
    """Return what is done on every side."""
    found: dict[bytes, FileChange] | None = None
    for side in sides:
        here = _by_path(side)
        if found is None:
            found = here
            continue
        found = {
            path: FileChange(path, list(_both(change.runs, here[path].runs)))
            for path, change in found.items()
            if path in here
        }
    return sorted((found or {}).values())


def _by_path(files: Iterable[FilePatch]) -> dict[bytes, FileChange]:
    found: dict[bytes, FileChange] = {}
    for file in files:
        # a file that takes the place of a link, or the other way round, is there twice: deleted, and added
        before = found.get(file.path, FileChange(file.path))
        if GITLINK in (file.old_mode, file.new_mode):
            found[file.path] = before
        else:
            runs, gone = list(_runs(file, b"+")), [run for run in _runs(file, b"-") if not run.modifies]
            found[file.path] = FileChange(file.path, [*before.runs, *runs], [*before.gone, *gone])
    return found


def _runs(file: FilePatch, sign: bytes) -> Iterator[Added]:
    """Yield the runs of lines with a sign, numbered on their side; `modifies`: there are some with the other one."""
    for hunk in file.hunks:
        number = hunk.new_start if sign == b"+" else hunk.old_start
        run: list[bytes] = []
        modifies = False
        for line in (*hunk.lines, b" "):
            if line[:1] == sign:
                run.append(line[1:].removesuffix(b"\n"))
            elif line[:1] != b" ":
                modifies = True
            else:
                if run:
                    yield Added(number, tuple(run), modifies)
                number += len(run) + 1
                run, modifies = [], False


def _both(one: Sequence[Added], other: Sequence[Added]) -> Iterator[Added]:
    """Yield the lines that are in both lists of runs."""
    modifying = {run.start + at: run.modifies for run in other for at in range(len(run.texts))}
    for run in one:
        start, texts = 0, []
        for number, text in enumerate((*run.texts, None), run.start):
            if text is not None and number in modifying:
                start = start or number
                texts.append(text)
            elif texts:
                yield Added(start, tuple(texts), run.modifies)
                start, texts = 0, []
