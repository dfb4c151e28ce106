"""Segments of a session that were attached before, by a sealer that was killed then and could not say how far it got.

The same run makes the same line, unless rules, configuration or the environment are others by now: then a second line
would stand beside the first, of one name and other content. So what is there already is taken as it is.
"""

from collections.abc import Sequence
from functools import cached_property

from gittrace.errors import TraceError
from gittrace.git import notes
from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine, decode, parse_note
from gittrace.trace.recording import rewrites
from gittrace.trace.sealing.runs import Run
from gittrace.vocabulary import NOTES_REF, SEGMENTS_DIR, TRACE_REFS


class Earlier:
    """The segments of one session that are attached to commits, or kept in this clone."""

    def __init__(self, repo: Repository, store: ObjectStore, trace_id: str, session_id: str) -> None:
        self.repo = repo
        self.store = store
        self.session_id = session_id
        self._folder = f"{TRACE_REFS}{trace_id}:{SEGMENTS_DIR}"

    def lines(self, run: Run, index: int, commits: Sequence[str]) -> list[str]:
        """Return the lines that hold a run, the first of which has this index; none unless they hold all of it.

        `commits` are those that the session's segments were noted on before.
        """
        wanted = [event["id"] for event in run.events]
        known = self._there(run, commits)
        found: list[str] = []
        held: list[object] = []
        while len(held) < len(wanted) and (line := known.get(index + len(found))):
            try:
                held += [event.get("id") for event in decode(line)[1:]]
            except TraceError:
                return []  # damaged: it is made anew, and doctor names the other one
            found.append(str(line))
        return found if held == wanted else []

    def _there(self, run: Run, commits: Sequence[str]) -> dict[int, SegmentLine]:
        """Return by index what is noted where the run belongs, or else what no commit carries."""
        if run.commit and self.store.kind(run.commit) == "commit":
            texts = [self._note(run.commit)]
        else:
            names = [run.commit] if run.commit else commits[-1:]
            newer = [rewrites.newest(self.repo, name) for name in names]
            texts = [*map(self._note, (*names, *newer)), self._unlinked]
        lines = [line for text in texts for line in parse_note(text).segments if line.session_id == self.session_id]
        return {line.index: line for line in lines}

    @cached_property
    def _notes(self) -> str | None:
        tip = notes.tip(self.repo, NOTES_REF)
        return self.store.commit(tip).tree if tip else None

    def _note(self, commit: str) -> bytes:
        oid = notes.find(self.store, self._notes, commit) if self._notes else None
        return self.store.blob(oid) if oid else b""

    @cached_property
    def _unlinked(self) -> bytes:
        """The segments of the session that are kept in this clone, as a note has them."""
        folder = self.repo.git("rev-parse", "-q", "--verify", self._folder, ok=(0, 1)).decode().strip()
        name = f"{self.session_id}-".encode()
        entries = self.store.tree(folder) if folder else ()
        return b"".join(self.store.blob(entry.oid) for entry in entries if entry.name.startswith(name))
