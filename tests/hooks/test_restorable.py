"""Edits that can be taken back byte for byte."""

import os
from pathlib import Path

import pytest

from gittrace.errors import TraceError
from gittrace.git.restorable import Edit, follow, put_back, read, write


def unused() -> None:
    raise AssertionError("the bytes are known")


@pytest.mark.parametrize("before", [None, b"", b"a\r\n\xff", b"no line feed"])
def test_bytes_come_back(before: bytes | None, tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    if before is not None:
        write(path, before)
    write(path, b"edited\n")
    edit = Edit.from_json(Edit(before, b"edited\n").to_json())
    put_back(path, edit, unused)
    assert read(path) == before


def test_others_edits_are_kept(tmp_path: Path) -> None:
    path = str(tmp_path / "file")
    write(path, b"edited by another\n")
    called = []
    put_back(path, Edit(b"before\n", b"after\n"), lambda: called.append(True))
    put_back(path, None, lambda: called.append(True))
    assert called == [True, True]
    assert read(path) == b"edited by another\n"


def test_follow() -> None:
    one = follow(None, b"a", b"ab", first=True)
    assert one == Edit(b"a", b"ab")
    assert follow(one, b"ab", b"abc", first=False) == Edit(b"a", b"abc")
    assert follow(one, b"xab", b"xab", first=False) == one, "nothing was done: what is known still holds"
    assert follow(one, b"xab", b"xabc", first=False) is None, "another's edit lies between two of ours"
    assert follow(None, b"ab", b"abc", first=False) is None
    assert follow(one, b"x", b"xb", first=True) == Edit(b"x", b"xb")


def test_mode_and_link_survive(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.write_bytes(b"a")
    real.chmod(0o640)
    link = tmp_path / "link"
    link.symlink_to("real")
    write(str(link), b"b")
    assert os.readlink(link) == "real"
    assert real.read_bytes() == b"b"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_locked_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"a")
    (tmp_path / "file.lock").touch()
    with pytest.raises(TraceError, match="cannot lock"):
        write(str(path), b"b")
    assert path.read_bytes() == b"a"
    assert (tmp_path / "file.lock").exists(), "it is another's"
