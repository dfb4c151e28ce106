"""git trace seal."""

import argparse
import os
import sys

from gittrace.commands.common import json_option, print_json
from gittrace.git.repository import discover
from gittrace.journal.faillog import log_failures
from gittrace.text import shown
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.seal import seal
from gittrace.trace.sealing.unsigned import sign_behind

DESCRIPTION = """\
Turn finished runs of recorded events into segments, noted on the commits that they led to, and carry notes over to
rewritten commits. Hooks start this, and every reading command does it first; it may run any number of times."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument(
        "--detached", action="store_true", help="as hooks call it: in a session of its own, failures go to the log"
    )
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Seal."""
    if args.detached:
        return _detached()
    repo = discover()
    sealed = seal(repo)
    sign_behind(repo)
    if args.json:
        print_json(vars(sealed))
    for problem in sealed.failed:
        sys.stderr.write(f"warning: {shown(problem)}\n")
    return 1 if sealed.failed else 0


def _detached() -> int:
    if hasattr(os, "setsid") and os.getpgrp() != os.getpid():
        os.setsid()  # the terminal's hangup is not for us
    repo = discover()
    try:
        sealed = seal(repo, patient=True)
    except Exception as error:  # nobody is there to see it: it goes to the log, which status shows
        log_failures(repo.common_trace_dir, "seal", [f"{type(error).__name__}: {error}"])
        return 0
    log_failures(repo.common_trace_dir, "seal", sealed.failed)
    if unsigned.due(repo):
        from gittrace.trace.sealing.signing import sign_waiting  # with it comes the cache, and what checks signatures

        # what fails is told by status
        sign_waiting(repo)
    return 0
