"""git's own graph of commits, with room in it for more lines below each."""

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from gittrace.git.repository import Repository
from gittrace.text import decode, shown

Below = Callable[[str, int], Iterable[str]]

# Lines that git is asked to print below a commit. By then it has drawn what most merges need; those that say nothing
# are left out again.
_ROOM = 6
_COLOUR = re.compile(r"(\x1b\[[0-9;]*m)")
# what is drawn beside a line between two commits when no branch begins or ends there
_STRAIGHT = re.compile(r"[| ]*")
_SLANTS = str.maketrans("\\/_-.", "     ")


@dataclass(frozen=True)
class Selection:
    """Which commits to show.

    revisions  what git takes as such, ranges too; HEAD if there are none
    paths      pathspecs: only commits that change such files
    all        those of all branches, tags and remote-tracking branches
    count      at most so many, -1 for any number
    """

    revisions: Sequence[str] = ()
    paths: Sequence[str] = ()
    all: bool = False
    count: int = -1


def graph_log(repo: Repository, selection: Selection, colour: bool, below: Below) -> Iterator[str]:
    """Yield the lines of `git log --graph`, a line a commit, and below each commit those that `below` returns for it.

    `below` is given the commit's oid and how many columns of its lines the graph takes.
    What git did not make itself is safe for a terminal. Raises GitFailed.
    """
    # made up anew each time, so no subject holds it
    mark = os.urandom(12).hex()
    form = f"{mark}%H{mark}%C(auto)%h%d%C(reset){mark} %s{f'%n{mark}' * _ROOM}"
    options = (
        "log", "--graph", f"--color={'always' if colour else 'never'}", f"--format={form}",
        f"--max-count={selection.count}", "--encoding=UTF-8", "--no-show-signature", "--no-patch", "--no-notes",
    )  # fmt: skip
    # of --all git shows notes and stashes, too
    everything = ("--branches", "--tags", "--remotes", *_head(repo)) if selection.all else ()
    argv = (*options, *everything, "--end-of-options", *selection.revisions, "--", *selection.paths)
    yield from _woven(_lines(repo.start(*argv).stream()), mark, below)


def _head(repo: Repository) -> tuple[str, ...]:
    return ("HEAD",) if repo.git("rev-parse", "-q", "--verify", "HEAD", ok=(0, 1)) else ()


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    rest = b""
    for part in parts:
        *lines, rest = (rest + part).split(b"\n")
        yield from map(decode, lines)
    if rest:
        yield decode(rest)


def _woven(lines: Iterable[str], mark: str, below: Below) -> Iterator[str]:
    oid = ""
    told: Iterator[str] | None = None
    left = 0
    for line in lines:
        drawn, *fields = line.split(mark)
        if len(fields) == 3:
            oid, name, subject = fields
            told, left = None, _ROOM
            yield drawn + _shown(name) + shown(subject)
            continue
        if not fields:
            yield line
            continue
        if told is None:
            told = iter(below(oid, len(_COLOUR.sub("", drawn))))
        left -= 1
        text = next(told, None)
        if text is not None:
            yield drawn + text
        elif not _STRAIGHT.fullmatch(_COLOUR.sub("", drawn)):
            yield drawn.rstrip(" ")
        if left == 0:
            yield from (drawn.translate(_SLANTS) + text for text in told)


def _shown(name: str) -> str:
    """Return a commit's name and what points to it, with git's colours and nothing else that a terminal obeys."""
    return "".join(part if _COLOUR.fullmatch(part) else shown(part) for part in _COLOUR.split(name))
