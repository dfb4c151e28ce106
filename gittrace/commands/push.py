"""git trace push."""

import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import safe
from gittrace.errors import NotFound, UsageError
from gittrace.git.objects import open_objects, prepare
from gittrace.git.repository import Discovery, Repository
from gittrace.git.transfer import Line, TransferFailed
from gittrace.share.complete import complete
from gittrace.share.plan import Scope
from gittrace.share.publish import Published, Rehearsal, exclusively, publish
from gittrace.share.remotes import Target
from gittrace.share.renamed import remotes_of
from gittrace.text import counted, shown

if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Publish what is noted on commits that REMOTE has, on this clone's own ref there (refs/notes/traces/<writer>); nothing of
branches that were not pushed. Without REMOTE it is every remote that 'git trace init --share' chose. What was recorded
before sharing began is published too. Each segment is scanned for secrets first, and held back where one is found.
With 'trace.push' set to 'auto' every 'git push' does this by itself; here it can be made up for what could not be
published then."""

_SHORT = 7


def parse_fast(argv: list[str]) -> SimpleNamespace | None:
    """Parse `[-q] [REMOTE]` without argparse, which takes as long as to scan what is new; None for the rest."""
    quiet = argv[:1] in (["-q"], ["--quiet"])
    words = argv[quiet:]
    if len(words) > 1 or any(word.startswith("-") for word in words):
        return None
    no = dict.fromkeys(("all", "unlinked", "dry_run", "json"), False)
    return SimpleNamespace(remote=words[0] if words else None, quiet=quiet, snapshots=None, **no)


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """Declare options and arguments."""
    parser.add_argument("remote", nargs="?", metavar="REMOTE", help="where to publish")
    parser.add_argument(
        "--all", action="store_true", help="also what is noted on commits that REMOTE does not have: private branches"
    )
    parser.add_argument("--unlinked", action="store_true", help="also what led to no commit")
    parser.add_argument(
        "--snapshots", action="append", metavar="TRACE", help="only the snapshots of this trace: whole worktrees"
    )
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be published")
    parser.add_argument("-q", "--quiet", action="store_true", help="print problems only")
    json_option(parser)


def run(args: "SimpleNamespace | argparse.Namespace") -> int:
    """Publish; the exit status is 1 when something was held back."""
    looking = Discovery()
    # the longest to load of what comes later, and git is busy with our questions meanwhile
    prepare()
    repo = looking.finish()
    if args.snapshots:
        return _snapshots(repo, args)
    scope = Scope(everything=True, private=args.all, unlinked=args.unlinked)
    line = Line(ask=True)
    dry = Rehearsal() if args.dry_run else None
    done = []
    chosen = targets(repo, args.remote)
    # opened once: the same notes are read to publish them and to see what is missing
    with open_objects(repo) as store:
        for target in chosen:
            try:
                with exclusively(repo, line):
                    done.append(publish(repo, target, scope, line, dry, store=store))
                more = complete(repo, target, scope, line, dry, store)
                done += [more] if more else []
            except TransferFailed as error:
                raise TransferFailed(f"cannot publish to '{target.to}': {error}", error.hint) from None
    if args.json:
        print_json([as_json(one, args.dry_run) for one in done])
    for one in done:
        for text in lines(repo, one, args.dry_run) if not (args.json or args.quiet) else ():
            print(text)
        for text in warnings(one):
            sys.stderr.write(f"{text}\n")
    return 1 if any(one.held for one in done) else 0


def _snapshots(repo: Repository, args: "SimpleNamespace | argparse.Namespace") -> int:
    # not loaded for the push that publishes notes: it shall be as short as a push
    from gittrace.share.snapshots import publish_snapshots
    from gittrace.trace.stored.names import find_trace
    from gittrace.trace.stored.store import Store

    if args.all or args.unlinked or args.dry_run:
        raise UsageError("--snapshots goes with no other choice")
    chosen = targets(repo, args.remote)
    store = Store(repo)
    try:
        traces = [find_trace(store, name) for name in args.snapshots]
    finally:
        store.close()
    done = []
    for target in chosen:
        try:
            shared = publish_snapshots(repo, target, traces, Line(ask=True))
        except TransferFailed as error:
            raise TransferFailed(f"cannot publish to '{target.to}': {error}", error.hint) from None
        done += [{"to": target.to, "trace_id": one.trace_id, "ref": one.ref, "new": one.commit} for one in shared]
    if args.json:
        print_json(done)
    for one in done if not (args.json or args.quiet) else ():
        print(f"snapshots of trace {one['trace_id']} -> {one['ref']}" if one["new"] else "Everything up-to-date")
    return 0


def targets(repo: Repository, remote: str | None) -> list[Target]:
    """Return what to publish to. Raises NotFound."""
    remotes = remotes_of(repo)
    if remote:
        return [remotes.target(remotes.need(remote))]
    if not remotes.targets:
        raise NotFound(
            "no remote is chosen to publish to",
            "name one, or have every 'git push' to it publish: 'git trace init --share REMOTE'",
        )
    return remotes.targets


def as_json(done: Published, dry_run: bool) -> dict[str, Any]:
    """Return what was done, as `--json` prints it (doc/JSON.md)."""
    return {
        "remote": done.target.remote,
        "to": done.target.to,
        "writer": done.writer,
        "ref": done.ref,
        "dry_run": dry_run,
        "old": done.old,
        "new": done.new,
        "commits": done.commits,
        "segments": done.segments,
        "signatures": done.signatures,
        "to_sign": done.to_sign,
        "removed": done.removed,
        "traces": done.traces,
        "held": done.held,
    }


def lines(repo: Repository, done: Published, dry_run: bool) -> Iterator[str]:
    """Yield what was done, as `git push` words it."""
    if done.to_sign:
        yield f"{counted(done.to_sign, 'segment')} would be signed first, and new signatures published"
    if not done.commits and not done.segments and not done.signatures:
        yield "Everything up-to-date"
        return
    yield f"To {safe(repo.line('remote', 'get-url', '--push', done.target.to))}"
    moved = f"   {done.old[:_SHORT]}..{(done.new or '')[:_SHORT]}" if done.old else " * [new notes]    "
    if dry_run:
        moved = " * (dry run)      "
    parts = []
    if done.segments:
        parts.append(f"{counted(done.segments, 'segment')} of {counted(len(done.traces), 'trace')}")
    if done.signatures:
        parts.append(counted(done.signatures, "signature"))
    if done.removed:
        parts.append(f"{counted(done.removed, 'segment')} removed")
    yield f"{moved}  {', '.join(parts) or 'tombstones'} -> {done.ref}"


def warnings(done: Published) -> Iterator[str]:
    """Yield what else is to be said."""
    for problem in done.problems:
        yield f"warning: {shown(problem)}"
    if done.renewed:
        yield f"warning: this is a copy of another clone; it publishes as writer '{done.writer}' from now on"
    for item in done.held:
        yield f"warning: {shown(str(item['why']))}"
        yield from (f"hint: {shown(line)}" for line in str(item["hint"]).splitlines())
