"""Fetch what others published into the mirrors: `refs/notes/trace-remotes/<remote>/<writer>`."""

import os
from dataclasses import dataclass, field

from gittrace.errors import NotFound
from gittrace.git import transfer
from gittrace.git.repository import Repository
from gittrace.git.transfer import Line
from gittrace.share.remotes import mirror, notes_refspec
from gittrace.share.renamed import drop_superseded, remotes_of


@dataclass
class Fetched:
    """What changed: writer -> (old, new) tip of its notes; None where there was none, or is none any more.

    `snapshots`: refs below `refs/trace-remotes/` that are new or moved.
    """

    remote: str
    writers: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    snapshots: list[str] = field(default_factory=list)


def mirrors(repo: Repository, remote: str) -> dict[str, str]:
    """Return writer -> tip of what is known to be published at a remote."""
    folder = mirror(remote)
    out = repo.git("for-each-ref", "--format=%(objectname) %(refname)", folder)
    pairs = (line.partition(" ") for line in os.fsdecode(out).splitlines())
    return {ref.removeprefix(folder): oid for oid, _, ref in pairs}


def fetch(repo: Repository, remote: str, line: Line) -> Fetched:
    """Bring the mirrors of a remote up to date; what is gone there goes here. Raises NotFound, TransferFailed."""
    remotes_of(repo).need(remote)
    before = mirrors(repo, remote)
    transfer.fetch(repo, remote, [notes_refspec(remote)], line, prune=True)
    drop_superseded(repo, remote)
    after = mirrors(repo, remote)
    changed = {
        writer: (before.get(writer), after.get(writer))
        for writer in sorted(before.keys() | after.keys())
        if before.get(writer) != after.get(writer)
    }
    return Fetched(remote, changed)


def default_remote(repo: Repository) -> str:
    """Return where traces are fetched from when nobody says: where they are published, else as `git fetch` has it.

    Raises NotFound.
    """
    remotes = remotes_of(repo)
    if remotes.targets:
        return remotes.targets[0].to
    branch = repo.git("symbolic-ref", "-q", "--short", "HEAD", ok=(0, 1, 128)).strip()
    upstream = repo.line("config", "--default", "", f"branch.{os.fsdecode(branch)}.remote") if branch else ""
    names = remotes.names
    chosen = upstream if upstream in names else "origin" if "origin" in names or len(names) != 1 else names[0]
    if chosen not in names:
        raise NotFound("there is no remote to fetch from", "name one: 'git trace fetch REMOTE'")
    return chosen
