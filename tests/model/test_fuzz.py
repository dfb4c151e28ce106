"""Readers of what others wrote say what is wrong, and raise nothing else, whatever the bytes are."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gittrace.errors import Damaged
from gittrace.journal.read import read
from gittrace.model.segment import decode, encode, parse_jsonl, parse_note, render_note
from gittrace.model.sound import _FIELDS, sound
from gittrace.model.tombstones import Tombstones
from tests.export import sample

LINE = encode(sample.TRACE, sample.PERSON, 0, json.dumps(sample.header(sample.PERSON)).encode() + b"\n").encode()
FORGET = f"gittrace1 {sample.TRACE} forget 2026-01-02T03:04:05Z".encode()

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters())
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(sorted(_FIELDS)) | st.text(max_size=4)
events = st.dictionaries(names, values, max_size=8)


@st.composite
def cut_up(draw: st.DrawFn) -> bytes:
    """Return lines of a good note with bytes changed, left out and put in, and any lines among them."""
    data = b"\n".join(draw(st.lists(st.sampled_from((LINE, FORGET)) | st.binary(max_size=60), max_size=5)))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(data)))
        data = data[:at] + draw(st.binary(max_size=3)) + data[at + draw(st.integers(0, 3)) :]
    return data


@given(cut_up())
def test_notes(data: bytes) -> None:
    note = parse_note(data)
    again = parse_note(render_note(note.lines()))
    assert {str(line) for line in again.segments} == {str(line) for line in note.segments}
    assert set(again.forgets) == set(note.forgets)
    assert set(again.foreign) == {line for line in note.foreign if line.strip()}
    dead = Tombstones(note.forgets)
    for line in note.segments:
        dead.covers_line(line)
        try:
            found, _ = sound(decode(line))
        except Damaged:
            continue
        assert found[0]["session_id"] == line.session_id


@given(st.lists(events, max_size=4))
def test_what_is_sound_stays_sound(recorded: list[dict[str, Any]]) -> None:
    found, _ = sound([{"kind": "session"}, *recorded])
    assert found[0]["kind"] == "session"
    assert sound(found) == (found, [])
    for event in found[1:]:
        assert datetime.fromisoformat(event["at"])
        assert isinstance(event["kind"], str)
        assert isinstance(event["id"], str)


@given(st.binary(max_size=200) | st.lists(events, max_size=3).map(lambda found: json.dumps(found).encode()))
def test_jsonl(data: bytes) -> None:
    try:
        found = parse_jsonl(data)
    except Damaged:
        return
    assert all(isinstance(event, dict) for event in found)


@given(st.lists(st.binary(max_size=80) | events.map(lambda event: json.dumps(event).encode()), max_size=6))
def test_journals(tmp_path_factory: Any, lines: list[bytes]) -> None:
    path: Path = tmp_path_factory.getbasetemp() / "fuzzed"
    path.write_bytes(b"\n".join(lines))
    found = read(str(path))
    for event in found.events:
        assert isinstance(event["id"], str)
        assert isinstance(event["kind"], str)
    assert len(found.ends) == len(found.events)
