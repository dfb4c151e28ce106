"""The lines that commits add over their parents: for a merge, those that no parent has."""

from collections.abc import Iterable, Iterator, Sequence

from gittrace.git.diff import diff_trees
from gittrace.git.objects import EMPTY_TREE, GITLINK, Commit, ObjectMissing, ObjectStore
from gittrace.git.patch import FilePatch, PatchError, parse
from gittrace.git.repository import Repository
from gittrace.model.attribution import Added

# a commit that adds more than this (bytes of diff) over a parent is not looked into
LARGEST = 64 << 20

Files = list[tuple[bytes, list[Added]]]


def added_lines(repo: Repository, store: ObjectStore, commit: Commit) -> Files:
    """Return the files that a commit changes, by path, with what it adds to each.

    None at all when a parent or a blob isn't in this clone, which is shallow or partial then.
    """
    parents = [store.commit(oid).tree if store.kind(oid) == "commit" else None for oid in commit.parents]
    known = [tree for tree in parents if tree is not None]
    if len(known) < len(parents):
        return []
    pairs = [(tree, commit.tree) for tree in known or [EMPTY_TREE[store.format]]]
    try:
        return _common([parse(diff.text or b"") for diff in diff_trees(repo, pairs, LARGEST)])
    except (PatchError, ObjectMissing):
        return []


def _common(sides: Sequence[Iterable[FilePatch]]) -> Files:
    """Return what is added on every side."""
    found: dict[bytes, list[Added]] | None = None
    for side in sides:
        here = {file.path: list(_runs(file)) for file in side if GITLINK not in (file.old_mode, file.new_mode)}
        if found is None:
            found = here
            continue
        found = {path: list(_both(runs, here[path])) for path, runs in found.items() if path in here}
    return sorted((found or {}).items())


def _runs(file: FilePatch) -> Iterator[Added]:
    for hunk in file.hunks:
        number = hunk.new_start
        run: list[bytes] = []
        modifies = False
        for line in (*hunk.lines, b" "):
            sign = line[:1]
            if sign == b"+":
                run.append(line[1:].removesuffix(b"\n"))
            elif sign == b"-":
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
