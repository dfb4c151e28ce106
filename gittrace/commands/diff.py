"""git trace diff."""

import argparse
import sys
from collections.abc import Iterator, Sequence

from gittrace.commands.common import json_option, print_json
from gittrace.commands.diff_text import coloured, file_json, files, recorded, split_files, stat
from gittrace.commands.display import Screen, safe
from gittrace.commands.events import find_event
from gittrace.commands.options import warn_of_problems
from gittrace.commands.pager import output
from gittrace.commands.snapshots import last, states
from gittrace.errors import NoSession, NotFound, UsageError
from gittrace.git import apart
from gittrace.git.patch import FilePatch
from gittrace.git.repository import Repository, discover
from gittrace.git.user_diff import plain_diff, user_diff
from gittrace.text import decode
from gittrace.trace.recording.session import current
from gittrace.trace.stored.names import Target, resolve
from gittrace.trace.stored.rebuilt import has_tree, need_tree
from gittrace.trace.stored.store import Store

DESCRIPTION = """\
Show what changed: without an event since the last event of the active session; with one, from the event before it to
it; with two, from the one to the other. Git makes the diff, as it is configured."""


class Arguments:
    """The parsed command line."""

    def __init__(self, events: list[str], paths: list[str]) -> None:
        self.events = events
        self.paths = paths
        self.stat = False
        self.name_only = False
        self.json = False


def parse_fast(argv: list[str]) -> "Arguments | None":
    """Parse a command line with `--`, which argparse forgets; None when there is none, or an option it doesn't know."""
    if "--" not in argv:
        return None
    at = argv.index("--")
    args = Arguments([word for word in argv[:at] if not word.startswith("-")], argv[at + 1 :])
    for word in argv[:at]:
        if word in ("--stat", "--name-only", "--json"):
            setattr(args, word[2:].replace("-", "_"), True)
        elif word.startswith("-"):
            return None
    return args


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.set_defaults(paths=[])
    parser.add_argument("--stat", action="store_true", help="show how much changed in each file")
    parser.add_argument("--name-only", action="store_true", help="show only the names of the changed files")
    json_option(parser)
    parser.add_argument(
        "events", nargs="*", metavar="EVENT", help="one or two events; '-- PATH...' limits what is shown"
    )


def run(args: "Arguments | argparse.Namespace") -> int:
    """Show the diff."""
    if len(args.events) > 2:
        raise UsageError("too many events", "usage: git trace diff [EVENT [EVENT]] [-- PATH...]")
    store = Store(discover())
    try:
        targets = [_event(store, name) for name in args.events]
        if targets:
            _print_events(store, targets, args)
        else:
            _print_since_last(store, args)
        warn_of_problems(store)
    finally:
        store.close()
    return 0


def _event(store: Store, name: str) -> Target:
    target = resolve(store, name)
    if target.kind != "event":
        raise NotFound(f"'{name}' is a {target.kind}, not an event", "'git trace log' shows the events")
    return target


def _print_since_last(store: Store, args: "Arguments | argparse.Namespace") -> None:
    """Print what changed in the worktree since the last event."""
    if store.active is None:
        raise NoSession("no session is active in this worktree", "name an event: 'git trace log' shows them")
    active = current(store.repo.need_worktree())
    old = last(store, active.trace_id, active.session_id)
    with apart.now(store.repo) as (new, repo):
        _print(repo, old, new, args)


def _print_events(store: Store, targets: Sequence[Target], args: "Arguments | argparse.Namespace") -> None:
    first = states(store, targets[0])
    if len(targets) == 1:
        old, new = first.previous, first.after
        if not (has_tree(store, old) and has_tree(store, new)):
            _print_recorded(store, targets[0], args)
            return
    else:
        old, new = first.after, states(store, targets[1]).after
    for target, tree in zip(targets, (old, new), strict=False):
        need_tree(store, target.trace_id, tree)
    _print(store.repo, old, new, args)


def _print(repo: Repository, old: str, new: str, args: "Arguments | argparse.Namespace") -> None:
    if args.json:
        diff = plain_diff(repo, old, new, args.paths)
        print_json({"from": old, "to": new, "files": list(map(file_json, files(diff))), "diff": decode(diff)})
        return
    options = [*(["--stat"] if args.stat else []), *(["--name-only"] if args.name_only else [])]
    with output(repo, "diff") as screen:
        if screen.width and not screen.colour:
            options.append("--no-color")
        sys.stdout.flush()
        sys.stdout.buffer.write(user_diff(repo, old, new, options, args.paths, screen.width))


def _print_recorded(store: Store, target: Target, args: "Arguments | argparse.Namespace") -> None:
    """Print the diff that was recorded with an event whose snapshots are not in this clone."""
    _, _, event = find_event(store, target)
    parts = [recorded(event, key) for key in ("diff", "effect")]
    if None in parts:
        raise NotFound(f"diff of event '{target.id}' was not recorded for its size, and its snapshots are not here")
    changed = [file for part in parts for file in files(part or b"") if _wanted(decode(file.path), args.paths)]
    if args.json:
        text = "".join(decode(part or b"") for part in parts)
        print_json({"from": None, "to": None, "files": list(map(file_json, changed)), "diff": text})
        return
    with output(store.repo, "diff") as screen:
        for line in _recorded_lines([part for part in parts if part], changed, args, screen):
            print(line)


def _recorded_lines(
    parts: Sequence[bytes], changed: Sequence[FilePatch], args: "Arguments | argparse.Namespace", screen: Screen
) -> Iterator[str]:
    if args.name_only:
        yield from dict.fromkeys(safe(decode(file.path)) for file in changed)
    elif args.stat:
        yield from stat(list(changed), screen, screen.width or 80)
    else:
        for part in parts:
            for piece in split_files(part):
                if any(_wanted(decode(file.path), args.paths) for file in files(piece)):
                    yield from coloured(piece, screen)


def _wanted(path: str, paths: Sequence[str]) -> bool:
    return not paths or any(path == name or path.startswith(name.rstrip("/") + "/") for name in paths)
