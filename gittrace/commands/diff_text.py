"""Recorded diffs for people: coloured as git colours them, and as a stat."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from gittrace.commands import display
from gittrace.commands.display import Screen, safe
from gittrace.errors import TraceError
from gittrace.git.diff import from_json_text
from gittrace.git.patch import FilePatch, parse
from gittrace.text import decode

_LINE_COLOURS = {"+": display.GREEN, "-": display.RED}
_BAR = 40
# no line of a file begins so: those have a sign
_FILE = re.compile(rb"^(?=diff --git )", re.MULTILINE)
# recorded diffs have whole oids; people are shown what git shows
_INDEX = re.compile(r"^index ([0-9a-f]{7})[0-9a-f]*\.\.([0-9a-f]{7})[0-9a-f]*")


def recorded(event: Mapping[str, Any], name: str) -> bytes | None:
    """Return the `diff` or `effect` of an event: empty when nothing changed, None when it was left out or is odd."""
    text = event.get(name) or ""
    if event.get(f"{name}_omitted") or not isinstance(text, str):
        return None
    try:
        return from_json_text(text, event.get(f"{name}_encoding"))
    except ValueError:
        return None


def coloured(diff: bytes, screen: Screen) -> Iterator[str]:
    """Yield the lines of a diff; binary data is left out, as git does unless it is asked for."""
    in_hunk = binary = False
    for line in decode(diff).removesuffix("\n").split("\n"):
        text = safe(line.removesuffix("\r")) + ("^M" if line.endswith("\r") else "")
        if line.startswith("diff --git "):
            in_hunk = binary = False
        elif line == "GIT binary patch" and not in_hunk:
            binary = True
            yield "Binary files differ"
        elif line.startswith("@@ ") and not binary:
            in_hunk = True
            place, at, rest = text[3:].partition(" @@")
            yield screen.paint(f"@@ {place}{at}", display.CYAN) + rest
            continue
        if in_hunk:
            yield screen.paint(text, _LINE_COLOURS[line[0]]) if line[:1] in _LINE_COLOURS else text
        elif not binary:
            yield screen.paint(_INDEX.sub(r"index \1..\2", text), display.BOLD)


def files(diff: bytes) -> list[FilePatch]:
    """Return what a diff does, file by file; empty when it can't be read."""
    try:
        return parse(diff)
    except TraceError:
        return []


def split_files(diff: bytes) -> list[bytes]:
    """Return the parts of a diff, one for each file."""
    return [part for part in _FILE.split(diff) if part]


def stat(changed: list[FilePatch], screen: Screen, width: int = 80) -> Iterator[str]:
    """Yield a line for each file, as `git diff --stat` does."""
    names = [safe(_name(file)) for file in changed]
    longest = max(map(len, names), default=0)
    most = max((file.added + file.removed for file in changed), default=0)
    room = max(min(_BAR, width - longest - 12), 10)
    digits = len(str(most))
    for file, name in zip(changed, names, strict=True):
        if file.forward:
            yield f"{name.ljust(longest)} | {'Bin':>{digits}}"
            continue
        total = file.added + file.removed
        scale = min(1.0, room / most) if most else 1.0
        plus, minus = (max(round(count * scale), 1) if count else 0 for count in (file.added, file.removed))
        bar = screen.paint("+" * plus, display.GREEN) + screen.paint("-" * minus, display.RED)
        yield f"{name.ljust(longest)} | {total:>{digits}} {bar}".rstrip()


def _name(file: FilePatch) -> str:
    if file.kind in ("rename", "copy"):
        return f"{decode(file.old_path or b'')} => {decode(file.new_path or b'')}"
    return decode(file.path)


def file_json(file: FilePatch) -> dict[str, Any]:
    """Return what a diff does to a file as `--json` shows it (doc/JSON.md)."""
    binary = file.forward is not None
    return {
        "path": decode(file.path),
        "old_path": decode(file.old_path) if file.kind in ("rename", "copy") and file.old_path else None,
        "change": file.kind,
        "added": None if binary else file.added,
        "removed": None if binary else file.removed,
    }
