"""git trace restore."""

import argparse
import os
from dataclasses import dataclass

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import safe, short_event
from gittrace.commands.options import warn_of_problems
from gittrace.commands.snapshots import states
from gittrace.errors import GitFailed, NotFound, WouldOverwrite
from gittrace.git import hidden, snapshot
from gittrace.git.repository import Repository, discover
from gittrace.git.restore import at_risk, in_the_way, listed, write_directory, write_worktree
from gittrace.text import clean, counted
from gittrace.trace.stored.names import resolve
from gittrace.trace.stored.rebuilt import need_tree
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Write out the files of a snapshot: the worktree as it was after an event, or before it. Into a directory of its own, or
over the worktree, while HEAD and index stay as they are. Uncommitted work is not overwritten without --force, which
takes a snapshot first and says how to get back; what no snapshot holds (ignored files, large ones) never is."""


@dataclass(frozen=True)
class _Source:
    """What to restore: the tree, its name for people, and the trace that it is from."""

    tree: str
    name: str
    trace_id: str


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--to", metavar="DIR", help="write into DIR, which must be empty or not exist")
    where.add_argument("--worktree", action="store_true", help="make the worktree equal to the snapshot")
    parser.add_argument("--before", action="store_true", help="as it was before the event")
    parser.add_argument("-f", "--force", action="store_true", help="overwrite files")
    json_option(parser)
    parser.add_argument("event", metavar="EVENT", help="an event, or the id of a snapshot's tree")


def run(args: argparse.Namespace) -> int:
    """Restore."""
    store = Store(discover())
    try:
        source = _source(store, args.event, args.before)
        need_tree(store, source.trace_id, source.tree)
        if args.to is not None:
            count = write_directory(store.repo, source.tree, args.to, args.force)
            report: dict[str, object] = {"directory": clean(os.path.realpath(args.to)), "files": count}
            said = f"Restored {source.name} to '{safe(args.to)}' ({counted(count, 'file')})"
        else:
            changed, back = _restore_worktree(store, source, args.force)
            report = {"directory": clean(store.repo.top), "files": changed, "back": back}
            said = f"Restored the worktree to {source.name} ({counted(changed, 'file')} changed)"
            if back:
                said += f"\nTo get back what was there: git trace restore --worktree --force {back[:12]}"
        if args.json:
            print_json({"tree": source.tree, **report})
        else:
            print(clean(said))
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def _source(store: Store, name: str, before: bool) -> _Source:
    try:
        target = resolve(store, name)
    except NotFound:
        tree = _tree(store.repo, name)
        if tree is None:
            raise
        newest = [store.active.trace_id] if store.active else store.trace_ids(1)
        if not newest:
            raise
        return _Source(tree, f"snapshot {tree[:12]}", newest[0])
    if target.kind != "event":
        raise NotFound(f"'{name}' is a {target.kind}, not an event", "'git trace log' shows the events")
    found = states(store, target)
    name = f"event {short_event(target.id)}"
    if before:
        return _Source(found.before, f"the state before {name}", target.trace_id)
    return _Source(found.after, name, target.trace_id)


def _tree(repo: Repository, name: str) -> str | None:
    try:
        return repo.line("rev-parse", "-q", "--verify", "--end-of-options", f"{name}^{{tree}}")
    except GitFailed:
        return None


def _restore_worktree(store: Store, source: _Source, force: bool) -> tuple[int, str | None]:
    """Return how many files were changed, and the tree that holds what was overwritten, None if nothing was at risk."""
    repo = store.repo.need_worktree()
    taken = snapshot.take(repo)
    head = store.objects.commit(taken.head).tree if taken.head else None
    blocked = in_the_way(repo, store.objects, taken.tree, source.tree)
    if blocked:
        raise WouldOverwrite(
            "cannot restore the worktree: what no snapshot holds is in the way",
            f"move it away:\n{listed(blocked)}",
        )
    risky = at_risk(repo, store.objects, taken.tree, source.tree, head)
    if risky and not force:
        raise WouldOverwrite(
            "cannot restore the worktree: uncommitted changes would be overwritten",
            f"commit them, or use --force, which takes a snapshot first:\n{listed(risky)}",
        )
    if risky:
        hidden.update(repo, source.trace_id, [taken.tree])
    write_worktree(repo, taken.tree, source.tree)
    return len(store.objects.changes(taken.tree, source.tree)), taken.tree if risky else None
