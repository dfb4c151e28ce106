"""git trace fetch."""

import argparse
from typing import Any

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import safe
from gittrace.git.repository import Repository, discover
from gittrace.git.transfer import Line, TransferFailed
from gittrace.share.fetch import Fetched, default_remote, fetch

DESCRIPTION = """\
Fetch what was published at REMOTE: the notes of all writers there, into refs/notes/trace-remotes/<remote>/. Every
reading command then knows them; nothing has to be set up for that. What is gone there goes here too. Without REMOTE it
is the one that this clone publishes to, else the remote of the current branch. 'git trace init --fetch REMOTE' has
'git fetch' do it."""

_SHORT = 7


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("remote", nargs="?", metavar="REMOTE", help="where to fetch from")
    parser.add_argument("--snapshots", action="store_true", help="also the snapshots that are published there")
    parser.add_argument("-q", "--quiet", action="store_true", help="print nothing")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Fetch."""
    repo = discover()
    remote = args.remote or default_remote(repo)
    try:
        line = Line(ask=True)
        done = fetch(repo, remote, line)
        if args.snapshots:
            from gittrace.share.snapshots import fetch_snapshots  # with it comes the gate, which takes a while to load

            done.snapshots = fetch_snapshots(repo, remote, line)
    except TransferFailed as error:
        raise TransferFailed(f"cannot fetch from '{remote}': {error}", error.hint) from None
    if args.json:
        print_json(as_json(done))
    elif not args.quiet:
        _print(repo, done)
    return 0


def as_json(done: Fetched) -> dict[str, Any]:
    """Return what was fetched, as `--json` prints it (doc/JSON.md)."""
    writers = [{"writer": writer, "old": old, "new": new} for writer, (old, new) in done.writers.items()]
    return {"remote": done.remote, "writers": writers, "snapshots": done.snapshots}


def _print(repo: Repository, done: Fetched) -> None:
    if not done.writers and not done.snapshots:
        return
    print(f"From {safe(repo.line('remote', 'get-url', done.remote))}")
    for writer, (old, new) in done.writers.items():
        moved = (
            f"   {old[:_SHORT]}..{new[:_SHORT]}"
            if old and new
            else " * [new writer]   "
            if new
            else " - [deleted]      "
        )
        print(f"{moved}  {safe(writer)}")
    for ref in done.snapshots:
        print(f" * [snapshots]      {safe(ref)}")
