"""Replace secrets in text by placeholders: `[REDACTED:<rule>:<tag>]`.

The tag is keyed (`gittrace.protect.tags`): equal secrets have equal tags, and nobody without the key can try guesses.
What was redacted before is left alone, so doing it twice changes nothing. Line feeds are never touched: a redacted
diff keeps its hunks.

`Stream` takes text in pieces of any size, in bounded memory, and its answer does not depend on how the text was cut.
"""

import hmac
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from itertools import accumulate

from gittrace.protect import beside, keys, rules
from gittrace.protect.escapes import without_escapes
from gittrace.protect.found import Found
from gittrace.protect.keys import KeyMask
from gittrace.protect.rules import PRIVATE_KEY, Rule
from gittrace.protect.scanner import CONTEXT, Scanner

ENGINE = 6
"""To be raised whenever the same rules would find something else than before, or are shown more (`cleaning.py`).

What the gate remembers of a segment counts for this engine only.
"""

BLOCK = 128 << 10
"""Bytes that are looked at together; longer lines are looked at in windows."""

ENVIRONMENT = "environment"

BUILTIN = (*rules.PROVIDERS, *rules.OTHERS, *beside.BESIDE)
"""All rules that are always on, the surest first: a secret that several find is named by the first of these."""

_BINARY_HEAD = b"GIT binary patch"
_BINARY_SIZE = re.compile(rb"(?:literal|delta) \d{1,12}\n?")
_BASE85 = re.compile(rb"[A-Za-z][0-9A-Za-z!#$%&()*+;<=>?@^_`{|}~-]{5,65}\n?")

# how often a line is looked at again, and what it is called when that did not do
_PASSES = 40
_ENDLESS = "endless"

# secrets that are remembered: a text with many has the same ones again and again
_MARKS = 4096

# where there is a secret for so many bytes, as good as all lines have one
_DENSE = 80

# bytes at most between a keyword and a secret behind it, or from where a secret begins to a keyword in it
_REACH = 1024


Hit = tuple[str, str]
"""The rule that found a secret, and the secret's tag."""

Mark = tuple[Hit, bytes]
"""What a secret is told by, and its placeholder."""


class Redactor:
    """The rules in force, and the key of their tags, or what gets it. `allowed` tags are left as they are."""

    def __init__(
        self, active: Sequence[Rule], key: bytes | Callable[[], bytes], allowed: frozenset[str] = frozenset()
    ) -> None:
        self.scanner = Scanner(active)
        self.allowed = allowed
        self._key = key
        self.marks: dict[tuple[int, bytes], Mark] = {}

    def tag(self, secret: bytes) -> str:
        """Return the tag of a secret, eight hexadecimal digits. Raises what getting the key raises."""
        if not isinstance(self._key, bytes):
            self._key = self._key()
        # in colours it is the same secret
        return hmac.digest(self._key, without_escapes(secret), "sha256")[:4].hex()

    def mark(self, rank: int, secret: bytes) -> Mark:
        """Remember in `marks` what a secret of a rule is told by, and what stands in its place. Raises as `tag`."""
        rule, tag = self.scanner.names[rank], self.tag(secret)
        told = (rule, tag), placeholder(rule, tag)
        if len(self.marks) >= _MARKS:
            self.marks.clear()
        self.marks[rank, secret] = told
        return told

    def text(self, text: str, skip: frozenset[str] = frozenset()) -> tuple[str, list[Hit]]:
        """Return a text with its secrets replaced, and what they were; of the rules in `skip` none is applied."""
        data = text.encode("utf-8", "surrogatepass")
        out, hits = self.data(data, skip)
        return (out.decode("utf-8", "surrogatepass"), hits) if hits else (text, hits)

    def finds(self, texts: Iterable[str]) -> bool:
        """Tell whether there is a secret in one of several texts."""
        # between two texts a line that is part of nothing
        return bool(self.text("\n\x01\n".join(texts))[1])

    def data(self, data: bytes, skip: frozenset[str] = frozenset()) -> tuple[bytes, list[Hit]]:
        """Do the same with bytes."""
        stream = Stream(self, skip)
        out = [stream.feed(data[at : at + BLOCK]) for at in range(0, len(data), BLOCK)]
        out.append(stream.close())
        return (b"".join(out), stream.hits) if stream.hits else (data, stream.hits)


class Stream:
    """Text that comes in pieces. `hits` are the secrets that were replaced, as they were come upon."""

    def __init__(self, redactor: Redactor, skip: frozenset[str] = frozenset()) -> None:
        self.hits: list[Hit] = []
        self._redactor = redactor
        self._skip = skip
        self._rest = bytearray()
        self._long: _LongLine | None = None
        self._keys = KeyMask(self._mask_key)
        self._binary = False

    def feed(self, data: bytes) -> bytes:
        """Take more, and return what is decided."""
        out: list[bytes] = []
        self._rest += data
        while True:
            if self._long:
                end = self._rest.find(b"\n") + 1
                piece = bytes(self._rest[:end] if end else self._rest)
                del self._rest[: len(piece)]
                out.append(self._long.feed(piece, last=bool(end)))
                if not end:
                    break
                self._long = None
            if not self._whole_lines(out):
                break
        return b"".join(out)

    def close(self) -> bytes:
        """Return the rest."""
        rest = bytes(self._rest)
        self._rest.clear()
        if self._long:
            out = self._long.feed(rest, last=True)
            self._long = None
            return out
        return self._lines(rest, last=True)

    def _whole_lines(self, out: list[bytes]) -> bool:
        """Look at the lines that are whole; return whether what follows is a long one, of which more is here."""
        start, end = 0, self._rest.rfind(b"\n") + 1
        while start < end:
            cut = self._rest.rfind(b"\n", start, min(end, start + BLOCK)) + 1
            if not cut:
                break
            out.append(self._lines(bytes(self._rest[start:cut])))
            start = cut
        del self._rest[:start]
        if len(self._rest) < BLOCK:
            return False
        # as long as a block: it is long wherever it was cut
        out.append(self._lines(b"", last=True))
        self._long = _LongLine(self._redactor.scanner, self._replaced)
        return True

    def _lines(self, block: bytes, last: bool = False) -> bytes:
        """Return whole lines masked, but for those that a key may yet claim, unless they are the `last` of a run."""
        if keys.TELLING in block or not self._keys.is_idle:
            block = self._keys.feed(block)
        elif not last:
            head = len(block) - keys.held_at_end(block)
            if head < len(block):
                self._keys.feed(block[head:])
                block = block[:head]
        if last:
            block += self._keys.close()
        if self._binary or block.startswith(_BINARY_HEAD) or b"\n" + _BINARY_HEAD in block:
            return b"".join(part if is_binary else self._masked(part) for part, is_binary in self._parts(block))
        return self._masked(block)

    def _parts(self, block: bytes) -> list[tuple[bytes, bool]]:
        """Tell the binary patches of git in a block from its text: what base85 holds is no secret that can be seen."""
        parts: list[tuple[bytes, bool]] = []
        run: list[bytes] = []
        before = self._binary
        for line in _split(block):
            if self._binary:
                self._binary = line == b"\n" or bool(_BINARY_SIZE.fullmatch(line)) or _is_base85(line)
            if line.rstrip() == _BINARY_HEAD:
                self._binary = True
            if self._binary != before and run:
                parts.append((b"".join(run), before))
                run = []
            before = self._binary
            run.append(line)
        return [*parts, (b"".join(run), before)]

    def _masked(self, block: bytes) -> bytes:
        out, marks = self._masked_once(block)
        if not marks:
            return out
        # where a secret was, what is beside it ends, and may be another: such lines are looked at again
        if len(out) < _DENSE * len(marks):
            return self._masked_wholly(out)
        places = _lines_at(out, marks)
        text = b"".join(out[start:end] for start, end in places)
        masked = self._masked_wholly(text)
        if masked is text:
            return out
        parts: list[bytes] = []
        at = 0
        for (start, end), line in zip(places, _split(masked), strict=True):
            parts += out[at:start], line
            at = end
        return b"".join([*parts, out[at:]])

    def _masked_wholly(self, text: bytes) -> bytes:
        """Return lines masked until nothing more is found in them; the same object where nothing is."""
        out, marks = self._masked_once(text)
        if not marks:
            return text
        lines = _split(text)
        hits: list[list[Hit]] = [[] for _ in lines]
        left = list(range(len(lines)))
        for turn in range(_PASSES):
            if turn:
                out, marks = self._masked_once(b"".join(lines[at] for at in left))
                if not marks:
                    break
            masked = _split(out)
            ends = list(accumulate(map(len, masked)))
            where = [bisect_right(ends, place) for place in marks]
            for at, hit in zip(where, self.hits[-len(marks) :], strict=True):
                hits[left[at]].append(hit)
            del self.hits[-len(marks) :]
            changed = list(dict.fromkeys(where))
            for at in changed:
                lines[left[at]] = masked[at]
            left = [left[at] for at in changed]
        else:
            self._give_up(lines, left, hits)
        for some in hits:
            self.hits += some
        return b"".join(lines)

    def _give_up(self, lines: list[bytes], left: Iterable[int], hits: list[list[Hit]]) -> None:
        """Mask whole lines of which there is no end: no text goes on so, and what it is made of is not shown."""
        for at in left:
            body = lines[at].rstrip(b"\n")
            tag = self._redactor.tag(body)
            hits[at].append((_ENDLESS, tag))
            lines[at] = placeholder(_ENDLESS, tag) + lines[at][len(body) :]

    def _masked_once(self, block: bytes) -> tuple[bytes, list[int]]:
        found = self._redactor.scanner.spans_of_lines(block)
        return self._replaced(block, found, 0, len(block)) if found else (block, [])

    def _replaced(self, buf: bytes, found: Sequence[Found], low: int, high: int) -> tuple[bytes, list[int]]:
        """Return `low` to `high` of a buffer with the secrets that were found there replaced, and where in it."""
        out: list[bytes] = []
        places: list[int] = []
        at, more = low, -low
        known, mark = self._redactor.marks, self._redactor.mark
        skip, allowed, hits = self._skip, self._redactor.allowed, self.hits
        for start, end, rank, _ in found:
            secret = buf[start:end]
            hit, text = known.get((rank, secret)) or mark(rank, secret)
            if hit[0] in skip or hit[1] in allowed:
                continue
            hits.append(hit)
            out += buf[at:start], text
            places.append(start + more)
            at, more = end, more + len(text) - (end - start)
        out.append(buf[at:high])
        return b"".join(out), places

    def _mask_key(self, body: bytes) -> bytes | None:
        tag = self._redactor.tag(body)
        if tag in self._redactor.allowed or PRIVATE_KEY in self._skip:
            return None
        self.hits.append((PRIVATE_KEY, tag))
        return placeholder(PRIVATE_KEY, tag)


def placeholder(rule: str, tag: str) -> bytes:
    """Return what stands in the place of a secret."""
    return f"[REDACTED:{rule}:{tag}]".encode()


def _split(block: bytes) -> list[bytes]:
    lines = [line + b"\n" for line in block.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]


def _is_base85(line: bytes) -> bool:
    if not _BASE85.fullmatch(line):
        return False
    # A to Z stand for 1 to 26 bytes, a to z for 27 to 52
    size = line[0] - 64 if line[0] < 97 else line[0] - 70
    return len(line.rstrip(b"\n")) == 1 + (size + 3) // 4 * 5


def _lines_at(text: bytes, places: Iterable[int]) -> list[tuple[int, int]]:
    """Return where the lines are in which some places are, which are in order."""
    out: list[tuple[int, int]] = []
    end = 0
    for place in places:
        if place >= end:
            start = text.rfind(b"\n", 0, place) + 1
            end = text.find(b"\n", place) + 1 or len(text)
            out.append((start, end))
    return out


class _LongLine:
    """A line of a block or more, looked at in windows: to decide about a place takes `CONTEXT` bytes around it."""

    def __init__(
        self, scanner: Scanner, replaced: Callable[[bytes, Sequence[Found], int, int], tuple[bytes, list[int]]]
    ) -> None:
        self._scanner = scanner
        self._replaced = replaced
        self._buf = b""
        self._done = 0  # of the buffer, what is given out; the rest of that is context
        self._ended = False  # whether a secret ends just there
        self._on: Found | None = None  # what of a secret that began in front of that goes on behind it

    def feed(self, data: bytes, last: bool) -> bytes:
        """Take more of the line, and return what is decided: all of it when that was the `last`."""
        self._buf += data
        size = len(self._buf)
        if not last and size - self._done < 2 * CONTEXT:
            return b""
        end = size if last else size - CONTEXT
        behind = self._done if self._ended else -1
        found = self._scanner.spans(self._buf, max(0, self._done - _REACH), end, behind, self._on)
        spans = [one for one in found if one.start >= self._done]
        if not last:
            # nothing that a later keyword finds begins in front of this
            end -= _REACH
            end = min([end, *(one.start for one in spans if one.end > end)])
        goes_on = next((one for one in spans if one.start == end), None)
        spans = [one for one in spans if one.end <= end]
        out, _ = self._replaced(self._buf, spans, self._done, end)
        self._ended = any(one.end == end for one in spans)
        keep = max(0, end - CONTEXT)
        self._buf, self._done = self._buf[keep:], end - keep
        self._on = goes_on and Found(end - keep, goes_on.end - keep, goes_on.rank, end - keep)
        return out
