"""Which event first wrote each line of a commit's files.

Nothing here is stored as a fact: the answer comes from the lineage of all that was recorded, and from the commit. A
content that was recorded is known line by line. Any other (staged in part, formatted, rebased) is compared with what
the file is known to have held, then with the last states of the sessions that led to the commit, then with lines that
are gone from other files. Cause comes before effect: an event that is younger than the commit didn't write it, unless
the note on the commit says that it led there.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from gittrace.git.objects import Entry, ObjectStore
from gittrace.git.trees import TreeEditor
from gittrace.model.attribution import STATE, Line, Sure
from gittrace.model.trace import Session, Trace, heads
from gittrace.trace.authorship.kept import Heads, Keeper, Notes
from gittrace.trace.authorship.moments import Sieve, seconds
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recorded import Source, read_all
from gittrace.trace.authorship.versions import Birth, When
from gittrace.trace.text.alike import Text
from gittrace.trace.text.lines import Lines


class Attributor:
    """Answers for the commits of a repository, from all that the given traces recorded.

    Raises TooMuch where the states of their files take more than `most` bytes together.
    """

    def __init__(
        self, past: Past, sources: Iterable[Source], most: int | None = None, keeper: Keeper | None = None
    ) -> None:
        self.objects: ObjectStore = past.objects
        self._past = past
        # by trace what is told of it; the same by commit, and by session
        self._told: dict[str, Notes] = {}
        self._noted: dict[str, dict[str, int]] = {}
        self._heads: dict[str, Heads] = {}
        self._known: dict[tuple[str, str], bool] = {}
        self._facts: dict[int, _Facts] = {}
        # when commits were made (seconds since the epoch), None of what is no commit here
        self._times: dict[str, int | None] = {}
        noting = (Source(source.began, partial(self._note, source)) for source in sources)
        reached = None
        if keeper and keeper.kept:
            reached = keeper.kept.reached
            reached.lineage.resume(past)
            for trace, told in keeper.kept.told.items():
                self._tell(trace, told)
        keep = partial(keeper.keep, self._told) if keeper else None
        self.lineage, self.problems = read_all(noting, past, most, reached, keep)

    def _note(self, source: Source) -> Trace | None:
        trace = source.load()
        if trace:
            noted = [(commit, one.session_id, one.index) for one in trace.segments for commit in one.commits]
            self._tell(trace.id, Notes(noted, {session.id: _heads_of(session) for session in trace.sessions}))
        return trace

    def _tell(self, trace: str, told: Notes) -> None:
        self._told[trace] = told
        self._heads |= told.heads
        for commit, session, index in told.noted:
            sessions = self._noted.setdefault(commit, {})
            sessions[session] = max(index, sessions.get(session, -1))

    def lines(self, commit: str, path: bytes, wanted: Collection[int]) -> dict[int, Line | None]:
        """Return who first wrote lines (indexes from 0) of a commit's file, None for nobody that was recorded.

        The index STATE asks who left the file so: of its content the first one, of a deletion the last.

        Raises ObjectMissing when the commit isn't here. A file that isn't there, or is very large, is nobody's.
        """
        made = self.objects.commit(commit)
        causes = _Causes(made.committer.time, self._noted.get(commit, {}), commit, self)
        if causes.is_none(self.lineage.first):
            return dict.fromkeys(wanted)
        tree = TreeEditor(self.objects, made.tree)
        entry = tree.get(path)
        if STATE in wanted:
            others = [at for at in wanted if at != STATE]
            maker = self._maker(path, entry, causes)
            return {STATE: maker} | (self.lines(commit, path, others) if others else {})
        if entry is None:
            return dict.fromkeys(wanted)
        version = self.lineage.find(path, entry.oid)
        if version and version.when and causes(version.when):
            texts = {at: text for at in wanted if at < version.size and (text := version.text(at)) is not None}
            if len(texts) == len(wanted):
                return _lines(texts, wanted, {at: version.birth(at) for at in wanted}, causes)
        lines = self._content(entry)
        before = [TreeEditor(self.objects, self.objects.commit(parent).tree) for parent in made.parents[:1]]
        return self._compared(path, lines, wanted, causes, [tree, *before]) if lines else dict.fromkeys(wanted)

    def existed(self, commit: str, when: When) -> bool:
        """Tell whether HEAD had got to a commit before an event."""
        head, oldest = self._head(when), self._time(commit)
        if head is None or oldest is None or (self._time(head) or 0) < oldest:
            return False  # as it is of most
        if (commit, head) not in self._known:
            self._known[commit, head] = self._leads_to(commit, head, oldest)
        return self._known[commit, head]

    def facts(self, whens: Sequence[When]) -> "_Facts":
        """Return what is known of moments, in a sequence that is kept and may only grow (see `Sieve.among`)."""
        found = self._facts.setdefault(id(whens), _Facts(whens))
        for when in whens[len(found.seconds) :]:
            head = self._head(when)
            found.add(seconds(when.at), self._time(head) if head else None)
        return found

    def _head(self, when: When) -> str | None:
        """Return HEAD before an event."""
        times, before = self._heads.get(when.session_id, ([], []))
        at = bisect_left(times, when.at)
        return before[at] if at < len(before) else None

    def _leads_to(self, commit: str, head: str, oldest: int) -> bool:
        todo, seen = [head], {head}
        while todo:
            oid = todo.pop()
            if oid == commit:
                return True
            made_at = self._time(oid)
            if made_at is not None and made_at >= oldest:
                parents = self.objects.commit(oid).parents
                todo += [parent for parent in parents if parent not in seen]
                seen.update(parents)
        return False

    def _time(self, oid: str) -> int | None:
        """Return when a commit was made, in seconds since the epoch, None where it is none that is here."""
        if oid not in self._times:
            self._times[oid] = self._past.time(oid)
        return self._times[oid]

    def _maker(self, path: bytes, entry: Entry | None, causes: "_Causes") -> Line | None:
        leaves = self.lineage.makers.get((path, entry.oid if entry else None), ())
        allowed = [
            leaf.writer for leaf in leaves if causes(leaf.when) and (entry is None or leaf.mode in (None, entry.mode))
        ]
        return Line(allowed[0 if entry else -1]) if allowed else None

    def worktree(
        self, path: bytes, content: bytes, session_id: str | None, wanted: Collection[int]
    ) -> dict[int, Line | None]:
        """Return the same for a content that is not committed; `session_id` is the session that is active there."""
        causes = _Causes(None, {session_id: 0} if session_id else {}, "", self)
        lines = self.lineage.past.lines(content)
        return self._compared(path, lines, wanted, causes, []) if lines else dict.fromkeys(wanted)

    def _content(self, entry: Entry | None) -> Lines | None:
        return self.lineage.past.content(entry.oid) if entry else None

    def _compared(
        self, path: bytes, lines: Lines, wanted: Collection[int], causes: "_Causes", trees: Sequence[TreeEditor]
    ) -> dict[int, Line | None]:
        """Return what is known of a content that nobody recorded as it is; `trees` are those now and before."""
        held, before = partial(self._held, trees[:1]), partial(self._before, trees, causes)
        texts = {at: lines.text(at) for at in wanted if at < lines.size}
        name = self.lineage.once_named(path, lines, texts, causes, held)
        near = self.lineage.compare(name, lines, causes, causes.noted)
        far = self.lineage.recognition.compare_far(name, lines, near, texts, causes, held, before)
        births = {at: far.get(at) or near.births[at] for at in texts}
        return _lines(texts, wanted, births, causes, far)

    def _before(self, trees: Sequence[TreeEditor], causes: "_Causes", path: bytes) -> list[frozenset[Text]]:
        """Return what the lines of a file said before a commit, and if that changes it, when it was recorded last."""
        found: list[frozenset[Text]] = [*self._held(trees[1:], path)]
        is_changed = bool(trees) and self._held(trees[:1], path) != found
        last = self.lineage.recognition.last(path, causes) if is_changed else None
        return [*found, self.lineage.recognition.said(last)] if last else found

    def _held(self, trees: Sequence[TreeEditor], path: bytes) -> list[frozenset[bytes]]:
        """Return what the lines of a file say in trees, under whatever name it is there."""
        found = (self._content(tree.get(name)) for tree in trees for name in self.lineage.names(path))
        return [frozenset(lines.keys()) for lines in found if lines and lines.size]


# later than any commit
_NEVER = 1 << 62


@dataclass
class _Facts:
    """What is known of moments: when they were, and when HEAD before them was made (seconds since the epoch).

    latest, latest_head  the same of the latest one up to each
    """

    whens: Sequence[When]
    seconds: list[int] = field(default_factory=list)
    head_times: list[int] = field(default_factory=list)
    latest: list[int] = field(default_factory=list)
    latest_head: list[int] = field(default_factory=list)

    def add(self, seconds: int | None, head_time: int | None) -> None:
        """Take note of the next one; None is not known."""
        self.seconds.append(_NEVER if seconds is None else seconds)
        self.head_times.append(head_time or 0)
        for every, latest in ((self.seconds, self.latest), (self.head_times, self.latest_head)):
            latest.append(max(every[-1], latest[-1]) if latest else every[-1])


@dataclass(frozen=True)
class _Causes(Sieve):
    """Tells which events may have led to a commit; `time` None is now.

    A commit's time is in whole seconds, and may be another clock's: what events saw as HEAD was there before them.
    """

    time: int | None
    noted: Mapping[str, int]
    commit: str
    attributor: Attributor

    def is_none(self, first: int | None) -> bool:
        """Tell whether none did, given when the first of all was (seconds since the epoch; None: there is none)."""
        return self.time is not None and not self.noted and (first is None or first > self.time)

    def __call__(self, when: When) -> bool:
        if self.time is None or when.segment <= self.noted.get(when.session_id, -1):
            return True
        at = seconds(when.at)
        return at is not None and at <= self.time and not self.attributor.existed(self.commit, when)

    def among(self, whens: Sequence[When]) -> bytes:
        time = self.time
        if time is None:
            return b"\1" * len(whens)
        facts = self.attributor.facts(whens)
        # most are allowed by their time alone, like all before them: HEAD was not as young as the commit
        before = bisect_right(facts.latest, time)
        found = bytearray(b"\1" * before)
        found += bytes([at <= time for at in facts.seconds[before:]])
        young = range(bisect_left(facts.latest_head, time), len(whens))
        unsure = [at for at in young if facts.seconds[at] <= time <= facts.head_times[at]]
        if self.noted:
            unsure += [at for at, when in enumerate(whens) if when.session_id in self.noted]
        for at in unsure:
            found[at] = self(whens[at])
        return bytes(found)


def _heads_of(session: Session) -> Heads:
    """Return when the events of a session were, which never goes back, and HEAD before each."""
    times: list[str] = []
    found: list[str | None] = []
    for segment in session.segments:
        for event in (segment.header, *segment.events):
            times.append(max(times[-1] if times else "", str(event.get("at", ""))))
            found.append(heads(event)[0])
    return times, found


def _lines(
    texts: Mapping[int, bytes],
    wanted: Collection[int],
    births: Mapping[int, Birth | None],
    causes: _Causes,
    far: Collection[int] = (),
) -> dict[int, Line | None]:
    found: dict[int, Line | None] = dict.fromkeys(wanted)
    for at in wanted:
        birth = births.get(at)
        if birth is None or at not in texts:
            continue
        writer = birth.writer
        if causes(When(writer.session_id, writer.segment, writer.at)):
            changed = birth.text.rstrip(b"\r") != texts[at].rstrip(b"\r")
            sure: Sure = "medium" if changed or at in far else "high"
            found[at] = Line(writer, sure, birth.text if changed else None)
    return found
