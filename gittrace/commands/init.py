"""`git trace init`."""

import argparse
import os
import sys

from gittrace.errors import UsageError
from gittrace.git.repository import Repository, discover
from gittrace.share.remotes import Remotes, Target
from gittrace.share.setup import fetch_along, left_behind, share
from gittrace.text import clean, counted, quoted_word, shown
from gittrace.trace.upkeep.initialize import initialize

HELP = "prepare a repository for recording"

DESCRIPTION = """\
Prepare the repository for recording: directories in '.git/trace', an id for this clone ('trace.writer'), and hooks
(post-commit, post-merge, post-rewrite, pre-push). Hooks that are there go on running, ahead of gittrace's. Run it
again after git or gittrace was upgraded, 'trace.seal' or 'trace.push' was set, or another program overwrote the hooks;
nothing is done twice.

With --share every 'git push' to REMOTE publishes the notes of the commits that it takes there. What was recorded on
commits that REMOTE has already is left to 'git trace push'; how much that is, is said. 'git config trace.push off' ends
it.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("--share", metavar="REMOTE", help="have every push to this remote publish traces")
    parser.add_argument("--to", metavar="OTHER", help="with --share: publish them at this remote instead")
    parser.add_argument("--fetch", metavar="REMOTE", help="have 'git fetch' of this remote bring traces along")
    parser.add_argument("-q", "--quiet", action="store_true", help="print warnings only")


def run(args: argparse.Namespace) -> int:
    """Initialize, and say what stands in the way of a hook."""
    if args.to and not args.share:
        raise UsageError("--to needs --share")
    repo = discover()
    remotes = Remotes(repo)
    for name in filter(None, (args.share, args.to, args.fetch)):
        remotes.need(name)
    done = initialize(repo)
    shared = share(repo, args.share, args.to) if args.share else None
    if args.fetch:
        fetch_along(repo, args.fetch)
    if not args.quiet:
        word = "Reinitialized existing" if done.again else "Initialized"
        print(clean(f"{word} trace recording in {shown(os.path.join(repo.common_trace_dir, ''))}"))
        if shared:
            print(clean(f"Pushes to '{shown(shared.remote)}' publish traces at '{shown(shared.to)}' from now on"))
        if args.fetch:
            print(clean(f"Fetches from '{shown(args.fetch)}' bring traces from now on"))
    for hook in done.hooks.problems:
        effect = "" if hook.how else f"{hook.name} does not run: "
        sys.stderr.write(clean(f"warning: {effect}{shown(hook.problem)}\n"))
        for line in hook.advice.splitlines():
            sys.stderr.write(clean(f"hint: {line}\n"))
    if shared and not args.quiet:
        _hint(repo, shared)
    return 0


def _hint(repo: Repository, shared: Target) -> None:
    segments, traces = left_behind(repo, shared)
    if segments:
        what = f"{counted(segments, 'segment')} of {counted(traces, 'trace')}"
        sys.stderr.write(clean(f"hint: commits that '{shown(shared.remote)}' has already carry {what}\n"))
        sys.stderr.write(clean(f"hint: to publish these too: git trace push {shown(quoted_word(shared.remote))}\n"))
