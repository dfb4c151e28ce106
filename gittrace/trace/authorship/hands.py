"""Lines that are the work of a person and of an agent: `mixed`. Pure.

Such a line was changed in part by the other one, in its place, or a formatter joined lines of both. It belongs to the
event that wrote it so, or most of it, as any line does; only whose hand that was is both.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace

from gittrace.model.attribution import AI, HUMAN, MIXED, Writer
from gittrace.trace.authorship.versions import Birth
from gittrace.trace.text.alike import Text

_WORDS = re.compile(rb"\w+|[^\w\s]")
# which part of its words a line keeps that is changed in part
_KEPT = 0.6
# a block of more lines than this, on either side, was written anew
_MOST_LINES = 60

_Removed = Sequence[tuple[Text, Birth | None]]


def blended(main: Birth, parts: Iterable[Birth | None]) -> Birth:
    """Return the birth of a line that was put together from lines, of which `main` makes the most."""
    for part in parts:
        if part is not None and part is not main:
            main = _by_both(main, part.writer)
    return main


def edited(removed: _Removed, texts: Sequence[bytes], writer: Writer) -> list[Birth]:
    """Return the births of lines that an event wrote in the place of others, all of one block."""
    others = [(text, birth) for text, birth in removed if text and birth and _are_two(birth.writer, writer)]
    births = [Birth(writer, text) for text in texts]
    if not others or max(len(others), len(texts)) > _MOST_LINES:
        return births
    bags = [(Counter(_WORDS.findall(text)), birth) for text, birth in others]
    return [_of_one(birth, bags) for birth in births]


def _of_one(birth: Birth, bags: Sequence[tuple[Counter[bytes], Birth]]) -> Birth:
    words = Counter(_WORDS.findall(birth.text))
    kept, number = max(
        (2 * (words & bag).total() / max(words.total() + bag.total(), 1), -at) for at, (bag, _) in enumerate(bags)
    )
    return _by_both(birth, bags[-number][1].writer) if kept >= _KEPT else birth


def _are_two(one: Writer, other: Writer) -> bool:
    return {one.who, other.who} in ({HUMAN, AI}, {HUMAN, MIXED}, {AI, MIXED})


def _by_both(birth: Birth, other: Writer) -> Birth:
    if not _are_two(birth.writer, other):
        return birth
    agent = other.agent if birth.writer.agent == HUMAN else birth.writer.agent
    return Birth(replace(birth.writer, who=MIXED, agent=agent), birth.text)
