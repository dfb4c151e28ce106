"""What a command printed, when it is what it nearly always is: lines of text. Standard library only, and little of it.

For the rest there is `gittrace.capture.screen`, and with it `re`, which takes as long to load as git takes to look at
a worktree.
"""

from gittrace.text import decode

# what makes text more than lines: every control character but tab, line feed and carriage return, and DEL
_CONTROLS = bytes([*range(9), 11, 12, *range(14, 32), 127])
# the same, as UTF-8 writes C1
_C1 = tuple(bytes((0xC2, c)) for c in range(0x80, 0xA0))


def plain_lines(data: bytes) -> "str | None":
    r"""Return the text of `data` if it is nothing but lines that end with `\n` or `\r\n`, else None."""
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if b"\r" in data or len(data.translate(None, _CONTROLS)) != len(data):
        return None
    if b"\xc2" in data and any(c in data for c in _C1):
        return None
    return decode(data)


def bounded(head: bytes, tail: bytes, total: int) -> str:
    """Return the text of an output of `total` bytes, of which only head and tail are there."""
    text = plain_lines(head + tail) if total <= len(head) + len(tail) else None
    if text is not None:
        return text
    from gittrace.capture import screen

    return screen.bounded(head, tail, total)
