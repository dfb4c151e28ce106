"""`git blame` as git itself makes it: which commit each line of a file came from, and where it stood there."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

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
    commits: dict[str, Source] = {}
    sources: dict[tuple[str, bytes], Source] = {}
    current: dict[str, bytes] = {}
    found = []
    name, numbers = "", (0, 0)
    for line in data.split(b"\n"):
        if line[:1] == b"\t":
            path = current.pop(name, None)
            known = commits.get(name)
            if known is None:
                raise Damaged(f"git blame names a line of '{name}' without its commit")
            if path is not None:
                known = commits[name] = replace(known, path=path)
            source = sources.setdefault((name, known.path), known)
            found.append(BlamedLine(source, numbers[0], numbers[1], line[1:]))
            continue
        word, _, value = line.partition(b" ")
        if len(word) in (40, 64) and value[:1].isdigit():
            name = word.decode("ascii")
            numbers = int(value.split()[0]), int(value.split()[1])
            commits.setdefault(name, Source(name, b""))
        elif word == b"filename":
            current[name] = unquote(value)
        elif name:
            commits[name] = _told(commits[name], word, value)
    return found


def _told(source: Source, word: bytes, value: bytes) -> Source:
    if word == b"author":
        return replace(source, author=decode(value))
    if word == b"author-time":
        return replace(source, time=int(value))
    if word == b"author-tz":
        return replace(source, zone=decode(value))
    if word == b"summary":
        return replace(source, summary=decode(value))
    return replace(source, boundary=True) if word == b"boundary" else source
