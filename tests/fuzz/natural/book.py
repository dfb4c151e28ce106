"""Who wrote what: each line that was ever written has a number, which goes with it through edits and commits.

Text repeats itself, so which number a line of a commit has can be a matter of opinion; whose it may be is not.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import NamedTuple

# a trace, and the event whose effect it was; HAND is what was typed in its session, None somebody nobody recorded
Writer = tuple[str | None, str | None]
HAND = "by hand"
NOBODY: Writer = (None, None)
_LOOSE = b" \t\r\n\v\f\"'`,;()\\#"
_TELLING, _DISTINCT = 6, 12


class Text(NamedTuple):
    """A file: its lines and their numbers."""

    lines: list[bytes]
    numbers: list[int]


EMPTY = Text([], [])
Files = dict[str, Text]


@dataclass
class Origin:
    """Where a line comes from; `others` may as well be said to have written it: who moved or repeated it."""

    text: bytes
    writer: Writer
    others: set[Writer] = field(default_factory=set)
    unsure: bool = False

    @property
    def writers(self) -> set[Writer]:
        """All who may be said to have written it."""
        return {self.writer, *self.others}


def bones(text: bytes) -> bytes:
    """Return what a formatter leaves alone of a line."""
    return text.translate(None, _LOOSE)


def letters(text: bytes) -> int:
    """Return how many letters and digits a line has."""
    return len(re.sub(rb"[^A-Za-z0-9]", b"", text))


def tells(text: bytes) -> bool:
    """Tell whether a line says where it comes from."""
    return letters(text) >= _TELLING


def split(data: bytes) -> list[bytes]:
    """Return the lines of a content."""
    return data.removesuffix(b"\n").split(b"\n") if data else []


def joined(lines: Iterable[bytes]) -> bytes:
    """Return a content."""
    return b"".join(line + b"\n" for line in lines)


class Book:
    """All lines, and the files of all commits; `parents` and `times` of these, `reverts` what some take back."""

    def __init__(self) -> None:
        self.origins: list[Origin] = []
        self.said: dict[bytes, list[int]] = {}
        self.commits: dict[str, Files] = {}
        self.parents: dict[str, list[str]] = {}
        self.times: dict[str, int] = {}
        self.reverts: set[str] = set()

    def new(self, text: bytes, writer: Writer, others: Iterable[Writer] = (), unsure: bool = False) -> int:
        """Write a line."""
        self.origins.append(Origin(text, writer, set(others), unsure))
        self.says(len(self.origins) - 1, text)
        return len(self.origins) - 1

    def says(self, number: int, text: bytes) -> None:
        """Take down that a line says something, since it was indented anew."""
        numbers = self.said.setdefault(text, [])
        if number not in numbers:
            numbers.append(number)

    def writers(self, text: bytes) -> set[Writer]:
        """Return all who ever wrote such a line."""
        return {writer for number in self.said.get(text, ()) for writer in self.origins[number].writers}

    def is_unsure(self, text: bytes) -> bool:
        """Tell whether a recorder can't know who wrote such a line."""
        return any(self.origins[number].unsure for number in self.said.get(text, ()))

    def is_only(self, text: bytes, trace: str) -> bool:
        """Tell whether a line says something and was never written but by a trace."""
        return (
            letters(text) >= _DISTINCT
            and not self.is_unsure(text)
            and {one for one, _ in self.writers(text)} == {trace}
        )

    def derive(self, lines: list[bytes], sources: Sequence[Text], others: Sequence[Text] = ()) -> Text:
        """Return lines with their numbers, given what they may come from, the likeliest first."""
        for source in sources:
            if source.lines == lines:
                return source
        numbers: list[int | None] = [None] * len(lines)
        used: set[int] = set()
        for source in sources:
            blocks = SequenceMatcher(None, source.lines, lines, autojunk=False).get_matching_blocks()
            for old, new, size in blocks if None in numbers else ():
                for at in range(size):
                    if numbers[new + at] is None and source.numbers[old + at] not in used:
                        numbers[new + at] = source.numbers[old + at]
                        used.add(source.numbers[old + at])
        around: dict[bytes, list[int]] = {}
        for source in (*sources, *others):
            for text, number in zip(source.lines, source.numbers, strict=True):
                around.setdefault(text, []).append(number)
        return Text(
            lines, [self._some(text, number, around, used) for text, number in zip(lines, numbers, strict=True)]
        )

    def _some(self, text: bytes, number: int | None, around: dict[bytes, list[int]], used: set[int]) -> int:
        if number is None:
            candidates = [*around.get(text, ()), *reversed(self.said.get(text, ()))]
            if not candidates:
                raise AssertionError(f"nobody wrote {text!r}")
            number = next((one for one in candidates if one not in used), candidates[0])
            used.add(number)
        return number

    def added(self, commit: str) -> set[int]:
        """Return the lines that stand in a commit and in none of its parents."""
        held = {number for text in self.commits[commit].values() for number in text.numbers}
        return held.difference(
            *(text.numbers for parent in self.parents[commit] for text in self.commits[parent].values())
        )

    def touched(self, commit: str, trace: str) -> bool:
        """Tell whether a commit puts lines into a file, or says them otherwise, that may be said to be a trace's."""
        for path, text in self.commits[commit].items():
            had: set[tuple[int, bytes]] = set()
            for parent in self.parents[commit]:
                old = self.commits[parent].get(path, EMPTY)
                had.update(zip(old.numbers, old.lines, strict=True))
            for number, _ in set(zip(text.numbers, text.lines, strict=True)) - had:
                if trace in {one for one, _ in self.origins[number].writers}:
                    return True
        return False
