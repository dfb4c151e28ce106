"""Checks of the installation and of what was recorded. Nothing is changed here."""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from gittrace.errors import TraceError
from gittrace.git import hooks
from gittrace.git.repository import Repository, check_version
from gittrace.journal.active import active_session, journal_path
from gittrace.journal.read import read
from gittrace.protect.identity import where_is_the_key
from gittrace.text import counted, decode
from gittrace.trace.sealing.seal import active_sessions
from gittrace.trace.sealing.waiting import pending_sessions
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.initialize import is_initialized
from gittrace.trace.upkeep.repair import damaged
from gittrace.vocabulary import CONFIG, LOG_FILE, SESSIONS_DIR

OK = "ok"
WARN = "warning"
BAD = "error"
_PACKAGES = ("pygit2", "pydantic", "unidiff", "keyring", "zstandard", "mmh3")
_SHOWN_FAILURES = 5
# seconds in which a session may be between its journal and its being active
_STARTING = 60


@dataclass(frozen=True)
class Finding:
    """What one check found: `level` (`ok`, `warning`, `error`), its subject, what is so, and what to do about it."""

    level: str
    subject: str
    text: str
    hint: str = ""


def examine(repo: Repository) -> Iterator[Finding]:
    """Yield what all checks find, in the order of the table below."""
    for subject, check in _CHECKS:
        try:
            yield from check(repo)
        except (TraceError, OSError) as error:
            hint = error.hint if isinstance(error, TraceError) else None
            yield Finding(BAD, subject, str(error), hint or "")


def _programs(repo: Repository) -> Iterator[Finding]:
    yield Finding(OK, "git", ".".join(map(str, check_version())))
    yield Finding(OK, "python", sys.version.split()[0])
    for name in _PACKAGES:
        try:
            yield Finding(OK, name, version(name))
        except PackageNotFoundError:
            yield Finding(BAD, name, "not installed", "run install.sh again")


def _configuration(repo: Repository) -> Iterator[Finding]:
    repo.config("trace.writer")
    out = decode(repo.git("config", "-z", "--name-only", "--get-regexp", r"^trace\.", ok=(0, 1)))
    for key in sorted(set(out.split("\0")) - {""}):
        if key not in CONFIG and not key.startswith("trace.redact."):
            yield Finding(WARN, "configuration", f"unknown key '{key}'", f"git config --unset {key}")


def _identity(repo: Repository) -> Iterator[Finding]:
    place = where_is_the_key()
    if place.kind == "file":
        yield Finding(WARN, "identity key", f"no keyring works here, so it is in {place.detail} (mode 0600)")
    else:
        yield Finding(OK, "identity key", f"{place.kind}: {place.detail}")


def _hooks(repo: Repository) -> Iterator[Finding]:
    if not is_initialized(repo):
        yield Finding(WARN, "hooks", "this repository is not initialised", "git trace init")
        return
    for hook in hooks.status(repo).hooks:
        if hook.problem:
            yield Finding(WARN if hook.how else BAD, f"hook {hook.name}", hook.problem, hook.advice)
        else:
            yield Finding(OK, f"hook {hook.name}", hook.how)


def _journals(repo: Repository) -> Iterator[Finding]:
    folder = os.path.join(repo.common_trace_dir, SESSIONS_DIR)
    names = sorted(name for name in os.listdir(folder) if name.endswith(".jsonl")) if os.path.isdir(folder) else []
    events = 0
    for name in names:
        reading = read(os.path.join(folder, name))
        events += len(reading.events)
        for damage in reading.damaged:
            yield Finding(BAD, f"journal {name}", damage, "what was written before and after it is intact")
    yield Finding(OK, "journals", f"{counted(len(names), 'session')}, {counted(events, 'event')}")


def _refs(repo: Repository) -> Iterator[Finding]:
    for ref in damaged(repo):
        yield Finding(BAD, ref, "objects are missing to which it leads", "'git trace doctor --repair' moves it back")


def orphans(repo: Repository) -> list[str]:
    """Return the sessions that were neither stopped nor belong to any worktree: theirs was removed."""
    failed: list[str] = []
    live = {active.session_id for _, active in active_sessions(repo, failed)}
    here = active_session(repo.trace_dir, repo.common_trace_dir)
    if here:
        live.add(here.session_id)
    return [name for name in pending_sessions(repo) if name not in live and _is_old(repo, name)]


def _is_old(repo: Repository, session_id: str) -> bool:
    # a session that is being started has its journal first
    return time.time() - os.stat(journal_path(repo.common_trace_dir, session_id)).st_mtime > _STARTING


def _sessions(repo: Repository) -> Iterator[Finding]:
    if not os.path.isdir(os.path.join(repo.common_trace_dir, SESSIONS_DIR)):
        return
    for name in orphans(repo):
        text = f"'{name}' was never stopped, and its worktree is gone"
        yield Finding(WARN, "session", text, "'git trace gc' closes it")


def _recorded(repo: Repository) -> Iterator[Finding]:
    store = Store(repo)
    try:
        for problem in store.problems:
            yield Finding(BAD, "records", problem)
        for ref, commit, why in store.index.damage():
            yield Finding(BAD, ref, f"note of commit '{commit}': {why}")
        yield Finding(OK, "records", counted(len(store.trace_ids()), "trace"))
    finally:
        store.close()


def _failures(repo: Repository) -> Iterator[Finding]:
    for line in last_failures(repo):
        yield Finding(WARN, "log", line)


def last_failures(repo: Repository) -> list[str]:
    """Return the last lines of `<common-dir>/trace/log`, where hooks leave what went wrong."""
    try:
        with open(os.path.join(repo.common_trace_dir, LOG_FILE), encoding="utf-8", errors="replace") as file:
            return [re.sub(r"\s+", " ", line).strip() for line in file][-_SHOWN_FAILURES:]
    except FileNotFoundError:
        return []


_CHECKS: tuple[tuple[str, Callable[[Repository], Iterator[Finding]]], ...] = (
    ("git", _programs),
    ("configuration", _configuration),
    ("identity key", _identity),
    ("hooks", _hooks),
    ("journals", _journals),
    ("refs", _refs),
    ("sessions", _sessions),
    ("records", _recorded),
    ("log", _failures),
)
