"""The lines of contents, as rows of letters: two lines have one letter where they are the same. Pure.

What contents have in common is then found in strings, at the speed of memory. Letters are code points; they mean
something within one alphabet only, and a new one is begun when much has been read.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from typing import cast
from weakref import WeakSet, ref

from gittrace.trace.text.align import BLANK, key, unique
from gittrace.trace.text.splices import Splice, line_splices, splices

# lines that are held at hand
_MOST_LINES = 1 << 18
# what is held of each line that is another (bytes, roughly)
_A_LETTER = 400
# contents that begin or end with so many bytes that are the same may be much the same
_ALIKE = 64
# lines from which on it is told for all at once which are there once
_MANY = 256
#: a letter that no line has
UNKNOWN = "\U0010ffff"
_MOST_LETTERS = ord(UNKNOWN)


def split(content: bytes) -> list[bytes]:
    """Return the lines of a content as git counts them, without line feeds."""
    lines = content.split(b"\n")
    return lines if lines[-1] else lines[:-1]


class Alphabet:
    """The letters of lines. What a line says has one too (see `align.key`): that of the first line that said so.

    texts, keys  by letter (its code point): the line without its line feed, and what it says
    """

    def __init__(self) -> None:
        self.texts: list[bytes] = []
        self.keys: list[bytes] = []
        self._letters: dict[bytes, str] = {}
        # by line, and by key
        self._said: dict[bytes, str] = {}
        self._first: dict[bytes, str] = {}
        self._is_same = True
        if self.letter(b"") != BLANK:
            raise AssertionError("a blank line has the first letter")

    def letter(self, text: bytes) -> str:
        """Return the letter of a line. Raises OverflowError where there is none left."""
        found = self._letters.get(text)
        if found is None:
            if len(self.texts) >= _MOST_LETTERS:
                raise OverflowError("these are too many lines")
            found = self._letters[text] = chr(len(self.texts))
            says = key(text)
            self.texts.append(text)
            self.keys.append(says)
            first = self._said[text] = self._first.setdefault(says, found)
            self._is_same = self._is_same and first == found
        return found

    def said(self, says: bytes) -> str | None:
        """Return the letter of what a line says, None when no line that has a letter does."""
        return self._first.get(says)

    def lines(self, texts: Sequence[bytes]) -> "Lines":
        """Return lines. Raises OverflowError."""
        letters = list(map(self._letters.get, texts))
        if None in letters:
            for at in [at for at, letter in enumerate(letters) if letter is None]:
                letters[at] = self.letter(texts[at])
        row = "".join(cast(list[str], letters))
        return Lines(self, row, row if self._is_same else "".join(map(self._said.__getitem__, texts)))

    def changed(self, before: "Lines", old: bytes, new: bytes) -> "Lines":
        """Return the lines of a content, given those of another one, by what differs. Raises OverflowError."""
        row, said, parts = [], [], []
        at = here = 0
        found = list(line_splices(old, new))
        for one, (start, end) in zip(found, _numbers(old, before.size, found), strict=True):
            added = self.lines(split(new[one.new : one.new_end]))
            row += [before.row[at:start], added.row]
            said += [before.said[at:start], added.said]
            here += start - at
            parts.append(Splice(start, end, here, here + added.size))
            at, here = end, here + added.size
        lines = Lines(self, "".join([*row, before.row[at:]]), "".join([*said, before.said[at:]]))
        lines.follow(before, parts)
        return lines


class Lines:
    """The lines of a content: the row of their letters, and that of what they say."""

    __slots__ = ("__weakref__", "_after", "_known", "alphabet", "row", "said")

    def __init__(self, alphabet: Alphabet, row: str, said: str) -> None:
        self.alphabet = alphabet
        self.row = row
        self.said = said
        self._after: tuple[ref[Lines], list[Splice]] | None = None
        # what gets a letter later is none of these lines
        self._known = len(alphabet.texts)

    def follow(self, before: "Lines", parts: list[Splice]) -> None:
        """Take note of what makes this row of that of another content of the alphabet."""
        self._after = ref(before), parts

    def after(self, before: "Lines") -> list[Splice]:
        """Return what makes this row of that of another content of the alphabet, and so this one's `said` of its."""
        if self._after is None or self._after[0]() is not before:
            self.follow(before, splices(before.row, self.row))
        assert self._after
        return self._after[1]

    @property
    def size(self) -> int:
        """How many they are."""
        return len(self.row)

    def text(self, at: int) -> bytes:
        """Return a line, without its line feed."""
        return self.alphabet.texts[ord(self.row[at])]

    def key(self, at: int) -> bytes:
        """Return what a line says."""
        return self.alphabet.keys[ord(self.said[at])]

    def texts(self) -> list[bytes]:
        """Return the lines, without their line feeds."""
        return list(map(self.alphabet.texts.__getitem__, map(ord, self.row)))

    def keys(self, start: int = 0, end: int | None = None) -> list[bytes]:
        """Return what lines say."""
        return list(map(self.alphabet.keys.__getitem__, map(ord, self.said[start:end])))

    def once(self, some: Sequence[int]) -> list[int]:
        """Return those of some lines that say something, and what no other one says."""
        if len(some) > _MANY:
            there = unique(self.said)
            return [at for at in some if there.get(self.said[at]) == at]
        return [at for at in some if self.said[at] != BLANK and self.said.count(self.said[at]) == 1]

    def says(self, some: Iterable[bytes | None]) -> bool:
        """Tell whether one of the lines says one of these."""
        letters = (says is not None and self.alphabet.said(says) for says in some)
        return any(letter and ord(letter) < self._known and letter in self.said for letter in letters)


def _numbers(old: bytes, size: int, parts: Sequence[Splice]) -> Iterator[tuple[int, int]]:
    """Yield of each part of a content of `size` lines the number of the first line, and of the one behind it."""
    spans = list(pairwise([0, *(end for one in parts for end in one[:2]), len(old)]))
    # to count what is in the longest one takes longest, and follows from the rest
    longest = max(range(len(spans)), key=lambda number: spans[number][1] - spans[number][0])
    counts = [0 if number == longest else old.count(b"\n", *span) for number, span in enumerate(spans)]
    is_cut = bool(old) and not old.endswith(b"\n")
    counts[longest] = size - is_cut - sum(counts)
    numbers = list(accumulate(counts))
    for one, start, end in zip(parts, numbers[::2], numbers[1::2], strict=False):
        yield start, size if one.old_end == len(old) else end


class Alphabets:
    """Gives lines their letters, those of contents that are read one after the other mostly from one alphabet."""

    def __init__(self) -> None:
        # those that some lines are of yet
        self._held: WeakSet[Alphabet] = WeakSet()
        self._begin()
        # what was read last
        self._before: tuple[bytes, Lines] | None = None

    def _begin(self) -> None:
        self.current = Alphabet()
        self._held.add(self.current)

    @property
    def size(self) -> int:
        """How much the letters that are in use take, in bytes, roughly."""
        return sum(len(one.texts) for one in self._held) * _A_LETTER

    def lines(self, content: bytes) -> Lines | None:
        """Return the lines of a content, None where it has more that are not the same than there are letters."""
        if len(self.current.texts) > _MOST_LINES:
            self._begin()
        found = None
        for _ in range(2):
            try:
                found = self._read(content)
                break
            except OverflowError:
                self._begin()
        self._before = (content, found) if found else None
        return found

    def _read(self, content: bytes) -> Lines:
        if self._before and self._before[1].alphabet is self.current:
            old, lines = self._before
            if old[:_ALIKE] == content[:_ALIKE] or old[-_ALIKE:] == content[-_ALIKE:]:
                return self.current.changed(lines, old, content)
        return self.current.lines(split(content))
