"""git trace list."""

import argparse
from collections.abc import Iterator, Sequence

from gittrace.commands import display
from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen
from gittrace.commands.options import count_option, warn_of_problems
from gittrace.commands.overview import ACTIVE, FAILURE, SUCCESS, Overview, overview, overview_json
from gittrace.commands.pager import output
from gittrace.git.repository import discover
from gittrace.text import counted
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
List the traces, a line each, the one that something happened in last first: its short id, state (active, success,
failure, stopped, or open when it was never stopped), when it began, its title, what it holds, and its last test run."""

TAKES_COUNT = True

_STATES = {ACTIVE: display.CYAN, SUCCESS: display.GREEN, FAILURE: display.RED}
_LONGEST_TITLE = 50


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    count_option(parser)
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """List."""
    store = Store(discover())
    try:
        views = [overview(store, trace) for trace in store.trace_ids(args.count)]
        if args.json:
            print_json([overview_json(view) for view in views])
        else:
            with output(store.repo, "list") as screen:
                for line in lines(views, screen):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def lines(views: Sequence[Overview], screen: Screen) -> Iterator[str]:
    """Yield a line for each trace, in columns."""
    titles = [display.one_line(view.title) or "(no title)" for view in views]
    longest = min(max(map(len, titles), default=0), _LONGEST_TITLE)
    short = max((len(view.short) for view in views), default=0)
    for view, title in zip(views, titles, strict=True):
        state = screen.paint(f"{view.state:<7}", _STATES.get(view.state, display.DIM))
        head = f"{screen.paint(view.short.ljust(short), display.YELLOW)}  {state}  {display.local_time(view.started)}  "
        details, result = contents(view), display.tests(view.results)
        extra = f"  ({details}; {result})" if result else f"  ({details})"
        # id, state, time and the gaps between them take 44 columns
        shown = screen.cut(title, short + 36 + len(extra)) if screen.width else title
        padded = shown.ljust(min(longest, len(shown) if shown != title else longest))
        painted = f"; {screen.paint(result, display.tests_colour(view.results))}" if result else ""
        tail = screen.paint(f"({details}", display.DIM) + painted + screen.paint(")", display.DIM)
        yield f"{head}{padded}  {tail}"


def contents(view: Overview) -> str:
    """Return in words what a trace holds."""
    parts = [counted(view.commands, "command"), counted(len(view.commits_made), "commit")]
    return ", ".join([counted(len(view.sessions), "session"), *parts])
