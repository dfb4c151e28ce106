"""What `git filter-repo` left in `<common-dir>/filter-repo/commit-map`: the new name of each commit that it saw.

A heading, then a line a commit: old, new; new is all zeros for one that was dropped. A later run within a day brings
the map up to date (git-filter-repo 2.46 and newer): then it leads from the first names to the last, and the names
between are in no line. So what was taken in from a map before is followed on to where the map leads now.

filter-repo runs no hook. What it did is taken in by whoever seals or journals next, as pairs beside those of the
post-rewrite hook (`gittrace.trace.recording.rewrites`): those of commits that something was recorded at, however long
the map.
"""

import os
from collections.abc import Iterator
from typing import BinaryIO

from gittrace.errors import TraceError, told
from gittrace.git import notes
from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository, git_dirs
from gittrace.journal.active import journal_path
from gittrace.journal.position import load_position
from gittrace.journal.read import read
from gittrace.trace.recording import progress
from gittrace.trace.recording.rewrites import Pair, add_pairs, is_oid, read_pairs
from gittrace.vocabulary import COMMIT, NOTES_REF, REMOTE_NOTES_REFS, SESSIONS_DIR

FILTER_REPO = "filter-repo"

_DONE_FILE = "commit-map.done"
# a larger map (bytes) is not read: it has more commits than any known repository
_LARGEST = 1 << 30
# two oids of 64 digits, and room
_LONGEST_LINE = 200
_SHOWN = 3


def is_new(repo: Repository) -> bool:
    """Tell whether there is a map that was not taken in."""
    stamp = _stamp(repo)
    return bool(stamp) and stamp != _done(repo)


def take_in(repo: Repository) -> list[str]:
    """Add the pairs of a map that was not taken in, and return in words what of it could not be read.

    May be killed, or done by several at once: then pairs are there twice, which is harmless. Raises OSError.
    """
    stamp = _stamp(repo)
    if not stamp or stamp == _done(repo):
        return []
    problems: list[str] = []
    known = [pair for pair in read_pairs(repo)[0] if pair.cause == FILTER_REPO]
    if int(stamp.split()[0]) > _LARGEST:
        problems.append(f"'{_map(repo)}' was not read: it is larger than {_LARGEST >> 20} MiB")
    else:
        wanted = _recorded_at(repo) | {name for pair in known for name in (pair.old, pair.new)}
        renamed = {old: new for old, new in _read(_map(repo), problems) if old in wanted and new.strip("0")}
        # a name that an earlier map gave went the way of the one that it was given to
        between = {pair.new: renamed[pair.old] for pair in known if pair.old in renamed}
        pairs = (Pair(FILTER_REPO, None, old, new) for old, new in ({**between, **renamed}).items() if old != new)
        there = {(pair.old, pair.new) for pair in known}
        add_pairs(repo, [pair for pair in pairs if (pair.old, pair.new) not in there])
    path = os.path.join(repo.common_trace_dir, _DONE_FILE)
    with open(f"{path}.new", "w", encoding="ascii") as file:
        file.write(stamp)
    os.replace(f"{path}.new", path)
    return problems


def given(repo: Repository, names: set[str]) -> set[str]:
    """Return those of some commits that the map leads to: they were there when filter-repo ended."""
    stamp = _stamp(repo)
    if not stamp or int(stamp.split()[0]) > _LARGEST:
        return set()
    return {new for _, new in _read(_map(repo), []) if new in names}


def _map(repo: Repository) -> str:
    return os.path.join(repo.common_dir, FILTER_REPO, "commit-map")


def _stamp(repo: Repository) -> str:
    """Return what changes with the map, its size first; empty where there is none."""
    try:
        found = os.stat(_map(repo))
    except OSError:
        return ""
    return f"{found.st_size} {found.st_mtime_ns} {found.st_ino} {found.st_mode}"


def _done(repo: Repository) -> str:
    try:
        with open(os.path.join(repo.common_trace_dir, _DONE_FILE), encoding="ascii", errors="replace") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def _read(path: str, problems: list[str]) -> Iterator[tuple[str, str]]:
    """Yield (old, new) of all lines; what is no such line is named in `problems`, as is a map that can't be read."""
    damaged: list[int] = []
    try:
        file = open(path, "rb")  # noqa: SIM115 (it is closed below)
    except OSError as error:
        problems.append(f"the commit map was not read: {told(error)}")
        return
    with file:
        for number, line in enumerate(_lines(file), 1):
            old, _, new = line.decode("ascii", "replace").strip().partition(" ")
            new = new.strip()
            if is_oid(old) and is_oid(new) and len(old) == len(new):
                yield old, new
            elif (number > 1 or old != "old") and line.strip():
                damaged.append(number)
    if damaged:
        shown = ", ".join(map(str, damaged[:_SHOWN]))
        more = f" and {len(damaged) - _SHOWN} more" if len(damaged) > _SHOWN else ""
        problems.append(f"'{path}' is damaged: no pair of commits in line {shown}{more}")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    """Yield lines, cut where they are too long to be what is looked for."""
    while line := file.readline(_LONGEST_LINE):
        yield line
        while line and not line.endswith(b"\n"):
            line = file.readline(_LONGEST_LINE)


def _recorded_at(repo: Repository) -> set[str]:
    """Return the commits that something was recorded at, or will be when it is sealed."""
    found: set[str] = set()
    with open_objects(repo) as store:
        refs = repo.git("for-each-ref", "--format=%(refname)", NOTES_REF, REMOTE_NOTES_REFS).decode()
        for ref in refs.splitlines():
            if tip := notes.tip(repo, ref):
                found.update(commit for commit, _ in notes.walk(store, store.commit(tip).tree))
    for git_dir in git_dirs(repo):
        head, _ = load_position(os.path.join(git_dir, "trace"))
        found.add(head or "")
    folder = os.path.join(repo.common_trace_dir, SESSIONS_DIR)
    for name in os.listdir(folder) if os.path.isdir(folder) else ():
        if name.endswith(".jsonl") and not os.path.exists(os.path.join(folder, name.removesuffix("jsonl") + "done")):
            found |= _of_session(repo, name.removesuffix(".jsonl"))
    return found - {""}


def _of_session(repo: Repository, session_id: str) -> set[str]:
    done = progress.load(repo.common_trace_dir, session_id)
    found = set(done.commits) | {str((done.base or {}).get("commit") or "")}
    try:
        events = read(journal_path(repo.common_trace_dir, session_id), done.offset).events
    except (TraceError, FileNotFoundError):
        return found  # it is named when it is sealed
    for event in events:
        found |= {str(event.get(key) or "") for key in ("base_commit", "head", "head_after")}
        found |= {str(event.get("commit") or "")} if event["kind"] == COMMIT else set()
    return found
