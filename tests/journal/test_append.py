"""Appending to a journal: whole lines or none, whoever else writes and whatever runs out."""

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.journal.append import Journal, dump
from gittrace.journal.read import read
from tests.support.repo import PACKAGE_ROOT

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
# what os.fsdecode makes of names that are not UTF-8
surrogates = st.text(
    st.characters(min_codepoint=0xDC80, max_codepoint=0xDCFF) | st.characters(exclude_categories=["Cs"])
)


@given(st.dictionaries(st.text(), json_values | surrogates, max_size=4))
def test_a_line_is_one_line_and_gives_the_event_back(event: dict[str, object]) -> None:
    line = dump(event)
    assert json.loads(line) == event
    assert line.endswith(b"\n")
    assert len(line.decode("utf-8").splitlines()) == 1


def test_what_no_reader_could_bear_is_refused() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        dump({"x": float("nan")})


def test_a_torn_line_stays_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(b'{"kind":"command","id":"1","at":"2026-01-01T00:00:00Z"}\n{"kind":"comm')
    with Journal(str(path)) as journal:
        journal.append({"kind": "command", "id": "2", "at": "2026-01-01T00:00:00Z"})
    found = read(str(path))
    assert [event["id"] for event in found.events] == ["1", "2"]
    assert len(found.damaged) == 1


def writer(path: str, name: str, count: int) -> None:
    """Append lines of all sizes in a process of its own."""
    for number in range(count):
        with Journal(path) as journal:
            journal.append(
                {
                    "kind": "note",
                    "id": f"{name}-{number}",
                    "at": "2026-01-01T00:00:00Z",
                    "text": name * (number * 997 % 70_000),
                }
            )


def test_many_writers_and_hooks(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.touch()
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=writer, args=(str(path), name, 60)) for name in "abc"]
    hook = 'i=0; while [ $i -lt 200 ]; do printf \'\\n{"kind":"hook","hook":"%s"}\\n\' $i >>"$1"; i=$((i+1)); done'
    for process in processes:
        process.start()
    hooks = [subprocess.Popen(["sh", "-c", hook, "sh", str(path)]) for _ in range(2)]
    for process in processes:
        process.join()
        assert process.exitcode == 0
    assert [process.wait() for process in hooks] == [0, 0]
    found = read(str(path))
    assert found.damaged == []
    assert len(found.marks) == 400
    for name in "abc":
        mine = [event for event in found.events if event["id"].startswith(name)]
        assert [event["id"] for event in mine] == [f"{name}-{number}" for number in range(60)]
        assert all(event["text"] == name * (number * 997 % 70_000) for number, event in enumerate(mine))


_APPEND = f"""
import sys
sys.path.insert(0, {str(PACKAGE_ROOT)!r})
from gittrace.journal.append import Journal
with Journal(sys.argv[1]) as journal:
    try:
        journal.append({{"kind": "note", "id": "big", "at": "2026-01-01T00:00:00Z", "text": "x" * 100_000}})
    except OSError as error:
        print(error.errno)
    journal.append({{"kind": "note", "id": "small", "at": "2026-01-01T00:00:00Z"}})
"""


def ids(path: Path) -> list[str]:
    """Return the ids of the events, none of which may be damaged."""
    found = read(str(path))
    assert found.damaged == []
    return [event["id"] for event in found.events]


def test_a_file_that_may_not_grow(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    path.write_bytes(dump({"kind": "note", "id": "first", "at": "2026-01-01T00:00:00Z"}))

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    done = subprocess.run([sys.executable, "-c", _APPEND, str(path)], preexec_fn=limit, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(27)), done.stderr
    assert ids(path) == ["first", "small"]


@pytest.fixture
def full_disk(tmp_path: Path) -> object:
    """A file system with room for a few pages."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if (
        os.geteuid()
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", folder], capture_output=True).returncode
    ):
        pytest.skip("needs leave to mount")
    yield folder
    subprocess.run(["umount", folder], check=True)


def test_a_disk_that_is_full(full_disk: Path) -> None:
    path = full_disk / "journal"
    path.write_bytes(dump({"kind": "note", "id": "first", "at": "2026-01-01T00:00:00Z"}))
    done = subprocess.run([sys.executable, "-c", _APPEND, str(path)], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, str(28)), done.stderr
    assert ids(path) == ["first", "small"]
