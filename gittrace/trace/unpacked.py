"""What the index keeps of segments, found by unpacking them: of many, half in a process of its own."""

import json
import marshal
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

from gittrace.errors import TraceError
from gittrace.git.objects import open_objects
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine, decode, parse_note
from gittrace.model.sound import sound
from gittrace.trace.hints import of_segment
from gittrace.trace.summary import as_text, header_summary, summary

# trace, session, index, hash, and what is kept of it, in the order of `Unpacked`
Named = tuple[str, str, int, str, tuple[Any, ...]]


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
    """Unpacks the segments of some notes, given by their blobs, while the caller is busy with others."""

    def __init__(self, repo: Repository, blobs: Sequence[str]) -> None:
        self._blobs = frozenset(blobs)
        self._found: dict[str, list[Named]] | None = None
        self._reading, writing = os.pipe()
        sys.stdout.flush()
        self._child = os.fork()
        if self._child == 0:
            _work(repo, blobs, writing)
        os.close(writing)

    def get(self, blob: str) -> list[Named] | None:
        """Return the segments of a note; None when it is to be read in full: there is more in it, or damage."""
        if blob not in self._blobs:
            return None
        if self._found is None:
            self._found = self._collect()
        return self._found.get(blob)

    def _collect(self) -> dict[str, list[Named]]:
        with os.fdopen(self._reading, "rb") as file:
            data = file.read()
        child, self._child = self._child, 0
        _, status = os.waitpid(child, 0)
        found: dict[str, list[Named]] = {} if status else marshal.loads(data)  # noqa: S302 - our own
        return found

    def close(self) -> None:
        """Wait for nothing any more."""
        if self._child:
            os.kill(self._child, signal.SIGKILL)
            self._collect()


def _work(repo: Repository, blobs: Sequence[str], writing: int) -> NoReturn:
    """Write what is found; what the caller has open (a database) is neither touched nor closed here."""
    status = 1
    try:
        with os.fdopen(writing, "wb") as file:
            file.write(marshal.dumps(_notes(repo, blobs)))
        status = 0
    finally:
        # not the end of the caller's process: nothing of it is cleaned up twice
        os._exit(status)


def _notes(repo: Repository, blobs: Sequence[str]) -> dict[str, list[Named]]:
    """Return the segments of the notes that hold nothing else of ours, and of which each can be read."""
    found: dict[str, list[Named]] = {}
    seen: dict[tuple[str, int, str], tuple[Any, ...]] = {}
    with open_objects(repo) as store:
        for blob in blobs:
            note = parse_note(store.blob(blob))
            if note.forgets or note.damaged:
                continue
            try:
                for line in note.segments:
                    key = (line.session_id, line.index, line.sha256)
                    if key not in seen:
                        seen[key] = tuple(unpacked(line))
                found[blob] = [
                    (line.trace_id, line.session_id, line.index, line.sha256,
                     seen[line.session_id, line.index, line.sha256])
                    for line in note.segments
                ]  # fmt: skip
            except TraceError:
                continue
    return found
