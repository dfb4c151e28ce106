"""The states that files had, line by line: a line that many states have is held once, and has a number.

A file's state is a row of numbers, four bytes each. So thousands of states of long files can be held at once.
"""

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import cast

from gittrace.model.attribution import Writer
from gittrace.trace.text.align import key
from gittrace.trace.text.alike import Text
from gittrace.trace.text.splices import unlike

# what is held of each line that is another: its text, what it says, whose it is (bytes, roughly)
_A_LINE = 400
_A_NUMBER = 4


@dataclass(frozen=True, slots=True, eq=False)
class Birth:
    """A line as it was first written, without its line feed. Each is itself only: equal lines are born apart."""

    writer: Writer
    text: bytes


@dataclass(frozen=True, slots=True)
class When:
    """The moment of a step: its session, the number of its segment in that, and its time (RFC 3339)."""

    session_id: str
    segment: int
    at: str


class Shelf:
    """The lines of all versions. Two that have the same text and birth are one.

    texts   by number: without line feeds; None for a line that is not known here
    keys    what they say (see `align.key`)
    births  None is nobody's
    told    how often a version was told a line that was not known
    """

    def __init__(self) -> None:
        self.texts: list[Text] = []
        self.keys: list[Text] = []
        self.births: list[Birth | None] = []
        self.told = 0
        # what versions that stay hold, in lines
        self._held = 0
        self._nobodys: dict[Text, int] = {}
        self._born: dict[tuple[Birth, Text], int] = {}

    @property
    def size(self) -> int:
        """How much it holds, in bytes, roughly."""
        return len(self.texts) * _A_LINE + self._held * _A_NUMBER

    def hold(self, version: "Version") -> None:
        """Take a version into account that stays."""
        self._held += version.size

    def number(self, text: Text, birth: Birth | None = None, said: Text = None) -> int:
        """Return the number of a line; `said` is its key, where that is known."""
        new = len(self.texts)
        found = self._nobodys.setdefault(text, new) if birth is None else self._born.setdefault((birth, text), new)
        if found == new:
            self.texts.append(text)
            self.keys.append(key(text) if said is None and text is not None else said)
            self.births.append(birth)
        return found

    def numbers(self, texts: Sequence[bytes], keys: Sequence[bytes], births: Sequence[Birth | None]) -> "array[int]":
        """Return the numbers of lines."""
        found = list(map(self._nobodys.get, texts))
        for at in [at for at, (birth, known) in enumerate(zip(births, found, strict=True)) if birth or known is None]:
            found[at] = self.number(texts[at], births[at], keys[at])
        return array("I", cast(list[int], found))


class Version:
    """A file's content, line by line.

    when   the moment of the step that made it; None for a content that no step made
    whole  no line was ever unknown
    """

    __slots__ = ("numbers", "path", "shelf", "when", "whole")

    def __init__(self, path: bytes, shelf: Shelf, numbers: "array[int] | None" = None) -> None:
        self.path = path
        self.shelf = shelf
        self.numbers = array("I") if numbers is None else numbers
        self.when: When | None = None
        self.whole = True

    @property
    def size(self) -> int:
        """How many lines it has."""
        return len(self.numbers)

    def text(self, at: int) -> Text:
        """Return a line without its line feed; None for one that is not known here."""
        return self.shelf.texts[self.numbers[at]]

    def key(self, at: int) -> Text:
        """Return what a line says."""
        return self.shelf.keys[self.numbers[at]]

    def birth(self, at: int) -> Birth | None:
        """Return whose a line is; None is nobody's."""
        return self.shelf.births[self.numbers[at]]

    def bear(self, at: int, birth: Birth | None) -> None:
        """Say whose a line is."""
        number = self.numbers[at]
        self.numbers[at] = self.shelf.number(self.shelf.texts[number], birth, self.shelf.keys[number])

    def follow(self, other: "Version") -> None:
        """Say that the lines are whose those of another version of the same content are."""
        theirs = other.births()
        for at in unlike(self.births(), theirs) if self.numbers != other.numbers else ():
            self.bear(at, theirs[at])

    def tell(self, at: int, text: bytes) -> None:
        """Say what a line is that was not known."""
        self.numbers[at] = self.shelf.number(text, self.birth(at))
        self.shelf.told += 1

    def extend(self, missing: int) -> None:
        """Add so many lines that are not known."""
        self.numbers.extend([self.shelf.number(None)] * missing)
        self.whole = False
        self.shelf.told += 1

    def texts(self, start: int = 0, end: int | None = None) -> list[Text]:
        """Return lines without their line feeds."""
        return list(map(self.shelf.texts.__getitem__, self._between(start, end)))

    def keys(self, start: int = 0, end: int | None = None) -> list[Text]:
        """Return what lines say."""
        return list(map(self.shelf.keys.__getitem__, self._between(start, end)))

    def births(self, start: int = 0, end: int | None = None) -> list[Birth | None]:
        """Return whose lines are."""
        return list(map(self.shelf.births.__getitem__, self._between(start, end)))

    def each_key(self) -> Iterator[Text]:
        """Yield what the lines say."""
        return map(self.shelf.keys.__getitem__, self.numbers)

    def each_birth(self) -> Iterator[Birth | None]:
        """Yield whose the lines are."""
        return map(self.shelf.births.__getitem__, self.numbers)

    def _between(self, start: int, end: int | None) -> "array[int]":
        return self.numbers if start == 0 and end is None else self.numbers[start:end]
