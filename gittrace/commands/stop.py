"""git trace stop."""

import argparse

from gittrace.commands.common import json_option, print_json
from gittrace.errors import TraceError, told
from gittrace.git.repository import discover
from gittrace.text import shown
from gittrace.trace.recording.session import stop
from gittrace.trace.sealing.seal import Sealed, seal
from gittrace.trace.sealing.unsigned import sign_behind

DESCRIPTION = """\
Stop the session of this worktree and seal what it recorded. What --success and --failure say is recorded as said;
without them nothing is claimed."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    verdict = parser.add_mutually_exclusive_group()
    verdict.add_argument("--success", action="store_true", default=None, help="the goal was reached")
    verdict.add_argument("--failure", dest="success", action="store_false", help="the goal was not reached")
    parser.add_argument("-m", dest="reason", metavar="REASON", help="why the work ends here")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Stop the session."""
    repo = discover()
    active = stop(repo, args.success, args.reason)
    try:
        sealed = seal(repo)
    except (TraceError, OSError) as error:  # the session is over all the same
        sealed = Sealed(failed=[told(error)])
    sign_behind(repo)
    if args.json:
        print_json(
            {
                "trace_id": active.trace_id,
                "session_id": active.session_id,
                "commits": sorted(sealed.noted),
                "unlinked": sum(map(len, sealed.unlinked.values())),
                "problems": sealed.failed,
            }
        )
        return 0
    print(f"Stopped trace {active.trace_id[:8]}")
    for problem in sealed.failed:
        print(f"  not sealed yet: {shown(problem)}")
    if active.trace_id in sealed.unlinked:
        print("  its last events led to no commit; they stay in this clone (git trace show)")
    return 0
