"""Snapshots that this clone never had, made again from the diffs in the notes, and proved by their oid."""

import os

from gittrace.errors import Damaged, NotFound
from gittrace.git.isolated import Isolated
from gittrace.git.repository import Repository
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store

# diffs are as git printed them: nothing in them is white space to mend
_APPLY = (
    "-c", "apply.whitespace=nowarn", "-c", "apply.ignoreWhitespace=no",
    "-c", "core.protectHFS=true", "-c", "core.protectNTFS=true", "apply", "--cached", "--binary", "-p1",
)  # fmt: skip


def has_tree(store: Store, tree: str) -> bool:
    """Tell whether a snapshot is in this clone."""
    return store.objects.kind(tree) == "tree"


def need_tree(store: Store, trace: str, tree: str) -> None:
    """Make sure that a snapshot of a trace is in this clone; rebuild it if it is not.

    Raises NotFound when too little is here for that, Damaged when the diffs lead to another tree, GitFailed.
    """
    if has_tree(store, tree):
        return
    made: dict[str, tuple[str | None, bytes]] = {}
    before: str | None = None
    for _, step in steps(store.load(trace)):
        if step.text is not None and not step.redacted and step.tree not in made:
            made[step.tree] = (step.from_tree or before, step.text)
        before = step.tree
    missing: list[str] = []
    at: str | None = tree
    while at is not None and not has_tree(store, at):
        if at not in made or at in missing:
            at = None
            break
        missing.append(at)
        at = made[at][0]
    if at is None:
        raise NotFound(
            f"snapshot '{tree}' is not in this clone, and the recorded diffs are not enough to rebuild it",
            "it is in the clone that recorded it",
        )
    _apply(store.repo, at, [(wanted, made[wanted][1]) for wanted in reversed(missing)])


def _apply(repo: Repository, start: str, diffs: list[tuple[str, bytes]]) -> None:
    """Write the trees to which diffs lead, one after the other, from the tree `start`."""
    isolated = Isolated(repo)
    try:
        env = {"GIT_INDEX_FILE": os.path.join(isolated.git_dir, "index")}
        repo.git("read-tree", start, env=env)
        for wanted, diff in diffs:
            if diff:
                repo.git(*_APPLY, "-", stdin=diff, env=env)
            found = repo.line("write-tree", env=env)
            if found != wanted:
                raise Damaged(f"the recorded diffs lead to tree '{found}', not '{wanted}'")
    finally:
        isolated.close()
