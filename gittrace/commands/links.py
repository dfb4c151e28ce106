"""git trace links."""

import argparse
from collections.abc import Iterator
from typing import Any

from gittrace.commands import display
from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen, one_line
from gittrace.commands.history_text import link_details, link_json, link_line
from gittrace.commands.options import newest_trace, warn_of_problems
from gittrace.commands.overview import overview
from gittrace.commands.pager import output
from gittrace.git.repository import discover
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.names import resolve
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Show the commits that the work of a trace is in, or the traces whose work is in a commit, with the evidence. It is asked
of the history, so a squash, a rebase elsewhere or a cherry-pick is found. 'made' stands for proof by content, 'changed'
for a file that was edited on the way, 'nearby' for the same files at the same time; the percentage is the part of the
commit's added lines that the trace explains. Without a name it is the active trace, or else the newest one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)
    parser.add_argument("name", nargs="?", metavar="TRACE|COMMIT", help="what to show the links of")


def run(args: argparse.Namespace) -> int:
    """Show; the exit status is 1 when there is no link."""
    store = Store(discover())
    try:
        target = resolve(store, args.name) if args.name else newest_trace(store)
        historian = Historian(store, ())
        if target.kind == "commit":
            pairs = historian.links_to(target.id)
        else:
            pairs = [(target.trace_id, link) for link in historian.links(target.trace_id)]
        if args.json:
            print_json([{"trace_id": trace} | link_json(link) for trace, link in pairs])
        else:
            with output(store.repo, "links") as screen:
                for line in _lines(store, pairs, target.kind == "commit", screen):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0 if pairs else 1


def _lines(store: Store, pairs: list[tuple[str, Any]], of_commit: bool, screen: Screen) -> Iterator[str]:
    for trace, link in pairs:
        if of_commit:
            view = overview(store, trace)
            yield f"{screen.paint(f'trace {view.short}', display.YELLOW)}  {one_line(view.title) or '(no title)'}"
        yield link_line(link, screen)
        for line in link_details(link, screen):
            yield f"    {line}"
