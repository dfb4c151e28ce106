import os
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from gittrace.errors import TraceError
from gittrace.export.write import open_output
from tests.support.repo import PACKAGE_ROOT


def everything(path: Path) -> list[str]:
    return sorted(name.name for name in path.iterdir())


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.zst"])
def test_a_file_is_written_whole(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    for lines in (3, 200_000):
        with open_output(str(path)) as out:
            for number in range(lines):
                out.write(b"%d\n" % number)
            assert len(everything(tmp_path)) == (1 if lines == 3 else 2)
        with path.open("rb") as file:
            data = zstandard.ZstdDecompressor().stream_reader(file).read() if name.endswith("zst") else file.read()
        assert data == b"".join(b"%d\n" % number for number in range(lines))
    assert everything(tmp_path) == [name]


@pytest.mark.parametrize("name", ["out.jsonl", "out.jsonl.zst"])
@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_failure_leaves_what_was_there(tmp_path: Path, name: str, error: type[BaseException]) -> None:
    path = tmp_path / name
    path.write_bytes(b"old")

    def write_and_fail() -> None:
        with open_output(str(path)) as out:
            out.write(b"new")
            raise error

    with pytest.raises(error):
        write_and_fail()
    assert path.read_bytes() == b"old"
    assert everything(tmp_path) == [name]


def test_modes_and_links_are_kept(tmp_path: Path) -> None:
    target, link, fresh = tmp_path / "target", tmp_path / "link", tmp_path / "fresh"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to("target")
    for path in (link, fresh):
        with open_output(str(path)) as out:
            out.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert target.stat().st_mode & 0o777 == 0o640
    mask = os.umask(0)
    os.umask(mask)
    assert fresh.stat().st_mode & 0o777 == 0o666 & ~mask


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    with open_output(os.devnull) as out:
        out.write(b"x")
    assert not os.path.isfile(os.devnull)
    with pytest.raises(TraceError, match="cannot write '/nowhere/x': no such file"), open_output("/nowhere/x"):
        pass
    with pytest.raises(TraceError, match="is a directory"), open_output(str(tmp_path)):
        pass


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_disk_is_named() -> None:
    with pytest.raises(TraceError, match="cannot write '/dev/full': no space left"), open_output("/dev/full") as out:
        out.write(b"x" * 100_000)


@pytest.mark.parametrize("argument", ["None", "'-'"])
def test_a_reader_that_leaves_ends_it_quietly(argument: str) -> None:
    program = f"""
from gittrace.export.write import open_output
with open_output({argument}) as out:
    for number in range(10**6):
        out.write(b'%d\\n' % number)
"""
    command = f'"{sys.executable}" -c "$PROGRAM"; echo $? >&2'
    env = os.environ | {"PROGRAM": program, "PYTHONPATH": str(PACKAGE_ROOT)}
    done = subprocess.run(["sh", "-c", f"({command}) | head -1"], env=env, capture_output=True, timeout=60)
    assert (done.stdout, done.stderr) == (b"0\n", b"0\n")
