"""Sessions of any length, made of events that gittrace recorded itself: formats may change, and these follow."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from gittrace.clock import now, uuid7
from gittrace.journal.append import Journal
from gittrace.journal.read import read
from gittrace.vocabulary import COMMAND
from tests.perf.lab import Lab, path_of
from tests.support.repo import Repo

Event = dict[str, Any]
_SECOND = 1_000_000_000


def states(repo: Repo, count: int) -> list[str]:
    """Return the trees of a worktree in which a file was edited `count` times, and leave it as the last one."""
    lines = []
    for number in range(1, count + 1):
        content = f"x = {number}\ny = {number * 7}\n"
        lines.append(f"commit refs/heads/states\ncommitter A <a@example.com> {1700000000 + number} +0000\ndata 0\n")
        lines.append("from refs/heads/main^0\n" if number == 1 else "")
        lines.append(f"M 644 inline {path_of(number % 10)}\ndata {len(content)}\n{content}\n")
    repo.git("fast-import", "--quiet", stdin="".join(lines).encode())
    trees = repo.git("log", "--reverse", "--format=%T", "main..states").split()
    repo.git("checkout", "-q", "states", "--", ".")
    repo.git("branch", "-q", "-D", "states")
    return trees


def journal_of(repo: Repo) -> Path:
    """Return the only journal of a repository."""
    (path,) = (repo.top / ".git/trace/sessions").glob("*.jsonl")
    return path


def prolong(repo: Repo, count: int, vary: Callable[[int, Event], Event]) -> None:
    """Have the session's last command happen `count` times more, a second apart, with what `vary` makes of each."""
    path = journal_of(repo)
    model = [event for event in read(str(path)).events if event["kind"] == COMMAND][-1]
    start = _began(path)
    events = []
    for number in range(count):
        at = start + number * _SECOND + number * 7919 * 1000 % _SECOND
        fresh = {"id": uuid7(at), "at": now(at), "duration_ms": 3 + number % 977 / 1000}
        events.append(vary(number, {**model, **fresh}))
    with Journal(str(path)) as journal:
        journal.extend(events)


def _began(path: Path) -> int:
    """Return a time just after the session's last event, in nanoseconds."""
    last = json.loads(path.read_text().splitlines()[-1])
    return int(last["id"].replace("-", "")[:12], 16) * 1_000_000 + _SECOND


def started(lab: Lab, name: str, files: int) -> Repo:
    """Make a repository with a session in which one command was recorded."""
    repo = lab.repo(name, files)
    repo.git("trace", "start", "-m", "a benchmark")
    repo.git("trace", "run", "--", "true")
    return repo


def commit_unseen(repo: Repo, trees: Sequence[str] = ()) -> None:
    """Commit what the worktree holds without a hook, so that nothing is sealed before it is asked for."""
    if not trees:
        repo.write("last.py", "x = 1\n")
        repo.git("add", "last.py")
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-a", "-m", "what the session led to")
