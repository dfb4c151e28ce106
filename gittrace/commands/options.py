"""Options and warnings that the reading commands share."""

import sys
from typing import TYPE_CHECKING

from gittrace.errors import NotFound
from gittrace.text import counted, shown
from gittrace.trace.stored.names import Target
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.prune import Pruned

if TYPE_CHECKING:
    import argparse


def count_option(parser: "argparse.ArgumentParser", things: str = "traces") -> None:
    """Declare `-n N`; -1 stands for all. A module with TAKES_COUNT takes `-N` too."""
    said = f"show at most N {things}; -N for short"
    parser.add_argument("-n", dest="count", type=_count, default=-1, metavar="N", help=said)


def _count(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        # that takes milliseconds to load, and not all who import this file parse with it
        import argparse

        raise argparse.ArgumentTypeError(f"'{text}' is not a count")
    return int(text)


def warn_of_problems(store: Store) -> None:
    """Say on standard error what could not be sealed or read."""
    for problem in store.problems:
        sys.stderr.write(f"warning: {shown(problem)}\n")


def print_pruned(pruned: Pruned) -> None:
    """Say how many objects of what was forgotten were dropped."""
    print(f"pruned {counted(pruned.removed, 'object')}")
    if pruned.left:
        print(f"keep {counted(pruned.left, 'object')}: in a kept pack, in an alternate, or in use again")


def newest_trace(store: Store) -> Target:
    """Return the active trace, or else the newest one. Raises NotFound when there is none."""
    if store.active:
        return Target("trace", store.active.trace_id, store.active.trace_id)
    newest = store.trace_ids(1)
    if not newest:
        raise NotFound(
            "there are no traces yet", "'git trace start' starts one; 'git trace fetch' brings those of others"
        )
    return Target("trace", newest[0], newest[0])
