"""What the index keeps of segments, found by unpacking them: of many, most in a process of its own."""

import json
import marshal
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any, BinaryIO, NamedTuple

from gittrace.errors import TraceError
from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository
from gittrace.model.segment import Note, SegmentLine, decode, parse_note
from gittrace.model.sound import sound
from gittrace.trace.forked import Forked
from gittrace.trace.produced.hints import of_segment
from gittrace.trace.stored.summary import as_text, header_summary, summary

# trace, session, index, hash, and what is kept of it, in the order of `Unpacked`; None where it was told before
Named = tuple[str, str, int, str, tuple[Any, ...] | None]
# so many of so many notes are the first process's
_MINE, _OF = 2, 5
# bytes that say how many follow
_SIZE = 8


class Unpacked(NamedTuple):
    """What is kept of a segment, as text: its header, (id, time, summary) of each event, and hints."""

    header: str
    events: list[tuple[str, str, str]]
    hints: str


def unpacked(line: SegmentLine) -> Unpacked:
    """Unpack a segment. Raises Damaged."""
    # who unpacks it to show more says what was left out
    (header, *events), _ = sound(decode(line))
    return Unpacked(
        json.dumps(header_summary(header)),
        [(as_text(event.get("id")), as_text(event.get("at", "")), json.dumps(summary(event))) for event in events],
        of_segment(header, events).dump(),
    )


class Ahead:
    """Unpacks most of some notes, given by their blobs, while the caller takes them one by one and does the others.

    It is never further ahead than a pipe holds, so it costs no memory, however many notes there are.
    """

    def __init__(self, repo: Repository, blobs: Sequence[str]) -> None:
        self._at = 0
        ahead = [blob for at, blob in enumerate(blobs) if _is_ahead(at)]
        self._forked: Forked | None = Forked(partial(_write, repo, ahead))

    def next(self) -> list[Named] | None:
        """Return the segments of the note that comes next.

        None when it is to be read in full: it was left to the caller, there is more in it, or damage.
        """
        at, self._at = self._at, self._at + 1
        if not self._forked or not _is_ahead(at):
            return None
        try:
            # to let marshal read the file itself takes it many times as long
            size = int.from_bytes(self._forked.file.read(_SIZE), "big")
            found: list[Named] | None = marshal.loads(self._forked.file.read(size))  # noqa: S302 - our own
        except (EOFError, ValueError, TypeError):
            # it was killed
            self.close()
            return None
        return found

    def close(self) -> None:
        """Wait for nothing any more."""
        forked, self._forked = self._forked, None
        if forked:
            forked.close()


def _is_ahead(at: int) -> bool:
    """Tell whether the n-th note is unpacked by the second process: the first one has rows to write besides."""
    return at % _OF >= _MINE


def _write(repo: Repository, blobs: Sequence[str], file: BinaryIO) -> None:
    for item in _notes(repo, blobs):
        data = marshal.dumps(item)
        file.write(len(data).to_bytes(_SIZE, "big") + data)


def _notes(repo: Repository, blobs: Sequence[str]) -> Iterator[list[Named] | None]:
    """Yield of each note its segments; None where it holds more of ours, or something can't be read."""
    seen: set[tuple[str, int, str]] = set()
    with open_objects(repo) as store:
        # a segment is proved by a hash of its own
        store.trust()
        for blob in blobs:
            try:
                yield _segments(parse_note(store.blob(blob)), seen)
            except TraceError:
                yield None


def _segments(note: Note, seen: set[tuple[str, int, str]]) -> list[Named] | None:
    """Return the segments of a note; what was `seen` before is not unpacked again: the caller knows it by then."""
    if note.forgets or note.damaged:
        return None
    found: list[Named] = []
    for line in note.segments:
        key = (line.session_id, line.index, line.sha256)
        found.append((line.trace_id, *key, None if key in seen else tuple(unpacked(line))))
        seen.add(key)
    return found
