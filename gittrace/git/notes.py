"""Notes: read at any fan-out through the object store, written by `git fast-import`, which keeps the fan-out."""

import os
import time
from collections.abc import Callable, Iterator, Mapping

from gittrace.errors import GitFailed, RefMoved
from gittrace.git.objects import DIRECTORY, ObjectMissing, ObjectStore, open_objects
from gittrace.git.repository import Repository

_ATTEMPTS = 20
_HEX = frozenset(b"0123456789abcdef")
Merge = Callable[[bytes, bytes], bytes]


def tip(repo: Repository, ref: str) -> str | None:
    """Return the commit that a notes ref points at, None when there is no such ref."""
    return repo.git("rev-parse", "-q", "--verify", f"{ref}^{{commit}}", ok=(0, 1)).decode().strip() or None


def find(store: ObjectStore, tree: str, commit: str) -> str | None:
    """Return the oid of a commit's note in a notes tree, None when it has none."""
    rest = commit.encode()
    while True:
        below = None
        for entry in store.tree(tree):
            if entry.mode != DIRECTORY and entry.name == rest:
                return entry.oid
            if entry.mode == DIRECTORY and entry.name == rest[:2]:
                below = entry.oid
        if below is None:
            return None
        tree, rest = below, rest[2:]


def walk(store: ObjectStore, tree: str, prefix: str = "") -> Iterator[tuple[str, str]]:
    """Yield (commit, oid of its note) for all notes of a tree; other files that lie in it are passed over."""
    length = 64 if store.format == "sha256" else 40
    for entry in store.tree(tree):
        if not set(entry.name) <= _HEX:
            continue
        name = prefix + entry.name.decode()
        if entry.mode == DIRECTORY and len(entry.name) == 2:
            yield from walk(store, entry.oid, name)
        elif entry.mode != DIRECTORY and len(name) == length:
            yield name, entry.oid


def changed(store: ObjectStore, old: str | None, new: str) -> Iterator[tuple[str, str | None]]:
    """Yield (commit, oid of its note or None when it was removed) for what differs between two notes trees.

    A change of fan-out shows as a removal and an addition; the addition comes last.
    """
    added: list[tuple[str, str | None]] = []
    for change in store.changes(old, new):
        name = change.path.replace(b"/", b"").decode("ascii", "replace")
        if change.new_oid is None:
            yield name, None
        else:
            added.append((name, change.new_oid))
    yield from added


def add(repo: Repository, ref: str, notes: Mapping[str, bytes], merge: Merge, message: str) -> bool:
    """Merge text into the notes of commits, in one commit on `ref`; `merge(old, new)` makes the new note.

    Return whether anything changed. Raises RefMoved when other writers were faster twenty times, GitFailed.
    """
    for _ in range(_ATTEMPTS):
        old = tip(repo, ref)
        with open_objects(repo) as store:
            wanted = dict(_merged(store, old, notes, merge))
        if not wanted:
            return False
        importer = repo.start("fast-import", "--quiet", "--date-format=raw", feed=True)
        try:
            importer.check(_stream(repo, ref, old, wanted, message))
        except GitFailed:
            _remove_crash_report(repo, importer.pid)
            if tip(repo, ref) == old:
                raise
            continue
        return True
    raise RefMoved(f"cannot update '{ref}': other writers were faster {_ATTEMPTS} times")


def _merged(
    store: ObjectStore, old: str | None, notes: Mapping[str, bytes], merge: Merge
) -> Iterator[tuple[str, bytes]]:
    tree = store.commit(old).tree if old else None
    for commit, text in notes.items():
        oid = find(store, tree, commit) if tree else None
        had = store.blob(oid) if oid else b""
        if (new := merge(had, text)) != had:
            yield commit, new


def _stream(repo: Repository, ref: str, old: str | None, notes: Mapping[str, bytes], message: str) -> bytes:
    text = f"{message}\n".encode()
    parts = [
        f"commit {ref}\ncommitter ".encode(),
        identity(repo),
        f" {int(time.time())} +0000\ndata {len(text)}\n".encode(),
        text,
        f"from {old}\n".encode() if old else b"",
    ]
    for commit, note in notes.items():
        parts += [f"N inline {commit}\ndata {len(note)}\n".encode(), note, b"\n"]
    parts.append(b"done\n")
    return b"".join([b"feature done\n", *parts])


def identity(repo: Repository) -> bytes:
    """Return `Name <email>` of the user, by git's own rules; servers refuse commits without one."""
    try:
        ident = repo.git("var", "GIT_COMMITTER_IDENT")
    except GitFailed:
        return b"gittrace <gittrace@localhost>"  # git knows no name here, and sealing must not fail for it
    return ident[: ident.rindex(b">") + 1]


def _remove_crash_report(repo: Repository, pid: int) -> None:
    try:
        os.unlink(os.path.join(repo.git_dir, f"fast_import_crash_{pid}"))
    except FileNotFoundError:
        return


__all__ = ["ObjectMissing", "add", "changed", "find", "identity", "tip", "walk"]
