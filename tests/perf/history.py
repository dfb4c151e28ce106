"""What it costs to read, when a project has been recorded for years."""

import subprocess
from collections.abc import Iterator
from typing import Any

from gittrace.clock import now, uuid4, uuid7
from gittrace.model.segment import decode, encode, parse_note, render_note, split
from tests.perf.lab import Lab, path_of
from tests.perf.measure import Row, in_turn
from tests.support.repo import Repo

Event = dict[str, Any]
_COMMITS_A_TRACE = 10
_FIRST = 1_700_000_000
_ALLOWED_TIMES, _ALLOWED_MS = 8, 100


def measure(lab: Lab) -> list[Row]:
    """`git trace status` and `git trace log -n 20` of 10,000 noted commits, beside `git log -n 20`."""
    commits = lab.pick(20, 2_000, 10_000)
    repo = noted(lab, commits)
    first = lab.time(repo, "git", "trace", "log", "-n", "20")
    commands = (("log", "-n", "20"), ("trace", "status"), ("trace", "log", "-n", "20"))
    git, *ours = in_turn(lab.repeat(15), *((lambda words=words: lab.time(repo, "git", *words)) for words in commands))
    rows = [Row(f"git trace log -n 20, {commits:,} noted commits, the first time", first, None, first, "ms")]
    for words, times in zip(commands[1:], ours, strict=True):
        over = sorted(one - _ALLOWED_TIMES * other for one, other in zip(times, git, strict=True))
        what = f"git {' '.join(words)}, {commits:,} noted commits, over {_ALLOWED_TIMES} x git log -n 20"
        middle = len(times) // 2
        rows.append(Row(what, sorted(times)[middle], sorted(git)[middle], over[middle], "ms", _ALLOWED_MS))
    return rows


def noted(lab: Lab, commits: int, name: str = "history") -> Repo:
    """Make a repository in which every commit carries what led to it."""
    model = _segment(lab, f"{name}-model")
    repo = lab.repo(name, lab.pick(10, 1_000, 1_000))
    fast_import = subprocess.Popen(
        ["git", "fast-import", "--quiet", f"--export-marks={repo.top}/.git/marks"],
        cwd=repo.top,
        env=repo.env,
        stdin=subprocess.PIPE,
    )
    assert fast_import.stdin
    with fast_import.stdin as stream:
        for part in _commits(commits):
            stream.write(part)
    assert fast_import.wait() == 0
    marks = dict(line.split() for line in (repo.top / ".git/marks").read_text().splitlines())
    names = [marks[f":{number}"] for number in range(1, commits + 1)]
    repo.git("fast-import", "--quiet", stdin=b"".join(_notes(model, names)))
    repo.git("reset", "-q", "--hard", "main")
    repo.git("gc", "--quiet")
    repo.git("trace", "start", "-m", "the work of today")
    repo.git("trace", "run", "--", "true")
    return repo


def _segment(lab: Lab, name: str) -> list[Event]:
    """Return the header and the events of a segment that was recorded: two edits, two commands and a commit."""
    repo = lab.repo(name, 10)
    repo.git("trace", "start", "-m", "what is copied")
    for text in ("x = 'wrong'\n", "x = 'right'\n"):
        repo.write(path_of(1), text)
        repo.git("trace", "run", "-m", "does it work now?", "--", "cat", path_of(1))
    repo.git("-c", "core.hooksPath=/dev/null", "commit", "-q", "-a", "-m", "make it right")
    repo.git("trace", "seal")
    note = parse_note(repo.run("git", "notes", "--ref=trace", "show", "HEAD"))
    return list(decode(note.segments[0]))


def _commits(count: int) -> Iterator[bytes]:
    for number in range(1, count + 1):
        content = f"x = 'changed {number}'\n"
        message = f"change {number}\n"
        yield f"commit refs/heads/main\nmark :{number}\n".encode()
        yield f"committer A <a@example.com> {_FIRST + number * 60} +0000\n".encode()
        yield f"data {len(message)}\n{message}{'from refs/heads/main^0' if number == 1 else ''}\n".encode()
        yield f"M 644 inline {path_of(number % 10)}\ndata {len(content)}\n{content}\n".encode()


def _notes(model: list[Event], commits: list[str]) -> Iterator[bytes]:
    yield b"commit refs/notes/trace\ncommitter A <a@example.com> 1700000000 +0000\ndata 0\n"
    trace = session = ""
    for number, commit in enumerate(commits):
        if number % _COMMITS_A_TRACE == 0:
            trace, session = uuid4(), uuid4()
        index = number % _COMMITS_A_TRACE
        header, *events = model
        ns = (_FIRST + number * 60) * 1_000_000_000
        moved = [{**event, "id": uuid7(ns + at), "at": now(ns + at)} for at, event in enumerate(events)]
        moved[-1]["commit"] = commit
        place = {"trace_id": trace, "session_id": session, "index": index}
        (jsonl,) = split([{**header, **place, "at": now(ns), "id": uuid7(ns)}, *moved])
        note = render_note([encode(trace, session, index, jsonl)])
        yield b"N inline %s\ndata %d\n%s\n" % (commit.encode(), len(note), note)
