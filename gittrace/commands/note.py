"""git trace note."""

import argparse
import sys

from gittrace.clock import now, uuid7
from gittrace.errors import NotFound, UsageError
from gittrace.git.repository import Repository, discover
from gittrace.journal.append import Journal
from gittrace.journal.read import read
from gittrace.protect.masking import masked_early
from gittrace.text import clean
from gittrace.trace.recording.session import current
from gittrace.trace.stored.names import resolve
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import NOTE

DESCRIPTION = """\
Record reasoning after the fact, in the active session: about an event (the last one unless one is named), from -m or
from standard input."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("-m", dest="text", metavar="TEXT", help="the reasoning; without it, standard input is read")
    parser.add_argument("event", nargs="?", metavar="EVENT", help="the event that it is about")


def run(args: argparse.Namespace) -> int:
    """Record the note."""
    repo = discover()
    active = current(repo)
    about = _event(repo, args.event) if args.event else _last(active.journal)
    text = args.text if args.text is not None else sys.stdin.buffer.read().decode("utf-8", "backslashreplace")
    if not text.strip():
        raise UsageError("an empty note says nothing", "git trace note -m TEXT")
    event = {"kind": NOTE, "id": uuid7(), "at": now(), "source": "git-trace", "text": clean(text.rstrip("\n"))}
    with Journal(active.journal) as journal:
        journal.append(masked_early(repo, event | ({"about": about} if about else {})))
    return 0


def _event(repo: Repository, name: str) -> str:
    store = Store(repo)
    try:
        target = resolve(store, name)
    finally:
        store.close()
    if target.kind != "event":
        raise NotFound(f"'{name}' is a {target.kind}, not an event")
    return target.id


def _last(journal: str) -> str | None:
    events = [event for event in read(journal).events if event["kind"] not in ("session", NOTE)]
    return events[-1]["id"] if events else None
