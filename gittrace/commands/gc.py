"""git trace gc."""

import argparse

from gittrace.commands.common import json_option, print_json
from gittrace.commands.options import print_pruned
from gittrace.git.repository import discover
from gittrace.text import shown
from gittrace.trace.collect import collect
from gittrace.trace.prune import prune

DESCRIPTION = """\
Drop what is no longer needed: snapshots and journals of traces that ended before trace.expire, when their notes are
proved to rebuild every snapshot; close sessions whose worktree was removed; pack what recording left loose. Notes, and
events that led to no commit, are never dropped."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be dropped")
    parser.add_argument("--expire", metavar="TIME", help="instead of trace.expire, such as 30.days.ago, now or never")
    parser.add_argument("--prune-now", action="store_true", help="drop the objects of forgotten traces at once")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Collect."""
    repo = discover()
    result = collect(repo, args.expire, args.dry_run)
    pruned = prune(repo) if args.prune_now and not args.dry_run else None
    if args.json:
        print_json(vars(result) | {"pruned": vars(pruned) if pruned else None})
        return 0
    would = "would " if args.dry_run else ""
    for session in result.closed:
        print(f"{would}close session {session}: its worktree was removed")
    for ref in result.refs:
        print(f"{would}drop snapshots {shown(ref)}: the notes hold them")
    for session in result.journals:
        print(f"{would}drop journal of session {session}: it is sealed")
    for line in result.kept:
        print(f"keep {shown(line)}")
    if pruned:
        print_pruned(pruned)
    return 0
