"""Notes: read at any fan-out through the object store, written by `git fast-import`, which keeps the fan-out.

It takes notes on commits that are here, and refuses others; for these the fan-out is found by what the tree has.
"""

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress

from gittrace.errors import GitFailed, RefMoved
from gittrace.git import garbage
from gittrace.git.objects import DIRECTORY, ObjectMissing, ObjectStore, open_objects
from gittrace.git.process import Process
from gittrace.git.repository import Repository
from gittrace.git.trees import hash_object

_ATTEMPTS = 20
# how often what a gc took is written again
_WRITINGS = 3
# how many entries of a reflog are tried
_FORMER = 100
_DONE = b"done\n"
_HEX = frozenset(b"0123456789abcdef")
# a name beside our own, so that no folder is left behind in refs/
_NOWHERE = "refs/notes/trace-nowhere"
_IDENTITY = ("var", "GIT_COMMITTER_IDENT")
_IMPORT = ("fast-import", "--quiet", "--date-format=raw")
Merge = Callable[[bytes, bytes], bytes]
Edit = Callable[[Iterator[tuple[str, bytes]]], Mapping[str, bytes]]


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


def find_all(store: ObjectStore, tree: str, commits: Iterable[str]) -> dict[str, str]:
    """Return commit -> oid of its note, of those that have one; each tree on the way is read once."""
    found: dict[str, str] = {}
    todo = [(tree, 0, {commit.encode(): commit for commit in commits})]
    while todo:
        tree, depth, wanted = todo.pop()
        entries = {entry.name: entry for entry in store.tree(tree)} if wanted else {}
        below: dict[bytes, dict[bytes, str]] = {}
        for name, commit in wanted.items():
            entry = entries.get(name[depth:])
            if entry and entry.mode != DIRECTORY:
                found[commit] = entry.oid
            elif (folder := entries.get(name[depth : depth + 2])) and folder.mode == DIRECTORY:
                below.setdefault(name[depth : depth + 2], {})[name] = commit
        todo += [(entries[name].oid, depth + 2, some) for name, some in below.items()]
    return found


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
    dropped = 0
    for _ in range(_ATTEMPTS):
        old = tip(repo, ref)
        with open_objects(repo) as store:
            wanted = dict(_merged(store, old, notes, merge))
            if not wanted:
                return False
            tree = store.commit(old).tree if old else None
            changes = _changes(store, tree, wanted)
        try:
            new = _import(repo, _start(old) + changes, message)
            garbage.move(repo, ref, new, old or "", since=None, options=("-m", message))
        except GitFailed as error:
            dropped += garbage.is_dropped(error)
            if tip(repo, ref) == old and (dropped == _WRITINGS or not garbage.is_dropped(error)):
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


def rewrite(repo: Repository, ref: str, edit: Edit, message: str, only_if_changed: bool = False) -> str | None:
    """Let `edit` change the notes of `ref`, and begin its history anew, so that it leads to nothing from before.

    `edit(notes)` is given (commit, note) of all notes, and returns what to change: commit -> note, empty to remove it.
    Return the commit that the ref led to until then, None when it did not move: there was none and nothing is to be
    added, or nothing is to be changed and it should move `only_if_changed`.
    Raises RefMoved when other writers were faster twenty times, GitFailed.
    """
    for _ in range(_ATTEMPTS):
        old = tip(repo, ref)
        with open_objects(repo) as store:
            tree = store.commit(old).tree if old else None
            wanted = edit((commit, store.blob(oid)) for commit, oid in walk(store, tree)) if tree else edit(iter(()))
            if not wanted and (old is None or only_if_changed):
                return None
            changes = f"M 040000 {tree} \n".encode() if tree else b""
            changes += _changes(store, tree, wanted)
        new = _import(repo, changes, message)
        try:
            garbage.move(repo, ref, new, old or "", since=None, options=("-m", message))
        except GitFailed as error:
            if tip(repo, ref) == old and not garbage.is_dropped(error):
                raise
            continue
        return old
    raise RefMoved(f"cannot update '{ref}': other writers were faster {_ATTEMPTS} times")


def mend(repo: Repository, ref: str) -> str:
    """Move a notes ref that leads to nothing back to where it led before; see `garbage.mend`."""
    said = garbage.mend(repo, ref, _former(repo, ref))
    if said:
        garbage.drop_stale(repo, ref)
    return said


def _former(repo: Repository, ref: str) -> Iterator[str]:
    """Yield where a ref led to, the last first. The objects need not be here."""
    try:
        # git reads no reflog of a ref that it can't read
        with open(os.path.join(repo.common_dir, "logs", ref), "rb") as file:
            yield from (line.split(b" ", 2)[1].decode("ascii", "replace") for line in reversed(file.readlines()))
    except (FileNotFoundError, IndexError):
        for back in range(1, _FORMER):
            said = repo.git("rev-parse", "-q", "--verify", f"{ref}@{{{back}}}", ok=(0, 1, 128)).decode().strip()
            if not said:
                return
            yield said


def make(
    repo: Repository,
    store: ObjectStore,
    base: str | None,
    notes: Mapping[str, bytes],
    message: str,
    files: Mapping[str, bytes],
) -> str:
    """Write a commit of notes on top of `base` and return it; no ref leads to it.

    `notes`: object -> its note, empty to remove it; `files`: the same for what lies beside the notes.
    Raises GitFailed.
    """
    changes = [_changes(store, store.commit(base).tree if base else None, notes)]
    changes += [
        b"M 100644 inline %s\ndata %d\n%s\n" % (path.encode(), len(text), text) if text else b"D %s\n" % path.encode()
        for path, text in files.items()
    ]
    return _import(repo, _start(base) + b"".join(changes), message)


class Making:
    """A commit of notes that git writes beside this process, as `make` does; whoever begins it ends it.

    `place` is a path for what git is to read: all of it at once, so that nobody has to feed it. Nothing stays there.
    Raises GitFailed, OSError.
    """

    def __init__(
        self,
        repo: Repository,
        store: ObjectStore,
        base: str | None,
        notes: Mapping[str, bytes],
        message: str,
        place: str,
    ) -> None:
        self._repo = repo
        asked = repo.start(*_IDENTITY)
        try:
            changes = _changes(store, store.commit(base).tree if base else None, notes)
        finally:
            status, who, _ = asked.finish()
        try:
            with open(place, "wb") as file:
                file.write(_unseen(repo, _start(base) + changes, message, _named(status, who)))
            self._importer = repo.start(*_IMPORT, source=place)
        finally:
            # git has it open
            with suppress(FileNotFoundError):
                os.unlink(place)

    def finish(self) -> str:
        """Return the commit; no ref leads to it. Raises GitFailed."""
        return _made(self._repo, self._importer)

    def abandon(self) -> None:
        """Wait until git has ended; what it wrote is for nobody."""
        with suppress(GitFailed):
            self.finish()


def _start(base: str | None) -> bytes:
    return f"from {base}\n".encode() if base else b""


def _import(repo: Repository, changes: bytes, message: str) -> str:
    """Write a commit and return its oid; no ref leads to it."""
    return _made(repo, repo.start(*_IMPORT, feed=True), _unseen(repo, changes, message, identity(repo)))


def _made(repo: Repository, importer: Process, stdin: bytes = b"") -> str:
    try:
        return importer.check(stdin).decode().strip()
    except GitFailed:
        _remove_crash_report(repo, importer.pid)
        raise


def _unseen(repo: Repository, changes: bytes, message: str, who: bytes) -> bytes:
    """Return what fast-import is to read to write a commit to which no ref leads, and say its oid."""
    # it knows commits on branches only; this one is taken back before any ref is written
    stream = _stream(_NOWHERE, message, changes, who, mark=True)
    return stream.removesuffix(_DONE) + f"get-mark :1\nreset {_NOWHERE}\nfrom {repo.zero}\n\n".encode() + _DONE


def _changes(store: ObjectStore, tree: str | None, notes: Mapping[str, bytes]) -> bytes:
    """Return the commands of fast-import that set notes (on any object), or remove the empty ones."""
    there = find_all(store, tree, notes) if tree else {}
    parts = []
    for commit, note in notes.items():
        if not note:
            parts.append(f"D {_path(store, tree, commit)}\n".encode())
            continue
        # the same text may be noted elsewhere, as what is published is here; then it need not be written again
        oid = hash_object("blob", note, store.format)
        has = store.kind(oid) == "blob"
        what = oid if has else "inline"
        # N counts the notes to say where one goes; where there is one, it stays where it is
        counted = commit not in there and store.kind(commit) == "commit"
        how = f"N {what} {commit}" if counted else f"M 100644 {what} {_path(store, tree, commit)}"
        parts.append(f"{how}\n".encode() if has else f"{how}\ndata {len(note)}\n".encode() + note + b"\n")
    return b"".join(parts)


def _path(store: ObjectStore, tree: str | None, commit: str) -> str:
    """Return where a commit's note is in a notes tree, or would be, by the fan-out that the tree has."""
    done, rest = "", commit
    while tree is not None:
        entries = {entry.name: entry for entry in store.tree(tree)}
        if rest.encode() in entries:
            break
        below = entries.get(rest[:2].encode())
        fans_out = any(entry.mode == DIRECTORY and len(name) == 2 for name, entry in entries.items())
        if below is None and not fans_out:
            break
        done, rest = f"{done}{rest[:2]}/", rest[2:]
        tree = below.oid if below is not None and below.mode == DIRECTORY else None
    return done + rest


def _stream(ref: str, message: str, changes: bytes, who: bytes, mark: bool = False) -> bytes:
    text = f"{message}\n".encode()
    parts = (
        f"feature done\ncommit {ref}\n".encode(),
        b"mark :1\n" if mark else b"",
        b"committer ",
        who,
        f" {int(time.time())} +0000\ndata {len(text)}\n".encode(),
        text,
        changes,
        _DONE,
    )
    return b"".join(parts)


def identity(repo: Repository) -> bytes:
    """Return `Name <email>` of the user, by git's own rules; servers refuse commits without one."""
    status, ident, _ = repo.start(*_IDENTITY).finish()
    return _named(status, ident)


def _named(status: int, ident: bytes) -> bytes:
    if status:
        return b"gittrace <gittrace@localhost>"  # git knows no name here, and sealing must not fail for it
    return ident[: ident.rindex(b">") + 1]


def _remove_crash_report(repo: Repository, pid: int) -> None:
    try:
        os.unlink(os.path.join(repo.git_dir, f"fast_import_crash_{pid}"))
    except FileNotFoundError:
        return


__all__ = [
    "Making",
    "ObjectMissing",
    "add",
    "changed",
    "find",
    "find_all",
    "identity",
    "make",
    "mend",
    "rewrite",
    "tip",
    "walk",
]
