"""git trace forget."""

import argparse

from gittrace.commands.common import json_option, print_json
from gittrace.commands.options import print_pruned
from gittrace.errors import NotFound
from gittrace.git.repository import Repository, discover
from gittrace.text import counted, shown
from gittrace.trace.stored.names import find_trace, forgotten
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.forget import Forgotten, forget_trace
from gittrace.trace.upkeep.prune import prune, remembered

DESCRIPTION = """\
Remove a trace: its journals, snapshots and kept output, its segments in the notes and the history of these, and all
caches. A tombstone takes its place, and goes along with what is published: whoever fetches it no longer sees the trace,
whatever else they have. What is recorded of the trace later, in a session that begins after this, is seen again.
Nothing is asked; --dry-run shows what would go. git gc drops the objects themselves when they are old enough;
--prune-now drops them at once, while nothing else writes to the repository."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be removed")
    parser.add_argument("--prune-now", action="store_true", help="drop its objects from the object store at once")
    json_option(parser)
    parser.add_argument("trace", metavar="TRACE", help="what to forget")


def run(args: argparse.Namespace) -> int:
    """Forget."""
    repo = discover()
    found = forget_trace(repo, _trace(repo, args.trace), args.dry_run)
    pruned = prune(repo) if args.prune_now and not args.dry_run else None
    if args.json:
        print_json(vars(found) | {"pruned": vars(pruned) if pruned else None})
        return 0
    _print(found, "would remove" if args.dry_run else "removed")
    if pruned:
        print_pruned(pruned)
    elif (found.segments or found.refs) and not args.dry_run and remembered(repo):
        print("its objects stay until 'git gc' drops them ('git trace gc --prune-now' does it now)")
    return 0


def _trace(repo: Repository, name: str) -> str:
    """Return the id of a trace, also of one that was forgotten already. Raises NotFound."""
    store = Store(repo)
    try:
        gone = forgotten(store, name)
        try:
            return find_trace(store, name)
        except NotFound:
            if len(gone) != 1:
                raise
            return gone[0]
    finally:
        store.close()


def _print(found: Forgotten, removed: str) -> None:
    if found.segments:
        notes = f" from {counted(len(found.commits), 'note')}" if found.commits else ""
        print(f"{removed} {counted(found.segments, 'segment')} of trace {found.trace_id}{notes}")
    for ref in found.refs:
        print(f"{removed} snapshots {shown(ref)}")
    for session in found.sessions:
        print(f"{removed} journal of session {session}")
    for ref in found.elsewhere:
        print(f"keep {shown(ref)}: it was published or fetched; nothing of the trace is read from it")
