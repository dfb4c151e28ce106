"""Publish chosen snapshots, and fetch them: `refs/trace-snapshots/<writer>/<trace-id>` on the server.

A hidden ref leads to a tree, and git sends a tree whole. So for the way it is wrapped into a commit with a fixed date,
on top of commits that the other side has (`gittrace.share.wrapped`): then only what is new is sent. On the other side
it is a tree ref again, `refs/trace-remotes/<remote>/<writer>/<trace-id>`, which no log shows. Kept outputs and unlinked
segments stay here.
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
from gittrace.protect import deep
from gittrace.protect.redaction import redaction
from gittrace.share import state as states
from gittrace.share import wrapped
from gittrace.share.plan import Planner
from gittrace.share.remotes import Remotes, Target, quoted, writer_of
from gittrace.share.writer import ensure_own
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.gate import check, explain
from gittrace.vocabulary import (
    HERE_REFS,
    INCOMING_REFS,
    META_FILE,
    REMOTE_SNAPSHOTS_REFS,
    SHARED_SNAPSHOTS_REFS,
    SNAPSHOTS_DIR,
    TRACE_REFS,
)

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
            own = mirror_of(target.to, writer, trace)
            old = _oid(repo, own)
            name = f"{writer}/{trace}"
            before = wrapped.known(repo, store, target.to, {name: old}).get(name, []) if old else []
            on = _parent(repo, store, trace, there)
            bases = [_commit(repo, some, [on]) for some in (tree, wrapped.filled(repo, store, tree))]
            commit = _commit(repo, tree, [*before, *bases])
            _need_no_secrets(repo, store, trace, commit, [*there, *before])
            ref = SHARED_SNAPSHOTS_REFS + name
            new = None
            if old != tree:
                new = commit
                transfer.push(repo, target.to, new, ref, line, force=True)
                repo.git("update-ref", own, tree, old or repo.zero)
                wrapped.remember_one(repo, store, target.to, name, new)
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

    What is gone there goes here, and only what is new is sent. Raises TransferFailed, GitFailed, OSError.
    """
    folder = REMOTE_SNAPSHOTS_REFS + quoted(remote) + "/"
    try:
        with open_objects(repo) as store:
            before = _refs(repo, folder)
            # so that git says that they are here
            known = wrapped.known(repo, store, remote, before)
            have = [(f"{name}.{number}", oid) for name, some in known.items() for number, oid in enumerate(some)]
            _move(repo, [f"update {HERE_REFS}{name}\0{oid}\0\0" for name, oid in have])
            transfer.fetch(repo, remote, [f"+{SHARED_SNAPSHOTS_REFS}*:{INCOMING_REFS}*"], line, prune=True)
            found = _refs(repo, INCOMING_REFS)
            commits = {
                name: oid for name, oid in found.items() if _NAME.fullmatch(name) and store.kind(oid) == "commit"
            }
            trees = {name: store.commit(oid).tree for name, oid in commits.items()}
            changed = [name for name, tree in trees.items() if before.get(name) != tree]
            commands = [f"update {folder}{name}\0{trees[name]}\0{before.get(name, repo.zero)}\0" for name in changed]
            commands += [f"delete {folder}{name}\0{oid}\0" for name, oid in before.items() if name not in found]
            _move(repo, commands)
            wrapped.remember(repo, store, remote, commits)
        return [folder + name for name in changed]
    finally:
        done = [folder + name for folder in (INCOMING_REFS, HERE_REFS) for name in _refs(repo, folder)]
        _move(repo, [f"delete {ref}\0\0" for ref in done])


def _move(repo: Repository, commands: list[str]) -> None:
    """Have `git update-ref` do what these commands say, all or nothing."""
    if commands:
        repo.git("update-ref", "--stdin", "-z", stdin="".join(commands).encode())


def _refs(repo: Repository, folder: str) -> dict[str, str]:
    out = os.fsdecode(repo.git("for-each-ref", "--format=%(refname)%00%(objectname)", folder))
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


def _commit(repo: Repository, tree: str, parents: Iterable[str | None]) -> str:
    """Wrap a tree into a commit, always the same for the same tree and parents."""
    dates = {"GIT_AUTHOR_DATE": _DATE, "GIT_COMMITTER_DATE": _DATE}
    on = [word for parent in parents if parent for word in ("-p", parent)]
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
    redactor = rules.redactor(with_allowed=False, deeper=bool(deep.version()))
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
