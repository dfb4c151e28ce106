"""Take the tree of the whole worktree, on a private index, without touching the user's.

`git status` on the private index says what changed (it honours sparse checkout, fsmonitor, the untracked cache and
ignore rules); only then is anything hashed, by `git update-index`, which applies git's own filters. When nothing
changed, one process answers and the tree is the last one. The private index is a copy of the user's for its stat
cache, and copied anew whenever the user's changed: so what is tracked is always what the user says is tracked. (An
untracked file that was recorded, and is ignored later by what status doesn't show, a global ignore file or a
`.gitignore` that ignores itself, stays until then.)

It refuses: to add untracked files that are large or look like secrets (named in `skipped`), to follow links out of
the worktree, and to run twice at once in one worktree. Standard library only.
"""

import fcntl
import os
import stat

from gittrace.errors import GitFailed
from gittrace.git.repository import Repository
from gittrace.text import clean
from gittrace.vocabulary import INDEX_FILE, LOCK_FILE, STATE_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

# the user's post-index-change hook is about the user's index; safecrlf is about what is committed
_OPTIONS = ("-c", "core.splitIndex=false", "-c", "core.hooksPath=/dev/null", "-c", "core.safecrlf=false")
_STATUS = (
    *_OPTIONS,
    "status", "--porcelain=v2", "-z", "--branch", "--no-ahead-behind",
    "--untracked-files=all", "--no-renames", "--ignore-submodules=dirty",
)  # fmt: skip
_UPDATE = (*_OPTIONS, "update-index", "-z", "--add", "--remove", "--replace", "--stdin")
_REMOVE = (*_OPTIONS, "update-index", "-z", "--force-remove", "--stdin")

_RULES = (b".gitignore", b".gitattributes")
# a file that git reads is cut short: SIGBUS, by its numbers on Linux and macOS
_CUT_SHORT = (-7, -10)
# how often git is started then
_TRIES = 3
_CHANGING = "changed while it was read"
_SECRET_SUFFIXES = (
    ".pem", ".key", ".p12", ".pfx", ".jks", ".keystore", ".kdbx", ".ppk", ".ovpn", ".gpg", ".tfstate", ".secret",
)  # fmt: skip
_SECRET_NAMES = frozenset(
    """
    .netrc _netrc .npmrc .pypirc .git-credentials .pgpass .my.cnf .htpasswd .dockercfg .dockerconfigjson .boto .s3cfg
    credentials credentials.json service-account.json secrets.json secrets.yml secrets.yaml secrets.toml
    """.split()
)


def looks_secret(path: str) -> bool:
    """Tell whether an untracked file's name says that it holds a secret: `.env*`, `*.pem`, `id_rsa`, ..."""
    name = path.rsplit("/", 1)[-1].lower()
    if name.startswith("id_"):
        # a private key of ssh has no suffix; id_map.py is somebody's work
        return "." not in name or name.endswith((".pub", ".old", ".bak"))
    return name.startswith(".env") or name.endswith(_SECRET_SUFFIXES) or name in _SECRET_NAMES


class Snapshot:
    """What `take` saw.

    tree     oid of the worktree's tree
    head     oid of HEAD, None before the first commit
    branch   short name of the branch, None when HEAD is detached
    skipped  untracked paths left out: `{"path", "reason", "bytes"}`
    """

    __slots__ = ("branch", "head", "skipped", "tree")

    def __init__(self, tree: str, head: "str | None", branch: "str | None", skipped: "list[dict[str, object]]") -> None:
        self.tree = tree
        self.head = head
        self.branch = branch
        self.skipped = skipped


class _Status:
    """The parsed answer of `git status --porcelain=v2 -z --branch`."""

    def __init__(self, out: bytes) -> None:
        self.head: str | None = None
        self.branch: str | None = None
        self.changed: list[bytes] = []
        self.deleted: list[bytes] = []
        self.untracked: list[bytes] = []
        for item in out.split(b"\0"):
            kind = item[:2]
            if kind == b"1 ":
                if item[3:4] != b".":
                    path = item.split(b" ", 8)[8]
                    self.changed.append(path)
                    if item[3:4] == b"D":
                        self.deleted.append(path)
            elif kind == b"? ":
                self.untracked.append(item[2:])
            elif kind == b"u ":
                self.changed.append(item.split(b" ", 10)[10])
            elif item.startswith(b"# branch.oid "):
                oid = item[13:].decode()
                self.head = None if oid == "(initial)" else oid
            elif item.startswith(b"# branch.head "):
                name = os.fsdecode(item[14:])
                self.branch = None if name == "(detached)" else name


class _Taker:
    def __init__(self, repo: Repository, folder: str) -> None:
        self.repo = repo
        self.max_file_size = repo.size("trace.maxFileSize")
        self.index = os.path.join(folder, INDEX_FILE)
        self.state = os.path.join(folder, STATE_FILE)
        self.env = {"GIT_INDEX_FILE": self.index}
        self.skipped: list[dict[str, object]] = []

    def take(self, fresh: bool) -> Snapshot:
        # nobody else holds that lock, since we hold ours: it was left by a git that was killed
        _remove(f"{self.index}.lock")
        signature = self._signature()
        known, own = self._load(signature)
        if fresh or known is None:
            self._seed()
            known, own = "", set()
        if left := self._left_repositories(own):
            _remove(self.state)
            self._force_remove(left)
            known, own = "", own - left
        status = self._status()
        if known and any(path.rsplit(b"/", 1)[-1] in _RULES for path in (*status.changed, *status.untracked)):
            # files that are ignored from now on must go, and those that are filtered differently are read anew
            self._seed()
            known, own = "", set()
            status = self._status()
        # an untracked file that has grown since may be one to leave out by now
        grown = own.intersection(status.changed).difference(status.deleted)
        dropped = {path for path in grown if not self._admit(path)} | self._behind_links(status.deleted)
        changed = [path for path in status.changed if path not in dropped]
        added = [path.rstrip(b"/") for path in status.untracked if self._admit(path)]
        if changed or added or dropped:
            # killed in between, the index would hold what the state doesn't know of
            _remove(self.state)
        if dropped:
            self._force_remove(dropped)
            own -= dropped
        if changed or added:
            taken = self._update((*changed, *added))
            own.update(path for path in status.untracked if path.rstrip(b"/") in taken)
        if changed or added or dropped or not known:
            known = self._write_tree()
            self._save(signature, known, own)
        return Snapshot(known, status.head, status.branch, self.skipped)

    def _behind_links(self, deleted: "list[bytes]") -> "set[bytes]":
        """Return the deleted paths one of whose directories is a symbolic link now: git won't look at these."""
        links: dict[bytes, bool] = {b"": False}
        top = os.fsencode(self.repo.top)

        def is_behind(folder: bytes) -> bool:
            if folder not in links:
                links[folder] = is_behind(os.path.dirname(folder)) or os.path.islink(os.path.join(top, folder))
            return links[folder]

        return {path for path in deleted if is_behind(os.path.dirname(path))}

    def _left_repositories(self, own: "set[bytes]") -> "set[bytes]":
        """Return the repositories inside this one that are none any more: git keeps a gitlink whose `.git` is gone."""
        top = os.fsencode(self.repo.top)
        return {path for path in own if path.endswith(b"/") and not os.path.lexists(os.path.join(top, path, b".git"))}

    def _force_remove(self, paths: "Iterable[bytes]") -> None:
        self._git(*_REMOVE, stdin=_joined(path.rstrip(b"/") for path in paths))

    def _signature(self) -> str:
        """Return what tells that the user's index or `info/exclude` was written, or that objects may have gone."""
        parts = []
        common = self.repo.common_dir
        for path in (f"{self.repo.git_dir}/index", f"{common}/info/exclude", f"{common}/objects/pack"):
            try:
                seen = os.stat(path)
            except FileNotFoundError:
                parts.append("none")
            else:
                parts.append(f"{seen.st_ino}.{seen.st_mtime_ns}.{seen.st_size}")
        return " ".join(parts)

    def _load(self, signature: str) -> "tuple[str | None, set[bytes]]":
        """Return the tree that the private index stands for and the untracked paths in it; None when it's stale.

        Those of repositories end in a slash.
        """
        try:
            with open(self.state, "rb") as file:
                saved, tree, *own = file.read().split(b"\0")
        except (FileNotFoundError, ValueError):
            return None, set()
        if saved != signature.encode() or not os.path.exists(self.index):
            return None, set()
        return tree.decode(), {path for path in own if path}

    def _save(self, signature: str, tree: str, own: "set[bytes]") -> None:
        new = f"{self.state}.new"
        with open(new, "wb") as file:
            file.write(b"\0".join((signature.encode(), tree.encode(), *sorted(own))))
        os.replace(new, self.state)

    def _seed(self) -> None:
        """Make the private index a copy of the user's."""
        _remove(self.state)
        new = f"{self.index}.new"
        try:
            source = os.open(os.path.join(self.repo.git_dir, "index"), os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            _remove(self.index)
            return
        try:
            with open(new, "wb") as file:
                while data := os.read(source, 1 << 20):
                    file.write(data)
            seen = os.fstat(source)
        finally:
            os.close(source)
        # git compares a file's time with the index's own to know which entries it can't trust; a younger copy would
        # make it trust them
        os.utime(new, ns=(seen.st_atime_ns, seen.st_mtime_ns))
        os.replace(new, self.index)

    def _status(self) -> _Status:
        return _Status(self._git(*_STATUS))

    def _git(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run git on the private index, and again where a file was cut short under it.

        That is the end of a git, which leaves its lock.
        """
        tries = _TRIES
        while True:
            tries -= 1
            try:
                return self.repo.git(*args, stdin=stdin, env=self.env)
            except GitFailed as error:
                if error.code not in _CUT_SHORT:
                    raise
                _remove(f"{self.index}.lock")
                if not tries:
                    raise

    def _admit(self, path: bytes) -> bool:
        """Tell whether an untracked path goes into the snapshot; else name it in `skipped`."""
        name = os.fsdecode(path)
        full = os.path.join(self.repo.top, name)
        try:
            seen = os.lstat(full)
        except OSError:
            return True  # gone since, or out of reach: git says which
        if stat.S_ISDIR(seen.st_mode):  # a repository inside this one: a gitlink, if it has a commit
            inner = {"GIT_DIR": os.path.join(full, ".git"), "GIT_WORK_TREE": full}
            try:
                self.repo.git("rev-parse", "--verify", "-q", "HEAD", env=inner)
            except GitFailed:
                return self._skip(name, "a repository without a commit", 0)
            return True
        if looks_secret(name):
            return self._skip(name, "looks like a secret", seen.st_size)
        if seen.st_size > self.max_file_size:
            return self._skip(name, "larger than trace.maxFileSize", seen.st_size)
        return True

    def _skip(self, name: str, reason: str, size: int) -> bool:
        self.skipped.append({"path": clean(name), "reason": reason, "bytes": size})
        return False

    def _update(self, paths: "Iterable[bytes]") -> "set[bytes]":
        """Bring paths up to date in the private index; return those that were taken.

        git stops at the first file that it can't read, so what fails is found by halving.
        """
        todo = [list(paths)]
        taken: set[bytes] = set()
        while todo:
            part = todo.pop()
            try:
                self._git(*_UPDATE, stdin=_joined(part))
            except GitFailed as error:
                if error.code < 0 and error.code not in _CUT_SHORT:
                    raise
                if "No space left" in str(error) or "Read-only" in str(error) or "index.lock" in str(error):
                    raise
                if len(part) == 1:
                    why = str(error).removeprefix("git update-index: ") if error.code > 0 else _CHANGING
                    self._skip(os.fsdecode(part[0]), why, 0)
                    continue
                half = len(part) // 2
                todo += [part[half:], part[:half]]
            else:
                taken.update(part)
        return taken

    def _write_tree(self) -> str:
        try:
            return self.repo.line(*_OPTIONS, "write-tree", env=self.env)
        except GitFailed:
            # an object went away under the private index (gc --prune=now of an untracked file's blob): hash anew
            self._seed()
            self.skipped.clear()
            status = self._status()
            behind = self._behind_links(status.deleted)
            added = [path.rstrip(b"/") for path in status.untracked if self._admit(path)]
            if behind:
                self._force_remove(behind)
            if status.changed or added:
                self._update((*(path for path in status.changed if path not in behind), *added))
            return self.repo.line(*_OPTIONS, "write-tree", env=self.env)


def _remove(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return


def _joined(paths: "Iterable[bytes]") -> bytes:
    return b"".join(path + b"\0" for path in paths)


def take(repo: Repository, fresh: bool = False) -> Snapshot:
    """Take a snapshot of the worktree; `fresh` trusts nothing that an earlier one left.

    Raises GitFailed, OSError (disk full, read-only `.git`).
    """
    os.makedirs(repo.trace_dir, exist_ok=True)
    fd = os.open(os.path.join(repo.trace_dir, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        return _Taker(repo, repo.trace_dir).take(fresh)
    finally:
        os.close(fd)


def take_into(repo: Repository, folder: str) -> Snapshot:
    """Take a snapshot with the private index in a folder that is nobody else's. Raises GitFailed, OSError."""
    return _Taker(repo, folder).take(fresh=True)
