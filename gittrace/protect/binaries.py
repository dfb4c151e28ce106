"""Texts in git's binary patches: what is deflated there no rule sees as it stands.

A database, an archive's list or text in UTF-16 is binary to git, and may hold a secret as plainly as any file. What a
patch brings is unpacked, and the texts in it are given to who looks for secrets; of a delta, what it inserts.
"""

import re
import zlib

from gittrace.git.binary_patch import MASKED, decode_line, inserted

MARK = "GIT binary patch\n"

# no line of data has a space, so each line is looked at once, whatever somebody made up
PATCH = re.compile(r"^GIT binary patch\n(?:(?:literal|delta) \d{1,12}\n(?:[A-Za-z][!-~]{5,65}\n)+\n){2}", re.MULTILINE)
_HALF = re.compile(r"(literal|delta) \d{1,12}\n((?:[A-Za-z][!-~]{5,65}\n)+)\n")
# of all binary files of a diff together (bytes): some kilobytes may unpack to gigabytes
_MOST = 64 << 20
_TEXT = rb"[\t\n\r -~]"
# what is drawn at random, as compressed data is, hardly has so many in a row
_TEXTS = re.compile(rb"%b{8,}|(?:%b\0){8,}%b?|(?:%b\0\0\0){8,}%b?" % ((_TEXT,) * 5))


def texts_in(diff: str) -> str:
    """Return the texts, of ASCII, in the binary patches of a diff or of one file's: as such, in UTF-16 or UTF-32."""
    found: list[bytes] = []
    left = _MOST
    for patch in PATCH.finditer(diff) if MARK in diff else ():
        for half in _HALF.finditer(patch[0]):
            data = _unpacked(half[1], half[2], left)
            left -= len(data)
            found += (text.replace(b"\0", b"") for text in _TEXTS.findall(data))
    return b"\n".join(found).decode("ascii")


def masked(mark: str) -> str:
    """Return the binary patch that stands for one in which a secret was found; `mark` is the placeholder."""
    return f"{MARK}{MASKED} {mark}\n\n" + f"{MASKED} {mark}\n\n"


def _unpacked(method: str, lines: str, most: int) -> bytes:
    """Return what a half brings, up to `most` bytes; nothing of one that is damaged, which no reader unpacks."""
    try:
        packed = b"".join(map(decode_line, lines.encode("ascii").splitlines()))
        data = zlib.decompressobj().decompress(packed, most) if most > 0 else b""
    except (ValueError, zlib.error):
        return b""
    return data if method == "literal" else inserted(data)
