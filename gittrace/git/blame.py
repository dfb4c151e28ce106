"""`git blame` as git itself makes it: which commit each line of a file came from, and where it stood there."""

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from gittrace.errors import Damaged
from gittrace.git.patch import unquote
from gittrace.git.repository import Repository
from gittrace.text import decode

# of a line: its commit, its number there and here, what is told of the commit, and the text
_LINE = re.compile(rb"([0-9a-f]{40,64}) (\d+) (\d+)[^\n]*\n((?:[^\t][^\n]*\n)*)\t([^\n]*)\n")


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
    told: dict[bytes, dict[str, Any]] = {}
    sources: dict[bytes, Source] = {}
    found = []
    rows = _LINE.findall(data)
    if len(rows) != data.count(b"\n\t"):
        raise Damaged("cannot read what git blame prints")
    for commit, there, here, said, text in rows:
        if said:
            # of a commit that was told of before it is only the path
            path, about = _told(said)
            sources[commit] = Source(commit.decode("ascii"), path, **told.setdefault(commit, about))
        elif commit not in sources:
            raise Damaged(f"git blame names a line of '{decode(commit)}' without its commit")
        found.append(BlamedLine(sources[commit], int(there), int(here), text))
    return found


def _told(said: bytes) -> tuple[bytes, dict[str, Any]]:
    """Return the path in a commit, and what is told of that, if it is (see `Source`)."""
    path, about = b"", dict[str, Any]()
    for line in said.split(b"\n"):
        word, _, value = line.partition(b" ")
        if word == b"filename":
            path = unquote(value)
        elif word == b"author":
            about["author"] = decode(value)
        elif word == b"author-time":
            about["time"] = int(value)
        elif word == b"author-tz":
            about["zone"] = decode(value)
        elif word == b"summary":
            about["summary"] = decode(value)
        elif word == b"boundary":
            about["boundary"] = True
    return path, about
