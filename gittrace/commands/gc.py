"""git trace gc."""

import argparse
from collections.abc import Iterator

from gittrace.commands.common import json_option, print_json
from gittrace.commands.options import print_pruned
from gittrace.git.repository import discover
from gittrace.text import counted, shown
from gittrace.trace.upkeep.collect import Collected, collect
from gittrace.trace.upkeep.prune import prune

DESCRIPTION = """\
Drop what is no longer needed of traces that ended before trace.expire: snapshots, where the notes are proved to rebuild
each one; journals whose segments are all there; segments noted on commits that are gone, if they are noted on another
commit too; pairs of rewritten commits that are gone; traces that were forgotten and came back with a merge. Sessions
whose worktree was removed are closed, loose objects packed. What is nowhere else is kept, and named: whole outputs,
events that led to no commit, notes of commits that are gone. --force drops these too. Nothing is asked."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be dropped")
    parser.add_argument("--expire", metavar="TIME", help="instead of trace.expire, such as 30.days.ago, now or never")
    parser.add_argument("-f", "--force", action="store_true", help="drop also what is nowhere else")
    parser.add_argument("--prune-now", action="store_true", help="drop the objects of forgotten traces at once")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Collect."""
    repo = discover()
    result = collect(repo, args.expire, args.dry_run, args.force)
    pruned = prune(repo) if args.prune_now and not args.dry_run else None
    if args.json:
        print_json(vars(result) | {"pruned": vars(pruned) if pruned else None})
        return 0
    for line in _lines(result, "would " if args.dry_run else ""):
        print(shown(line))
    if pruned:
        print_pruned(pruned)
    return 0


def _lines(result: Collected, would: str) -> Iterator[str]:
    """Yield what was done, a line each."""
    for session in result.closed:
        yield f"{would}close session {session}: its worktree was removed"
    for trace in result.forgotten:
        yield f"{would}remove trace {trace}: it was forgotten, and came back"
    for ref in result.refs:
        yield f"{would}drop snapshots {ref}: the notes hold them"
    for trace in result.outputs:
        yield f"{would}drop whole outputs of trace {trace}"
    for trace in result.unlinked:
        yield f"{would}drop events of trace {trace} that led to no commit"
    for session in result.journals:
        yield f"{would}drop journal of session {session}: it is sealed"
    for commit in result.notes:
        yield f"{would}drop note of commit {commit}: the commit is gone"
    if result.rewrites:
        yield f"{would}drop {counted(result.rewrites, 'pair')} of rewritten commits: they are gone"
    for line in result.kept:
        yield f"keep {line}"
