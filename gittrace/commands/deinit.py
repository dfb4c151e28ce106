"""`git trace deinit`."""

import argparse

from gittrace.git.repository import discover
from gittrace.text import clean, shown
from gittrace.trace.upkeep.initialize import deinitialize

HELP = "undo what init did"

DESCRIPTION = """\
Take gittrace's hooks and configuration out of the repository, and put back what was there before, byte for byte.
What was recorded (notes, refs, journals) stays, and is found again after another 'git trace init', unless --purge
is given.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="only say what would be done")
    parser.add_argument("--purge", action="store_true", help="also delete all that was recorded in this clone")
    parser.add_argument("-f", "--force", action="store_true", help="even though a session is active, which is given up")


def run(args: argparse.Namespace) -> int:
    """Undo, a line for each thing done."""
    done = deinitialize(discover(), purge=args.purge, dry_run=args.dry_run, force=args.force)
    for verbs, subjects in (
        (("removing", "would remove"), done.removed),
        (("restoring", "would restore"), done.restored),
        (("deleting", "would delete"), done.refs),
    ):
        for subject in subjects:
            print(clean(f"{verbs[args.dry_run]} '{shown(subject)}'"))
    for what in done.kept:
        print(clean(f"keeping {shown(what)}"))
    if not (done.removed or done.restored or done.refs or done.kept):
        print("nothing to undo")
    return 0
