"""The lines of a note: segments, signatures of segments, and what was forgotten.

    gittrace1 <trace-id> <session-id> <index> <sha256 of the JSONL> <base64 of one zstd frame of the JSONL>
    gittrace1 <trace-id> forget <RFC 3339 time> [<sha256 of a segment's JSONL>]
    gittrace1-signature <trace-id> <sha256 of a segment's JSONL> <format> <base64 of the signature>

Signatures have a word of their own, so that a reader who does not know them takes them for somebody else's lines.

A note is a set of such lines, so that every way in which git merges notes yields a valid one. What comes out of a
note may have been written by anyone: it is bounded before anything is unpacked, and proved by its hash.
"""

import base64
import binascii
import hashlib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NoReturn

from gittrace.errors import Damaged
from gittrace.journal.append import dump
from gittrace.text import decode as shown_bytes
from gittrace.vocabulary import FORGET_WORD, MAX_SEGMENT, SEGMENT_WORD, SESSION, SIGNATURE_WORD

MAX_UNPACKED = 64 << 20
"""Bytes of JSONL that a segment may unpack to: MAX_SEGMENT, or one event that is larger by itself."""

MAX_DEPTH = 64
"""Levels of arrays and objects in one event."""

MAX_EVENTS = 200_000
"""Events in one segment; MAX_SEGMENT holds a quarter of that."""

MAX_VALUES = 1_000_000
"""Members of arrays and objects in one segment: Python takes a hundred bytes or so for each, JSON as few as two."""

MAX_NOTE = 256 << 20
"""Bytes of a note that is looked at at all."""

MAX_LINES = 100_000
"""Lines of a note."""

MAX_SIGNATURE = 32 << 10
"""Characters of base64 that a signature may have; one of X.509 with its chain of certificates has some 8,000."""

# what packs is loaded when something is unpacked
TYPE_CHECKING = False
if TYPE_CHECKING:
    import zstandard

# measured on 3 MB of events with diffs: 17 % smaller than level 3 in twice the time (46 ms); 9 gains 4 % more, and
# takes twice as long again
LEVEL = 6

# an unfinished one too, up to the end of its line: else each quote in it would be tried as a beginning
_STRING = re.compile(rb'"(?:[^"\\\n]|\\[^\n])*+"?')
_UUID = rb"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_SEGMENT = re.compile(
    rb"%s (%s) (%s) (0|[1-9][0-9]{0,8}) ([0-9a-f]{64}) ([A-Za-z0-9+/]+={0,2})" % (SEGMENT_WORD.encode(), _UUID, _UUID)
)
_TIME = rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(?:Z|[+-][0-9]{2}:[0-9]{2})"
_FORGET = re.compile(
    rb"%s (%s) %s (%s)(?: ([0-9a-f]{64}))?" % (SEGMENT_WORD.encode(), _UUID, FORGET_WORD.encode(), _TIME)
)
_SIGNATURE = re.compile(
    rb"%s (%s) ([0-9a-f]{64}) ([a-z0-9]{1,16}) ([A-Za-z0-9+/]+={0,2})" % (SIGNATURE_WORD.encode(), _UUID)
)


@dataclass(frozen=True, slots=True)
class SegmentLine:
    """A segment as a note holds it; `payload` is the base64 text, `sha256` that of the unpacked JSONL."""

    trace_id: str
    session_id: str
    index: int
    sha256: str
    payload: str

    def __str__(self) -> str:
        return f"{SEGMENT_WORD} {self.trace_id} {self.session_id} {self.index} {self.sha256} {self.payload}"

    @property
    def key(self) -> tuple[str, str]:
        """What a signature names it by."""
        return self.trace_id, self.sha256


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of a segment; `format` is git's `gpg.format`, `payload` the base64 of the (armored) signature."""

    trace_id: str
    sha256: str
    format: str
    payload: str

    def __str__(self) -> str:
        return f"{SIGNATURE_WORD} {self.trace_id} {self.sha256} {self.format} {self.payload}"

    @property
    def key(self) -> tuple[str, str]:
        """The segment's."""
        return self.trace_id, self.sha256


@dataclass(frozen=True, slots=True)
class Forget:
    """A tombstone: what it covers is gone on purpose (see `gittrace.model.tombstones`).

    Without `sha256` it covers the sessions of the trace that began before `at` (RFC 3339), with it that one segment.
    """

    trace_id: str
    at: str
    sha256: str | None = None

    def __str__(self) -> str:
        one = f" {self.sha256}" if self.sha256 else ""
        return f"{SEGMENT_WORD} {self.trace_id} {FORGET_WORD} {self.at}{one}"


@dataclass(frozen=True, slots=True)
class DamagedLine:
    """A line that claims to be ours and can't be read: its number (from 1), itself, and why."""

    number: int
    line: bytes
    why: str


@dataclass(frozen=True, slots=True)
class Note:
    """A parsed note; the order is that of its lines, doubles dropped. `foreign` lines are someone else's."""

    segments: tuple[SegmentLine, ...] = ()
    forgets: tuple[Forget, ...] = ()
    foreign: tuple[bytes, ...] = ()
    damaged: tuple[DamagedLine, ...] = ()
    signatures: tuple[Signature, ...] = ()

    def lines(self) -> list[bytes]:
        """Return all lines, foreign and damaged ones untouched: what `render_note` makes the same note of."""
        ours = [str(line).encode() for line in (*self.segments, *self.forgets, *self.signatures)]
        return [*ours, *self.foreign, *(item.line for item in self.damaged)]

    def without(self, gone: Iterable[SegmentLine]) -> list[bytes]:
        """Return all lines but those of some segments and of their signatures."""
        names = set(gone)
        keys = {line.key for line in names}
        lost = {str(line).encode() for line in (*names, *(one for one in self.signatures if one.key in keys))}
        return [line for line in self.lines() if line not in lost]

    def signatures_of(self, segments: Iterable[SegmentLine]) -> list[Signature]:
        """Return the signatures of some segments."""
        keys = {line.key for line in segments}
        return [one for one in self.signatures if one.key in keys]


def statement(trace_id: str, session_id: str, index: int, sha256: str) -> bytes:
    """Return what is signed of a segment: its line up to the hash, which stands for all its bytes, and a line feed."""
    return f"{SEGMENT_WORD} {trace_id} {session_id} {index} {sha256}\n".encode()


def encode(trace_id: str, session_id: str, index: int, jsonl: bytes) -> str:
    """Return the line of a segment, without a line feed. The frame states its content size and has a checksum."""
    import zstandard

    packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True, write_content_size=True)
    payload = base64.b64encode(packer.compress(jsonl)).decode()
    return str(SegmentLine(trace_id, session_id, index, hashlib.sha256(jsonl).hexdigest(), payload))


def parse_note(data: bytes) -> Note:
    """Parse the content of a note. Never raises: what can't be read is in `damaged`, all of it if that is too much."""
    if len(data) > MAX_NOTE or data.count(b"\n") > MAX_LINES:
        return Note(damaged=(DamagedLine(0, data, f"it is over {MAX_NOTE} bytes or {MAX_LINES} lines"),))
    segments: list[SegmentLine] = []
    forgets: list[Forget] = []
    foreign: list[bytes] = []
    damaged: list[DamagedLine] = []
    signatures: list[Signature] = []
    seen: set[bytes] = set()
    ours, signed = SEGMENT_WORD.encode(), SIGNATURE_WORD.encode()
    for number, line in enumerate(data.split(b"\n"), 1):
        if not line.strip() or line in seen:
            continue
        seen.add(line)
        word = line.split(b" ", 1)[0]
        if word == signed:
            found = _SIGNATURE.fullmatch(line)
            if found and len(found[4]) <= MAX_SIGNATURE:
                signatures.append(Signature(*(group.decode() for group in found.groups())))
            else:
                damaged.append(DamagedLine(number, line, "no signature, or one that is too long"))
        elif word != ours:
            foreign.append(line)
        elif match := _SEGMENT.fullmatch(line):
            trace_id, session_id, index, sha256, payload = (group.decode() for group in match.groups())
            segments.append(SegmentLine(trace_id, session_id, int(index), sha256, payload))
        elif match := _FORGET.fullmatch(line):
            one = match[3].decode() if match[3] else None
            forget = Forget(match[1].decode(), match[2].decode(), one)
            if microseconds(forget.at) is None:
                damaged.append(DamagedLine(number, line, f"'{forget.at}' is no time"))
            else:
                forgets.append(forget)
        else:
            damaged.append(DamagedLine(number, line, "neither a segment nor a tombstone"))
    return Note(tuple(segments), tuple(forgets), tuple(foreign), tuple(damaged), tuple(signatures))


def render_note(lines: Iterable[bytes | str | SegmentLine | Forget | Signature]) -> bytes:
    """Return the content of a note: sorted, unique, each line ended by a line feed."""
    raw = {line if isinstance(line, bytes) else str(line).encode() for line in lines}
    return b"".join(line + b"\n" for line in sorted(raw) if line.strip())


@cache
def _decompressor() -> "zstandard.ZstdDecompressor":
    """Return what unpacks frames, one after the other: to make one takes longer than to unpack most segments."""
    import zstandard

    return zstandard.ZstdDecompressor()


def unpack(line: SegmentLine, max_size: int = MAX_UNPACKED) -> bytes:
    """Return the JSONL of a segment, proved by its hash. Raises Damaged; unpacks nothing that is over `max_size`."""
    import zstandard

    try:
        frame = base64.b64decode(line.payload, validate=True)
        header = zstandard.get_frame_parameters(frame)
        if header.content_size == zstandard.CONTENTSIZE_UNKNOWN:
            _damaged(line, "its frame does not state its size")
        if header.content_size > max_size:
            _damaged(line, f"it unpacks to {header.content_size} bytes, over the bound of {max_size}")
        if header.dict_id:
            _damaged(line, "its frame needs a dictionary")
        if header.window_size > max(max_size, 8 << 20):
            _damaged(line, f"its frame needs a window of {header.window_size} bytes")
        data = _decompressor().decompress(frame, max_output_size=max_size, allow_extra_data=False)
    except (binascii.Error, zstandard.ZstdError) as error:
        _damaged(line, str(error))
    if hashlib.sha256(data).hexdigest() != line.sha256:
        _damaged(line, "its sha256 is another")
    return data


def decode(line: SegmentLine, max_size: int = MAX_UNPACKED) -> list[dict[str, Any]]:
    """Return a segment's header and events as dicts, not validated further. Raises Damaged.

    Bounded before it unpacks: the size that the frame states, its window, the depth of each event.
    """
    try:
        events = parse_jsonl(unpack(line, max_size))
    except Damaged as error:
        if str(error).startswith("segment "):
            raise
        _damaged(line, str(error))
    if not events or events[0].get("kind") != SESSION:
        _damaged(line, "it does not begin with its header")
    for name in ("trace_id", "session_id", "index"):
        if events[0].get(name, getattr(line, name)) != getattr(line, name):
            _damaged(line, f"its header has another {name}")
    return events


def parse_jsonl(data: bytes) -> list[dict[str, Any]]:
    """Parse a JSON object a line, blank lines ignored. Raises Damaged, naming the line.

    What JSON leaves open is refused: the same key twice, and numbers that are none.
    """
    if data.count(b"\n") > MAX_EVENTS:
        raise Damaged(f"it has more than {MAX_EVENTS} lines")
    _check_values(data)
    events: list[dict[str, Any]] = []
    for number, raw in enumerate(data.split(b"\n"), 1):
        if not raw or raw.isspace():
            continue
        try:
            event = _loads(raw.decode("utf-8"))
        except RecursionError:
            raise Damaged(f"line {number} is nested too deep") from None
        except ValueError as error:
            raise Damaged(f"line {number} is not JSON: {error}") from None
        if not isinstance(event, dict):
            raise Damaged(f"line {number} is not a JSON object")
        # brackets in text count here too, so the walk is for few lines; it is what decides
        if raw.count(b"{") + raw.count(b"[") > MAX_DEPTH and _depth(event) > MAX_DEPTH:
            raise Damaged(f"line {number} is nested too deep")
        events.append(event)
    return events


def _check_values(data: bytes) -> None:
    """Raise Damaged when the JSON would take much more memory than its text."""
    # each value takes a byte at least; in the text of strings commas count too, so what decides is a look at the rest
    if len(data) > MAX_VALUES and data.count(b",") + data.count(b"[") + data.count(b"{") > MAX_VALUES:
        few_strings = data.count(b'"') - data.count(b'\\"') <= 4 * MAX_VALUES
        bare = _STRING.sub(b"", data) if few_strings else data
        if bare.count(b",") + bare.count(b"[") + bare.count(b"{") > MAX_VALUES:
            raise Damaged(f"it has more than {MAX_VALUES} values")


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key is there twice")
    return found


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"'{text[:20]}' is too large")
    return value


def split(events: Sequence[Mapping[str, Any]], limit: int = MAX_SEGMENT) -> list[bytes]:
    """Return a segment (its header first) as JSONL, cut so that no part is over `limit` bytes.

    A larger event is a part by itself. The parts after the first have the header again, with the next `index`,
    `continues` set, and no diff: they begin with the tree at which the part before ended.
    """
    header = dict(events[0])
    lines = [dump(header)]
    size = len(lines[0])
    parts: list[bytes] = []
    tree = header.get("tree")
    for event in events[1:]:
        line = dump(event)
        if size + len(line) > limit and len(lines) > 1:
            parts.append(b"".join(lines))
            header = _continued(header, tree)
            lines = [dump(header)]
            size = len(lines[0])
        lines.append(line)
        size += len(line)
        tree = event.get("tree_after") or event.get("tree") or tree
    return [*parts, b"".join(lines)]


def _continued(header: Mapping[str, Any], tree: Any) -> dict[str, Any]:
    gone = ("diff", "diff_encoding", "diff_omitted", "diff_redacted")
    kept = {key: value for key, value in header.items() if key not in gone}
    return kept | {"tree": tree, "index": int(header.get("index", 0)) + 1, "continues": True}


def microseconds(at: object) -> int | None:
    """Return a time with its zone (RFC 3339) in microseconds since the epoch; None when it can't be read."""
    try:
        moment = datetime.fromisoformat(str(at))
        if moment.tzinfo is None:
            return None
        return int(moment.replace(microsecond=0).timestamp()) * 1_000_000 + moment.microsecond
    except (ValueError, OverflowError):
        return None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"'{name}' is no JSON")


_loads = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=_once).decode


def _depth(value: object) -> int:
    deepest = 0
    rest: list[tuple[object, int]] = [(value, 1)]
    while rest:
        item, depth = rest.pop()
        if isinstance(item, dict | list):
            deepest = max(deepest, depth)
            rest.extend((inner, depth + 1) for inner in (item.values() if isinstance(item, dict) else item))
    return deepest


def _damaged(line: SegmentLine, why: str) -> NoReturn:
    name = shown_bytes(f"{line.session_id}-{line.index}".encode("utf-8", "surrogateescape"))
    raise Damaged(f"segment '{name}' of trace '{line.trace_id}' is damaged: {why}")
