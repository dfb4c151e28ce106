"""The lines of contents and what they say. Lines that contents share are held once. Pure."""

from collections.abc import Sequence
from functools import cached_property

from gittrace.trace.align import key

# lines whose keys are kept at hand
_MOST_KEYS = 1 << 17


def split(content: bytes) -> list[bytes]:
    """Return the lines of a content as git counts them, without line feeds."""
    lines = content.split(b"\n")
    return lines if lines[-1] else lines[:-1]


class Lines:
    """The lines of a content, without line feeds, and the key of each."""

    def __init__(self, texts: Sequence[bytes], keys: Sequence[bytes]) -> None:
        self.texts = texts
        self.keys = keys

    @cached_property
    def said(self) -> frozenset[bytes]:
        """What the lines say."""
        return frozenset(self.keys)


class Keys:
    """Finds the keys of lines. What two contents share is held once, as long as not too much else was read."""

    def __init__(self) -> None:
        self._known: dict[bytes, tuple[bytes, bytes]] = {}

    def lines(self, content: bytes) -> Lines:
        """Return the lines of a content."""
        texts = split(content)
        if len(self._known) > _MOST_KEYS:
            self._known = {}
        known = self._known
        pairs = zip(texts, map(known.get, texts), strict=True)
        found = [pair or known.setdefault(text, (text, key(text))) for text, pair in pairs]
        return Lines([text for text, _ in found], [said for _, said in found])
