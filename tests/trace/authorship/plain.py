"""What `Recognition` says, found in the plainest way: each line and state is looked at. And made-up histories."""

import random
from collections.abc import Iterator, Sequence
from hashlib import sha1
from typing import cast

from gittrace.git.patch import Hunk
from gittrace.model.attribution import AI, HUMAN, Writer
from gittrace.trace.authorship.changes import Change, Step
from gittrace.trace.authorship.lineage import Lineage
from gittrace.trace.authorship.moments import Allowed
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recognition import blended_of
from gittrace.trace.authorship.versions import Birth, Version, When
from gittrace.trace.text.align import Stretch, says_something
from gittrace.trace.text.alike import Text
from gittrace.trace.text.fingerprint import bones_of, line_of
from gittrace.trace.text.lines import UNKNOWN, Alphabet, Alphabets, Lines
from gittrace.trace.text.wrapped import matched

PATH = b"src/file.py"
WRITER = Writer("trace", "s0", 0, "e0", "000000", "diff", AI, AI)
Known = dict[int, Birth | None]


def compare(lineage: Lineage, said: Sequence[bytes], allowed: Allowed, sessions: set[str]) -> Known:
    """Return by index whose the lines of a content of PATH are, None for nobody's; what is not known is left out."""
    found = _recalled(lineage, said, allowed)
    likely = sessions or {birth.writer.session_id for birth in found.values() if birth}
    states = _last(lineage, likely, allowed)
    for version in states:
        match = plain_trusted(plain_align(version.keys(), said), said)
        for at, source in enumerate(match):
            if source >= 0 and found.get(at) is None:
                found[at] = version.birth(source)
    return found | _wrapped(lineage, said, found, states, allowed)


def _versions(lineage: Lineage) -> list[Version]:
    states = lineage.recognition.states.get(PATH)
    return states._versions if states else []


def _last(lineage: Lineage, sessions: set[str], allowed: Allowed) -> list[Version]:
    found: dict[str, Version] = {}
    for version in reversed(_versions(lineage)):
        if version.when and version.when.session_id in sessions and allowed(version.when):
            found.setdefault(version.when.session_id, version)
    return list(found.values())


def _recalled(lineage: Lineage, said: Sequence[bytes], allowed: Allowed) -> Known:
    near = lineage.memory.near(PATH)
    places = {}
    for at, text in enumerate(said):
        known = [place for place in near.places(text) if allowed(place.when)]
        if text and said.count(text) == 1 and len(known) == 1:
            places[at] = known[0]
    found: Known = {at: place.birth for at, place in places.items()}
    for at, place in places.items():
        for way in (1, -1):
            here, there = at + way, place.line + way
            while (
                0 <= here < len(said)
                and here not in found
                and 0 <= there < place.version.size
                and place.version.key(there) == said[here]
            ):
                found[here] = place.version.birth(there)
                here, there = here + way, there + way
    return found


def _wrapped(
    lineage: Lineage, said: Sequence[bytes], found: Known, states: Sequence[Version], allowed: Allowed
) -> Known:
    births: Known = {}
    newest = [one for one in reversed(_versions(lineage)) if one.when and allowed(one.when)][:1]
    stretches = list(_stretches(said, found))
    bones = b"\n".join(b"".join(map(bones_of, said[start:end])) for start, end in stretches)
    for version in {id(one): one for one in (*newest, *states)}.values():
        born = {
            text for text, birth in zip(version.keys(), version.births(), strict=True) if birth and text is not None
        }
        missing = {text for text in born if text not in said and bones_of(text) in bones}
        of = [at for at, text in enumerate(version.keys()) if text in missing]
        for start, end in stretches if of else ():
            old = [text or b"" for text in version.each_key()]
            for at, source in matched(old, said[start:end], of).items():
                births.setdefault(start + at, blended_of(version, source))
    return births


def _stretches(said: Sequence[bytes], found: Known) -> Iterator[tuple[int, int]]:
    start = 0
    for at in range(len(said) + 1):
        if at == len(said) or (at in found and line_of(said[at]).telling):
            if any(line_of(said[here]).telling for here in range(start, at)):
                yield start, at
            start = at + 1


def plain_align(old: Sequence[Text], new: Sequence[Text]) -> list[int]:
    """Return what `align` does: equal ends, then the longest rising series of lines that both have once, and again."""
    found = [-1] * len(new)
    todo = [(0, len(old), 0, len(new))]
    while todo:
        start, end, at, to = todo.pop()
        while start < end and at < to and old[start] is not None and old[start] == new[at]:
            found[at], start, at = start, start + 1, at + 1
        while start < end and at < to and old[end - 1] is not None and old[end - 1] == new[to - 1]:
            end, to = end - 1, to - 1
            found[to] = end
        here, there = list(new[at:to]), list(old[start:end])
        pairs = [
            (start + number, at + here.index(text))
            for number, text in enumerate(there)
            if text and there.count(text) == 1 and here.count(text) == 1
        ]
        series = _rising(pairs)
        for (one, two), (one_to, two_to) in zip(series, [*series[1:], (end, to)], strict=False):
            todo.append((one, one_to, two, two_to))
        if series:
            todo.append((start, series[0][0], at, series[0][1]))
    return found


def _rising(pairs: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the longest series in which both rise; of several, that which ends lowest, each before it likewise."""
    ends: list[list[tuple[int, int]]] = []
    for pair in pairs:
        place = next((number for number, series in enumerate(ends) if series[-1][1] >= pair[1]), len(ends))
        series = [*(ends[place - 1] if place else []), pair]
        ends[place : place + 1] = [series]
    return ends[-1] if ends else []


def plain_trusted(match: Sequence[int], new: Sequence[bytes]) -> list[int]:
    """Return what `trusted` does."""
    if sum(bool(text) for text, at in zip(new, match, strict=True) if at >= 0) >= 0.5 * max(sum(map(bool, new)), 1):
        return list(match)
    kept, start = [-1] * len(match), 0
    for at in range(1, len(match) + 1):
        if at == len(match) or match[at] != match[at - 1] + 1 or match[at - 1] < 0:
            if match[start] >= 0 and says_something(new[start:at]):
                kept[start:at] = match[start:at]
            start = at
    return kept


def row(alphabet: Alphabet, texts: Sequence[Text]) -> str:
    """Return the letters of lines."""
    return "".join(UNKNOWN if text is None else alphabet.letter(text) for text in texts)


def spread(stretches: list[Stretch], size: int) -> list[int]:
    """Return by index what each line matches, -1 for nothing."""
    match = [-1] * size
    for one in stretches:
        match[one.new : one.new_end] = range(one.old, one.old_end)
    return match


class Contents:
    """Contents by oid, in the place of a repository."""

    def __init__(self) -> None:
        self.lines = Alphabets().lines
        self._contents: dict[str, Lines] = {}

    def put(self, texts: Sequence[bytes]) -> str:
        """Add a content, and return its oid."""
        data = b"".join(text + b"\n" for text in texts)
        oid = sha1(data, usedforsecurity=False).hexdigest()
        lines = self.lines(data)
        assert lines
        self._contents[oid] = lines
        return oid

    def content(self, oid: str) -> Lines | None:
        """See `Past`."""
        return self._contents.get(oid)


class History:
    """A file that sessions edit, and others whom nobody records; `moment` counts what happened."""

    def __init__(self, seed: int, size: int = 12, telling: float = 0.6) -> None:
        self.random = random.Random(seed)
        self.contents = Contents()
        self.lineage = Lineage(cast(Past, self.contents))
        self.moment = 0
        self._telling = telling
        self._before: list[list[bytes]] = []
        self.texts = [self.line() for _ in range(size)]

    def line(self) -> bytes:
        """Return a line: one that is nowhere else mostly, or one as there are many."""
        if self.random.random() < self._telling:
            return b"value_%d = compute(%d, argument)" % (self.moment, self.random.randrange(10**6))
        return self.random.choice((b"", b"}", b"    return None", b"print(value, other)", b"  print(value,", b"other)"))

    def other(self) -> list[bytes]:
        """Return the content as somebody may leave it: edited, or as it was."""
        if self._before and self.random.random() < 0.1:
            return list(self.random.choice(self._before))
        texts = list(self.texts)
        for _ in range(self.random.randrange(1, 4)):
            at, gone = self.random.randrange(len(texts) + 1), self.random.randrange(4)
            here = texts[at : at + gone]
            again = [b"".join(here)] if self.random.random() < 0.2 else []
            texts[at : at + gone] = again or [self.line() for _ in range(self.random.randrange(4))]
        return texts

    def edit(self, session: str | None) -> None:
        """Edit the file, in a session or not."""
        self.moment += 1
        before, self.texts = self.texts, self.other()
        self._before.append(before)
        old, new = self.contents.put(before), self.contents.put(self.texts)
        if session is not None and old != new:
            at = f"{self.moment:06}"
            who = AI if session < "s2" else HUMAN
            writer = Writer("trace", session, 0, f"e{self.moment}", at, "diff", who, who)
            change = Change(PATH, PATH, old, new, hunks(before, self.texts))
            self.lineage.take(Step(When(session, 0, at), writer, [change]))


def hunks(old: Sequence[bytes], new: Sequence[bytes]) -> tuple[Hunk, ...]:
    """Return what leads from one content to the other, as one hunk without context."""
    first = next(
        (at for at, (one, two) in enumerate(zip(old, new, strict=False)) if one != two), min(len(old), len(new))
    )
    most = min(len(old), len(new)) - first
    last = next((at for at in range(most) if old[-1 - at] != new[-1 - at]), most)
    gone, come = old[first : len(old) - last], new[first : len(new) - last]
    lines = (*(b"-%s\n" % text for text in gone), *(b"+%s\n" % text for text in come))
    return (Hunk(first + bool(gone), len(gone), first + bool(come), len(come), lines),)
