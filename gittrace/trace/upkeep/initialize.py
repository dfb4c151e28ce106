"""Prepare a repository for recording, and undo that."""

import fcntl
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from gittrace.errors import SessionActive, TraceError
from gittrace.git import garbage, hook_config, hooks, installation, restorable
from gittrace.git.hooks import Removal
from gittrace.git.installation import Installation
from gittrace.git.repository import Repository, at, git_dirs
from gittrace.vocabulary import (
    ACTIVE_FILE,
    CACHE_DIR,
    INDEX_FILE,
    LOCK_FILE,
    NOTES_REF,
    REMOTE_NOTES_REFS,
    SESSIONS_DIR,
    SHARE_DIR,
    SNAPSHOTS_REFS,
)

_WRITER = "trace.writer"


@dataclass(frozen=True)
class Initialized:
    """The writer's id, whether the repository was initialized before, and how its hooks stand."""

    writer: str
    again: bool
    hooks: hooks.Report


@dataclass
class Deinitialized:
    """What was (or would be) undone. `kept` is what stays, in words; `refs` the refs that were deleted."""

    removed: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)
    refs: list[str] = field(default_factory=list)


def is_initialized(repo: Repository) -> bool:
    """Tell whether `git trace init` was run in any worktree of the repository."""
    return os.path.isfile(installation.path_of(repo))


def program() -> str:
    """Return where `git-trace` is: the one that runs, the one of this Python, else the one on PATH."""
    running = os.path.abspath(sys.argv[0])
    beside = os.path.join(os.path.dirname(sys.executable), "git-trace")
    for path in (running if os.path.basename(running) == "git-trace" else "", beside, shutil.which("git-trace") or ""):
        if path and os.access(path, os.X_OK):
            return path
    return "git-trace"


def initialize(repo: Repository) -> Initialized:
    """Prepare a repository: directories, a writer's id, hooks. Done again, it repairs what is missing.

    When it fails, a repository that was not initialized is as it was. Raises NoWorktree, GitFailed, TraceError.
    """
    repo.need_worktree()
    again = is_initialized(repo)
    wait, publish = repo.config("trace.seal") == "now", repo.config("trace.push") == "auto"
    existed = os.path.isdir(repo.common_trace_dir)
    try:
        for directory in (os.path.join(repo.common_trace_dir, SESSIONS_DIR), repo.trace_dir):
            os.makedirs(directory, exist_ok=True)
        with _alone(repo), _config_recorded(repo):
            writer = _ensure_writer(repo)
            report = hooks.install(repo, program(), wait, publish)
    except BaseException as error:
        if not again and os.path.isdir(repo.common_trace_dir):
            _undo(repo, Deinitialized(), dry_run=False)
            if not existed:
                _remove(repo.common_trace_dir)
                _remove(repo.trace_dir)
        if isinstance(error, OSError):
            raise TraceError(f"cannot write '{error.filename}': {error.strerror}") from error
        raise
    repo.forget_config()
    return Initialized(writer, again, report)


@contextmanager
def _alone(repo: Repository) -> Iterator[None]:
    """Let one process at a time change hooks and configuration."""
    fd = os.open(repo.common_trace_dir, os.O_RDONLY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def _config_file(repo: Repository) -> str:
    return os.path.join(repo.common_dir, "config")


def _local(repo: Repository, key: str) -> str:
    return repo.line("config", "--local", "--default", "", "--get", key)


def _all_local(repo: Repository, key: str) -> list[str]:
    out = os.fsdecode(repo.git("config", "--local", "-z", "--get-all", key, ok=(0, 1)))
    return out.split("\0")[:-1]


@contextmanager
def _config_recorded(repo: Repository) -> Iterator[None]:
    """Remember what the configuration file held before what is done inside, whether or not that succeeds."""
    path = _config_file(repo)
    first = not _local(repo, _WRITER) and not hook_config.is_there(repo)
    before = restorable.read(path)
    try:
        yield
    finally:
        record = Installation.load(repo)
        record.config = restorable.follow(record.config, before, restorable.read(path), first)
        record.save()


def _ensure_writer(repo: Repository) -> str:
    writer = _local(repo, _WRITER)
    if not writer:
        writer = os.urandom(6).hex()
        repo.git("config", "--local", _WRITER, writer)
    return writer


def new_writer(repo: Repository) -> str:
    """Give a repository that was initialized another writer's id, and return it. Raises OSError, GitFailed."""
    writer = os.urandom(6).hex()
    with _alone(repo), _config_recorded(repo):
        repo.git("config", "--local", "--replace-all", _WRITER, writer)
    repo.forget_config()
    return writer


def add_settings(repo: Repository, settings: Sequence[tuple[str, str]], replace: bool = False) -> None:
    """Add values to the repository's own configuration, those that are not there yet; `deinit` takes them out again.

    `replace`: in the place of the values that the key has there. Raises GitFailed, OSError.
    """
    with _alone(repo), _config_recorded(repo):
        for key, value in settings:
            if value not in _all_local(repo, key):
                repo.git("config", "--local", "--replace-all" if replace else "--add", key, value)
                record = Installation.load(repo)
                record.settings.append([key, value])
                record.save()
    repo.forget_config()


def move_settings(repo: Repository, moves: Sequence[tuple[str, str, str, str]]) -> None:
    """Change settings (key, value, new key, new value) that the repository's own configuration has.

    Raises GitFailed, OSError.
    """
    with _alone(repo), _config_recorded(repo):
        for key, value, new_key, new in moves:
            if (key, value) != (new_key, new) and value in _all_local(repo, key):
                record = Installation.load(repo)
                record.settings.append([new_key, new])
                record.save()
                if new not in _all_local(repo, new_key):
                    repo.git("config", "--local", "--add", new_key, new)
                repo.git("config", "--local", "--fixed-value", "--unset-all", key, value)
    repo.forget_config()


def deinitialize(repo: Repository, purge: bool = False, dry_run: bool = False, force: bool = False) -> Deinitialized:
    """Take hooks and configuration away, and put back what was there before, byte for byte.

    What was recorded (refs, notes, journals) stays unless `purge`. `dry_run` changes nothing. A worktree with an
    active session is an error unless `force`. Raises SessionActive, OSError, GitFailed.
    """
    result = Deinitialized()
    worktrees = git_dirs(repo)
    active = [path for git_dir in worktrees if os.path.exists(path := os.path.join(git_dir, "trace", ACTIVE_FILE))]
    if active and not force:
        top = at(os.path.dirname(os.path.dirname(active[0])), repo.common_dir, repo.format).top
        raise SessionActive(f"a session is active in '{top}'", "'git trace stop' ends it; --force gives it up")
    refs = _refs(repo)
    if os.path.isdir(repo.common_trace_dir):
        with _alone(repo):
            _undo(repo, result, dry_run)
    elif is_configured(repo):
        _restore_config(repo, Installation.load(repo), result, dry_run)
    if purge and refs:
        result.refs = [name for name, _ in refs]
        if not dry_run:
            commands = b"".join(f"delete {name}\0{oid}\0".encode() for name, oid in refs)
            repo.git("update-ref", "--stdin", "-z", stdin=commands)
            _remove_empty(repo)
    if purge:
        result.removed += garbage.leftovers(repo) if dry_run else garbage.drop_leftovers(repo)
    elif refs:
        result.kept.append(f"{len(refs)} {'ref' if len(refs) == 1 else 'refs'} with what was recorded")
    sessions = os.path.join(repo.common_trace_dir, SESSIONS_DIR)
    journals = os.listdir(sessions) if os.path.isdir(sessions) else []
    if journals and not purge:
        result.kept.append(f"{len(journals)} {'journal' if len(journals) == 1 else 'journals'} in '{sessions}'")
    _remove_own(worktrees, purge or not journals, result, dry_run)
    return result


def is_configured(repo: Repository) -> bool:
    """Tell whether the repository's own configuration holds anything that `init` writes."""
    return bool(_local(repo, _WRITER)) or hook_config.is_there(repo)


def _undo(repo: Repository, result: Deinitialized, dry_run: bool) -> None:
    """Take away hooks and configuration."""
    removal: Removal = hooks.uninstall(repo, dry_run)
    result.removed += removal.removed
    result.restored += removal.restored
    result.kept += removal.kept
    record = Installation.load(repo)
    _restore_config(repo, record, result, dry_run)
    if os.path.exists(record.path):
        result.removed.append(record.path)
        if not dry_run:
            os.unlink(record.path)


def _restore_config(repo: Repository, record: Installation, result: Deinitialized, dry_run: bool) -> None:
    if not is_configured(repo):
        return
    result.restored.append(_config_file(repo))
    if not dry_run:

        def remove_keys() -> None:
            hook_config.remove(repo)
            if _local(repo, _WRITER):
                repo.git("config", "--local", "--unset-all", _WRITER)
            for key, value in record.settings:
                if value in _all_local(repo, key):
                    repo.git("config", "--local", "--fixed-value", "--unset-all", key, value)

        restorable.put_back(_config_file(repo), record.config, remove_keys)


def _refs(repo: Repository) -> list[tuple[str, str]]:
    patterns = (NOTES_REF, REMOTE_NOTES_REFS, *SNAPSHOTS_REFS)
    out = repo.git("for-each-ref", "--format=%(refname) %(objectname)", *(p.removesuffix("/") for p in patterns))
    pairs = (line.rpartition(" ") for line in out.decode().splitlines())
    return [(name, oid) for name, _, oid in pairs]


def _remove_own(worktrees: list[str], everything: bool, result: Deinitialized, dry_run: bool) -> None:
    """Remove the `trace` directories, or only what is not needed to read what was recorded."""
    for git_dir in worktrees:
        directory = os.path.join(git_dir, "trace")
        names = [""] if everything else [ACTIVE_FILE, INDEX_FILE, LOCK_FILE, CACHE_DIR, SHARE_DIR]
        for path in (os.path.join(directory, name) if name else directory for name in names):
            if os.path.lexists(path):
                result.removed.append(path)
                if not dry_run:
                    _remove(path)


def _remove_empty(repo: Repository) -> None:
    """Remove the directories that git leaves behind when it deletes refs."""
    for part in (*SNAPSHOTS_REFS, "refs/notes", "logs/refs/notes"):
        for folder, _, _ in os.walk(os.path.join(repo.common_dir, part), topdown=False):
            if not os.listdir(folder):
                os.rmdir(folder)


def _remove(path: str) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
