"""Segments of this clone that are to be signed: `<common-dir>/trace/unsigned`.

A line each: trace, session, index, sha256. Sealing never waits for a signature: it leaves its segments here, and
`gittrace.trace.sealing.signing` takes them from here.
The caller of `add` and `drop` keeps others from sealing. Standard library only, and little of it.
"""

import os

from gittrace.clock import now
from gittrace.git.repository import Repository
from gittrace.text import shown
from gittrace.vocabulary import UNSIGNED_FILE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Name = tuple[str, str, int, str]
"""(trace, session, index, sha256) of a segment."""


def wanted(repo: Repository) -> bool:
    """Tell whether segments are to be signed: `trace.sign` says so, or leaves it to git, which signs commits here."""
    mode = repo.config("trace.sign")
    return mode == "true" or (mode == "auto" and repo.signs_commits())


def due(repo: Repository) -> bool:
    """Tell whether something is to be signed now."""
    return os.path.exists(_path(repo)) and wanted(repo)


def add(repo: Repository, lines: "Iterable[str]") -> None:
    """Put segments, given as the lines of notes, on the list, if they are to be signed. Raises OSError."""
    names = [" ".join(line.split(" ", 5)[1:5]) for line in lines]
    if names and wanted(repo):
        with open(_path(repo), "a", encoding="ascii") as file:
            # what a kill tore apart stays a line by itself
            file.write("".join(f"\n{name}" for name in names) + "\n")


def waiting(repo: Repository) -> list[Name]:
    """Return what is on the list, each once."""
    try:
        with open(_path(repo), encoding="ascii", errors="replace") as file:
            found = dict.fromkeys(tuple(line.split()) for line in file)
    except FileNotFoundError:
        return []
    return [
        (words[0], words[1], int(words[2]), words[3]) for words in found if len(words) == 4 and words[2].isdecimal()
    ]


def drop(repo: Repository, done: "Iterable[Name]") -> None:
    """Take segments off the list. Raises OSError."""
    gone = set(done)
    left = [name for name in waiting(repo) if name not in gone]
    path = _path(repo)
    if not left:
        _unlink(path)
        return
    with open(f"{path}.new", "w", encoding="ascii") as file:
        file.write("".join(f"{' '.join(map(str, name))}\n" for name in left))
    os.replace(f"{path}.new", path)


def sign_behind(repo: Repository) -> None:
    """Have what is on the list signed behind the caller's back. Raises BadConfig."""
    if due(repo):
        # of no use elsewhere
        from gittrace.trace.detached import detach
        from gittrace.trace.sealing.signing import sign_waiting

        detach(repo, "sign", lambda: sign_waiting(repo))


def keep_failure(repo: Repository, why: str) -> None:
    """Remember why signing failed the last time; nothing: it did not. Raises OSError."""
    path = f"{_path(repo)}.why"
    if not why:
        _unlink(path)
        return
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(f"{now()} {shown(why)}\n")
    os.replace(f"{path}.new", path)


def last_failure(repo: Repository) -> tuple[str, str]:
    """Return when (RFC 3339) and why signing failed the last time; two empty texts when it did not."""
    try:
        with open(f"{_path(repo)}.why", encoding="utf-8", errors="replace") as file:
            at, _, why = file.readline().rstrip("\n").partition(" ")
    except FileNotFoundError:
        return "", ""
    return at, why


def _path(repo: Repository) -> str:
    return os.path.join(repo.common_trace_dir, UNSIGNED_FILE)


def _unlink(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
