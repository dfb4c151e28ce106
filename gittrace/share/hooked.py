"""What the pre-push hook does: stop snapshots from leaving, and publish what belongs to the commits that are pushed.

git has no hook after a push, so the traces go ahead of the commits, in the time that the hook takes. Nothing is asked,
and after two seconds git goes on while the rest is done behind its back. When the push has ended, what it published
is compared with what became of it. Where hooks of others follow, which may refuse the push, it has to end first.
"""

import os
import select
import sys
import time
from collections.abc import Iterable

from gittrace.errors import BadConfig, TraceError, told
from gittrace.git.hook_order import is_followed
from gittrace.git.repository import Repository
from gittrace.git.transfer import Line
from gittrace.journal.faillog import log_failures
from gittrace.share import pusher, queue
from gittrace.share import state as states
from gittrace.share.complete import complete
from gittrace.share.plan import Scope
from gittrace.share.publish import Drain, Published, alone, publish
from gittrace.share.queue import Entry
from gittrace.share.remotes import Target
from gittrace.share.renamed import remotes_of
from gittrace.trace.detached import leave_terminal
from gittrace.trace.sealing.seal import seal
from gittrace.vocabulary import SNAPSHOTS_REFS, TRACE_REFS

#: seconds that a push waits for its traces
PATIENCE = 2.0
_DELETED = "(delete)"
_LINE = Line(ask=False, idle=30, total=600)


# as in hooks/snapshots
_ADVICE = """\
push branches and tags by name, or leave these refs out: git push <remote> 'refs/*:refs/*' '^refs/trace/*'
to publish chosen ones: git trace push --snapshots <trace>
to allow it all the same: git config trace.pushSnapshots true"""


class SnapshotsStay(TraceError):
    """The push would publish snapshots of whole worktrees."""

    exit_code = 1


def parse(data: bytes) -> list[tuple[str, str, str]]:
    """Return (local ref, local oid, ref there) of each line that git hands to the hook."""
    words = (os.fsdecode(line).split(" ") for line in data.split(b"\n") if line)
    return [(line[0], line[-3], line[-2]) for line in words if len(line) >= 4]


def need_no_snapshots(repo: Repository, refs: Iterable[tuple[str, str, str]]) -> None:
    """Raise SnapshotsStay when snapshots are among what is pushed, unless `trace.pushSnapshots` allows it."""
    found = [
        local
        for local, _, there in refs
        if local != _DELETED and any(kind in local or there.startswith(kind) for kind in SNAPSHOTS_REFS)
    ]
    if found and not _allowed(repo):
        raise SnapshotsStay(
            f"this push would publish '{TRACE_REFS}': snapshots of whole worktrees, with what was never committed",
            _ADVICE,
        )


def _allowed(repo: Repository) -> bool:
    try:
        return repo.is_on("trace.pushSnapshots")
    except BadConfig:
        return False


def pushed(repo: Repository, remote: str, url: str, refs: list[tuple[str, str, str]], parent: int) -> None:
    """Publish what belongs to a push that is about to be made; return after two seconds at the latest.

    parent  the process that runs the hook. Raises BadConfig, OSError.
    """
    remotes = remotes_of(repo)
    target = remotes.of_push(remote, url) if remotes.enabled else None
    pid, words = pusher.find(parent)
    if pusher.is_dry_run(words):
        return
    waits = bool(target) and is_followed(repo, "pre-push")
    if target:
        there = {ref: oid for _, oid, ref in refs}
        by_url = remote != target.remote
        queue.add(repo, Entry("", target.remote, target.to, there, pid=pid or parent, by_url=by_url, after=waits))
    reading, writing = os.pipe()
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 1
        try:
            os.close(reading)
            leave_terminal(writing)
            if not waits or _has_ended(repo, pid or parent):
                _work(repo, target, pid or parent, writing)
            status = 0
        finally:
            # not the end of the hook: nothing of it is cleaned up twice
            os._exit(status)
    os.close(writing)
    if not waits:
        select.select([reading], [], [], PATIENCE)
    os.close(reading)


def _work(repo: Repository, target: Target | None, pid: int, writing: int) -> None:
    try:
        drain = Drain(repo, _LINE)
        if target:
            _log(repo, drain.run())
        else:
            log_failures(repo.common_trace_dir, "seal", seal(repo).failed)
        os.close(writing)
        # what another process was in the way of
        _log(repo, drain.run(wait=_LINE.total) if target else [])
        if target and _unproven(repo, target):
            _settle(repo, target, pid)
        if target:
            complete(repo, target, Scope(), _LINE)
    except Exception as error:  # nobody is there to see it: it goes to the log, which status shows
        log_failures(
            repo.common_trace_dir, "push", [told(error) if isinstance(error, TraceError | OSError) else repr(error)]
        )


def _log(repo: Repository, done: Iterable[Published]) -> None:
    for one in done:
        said = list(one.problems)
        if one.renewed:
            said.append(f"this is a copy of another clone: it publishes as writer '{one.writer}' from now on")
        log_failures(repo.common_trace_dir, "push", said)


def _unproven(repo: Repository, target: Target) -> bool:
    return bool(states.load(repo, target.remote).unproven)


def _settle(repo: Repository, target: Target, pid: int) -> None:
    """Wait for the push to end; if it was refused, take back what was published for it."""
    if not _has_ended(repo, pid):
        return
    with alone(repo, wait=_LINE.total) as mine:
        if mine and _unproven(repo, target):
            publish(repo, target, Scope(), _LINE)


def _has_ended(repo: Repository, pid: int) -> bool:
    """Wait for a push to end, and tell whether it did; the configuration is read again."""
    until = time.monotonic() + queue.LONGEST_PUSH
    while queue.alive(pid):
        if time.monotonic() > until:
            return False
        time.sleep(0.1)
    repo.forget_config()
    return True


__all__ = ["PATIENCE", "SnapshotsStay", "need_no_snapshots", "parse", "pushed"]
