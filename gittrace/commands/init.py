"""`git trace init`."""

import argparse
import os
import sys

from gittrace.git.repository import discover
from gittrace.text import clean, shown
from gittrace.trace.initialize import initialize

HELP = "prepare a repository for recording"

DESCRIPTION = """\
Prepare the repository for recording: directories in '.git/trace', an id for this clone ('trace.writer'), and hooks
(post-commit, post-merge, post-rewrite, pre-push). Hooks that are there go on running, ahead of gittrace's. Run it
again after git or gittrace was upgraded, 'trace.seal' was set, or another program overwrote the hooks; nothing is
done twice.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-q", "--quiet", action="store_true", help="print warnings only")


def run(args: argparse.Namespace) -> int:
    """Initialize, and say what stands in the way of a hook."""
    repo = discover()
    done = initialize(repo)
    if not args.quiet:
        word = "Reinitialized existing" if done.again else "Initialized"
        print(clean(f"{word} trace recording in {shown(os.path.join(repo.common_trace_dir, ''))}"))
    for hook in done.hooks.problems:
        effect = "" if hook.how else f"{hook.name} does not run: "
        sys.stderr.write(clean(f"warning: {effect}{shown(hook.problem)}\n"))
        for line in hook.advice.splitlines():
            sys.stderr.write(clean(f"hint: {line}\n"))
    return 0
