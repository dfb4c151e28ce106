"""All traces of a repository, as readers see them: what the notes hold, and what is still in journals.

Every reader seals first what is pending; what it can't seal (the session goes on) is read from the journal.
"""

import os
from dataclasses import dataclass, field
from typing import Any

from gittrace.errors import NotFound, TraceError, told
from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.journal.active import Active, active_session, journal_path
from gittrace.journal.read import Event, read
from gittrace.protect.masking import Masking
from gittrace.trace.recording import progress
from gittrace.trace.sealing.waiting import is_anything, pending_sessions, session_header
from gittrace.trace.stored.index import Index
from gittrace.trace.stored.indexed import Place
from gittrace.trace.stored.summary import summary
from gittrace.vocabulary import NOTES_REF, SESSIONS_DIR, STOP

# `log` and `status` are answered from the index: what seals, or unpacks segments, is loaded when one is
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.git.diff import Differ
    from gittrace.model.segment import SegmentLine
    from gittrace.model.trace import Segment, Trace


@dataclass
class Pending:
    """A session with events that are in no segment yet."""

    session_id: str
    header: Event
    events: list[Event]
    damaged: list[str] = field(default_factory=list)


class Store:
    """Reads traces.

    problems  in words, what could not be sealed or read
    blocked   those of them that say why nothing could be sealed at all: no damage, and all can be read
    """

    def __init__(self, repo: Repository) -> None:
        self.repo = repo
        self.problems: list[str] = []
        self.blocked: list[str] = []
        self._differ: Differ | None = None
        self._line_differ: Differ | None = None
        self._masking = Masking(repo)
        try:
            if is_anything(repo):
                from gittrace.trace.sealing.seal import seal

                self.problems += seal(repo).failed
        except (TraceError, OSError) as error:
            # a full disk or a read-only repository: what is recorded can be read all the same
            self.blocked.append(f"cannot seal: {told(error)}")
            self.problems += self.blocked
        self.index = Index(repo)
        self.pending = {item.session_id: item for item in self._pending()}
        self.active: Active | None = active_session(repo.trace_dir, repo.common_trace_dir)

    @property
    def objects(self) -> ObjectStore:
        """The repository's objects."""
        return self.index.store

    @property
    def differ(self) -> "Differ":
        """What compares the repository's trees."""
        if self._differ is None:
            from gittrace.git.diff import Differ

            self._differ = Differ(self.repo)
        return self._differ

    @property
    def line_differ(self) -> "Differ":
        """The same for who asks for lines only: without the data of binary files."""
        if self._line_differ is None:
            from gittrace.git.diff import Differ

            self._line_differ = Differ(self.repo, has_data=False)
        return self._line_differ

    def close(self) -> None:
        """Let go of the cache, the object store and what compares trees."""
        for differ in (self._differ, self._line_differ):
            if differ:
                differ.close()
        self.index.close()

    def _pending(self) -> list[Pending]:
        if not os.path.isdir(os.path.join(self.repo.common_trace_dir, SESSIONS_DIR)):
            return []
        found = []
        dead = self.index.tombstones()
        for session_id in pending_sessions(self.repo):
            path = journal_path(self.repo.common_trace_dir, session_id)
            done = progress.load(self.repo.common_trace_dir, session_id)
            try:
                header = session_header(path)
                reading = read(path, done.offset)
            except (TraceError, FileNotFoundError) as error:
                self.problems.append(str(error))
                continue
            if dead and dead.covers(str(header["trace_id"]), header.get("at")):
                continue  # sealing says so
            events = [event for event in reading.events if event["kind"] != "session"]
            found.append(Pending(session_id, header, events, reading.damaged))
        return found

    def trace_ids(self, limit: int = -1) -> list[str]:
        """Return the ids of all traces, the one that something happened in last first."""
        ended = {trace: at for trace, _, at in self.index.traces(limit)}
        for item in self.pending.values():
            last = item.events[-1]["at"] if item.events else item.header["at"]
            trace = item.header["trace_id"]
            ended[trace] = max(last, ended.get(trace, ""))
        ids = sorted(ended, key=lambda trace: ended[trace], reverse=True)
        return ids if limit < 0 else ids[:limit]

    def headers(self, trace: str) -> list[dict[str, Any]]:
        """Return the headers of a trace's segments and unsealed sessions, cut to what lists show."""
        headers = self.index.headers(trace)
        known = {header["session_id"] for header in headers}
        headers += [
            item.header
            for item in self.pending.values()
            if item.header["trace_id"] == trace and item.session_id not in known
        ]
        return sorted(headers, key=lambda header: str(header.get("at", "")))

    def summaries(self, trace: str) -> list[dict[str, Any]]:
        """Return summaries of a trace's events, in the order in which they were recorded."""
        events = self.index.events(trace)
        for item in self.pending.values():
            if item.header["trace_id"] == trace:
                events += [
                    {"id": event["id"], "session_id": item.session_id, "at": event["at"], **summary(event)}
                    for event in item.events
                ]
        began: dict[str, str] = {}
        for event in events:
            began.setdefault(event["session_id"], event["at"])
        return sorted(events, key=lambda event: (began[event["session_id"]], event["session_id"]))

    def is_active(self, trace: str) -> bool:
        """Tell whether a session of the trace goes on in some worktree."""
        return any(
            item.header["trace_id"] == trace and not (item.events and item.events[-1]["kind"] == STOP)
            for item in self.pending.values()
        )

    def load(self, trace: str) -> "Trace":
        """Return a trace with all its events, diffs included. Raises NotFound."""
        from gittrace.model.trace import assemble

        places: dict[tuple[str, int, str], list[Place]] = {}
        for place in self.index.places(trace):
            places.setdefault((place.session_id, place.index, place.sha256), []).append(place)
        segments = []
        for found in places.values():
            segment = self._segment(found)
            if segment is not None:
                segments.append(segment)
        segments += [self.unsealed(item) for item in self.pending.values() if item.header["trace_id"] == trace]
        if not segments:
            raise NotFound(f"trace '{trace}' has no segment that can be read")
        return assemble(segments, self.is_active(trace))

    def _segment(self, places: list[Place]) -> "Segment | None":
        from gittrace.model.segment import decode, parse_note
        from gittrace.model.sound import sound
        from gittrace.model.trace import Segment

        first = places[0]
        commits = tuple(dict.fromkeys(place.commit for place in places if place.commit))
        for line in parse_note(self.objects.blob(first.blob)).segments:
            if (line.session_id, line.index, line.sha256) == (first.session_id, first.index, first.sha256):
                try:
                    (header, *events), wrong = sound(decode(line))
                except TraceError as error:
                    self.problems.append(str(error))
                    return None
                unlinked = not commits
                for text in wrong:
                    self.problems.append(f"segment '{line.session_id}-{line.index}': {text}")
                return Segment(
                    line.trace_id, line.session_id, line.index, line.sha256, header, tuple(events), commits, unlinked
                )
        return None

    def lines(self, trace: str) -> "list[SegmentLine]":
        """Return the lines of a trace's sealed segments, each once."""
        from gittrace.model.segment import parse_note

        wanted = {(place.session_id, place.index, place.sha256): place.blob for place in self.index.places(trace)}
        notes = {blob: parse_note(self.objects.blob(blob)).segments for blob in set(wanted.values())}
        return [
            line
            for key, blob in wanted.items()
            for line in notes[blob]
            if (line.session_id, line.index, line.sha256) == key
        ]

    def unsealed(self, item: Pending) -> "Segment":
        """Return what a session has recorded that is in no segment yet, as a segment."""
        from gittrace.model.trace import Segment
        from gittrace.trace.sealing.making import segment_of

        done = progress.load(self.repo.common_trace_dir, item.session_id)
        header, *events = segment_of(self.repo, item.header, item.events, done, self._masking)
        return Segment(item.header["trace_id"], item.session_id, done.index, "", header, tuple(events), unlinked=True)

    def own_commits(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace, each once."""
        return list(dict.fromkeys(place.commit for place in self.index.places(trace) if place.commit))


__all__ = ["NOTES_REF", "Pending", "Store"]
