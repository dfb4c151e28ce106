"""What diffs may say, found without parsing them: which lines, files and contents could be in them.

Whoever looks for the traces or commits that have to do with a line asks the hints first, and reads of what they name;
so hints may say too much, but never too little. A line is known by its hint (`fingerprint.Line`), as sqlite keeps it:
64 bits with a sign.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from gittrace.git.diff import from_json_text
from gittrace.git.patch import PatchError, parse
from gittrace.model.trace import EventDict, heads
from gittrace.trace.produced.unmasked import MARK
from gittrace.trace.produced.work import microseconds
from gittrace.trace.text.fingerprint import LOOSE, PRIME, exact_of
from gittrace.trace.text.packed import blob_key, signed
from gittrace.vocabulary import COMMIT, REWRITE

CONTENTS, ANYTHING = 1, 2
MASKED = -1
"""The hint of any line in which a secret was masked: what stood there may be known (`unmasked.py`)."""

# the parts of an event that are diffs, and what says that one was left out, or how it is written
_PARTS = tuple((part, f"{part}_omitted", f"{part}_encoding") for part in ("diff", "effect"))
_LOOSE = LOOSE.replace(b"\n", b"")
_FILE = b"diff --git "
# by far the most files of a diff: changed, and neither renamed nor of a name that git quotes
_PLAIN = re.compile(
    rb"a/(?P<path>[^\n\"]+) b/(?P=path)\nindex ([0-9a-f]{40,64})\.\.([0-9a-f]{40,64}) [0-7]{6}"
    rb"\n--- a/(?P=path)\t?\n\+\+\+ b/(?P=path)\t?"
)

_NAMES = re.compile(rb"a/(?P<path>[^\n\"]+) b/(?P=path)\n")
# oids that may be abbreviated
_INDEX = re.compile(rb"^index .*\n", re.MULTILINE)


@dataclass
class Hints:
    """What a segment may say.

    added    by path, the hints of lines that are added
    removed  by path, the hints of lines that are taken away
    blobs    keys of the contents on either side of its diffs
    loose    paths of files that a diff names without a content
    renames  (old, new)
    opaque   it may say more: CONTENTS where a diff was left out, ANYTHING where one can't be read
    first    (HEAD, microseconds) of its header
    heads    HEADs that events saw, and when at first (microseconds)
    past     the same of commits and rewrites, which counts where the trace didn't make what they saw
    made     the commits of its session
    pairs    (old, new) of rewritten commits
    replaced what was rewritten, and when at first (microseconds)
    """

    added: dict[bytes, list[int]] = field(default_factory=dict)
    removed: dict[bytes, list[int]] = field(default_factory=dict)
    blobs: list[int] = field(default_factory=list)
    loose: list[bytes] = field(default_factory=list)
    renames: list[tuple[bytes, bytes]] = field(default_factory=list)
    opaque: int = 0
    first: tuple[str, int] | None = None
    heads: dict[str, int] = field(default_factory=dict)
    past: dict[str, int] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    pairs: list[tuple[str, str]] = field(default_factory=list)
    replaced: dict[str, int] = field(default_factory=dict)

    def dump(self) -> str:
        """Return it as text."""
        paths = [
            {_name(path): lines for path, lines in self.added.items()},
            {_name(path): lines for path, lines in self.removed.items()},
            [_name(path) for path in self.loose],
            [(_name(old), _name(new)) for old, new in self.renames],
        ]
        heads = [self.first, self.heads, self.past, self.made, self.pairs, self.replaced]
        return json.dumps([paths, self.blobs, self.opaque, heads])

    @classmethod
    def load(cls, text: str) -> "Hints":
        """Return what `dump` made text of."""
        (added, removed, loose, renames), blobs, opaque, (first, heads, past, made, pairs, replaced) = json.loads(text)
        return cls(
            added={_path(name): lines for name, lines in added.items()},
            removed={_path(name): lines for name, lines in removed.items()},
            blobs=blobs,
            loose=[_path(name) for name in loose],
            renames=[(_path(old), _path(new)) for old, new in renames],
            opaque=opaque,
            first=(first[0], first[1]) if first else None,
            heads=heads,
            past=past,
            made=made,
            pairs=[(old, new) for old, new in pairs],
            replaced=replaced,
        )


def _name(path: bytes) -> str:
    return path.decode("latin-1")


def _path(name: str) -> bytes:
    return name.encode("latin-1")


class Lines(NamedTuple):
    """The hints of lines that hunks add and take away, and the sums of their skeletons: white space counts nothing."""

    added: list[int]
    removed: list[int]
    plus: int
    minus: int


def lines_of(body: bytes) -> Lines:
    """Return what hunks add and take away, blank lines left out.

    Lines of the context that begin with a sign are taken for such lines, too.
    """
    added: list[int] = []
    removed: list[int] = []
    plus = minus = 0
    texts: list[bytes] = []
    # the innermost loop of a derivation, so nothing is called in it that need not be
    for at, bones in enumerate(body.translate(None, _LOOSE).split(b"\n")):
        sign = bones[:1]
        if sign == b"+":
            hint = int.from_bytes(bones[1:], "big") % PRIME
            plus += hint
            if not hint:
                texts = texts or body.split(b"\n")
                hint = _whole(texts[at])
            if hint:
                added.append(hint)
        elif sign == b"-":
            hint = int.from_bytes(bones[1:], "big") % PRIME
            minus += hint
            if not hint:
                texts = texts or body.split(b"\n")
                hint = _whole(texts[at])
            if hint:
                removed.append(hint)
    return Lines(added, removed, plus, minus)


def _whole(line: bytes) -> int:
    """Return the hint of a line with its sign of which a formatter leaves nothing alone; 0 for a blank one."""
    return signed(exact_of(line[1:].rstrip(b"\r"))) if line[1:].strip() else 0


def renamed(header: bytes) -> tuple[bytes, ...]:
    """Return the name of a file by the header of its diff, or (old, new) where it is another."""
    match = _NAMES.match(header)
    if match and b"\nrename from " not in header and b"\ncopy from " not in header:
        return (match["path"],)
    said, _, _ = (_FILE + header).partition(b"\n--- ")
    said, _, _ = said.partition(b"\nBinary files ")
    (file,) = parse(_INDEX.sub(b"", said.rstrip(b"\n") + b"\n"))
    names = (file.old_path, file.new_path)
    return tuple(dict.fromkeys(name for name in names if name))


def of_segment(header: EventDict, events: Sequence[EventDict]) -> Hints:
    """Return what a segment may say."""
    found = Hints()
    head, at = heads(header)[0], microseconds(header.get("at"))
    found.first = (_text(head), at) if head else None
    drafts = _Draft({}, {}, set())
    for event in (header, *events):
        for part, omitted, encoding in _PARTS:
            if omitted in event and isinstance(event[omitted], Mapping):
                found.opaque |= CONTENTS
            text = event.get(part)
            if text and isinstance(text, str):
                try:
                    # what a header takes away may have been added unseen
                    _diff(from_json_text(text, event.get(encoding)), found, drafts, event is header)
                except (PatchError, ValueError):
                    found.opaque |= ANYTHING
    for event in events:
        _event(event, found)
    found.added = {path: list(some) for path, some in drafts.added.items()}
    found.removed = {path: list(some) for path, some in drafts.removed.items()}
    found.blobs = list(drafts.blobs)
    return found


class _Draft(NamedTuple):
    added: dict[bytes, set[int]]
    removed: dict[bytes, set[int]]
    blobs: set[int]


def _event(event: EventDict, found: Hints) -> None:
    head, at, kind = heads(event)[0], microseconds(event.get("at")), event.get("kind")
    if head:
        _earliest(found.past if kind in (COMMIT, REWRITE) else found.heads, head, at)
    if kind == COMMIT:
        found.made.append(_text(event.get("commit")))
    if kind == REWRITE:
        for old, new in event.get("pairs") or ():
            found.pairs.append((_text(old), _text(new)))
            _earliest(found.replaced, old, at)


def _earliest(found: dict[str, int], head: object, at: int) -> None:
    name = _text(head)
    found[name] = min(at, found.get(name, at))


def _text(value: object) -> str:
    """Return text that a database can hold."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()


def _diff(diff: bytes, found: Hints, drafts: _Draft, both_ways: bool) -> None:
    for header, body in split_files(diff):
        plain = _PLAIN.fullmatch(header)
        if plain:
            path, old, new = plain.group(1, 2, 3)
            drafts.blobs.update((blob_key(old.decode()), blob_key(new.decode())))
        lines = lines_of(body)
        if MARK in body:
            lines.added.append(MASKED)
            lines.removed.append(MASKED)
        for name in (path,) if plain else _header(header, found, drafts.blobs):
            drafts.added.setdefault(name, set()).update(lines.added, lines.removed if both_ways else ())
            if lines.removed:
                drafts.removed.setdefault(name, set()).update(lines.removed)


def split_files(diff: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield of each file of a diff its header, without `diff --git `, and its hunks, empty when it has none."""
    for part in (b"\n" + diff).split(b"\n" + _FILE)[1:]:
        header, hunk, body = part.partition(b"\n@@ ")
        yield header, hunk and body.partition(b"\n")[2]


def _header(header: bytes, found: Hints, blobs: set[int]) -> set[bytes]:
    """Take in the header of a file, and return its names. Raises PatchError."""
    said, _, _ = header.partition(b"\n--- ")
    said, _, _ = said.partition(b"\nGIT binary patch")
    (file,) = parse(_FILE + said.rstrip(b"\n") + b"\n")
    names = {path for path in (file.old_path, file.new_path) if path}
    if file.old_path and file.new_path and len(names) > 1:
        found.renames.append((file.old_path, file.new_path))
    oids = [oid for oid in (file.old_oid, file.new_oid) if oid]
    blobs.update(map(blob_key, oids))
    found.loose += () if oids else names
    return names
