"""Whose the lines of a content are that no step made: staged in part, formatted, rebased, or made by nobody recorded.

It is compared with what the file is known to have held, then with its last states in the sessions that it is of, line
by line and wrapped otherwise. To align long files takes long, so it is told first which states can tell something.
"""

from collections.abc import Collection, Iterator, Sequence
from itertools import compress
from operator import not_

from gittrace.trace.align import align, telling, trusted, unique
from gittrace.trace.fingerprint import bones_of, line_of
from gittrace.trace.hands import blended
from gittrace.trace.memory import Memory, Recalled, Standing
from gittrace.trace.states import Allowed, States
from gittrace.trace.versions import Birth, Version
from gittrace.trace.wrapped import Source, matched

_NOTHING = States()


class Recognition:
    """Asks what is remembered of lines, and the `states` of files, by their first names."""

    def __init__(self, memory: Memory) -> None:
        self.memory = memory
        self.states: dict[bytes, States] = {}

    def compare(self, name: bytes, said: Sequence[bytes], allowed: Allowed, sessions: Collection[str] = ()) -> Recalled:
        """Return what is known of a content, given as keys.

        The last states of the sessions named count, or else of those that are found in it.
        """
        found = self.memory.recall(name, said, allowed)
        likely = set(sessions) or {birth.writer.session_id for birth in set(found.births) if birth}
        states = self.states.get(name, _NOTHING)
        last = states.last(likely, allowed)
        _align(states, last, said, found)
        for at, birth in _wrapped(states, [version for _, version in last], said, found, allowed).items():
            found.put(at, [birth])
        return found

    def compare_far(
        self, name: bytes, said: Sequence[bytes], found: Recalled, allowed: Allowed, standing: Standing
    ) -> dict[int, Birth | None]:
        """Return what is known of the lines of a content that are not `found`, from other files."""
        left = list(found.unknown())
        if not any(self.memory.knows(said[at]) for at in left):
            return {}
        once = unique(said, 0, len(said))
        anchors = [at for at in left if once.get(said[at]) == at]
        return self.memory.recall_far(name, said, anchors, set(left), allowed, standing)


def _align(states: States, last: Sequence[tuple[int, Version]], said: Sequence[bytes], found: Recalled) -> None:
    """Put into `found` what the last states of a file tell."""
    changed = True
    nobodys: set[bytes] = set()
    unknown: set[bytes] = set()
    for number, version in last:
        if changed:
            # what came in after the newest of them is in none
            nobodys = set(compress(said, map(not_, found.births))) & states.born.keys()
            nobodys = {text for text in nobodys if states.born[text].since <= number}
            unknown = {text for at in found.unknown() if states.keys.get(text := said[at], number + 1) <= number}
            if not nobodys and not unknown:
                return
        # most states tell nothing more
        born = compress(version.each_key(), version.each_birth())
        changed = not (nobodys.isdisjoint(born) and unknown.isdisjoint(version.each_key()))
        if not changed:
            continue
        match = trusted(align(version.keys(), said), said)
        # -1 is the last one
        theirs = map([*version.each_birth(), None].__getitem__, match)
        found.births = [birth or other for birth, other in zip(found.births, theirs, strict=True)]
        for at in [at for at in found.unknown() if match[at] >= 0]:
            found.known[at] = 1


def _wrapped(
    states: States, last: Sequence[Version], said: Sequence[bytes], found: Recalled, allowed: Allowed
) -> dict[int, Birth | None]:
    """Return the births of lines that are not `found` and that a last state of the file has wrapped otherwise."""
    births: dict[int, Birth | None] = {}
    stretches = list(_stretches(said, found))
    bones = b"\n".join(b"".join(map(bones_of, said[start:end])) for start, end in stretches)
    here = set(said) if stretches else set()
    # what stands in a row stands in the bones of that
    missing = {text for text in states.born.keys() - here if states.born[text].bones in bones} if stretches else set()
    newest = states.newest(allowed) if missing else None
    for version in {id(one): one for one in (newest, *last)}.values() if newest else ():
        if missing.isdisjoint(compress(version.each_key(), version.each_birth())):
            continue
        bearing = zip(version.each_key(), version.each_birth(), strict=True)
        born = {text for text, birth in bearing if birth} & missing
        of = [at for at, text in enumerate(version.each_key()) if text in born]
        lines = [line_of(text or b"") for text in version.each_key()]
        for start, end in stretches:
            new = [line_of(text) for text in said[start:end]]
            for at, source in matched(lines, new, of).items():
                births.setdefault(start + at, blended_of(version, source))
    return births


def blended_of(version: Version, source: Source) -> Birth | None:
    """Return whose a line is that was put together from those of a version."""
    main = version.birth(source.main)
    return main and blended(main, version.births(source.first, source.last + 1))


def _stretches(said: Sequence[bytes], found: Recalled) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of lines that are not found and say something."""

    def closes(at: int) -> bool:
        return bool(found.known[at]) and telling(said[at])

    # most lines are found, in a long file
    end = 0
    for at in found.unknown():
        if at < end or not telling(said[at]):
            continue
        start, end = at, at + 1
        while start > 0 and not closes(start - 1):
            start -= 1
        while end < len(said) and not closes(end):
            end += 1
        yield start, end
