"""Follow files line by line through the recorded steps of all sessions: which event first wrote each line.

Given only the diffs, in order of time. A file begins as nobody's, unless its content, or lines of it, are known from a
step before, of whatever trace. A step's added lines are, in this order: known, because the whole content was seen
before; moved or re-indented within the step; back from where they stood before; brought in by git (a checkout, merge,
pull, rebase); written by the step's event.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from gittrace.git.objects import GITLINK
from gittrace.model.attribution import Writer
from gittrace.trace.align import Text, align, formatted, key, keys, once, says_something, telling, trusted
from gittrace.trace.changes import LARGEST, Change, Step, gaps, patched, split
from gittrace.trace.fingerprint import bones_of, line_of
from gittrace.trace.hands import blended, edited
from gittrace.trace.memory import Allowed, Birth, Memory, Standing, Version, When
from gittrace.trace.moves import Block, find_moves
from gittrace.trace.wrapped import Source, matched

Read = Callable[[str], bytes | None]
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
    """A version in the making: `fresh` are the indexes of lines that nobody has claimed yet."""

    version: Version
    old: Version
    oid: str | None
    blocks: list[tuple[range, range]]
    fresh: set[int]


class Lineage:
    """All versions of all files that the recorded steps made.

    `read` returns a blob, None when it isn't here; `base` the oid of a path in the tree that a session began on.
    """

    def __init__(self, read: Read) -> None:
        self.read = read
        self.memory = Memory()
        # by the path and the oid of what was left, None of a deleted file
        self.makers: dict[tuple[bytes, str | None], list[Leaf]] = {}
        self.by_path: dict[bytes, list[Version]] = {}
        # lines of all versions
        self.size = 0
        self._versions: dict[tuple[bytes, str], Version] = {}
        self._contents: dict[str, Version] = {}
        self._names: dict[bytes, bytes] = {}
        self._current: dict[str, dict[bytes, str | None]] = {}
        self._bases: dict[str, Base] = {}
        self._making: dict[str, Version] = {}
        # by session, of its last step: the event, and what it took away and put nowhere else
        self._gone: dict[str, tuple[str, list[_Gone]]] = {}
        # each line that a content had, and its key
        self._lines: dict[bytes, tuple[bytes, bytes]] = {}
        # by the identity of a version that is kept in `by_path`
        self._born_keys: dict[int, frozenset[bytes]] = {}

    def begin(self, session_id: str, base: Base) -> None:
        """Begin a session on a tree."""
        self._bases[session_id] = base
        self._current[session_id] = {}

    def name(self, path: bytes) -> bytes:
        """Return the first name of a file that was renamed."""
        return self._names.get(path, path)

    def find(self, path: bytes, oid: str) -> Version | None:
        """Return the version of this content, of this file or, when the content says something, of any."""
        return self._versions.get((self.name(path), oid)) or self._contents.get(oid)

    def take(self, step: Step) -> None:
        """Take in a step. Steps come in order of time; those of one session in their own."""
        self._current.setdefault(step.when.session_id, {})
        drafts = [draft for change in step.changes if (draft := self._draft(step, change))]
        blocks = [
            (draft, spans, Block(draft.old.keys[slice(*_ends(spans[0]))], _added(draft, spans[1])))
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
                    draft.version.births[at] = old.births[removed[source[1]]]
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
        """Return what the same event took away in a step before: a command's commits show in steps of their own."""
        event_id, gone = self._gone.get(step.when.session_id, ("", []))
        return gone if step.writer and step.writer.event_id == event_id else []

    def _remember_gone(self, step: Step, gone: list[_Gone]) -> None:
        used = {source for _, _, block in gone for source in block.taken}
        left = [
            (old, removed, Block([None if (number, at) in used else text for at, text in enumerate(block.removed)], []))
            for number, (old, removed, block) in enumerate(gone)
            if block.removed
        ]
        self._gone[step.when.session_id] = (step.writer.event_id if step.writer else "", left)

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

    def standing(self, session_id: str) -> Callable[[bytes], list[Text]]:
        """Return what tells the keys of a file in the worktree of a session, as far as it is known."""

        def held(path: bytes) -> list[Text]:
            names = [name for name in (path, *self._names) if self.name(name) == path]
            oids = [oid for name in names if (oid := self._oid(session_id, name))]
            return [text for oid in oids for text in self._open(path, oid).keys]

        return held

    def compare(
        self, path: bytes, said: Sequence[bytes], allowed: Allowed, sessions: Collection[str] = ()
    ) -> dict[int, Birth | None]:
        """Return what is known of a content that no step made, given as keys: by index the birth, None for nobody's.

        It is compared with what the file is known to have held, then with its last states in the sessions named, or
        else in those that are found in it.
        """
        name = self.name(path)
        found = self.memory.recall(name, said, once(said), range(len(said)), allowed)
        likely = set(sessions) or {birth.writer.session_id for birth in found.values() if birth}
        changed = True
        for version in self._states(name, likely, allowed):
            if changed:
                nobodys = {text for at, text in enumerate(said) if found.get(at) is None}
                unknown = {text for at, text in enumerate(said) if at not in found}
            # most states tell nothing more, and to align long files takes long
            changed = not (self._born(version).isdisjoint(nobodys) and unknown.isdisjoint(version.keys))
            if not changed:
                continue
            match = trusted(align(version.keys, said), said)
            for at, source in enumerate(match):
                if source >= 0 and found.get(at) is None:
                    found[at] = version.births[source]
        return found | self._wrapped(name, said, found, likely, allowed)

    def _wrapped(
        self, name: bytes, said: Sequence[bytes], found: Collection[int], sessions: Collection[str], allowed: Allowed
    ) -> dict[int, Birth | None]:
        """Return the births of lines that are not `found` and that a last state of the file has wrapped otherwise."""
        births: dict[int, Birth | None] = {}
        stretches = list(_stretches(said, found))
        if not stretches:
            return births
        newest = next((one for one in reversed(self.by_path.get(name, ())) if one.when and allowed(one.when)), None)
        states = [newest, *self._states(name, sessions, allowed)] if newest else []
        here = set(said)
        bones = b"\n".join(b"".join(map(bones_of, said[start:end])) for start, end in stretches)
        for version in {id(one): one for one in states if one}.values():
            # what stands in a row stands in the bones of that
            missing = {text for text in self._born(version) - here if bones_of(text) in bones}
            if not missing:
                continue
            of = [at for at, text in enumerate(version.keys) if text in missing]
            lines = [line_of(text or b"") for text in version.keys]
            for start, end in stretches:
                new = [line_of(text) for text in said[start:end]]
                for at, source in matched(lines, new, of).items():
                    births.setdefault(start + at, _blended(version, source))
        return births

    def _born(self, version: Version) -> frozenset[bytes]:
        """Return what those lines of a finished version say of which it is known who wrote them."""
        born = self._born_keys.get(id(version))
        if born is None:
            pairs = zip(version.keys, version.births, strict=True)
            born = self._born_keys[id(version)] = frozenset(text for text, birth in pairs if birth and text is not None)
        return born

    def compare_far(
        self, path: bytes, said: Sequence[bytes], found: Collection[int], allowed: Allowed, standing: Standing
    ) -> dict[int, Birth | None]:
        """Return what is known of the lines of a content that are not `found`, from other files."""
        left = [at for at in range(len(said)) if at not in found]
        anchors = once(said).difference(found)
        return self.memory.recall_far(self.name(path), said, anchors, left, allowed, standing)

    def _states(self, name: bytes, sessions: Collection[str], allowed: Allowed) -> list[Version]:
        """Return the last state of a file in each session, the newest first."""
        states: dict[str, Version] = {}
        for version in reversed(self.by_path.get(name, ())):
            when = version.when
            if len(states) == len(sessions):
                break
            if when and when.session_id in sessions and allowed(when):
                states.setdefault(when.session_id, version)
        return list(states.values())

    def _adopt(self, path: bytes, content: bytes) -> Version:
        """Return a content that no step made."""
        lines = split(content) if len(content) <= LARGEST else []
        # most of its lines are those of another version, and so are their keys
        pairs = [self._lines.get(text) or self._lines.setdefault(text, (text, key(text))) for text in lines]
        texts: list[Text] = [text for text, _ in pairs]
        version = Version(self.name(path), texts, [said for _, said in pairs], [None] * len(texts))
        self.size += len(texts)
        said = [text or b"" for text in version.keys]
        for at, birth in self.compare(path, said, _always).items():
            version.births[at] = birth
        return version

    def _oid(self, session_id: str, path: bytes) -> str | None:
        current = self._current.setdefault(session_id, {})
        if path in current:
            return current[path]
        base = self._bases.get(session_id)
        return base(path) if base else None

    def _open(self, path: bytes, oid: str | None) -> Version:
        """Return the version of a content; one of unknown lines when it is not here."""
        known = self.find(path, oid) or self._making.get(oid) if oid else None
        if known:
            return known
        content = self.read(oid) if oid else None
        version = Version(self.name(path), [], [], []) if content is None else self._adopt(path, content)
        if oid and content is not None:
            self._versions[version.path, oid] = version
        return version

    def _draft(self, step: Step, change: Change) -> _Draft | None:
        current = self._current.setdefault(step.when.session_id, {})
        old_oid = change.old_oid or (self._oid(step.when.session_id, change.old_path) if change.old_path else None)
        old = Version(b"", [], [], []) if change.old_path is None else self._open(change.old_path, old_oid)
        if change.new_path is None:
            current[change.old_path or b""] = None
            return _Draft(Version(old.path, [], [], []), old, None, [(range(len(old.texts)), range(0))], set())
        if change.old_path not in (None, change.new_path):
            current[change.old_path or b""] = None
            if change.new_path not in self.by_path:
                self._names.setdefault(change.new_path, self.name(change.old_path or b""))
        new_oid = change.new_oid or old_oid
        current[change.new_path] = new_oid
        if change.whole:
            return self._whole(change.new_path, old, new_oid)
        version, blocks = patched(self.name(change.new_path), old, change.hunks)
        return _Draft(version, old, new_oid, blocks, {at for _, added in blocks for at in added})

    def _whole(self, path: bytes, old: Version, oid: str | None) -> _Draft | None:
        content = self.read(oid) if oid else None
        if content is None or len(content) > LARGEST:
            return None
        texts: list[Text] = list(split(content))
        said = keys(texts)
        match = align(old.keys, said)
        births = [old.births[at] if at >= 0 else None for at in match]
        blocks = list(gaps(match, len(old.texts)))
        fresh = {at for _, added in blocks for at in added}
        return _Draft(Version(self.name(path), texts, said, births), old, oid, blocks, fresh)

    def _claim(self, step: Step, draft: _Draft) -> None:
        """Say who wrote the lines that are new."""
        version = draft.version
        version.when = step.when
        known = self.find(version.path, draft.oid) if draft.oid else None
        if known and len(known.births) == len(version.births):
            version.births = known.births
            return
        if not draft.fresh:
            return
        found = self._back(step, draft)
        for brought in step.brought(version.path) if len(found) < len(draft.fresh) else ():
            if not any(version.keys[at] in brought for at in draft.fresh - found.keys()):
                continue
            match = align(brought, version.keys)
            found |= {at: None for at in draft.fresh - found.keys() if match[at] >= 0}
        for at in found.keys() & draft.fresh:
            version.births[at] = found[at]
        if step.writer is None:
            return
        for removed, added in draft.blocks:
            fresh = [at for at in added if at in draft.fresh and at not in found]
            gone = [(draft.old.texts[at], draft.old.births[at]) for at in removed] if fresh else []
            texts = [version.texts[at] or b"" for at in fresh]
            for at, birth in zip(fresh, edited(gone, texts, step.writer), strict=True):
                version.births[at] = birth

    def _back(self, step: Step, draft: _Draft) -> dict[int, Birth | None]:
        """Return the births of lines that were there before, went, and came back."""
        path, said = draft.version.path, draft.version.keys
        if not any((text := said[at]) and self.memory.knows(path, text) for at in draft.fresh):
            return {}
        texts = [text or b"" for text in said]
        stands = set(draft.old.keys)
        gone = [at for at in once(texts) & draft.fresh if texts[at] not in stands]
        found = self.memory.recall_back(draft.version.path, texts, gone, draft.fresh, _always)
        left = draft.fresh - found.keys()
        anchors = [at for at in gone if at in left]
        if anchors:
            standing = self.standing(step.when.session_id)
            found |= self.memory.recall_far(draft.version.path, texts, anchors, left, _always, standing)
        return found

    def _keep(self, when: When, draft: _Draft) -> None:
        self.memory.learn(draft.old, [at for removed, _ in draft.blocks for at in removed], when)
        if draft.oid is None:
            return
        version = draft.version
        self.memory.learn(version, [at for _, added in draft.blocks for at in added], when)
        self.by_path.setdefault(version.path, []).append(version)
        self.size += len(version.texts)
        self._versions.setdefault((version.path, draft.oid), version)
        if says_something(text for text in version.keys if text):
            self._contents.setdefault(draft.oid, version)


def _reformat(draft: _Draft, removed: range, added: range, wrapped: bool) -> None:
    """Say whose those lines are that a step took away and put back wrapped otherwise, or else formatted."""
    if not draft.fresh.isdisjoint(added):
        old, new = draft.old.keys[slice(*_ends(removed))], _added(draft, added)
        pairs = matched([line_of(text or b"") for text in old], [line_of(text) for text in new], wrapped=wrapped)
        for at, source in pairs.items():
            if added[at] in draft.fresh:
                there = Source(*(removed[part] for part in source))
                draft.version.births[added[at]] = _blended(draft.old, there)
                draft.fresh.discard(added[at])
        for at, same in () if wrapped else formatted(old, new):
            if added[at] in draft.fresh:
                draft.version.births[added[at]] = draft.old.births[removed[same]]
                draft.fresh.discard(added[at])


def _blended(version: Version, source: Source) -> Birth | None:
    main = version.births[source.main]
    return main and blended(main, version.births[source.first : source.last + 1])


def _stretches(said: Sequence[bytes], found: Collection[int]) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of lines that are not found and say something."""

    def closes(at: int) -> bool:
        return at in found and telling(said[at])

    # most lines are found, in a long file
    end = 0
    for at in [at for at in range(len(said)) if at not in found]:
        if at < end or not telling(said[at]):
            continue
        start, end = at, at + 1
        while start > 0 and not closes(start - 1):
            start -= 1
        while end < len(said) and not closes(end):
            end += 1
        yield start, end


def _always(_: When) -> bool:
    return True


def _ends(span: range) -> tuple[int, int]:
    return span.start, span.stop


def _added(draft: _Draft, span: range) -> list[bytes]:
    return [text or b"" for text in draft.version.keys[span.start : span.stop]]
