"""Many segments are unpacked by two processes: what the index holds is the same, whatever becomes of the second one."""

import json
import sys
from typing import Any

import pytest

from gittrace.vocabulary import NOTES_REF
from tests.support.recording import Recording

_COMMITS = 8

# apart from the tests' process: fork is not for one with threads
_READ = """
import json, os, signal, sys
from gittrace.errors import Damaged
from gittrace.git.repository import discover
from gittrace.trace.stored import index, unpacked

how = sys.argv[1]
index._MANY = 10**9 if how == "alone" else 1
os.cpu_count = lambda: 2
mine, count = [], unpacked.unpacked
def counted(line):
    mine.append(line.session_id)
    return count(line)
unpacked.unpacked = counted
if how == "killed":
    read = unpacked._segments
    def killed(note, seen):
        if len(seen) > 3 and os.getpid() != first:
            os.kill(os.getpid(), signal.SIGKILL)
        return read(note, seen)
    first, unpacked._segments = os.getpid(), killed
if how == "interrupted":
    def interrupt(*_):
        raise KeyboardInterrupt
    index.Index._add_note = interrupt
if how == "no process":
    def fork():
        raise BlockingIOError
    os.fork = fork
rows = {}
try:
    found = index.Index(discover())
    tables = "tips segments events hints forgets hidden damaged traces".split()
    rows = {table: sorted(map(repr, found.db.execute("select * from " + table))) for table in tables}
    rows["indexes"] = sorted(map(repr, found.db.execute("select name, sql from sqlite_master where type = 'index'")))
except KeyboardInterrupt:
    pass
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print(json.dumps([rows, len(mine)]))
"""


def _read(work: Recording, how: str) -> tuple[dict[str, Any], int]:
    """Return what an index that is made from nothing holds, and how many segments this process unpacked for it."""
    cache = work.repo.git_dir / "trace" / "cache" / "index.sqlite"
    cache.unlink(missing_ok=True)
    rows, mine = json.loads(work.repo.run(sys.executable, "-c", _READ, how))
    return rows, mine


def _history(work: Recording) -> list[str]:
    commits = []
    for number in range(_COMMITS):
        work.start(title=f"trace {number}")
        work.did(**{f"f{number}": f"one {number}\n"})
        commits.append(work.commit())
        work.did(**{f"f{number}": f"two {number}\n"})
        work.stop()
    # what a rebase leaves: one segment on two commits
    for old in commits[: _COMMITS // 2]:
        commits.append(work.repo.commit("other", f"of {old}\n"))
        work.git("notes", f"--ref={NOTES_REF}", "copy", old, commits[-1])
    return commits


def test_two_processes_find_what_one_finds(work: Recording) -> None:
    commits = _history(work)
    damaged = work.repo.run("git", "notes", f"--ref={NOTES_REF}", "show", commits[0])
    tombstone = b"gittrace1 %s forget 2001-01-01T00:00:00Z" % damaged.split()[1]
    # a segment that can't be read, a line that is none, a tombstone, and somebody else's line: in notes of either half
    for commit in commits[::2]:
        text = damaged.splitlines()[0].replace(b" 0 ", b" 7 ", 1)[:-8]
        text += b"\ngittrace1 nonsense\nanother's\n" if commit != commits[4] else b"\n" + tombstone + b"\n"
        blob = work.repo.run("git", "hash-object", "-w", "--stdin", stdin=text).decode().strip()
        work.git("notes", f"--ref={NOTES_REF}", "append", "-C", blob, commit)
    alone, all_of_them = _read(work, "alone")
    assert len(alone["damaged"]) >= len(commits[::2])
    assert (len(alone["traces"]), len(alone["forgets"])) == (_COMMITS, 1)
    both, mine = _read(work, "both")
    assert both == alone
    assert mine < all_of_them


def test_most_is_unpacked_by_the_second_process(work: Recording) -> None:
    _history(work)
    _, all_of_them = _read(work, "alone")
    _, mine = _read(work, "both")
    assert all_of_them == _COMMITS * 2
    # the segments that stay in this clone, and those of two notes of five
    assert mine <= _COMMITS + 6


@pytest.mark.parametrize("how", ["killed", "no process"])
def test_what_the_second_process_leaves_undone_is_done_by_the_first(work: Recording, how: str) -> None:
    _history(work)
    alone, all_of_them = _read(work, "alone")
    rows, mine = _read(work, how)
    assert rows == alone
    # what it brought before it was killed isn't done again
    assert _COMMITS < mine <= all_of_them


def test_no_process_is_left_behind(work: Recording) -> None:
    _history(work)
    assert _read(work, "interrupted") == ({}, 0)
