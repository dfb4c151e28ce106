"""The two halves of a `GIT binary patch`: base85 lines of a deflated literal or delta.

Others write what is read here, so nothing is inflated past the size that was announced, and no announced size is
believed past a limit. Formats: git's diff.c (emit_binary_diff_body), base85.c, patch-delta.c.
"""

import base64
import zlib
from typing import NamedTuple

MASKED = "masked"
"""The method of a half that we took out, since there was a secret in it: its data is the placeholder."""


class Binary(NamedTuple):
    """One direction: `method` is `literal`, `delta` or `masked`, `size` that of `data` inflated, in bytes."""

    method: str
    size: int
    data: bytes


def decode_line(line: bytes) -> bytes:
    """Decode a line: how many bytes (A to Z are 1 to 26, a to z 27 to 52), then base85. Raises ValueError."""
    head = line[:1]
    if head.isupper():
        size = head[0] - ord("A") + 1
    elif head.islower():
        size = head[0] - ord("a") + 27
    else:
        raise ValueError("a line of binary data has no length")
    if len(line) - 1 != (size + 3) // 4 * 5:
        raise ValueError("a line of binary data has the wrong length")
    return base64.b85decode(line[1:])[:size]


def resolve(part: Binary, source: bytes, limit: int) -> bytes:
    """Return what a half makes of `source`. Raises ValueError when it is damaged, or bigger than `limit` bytes."""
    if part.method == MASKED:
        raise ValueError("its content was masked")
    data = _inflate(part, limit)
    return data if part.method == "literal" else _apply_delta(source, data, limit)


def inserted(delta: bytes) -> bytes:
    """Return the pieces that a delta inserts, a line feed between them; of one that is cut short, those up to there."""
    pieces = []
    try:
        at = _delta_size(delta, _delta_size(delta, 0)[1])[1]
        while at < len(delta):
            op = delta[at]
            if op & 0x80:
                at = _copy(delta, at + 1, op)[2]
            else:
                pieces.append(delta[at + 1 : at + 1 + op])
                at += 1 + op
    except (IndexError, ValueError):
        pass  # what follows makes no file
    return b"\n".join(pieces)


def _inflate(part: Binary, limit: int) -> bytes:
    if part.size > limit:
        raise ValueError(f"its {part.size} bytes are too many")
    inflater = zlib.decompressobj()
    try:
        data = inflater.decompress(part.data, part.size + 1)
    except zlib.error as error:
        raise ValueError(f"its binary data is damaged: {error}") from None
    if len(data) != part.size or not inflater.eof or inflater.unused_data:
        raise ValueError(f"its binary data is not of {part.size} bytes, as announced")
    return data


def _apply_delta(source: bytes, delta: bytes, limit: int) -> bytes:
    """Apply a delta of pack files: source size, result size, then copies (high bit set) and inserts."""
    try:
        source_size, at = _delta_size(delta, 0)
        size, at = _delta_size(delta, at)
        if source_size != len(source):
            raise ValueError(f"its delta is for {source_size} bytes, not {len(source)}")
        if size > limit:
            raise ValueError(f"its {size} bytes are too many")
        out = bytearray()
        while at < len(delta):
            op = delta[at]
            at += 1
            if op & 0x80:
                start, count, at = _copy(delta, at, op)
                piece = source[start : start + count]
            else:
                count = op
                piece = delta[at : at + count]
                at += count
            if not count or len(piece) != count or len(out) + count > size:
                raise ValueError("its delta has gone wild")
            out += piece
    except IndexError:
        raise ValueError("its delta is cut short") from None
    if len(out) != size:
        raise ValueError("its delta is cut short")
    return bytes(out)


def _copy(delta: bytes, at: int, op: int) -> tuple[int, int, int]:
    """Return where a copy starts in the source, how long it is, and where the next instruction begins."""
    value = 0
    for bit in range(7):
        if op & 1 << bit:
            value |= delta[at] << 8 * bit
            at += 1
    return value & 0xFFFFFFFF, value >> 32 or 0x10000, at


def _delta_size(delta: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = delta[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at
        if shift > 63:
            raise ValueError("its delta announces an impossible size")
