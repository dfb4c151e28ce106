"""The steps of recorded sessions, in order of time, and who is behind each."""

import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.objects import GITLINK
from gittrace.git.patch import PatchError, parse
from gittrace.git.trees import TreeEditor
from gittrace.model.attribution import AI, HUMAN, UNKNOWN, Writer
from gittrace.model.trace import EventDict, Session, Trace, grew_on, heads, made_in
from gittrace.trace.authorship.changes import Change, Step, change_of
from gittrace.trace.authorship.lineage import Lineage
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.reached import Outdated, Reached, Told
from gittrace.trace.authorship.versions import When
from gittrace.trace.produced.bringing import borrowed_of, brings, grafts_of, may_bring
from gittrace.trace.produced.taken import Taken
from gittrace.trace.produced.unmasked import unmasked
from gittrace.trace.text.lines import Lines
from gittrace.vocabulary import COMMAND, COMMIT, EDIT, REPLY

DIFF = "diff"
EFFECT = "effect"

# sources by which people work; any other is the name of an agent
_PEOPLE = frozenset(("run", "shell", "git", "git-trace", None))
# commits that HEAD came to and that are looked into for what they brought, the newest first
_MOST_COMMITS = 8


class TooMuch(TraceError):
    """The states of the files that traces recorded take more memory than shall be held."""


class Source(NamedTuple):
    """A trace that is loaded when its time comes: `began` no later than anything in it (RFC 3339), or empty."""

    began: str
    load: Callable[[], Trace | None]


# takes what was reached, and the traces that it has all of
Keep = Callable[[Reached, Collection[str]], None]


def read_all(
    sources: Iterable[Source],
    past: Past,
    most: int | None = None,
    reached: Reached | None = None,
    keep: Keep | None = None,
) -> tuple[Lineage, list[str]]:
    """Return the lineage of all that traces recorded, and in words what of it could not be read.

    A trace is held from its first step to its last. Where two happened at once, the order of the sources counts.
    Raises TooMuch where that takes more than `most` bytes.

    It begins with what was `reached` before; raises Outdated where what is new is not younger, or something changed.
    `keep` is called with what can be begun with later, before the first step that is not sealed yet.
    """
    reached = reached or Reached(Lineage(past))
    lineage = reached.lineage
    problems: list[str] = []
    steps = _Merged(list(sources), lambda trace, session: _Steps(trace, session, past, problems), reached, bool(keep))
    for told in steps:
        if keep and not told.sealed:
            if not problems:
                keep(reached, steps.done())
            keep = None
        try:
            lineage.take(told.step)
            if most is not None and lineage.size + past.size > most:
                raise TooMuch(f"the states of files take more than {most} bytes")
        except ValueError as error:
            problems.append(f"session '{told.step.when.session_id}': {error}")
        if keep:
            reached.add(told)
    if keep and not problems:
        keep(reached, steps.done())
    return lineage, problems


class _Merged:
    """The steps of all sessions, in order of time; the lineage is told when a session begins and ends."""

    def __init__(
        self,
        sources: Sequence[Source],
        opened: "Callable[[Trace, Session], _Steps]",
        reached: Reached,
        may_go_on: bool,
    ) -> None:
        # the next one is the last
        self._waiting = sorted(enumerate(sources), key=lambda item: (item[1].began, item[0]), reverse=True)
        self._opened = opened
        self._reached = reached
        self._since = reached.last
        self._may_go_on = may_go_on
        # of each session that goes on its next step: when, the numbers of the trace and the session, the step, the rest
        self._next: list[tuple[str, tuple[int, int], Told, Iterator[Told]]] = []
        # those that were begun, by their numbers, and that of the step that was yielded last
        self._traces: dict[int, str] = {}
        self._trace: str | None = None

    def __iter__(self) -> Iterator[Told]:
        while self._waiting or self._next:
            while self._waiting and (not self._next or self._waiting[-1][1].began <= self._next[0][0]):
                self._begin(*self._waiting.pop())
            if self._next:
                at, number, told, rest = heapq.heappop(self._next)
                if self._since and at <= self._since:
                    raise Outdated("something is new that is older than what was known")
                self._trace = self._traces[number[0]]
                yield told
                self._trace = None
                self._go_on(number, told.step.when.session_id, rest)

    def _begin(self, number: int, source: Source) -> None:
        trace = source.load()
        if trace is None:
            return
        self._traces[number] = trace.id
        for place, session in enumerate(trace.sessions):
            steps = self._opened(trace, session)
            self._reached.lineage.begin(session.id, steps.base)
            self._go_on((number, place), session.id, self._reached.rest(session.id, steps.steps()))

    def _go_on(self, number: tuple[int, int], session_id: str, rest: Iterator[Told]) -> None:
        told = next(rest, None)
        if told is None:
            self._reached.lineage.end(session_id, self._may_go_on)
        else:
            heapq.heappush(self._next, (told.at, number, told, rest))

    def done(self) -> set[str]:
        """Return the traces of which all steps are taken; the last one that was yielded is not."""
        going = {self._trace, *(self._traces[number] for _, (number, _), _, _ in self._next)}
        return set(self._traces.values()) - going


def is_hooked(session: Session) -> bool:
    """Tell whether an agent's own doings are recorded in a session: its edits, its replies."""
    return any(event["kind"] in (EDIT, REPLY) for event in session.events)


def who(session: Session, hooked: bool, event: EventDict, part: str) -> tuple[str, str]:
    """Return who is behind a part of an event (`human`, `ai`, `unknown`), and the agent's name.

    Where an agent's own edits are recorded (`hooked`), what changes between its events is a person's doing. Where only
    commands are, the edits before a command are what the agent tried. A command that came through `git trace run` in
    a session with an agent's edits may be of either.
    """
    agent = _agent(session, event)
    if agent == HUMAN:
        return HUMAN, HUMAN
    if not hooked:
        return AI, agent
    if part == DIFF:
        return HUMAN, HUMAN
    if event["kind"] == COMMAND and event.get("source") in _PEOPLE:
        return (HUMAN, HUMAN) if event.get("source") == "shell" else (UNKNOWN, agent)
    return AI, agent


def _agent(session: Session, event: EventDict) -> str:
    agent = event.get("agent")
    if isinstance(agent, Mapping) and agent.get("name"):
        return str(agent["name"])
    if event.get("source") not in _PEOPLE and session.agent["name"] == HUMAN:
        return str(event["source"])
    return str(session.agent["name"])


class _Steps:
    """The steps of one session."""

    def __init__(self, trace: Trace, session: Session, past: Past, problems: list[str]) -> None:
        self.trace = trace
        self.session = session
        self.objects = objects = past.objects
        self.past = past
        self.problems = problems
        base = session.header.get("base")
        tree = base.get("tree") if isinstance(base, Mapping) else None
        self._base = TreeEditor(objects, tree) if tree and objects.kind(tree) == "tree" else None
        self._made, self._amended = made_in(trace.events)
        self._grew_on = grew_on(trace.events)
        self._hooked = is_hooked(session)
        self._commands = {str(event["id"]): event for event in session.events if event["kind"] == COMMAND}
        self._grafts = grafts_of(session.events)
        self._came: dict[str, frozenset[str]] = {}
        # the worktree before the command that was asked for last
        self._before: dict[str, TreeEditor] = {}
        self._start = self._foreign(base.get("commit") if isinstance(base, Mapping) else None)
        self._seen = set(self._start)

    def base(self, path: bytes) -> str | None:
        """Return the oid of a path in the tree that the session began on."""
        entry = self._base.get(path) if self._base else None
        return entry.oid if entry and entry.mode != GITLINK else None

    def steps(self) -> Iterator[Told]:
        """Yield the steps."""
        at = ""
        head: str | None = None
        tree: str | None = None
        items = [(segment, event) for segment in self.session.segments for event in (segment.header, *segment.events)]
        taken = borrowed_of([event for _, event in items], self.past.time)
        for (segment, event), others in zip(items, taken, strict=True):
            is_header = event is segment.header
            if is_header and event.get("tree") == tree:
                continue  # it goes on where the segment before it ended
            at = max(at, str(event.get("at", "")))
            before, after = heads(event)
            # what HEAD was at before it got a commit, and what was rewritten, was there
            for commit in (before, *(old for old, _ in event.get("pairs") or ())):
                self._seen |= self._foreign(commit)
            there = after if event["kind"] == COMMIT else before
            for part, now, then in ((DIFF, there, head), (EFFECT, after, before)):
                changes, links = self._changes(event, part)
                if not changes and not links:
                    continue
                brought = self._brought(now, then, event)
                # what a command wrote it did write, though a branch has the same; nor is what the trace made lent
                taken_from = others if part == DIFF or may_bring(event) else ()
                lent = frozenset[str]().union(*map(self._foreign, taken_from))
                for doer, done, some in self._parted(event, part, changes):
                    nobody = is_header or (part == EFFECT and brings(event))
                    writer = None if nobody else self._writer(doer, done, segment.index)
                    when = When(self.session.id, segment.index, at)
                    # commits between which nothing is recorded are one, and so are a command's
                    doing = COMMIT if doer["kind"] == COMMIT else str(doer.get("id", ""))
                    step = Step(when, writer, some, links, self._contents(brought), self._contents(lent), doing)
                    # what segments of the trace that came later could change of it
                    whose = writer and (writer.event_id, writer.at, writer.part, writer.who, writer.agent)
                    oids = [change.new_oid for change in some]
                    by = f"{segment.index} {at} {whose} {oids} {sorted(brought)} {sorted(lent)}"
                    yield Told(at, step, by, bool(segment.sha256))
                    links = {}
            if event.get("tree"):
                head = after  # an event without a tree leaves what HEAD brought to the next one that has one
            tree = event.get("tree_after") or event.get("tree") or tree

    def _parted(
        self, event: EventDict, part: str, changes: list[Change]
    ) -> Iterator[tuple[EventDict, str, list[Change]]]:
        """Yield (event, part, changes): whose they are.

        What a command wrote, committed and took away shows in the event of the commit; so does what stood before it.
        """
        command = self._commands.get(str(event.get("by"))) if event["kind"] == COMMIT else None
        if command is None:
            yield event, part, changes
            return
        stood = [change for change in changes if self._stood(command, event, change)]
        rest = [change for change in changes if change not in stood]
        yield from ((command, done, some) for done, some in ((DIFF, stood), (EFFECT, rest)) if some or done == EFFECT)

    def _stood(self, command: EventDict, commit: EventDict, change: Change) -> bool:
        """Tell whether a file was so before a command that committed it."""
        before = command.get("tree")
        if before == commit.get("tree"):
            return True
        if not isinstance(before, str) or self.objects.kind(before) != "tree":
            return False
        if before not in self._before:
            self._before = {before: TreeEditor(self.objects, before)}
        if change.new_path is None:
            return change.old_path is not None and self._before[before].get(change.old_path) is None
        entry = self._before[before].get(change.new_path)
        return entry is not None and entry.oid == change.new_oid

    def _writer(self, event: EventDict, part: str, segment: int) -> Writer:
        ids = (self.trace.id, self.session.id, segment, str(event.get("id", "")), str(event.get("at", "")))
        return Writer(*ids, part, *who(self.session, self._hooked, event, part))

    def _changes(self, event: EventDict, part: str) -> tuple[list[Change], dict[bytes, str | None]]:
        """Return what a part of an event did to files, and to submodules."""
        omitted = event.get(f"{part}_omitted")
        try:
            if isinstance(omitted, Mapping):
                return self._omitted(omitted)
            text: Any = event.get(part)
            if not text:
                return [], {}
            data = from_json_text(text, event.get(f"{part}_encoding")) if isinstance(text, str) else b""
            files = unmasked(parse(data), self.objects)
            links = {file.path: file.new_oid for file in files if GITLINK in (file.old_mode, file.new_mode)}
            taken = Taken(event, part, files)
            return [change for file in files if (change := change_of(file, taken.numbers(file)))], links
        except (PatchError, ValueError) as error:
            self.problems.append(f"event '{event.get('id')}': {error}")
        except TraceError:
            self.problems.append(f"event '{event.get('id')}': a diff was left out, and its trees are not here")
        return [], {}

    def _omitted(self, omitted: Mapping[str, Any]) -> tuple[list[Change], dict[bytes, str | None]]:
        """Return a diff that was left out, from the trees, where they are."""
        changes = self.objects.changes(omitted.get("from"), omitted.get("to"))
        found = [
            Change(
                item.path if item.old_oid else None,
                item.path if item.new_oid else None,
                item.old_oid,
                item.new_oid,
                whole=True,
                new_mode=item.new_mode or None,
            )
            for item in changes
            if GITLINK not in (item.old_mode, item.new_mode)
        ]
        return found, {item.path: item.new_oid for item in changes if GITLINK in (item.old_mode, item.new_mode)}

    def _brought(self, now: str | None, then: str | None, event: EventDict) -> set[str] | frozenset[str]:
        """Return the commits that HEAD came to and that no session of the trace made."""
        # what HEAD brought may show in a later event only, since a commit's tree holds but what the commit changed; and
        # what it left may come back by `git merge --squash`
        self._seen |= self._foreign(now)
        commits = self._seen - (self._start & self._foreign(now) & self._foreign(then))
        if event["kind"] == COMMIT and self._grafted(event):
            commits.add(str(event["commit"]))
        elif event["kind"] == COMMAND:
            commits = commits.union(self._grafts.get(str(event.get("id")), ()))
        return commits

    def _contents(self, commits: Iterable[str]) -> Callable[[Sequence[bytes]], Iterable[Lines]]:
        """Return what tells the contents of a file, by its names, in commits, in the youngest ones."""

        def contents(names: Sequence[bytes]) -> Iterator[Lines]:
            for commit in sorted(commits, key=self.past.age)[:_MOST_COMMITS]:
                for name in names:
                    held = self.past.held(commit, name)
                    if held is not None:
                        yield held

        return contents

    def _grafted(self, event: EventDict) -> bool:
        """Tell whether a commit brought in what was there before: a revert, or a pick that kept its author's date."""
        oid = str(event["commit"])
        action = str(event.get("action", ""))
        # an amend keeps the author's date; what it amended is known by the rewrite that goes with it
        if oid in self._amended or "(amend)" in action or self.objects.kind(oid) != "commit":
            return False
        if action.startswith(("cherry-pick", "am", "revert")) or "(cherry-pick)" in action:
            return True
        commit = self.objects.commit(oid)
        return str(event.get("subject", "")).startswith('Revert "') or commit.author.time < commit.committer.time

    def _foreign(self, commit: str | None) -> frozenset[str]:
        """Return the nearest commits, from this one back, that no session of the trace made."""
        todo = [commit] if commit else []
        entered: set[str] = set()  # what is recorded of parents that aren't here may go in a circle
        while todo:
            oid = todo[-1]
            entered.add(oid)
            parents = self._parents(oid)
            missing = [parent for parent in parents if parent not in self._came and parent not in entered]
            if missing and oid not in self._came:
                todo += missing
                continue
            todo.pop()
            if oid not in self._came:
                own = () if oid in self._made or self.objects.kind(oid) != "commit" else (oid,)
                self._came[oid] = frozenset(own).union(*(self._came.get(parent, ()) for parent in parents))
        return self._came[commit] if commit else frozenset()

    def _parents(self, oid: str) -> tuple[str, ...]:
        if oid not in self._made:
            return ()
        return self.objects.commit(oid).parents if self.objects.kind(oid) == "commit" else self._grew_on.get(oid, ())
