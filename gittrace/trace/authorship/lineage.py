"""Follow files line by line through the recorded steps of all sessions: which event first wrote each line.

Given only the diffs, in order of time. A file begins as nobody's, unless its content, or lines of it, are known from a
step before, of whatever trace. A step's added lines are, in this order: known, because the whole content was seen
before; moved or re-indented within the step; back from where they stood before; brought in by git (a checkout, merge,
pull, rebase); written by the step's event.
"""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

from gittrace.git.objects import GITLINK
from gittrace.model.attribution import Writer
from gittrace.trace.authorship.changes import Change, Step, gaps, patched
from gittrace.trace.authorship.hands import edited
from gittrace.trace.authorship.memory import Memory, Recalled, Standing
from gittrace.trace.authorship.moments import Allowed, always, seconds
from gittrace.trace.authorship.moves import Block, find_moves
from gittrace.trace.authorship.numbering import Numbering
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recognition import Recognition, blended_of
from gittrace.trace.authorship.versions import Birth, Shelf, Version, When
from gittrace.trace.text.align import align, aligned, formatted, once, says_something
from gittrace.trace.text.alike import Text
from gittrace.trace.text.lines import Lines
from gittrace.trace.text.wrapped import Source, matched

Base = Callable[[bytes], str | None]


class Leaf(NamedTuple):
    """Who left a file so, and when; the mode where it is known."""

    writer: Writer
    when: When
    mode: int | None


# lines that a step took away: of which version, which of its lines
_Gone = tuple[Version, range, Block]


@dataclass
class _Draft:
    """A version in the making: `fresh` are the indexes of lines that nobody has claimed yet.

    follows  all but the lines of its blocks are those of the one before, which is among the states of the same file
    taken    as of its `Change`
    """

    version: Version
    old: Version
    oid: str | None
    blocks: list[tuple[range, range]]
    fresh: set[int]
    follows: bool = False
    taken: Collection[int] = ()


class Lineage:
    """All versions of all files that the recorded steps made.

    `past` reads contents that no step made, and `recognition` tells whose their lines are; `base` tells the oid of a
    path in the tree that a session began on.

    first  when the first step was, in seconds since the epoch; None: there is none, or of none it is known
    """

    def __init__(self, past: Past) -> None:
        self.past = past
        self.memory = Memory()
        self.first: int | None = None
        self._shelf = Shelf()
        self.recognition = Recognition(self.memory, self._shelf)
        self._numbering = Numbering(self._shelf)
        # by the path and the oid of what was left, None of a deleted file
        self.makers: dict[tuple[bytes, str | None], list[Leaf]] = {}
        self._versions: dict[tuple[bytes, str], Version] = {}
        self._contents: dict[str, Version] = {}
        # of renamed files: the first name by a later one, and the later ones by the first
        self._names: dict[bytes, bytes] = {}
        self._later: dict[bytes, list[bytes]] = {}
        self._current: dict[str, dict[bytes, str | None]] = {}
        self._bases: dict[str, Base] = {}
        self._making: dict[str, Version] = {}
        # by session, of its last step: what it was a part of, and what that took away and put nowhere else
        self._gone: dict[str, tuple[str, list[_Gone]]] = {}

    @property
    def size(self) -> int:
        """How much it holds of contents, in bytes, roughly."""
        return self._shelf.size

    def begin(self, session_id: str, base: Base) -> None:
        """Begin a session on a tree."""
        self._bases[session_id] = base
        self._current.setdefault(session_id, {})

    def end(self, session_id: str, may_go_on: bool = False) -> None:
        """Forget what only later steps of a session would ask for; of one that may go on what can be found again."""
        for held in (self._bases,) if may_go_on else (self._bases, self._current, self._gone):
            held.pop(session_id, None)

    def __getstate__(self) -> dict[str, Any]:
        left_out = ("past", "_bases", "_making")
        return {name: value for name, value in self.__dict__.items() if name not in left_out}

    def resume(self, past: Past) -> None:
        """Go on, after it was kept; sessions that go on are to begin again."""
        self.past = past
        self._bases = {}
        self._making = {}

    def name(self, path: bytes) -> bytes:
        """Return the first name of a file that was renamed."""
        return self._names.get(path, path)

    def names(self, path: bytes) -> list[bytes]:
        """Return all names of a file, the last one first."""
        first = self.name(path)
        return [*reversed(self._later.get(first, ())), first]

    def find(self, path: bytes, oid: str) -> Version | None:
        """Return the version of this content, of this file or, when the content says something, of any."""
        return self._versions.get((self.name(path), oid)) or self._contents.get(oid)

    def take(self, step: Step) -> None:
        """Take in a step. Steps come in order of time; those of one session in their own."""
        self._current.setdefault(step.when.session_id, {})
        at = seconds(step.when.at)
        if at is not None and (self.first is None or at < self.first):
            self.first = at
        drafts = [draft for change in step.changes if (draft := self._draft(step, change))]
        blocks = [
            (draft, spans, Block(draft.old.keys(*_ends(spans[0])), _added(draft, spans[1])))
            for draft in drafts
            for spans in draft.blocks
        ]
        for draft, spans, _ in blocks:
            _reformat(draft, *spans, wrapped=True)
        gone = [(draft.old, removed, block) for draft, (removed, _), block in blocks] + self._gone_before(step)
        find_moves([block for _, _, block in gone])
        for draft, (_, added), block in blocks:
            for at, source in zip(added, block.taken, strict=True):
                if source is not None and at in draft.fresh:
                    old, removed, _ = gone[source[0]]
                    draft.version.bear(at, old.birth(removed[source[1]]))
                    draft.fresh.discard(at)
        self._remember_gone(step, gone)
        for draft, spans, _ in blocks:
            _reformat(draft, *spans, wrapped=False)
        self._making = {draft.oid: draft.version for draft in drafts if draft.oid}
        for draft in drafts:
            self._claim(step, draft)
        self._making = {}
        for draft in drafts:
            self._keep(step.when, draft)
        if step.writer:
            self._left(step, step.writer)

    def _gone_before(self, step: Step) -> list[_Gone]:
        """Return what steps just before took away, if they are of the same doing."""
        doing, gone = self._gone.get(step.when.session_id, ("", []))
        return gone if step.writer and step.doing == doing != "" else []

    def _remember_gone(self, step: Step, gone: list[_Gone]) -> None:
        used = {source for _, _, block in gone for source in block.taken}
        left = [
            (old, removed, Block([None if (number, at) in used else text for at, text in enumerate(block.removed)], []))
            for number, (old, removed, block) in enumerate(gone)
            if block.removed
        ]
        self._gone[step.when.session_id] = (step.doing if step.writer else "", left)

    def _left(self, step: Step, writer: Writer) -> None:
        """Remember who left files as they are now."""
        current = self._current[step.when.session_id]
        left: list[tuple[bytes, str | None, int | None]] = [(path, oid, GITLINK) for path, oid in step.links.items()]
        for change in step.changes:
            if change.old_path not in (None, change.new_path):
                left.append((change.old_path, None, None))
            if change.new_path is not None:
                left.append((change.new_path, current[change.new_path], change.new_mode))
        for path, oid, mode in left:
            self.makers.setdefault((path, oid), []).append(Leaf(writer, step.when, mode))

    def standing(self, session_id: str) -> Standing:
        """Return what tells the keys of a file in the worktree of a session, as far as it is known."""

        def held(path: bytes) -> list[frozenset[Text]]:
            oids = [oid for name in self.names(path) if (oid := self._oid(session_id, name))]
            versions = [self._open(path, oid, session_id) for oid in oids]
            return [self.recognition.said(version) for version in versions if version.size]

        return held

    def compare(self, path: bytes, lines: Lines, allowed: Allowed, sessions: Collection[str] = ()) -> Recalled:
        """Return what is known of a content that no step made (see `Recognition`)."""
        return self.recognition.compare(self.name(path), lines, allowed, sessions)

    def once_named(
        self, path: bytes, lines: Lines, wanted: Iterable[int], allowed: Allowed, standing: Standing
    ) -> bytes:
        """Return the first name of a file, also where nobody recorded that it was renamed (see `Recognition`)."""
        first = self.name(path)
        if first != path or self.recognition.last(path, allowed):
            return first
        return self.recognition.once_named(lines, wanted, allowed, standing) or path

    def _adopt(self, path: bytes, lines: Lines, session_id: str) -> Version:
        """Return a content that no step made."""
        name = self.once_named(path, lines, range(lines.size), always, self.standing(session_id))
        if name != self.name(path):
            self._also_named(name, path)
        births = self.recognition.compare(name, lines, always).births
        version = Version(name, self._shelf, self._numbering.numbers(name, lines, births))
        self.recognition.spelled(version, lines)
        return version

    def _oid(self, session_id: str, path: bytes) -> str | None:
        current = self._current.setdefault(session_id, {})
        if path in current:
            return current[path]
        base = self._bases.get(session_id)
        return base(path) if base else None

    def _open(self, path: bytes, oid: str | None, session_id: str) -> Version:
        """Return the version of a content; one of unknown lines when it is not here."""
        known = self.find(path, oid) or self._making.get(oid) if oid else None
        if known:
            return known
        lines = self.past.content(oid) if oid else None
        if lines is None or oid is None:
            return Version(self.name(path), self._shelf)
        version = self._versions[self.name(path), oid] = self._adopt(path, lines, session_id)
        self._shelf.hold(version)
        return version

    def _draft(self, step: Step, change: Change) -> _Draft | None:
        current = self._current.setdefault(step.when.session_id, {})
        old_oid = change.old_oid or (self._oid(step.when.session_id, change.old_path) if change.old_path else None)
        if change.old_path is None:
            old = Version(b"", self._shelf)
        else:
            old = self._open(change.old_path, old_oid, step.when.session_id)
        if change.new_path is None:
            current[change.old_path or b""] = None
            return _Draft(Version(old.path, self._shelf), old, None, [(range(old.size), range(0))], set())
        if change.old_path not in (None, change.new_path):
            current[change.old_path or b""] = None
            self._rename(change.old_path or b"", change.new_path)
        new_oid = change.new_oid or old_oid
        current[change.new_path] = new_oid
        if change.whole:
            return self._whole(change.new_path, old, new_oid)
        version, blocks = patched(self.name(change.new_path), old, change.hunks)
        self.recognition.follow(version, old, blocks)
        fresh = {at for _, added in blocks for at in added}
        follows = old.when is not None and old.path == version.path and old.whole
        return _Draft(version, old, new_oid, blocks, fresh, follows, change.taken)

    def _rename(self, old: bytes, new: bytes) -> None:
        if new not in self.recognition.states and new not in self._names:
            self._also_named(self.name(old), new)

    def _also_named(self, first: bytes, new: bytes) -> None:
        self._names[new] = first
        self._later.setdefault(first, []).append(new)

    def _whole(self, path: bytes, old: Version, oid: str | None) -> _Draft | None:
        lines = self.past.content(oid) if oid else None
        if lines is None:
            return None
        match = align(old.keys(), lines.keys())
        births = [old.birth(at) if at >= 0 else None for at in match]
        blocks = list(gaps(match, old.size))
        fresh = {at for _, added in blocks for at in added}
        version = Version(self.name(path), self._shelf, self._shelf.numbers(lines.texts(), lines.keys(), births))
        return _Draft(version, old, oid, blocks, fresh)

    def _claim(self, step: Step, draft: _Draft) -> None:
        """Say who wrote the lines that are new."""
        version = draft.version
        version.when = step.when
        known = self.find(version.path, draft.oid) if draft.oid else None
        if known and known.size == version.size:
            version.follow(known)
            draft.follows = False
            return
        if not draft.fresh:
            return
        found = self._back(step, draft)
        names = self.names(version.path)
        for brought in step.brought(names) if len(found) < len(draft.fresh) else ():
            left = draft.fresh - found.keys()
            if brought.says(version.key(at) for at in left):
                for one in aligned(brought.said, self.recognition.row(version, brought.alphabet)):
                    found |= dict.fromkeys(left & set(range(one.new, one.new_end)))
        found |= dict.fromkeys(self._taken(draft, step.lent(names), found))
        for at in found.keys() & draft.fresh:
            version.bear(at, found[at])
        if step.writer is None:
            return
        for removed, added in draft.blocks:
            fresh = [at for at in added if at in draft.fresh and at not in found]
            gone = [(draft.old.text(at), draft.old.birth(at)) for at in removed] if fresh else []
            texts = [version.text(at) or b"" for at in fresh]
            for at, birth in zip(fresh, edited(gone, texts, step.writer), strict=True):
                version.bear(at, birth)

    def _back(self, step: Step, draft: _Draft) -> dict[int, Birth | None]:
        """Return the births of lines that were there before, went, and came back."""
        if not any((text := draft.version.key(at)) and self.memory.knows(text) for at in draft.fresh):
            return {}
        texts = [text or b"" for text in draft.version.each_key()]
        stands = set(draft.old.each_key())
        gone = [at for at in once(texts) & draft.fresh if texts[at] not in stands]
        found = self.memory.recall_back(draft.version.path, texts, gone, draft.fresh, always)
        left = draft.fresh - found.keys()
        anchors = [at for at in gone if at in left]
        if anchors:
            standing = self.standing(step.when.session_id)
            # what was moved here tells of what stands among it
            here = left.union(*(added for _, added in draft.blocks))
            far = self.memory.recall_far(draft.version.path, texts, anchors, here, always, standing)
            found |= {at: birth for at, birth in far.items() if at in left}
        return found

    def _taken(self, draft: _Draft, lent: Iterable[Lines], found: Collection[int]) -> set[int]:
        """Return which lines that are not `found` were taken from elsewhere: all that are new, or what says something.

        Beside what was written here a line that says nothing may be there by chance.
        """
        version = draft.version
        left = draft.fresh - set(found)
        taken = _telling(version, {at for at in left if at + 1 in draft.taken}, left)
        for held in lent:
            left = draft.fresh - set(found) - taken
            if held.says(version.key(at) for at in left):
                same = aligned(held.said, self.recognition.row(version, held.alphabet))
                mine = left & {at for one in same for at in range(one.new, one.new_end)}
                taken |= _telling(version, mine, left)
        return taken

    def _keep(self, when: When, draft: _Draft) -> None:
        self.memory.learn(draft.old, [at for removed, _ in draft.blocks for at in removed], when)
        if draft.oid is None:
            return
        version = draft.version
        added = [at for _, added in draft.blocks for at in added]
        self.memory.learn(version, added, when)
        indexes = added if draft.follows else self.recognition.news(version)
        self.recognition.states_of(version.path).add(version, when, indexes)
        self._shelf.hold(version)
        self._versions.setdefault((version.path, draft.oid), version)
        if says_something(text for text in version.each_key() if text):
            self._contents.setdefault(draft.oid, version)


def _telling(version: Version, some: Collection[int], left: Collection[int]) -> set[int]:
    """Return some lines without those that say nothing, unless these are all that are left."""
    # those that follow each other are as far from their number
    rows = [list(row) for _, row in groupby(enumerate(sorted(some)), key=lambda item: item[1] - item[0])]
    found = set[int]()
    for row in [[at for _, at in row] for row in rows]:
        if len(some) == len(left) or says_something(version.key(at) or b"" for at in row):
            found.update(row)
    return found


def _reformat(draft: _Draft, removed: range, added: range, wrapped: bool) -> None:
    """Say whose those lines are that a step took away and put back wrapped otherwise, or else formatted."""
    if not draft.fresh.isdisjoint(added):
        old, new = draft.old.keys(*_ends(removed)), _added(draft, added)
        pairs = matched([text or b"" for text in old], new, wrapped=wrapped)
        for at, source in pairs.items():
            if added[at] in draft.fresh:
                there = Source(*(removed[part] for part in source))
                draft.version.bear(added[at], blended_of(draft.old, there))
                draft.fresh.discard(added[at])
        for at, same in () if wrapped else formatted(old, new):
            if added[at] in draft.fresh:
                draft.version.bear(added[at], draft.old.birth(removed[same]))
                draft.fresh.discard(added[at])


def _ends(span: range) -> tuple[int, int]:
    return span.start, span.stop


def _added(draft: _Draft, span: range) -> list[bytes]:
    return [text or b"" for text in draft.version.keys(*_ends(span))]
