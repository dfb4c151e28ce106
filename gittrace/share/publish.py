"""Publish: bring this writer's ref at a server to what it should be, always as a fast-forward.

The chain of notes commits is one of its own for each remote, on top of what the server confirmed last. The mirror of
it moves when the server has confirmed, the queue's entries leave then, and not before. May be killed anywhere.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from gittrace.errors import GitFailed, TraceError, told
from gittrace.git import garbage, notes, transfer
from gittrace.git.objects import ObjectStore, open_objects
from gittrace.git.repository import Repository
from gittrace.git.transfer import Line, RemoteMoved
from gittrace.model.segment import Note, parse_note
from gittrace.share import queue, writer
from gittrace.share import state as states
from gittrace.share.gated import Beside, gate_of
from gittrace.share.plan import Plan, Planner, Scope
from gittrace.share.queue import Entry
from gittrace.share.remotes import Remotes, Target, mirror, writer_of
from gittrace.share.state import State, share_dir
from gittrace.trace import alone as lock
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.seal import seal
from gittrace.vocabulary import NOTES_REF, SHARED_NOTES_REFS

_MESSAGE = "Notes published by 'git trace push'"
_ATTEMPTS = 4
_LOCK = "lock"
_MAKING = "making"
# seconds for a process that is signing already
_SIGNING = 10


class Busy(TraceError):
    """Another process is publishing."""


@dataclass
class Published:
    """What a publication did.

    commits, segments, removed  how many notes were written, segments added and taken away
    signatures                  how many were added to segments that were there
    to_sign  of a dry run: how many segments are to be signed before, some of which may be published already
    held     what the gate held back, as in `State`
    renewed  whether this turned out to be a copy of another clone, and publishes under a new id since
    problems what could not be sealed
    """

    target: Target
    writer: str = ""
    commits: int = 0
    segments: int = 0
    signatures: int = 0
    to_sign: int = 0
    removed: int = 0
    traces: list[str] = field(default_factory=list)
    held: list[dict[str, Any]] = field(default_factory=list)
    old: str | None = None
    new: str | None = None
    renewed: bool = False
    problems: list[str] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """The ref at the server."""
        return SHARED_NOTES_REFS + self.writer


@dataclass
class Rehearsal:
    """What a dry run would have left behind; its next question starts from there, and nobody else sees it.

    mirrors  ref -> the commit of notes that it would lead to
    states   remote -> what would be remembered of it
    """

    mirrors: dict[str, str] = field(default_factory=dict)
    states: dict[str, State] = field(default_factory=dict)


def alone(repo: Repository, wait: float = 0) -> AbstractContextManager[bool]:
    """Yield whether no other process publishes from this repository; wait for it for so many seconds."""
    return lock.alone(os.path.join(share_dir(repo), _LOCK), wait)


@contextmanager
def exclusively(repo: Repository, line: Line) -> Iterator[None]:
    """Be the only one who publishes from this repository. Raises Busy when another does for too long."""
    with alone(repo, wait=line.idle) as mine:
        if not mine:
            raise Busy("another process is publishing", "wait for it to end, then try again")
        yield


More = Mapping[str, Note]


def publish(
    repo: Repository,
    target: Target,
    scope: Scope,
    line: Line,
    dry: Rehearsal | None = None,
    more: More | None = None,
    store: ObjectStore | None = None,
) -> Published:
    """Publish what should be at a target, by who is alone; of the queue, all that is for it is done with then.

    dry   only say what would be published; objects that no ref leads to are all that it leaves
    more  commit -> segments to be noted on it there though they are not here
    store the repository's objects, where they are open
    Raises NotInitialized, BadConfig, TransferFailed, GitFailed, OSError; the queue's entries then stay.
    """
    done = Published(target)
    done.problems = seal(repo).failed
    if unsigned.due(repo):
        if dry:
            done.to_sign = len(unsigned.waiting(repo))
        else:
            done.problems += _sign(repo)
    entries = [entry for entry in queue.ready(repo) if (entry.remote, entry.to) == (target.remote, target.to)]
    try:
        remotes = Remotes(repo)
        remotes.check(target)
        done.renewed = not dry and writer.ensure_own(repo)
        with nullcontext(store) if store else open_objects(repo) as objects:
            _Publication(repo, objects, remotes, target, scope, line, done, dry).run(entries, more or {})
    except (TraceError, OSError) as error:
        if not dry:
            queue.keep(repo, entries, told(error))
        raise
    if not dry:
        queue.confirm(repo, entries)
    return done


def _sign(repo: Repository) -> list[str]:
    """Sign what is to be signed, so that it is published signed; return what went wrong beyond what status tells."""
    from gittrace.trace.sealing.signing import sign_waiting

    try:
        sign_waiting(repo, wait=_SIGNING)
    except (TraceError, OSError) as error:
        return [f"cannot sign: {told(error)}"]
    return []


class _Publication:
    def __init__(
        self,
        repo: Repository,
        store: ObjectStore,
        remotes: Remotes,
        target: Target,
        scope: Scope,
        line: Line,
        done: Published,
        dry: Rehearsal | None,
    ) -> None:
        self.repo = repo
        self.store = store
        self.remotes = remotes
        self.target = target
        self.scope = scope
        self.line = line
        self.done = done
        self.dry = dry
        # the notes that git writes while the gate looks at them, and on top of what
        self._making: tuple[str | None, Mapping[str, bytes], notes.Making] | None = None

    def run(self, entries: Sequence[Entry], more: More) -> None:
        try:
            self._run(entries, more)
        finally:
            self._abandon()

    def _run(self, entries: Sequence[Entry], more: More) -> None:
        for attempt in range(_ATTEMPTS):
            state = state_of(self.repo, self.target, self.dry)
            writer_id = self.done.writer = writer_of(self.repo)
            base = self.dry.mirrors.get(mirror(self.target.to, writer_id)) if self.dry else None
            planner = Planner(self.repo, self.store, self.remotes, self.target, writer_id, state, base)
            if state.baseline is None:
                state.baseline = planner.there()
            # what was held back will be again, and objects be written for nobody each time
            ahead = {} if self.dry or state.held else {"ahead": partial(self._begin, planner.base)}
            # there are two processors mostly, and to load the rules takes as long as to find out what is new
            beside = Beside(self.repo) if not attempt and planner.may_have_news(entries) else None
            with closing(beside) if beside else nullcontext():
                plan = planner.plan(entries, self.scope, gate_of(self.repo, beside), more, self._ask, **ahead)
            self._report(plan)
            if self.dry:
                self._rehearse(self.dry, plan, state)
                return
            try:
                new = plan.base if plan.empty else self._send(plan, state)
            except RemoteMoved:
                if attempt + 1 == _ATTEMPTS:
                    raise
                self._settle(plan, state)
                continue
            self.done.new = new
            self._remember(plan, state, new)
            return

    def _ask(self) -> list[tuple[str, str]] | None:
        try:
            places = self.remotes.pushed_to(self.target.remote)
            return [item for place in places for item in transfer.list_refs(self.repo, place, [], self.line).items()]
        except (transfer.TransferFailed, GitFailed):
            return None

    def _report(self, plan: Plan) -> None:
        done = self.done
        done.old = done.new = plan.base
        done.commits, done.segments, done.removed = len(plan.notes), plan.segments, plan.removed
        done.signatures = plan.signatures
        done.traces, done.held = sorted(plan.traces), plan.held

    def _rehearse(self, dry: Rehearsal, plan: Plan, state: State) -> None:
        new = plan.base if plan.empty else self._make(plan)
        if new:
            dry.mirrors[plan.ref] = new
        self._remember(plan, state, new)

    def _begin(self, base: str | None, changed: Mapping[str, bytes]) -> None:
        """Have git write the notes that are to be published if the gate holds nothing back. No ref leads to them."""
        self._abandon()
        folder = share_dir(self.repo)
        os.makedirs(folder, exist_ok=True)
        making = notes.Making(self.repo, self.store, base, changed, _MESSAGE, os.path.join(folder, _MAKING))
        self._making = base, changed, making

    def _abandon(self) -> None:
        making, self._making = self._making, None
        if making:
            making[2].abandon()

    def _make(self, plan: Plan) -> str:
        if self._making and self._making[:2] == (plan.base, plan.notes) and not plan.files:
            making, self._making = self._making[2], None
            return making.finish()
        return notes.make(self.repo, self.store, plan.base, plan.notes, _MESSAGE, plan.files)

    def _send(self, plan: Plan, state: State) -> str:
        new = self._make(plan)
        state.attempt(new)
        states.save(self.repo, self.target.remote, state)
        transfer.push(self.repo, self.target.to, new, self.done.ref, self.line)
        if plan.forgotten:
            # its modules are of no use else
            from gittrace.share.snapshots import withdraw

            withdraw(self.repo, self.target, self.done.writer, plan.forgotten, self.line)
        _move(self.repo, plan.ref, new, plan.base)
        return new

    def _remember(self, plan: Plan, state: State, new: str | None) -> None:
        state.to, state.writer, state.mirror = self.target.to, self.done.writer, new
        state.notes, state.tips, state.held = plan.notes_tip, plan.tips, plan.held
        state.unproven, state.pushed = plan.unproven, plan.pushed
        if self.scope.everything or self.scope.private:
            state.baseline = []
        if new:
            state.attempted = []
        if self.dry:
            self.dry.states[self.target.remote] = state
        else:
            states.save(self.repo, self.target.remote, state)

    def _settle(self, plan: Plan, state: State) -> None:
        """Find out who moved our ref at the server; if it was another clone, publish under another id from now on."""
        transfer.fetch(self.repo, self.target.to, [f"+{self.done.ref}:{plan.ref}"], self.line)
        tip = notes.tip(self.repo, plan.ref)
        # what was sent may have arrived although nobody said so; and a mirror that was lost is found again
        if tip and tip not in state.attempted and not self._knows(plan.base, tip):
            writer.renew(self.repo)
            self.done.renewed = True

    def _knows(self, base: str | None, tip: str) -> bool:
        """Tell whether all that came to a notes ref since `base` is in this clone's own notes."""
        old = self.store.commit(base).tree if base and self.store.kind(base) == "commit" else None
        changed = notes.changed(self.store, old, self.store.commit(tip).tree)
        theirs = {commit: oid for commit, oid in changed if oid and len(commit) == len(self.repo.zero)}
        local = notes.tip(self.repo, NOTES_REF)
        ours = notes.find_all(self.store, self.store.commit(local).tree, theirs) if local else {}
        for commit, oid in theirs.items():
            mine = set(parse_note(self.store.blob(ours[commit])).segments) if commit in ours else set()
            if not mine.issuperset(parse_note(self.store.blob(oid)).segments):
                return False
        return True


def state_of(repo: Repository, target: Target, dry: Rehearsal | None) -> State:
    """Return what is remembered of a target's remote, or would be by now."""
    known = dry.states.get(target.remote) if dry else None
    return known or states.load(repo, target.remote)


def _move(repo: Repository, ref: str, new: str, old: str | None) -> None:
    """Move the mirror; where a refspec of the user's covers it, git has moved it already."""
    try:
        garbage.move(repo, ref, new, old or "", since=None)
    except GitFailed:
        if notes.tip(repo, ref) != new:
            raise


class Drain:
    """Publishes what waits in the queue; what fails is tried once and stays."""

    def __init__(self, repo: Repository, line: Line) -> None:
        self._repo = repo
        self._line = line
        self._tried: dict[str, str] = {}

    def run(self, wait: float = 0) -> list[Published]:
        """Go on until nothing is left to try, or another process publishes for so many seconds.

        Raises OSError, GitFailed, BadConfig.
        """
        done: list[Published] = []
        while fresh := self._fresh():
            with alone(self._repo, wait) as mine:
                if not mine:
                    return done
                # the other process may have done it, or tried in vain
                if fresh := self._fresh():
                    done += self._publish(fresh[0])
        return done

    def _fresh(self) -> list[Entry]:
        return [entry for entry in queue.ready(self._repo) if self._tried.get(entry.id) != entry.tried]

    def _publish(self, entry: Entry) -> list[Published]:
        try:
            return [publish(self._repo, Target(entry.remote, entry.to), Scope(), self._line)]
        except (TraceError, OSError):
            # why is in the queue
            self._tried |= {entry.id: entry.tried for entry in queue.waiting(self._repo)}
            return []


__all__ = ["Busy", "Drain", "Published", "Rehearsal", "alone", "exclusively", "publish", "state_of"]
