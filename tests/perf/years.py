"""A project that was recorded for years, made in seconds: commits, half of them of traces, and the notes on them."""

import random
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha1
from typing import Any

from gittrace.clock import now, uuid4, uuid7
from gittrace.model.segment import encode, render_note, split
from gittrace.vocabulary import NOTES_REF
from tests.support.repo import Repo

Event = dict[str, Any]
FIRST = 1_700_000_000
_MINUTE = 60
_COMMITS_A_TRACE = 5
_COMMANDS_A_COMMIT = 3
_AT_ONCE = 4
_CONTEXT = 3


@dataclass
class Years:
    """The project: `commits` of them, every second one recorded, with three commands that led to it.

    files  path -> lines; `blobs` has their ids
    """

    commits: int
    file_count: int
    file_lines: int = 120
    seed: int = 1
    files: dict[str, list[str]] = field(default_factory=dict)
    traces: list[tuple[str, str, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.count = 0

    def line(self) -> str:
        """Return a line that nobody wrote before."""
        self.count += 1
        name = self.random.choice(("value", "result", "total", "buffer", "handle", "parser"))
        return f"    {name}_{self.count} = compute_{self.count % 977}({name}, {self.random.randrange(10**6)})"

    def begin(self) -> dict[str, list[str]]:
        """Return the files that the project began with."""
        for number in range(self.file_count):
            path = f"src/part{number % 20}/module_{number}.py"
            self.files[path] = [self.line() for _ in range(self.file_lines)]
        return self.files

    def edit(self) -> tuple[str, bytes]:
        """Edit a file: some lines go and some come. Return its path and git's diff."""
        path = self.random.choice(list(self.files))
        lines = self.files[path]
        old = blob_id(lines)
        at, gone, come = self.random.randrange(len(lines)), self.random.randrange(4), self.random.randrange(1, 8)
        gone = min(gone, len(lines) - at)
        first, last = max(at - _CONTEXT, 0), min(at + gone + _CONTEXT, len(lines))
        new = [self.line() for _ in range(come)]
        body = [f" {text}" for text in lines[first:at]]
        body += [f"-{text}" for text in lines[at : at + gone]]
        body += [f"+{text}" for text in new]
        body += [f" {text}" for text in lines[at + gone : last]]
        lines[at : at + gone] = new
        head = f"@@ -{first + 1},{last - first} +{first + 1},{last - first - gone + come} @@"
        names = f"diff --git a/{path} b/{path}\nindex {old}..{blob_id(lines)} 100644\n--- a/{path}\n+++ b/{path}\n"
        return path, f"{names}{head}\n{chr(10).join(body)}\n".encode()


def blob_id(lines: list[str]) -> str:
    """Return the SHA-1 name of a file of these lines."""
    data = "".join(f"{text}\n" for text in lines).encode()
    return sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"


@dataclass
class _Recorded:
    """A commit that was recorded: its number, and the diffs of the commands before it."""

    number: int
    diffs: list[bytes]


def import_years(repo: Repo, years: Years) -> list[str]:
    """Make the commits and the notes; return the commits, the oldest first."""
    recorded: list[_Recorded] = []
    script = _commits(years, recorded)
    marks = repo.top / ".git" / "marks"
    _fast_import(repo, script, f"--export-marks={marks}")
    names = dict(row.split() for row in marks.read_text().splitlines())
    commits = [names[f":{number}"] for number in range(1, years.commits + 2)]
    marks.unlink()
    trees = repo.git("log", "--reverse", "--format=%T", "main").split()
    _fast_import(repo, _notes(years, recorded, commits, trees))
    repo.git("reset", "-q", "--hard", "main")
    repo.git("gc", "--quiet")
    return commits


def _fast_import(repo: Repo, parts: Iterator[bytes], *options: str) -> None:
    argv = ["git", "fast-import", "--quiet", "--force", *options]
    process = subprocess.Popen(argv, cwd=repo.top, env=repo.env, stdin=subprocess.PIPE)
    assert process.stdin
    with process.stdin as stream:
        for part in parts:
            stream.write(part)
    assert process.wait() == 0


def _commit(mark: int, time: int, message: str, changed: dict[str, list[str]]) -> bytes:
    head = f"commit refs/heads/main\nmark :{mark}\ncommitter A <a@example.com> {time} +0000\n{_data(message)}"
    files = [
        f"M 644 inline {path}\n" + _data("".join(f"{text}\n" for text in lines)) for path, lines in changed.items()
    ]
    # the first one leaves behind what the repository began with
    return "".join([head, *(["deleteall\n"] if mark == 1 else []), *files]).encode()


def _commits(years: Years, recorded: list[_Recorded]) -> Iterator[bytes]:
    yield _commit(1, FIRST, "begin", years.begin())
    for number in range(1, years.commits + 1):
        of_trace = number % 2 == 0
        edits = [years.edit() for _ in range(_COMMANDS_A_COMMIT if of_trace else years.random.randrange(1, 4))]
        if of_trace:
            recorded.append(_Recorded(number, [diff for _, diff in edits]))
        changed = {path: years.files[path] for path, _ in edits}
        yield _commit(number + 1, FIRST + number * _MINUTE, f"change {number}", changed)


def _notes(years: Years, recorded: list[_Recorded], commits: list[str], trees: list[str]) -> Iterator[bytes]:
    yield f"commit {NOTES_REF}\ncommitter A <a@example.com> {FIRST} +0000\ndata 0\n".encode()
    going: list[tuple[str, str, int]] = [(uuid4(), uuid4(), 0) for _ in range(_AT_ONCE)]
    for count, item in enumerate(recorded):
        trace, session, index = going[count % _AT_ONCE]
        after = (trace, session, index + 1)
        going[count % _AT_ONCE] = after if index + 1 < _COMMITS_A_TRACE else (uuid4(), uuid4(), 0)
        if index == 0:
            years.traces.append((trace, session, item.number))
        events = list(_events(item, (trace, session, index), commits, trees))
        (jsonl,) = split(events)
        note = render_note([encode(trace, session, index, jsonl)])
        yield b"N inline %s\ndata %d\n%s\n" % (commits[item.number].encode(), len(note), note)


def _events(item: _Recorded, place: tuple[str, str, int], commits: list[str], trees: list[str]) -> Iterator[Event]:
    base = {"commit": commits[item.number - 1], "tree": trees[item.number - 1]}
    ns = (FIRST + item.number * _MINUTE - 30) * 1_000_000_000
    trace, session, index = place
    around = {"head": base["commit"], "branch": "main", "source": "run"}
    yield {
        "kind": "session", "id": uuid7(ns), "at": now(ns), "trace_id": trace, "session_id": session, "format": 1,
        "index": index, "title": f"task {trace[:4]}", "base": base, "base_commit": base["commit"],
        "agent": {"name": "claude-code"}, "tree": base["tree"], **around,
    }  # fmt: skip
    for number, diff in enumerate(item.diffs, 1):
        at = ns + number * 1_000_000_000
        yield {
            "kind": "command", "id": uuid7(at), "at": now(at), "command": f"pytest -k case_{number}",
            "argv": ["pytest", "-k", f"case_{number}"], "exit_code": number % 2, "duration_ms": 12.5, "cwd": ".",
            "stdout": "...... 6 passed\n", "stdout_bytes": 16, "diff": diff.decode(), "tree": trees[item.number],
            "tree_after": trees[item.number], **around,
        }  # fmt: skip
    at = ns + 10 * 1_000_000_000
    yield {
        "kind": "commit", "id": uuid7(at), "at": now(at), "commit": commits[item.number], "action": "commit",
        "parents": [base["commit"]], "subject": f"change {item.number}", "tree": trees[item.number],
        **around, "head": commits[item.number],
    }  # fmt: skip
