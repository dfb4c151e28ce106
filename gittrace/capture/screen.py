"""What a command printed, as the text that a reader saw: escape codes gone, overwritten lines as they were in the end.

The model is a page of lines without width or height, which is enough for what programs do on a line that they draw
again and again, and for a few lines above it (ECMA-48; the names in xterm's `ctlseqs`). Full-screen programs draw on
the alternate screen, and that is left out whole.
"""

import re

from gittrace.capture.lines import plain_lines
from gittrace.text import decode

_ALTERNATE = re.compile(rb"\x1b\[\?(?:1049|1047|47)([hl])")

# C1 controls are escape sequences in one character
_C1 = re.compile(r"[\x80-\x9f]")
_C1_AS_ESCAPES = {c: f"\x1b{chr(c - 0x40)}" for c in range(0x80, 0xA0)}

# Escape sequences that put nothing anywhere: colours and modes, titles and links (OSC), device strings, character sets.
# A string without an end is taken to end with its line, lest it swallow everything. Each pattern begins with a literal
# or a set of characters, which is what makes `re` fast.
_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_SILENT = re.compile(
    r"""\x1b(?:
      \[ (?: [0-9;:]*m | [<=>?][0-?]*[ -/]*[@-~] | [0-?]*[ -/]+[@-~] )
    | \] [^\x07\x1b\n]* (?:\x07|\x1b\\)?
    | [PX^_] (?: [^\x07\x1b]* (?:\x1b\\|\x07) | [^\x1b\n]* )
    | [ -/]+[0-~]
    )""",
    re.VERBOSE,
)
_NOTHING = re.compile(r"[\x00-\x07\x0e-\x1a\x1c-\x1f\x7f]+")
_MOVING = re.compile(r"[\x08\x0b-\x0d\x1b]")
_TOKEN = re.compile(r"[^\x08-\x0d\x1b]+|\x1b\[([0-?]*)([@-~])?|\x1b([0-~])?|[\x08-\x0d]")

# farther right than this nothing is written: programs go to column 999 to learn how wide the terminal is
_MAX_COLUMN = 1000
_MAX_ROWS_AHEAD = 200
_TAB = 8
# how far head and tail are shortened to end at a line's end
_SLACK = 4096


def plain_text(data: bytes) -> str:
    r"""Return the text of `data`; lines end with `\n`, bytes that are not UTF-8 become `\xNN`. Never fails."""
    lines = plain_lines(data)
    if lines is not None:
        return lines
    text = decode(_without_alternate_screen(data.replace(b"\r\n", b"\n")))
    if _C1.search(text):
        text = text.translate(_C1_AS_ESCAPES)
    text = _NOTHING.sub("", _SILENT.sub("", _COLOUR.sub("", text)))
    if "\r" in text:
        text = re.sub(r"\r+\n", "\n", text)
    if not _MOVING.search(text):
        return text
    page = _Page()
    page.draw(text)
    return page.text()


def bounded(head: bytes, tail: bytes, total: int) -> str:
    """Return the text of an output of `total` bytes, of which only head and tail are there.

    Between them a line says how many bytes were left out.
    """
    if total <= len(head) + len(tail):
        return plain_text(head + tail)
    inside = _ends_in_alternate_screen(head)
    cut = head.rfind(b"\n", max(0, len(head) - _SLACK)) + 1
    head = head[:cut] if cut else re.sub(rb"(?:[\xc0-\xff][\x80-\xbf]{0,3}|\x1b[\[\]]?[0-?]*)\Z", b"", head)
    cut = tail.find(b"\n", 0, _SLACK) + 1
    tail = tail[cut:] if cut else re.sub(rb"\A[\x80-\xbf]{1,3}", b"", tail)
    left_out = total - len(head) - len(tail)
    if inside:
        event = _ALTERNATE.search(tail)
        if event and event[1] == b"l":
            tail = tail[event.end() :]
    first = plain_text(head)
    if first and not first.endswith("\n"):
        first += "\n"
    return f"{first}[... {left_out} bytes left out ...]\n{plain_text(tail)}"


def _without_alternate_screen(data: bytes) -> bytes:
    if not _ALTERNATE.search(data):
        return data
    kept = []
    inside = False
    start = 0
    for event in _ALTERNATE.finditer(data):
        if not inside:
            kept.append(data[start : event.start()])
        inside = event[1] == b"h"
        start = event.end()
    if not inside:
        kept.append(data[start:])
    return b"".join(kept)


def _ends_in_alternate_screen(data: bytes) -> bool:
    events = _ALTERNATE.findall(data)
    return bool(events) and events[-1] == b"h"


class _Page:
    """Lines, and a cursor: the row and the column where the next character goes."""

    def __init__(self) -> None:
        self.rows = [""]
        self.row = 0
        self.column = 0
        self._saved = (0, 0)
        self._top = 0  # the first row that a program can reach: above it is what scrolled away
        self._has_screen = False

    def text(self) -> str:
        """Return all lines; the last ends with a line feed only if one was printed."""
        return "\n".join(self.rows)

    def draw(self, text: str) -> None:
        """Print `text`."""
        for token in _TOKEN.finditer(text):
            run = token[0]
            first = run[0]
            if first == "\x1b":
                if token[2]:
                    self._control(token[2], token[1])
                elif token[3]:
                    self._escape(token[3])
            elif first in "\n\v\f":
                self._line_feed()
            elif first == "\r":
                self.column = 0
            elif first == "\b":
                self.column = max(0, self.column - 1)
            elif first == "\t":
                self._tab()
            else:
                self._write(run)

    def _write(self, run: str) -> None:
        line = self.rows[self.row]
        column = self.column
        if column == len(line):
            self.rows[self.row] = line + run
        else:
            line = line.ljust(column)
            self.rows[self.row] = line[:column] + run + line[column + len(run) :]
        self.column = column + len(run)

    def _line_feed(self) -> None:
        self.row += 1
        self.column = 0
        if self.row == len(self.rows):
            self.rows.append("")

    def _tab(self) -> None:
        if self.column == len(self.rows[self.row]):
            self._write("\t")
        else:
            self.column += _TAB - self.column % _TAB

    def _escape(self, final: str) -> None:
        if final == "7":
            self._saved = (self.row, self.column)
        elif final == "8":
            self._restore()
        elif final == "M":
            self.row = max(self._top, self.row - 1)
        elif final in "DE":
            column = self.column
            self._line_feed()
            self.column = column if final == "D" else 0
        elif final == "c":
            self._clear_screen()

    def _restore(self) -> None:
        row, self.column = self._saved
        self.row = min(max(self._top, row), len(self.rows) - 1)

    def _control(self, final: str, parameters: str) -> None:
        numbers = [int(n[:6]) if n.isdecimal() and n.isascii() else 0 for n in parameters.split(";")]
        count = max(1, numbers[0])
        if final in "ABEFa":
            self._move(final, count)
        elif final in "CD":
            self._go(self.column + (count if final == "C" else -count))
        elif final in "G`":
            self._go(count - 1)
        elif final in "Hfd":
            self._home(count, self.column + 1 if final == "d" else max(1, [*numbers, 1][1]))
        elif final == "K":
            self._erase_line(numbers[0])
        elif final == "J":
            self._erase_page(numbers[0])
        elif final in "P@X":
            self._shift(final, min(count, _MAX_COLUMN))
        elif final == "s":
            self._saved = (self.row, self.column)
        elif final == "u":
            self._restore()

    def _move(self, final: str, count: int) -> None:
        if final == "a":
            self._go(self.column + count)
            return
        if final in "AF":
            self.row = max(self._top, self.row - count)
        else:
            self.row = min(len(self.rows) - 1, self.row + count)
        if final in "EF":
            self.column = 0

    def _go(self, column: int) -> None:
        limit = max(_MAX_COLUMN, len(self.rows[self.row]))
        self.column = min(max(0, column), limit)

    def _home(self, row: int, column: int) -> None:
        """Go to a place counted from the screen's top. Where that was, only a program that cleared it first tells."""
        if not self._has_screen:
            self._new_screen()
        self.row = self._top + min(row - 1, len(self.rows) - self._top + _MAX_ROWS_AHEAD)
        self.rows.extend([""] * (self.row + 1 - len(self.rows)))
        self._go(column - 1)

    def _erase_line(self, part: int) -> None:
        line = self.rows[self.row]
        if part == 0:
            self.rows[self.row] = line[: self.column]
        elif part == 1:
            self.rows[self.row] = " " * min(self.column + 1, len(line)) + line[self.column + 1 :]
        else:
            self.rows[self.row] = ""

    def _erase_page(self, part: int) -> None:
        if part == 0:
            self._erase_line(0)
            del self.rows[self.row + 1 :]
        elif part == 1:
            self.rows[self._top : self.row] = [""] * (self.row - self._top)
            self._erase_line(1)
        elif part == 2:
            self._clear_screen()

    def _clear_screen(self) -> None:
        """Begin a screen: the first leaves what was printed before, the next ones are frames and replace each other."""
        if not self._has_screen:
            self._new_screen()
            return
        column = self.column
        del self.rows[self._top :]
        self.rows.append("")
        self.row = self._top
        self.column = column

    def _new_screen(self) -> None:
        self._has_screen = True
        if self.rows[-1]:
            self.rows.append("")
        self._top = self.row = len(self.rows) - 1

    def _shift(self, final: str, count: int) -> None:
        line = self.rows[self.row].ljust(self.column)
        before, after = line[: self.column], line[self.column :]
        if final == "P":
            after = after[count:]
        elif final == "@":
            after = " " * count + after
        elif after:
            after = " " * min(count, len(after)) + after[count:]
        self.rows[self.row] = before + after
