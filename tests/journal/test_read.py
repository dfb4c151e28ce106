"""Reading a journal: what is damaged is passed over and named, and offsets go on where the last reading ended."""

from pathlib import Path

import pytest

from gittrace.journal.read import read

AT = b',"at":"2026-01-02T03:04:05.000006Z"}\n'
ONE = b'{"kind":"command","id":"1"' + AT
TWO = b'{"kind":"command","id":"2"' + AT
MARK = b'\n{"kind":"hook","hook":"post-commit"}\n'


@pytest.mark.parametrize(
    ("data", "ids", "damaged"),
    [
        (b"", [], 0),
        (ONE + TWO, ["1", "2"], 0),
        (ONE + MARK + TWO, ["1", "2"], 0),
        (ONE + TWO[:-1], ["1", "2"], 0),
        (ONE + TWO[:-2], ["1"], 1),
        (ONE[:9] + MARK + TWO, ["2"], 1),
        (b"\xff\xfe\n" + ONE, ["1"], 1),
        (b"[]\n7\nnull\n{}\n" + ONE, ["1"], 4),
        (b'{"kind":7}\n' + ONE, ["1"], 1),
        (b"\0" * 4096 + b"\n" + ONE, ["1"], 1),
        (b"[" * 100_000 + b"\n" + ONE, ["1"], 1),
        (ONE + b"[" * 100_000, ["1"], 1),
        (ONE.replace(b"\n", b"\r\n") + TWO, ["1", "2"], 0),
        (b'{"kind":"note","id":"\xe2\x80\xa8\\ud800"' + AT, ["\u2028\ud800"], 0),
        (b'{"kind":"note","id":"1"}\n' + ONE, ["1"], 1),
        (b'{"kind":"note","id":7' + AT + ONE, ["1"], 1),
        (ONE.replace(b"-01-", b"-13-") + ONE, ["1"], 1),
        (b'{"kind":"note","id":"1","at":["x"]}\n' + ONE, ["1"], 1),
    ],
)
def test_reading(tmp_path: Path, data: bytes, ids: list[str], damaged: int) -> None:
    path = tmp_path / "journal"
    path.write_bytes(data)
    found = read(str(path))
    assert [event["id"] for event in found.events] == ids
    assert len(found.damaged) == damaged
    assert len(found.ends) == len(ids)


def test_going_on_at_any_place(tmp_path: Path) -> None:
    """However a journal grows, byte by byte, reading on from each end finds each event once."""
    whole = ONE + MARK + TWO + MARK + ONE.replace(b'"1"', b'"3"')
    path = tmp_path / "journal"
    for step in (1, 2, 5, 11):
        end, ids = 0, []
        for size in range(0, len(whole) + step, step):
            path.write_bytes(whole[:size])
            found = read(str(path), end)
            ids += [event["id"] for event in found.events]
            assert all(end < place <= found.end for place in found.ends)
            assert found.end <= size
            end = found.end
        assert ids == ["1", "2", "3"]


def test_the_end_of_each_event_is_where_the_next_reading_begins(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(ONE + MARK + TWO)
    first = read(str(path))
    assert [event["id"] for event in read(str(path), first.ends[0]).events] == ["2"]
    assert read(str(path), first.ends[1]).events == []


def test_no_journal(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        read(str(tmp_path / "none"))
