import base64
import hashlib
import itertools
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from gittrace.errors import Damaged
from gittrace.journal.append import dump
from gittrace.model import segment
from gittrace.model.segment import Forget, SegmentLine, decode, encode, parse_jsonl, parse_note, render_note, split
from gittrace.model.tombstones import Tombstones
from tests.export import sample
from tests.support.repo import Repo

TRACE, SESSION = sample.TRACE, sample.PERSON


def jsonl(*events: dict[str, Any]) -> bytes:
    return b"".join(map(dump, events or (sample.header(SESSION), sample.command(1, "true", "1"))))


def only(line: str) -> SegmentLine:
    (parsed,) = parse_note(line.encode()).segments
    return parsed


def forged(data: bytes, pack: Callable[[bytes], bytes]) -> SegmentLine:
    """Return a segment whose frame someone else made."""
    return SegmentLine(TRACE, SESSION, 0, hashlib.sha256(data).hexdigest(), base64.b64encode(pack(data)).decode())


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)


@given(st.lists(st.dictionaries(st.text(), values, max_size=4), max_size=5))
def test_what_is_encoded_is_decoded(events: list[dict[str, Any]]) -> None:
    segment_events = [sample.header(SESSION) | {"index": 3}, *events]
    line = only(encode(TRACE, SESSION, 3, jsonl(*segment_events)))
    assert (line.trace_id, line.session_id, line.index) == (TRACE, SESSION, 3)
    assert decode(line) == segment_events


def test_bytes_that_are_not_utf8_survive_as_surrogates() -> None:
    events = [sample.header(SESSION), sample.command(1, "caf\udce9", "1")]
    assert decode(only(encode(TRACE, SESSION, 0, jsonl(*events)))) == events


def test_standard_tools_decode_a_line(tmp_path: Path) -> None:
    (tmp_path / "note").write_text(encode(TRACE, SESSION, 0, jsonl()) + "\n")
    script = "cut -d' ' -f6 note | base64 -d | zstd -dc || test ! -x \"$(command -v zstd)\""
    out = subprocess.run(["sh", "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, check=True).stdout
    assert out in (jsonl(), b"")


SHA = "0" * 63 + "1"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("2024-05-01T12:00:00Z", None),
        ("2024-05-01T12:00:00.123456+05:30", None),
        (f"2024-05-01T12:00:00Z {SHA}", None),
        ("2024-05-01", "neither"),
        ("2024-05-01T12:00:00", "neither"),
        ("2024-13-01T12:00:00Z", "'2024-13-01T12:00:00Z' is no time"),
        ("2024-05-01T12:00:00Z " + SHA[:-1], "neither"),
        (f"2024-05-01T12:00:00Z {SHA} x", "neither"),
    ],
)
def test_tombstones(words: str, why: str | None) -> None:
    line = f"gittrace1 {TRACE} forget {words}"
    note = parse_note(line.encode())
    assert [str(found) for found in note.forgets] == ([] if why else [line])
    assert [why in item.why for item in note.damaged if why] == ([True] if why else [])


def test_what_a_tombstone_covers() -> None:
    dead = Tombstones([Forget(TRACE, "2024-05-01T12:00:00+02:00"), Forget(SESSION, "2024-05-01T12:00:00Z", SHA)])
    assert dead.covers(TRACE, "2024-05-01T09:59:59.999999Z")
    assert not dead.covers(TRACE, "2024-05-01T10:00:00.000000Z")
    for unreadable in (None, "", 7, "yesterday", "2024-05-01T12:00:00"):
        assert dead.covers(TRACE, unreadable)
    assert dead.covers(SESSION, "2024-06-01T00:00:00Z", SHA)
    assert not dead.covers(SESSION, "2024-01-01T00:00:00Z", SHA[::-1])
    assert not dead.covers(TRACE[::-1], None, SHA)
    line = only(encode(TRACE, SESSION, 0, jsonl()))
    assert Tombstones([Forget(TRACE, "2999-01-01T00:00:00Z")]).covers_line(line)
    assert not Tombstones([Forget(TRACE, "1999-01-01T00:00:00Z")]).covers_line(line)
    assert Tombstones([Forget(TRACE, "1999-01-01T00:00:00Z", line.sha256)]).covers_line(line)
    assert not Tombstones().covers_line(line)


def test_a_note_is_parsed_and_rendered_again() -> None:
    line = encode(TRACE, SESSION, 0, jsonl())
    forget = f"gittrace1 {TRACE} forget 2024-05-01T12:00:00Z"
    foreign = b"Reviewed-by: Ren\xe9 \x00"
    broken = f"gittrace1 {TRACE} {SESSION} zero"
    data = b"\n\n".join([foreign, line.encode(), line.encode(), forget.encode(), b"  ", broken.encode(), foreign])
    note = parse_note(data)
    assert [str(found) for found in note.segments] == [line]
    assert [str(found) for found in note.forgets] == [forget]
    assert note.foreign == (foreign,)
    assert [(item.number, item.line) for item in note.damaged] == [(11, broken.encode())]
    lines = {foreign, line.encode(), forget.encode(), broken.encode()}
    assert render_note(note.lines()) == b"".join(found + b"\n" for found in sorted(lines))


@given(st.lists(st.binary(max_size=30)))
def test_any_note_keeps_its_lines(lines: list[bytes]) -> None:
    data = b"\n".join(lines)
    wanted = {line for line in data.split(b"\n") if line.strip()}
    rendered = render_note(parse_note(data).lines())
    assert set(rendered.split(b"\n")) - {b""} == wanted
    assert render_note(parse_note(rendered).lines()) == rendered


@pytest.mark.parametrize("strategy", ["union", "cat_sort_uniq"])
def test_git_merges_two_notes_to_a_valid_one(repo: Repo, strategy: str) -> None:
    repo.commit("a", "a")
    lines = [encode(TRACE, SESSION, number, jsonl()) for number in range(3)]
    for ref, some in (("one", lines[:2]), ("two", lines[1:])):
        repo.git("notes", f"--ref={ref}", "add", "-F", "-", stdin=render_note(some))
    repo.git("notes", "--ref=one", "merge", "-q", "-s", strategy, "refs/notes/two")
    merged = repo.run("git", "notes", "--ref=one", "show", "HEAD")
    assert {str(line) for line in parse_note(merged).segments} == set(lines)


def damage(line: SegmentLine) -> str:
    with pytest.raises(Damaged) as caught:
        decode(line)
    return str(caught.value)


def test_a_changed_payload_is_noticed() -> None:
    line = only(encode(TRACE, SESSION, 0, jsonl()))
    other = only(encode(TRACE, SESSION, 0, jsonl(sample.header(SESSION))))
    assert "sha256" in damage(SegmentLine(TRACE, SESSION, 0, line.sha256, other.payload))
    assert damage(SegmentLine(TRACE, SESSION, 0, line.sha256, line.payload[:-8])).startswith(f"segment '{SESSION}-0'")
    assert damage(SegmentLine(TRACE, SESSION, 0, line.sha256, "AAA="))


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    bomb = forged(b"\0" * (segment.MAX_UNPACKED + 1), zstandard.ZstdCompressor().compress)
    assert len(bomb.payload) < 20_000
    assert "over the bound" in damage(bomb)


def test_a_frame_must_say_its_size() -> None:
    assert "size" in damage(forged(jsonl(), zstandard.ZstdCompressor(write_content_size=False).compress))


def test_a_frame_that_lies_about_its_size_is_refused() -> None:
    honest = zstandard.ZstdCompressor(level=3).compress(b"\0" * 200)
    lying = honest.replace(bytes([200]), bytes([100]), 1)
    assert zstandard.get_frame_parameters(lying).content_size == 100
    assert damage(forged(b"\0" * 200, lambda _: lying))


@pytest.mark.parametrize(
    "line",
    [
        b"[1]", b"1", b"{", b"\xff{}", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": -Infinity}',
        b'{"a": ' + b"9" * 5000 + b"}", b'{"a":' * 65 + b"1" + b"}" * 65, b"[" * 100_000, b'{"a":' * 100_000,
    ],
)  # fmt: skip
def test_what_is_no_event_is_refused(line: bytes) -> None:
    with pytest.raises(Damaged, match="line 2 is"):
        parse_jsonl(b"{}\n" + line + b"\n")
    assert f"segment '{SESSION}-0'" in damage(only(encode(TRACE, SESSION, 0, jsonl() + line)))


def test_brackets_in_text_are_no_depth() -> None:
    assert parse_jsonl(json.dumps({"diff": "[{" * 1000}).encode()) == [{"diff": "[{" * 1000}]


def test_a_segment_begins_with_its_header() -> None:
    assert "header" in damage(only(encode(TRACE, SESSION, 0, jsonl(sample.command(1, "true", "1")))))


def test_a_long_segment_goes_on_under_the_next_index() -> None:
    events = [sample.command(number, "x" * 300, f"{number % 10}") for number in range(20)]
    header = sample.header(SESSION, index=4, diff=sample.DIFF)
    parts = [parse_jsonl(part) for part in split([header, *events], limit=3000)]
    assert len(parts) > 2
    assert [event for part in parts for event in part[1:]] == events
    assert [part[0]["index"] for part in parts] == list(range(4, 4 + len(parts)))
    assert parts[0][0] == header
    for before, part in itertools.pairwise(parts):
        assert part[0]["continues"] is True
        assert "diff" not in part[0]
        assert part[0]["tree"] == before[-1]["tree_after"]
        assert len(jsonl(*part)) <= 3000


def test_a_larger_event_is_a_part_by_itself() -> None:
    events = [sample.command(number, text, "1") for number, text in enumerate(["a", "b" * 9000, "c"], 1)]
    parts = [parse_jsonl(part) for part in split([sample.header(SESSION), *events], limit=3000)]
    assert [len(part) for part in parts] == [2, 2, 2]
    assert split([sample.header(SESSION)]) == [jsonl(sample.header(SESSION))]
