"""A command's whole output, masked on its way to where it is kept. The rules are loaded when there is one."""

import os

from gittrace.vocabulary import OUTPUT_TAIL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gittrace.git.repository import Repository


class MaskedOutput:
    """A whole output on its way to where it is kept; `head` and `tail` are the first and last bytes of `total`."""

    def __init__(self, repo: "Repository") -> None:
        from gittrace.protect.redaction import redaction
        from gittrace.protect.redactor import Stream

        self._stream = Stream(redaction(repo, os.environ).redactor())
        self.total = 0
        self.head = b""
        self.tail = b""

    def through(self, chunks: "Iterable[bytes]") -> "Iterator[bytes]":
        """Yield what is given without its secrets."""
        for chunk in chunks:
            yield self._seen(self._stream.feed(chunk))
        yield self._seen(self._stream.close())

    def _seen(self, data: bytes) -> bytes:
        self.total += len(data)
        if len(self.head) < OUTPUT_TAIL:
            self.head += data[: OUTPUT_TAIL - len(self.head)]
        self.tail = (self.tail + data)[-OUTPUT_TAIL:]
        return data
