"""git trace log."""

import argparse
from collections.abc import Iterator

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen
from gittrace.commands.entry import entry, oneline
from gittrace.commands.history_text import fate_json, head_lines, link_json
from gittrace.commands.options import count_option, warn_of_problems
from gittrace.commands.overview import commit_json, commit_views, overview, overview_json
from gittrace.commands.pager import output
from gittrace.errors import UsageError
from gittrace.git.repository import discover
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.store import Store

# it loads what a log without it does not need
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.trace.history.outcome import Historian

DESCRIPTION = """\
Show traces, the one that something happened in last first, and what happened in each: a line an event, with its short
id, the time, the exit status, how long it took, the command, and its test results.

With --graph show commits as 'git log --graph' does, and below each a line for every trace that has events noted on it,
or whose work is in it as 'git trace links' finds it: its short id, title, who worked, and its result, or else its
state. Of a trace that is noted elsewhere it says how much of the commit is its work ('made', 'changed', 'nearby': see
'git trace links'), and a trace that is in no commit stands below the one that it began on. Behind -- come paths."""

# behind --, with --graph
TAKES_PATHS = True
TAKES_COUNT = True

# traces whose commits are asked of git at once
_BATCH = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    count_option(parser, "traces, or with --graph commits")
    parser.add_argument("--fate", action="store_true", help="show what became of each trace, and its links to commits")
    parser.add_argument("--oneline", action="store_true", help="show a line a trace")
    parser.add_argument("--all", action="store_true", help="with --graph show the commits of all branches and tags")
    parser.set_defaults(paths=[])
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--graph", action="store_true", help="show commits as a graph, with the traces of each")
    json_option(form)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="TRACE|REVISION",
        help="traces to show, all if none is named; with --graph revisions or ranges of them, HEAD if none is named",
    )


def run(args: argparse.Namespace) -> int:
    """Show."""
    store = Store(discover())
    try:
        if (args.all or args.paths) and not args.graph:
            raise UsageError("--all and paths are for --graph")
        if args.graph:
            _show_graph(store, args)
            return 0
        named = list(dict.fromkeys(find_trace(store, name) for name in args.names))
        ids = named[: args.count] if named and args.count >= 0 else named or store.trace_ids(args.count)
        if args.json:
            print_json(_json(store, ids, args.fate))
        else:
            with output(store.repo, "log") as screen:
                for line in lines(store, ids, screen, args.oneline, args.fate):
                    print(line)
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def _show_graph(store: Store, args: argparse.Namespace) -> None:
    from gittrace.commands.log_graph import graph_lines
    from gittrace.git.graph_log import Selection

    selection = Selection(args.names, args.paths, args.all, args.count)
    with output(store.repo, "log") as screen:
        for line in graph_lines(store, selection, screen, _historian(store), args.fate):
            print(line)
    warn_of_problems(store)


def lines(store: Store, ids: list[str], screen: Screen, short: bool = False, fate: bool = False) -> Iterator[str]:
    """Yield the entries of traces; `fate` has what the history says of them."""
    historian = _historian(store) if fate and not short else None
    for start in range(0, len(ids), _BATCH):
        batch = ids[start : start + _BATCH]
        commits = commit_views(store, batch)
        for number, trace in enumerate(batch, start):
            view = overview(store, trace)
            if short:
                yield oneline(view, commits[trace], screen)
                continue
            if number:
                yield ""
            more = head_lines(historian.fate(trace), historian.links(trace), screen) if historian else ()
            yield from entry(view, commits[trace], screen, more=more)


def _historian(store: Store) -> "Historian":
    from gittrace.trace.history.outcome import Historian

    return Historian(store, ())


def _json(store: Store, ids: list[str], fate: bool) -> list[dict[str, object]]:
    commits = commit_views(store, ids)
    views = [overview(store, trace) for trace in ids]
    found: list[dict[str, object]] = [
        overview_json(view) | {"noted_on": [commit_json(item) for item in commits[view.id]], "events": view.events}
        for view in views
    ]
    if fate:
        historian = _historian(store)
        for item, trace in zip(found, ids, strict=True):
            item["links"] = [link_json(link) for link in historian.links(trace)]
            item["fate"] = fate_json(historian.fate(trace))
    return found
