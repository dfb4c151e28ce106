"""gittrace's hooks in a repository: install them, take them away, say how they stand.

The scripts themselves (hooks/) are in `<common-dir>/trace/hooks`, where hook managers can call them too. git comes to
them by its configuration (2.54 and newer) or by a file among its hooks, which runs the hook that was there before.
What is not gittrace's to change (a tracked hook, husky's) is left alone, and the report says what to add to it.
"""

import os
import shlex
import shutil
from dataclasses import dataclass, field

from gittrace.git import hook_config, hook_files, hook_managers, restorable
from gittrace.git.hook_places import (
    Kind,
    exclude,
    hooks_directory,
    is_ignored,
    is_tracked,
    is_writable,
    kind,
    register,
    unexclude,
    unregister,
)
from gittrace.git.installation import Installation
from gittrace.git.repository import Repository, check_version
from gittrace.vocabulary import HOOK_NAMES, HOOKS_DIR

#: what the hooks source
_SOURCED = ("mark", "seal", "snapshots", "publish")


@dataclass(frozen=True)
class Hook:
    """How a hook stands.

    how      `config`, `file`, `manager` (another's hook calls it), or empty: it does not run
    path     the file that git runs, or would run
    chained  the hooks that ours runs before itself
    problem  why it does not run, or may stop running; empty if all is well
    advice   what to do about that
    """

    name: str
    how: str
    path: str
    chained: tuple[str, ...] = ()
    problem: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Report:
    """The directory from which git takes hook files, and each hook."""

    directory: str
    hooks: tuple[Hook, ...]

    @property
    def problems(self) -> tuple[Hook, ...]:
        """The hooks about which something is to be said."""
        return tuple(hook for hook in self.hooks if hook.problem)


@dataclass
class Removal:
    """Paths that were (or would be) removed, and restored; what was kept, and why."""

    removed: list[str] = field(default_factory=list)
    restored: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Plan:
    """Where a hook file of ours can go (`slot` is what is appended to its name, None: nowhere), and what to say."""

    slot: str | None
    problem: str = ""
    advice: str = ""


def shims_directory(repo: Repository) -> str:
    """Return `<common-dir>/trace/hooks`."""
    return os.path.join(repo.common_trace_dir, HOOKS_DIR)


def install(repo: Repository, program: str, wait: bool = False, publish: bool = False) -> Report:
    """Install the hooks, or repair what is installed. May be done any number of times.

    program  where `git-trace` is; a bare name is looked for on PATH whenever a hook runs
    wait     have git wait for the sealer (`trace.seal = now`)
    publish  have pushes publish (`trace.push = auto`)
    Raises OSError, GitFailed.
    """
    version = check_version()
    record = Installation.load(repo)
    try:
        _write_shims(repo, program, wait, publish)
        if version >= hook_config.SUPPORTED:
            hook_config.write(repo)
            _take_files(repo, record, Removal(), dry_run=False)
        else:
            hook_config.remove(repo)
            _place_files(repo, record)
    finally:
        record.save()
    return status(repo)


def _write_shims(repo: Repository, program: str, wait: bool, publish: bool) -> None:
    directory = shims_directory(repo)
    os.makedirs(directory, exist_ok=True)
    for name in HOOK_NAMES + _SOURCED:
        path = os.path.join(directory, name)
        if name == "publish" and not publish:
            if os.path.lexists(path):
                os.unlink(path)
            continue
        content = hook_files.source(name)
        mode = None if name in _SOURCED else restorable.executable_mode()
        if name == "seal":
            content = content.replace(b"when=detached", b"when=now" if wait else b"when=detached", 1)
        if name in ("seal", "publish"):
            content = content.replace(b"git_trace=git-trace", os.fsencode(f"git_trace={shlex.quote(program)}"), 1)
        restorable.write(path, content, mode)


def _place_files(repo: Repository, record: Installation) -> None:
    directory = hooks_directory(repo)
    whose = kind(repo, directory)
    plans = {hook: _plan(repo, directory, whose, hook) for hook in HOOK_NAMES}
    wanted = {hook: plan.slot for hook, plan in plans.items() if plan.slot is not None}
    try:
        for hook in plans.keys() - wanted.keys():
            if hook_files.placed(directory, hook):
                hook_files.take_away(directory, hook, dry_run=False)
        if not wanted:
            return
        record.make_directory(directory)
        record.add(directory)
        if whose is Kind.SHARED:
            register(repo, directory)
        for hook, slot in wanted.items():
            hook_files.place(directory, hook, slot)
            if whose is Kind.WORKTREE:
                for path in (os.path.join(directory, hook + slot), *hook_files.chained(directory, hook)):
                    if not is_ignored(repo, path):
                        exclude(repo, record, path)
    except OSError:
        # a directory of somebody else's, such as /usr/share or /dev/null: `status` says so
        if whose is not Kind.SHARED:
            raise


def _plan(repo: Repository, directory: str, whose: Kind, hook: str) -> _Plan:
    """Decide what can be done about one hook file."""
    path = os.path.join(directory, hook)
    content = hook_files.head(path)
    manager = hook_managers.identify(path, content)
    if _is_called(repo, directory, hook):
        return _Plan(None)
    if manager and manager.name in ("husky", "overcommit"):
        return _Plan(None, f"{manager.name} writes '{path}'", manager.advice(hook))
    if not os.path.lexists(path) or hook_files.is_ours(path):
        return _Plan("")
    if os.path.isdir(path):
        return _Plan(None, f"'{path}' is a directory", "git can't run it either; remove it")
    if is_tracked(repo, path) or (whose is Kind.WORKTREE and not is_ignored(repo, path)):
        return _Plan(None, f"'{path}' is a file of the project", hook_managers.by_hand(hook))
    if manager and manager.name == "pre-commit":
        # it would take a chained hook of its own for one to run first, and go round in circles; what it runs before
        # itself is <hook>.legacy
        if hook == "post-rewrite":
            return _Plan(None, f"pre-commit writes '{path}'", manager.advice(hook))
        return _Plan(hook_files.LEGACY)
    if hook_files.needs_its_name(path):
        return _Plan(None, f"'{path}' depends on its own name", hook_managers.by_hand(hook))
    return _Plan("")


def _is_called(repo: Repository, directory: str, hook: str) -> bool:
    """Tell whether another hook, or what manages it, calls ours."""
    others = (os.path.join(directory, hook), *hook_files.chained(directory, hook))
    return any(hook_managers.calls(repo.top, path, hook_files.head(path), hook) for path in others)


def status(repo: Repository) -> Report:
    """Say how the hooks stand, without changing anything. Raises GitFailed."""
    version = check_version()
    directory = hooks_directory(repo)
    whose = kind(repo, directory)
    configured = hook_config.present(repo)
    hooks = tuple(_hook(repo, directory, whose, hook, version, hook in configured) for hook in HOOK_NAMES)
    return Report(directory, hooks)


def _hook(repo: Repository, directory: str, whose: Kind, name: str, version: tuple[int, ...], configured: bool) -> Hook:
    path = os.path.join(directory, name)
    again = "run 'git trace init' again"
    shim = os.path.join(shims_directory(repo), name)
    if not os.access(shim, os.X_OK):
        return Hook(name, "", path, problem=f"'{shim}' is missing", advice=again)
    reads_config = version >= hook_config.SUPPORTED
    placed = _running(directory, name)
    if configured and reads_config:
        if placed:
            return Hook(name, "config", path, problem=f"'{placed}' runs it a second time", advice=again)
        return Hook(name, "config", path)
    chained = tuple(hook_files.chained(directory, name))
    if placed:
        manager = next((m for f in chained if (m := hook_managers.identify(f, hook_files.head(f)))), None)
        if manager:
            problem = f"{manager.name} may overwrite '{placed}' when it is installed again"
            return Hook(name, "file", placed, chained, problem, manager.advice(name))
        return Hook(name, "file", placed, chained)
    if _is_called(repo, directory, name):
        return Hook(name, "manager", path)
    if configured:
        said = ".".join(map(str, version))
        return Hook(name, "", path, problem=f"git {said} takes no hooks from configuration", advice=again)
    plan = _plan(repo, directory, whose, name)
    if plan.slot is not None:
        writable = is_writable(directory)
        problem = f"'{path}' is not gittrace's" if writable else f"cannot write to '{directory}'"
        return Hook(name, "", path, problem=problem, advice=again if writable else hook_managers.by_hand(name))
    return Hook(name, "", path, problem=plan.problem, advice=plan.advice)


def _running(directory: str, hook: str) -> str | None:
    """Return the path of our hook file, if git comes to it."""
    placed = hook_files.placed(directory, hook)
    if placed and placed.endswith(hook_files.LEGACY):
        path = os.path.join(directory, hook)
        manager = hook_managers.identify(path, hook_files.head(path))
        return placed if manager and manager.name == "pre-commit" else None
    return placed if placed and os.access(placed, os.X_OK) else None


def uninstall(repo: Repository, dry_run: bool = False) -> Removal:
    """Take the hooks away and put back what was there, byte for byte. Raises OSError, GitFailed.

    The repository's configuration is left to `gittrace.trace.upkeep.initialize`, which has its former state.
    """
    removal = Removal()
    record = Installation.load(repo)
    try:
        _take_files(repo, record, removal, dry_run)
    finally:
        if not dry_run and os.path.exists(record.path):
            record.save()
    directory = shims_directory(repo)
    if os.path.isdir(directory):
        removal.removed.append(directory)
        if not dry_run:
            shutil.rmtree(directory)
    return removal


def _take_files(repo: Repository, record: Installation, removal: Removal, dry_run: bool) -> None:
    known = (*record.directories, hooks_directory(repo), os.path.join(repo.common_dir, "hooks"))
    for directory in dict.fromkeys(known):
        if not os.path.isdir(directory):
            continue
        if kind(repo, directory) is Kind.SHARED:
            others = unregister(repo, directory, dry_run)
            if others:
                removal.kept.append(f"the hooks in '{directory}', which '{others[0]}' uses too")
                continue
        for hook in HOOK_NAMES:
            removed, restored, waiting = hook_files.take_away(directory, hook, dry_run)
            removal.removed += removed
            removal.restored += restored
            removal.kept += [f"'{path}': another hook has taken its place" for path in waiting]
    removal.restored += unexclude(repo, record, dry_run)
    if not dry_run:
        record.directories = []
        for directory in reversed(record.created):
            if os.path.isdir(directory) and not os.listdir(directory):
                os.rmdir(directory)
        record.created = []


__all__ = ["Hook", "Removal", "Report", "install", "shims_directory", "status", "uninstall"]
