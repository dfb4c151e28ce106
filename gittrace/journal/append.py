"""Append events to a session's journal. Standard library only.

A line is written with one `write` on O_APPEND under `flock`; a reader never sees half of one unless the machine
itself died, and then the next append starts a new line.
"""

import fcntl
import json
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Journal:
    """The journal file at `path`, locked against other writers while it is open.

    >>> with Journal(path) as journal:
    ...     journal.append(event)
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1

    def __enter__(self) -> "Journal":
        self._fd = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        fcntl.flock(self._fd, fcntl.LOCK_EX)
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._fd)

    def append(self, event: "Mapping[str, object]") -> None:
        """Write one event."""
        self.extend((event,))

    def extend(self, events: "Iterable[Mapping[str, object]]") -> None:
        """Write several events at once: readers see all of them or, after a crash of the machine, the first few."""
        data = b"".join(map(dump, events))
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            data = b"\n" + data  # a torn line stays by itself
        written = os.write(self._fd, data)
        if written != len(data):  # disk full in the middle: take the torn line back, then report
            os.ftruncate(self._fd, size)
            os.write(self._fd, data)


def dump(event: "Mapping[str, object]") -> bytes:
    """Return an event as a line: UTF-8, no white space, keys in the order given.

    U+2028 and U+2029 are escaped: some readers take them for the end of a line.
    """
    text = json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    if not text.isascii():
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\u0085", "\\u0085")
        return text.encode("utf-8", "backslashreplace") + b"\n"
    return text.encode() + b"\n"
