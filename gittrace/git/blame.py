"""`git blame` as git itself makes it: which commit each line of a file came from, and where it stood there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gittrace.errors import Damaged
from gittrace.git.patch import unquote
from gittrace.git.repository import Repository
from gittrace.text import decode


@dataclass(frozen=True, slots=True)
class Source:
    """A commit that lines came from, and the file's path in it.

    author, summary  as decoded for people
    time, zone       the author's: seconds since the epoch, `+hhmm`
    boundary         lines may be older: the history was cut here
    """

    commit: str
    path: bytes
    author: str = ""
    time: int = 0
    zone: str = "+0000"
    summary: str = ""
    boundary: bool = False

    @property
    def committed(self) -> bool:
        """Whether it is a commit; git names changes of the worktree by an oid of zeros."""
        return self.commit.strip("0") != ""


class BlamedLine(NamedTuple):
    """A line: its number and text now (without line feed), and its number in the source's file; numbers from 1."""

    source: Source
    source_line: int
    line: int
    text: bytes


class Blaming:
    """`git blame` of a file (its path from the top of the worktree), of the `-L` spans when there are any, as it runs.

    Without a revision it is the file in the worktree, as git would store it. Raises GitFailed with git's words.
    """

    def __init__(self, repo: Repository, path: bytes, revision: str | None, spans: Sequence[str]) -> None:
        options = [option for span in spans for option in ("-L", span)]
        named = [repo.line("rev-parse", "--verify", "--end-of-options", f"{revision}^{{commit}}")] if revision else []
        # what a textconv makes of a file has other lines than what was recorded
        how = ("--porcelain", "--no-textconv")
        self._git = repo.start("-c", "core.quotePath=false", "blame", *how, *options, *named, "--", os.fsdecode(path))

    def lines(self) -> list[BlamedLine]:
        """Wait for git, and return the lines."""
        return parse_porcelain(self._git.check())


def blame(repo: Repository, path: bytes, revision: str | None, spans: Sequence[str]) -> list[BlamedLine]:
    """Return the lines of a file (see `Blaming`)."""
    return Blaming(repo, path, revision, spans).lines()


def parse_porcelain(data: bytes) -> list[BlamedLine]:
    """Parse `git blame --porcelain` (git-blame(1)). Raises Damaged."""
    told: dict[str, dict[str, Any]] = {}
    paths: dict[str, bytes] = {}
    sources: dict[tuple[str, bytes], Source] = {}
    found = []
    name, numbers = "", (0, 0)
    for line in data.split(b"\n"):
        if line[:1] == b"\t":
            if name not in told:
                raise Damaged(f"git blame names a line of '{name}' without its commit")
            path = paths.get(name, b"")
            source = sources.get((name, path))
            if source is None:
                source = sources[name, path] = Source(name, path, **told[name])
            found.append(BlamedLine(source, *numbers, line[1:]))
            continue
        word, _, value = line.partition(b" ")
        if len(word) in (40, 64) and value[:1].isdigit():
            name = word.decode("ascii")
            there, here, *_ = value.split()
            numbers = int(there), int(here)
            told.setdefault(name, {})
        elif word == b"filename":
            paths[name] = unquote(value)
        elif name:
            told[name] |= _told(word, value)
    return found


def _told(word: bytes, value: bytes) -> dict[str, Any]:
    """Return what a line tells of a commit."""
    if word == b"author":
        return {"author": decode(value)}
    if word == b"author-time":
        return {"time": int(value)}
    if word == b"author-tz":
        return {"zone": decode(value)}
    if word == b"summary":
        return {"summary": decode(value)}
    return {"boundary": True} if word == b"boundary" else {}
