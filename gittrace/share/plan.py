"""What has to change at a server so that it has what it should: the notes of the commits that are there.

The cost is that of what is new: notes that changed since the last confirmed publication, and commits that came to the
remote since. What is published is the difference to the mirror, so a lost memory costs time and nothing else.
"""

import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from gittrace.errors import TraceError
from gittrace.git import notes
from gittrace.git.objects import DIRECTORY, EMPTY_TREE, ObjectStore
from gittrace.git.reach import outside, within
from gittrace.git.repository import Repository
from gittrace.model.segment import Note, SegmentLine, Signature, parse_note, render_note
from gittrace.model.tombstones import Tombstones
from gittrace.share.queue import Entry
from gittrace.share.remotes import Remotes, Target, mirror
from gittrace.share.state import State, Unproven
from gittrace.share.tips import Ask, Finder
from gittrace.vocabulary import NOTES_REF, SEGMENTS_DIR, TRACE_REFS

#: returns those lines that may leave, and why the others may not
Gate = Callable[[list[SegmentLine]], tuple[set[SegmentLine], dict[SegmentLine, TraceError]]]


@dataclass(frozen=True)
class Scope:
    """What is to be published: by default what is noted on commits that are at the remote.

    everything  older commits too, that were there before sharing began
    private     also what is noted on commits that the remote does not have
    unlinked    also what led to no commit
    """

    everything: bool = False
    private: bool = False
    unlinked: bool = False


@dataclass
class Plan:
    """What to do to get from `base` (the mirror; None: nothing is published yet) to what should be there.

    notes, files  commit (path) -> its new content; an empty note is removed
    segments      how many are added; `traces`: of which traces; `signatures`: how many go to segments that are there
    held          what the gate holds back, as in `State`
    tips          what is at the remote, as far as is known
    forgotten     traces that were forgotten since
    unproven, pushed  as in `State`
    """

    ref: str
    base: str | None
    notes_tip: str | None
    notes: dict[str, bytes] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    segments: int = 0
    signatures: int = 0
    traces: set[str] = field(default_factory=set)
    removed: int = 0
    forgotten: set[str] = field(default_factory=set)
    held: list[dict[str, Any]] = field(default_factory=list)
    tips: list[str] = field(default_factory=list)
    unproven: list[Unproven] = field(default_factory=list)
    pushed: dict[str, str] = field(default_factory=dict)

    @property
    def empty(self) -> bool:
        """Whether the server has everything already."""
        return not self.notes and not self.files


class Planner:
    """Makes the plan of one target. Reads only. `base`: what to take for the mirror, if not what that is."""

    def __init__(
        self,
        repo: Repository,
        store: ObjectStore,
        remotes: Remotes,
        target: Target,
        writer: str,
        state: State,
        base: str | None = None,
    ) -> None:
        self.repo = repo
        self.store = store
        self.state = state
        self.ref = mirror(target.to, writer)
        self.tracking = list(remotes.tracking(target.remote))
        self.refs = self._read_refs()
        self.base = base or self.refs.get(self.ref)
        self.local = self.refs.get(NOTES_REF)
        same = (state.to, state.writer, state.mirror) == (target.to, writer, self.base)
        self.known = same and state.notes is not None and store.kind(state.notes) == "commit"

    def _read_refs(self) -> dict[str, str]:
        patterns = {NOTES_REF, self.ref, *(ours.partition("*")[0].rstrip("/") for _, ours in self.tracking)}
        out = self.repo.git("for-each-ref", "--format=%(objectname) %(refname)", *sorted(patterns))
        pairs = (line.partition(" ") for line in os.fsdecode(out).splitlines())
        return {ref: oid for oid, _, ref in pairs}

    def there(self) -> list[str]:
        """Return the commits that remote-tracking refs show to be at the remote."""
        prefixes = tuple(ours.partition("*")[0] for _, ours in self.tracking)
        return sorted({oid for ref, oid in self.refs.items() if prefixes and ref.startswith(prefixes)})

    def may_have_news(self, entries: Sequence[Entry]) -> bool:
        """Tell whether something changed, here or at the remote, since notes were published last."""
        came = set(self.there()) - set(self.state.tips)
        return bool(entries or came) or not self.known or self.local != self.state.notes

    def plan(
        self,
        entries: Iterable[Entry],
        scope: Scope,
        gate: Gate,
        more: Mapping[str, Note],
        ask: Ask,
        ahead: Callable[[Mapping[str, bytes]], None] = lambda _: None,
    ) -> Plan:
        """Return what has to be done.

        more   commit -> segments that are to be noted on it though they are not here
        ask    the remote what it has
        ahead  is told, before the gate is asked, what the notes will be if that holds nothing back
        Raises GitFailed, TraceError.
        """
        plan = Plan(self.ref, self.base, self.local)
        finder = Finder(self.repo, self.store, self.there(), self.tracking, self.refs)
        tips = finder.find(self.state, entries, ask)
        plan.tips, plan.unproven, plan.pushed = tips.oids, tips.unproven, tips.pushed
        wanted = self._wanted(plan, scope) if self.local else {}
        for commit, extra in more.items():
            note = wanted.get(commit, Note())
            segments, signatures = (*note.segments, *extra.segments), (*note.signatures, *extra.signatures)
            wanted[commit] = replace(note, segments=segments, signatures=signatures)
        self._compare(plan, wanted, gate, ahead)
        if scope.unlinked:
            self._unlinked(plan, gate)
        self._take_back(plan, tips.refused)
        self._bury(plan)
        return plan

    def _wanted(self, plan: Plan, scope: Scope) -> dict[str, Note]:
        """Return commit -> note of what may have to be published: what is new here, or new at the remote."""
        assert self.local
        tree = self.store.commit(self.local).tree
        # once all was published that was there before sharing began, what is new is enough
        if not self.known or scope.private or (scope.everything and self.state.baseline):
            found = dict(notes.walk(self.store, tree))
            came: set[str] = set()
        else:
            assert self.state.notes
            old = self.store.commit(self.state.notes).tree
            found = {commit: oid for commit, oid in notes.changed(self.store, old, tree) if oid}
            found |= notes.find_all(self.store, tree, {str(item["commit"]) for item in self.state.held})
            came = outside(self.repo, plan.tips, (*self._still(self.state.tips), *self._baseline(scope)))
            found |= notes.find_all(self.store, tree, came)
        parsed = {commit: parse_note(self.store.blob(oid)) for commit, oid in found.items()}
        here = {commit for commit in found if self.store.kind(commit) == "commit"}
        # to what came the tips lead, and what was there before does not
        there = here if scope.private else here & came | within(self.repo, here - came, plan.tips)
        there -= within(self.repo, there - came, self._baseline(scope))
        return {commit: note for commit, note in parsed.items() if commit in there}

    def _baseline(self, scope: Scope) -> list[str]:
        return [] if scope.everything or scope.private else self._still(self.state.baseline or [])

    def _still(self, oids: Iterable[str]) -> list[str]:
        return [oid for oid in oids if self.store.kind(oid) in ("commit", "tag")]

    def _notes_of(self, tip: str | None, commits: Collection[str]) -> dict[str, Note]:
        if not tip:
            return {}
        found = notes.find_all(self.store, self.store.commit(tip).tree, commits)
        return {commit: parse_note(self.store.blob(oid)) for commit, oid in found.items()}

    def _compare(
        self, plan: Plan, wanted: dict[str, Note], gate: Gate, ahead: Callable[[Mapping[str, bytes]], None]
    ) -> None:
        published = self._notes_of(self.base, wanted)
        fresh: dict[str, list[SegmentLine]] = {}
        for commit, note in wanted.items():
            have = {_key(line) for line in published.get(commit, Note()).segments}
            fresh[commit] = [line for line in note.segments if _key(line) not in have]
        asked = list({_key(line): line for some in fresh.values() for line in some}.values())
        if asked:
            ahead({commit: text for commit, text, _, _ in _changed(wanted, published, fresh)})
        passed, held = gate(asked) if asked else (set(), {})
        may = {_key(line) for line in passed}
        why = {_key(line): error for line, error in held.items()}
        for commit, lines in fresh.items():
            plan.held += [_held(commit, line, why[_key(line)]) for line in lines if _key(line) not in may]
        leaving = {commit: [line for line in lines if _key(line) in may] for commit, lines in fresh.items()}
        for commit, text, lines, signatures in _changed(wanted, published, leaving):
            plan.notes[commit] = text
            plan.segments += len(lines)
            _count_signatures(plan, signatures, lines)
            plan.traces |= {line.trace_id for line in lines}

    def _bury(self, plan: Plan) -> None:
        """Publish the tombstones that are new, and take out of what is published whatever they cover.

        All that a clone knows are in one place, the note of the empty tree.
        """
        place = EMPTY_TREE[self.store.format]
        local = self._notes_of(self.local, [place]).get(place, Note())
        old = self._notes_of(self.base, [place]).get(place, Note())
        fresh = [line for line in local.forgets if line not in old.forgets]
        if not fresh or not self.base:
            return
        plan.notes[place] = render_note([*old.lines(), *fresh])
        dead = Tombstones(fresh)
        plan.forgotten = dead.traces()
        for commit, oid in notes.walk(self.store, self.store.commit(self.base).tree):
            planned = plan.notes.get(commit)
            note = parse_note(self.store.blob(oid) if planned is None else planned)
            gone = {line for line in note.segments if dead.covers_line(line)}
            if gone:
                plan.notes[commit] = render_note(note.without(gone))
                plan.removed += len(gone)
        for name, oid in _segment_files(self.store, self.store.commit(self.base).tree):
            if any(dead.covers_line(line) for line in parse_note(self.store.blob(oid)).segments):
                plan.files[f"{SEGMENTS_DIR}/{name}"] = b""
                plan.removed += 1

    def _unlinked(self, plan: Plan, gate: Gate) -> None:
        """Add what led to no commit, as files `segments/<session-id>-<index>` beside the notes."""
        have = dict(_segment_files(self.store, self.store.commit(self.base).tree)) if self.base else {}
        out = self.repo.git("for-each-ref", "--format=%(objectname)", TRACE_REFS)
        found: dict[str, Note] = {}
        for root in out.decode().split():
            for name, oid in _segment_files(self.store, root):
                note = parse_note(self.store.blob(oid))
                if note.segments and (name not in have or note.signatures):
                    found[name] = note
        there = {name: parse_note(self.store.blob(have[name])) for name in found if name in have}
        fresh = [note.segments[0] for name, note in found.items() if name not in there]
        passed, held = gate(fresh) if fresh else (set(), {})
        for name, note in found.items():
            line, old = note.segments[0], there.get(name, Note())
            if name not in there and line not in passed:
                plan.held.append(_held("", line, held[line]))
                continue
            lines = [] if name in there else [line]
            signatures = _missing(note, old, lines)
            if lines or signatures:
                plan.files[f"{SEGMENTS_DIR}/{name}"] = render_note([*old.lines(), *lines, *signatures])
                plan.segments += len(lines)
                _count_signatures(plan, signatures, lines)
                plan.traces |= {line.trace_id for line in lines}

    def _take_back(self, plan: Plan, refused: list[str]) -> None:
        """Remove what was published for pushes that were refused in the end."""
        if not refused or not self.base:
            return
        never = outside(self.repo, refused, plan.tips)
        for commit, note in self._notes_of(self.base, never).items():
            plan.notes[commit] = b""
            plan.removed += len(note.segments)


def _key(line: SegmentLine) -> tuple[str, int, str]:
    return line.session_id, line.index, line.sha256


def _changed(
    wanted: Mapping[str, Note], published: Mapping[str, Note], fresh: Mapping[str, list[SegmentLine]]
) -> Iterator[tuple[str, bytes, list[SegmentLine], list[Signature]]]:
    """Yield (commit, its new note, the segments and the signatures that come to it) of the notes that change."""
    for commit, note in wanted.items():
        old, lines = published.get(commit, Note()), fresh[commit]
        signatures = _missing(note, old, lines)
        if lines or signatures:
            yield commit, render_note([*old.lines(), *lines, *signatures]), lines, signatures


def _missing(note: Note, published: Note, fresh: Sequence[SegmentLine]) -> list[Signature]:
    """Return the signatures in a note, of segments that are published or will be, that are not there yet."""
    return [one for one in note.signatures_of([*published.segments, *fresh]) if one not in published.signatures]


def _count_signatures(plan: Plan, signatures: Iterable[Signature], fresh: Sequence[SegmentLine]) -> None:
    along = {line.key for line in fresh}
    plan.signatures += sum(one.key not in along for one in signatures)


def _segment_files(store: ObjectStore, root: str) -> Iterable[tuple[str, str]]:
    for entry in store.tree(root):
        if entry.name == SEGMENTS_DIR.encode() and entry.mode == DIRECTORY:
            for segment in store.tree(entry.oid):
                yield segment.name.decode("utf-8", "surrogateescape"), segment.oid


def _held(commit: str, line: SegmentLine, error: TraceError) -> dict[str, Any]:
    return {
        "commit": commit,
        "trace_id": line.trace_id,
        "session_id": line.session_id,
        "index": line.index,
        "sha256": line.sha256,
        "why": str(error),
        "hint": error.hint or "",
    }
