"""git trace pre-push."""

import os
import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING

from gittrace.errors import TraceError, told
from gittrace.git.repository import Repository, discover
from gittrace.git.transfer import GUARD
from gittrace.journal.faillog import log_failures
from gittrace.share.hooked import need_no_snapshots, parse, pushed
from gittrace.text import shown

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
What the pre-push hook runs, with its arguments and standard input: stop a push of snapshots, and publish the notes of
the commits that are pushed. It never fails a push for another reason."""


def parse_fast(argv: list[str]) -> SimpleNamespace | None:
    """Parse what our hook writes, `--parent PID -- REMOTE URL`, without argparse; None for the rest."""
    if len(argv) != 5 or argv[0] != "--parent" or argv[2] != "--" or not (argv[1].isascii() and argv[1].isdecimal()):
        return None
    return SimpleNamespace(parent=int(argv[1]), remote=argv[3], url=argv[4])


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """Declare options and arguments."""
    parser.add_argument("--parent", type=int, default=0, metavar="PID", help="the process that runs the hook")
    parser.add_argument("remote", nargs="?", default="", metavar="REMOTE", help="what is pushed to")
    parser.add_argument("url", nargs="?", default="", metavar="URL", help="where that is")


def run(args: "SimpleNamespace | argparse.Namespace") -> int:
    """Publish; raises only when snapshots would leave."""
    # a hook manager may run it without handing on what git says
    refs = parse(b"" if sys.stdin.isatty() else sys.stdin.buffer.read())
    if os.environ.get(GUARD):
        return 0
    repo = discover()
    need_no_snapshots(repo, refs)
    try:
        pushed(repo, args.remote, args.url, refs, args.parent or os.getppid())
    except (TraceError, OSError) as error:
        _tell(repo, told(error))
    return 0


def _tell(repo: Repository, why: str) -> None:
    try:
        log_failures(repo.common_trace_dir, "push", [why])
    except OSError:  # where the disk is full nothing can be left for `git trace status`
        sys.stderr.write(f"warning: traces wait for the next push: {shown(why)}\n")
