"""Which lines of a commit the recorded events wrote: what blame shows and exporters write."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

# in place of a line's index: the file as it is, whatever lines it has
STATE = -1

Sure = Literal["high", "medium", "low"]
# whose hand wrote a line
HUMAN = "human"
AI = "ai"
MIXED = "mixed"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Writer:
    """The event that wrote lines: in its `diff` (what led to it) or its `effect`; `at` is its time (RFC 3339).

    segment  the number of the event's segment in its session
    who      `human`, `ai`, `mixed` (one changed in part what the other had written) or `unknown`
    agent    the name of the agent, `human` where none had a hand in it
    """

    trace_id: str
    session_id: str
    segment: int
    event_id: str
    at: str
    part: str
    who: str
    agent: str


@dataclass(frozen=True, slots=True)
class Line:
    """Who first wrote a line, and how sure that is; `original` is the text as it was written, when that is another.

    `high`: the line is as it was written, in its file; `medium`: its white space or its file is another.
    """

    writer: Writer
    sure: Sure = "high"
    original: bytes | None = None


@dataclass(frozen=True, slots=True)
class Added:
    """Consecutive lines that a commit adds to a file, from line `start` (1 is the first); `modifies`: for others."""

    start: int
    texts: tuple[bytes, ...]
    modifies: bool


@dataclass(frozen=True, slots=True)
class Range:
    """Added lines of one writer (None: nobody that was recorded). `originals` are the texts as they were written."""

    start: int
    texts: tuple[bytes, ...]
    modifies: bool
    writer: Writer | None
    sure: Sure
    originals: tuple[bytes, ...] | None

    @property
    def end(self) -> int:
        """The last line's number."""
        return self.start + len(self.texts) - 1


@dataclass(frozen=True, slots=True)
class AttributedFile:
    """A file that a commit changed; one to which it adds no lines (binary, deleted, renamed) has no ranges.

    state  who left the file as it is in the commit, where it has no ranges; None for nobody that was recorded
    gone   the lines that the commit only took away, numbered as in its parent
    """

    path: bytes
    ranges: tuple[Range, ...]
    state: Line | None = None
    gone: tuple[Added, ...] = ()


@dataclass(frozen=True, slots=True)
class Attribution:
    """Every line that a commit adds over its parents, by file in order of their paths."""

    commit: str
    files: tuple[AttributedFile, ...]


def ranges(added: Added, lines: list[Line | None]) -> Iterator[Range]:
    """Cut added lines where the writer changes, or how sure that is; `lines` runs parallel to the texts."""
    numbered = list(zip(range(len(lines)), added.texts, lines, strict=True))
    for (writer, sure), group in groupby(numbered, key=lambda item: _same(item[2])):
        some = list(group)
        originals = tuple(text if line is None or line.original is None else line.original for _, text, line in some)
        texts = tuple(text for _, text, _ in some)
        changed = originals if originals != texts else None
        yield Range(added.start + some[0][0], texts, added.modifies, writer, sure, changed)


def _same(line: Line | None) -> tuple[Writer | None, Sure]:
    return (line.writer, line.sure) if line else (None, "low")
