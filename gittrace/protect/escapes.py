"""Codes of a terminal in a text: colours stand in the middle of what a reader sees as one word.

What `grep --color` or `jq -C` printed may come in a tool's result or in a file that was recorded, also as JSON has it.
A zero byte shows nothing either: text in UTF-16 that was taken for something else has one beside each letter.
"""

import re
from bisect import bisect_right

_ESCAPE = re.compile(rb"(?:\x1b|\\u001b)\[[0-9;:?]{0,40}[ -/]{0,2}[@-~]|\x00+|(?:\\u0000)+")


def has_escapes(text: bytes) -> bool:
    """Tell whether there may be codes in a text."""
    if b"\x1b" in text or b"\0" in text:
        return True
    return b"\\u00" in text and (b"\\u001b[" in text or b"\\u0000" in text)


def without_escapes(text: bytes) -> bytes:
    """Return a text without its codes."""
    return _ESCAPE.sub(b"", text) if has_escapes(text) else text


class Plain:
    """The lines of a text that have codes, without these, and where what is left stood. `text` is what is left."""

    def __init__(self, text: bytes) -> None:
        self._parts: list[bytes] = []
        # where in what is left something was taken out, and how much up to there
        self._cuts: list[int] = []
        self._taken: list[int] = [0]
        at = end = 0
        for match in _ESCAPE.finditer(text):
            if match.start() >= end:
                # the rest of the line before this one, and those between, which have none
                self._keep(text[at:end])
                at = text.rfind(b"\n", 0, match.start()) + 1
                self._cut(end, at)
                end = text.find(b"\n", match.end()) + 1 or len(text)
            self._keep(text[at : match.start()])
            at = match.end()
            self._cut(match.start(), at)
        self._keep(text[at:end])
        self.text = b"".join(self._parts)

    def _keep(self, part: bytes) -> None:
        self._parts.append(part)

    def _cut(self, start: int, end: int) -> None:
        """Take out a piece; what was left of the text ends at its beginning."""
        self._cuts.append(start - self._taken[-1])
        self._taken.append(self._taken[-1] + end - start)

    def __bool__(self) -> bool:
        return bool(self._cuts)

    def place(self, at: int) -> int:
        """Return where in the text stood what is left at a place: behind what was taken out in front of it."""
        return at + self._taken[bisect_right(self._cuts, at)]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Return where in the text stood what is left from `start` to `end`, without the codes on either side."""
        return self.place(start), self.place(end - 1) + 1
