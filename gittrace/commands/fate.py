"""git trace fate."""

import argparse
from collections.abc import Iterator

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen
from gittrace.commands.history_text import fate_json, fate_line, file_fate_line
from gittrace.commands.options import newest_trace, warn_of_problems
from gittrace.commands.pager import output
from gittrace.git.repository import discover
from gittrace.model.trace import Fate
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.names import Target, find_trace
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Say in a word what became of the lines that a trace wrote, in all and file by file: 'alive', 'moved' to another file,
'transformed' by a formatter, 'reverted', 'superseded' by later changes, 'lost' with the commits that had them,
'uncommitted', or 'partial' when some are there and some are not. Without a name it is the active trace, or else the
newest one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)
    parser.add_argument("name", nargs="?", metavar="TRACE", help="the trace")


def run(args: argparse.Namespace) -> int:
    """Show; the exit status is 1 when the trace left nothing."""
    store = Store(discover())
    try:
        target = Target("trace", "", find_trace(store, args.name)) if args.name else newest_trace(store)
        fate = Historian(store, ()).fate(target.trace_id)
        if args.json:
            print_json({"trace_id": target.trace_id, "fate": fate_json(fate)})
        else:
            with output(store.repo, "fate") as screen:
                for line in _lines(fate, screen):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0 if fate else 1


def _lines(fate: Fate | None, screen: Screen) -> Iterator[str]:
    if fate is None:
        return
    yield fate_line(fate, screen)
    for file in fate.files:
        yield f"    {file_fate_line(file, screen)}"
