"""git trace status."""

import argparse
import os
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gittrace.clock import now
from gittrace.commands import display
from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import Screen, safe
from gittrace.commands.list import contents
from gittrace.commands.overview import overview
from gittrace.commands.pager import output
from gittrace.commands.remotes import waiting_lines
from gittrace.errors import TraceError, told
from gittrace.git import hooks
from gittrace.git.repository import Repository, discover
from gittrace.share.overview import Standing, standings
from gittrace.share.queue import Entry
from gittrace.share.state import share_dir
from gittrace.text import counted
from gittrace.trace.recording.commits import in_progress
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.seal import active_sessions
from gittrace.trace.stored.store import Pending, Store
from gittrace.trace.upkeep.initialize import is_initialized
from gittrace.vocabulary import LOG_FILE, STOP

DESCRIPTION = """\
Show the session that is active in this worktree, what waits to be sealed and why, whether the hooks run, and what went
wrong."""

# failures of the sealer are shown for so long (seconds), the last few
_RECENT = 7 * 24 * 3600
_LAST = 5
_LOG_TAIL = 1 << 16


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show how things stand."""
    repo = discover()
    store = Store(repo)
    try:
        report = examine(store)
        if args.json:
            print_json(report)
        else:
            with output(repo, "status", page=False) as screen:
                for line in lines(report, screen):
                    print(line)
    finally:
        store.close()
    return 0


def examine(store: Store) -> dict[str, Any]:
    """Return how things stand, as `--json` prints it (doc/JSON.md)."""
    initialized = is_initialized(store.repo)
    stand = hooks.status(store.repo).hooks if initialized and store.repo.top else ()
    failed: list[str] = []
    places = {active.session_id: worktree for worktree, active in active_sessions(store.repo, failed)}
    waiting = [_waiting(item, places.get(item.session_id)) for item in store.pending.values() if item.events]
    return {
        "initialized": initialized,
        "active": _active(store),
        "unsealed": waiting,
        "hooks": [vars(hook) for hook in stand],
        "unsigned": _unsigned(store.repo),
        "sharing": _sharing(store.repo, failed),
        "problems": list(dict.fromkeys([*store.problems, *failed, *_damage(store)])),
        "failures": _failures(store.repo),
    }


def _sharing(repo: Repository, failed: list[str]) -> list[dict[str, Any]]:
    """Return how the remotes stand that traces go to, and those for which something waits."""
    if not repo.config_values("trace.remote") and not os.path.isdir(share_dir(repo)):
        return []
    try:
        return [asdict(item) for item in standings(repo) if item.to is not None or item.waiting]
    except (TraceError, OSError) as error:
        failed.append(f"cannot tell what waits to be published: {told(error)}")
        return []


def _unsigned(repo: Repository) -> dict[str, Any] | None:
    """Return what waits to be signed and why; None where nothing does."""
    if not unsigned.due(repo):
        return None
    at, why = unsigned.last_failure(repo)
    return {"segments": len(unsigned.waiting(repo)), "why": why or None, "tried": at or None}


def _active(store: Store) -> dict[str, Any] | None:
    if store.active is None:
        return None
    view = overview(store, store.active.trace_id)
    session = next((item for item in view.sessions if item.id == store.active.session_id), None)
    return {
        "trace_id": view.id,
        "session_id": store.active.session_id,
        "title": view.title or None,
        "started": session.started if session else None,
        "agent": session.agent if session else None,
        "branch": _branch(store.repo),
        "events": len(session.events) if session else 0,
        "contents": contents(view),
    }


def _branch(repo: Repository) -> str | None:
    return os.fsdecode(repo.git("symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1))).strip() or None


def _waiting(item: Pending, worktree: Repository | None) -> dict[str, Any]:
    if item.events[-1]["kind"] == STOP:
        why = "it was stopped, and sealing it failed"
    elif worktree is None:
        why = "it was never stopped, and no worktree has it"
    elif in_progress(worktree):
        why = "it waits for the rebase to end"
    else:
        why = "it goes on, and is sealed with the next commit, or when it is stopped"
    return {
        "session_id": item.session_id,
        "trace_id": item.header["trace_id"],
        "events": len(item.events),
        "worktree": worktree.top if worktree else None,
        "reason": why,
    }


def _damage(store: Store) -> Iterator[str]:
    for item in store.pending.values():
        yield from (f"journal of session '{item.session_id}': {what}" for what in item.damaged)
    for ref, commit, why in store.index.damage():
        yield f"note of commit '{commit}' in '{ref}': {why}" if commit else f"segment in '{ref}': {why}"


def _failures(repo: Repository) -> list[dict[str, str]]:
    """Return what hooks and the sealer that they start reported lately: when, and what."""
    try:
        with open(os.path.join(repo.common_trace_dir, LOG_FILE), "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _LOG_TAIL))
            text = file.read().decode("utf-8", "backslashreplace")
    except FileNotFoundError:
        return []
    since = now(time.time_ns() - _RECENT * 1_000_000_000)
    found = [line.partition(" ") for line in text.splitlines()]
    return [{"at": at, "text": what} for at, _, what in found if at >= since][-_LAST:]


def lines(report: dict[str, Any], screen: Screen) -> Iterator[str]:
    """Yield the report for people."""
    yield from _session_lines(report, screen)
    if report["unsealed"]:
        yield ""
        yield "Not sealed yet:"
        for item in report["unsealed"]:
            name = screen.paint(display.short_id(item["session_id"]), display.YELLOW)
            yield f"  {name}  {counted(item['events'], 'event')}; {item['reason']}"
    yield from _unsigned_lines(report)
    yield from _sharing_lines(report)
    yield from _hook_lines(report, screen)
    if report["problems"] or report["failures"]:
        yield ""
        yield "Problems:"
        for problem in report["problems"]:
            yield f"  {screen.paint(safe(problem), display.RED)}"
        for item in report["failures"]:
            yield f"  {display.local_time(item['at'])}  {screen.paint(safe(item['text']), display.RED)}"


def _session_lines(report: dict[str, Any], screen: Screen) -> Iterator[str]:
    active = report["active"]
    if active is None:
        yield "No session is active in this worktree"
        yield '  (use "git trace start" to start one)'
        return
    short = screen.paint(display.short_id(active["trace_id"]), display.YELLOW)
    title = f": {screen.paint(display.one_line(active['title']), display.BOLD)}" if active["title"] else ""
    branch = f"on branch {safe(active['branch'])}" if active["branch"] else "on a detached HEAD"
    yield f"On trace {short}{title}"
    session = screen.paint(display.short_id(active["session_id"]), display.YELLOW)
    agent = display.agent_name(active["agent"])
    yield f"Session {session} by {agent} since {display.local_time(active['started'])}, {branch}"
    yield f"  {counted(active['events'], 'event')}; the trace has {active['contents']}"


def _unsigned_lines(report: dict[str, Any]) -> Iterator[str]:
    found = report["unsigned"]
    if found:
        why = f"; tried last {display.local_time(found['tried'])}: {safe(found['why'])}" if found["why"] else ""
        yield ""
        yield f"Not signed yet: {counted(found['segments'], 'segment')}{why}"
        yield '  (they are published all the same; use "git trace sign" to sign them)'


def _sharing_lines(report: dict[str, Any]) -> Iterator[str]:
    for item in report["sharing"]:
        entries = [Entry(**entry) for entry in item["waiting"]]
        told_of = list(waiting_lines(Standing(**{**item, "waiting": entries})))
        if told_of:
            yield ""
            yield f"Not published yet at {safe(item['to'] or item['remote'])}:"
            yield from (f"  {line}" for line in told_of)
            yield '  (the next push publishes it; use "git trace push" to do it now)'


def _hook_lines(report: dict[str, Any], screen: Screen) -> Iterator[str]:
    if not report["initialized"]:
        yield ""
        yield "Recording is not set up in this repository"
        yield '  (use "git trace init" to set it up)'
        return
    wrong = [hook for hook in report["hooks"] if hook["problem"]]
    if not wrong:
        return
    yield ""
    yield "Hooks:"
    for hook in wrong:
        state = "" if hook["how"] else " does not run"
        yield f"  {screen.paint(hook['name'] + state, display.RED)}: {safe(hook['problem'])}"
        yield from (f"    {line}" for line in display.safe_lines(hook["advice"]))
