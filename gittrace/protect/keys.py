"""Private keys over several lines: whole, in a diff, behind the prefix of a log, or cut short at either end.

A key is replaced line by line, so that a diff keeps its hunks. What stands on one line (escaped in JSON) is a rule of
`gittrace.protect.redactor`.
"""

import re
from collections.abc import Callable

BEGIN = re.compile(rb"-----BEGIN ((?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?)-----")
END = re.compile(rb"-----END (?:[A-Z0-9]{1,20} ){0,4}PRIVATE KEY(?: BLOCK)?-----")
TELLING = b"PRIVATE KEY"

MAX_LINES = 512
"""Lines of a key at most; what is longer goes on as another key."""

_LONGEST_LINE = 6000
_SHORT, _TINY = 40, 16
_BODY = re.compile(rb"[A-Za-z0-9+/]{1,5900}={0,2}|=[A-Za-z0-9+/]{4}")
_FULL = re.compile(rb"[A-Za-z0-9+/]{40,76}={0,2}")
_HEADER = re.compile(rb"[A-Z][A-Za-z-]{2,30}:[^\n]{0,200}")
_AROUND = b" \t\r\n+-|>#*\"'`,;:()[]\\"
# how full lines begin, and few others do
_BEGINS_FULL = re.compile(rb"[%s]{0,160}+[A-Za-z0-9+/]{40}" % re.escape(_AROUND.replace(b"\n", b"")))
_NEXT_FULL = re.compile(rb"\n" + _BEGINS_FULL.pattern)
_ESCAPES = re.compile(rb"(?:\\{1,2}[nr])+[\"'`,;+ )\\]{0,16}\s{0,8}$")
_HUNK = re.compile(rb"@@ -\d")
_BARE = _AROUND.replace(b"+", b"")

Mask = Callable[[bytes], bytes | None]
"""Makes the placeholder of a key of which this is the base64, and counts it; None when the key is allowed."""

Place = tuple[int, int] | None


def _core(line: bytes) -> tuple[int, int]:
    """Return where the text of a line is, without quotes, prefixes of diffs and escaped line ends."""
    escapes = _ESCAPES.search(line, max(0, len(line) - 40))
    text = line[: escapes.start()] if escapes else line
    text = text.rstrip(_BARE)
    return len(text) - len(text.lstrip(_AROUND)), len(text)


def _all_of(pattern: re.Pattern[bytes], line: bytes, indent: int) -> Place:
    """Return where a line holds what matches a pattern, if that is all that it holds.

    `indent` is where the key's first line begins: a log puts the same prefix in front of each.
    """
    if len(line) > _LONGEST_LINE:
        return None
    start, end = _core(line)
    for at in (indent, start):
        if at < end and pattern.fullmatch(line, at, end):
            return at, end
    return None


def is_full(line: bytes) -> bool:
    """Tell whether a line may be one of a key whose beginning was cut off: nothing but a full line of base64."""
    return len(line) < 200 and bool(_FULL.fullmatch(line, *_core(line)))


def is_last(line: bytes) -> bool:
    """Tell whether a line may be the last of base64, behind full ones."""
    return len(line) < 200 and bool(_BODY.fullmatch(line, *_core(line)))


def held_at_end(block: bytes) -> int:
    """Return how many bytes at the end of whole lines may belong to a key whose END is still to come."""
    at = end = len(block)
    while at:
        start = block.rfind(b"\n", 0, at - 1) + 1
        line = block[start:at]
        if is_full(line):
            end = start
        elif at < len(block) or not is_last(line):
            break
        at = start
    return len(block) - end


class KeyMask:
    """Masks keys in a run of whole lines, however it is cut between lines.

    `feed` returns what is decided; full lines of base64 are held, since an END may follow, and so is an open key.
    """

    def __init__(self, mask: Mask) -> None:
        self._mask = mask
        self._held: list[tuple[bytes, Place]] = []
        self._open = False
        self._prefix = b""  # what is in front of the key's first line
        self._short = False  # the last line of base64 was not a full one: no other follows in a key
        self._begun = False  # there was base64: no header follows

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held or open."""
        return not self._held and not self._open

    def feed(self, block: bytes) -> bytes:
        """Take whole lines; return those that are decided."""
        out = []
        at, telling, size = 0, -1, len(block)
        while at < size:
            if self.is_idle:
                if telling < at:
                    telling = block.find(TELLING, at)
                    telling = size if telling < 0 else telling
                # what is in front of the next line that may be of a key stays as it is
                run = _BEGINS_FULL.match(block, at) or _NEXT_FULL.search(block, at, telling)
                place = run.end() if run else telling
                start = size if place == size else block.rfind(b"\n", at, place) + 1 or at
                out.append(block[at:start])
                at = start
            end = block.find(b"\n", at) + 1 or size
            out.append(self._line(block[at:end]))
            at = end
        return b"".join(out)

    def close(self) -> bytes:
        """Return what is held: a key that was cut short is one all the same."""
        return self._shut(whole=False) if self._open else self._let_go()

    def _let_go(self) -> bytes:
        held, self._held, self._short = self._held, [], False
        return b"".join(line for line, _ in held)

    def _line(self, line: bytes) -> bytes:
        if self._open:
            return self._inside(line)
        if TELLING in line:
            begin, end = BEGIN.search(line), END.search(line)
            if begin and begin.end() >= _core(line)[1]:
                done = self._let_go()
                self._open, self._prefix, self._short, self._begun = True, line[: begin.start()], False, False
                self._held.append((line, begin.span()))
                return done
            if end and not begin and self._held:
                self._held.append((line, end.span()))
                return self._shut(whole=True)
        full = is_full(line)
        if full and not self._short:
            done = self._let_go() if len(self._held) >= MAX_LINES else b""
        elif self._held and not self._short and is_last(line):
            done, self._short = b"", True
        else:
            done = self._let_go()
            return done + (self._line(line) if full else line)
        self._held.append((line, _core(line)))
        return done

    def _inside(self, line: bytes) -> bytes:
        if TELLING in line and (end := END.search(line)):
            self._held.append((line, self._last(line, end.start(), end.end())))
            return self._shut(whole=True)
        if len(self._held) >= MAX_LINES:
            done = self._shut(whole=True)
            self._open = True
            return done + self._inside(line)
        indent = len(self._prefix)
        place = None if self._is_blank(line) else _all_of(_BODY, line, indent)
        if place is None and (self._is_blank(line) or not line[indent:].strip(_AROUND)):
            self._held.append((line, None))
            return b""
        if place and not self._short:
            self._begun = True
            self._short = place[1] - place[0] < _SHORT
        elif not self._begun and (header := _all_of(_HEADER, line, indent)):
            place = header
        elif not (place and line[place[0] : place[0] + 1] == b"="):
            return self._shut(whole=False) + self._line(line)
        self._held.append((line, place))
        return b""

    def _is_blank(self, line: bytes) -> bool:
        """Tell whether a line is empty but for the prefix, or the head of a diff's next hunk."""
        text = line.strip(_AROUND)
        return not text or text == self._prefix.strip(_AROUND) or bool(_HUNK.match(line))

    def _last(self, line: bytes, start: int, end: int) -> tuple[int, int]:
        """Return the place of END, and of base64 that is in front of it on its line."""
        for at in (len(self._prefix), _core(line)[0]):
            if at < start and _BODY.fullmatch(line, at, start):
                return at, end
        return start, end

    def _shut(self, whole: bool) -> bytes:
        """End a key, and return its lines masked; `whole` when its END was there, or its middle is known for it."""
        held, self._held, self._open, self._short = self._held, [], False, False
        texts = [line[slice(*place)] for line, place in held if place]
        body = b"".join(text for text in texts if b"-----" not in text and b":" not in text)
        if len(body) < _TINY:  # somebody speaks of keys
            return b"".join(line for line, _ in held)
        last = max(at for at, (_, place) in enumerate(held) if place)
        mask = self._mask(body)
        if mask is None:
            return b"".join(line for line, _ in held)
        out = []
        for at, (line, place) in enumerate(held):
            # behind a key that was cut short, a word is no base64
            cut = place and (whole or at < last or place[1] - place[0] >= _TINY)
            out.append(line[: place[0]] + mask + line[place[1] :] if place and cut else line)
        return b"".join(out)
