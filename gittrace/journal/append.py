"""Append events to a session's journal. Standard library only.

A line is written with one `write` on O_APPEND under `flock`; a reader never sees half of one unless the machine
itself died, and then the next append starts a new line.
"""

import fcntl
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import NoReturn


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
        """Write several events at once: readers see all of them or, after a crash of the machine, the first few.

        Raises OSError (disk full, file too large); the journal is then as it was.
        """
        data = b"".join(map(dump, events))
        size = os.fstat(self._fd).st_size
        if size and os.pread(self._fd, 1, size - 1) != b"\n":
            data = b"\n" + data  # a torn line stays by itself
        rest = memoryview(data)
        try:
            while rest:  # a full disk takes a part, and says why at the next write
                rest = rest[os.write(self._fd, rest) :]
        except OSError:
            os.ftruncate(self._fd, size)
            raise


def dump(event: "Mapping[str, object]") -> bytes:
    """Return an event as a line: UTF-8, no white space, keys in the order given.

    U+2028 and U+2029 are escaped: some readers take them for the end of a line.
    """
    text = "".join(_encode(event, 0))
    if not text.isascii():
        text = text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").replace("\u0085", "\\u0085")
        return text.encode("utf-8", "backslashreplace") + b"\n"
    return text.encode() + b"\n"


def _encoder() -> "Callable[[object, int], Iterable[str]]":
    """Return what `json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)` comes down to.

    `json` itself takes 10 ms to load, for the regular expressions of its decoder; a recorded command waits for that.
    """
    try:
        from _json import encode_basestring, make_encoder
    except ImportError:  # an interpreter whose json has no half in C
        from json import JSONEncoder

        encoder = JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        return lambda event, _: encoder.iterencode(event)
    return make_encoder(None, _refuse, encode_basestring, None, ":", ",", False, False, False)


def _refuse(value: object) -> "NoReturn":
    raise TypeError(f"a {type(value).__name__} is not JSON")


_encode = _encoder()
