"""git trace sign."""

import argparse
import sys

from gittrace.commands.common import json_option, print_json
from gittrace.git.repository import discover
from gittrace.text import counted, shown
from gittrace.trace.sealing.signing import own_unsigned, sign_asked
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Sign segments with the key that git signs commits with. Where git signs commits ('commit.gpgSign') this is done beside
the work, as 'trace.sign' says, by keys that need no asking; this command does it for those that do: it may ask for a
passphrase, or wait for a hardware key to be touched. Without TRACE it signs what waits for it; with one, all segments
of the trace in this clone's own notes that have no signature."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)
    parser.add_argument("trace", nargs="?", metavar="TRACE", help="what to sign")


def run(args: argparse.Namespace) -> int:
    """Sign; the exit status is 1 when something could not be signed."""
    repo = discover()
    store = Store(repo)  # which seals
    try:
        trace = find_trace(store, args.trace) if args.trace else ""
    finally:
        store.close()
    names = own_unsigned(repo, trace) if trace else []
    done = sign_asked(repo, names, everything=not trace)
    if args.json:
        print_json(vars(done))
    elif done.count or not done.failed:
        print(f"Signed {counted(done.count, 'segment')}")
    if done.failed:
        sys.stderr.write(f"error: {shown(done.failed)}; {counted(done.left, 'segment')} not signed\n")
    return 1 if done.failed else 0
