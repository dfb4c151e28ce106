"""The hidden ref of a trace: `refs/trace/<trace-id>`, which points at a tree, so that no log or graph shows it.

    trace.json                                   id, title, created
    snapshots/<n / 1024>/<n / 32 % 32>/<n % 32>  the worktree's tree at the n-th change, two digits a level
    output/<event-id>                            a command's whole output, zstd
    segments/<session-id>-<index>                a segment that no commit carries (yet)

Every update writes a handful of small trees, whatever the length of the trace, and moves the ref by compare-and-swap.
Standard library only: a recorded command waits for this.
"""

import os

from gittrace.errors import GitFailed, ObjectsDropped, RefMoved
from gittrace.git import garbage
from gittrace.git.process import Coprocess
from gittrace.git.repository import Repository
from gittrace.git.snapshot import take
from gittrace.vocabulary import META_FILE, OUTPUT_DIR, SEGMENTS_DIR, SNAPSHOTS_DIR, TIPS_DIR, TRACE_REFS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_TREE = "040000"
_BLOB = "100644"
_ATTEMPTS = 50
# how often what a gc took is written again
_WRITINGS = 6
# how many tips of a trace's ref are tried where the last one is damaged
_REMEMBERED = 32
_Entries = dict[str, tuple[str, str]]


def snapshot_path(number: int) -> "tuple[str, str, str]":
    """Return the three names below `snapshots/` of the n-th snapshot."""
    return f"{number // 1024:02d}", f"{number // 32 % 32:02d}", f"{number % 32:02d}"


class _Trees:
    """Reads trees through one `git cat-file --batch` and writes them through one `git mktree --batch`."""

    def __init__(self, repo: Repository) -> None:
        self._oid_size = 32 if repo.format == "sha256" else 20
        # an environment that never fetches: what a partial clone lacks, it lacks
        self._reader: Coprocess = repo.converse("cat-file", "--batch", env={"GIT_NO_LAZY_FETCH": "1"})
        self._writer: Coprocess | None = None
        self._repo = repo

    def read(self, name: str) -> "tuple[str, _Entries]":
        """Return a tree's oid and entries `{name: (mode, oid)}`; an empty oid when there is none."""
        self._reader.write(name.encode() + b"\n")
        head = self._reader.readline().split(b" ")
        if len(head) != 3 or head[1] != b"tree":
            if len(head) == 3:
                self._reader.read(int(head[2]) + 1)
                raise GitFailed(f"cannot read '{name}': it is a {head[1].decode()}, not a tree")
            return "", {}
        data = self._reader.read(int(head[2]) + 1)
        entries: _Entries = {}
        at = 0
        while at < len(data) - 1:
            space = data.index(b" ", at)
            nul = data.index(b"\0", space)
            end = nul + 1 + self._oid_size
            mode = data[at:space].decode().rjust(6, "0")
            entries[data[space + 1 : nul].decode("utf-8", "surrogateescape")] = (mode, data[nul + 1 : end].hex())
            at = end
        return head[0].decode(), entries

    def need(self, oid: str) -> _Entries:
        """Return the entries of a tree that must be there. Raises ObjectsDropped."""
        found, entries = self.read(oid)
        if not found:
            raise ObjectsDropped(f"cannot read tree '{oid}': it is gone")
        return entries

    def write(self, entries: _Entries) -> "tuple[str, str]":
        """Write a tree and return it as an entry of another."""
        if self._writer is None:
            self._writer = self._repo.converse("mktree", "-z", "--missing", "--batch")
        lines = [
            f"{mode} {'tree' if mode == _TREE else 'blob'} {oid}\t{name}\0" for name, (mode, oid) in entries.items()
        ]
        # a trace with thousands of kept outputs is longer than a pipe holds, but mktree reads all before it answers
        self._writer.write("".join([*lines, "\0"]).encode("utf-8", "surrogateescape"))
        return _TREE, self._writer.readline().decode()

    def close(self) -> None:
        for process in (self._reader, self._writer):
            if process is not None:
                process.close()


def _add_snapshots(trees: _Trees, root: _Entries, wanted: "Sequence[str]") -> bool:
    levels: list[_Entries] = [{}, {}, {}]
    path = ["00", "00", ""]
    if SNAPSHOTS_DIR in root:
        levels[0] = trees.need(root[SNAPSHOTS_DIR][1])
    number, last = 0, ""
    if levels[0]:
        path[0] = max(levels[0], key=int)
        levels[1] = trees.need(levels[0][path[0]][1])
        path[1] = max(levels[1], key=int)
        levels[2] = trees.need(levels[1][path[1]][1])
        path[2] = max(levels[2], key=int)
        last = levels[2][path[2]][1]
        number = int(path[0]) * 1024 + int(path[1]) * 32 + int(path[2]) + 1
    grown = False
    for tree in wanted:
        if tree == last:
            continue
        trees.need(tree)
        names = snapshot_path(number)
        if grown and names[:2] != (path[0], path[1]):
            levels[1][path[1]] = trees.write(levels[2])
            levels[0][path[0]] = trees.write(levels[1])
        if names[0] != path[0]:
            levels[1] = {}
        if names[:2] != (path[0], path[1]):
            levels[2] = {}
        path = list(names)
        levels[2][names[2]] = (_TREE, tree)
        number, last, grown = number + 1, tree, True
    if grown:
        levels[1][path[1]] = trees.write(levels[2])
        levels[0][path[0]] = trees.write(levels[1])
        root[SNAPSHOTS_DIR] = trees.write(levels[0])
    return grown


def _add_files(trees: _Trees, root: _Entries, folder: str, files: "Mapping[str, str]") -> bool:
    entries = trees.need(root[folder][1]) if folder in root else {}
    new = {name: (_BLOB, oid) for name, oid in files.items() if entries.get(name) != (_BLOB, oid)}
    if new:
        root[folder] = trees.write({**entries, **new})
    return bool(new)


def update(
    repo: Repository,
    trace_id: str,
    snapshots: "Sequence[str]" = (),
    outputs: "Mapping[str, str] | None" = None,
    segments: "Mapping[str, str] | None" = None,
    meta: "bytes | None" = None,
    since: "garbage.Signs | None" = None,
) -> bool:
    """Add snapshots (tree oids, in order; one equal to the last is left out) and blobs (name -> oid) to a trace's ref.

    `since`: the signs of a gc before any of these was written, if that was long after `repo` was opened.
    Return whether the ref moved. Raises GitFailed; ObjectsDropped when a gc took what was to be added, and it could not
    be written again; RefMoved when other writers were faster fifty times.
    """
    for left in range(_WRITINGS, 0, -1):
        try:
            return _update(repo, trace_id, snapshots, outputs or {}, segments or {}, meta, since or repo.signs)
        except ObjectsDropped:
            if left == 1:
                raise
        since = garbage.signs(repo.common_dir)
        mend(repo, trace_id)
        if snapshots:
            # most often the worktree is as it was, and what was taken of it can be taken again
            take(repo, fresh=True)
    raise AssertionError


def _update(
    repo: Repository,
    trace_id: str,
    snapshots: "Sequence[str]",
    outputs: "Mapping[str, str]",
    segments: "Mapping[str, str]",
    meta: "bytes | None",
    since: "garbage.Signs",
) -> bool:
    ref = TRACE_REFS + trace_id
    meta_oid = write_blob(repo, meta) if meta is not None else ""
    for _ in range(_ATTEMPTS):
        trees = _Trees(repo)
        try:
            old, root = trees.read(ref)
            if not old and repo.git("rev-parse", "-q", "--verify", ref, ok=(0, 1)):
                raise ObjectsDropped(f"cannot read '{ref}': what it led to is gone")
            moved = _add_snapshots(trees, root, snapshots)
            if outputs:
                moved |= _add_files(trees, root, OUTPUT_DIR, outputs)
            if segments:
                moved |= _add_files(trees, root, SEGMENTS_DIR, segments)
            if meta_oid and root.get(META_FILE) != (_BLOB, meta_oid):
                root[META_FILE] = (_BLOB, meta_oid)
                moved = True
            if not moved:
                return False
            new = trees.write(root)[1]
        finally:
            trees.close()
        if _moved(repo, ref, new, old, since):
            _remember(repo, trace_id, new)
            return True
    raise RefMoved(f"cannot update '{ref}': other writers were faster {_ATTEMPTS} times")


def replace(repo: Repository, trace_id: str, folder: str, files: "Mapping[str, str | None]") -> bool:
    """Put blobs (name -> oid; None removes one) in the place of those in a folder of a trace's ref.

    Return whether the ref moved. Raises GitFailed; RefMoved when other writers were faster fifty times.
    """
    ref = TRACE_REFS + trace_id
    for _ in range(_ATTEMPTS):
        trees = _Trees(repo)
        try:
            old, root = trees.read(ref)
            _, entries = trees.read(root[folder][1]) if folder in root else ("", {})
            wanted = {name: (_BLOB, oid) for name, oid in files.items() if oid and name in entries}
            kept = {name: entry for name, entry in entries.items() if name not in files}
            if {**kept, **wanted} == entries:
                return False
            root[folder] = trees.write({**kept, **wanted})
            if not kept and not wanted:
                del root[folder]
            new = trees.write(root)[1]
        finally:
            trees.close()
        if _moved(repo, ref, new, old, repo.signs):
            # what was replaced may be a secret: the ref never goes back to it
            forget_tips(repo, trace_id)
            _remember(repo, trace_id, new)
            return True
    raise RefMoved(f"cannot update '{ref}': other writers were faster {_ATTEMPTS} times")


def keep_only(repo: Repository, trace_id: str, names: "Iterable[str]") -> bool:
    """Drop all of a trace's ref but the given folders and files; the ref goes when none of them is there.

    Return whether it moved. Raises GitFailed; RefMoved when another writer was faster.
    """
    ref = TRACE_REFS + trace_id
    trees = _Trees(repo)
    try:
        old, root = trees.read(ref)
        kept = {name: root[name] for name in names if name in root}
        if kept == root:
            return False
        new = trees.write(kept)[1] if kept.keys() - {META_FILE} else ""
    finally:
        trees.close()
    if not new:
        repo.git("update-ref", "-d", ref, old)
        forget_tips(repo, trace_id)
    elif _moved(repo, ref, new, old, repo.signs):
        forget_tips(repo, trace_id)
        _remember(repo, trace_id, new)
    else:
        raise RefMoved(f"cannot update '{ref}': another writer was faster")
    return True


def folders(repo: Repository, trace_id: str) -> "dict[str, int]":
    """Return the folders of a trace's ref, with the number of entries of each; none when there is no ref."""
    trees = _Trees(repo)
    try:
        _, root = trees.read(TRACE_REFS + trace_id)
        return {name: len(trees.read(oid)[1]) for name, (mode, oid) in root.items() if mode == _TREE}
    finally:
        trees.close()


def _moved(repo: Repository, ref: str, new: str, old: str, since: "garbage.Signs") -> bool:
    """Move a ref; return False when another writer was faster."""
    try:
        garbage.move(repo, ref, new, old, since)
    except GitFailed as error:
        if garbage.is_dropped(error):
            raise ObjectsDropped(str(error)) from None
        if not _lost_race(error):
            raise
        return False
    return True


def _tips(repo: Repository, trace_id: str) -> str:
    return os.path.join(repo.common_trace_dir, TIPS_DIR, trace_id)


def _remember(repo: Repository, trace_id: str, tip: str) -> None:
    """Note where a trace's ref led to: it has no reflog, and may lead to nothing after a crash of the machine."""
    path = _tips(repo, trace_id)
    line = f"{tip}\n".encode()
    try:
        with open(path, "ab", buffering=0) as file:
            file.write(line)
            size = file.tell()
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "ab", buffering=0) as file:
            size = file.write(line)
    if size > 8 * _REMEMBERED * len(line):
        last = _former(repo, trace_id)
        with open(f"{path}.new", "wb") as file:
            file.write("".join(f"{tip}\n" for tip in reversed(last)).encode())
        os.replace(f"{path}.new", path)


def _former(repo: Repository, trace_id: str) -> "list[str]":
    """Return where a trace's ref led to, the last first."""
    try:
        with open(_tips(repo, trace_id), encoding="ascii", errors="replace") as file:
            return [tip for tip in reversed(file.read().split()[-_REMEMBERED:]) if len(tip) == len(repo.zero)]
    except FileNotFoundError:
        return []


def mend(repo: Repository, trace_id: str) -> str:
    """Move a trace's ref that leads to nothing back to where it led before; see `garbage.mend`."""
    return garbage.mend(repo, TRACE_REFS + trace_id, _former(repo, trace_id))


def forget_tips(repo: Repository, trace_id: str) -> None:
    """Forget where a trace's ref led to."""
    try:
        os.unlink(_tips(repo, trace_id))
    except FileNotFoundError:
        return


def _lost_race(error: GitFailed) -> bool:
    text = str(error)
    return "cannot lock ref" in text and ("but expected" in text or "already exists" in text or "File exists" in text)


def write_blob(repo: Repository, data: bytes) -> str:
    """Write a blob and return its oid."""
    return repo.git("hash-object", "-w", "--stdin", stdin=data).decode().strip()
