"""The numbers of the lines of contents that no step made: most are those of the content of the file before."""

from array import array
from collections.abc import Sequence

from gittrace.trace.authorship.versions import Birth, Shelf
from gittrace.trace.bounded import Bounded
from gittrace.trace.text.lines import Lines
from gittrace.trace.text.splices import unlike

# lines of contents that are held, to number others by them
_MOST_LINES = 1 << 20

_Numbered = tuple[Lines, list[Birth | None], "array[int]"]


class Numbering:
    """Numbers lines (see `Shelf`)."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        # by file, the last content
        self._before: Bounded[bytes, _Numbered] = Bounded(_MOST_LINES)

    def __getstate__(self) -> Shelf:
        return self._shelf

    def __setstate__(self, shelf: Shelf) -> None:
        self.__init__(shelf)  # type: ignore[misc]

    def numbers(self, name: bytes, lines: Lines, births: list[Birth | None]) -> "array[int]":
        """Return the numbers of a content's lines, given whose they are."""
        before = self._before.get(name)
        if before and before[0].alphabet is lines.alphabet:
            found = self._follow(before, lines, births)
        else:
            found = self._shelf.numbers(lines.texts(), lines.keys(), births)
        self._before.put(name, (lines, births, found), lines.size)
        return array("I", found)

    def _follow(self, before: _Numbered, lines: Lines, births: Sequence[Birth | None]) -> "array[int]":
        old, old_births, numbers = before[0], before[1].copy(), array("I", before[2])
        for one in reversed(lines.after(old)):
            new = births[one.new : one.new_end]
            texts = [lines.text(at) for at in range(one.new, one.new_end)]
            numbers[one.old : one.old_end] = self._shelf.numbers(texts, lines.keys(one.new, one.new_end), new)
            old_births[one.old : one.old_end] = new
        for at in unlike(old_births, births):
            numbers[at] = self._shelf.number(lines.text(at), births[at], lines.key(at))
        return numbers
