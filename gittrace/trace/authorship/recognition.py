"""Whose the lines of a content are that no step made: staged in part, formatted, rebased, or made by nobody recorded.

It is compared with what the file is known to have held, then with its last states in the sessions that it is of, line
by line and wrapped otherwise. To align long files takes long, so it is told first which states can tell something.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import compress, islice

from gittrace.trace.authorship.changes import Gap
from gittrace.trace.authorship.hands import blended
from gittrace.trace.authorship.memory import Memory, Recalled, Standing, nowhere
from gittrace.trace.authorship.moments import Allowed
from gittrace.trace.authorship.states import States
from gittrace.trace.authorship.successive import Successive
from gittrace.trace.authorship.versions import Birth, Shelf, Version
from gittrace.trace.bounded import Bounded
from gittrace.trace.text.align import aligned, key, telling, trusted
from gittrace.trace.text.alike import Text
from gittrace.trace.text.fingerprint import bones_of
from gittrace.trace.text.lines import UNKNOWN, Alphabet, Lines
from gittrace.trace.text.splices import Splice, splices, unlike
from gittrace.trace.text.wrapped import Source, matched

# lines of which is held what is known of them, and how they are spelled
_MOST_LINES = 1 << 21
# files one of which a content may have been of under another name, those with most of its lines first
_MOST_FILES = 8

# which moments counted, which sessions were named, how many lines had been told
_Asked = tuple[bytes, frozenset[str], int]


class Recognition:
    """Asks what is remembered of lines, and the `states` of files, by their first names."""

    def __init__(self, memory: Memory, shelf: Shelf) -> None:
        self.memory = memory
        self.states: dict[bytes, States] = {}
        self._shelf = shelf
        self._successive: Bounded[bytes, Successive] = Bounded(_MOST_LINES)
        # by file and content: how it was asked last, and what was told
        # by version: the alphabet, how many lines had been told, the letters of what its lines say
        self._known: Bounded[tuple[bytes, Lines], tuple[_Asked, Recalled]] = Bounded(_MOST_LINES)
        self._rows: Bounded[Version, tuple[Alphabet, int, str]] = Bounded(_MOST_LINES)
        # by version: how many lines had been told, what its lines say
        self._said: Bounded[Version, tuple[int, frozenset[Text]]] = Bounded(_MOST_LINES)

    def __getstate__(self) -> tuple[Memory, Shelf, dict[bytes, States]]:
        return self.memory, self._shelf, self.states

    def __setstate__(self, state: tuple[Memory, Shelf, dict[bytes, States]]) -> None:
        memory, shelf, states = state
        self.__init__(memory, shelf)  # type: ignore[misc]
        self.states = states

    def states_of(self, name: bytes) -> States:
        """Return the states of a file."""
        if name not in self.states:
            self.states[name] = States(self.memory.near(name).moments)
        return self.states[name]

    def compare(self, name: bytes, lines: Lines, allowed: Allowed, sessions: Collection[str] = ()) -> Recalled:
        """Return what is known of a content, not to be changed.

        The last states of the sessions named count, or else of those that are found in it.
        """
        asked = self.memory.near(name).moments.allowed(allowed), frozenset(sessions), self._shelf.told
        before = self._known.get((name, lines))
        if before and before[0] == asked:
            return before[1]
        found = self._compared(name, lines, asked[0], sessions)
        self._known.put((name, lines), (asked, found), lines.size)
        return found

    def _compared(self, name: bytes, lines: Lines, moments: bytes, sessions: Collection[str]) -> Recalled:
        if not moments:
            return Recalled.nothing(lines.size)
        successive = self._successive.get(name)
        if successive is None:
            successive = Successive(self.memory.near(name), self.states_of(name), self._shelf)
            self._successive.put(name, successive, lines.size)
        found = successive.recall(lines, moments)
        likely = set(sessions) or successive.sessions()
        states = self.states_of(name)
        last = states.last(likely, moments)
        self._align(states, last, lines, found, set(successive.nobodys()))
        for at, birth in _wrapped(states, [version for _, version in last], lines, found, moments).items():
            found.put(at, [birth])
        return found

    def once_named(self, lines: Lines, wanted: Iterable[int], allowed: Allowed, standing: Standing) -> bytes | None:
        """Return the first name of the file that a content is of, under a name that nobody recorded.

        It is one that is gone, with at least half of these lines when it was recorded last, if any of the wanted lines
        was recorded at all; `standing` is as for `Memory.recall_far`.
        """
        if not any(self.memory.knows(lines.key(at)) for at in wanted):
            return None
        said = list(filter(None, lines.keys()))
        found: list[tuple[int, bytes]] = []
        for name in self.memory.files(said, allowed)[:_MOST_FILES]:
            last = self.last(name, allowed)
            keys = frozenset(last.each_key()) if last else ()
            found.append((sum(text in keys for text in said), name))
        likely = (name for count, name in sorted(found, reverse=True) if 2 * count >= len(said))
        return next((name for name in likely if not standing(name)), None)

    def last(self, name: bytes, allowed: Allowed) -> Version | None:
        """Return the last allowed version of a file that a step made."""
        states = self.states.get(name)
        return states.newest(self.memory.near(name).moments.allowed(allowed)) if states else None

    def compare_far(
        self,
        name: bytes,
        lines: Lines,
        found: Recalled,
        wanted: Iterable[int],
        allowed: Allowed,
        standing: Standing,
        before: Standing = nowhere,
    ) -> dict[int, Birth | None]:
        """Return what is known of lines of a content that are not `found`, from other files: those that are wanted."""
        # only what stands beside a line in such a stretch tells of it
        said: dict[int, bytes] = {}
        for span in found.unknown_around(wanted):
            said.update(zip(span, lines.keys(span.start, span.stop), strict=True))
        anchors = lines.once([at for at, text in said.items() if self.memory.knows(text)])
        if not anchors:
            return {}
        return self.memory.recall_far(name, said, anchors, said.keys(), allowed, standing, before)

    def _align(
        self,
        states: States,
        last: Sequence[tuple[int, Version]],
        lines: Lines,
        found: Recalled,
        nobodys: Collection[int],
    ) -> None:
        """Put into `found` what the last states of a file tell; `nobodys` are lines that may be somebody's."""
        changed = True
        born: set[str] = set()
        # most states tell of the first line that is not known
        unknown: Iterator[str] = iter(())
        looked_at: list[str] = []
        keys = lines.alphabet.keys
        for number, version in last:
            if changed:
                # what came in after the newest of them is in none
                born = {lines.said[at] for at in nobodys if found.births[at] is None}
                born = {letter for letter in born if states.born[keys[ord(letter)]].since <= number}
                unknown = _unknown(states, number, lines, found)
                looked_at = list(islice(unknown, 1))
                if not born and not looked_at:
                    return
            # most states tell nothing more
            row = self.row(version, lines.alphabet)
            changed = any(letter in row for letter in looked_at)
            while not changed and (more := list(islice(unknown, len(looked_at)))):
                looked_at += more
                changed = any(letter in row for letter in more)
            if born and not changed:
                changed = not born.isdisjoint(compress(row, version.each_birth()))
            if not changed:
                continue
            for one in trusted(aligned(row, lines.said), lines.said, keys):
                if born:
                    births = zip(found.births[one.new : one.new_end], version.births(one.old, one.old_end), strict=True)
                    found.births[one.new : one.new_end] = [mine or other for mine, other in births]
                found.known[one.new : one.new_end] = b"\1" * one.size

    def follow(self, version: Version, old: Version, blocks: Iterable[Gap]) -> None:
        """Spell a version that is another one but for some blocks."""
        held = self._rows.get(old)
        if held is None or held[1] != self._shelf.told or not version.whole:
            return
        alphabet, told, row = held
        parts, start = [], 0
        for removed, added in blocks:
            parts += [row[start : removed.start], _said(version.texts(added.start, added.stop), alphabet)]
            start = removed.stop
        self._rows.put(version, (alphabet, told, "".join([*parts, row[start:]])), version.size)

    def spelled(self, version: Version, lines: Lines) -> None:
        """Take note that a version has these lines."""
        self._rows.put(version, (lines.alphabet, self._shelf.told, lines.said), version.size)

    def news(self, version: Version) -> list[int] | None:
        """Return the indexes of the lines that the newest state of the file has not, None where that is not told."""
        newest = self.states_of(version.path).latest
        if newest is None:
            return None
        before, now = self._rows.get(newest), self._rows.get(version)
        if before is None or now is None or before[:2] != now[:2]:
            return None
        if not (newest.whole and version.whole and now[1] == self._shelf.told):
            return None
        found: list[int] = []
        old = new = 0
        for one in (*splices(before[2], now[2]), Splice(newest.size, newest.size, version.size, version.size)):
            same = unlike(newest.numbers[old : one.old], version.numbers[new : one.new])
            found += [*(new + at for at in same), *range(one.new, one.new_end)]
            old, new = one.old_end, one.new_end
        return found

    def said(self, version: Version) -> frozenset[Text]:
        """Return what the lines of a version say."""
        held = self._said.get(version)
        if held is None or held[0] != self._shelf.told:
            held = self._shelf.told, frozenset(version.each_key())
            self._said.put(version, held, version.size)
        return held[1]

    def row(self, version: Version, alphabet: Alphabet) -> str:
        """Return the letters of what the lines of a version say."""
        held = self._rows.get(version)
        if held and held[0] is alphabet and held[1] == self._shelf.told:
            return held[2]
        row = _said(version.texts(), alphabet)
        self._rows.put(version, (alphabet, self._shelf.told, row), version.size)
        return row


def _unknown(states: States, number: int, lines: Lines, found: Recalled) -> Iterator[str]:
    """Yield the letters of lines that are not known and that a version of the file said up to one."""
    keys = lines.alphabet.keys
    seen: set[str] = set()
    for at in found.unknown():
        letter = lines.said[at]
        if letter not in seen and states.keys.get(keys[ord(letter)], number + 1) <= number:
            yield letter
        seen.add(letter)


def _said(texts: Sequence[Text], alphabet: Alphabet) -> str:
    """Return the letters of what lines say, UNKNOWN for those that are not known."""
    try:
        if None not in texts:
            return alphabet.lines([text or b"" for text in texts]).said
        return "".join([UNKNOWN if text is None else alphabet.lines([text]).said for text in texts])
    except OverflowError:
        # there are no letters left: these lines are in no content that was spelled with it
        return "".join([UNKNOWN if text is None else alphabet.said(key(text)) or UNKNOWN for text in texts])


def _wrapped(
    states: States, last: Sequence[Version], lines: Lines, found: Recalled, allowed: bytes
) -> dict[int, Birth | None]:
    """Return the births of lines that are not `found` and that a last state of the file has wrapped otherwise."""
    births: dict[int, Birth | None] = {}
    # of a file of which nobody wrote anything yet all lines are unknown
    stretches = list(_stretches(lines, found)) if states.born else []
    if not stretches:
        return births
    bones = b"\n".join(b"".join(map(bones_of, lines.keys(start, end))) for start, end in stretches)
    # what stands in a row stands in the bones of that
    missing = {text for text in states.born_within(bones) if not lines.says((text,))}
    newest = states.newest(allowed) if missing else None
    for version in {id(one): one for one in (newest, *last)}.values() if newest else ():
        if missing.isdisjoint(compress(version.each_key(), version.each_birth())):
            continue
        bearing = zip(version.each_key(), version.each_birth(), strict=True)
        born = {text for text, birth in bearing if birth} & missing
        of = [at for at, text in enumerate(version.each_key()) if text in born]
        old = [text or b"" for text in version.each_key()]
        for start, end in stretches:
            for at, source in matched(old, lines.keys(start, end), of).items():
                births.setdefault(start + at, blended_of(version, source))
    return births


def blended_of(version: Version, source: Source) -> Birth | None:
    """Return whose a line is that was put together from those of a version."""
    main = version.birth(source.main)
    return main and blended(main, version.births(source.first, source.last + 1))


def _stretches(lines: Lines, found: Recalled) -> Iterator[tuple[int, int]]:
    """Yield (start, end) of the stretches of lines that are not found and say something."""

    def closes(at: int) -> bool:
        return bool(found.known[at]) and telling(lines.key(at))

    # most lines are found, in a long file
    end = 0
    for at in found.unknown():
        if at < end or not telling(lines.key(at)):
            continue
        start, end = at, at + 1
        while start > 0 and not closes(start - 1):
            start -= 1
        while end < lines.size and not closes(end):
            end += 1
        yield start, end
