"""git trace start."""

import argparse
import os
import sys

from gittrace.commands.common import json_option, print_json
from gittrace.errors import UsageError
from gittrace.git.notes import identity
from gittrace.git.repository import Repository, discover
from gittrace.protect.identity import IdentityUnavailable, developer_id
from gittrace.text import decode, shown
from gittrace.trace.recording.session import Agent, start
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.initialize import initialize, is_initialized

DESCRIPTION = """\
Start a session in this worktree: from now on 'git trace run' records commands, and commits are linked to them.
A repository that was not initialised is initialised first."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("-m", dest="title", metavar="TITLE", help="what the work is about")
    parser.add_argument("--trace", metavar="ID", help="go on with a trace instead of beginning one")
    parser.add_argument("--agent", metavar="NAME[@VERSION]", help="the agent that does the work, if no person does")
    parser.add_argument("--model", metavar="MODEL", help="the agent's model, as provider/name")
    json_option(parser)


def _developer_id(repo: Repository) -> str | None:
    try:
        return developer_id(decode(identity(repo)))
    except IdentityUnavailable as error:
        # a locked keyring is no reason not to record
        sys.stderr.write(f"warning: recording without a developer id: {error}\n")
        return None


def run(args: argparse.Namespace) -> int:
    """Start the session."""
    if args.model and not args.agent:
        raise UsageError("--model needs --agent", "git trace start --agent NAME --model MODEL")
    repo = discover().need_worktree()
    initialized = is_initialized(repo)
    if not initialized:
        initialize(repo)
    trace_id = None
    if args.trace:
        store = Store(repo)
        try:
            trace_id = find_trace(store, args.trace)
        finally:
            store.close()
    agent = None
    if args.agent:
        name, _, version = args.agent.partition("@")
        agent = Agent(name, version or None, args.model)
    made = start(repo, _developer_id(repo), args.title, trace_id, agent)
    if args.json:
        print_json({**vars(made), "initialized": not initialized})
        return 0
    if not initialized:
        print(f"Initialized recording in {shown(repo.common_dir + os.sep)}")
    again = "Resumed" if args.trace else "Started"
    print(f"{again} trace {made.trace_id[:8]}{': ' + shown(made.title) if made.title else ''}")
    for item in made.skipped:
        print(f"  left out: {shown(str(item['path']))} ({item['reason']})")
    return 0
