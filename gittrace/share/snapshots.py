"""Publish chosen snapshots, and fetch them: `refs/trace-snapshots/<writer>/<trace-id>` on the server.

A hidden ref leads to a tree, and git sends a tree whole. So for the way it is wrapped into a commit with a fixed date,
on top of a commit that the server has: then only what is new is sent. On the other side it is a tree ref again,
`refs/trace-remotes/<remote>/<writer>/<trace-id>`, which no log shows. Kept outputs and unlinked segments stay here.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass

from gittrace.errors import NotFound, TraceError
from gittrace.git import transfer
from gittrace.git.objects import ObjectStore, open_objects
from gittrace.git.repository import Repository
from gittrace.git.transfer import Line
from gittrace.share import state as states
from gittrace.share.plan import Planner
from gittrace.share.remotes import Remotes, Target, quoted, writer_of
from gittrace.share.writer import ensure_own
from gittrace.trace.gate import check, explain
from gittrace.trace.redaction import redaction
from gittrace.trace.store import Store
from gittrace.vocabulary import (
    META_FILE,
    REMOTE_SNAPSHOTS_REFS,
    SHARED_SNAPSHOTS_REFS,
    SNAPSHOTS_DIR,
    TRACE_REFS,
)

_INCOMING = "refs/trace-incoming/"
_NAME = re.compile(r"[0-9a-f]{12}/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE = "946684800 +0000"
_MESSAGE = "Snapshots published by 'git trace push --snapshots'"


@dataclass(frozen=True)
class Shown:
    """Snapshots that were published: their trace, the ref there, its commit; None: nothing was new."""

    trace_id: str
    ref: str
    commit: str | None


def publish_snapshots(repo: Repository, target: Target, traces: Iterable[str], line: Line) -> list[Shown]:
    """Publish all snapshots of traces, given by their ids. Raises NotFound, TransferFailed, GitFailed.

    Raises TraceError when a segment of a trace, or a file that the remote does not have, holds a secret.
    """
    remotes = Remotes(repo)
    remotes.check(target)
    ensure_own(repo)
    writer = writer_of(repo)
    done = []
    with open_objects(repo) as store:
        there = Planner(repo, store, remotes, target, writer, states.load(repo, target.remote)).there()
        for trace in traces:
            tree = _tree(repo, trace)
            parent = _parent(repo, store, trace, there)
            commit = _commit(repo, tree, parent)
            _need_no_secrets(repo, store, trace, commit, there)
            own = mirror_of(target.to, writer, trace)
            old = _oid(repo, own)
            ref = f"{SHARED_SNAPSHOTS_REFS}{writer}/{trace}"
            new = None
            if old != tree:
                if old:
                    _commit(repo, old, parent)  # what the server has: the same as was sent then, so that it counts
                new = commit
                transfer.push(repo, target.to, new, ref, line, force=True)
                repo.git("update-ref", own, tree, old or repo.zero)
            done.append(Shown(trace, ref, new))
    return done


def withdraw(repo: Repository, target: Target, writer: str, traces: Iterable[str], line: Line) -> None:
    """Delete the published snapshots of traces that were forgotten, where there are some. Raises TransferFailed."""
    for trace in traces:
        own = mirror_of(target.to, writer, trace)
        if _oid(repo, own):
            transfer.push(repo, target.to, "", f"{SHARED_SNAPSHOTS_REFS}{writer}/{trace}", line)
            repo.git("update-ref", "-d", own)


def mirror_of(remote: str, writer: str, trace: str) -> str:
    """Return the tree ref that stands for what was published of a trace's snapshots."""
    return f"{REMOTE_SNAPSHOTS_REFS}{quoted(remote)}/{writer}/{trace}"


def fetch_snapshots(repo: Repository, remote: str, line: Line) -> list[str]:
    """Fetch all snapshots that are published at a remote; return the refs that are new or moved.

    What is gone there goes here. Raises TransferFailed, GitFailed.
    """
    folder = REMOTE_SNAPSHOTS_REFS + quoted(remote) + "/"
    try:
        transfer.fetch(repo, remote, [f"+{SHARED_SNAPSHOTS_REFS}*:{_INCOMING}*"], line, prune=True)
        incoming = _refs(repo, _INCOMING, "%(objectname)^{tree}")
        before = _refs(repo, folder, "%(objectname)")
        changed, commands = [], []
        for name, commit in incoming.items():
            tree = _oid(repo, commit) if _NAME.fullmatch(name) else ""
            if tree and before.get(name) != tree:
                changed.append(folder + name)
                commands.append(f"update {folder}{name}\0{tree}\0{before.get(name, repo.zero)}\0")
        commands += [f"delete {folder}{name}\0{oid}\0" for name, oid in before.items() if name not in incoming]
        if commands:
            repo.git("update-ref", "--stdin", "-z", stdin="".join(commands).encode())
        return changed
    finally:
        gone = "".join(f"delete {_INCOMING}{name}\0\0" for name in _refs(repo, _INCOMING, ""))
        if gone:
            repo.git("update-ref", "--stdin", "-z", stdin=gone.encode())


def _refs(repo: Repository, folder: str, form: str) -> dict[str, str]:
    out = os.fsdecode(repo.git("for-each-ref", f"--format=%(refname)%00{form}", folder))
    pairs = (line.partition("\0") for line in out.splitlines())
    return {ref.removeprefix(folder): value for ref, _, value in pairs}


def _oid(repo: Repository, name: str) -> str:
    return repo.git("rev-parse", "-q", "--verify", name, ok=(0, 1, 128)).decode().strip()


def _tree(repo: Repository, trace: str) -> str:
    """Return the tree of a trace's hidden ref with nothing in it but the snapshots and what they belong to."""
    lines = repo.git("ls-tree", "-z", TRACE_REFS + trace, ok=(0, 128)).split(b"\0")
    kept = [line for line in lines if line.rpartition(b"\t")[2] in (META_FILE.encode(), SNAPSHOTS_DIR.encode())]
    if not any(line.endswith(b"\t" + SNAPSHOTS_DIR.encode()) for line in kept):
        raise NotFound(f"trace '{trace}' has no snapshots in this clone")
    return repo.git("mktree", "-z", stdin=b"".join(line + b"\0" for line in kept)).decode().strip()


def _commit(repo: Repository, tree: str, parent: str | None) -> str:
    """Wrap a tree into a commit, always the same for the same tree and parent."""
    dates = {"GIT_AUTHOR_DATE": _DATE, "GIT_COMMITTER_DATE": _DATE}
    on = ("-p", parent) if parent else ()
    return repo.line("-c", "commit.gpgSign=false", "commit-tree", "-m", _MESSAGE, *on, tree, env=dates)


def _parent(repo: Repository, store: ObjectStore, trace: str, there: list[str]) -> str | None:
    """Return a commit that the server has, the one that the trace began on if it can be."""
    reader = Store(repo)
    try:
        bases = [str(header.get("base_commit") or "") for header in reader.headers(trace)]
    finally:
        reader.close()
    for base in bases:
        if base and store.kind(base) == "commit" and there:
            found = repo.git("merge-base", base, *there, ok=(0, 1)).decode().strip()
            if found:
                return found
    return there[0] if there else None


def _need_no_secrets(repo: Repository, store: ObjectStore, trace: str, commit: str, there: list[str]) -> None:
    """Raise TraceError when a segment of the trace, or a file that the server does not have, holds a secret."""
    reader = Store(repo)
    try:
        lines = reader.lines(trace)
    finally:
        reader.close()
    for line, found in check(repo, lines).held:
        raise explain(line, found)
    rules = redaction(repo)
    redactor = rules.redactor(with_allowed=False)
    asked = "".join(f"{name}\n" for name in (commit, *(f"^{tip}" for tip in there)))
    out = os.fsdecode(repo.git("rev-list", "--objects-edge", "--stdin", stdin=asked.encode()))
    for oid, _, path in (line.partition(" ") for line in out.splitlines()):
        if store.kind(oid) != "blob":
            continue
        # snapshots/00/00/07/src/a.py
        name = path.split("/", 4)[-1]
        for rule, tag in redactor.data(store.blob(oid))[1]:
            if tag not in rules.allowed and (rule, name) not in rules.allowed_paths:
                raise TraceError(
                    f"cannot publish snapshots of trace '{trace}': '{name}' holds a secret ({rule})",
                    f"'git config --add trace.redact.allow {tag}' allows it; a snapshot can't be redacted",
                )
