"""Refs of ours that lead to nothing, after a crash of the machine: found, and moved back to where they led before."""

import os
from collections.abc import Iterator

from gittrace.git import hidden, notes
from gittrace.git.garbage import is_whole
from gittrace.git.repository import Repository
from gittrace.text import decode
from gittrace.trace.recording import progress
from gittrace.trace.sealing.seal import locked
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS, REMOTE_SNAPSHOTS_REFS, TRACE_REFS

_FOLDERS = (TRACE_REFS, REMOTE_NOTES_REFS, REMOTE_SNAPSHOTS_REFS)


def damaged(repo: Repository) -> list[str]:
    """Return the refs of ours that can't be read, or to which objects are missing. Raises GitFailed."""
    patterns = [folder.rstrip("/") for folder in (NOTES_REF, *_FOLDERS)]
    found = {}
    for line in decode(repo.git("for-each-ref", "--format=%(objectname) %(refname)", *patterns)).splitlines():
        oid, _, ref = line.partition(" ")
        found[ref] = oid
    torn = [ref for ref in _files(repo) if ref not in found]
    if found and not is_whole(repo, *found.values()):
        return sorted([*torn, *(ref for ref, oid in found.items() if not is_whole(repo, oid))])
    return sorted(torn)


def _files(repo: Repository) -> Iterator[str]:
    """Yield the refs of ours that are files: git leaves out those that it can't read."""
    if os.path.exists(os.path.join(repo.common_dir, NOTES_REF)):
        yield NOTES_REF
    for folder in _FOLDERS:
        for where, _, names in os.walk(os.path.join(repo.common_dir, folder)):
            for name in names:
                if not name.endswith(".lock"):
                    yield os.path.relpath(os.path.join(where, name), repo.common_dir)


def repair(repo: Repository) -> list[str]:
    """Move each of these refs back to where it led before, or remove it; return what was done.

    What was sealed and is lost is sealed again from its journal, by the next seal. Raises GitFailed, OSError.
    """
    done = []
    with locked(repo):
        # those that have a reflog last: what is stale in it git tells when all others lead somewhere
        for ref in sorted(damaged(repo), key=lambda ref: not ref.startswith(TRACE_REFS)):
            if ref.startswith(TRACE_REFS):
                done.append(hidden.mend(repo, ref.removeprefix(TRACE_REFS)))
            else:
                done.append(notes.mend(repo, ref))
        if done:
            progress.begin_anew(repo.common_trace_dir)
    return [said for said in done if said]
