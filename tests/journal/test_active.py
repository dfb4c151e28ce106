"""The active session of a worktree, and how far its reflog was read."""

import os
from pathlib import Path

import pytest

from gittrace.errors import Damaged, SessionActive
from gittrace.journal.active import activate, active_session, deactivate
from gittrace.journal.position import is_news, load_position, log_size, save_position

SESSION = "0d2f0a6e-51a5-4d2b-9a53-5b8c1c9b3f60"
OTHER = "1d2f0a6e-51a5-4d2b-9a53-5b8c1c9b3f60"
TRACE = "8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00"


def test_one_session_a_worktree(tmp_path: Path) -> None:
    here = str(tmp_path)
    assert active_session(here, here) is None
    activate(here, SESSION, TRACE)
    with pytest.raises(SessionActive):
        activate(here, OTHER, TRACE)
    found = active_session(here, here)
    assert found
    assert (found.session_id, found.trace_id) == (SESSION, TRACE)
    assert found.journal == f"{here}/sessions/{SESSION}.jsonl"
    assert os.listdir(here) == ["active"]
    deactivate(here)
    deactivate(here)
    assert active_session(here, here) is None


@pytest.mark.parametrize(
    "data", [b"", b"\0\0", f"{SESSION}\n".encode(), b"../../x y", f"{SESSION} {'z' * 36}".encode()]
)
def test_a_file_that_says_nothing(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "active").write_bytes(data)
    with pytest.raises(Damaged, match="holds no session and trace id"):
        active_session(str(tmp_path), str(tmp_path))


@pytest.mark.parametrize("prints", [[], ["a 1 x"], ["line\nfeed \udcff", "", "c"]])
def test_positions(tmp_path: Path, prints: list[str]) -> None:
    here = str(tmp_path)
    assert load_position(here) == (None, [])
    save_position(here, "1" * 40, prints, "7")
    assert load_position(here) == ("1" * 40, prints)
    save_position(here, None, prints, "")
    assert load_position(here) == (None, prints)


def test_news(tmp_path: Path) -> None:
    trace_dir = tmp_path / "trace"
    trace_dir.mkdir()
    here = str(trace_dir)
    save_position(here, "1" * 40, [], log_size(here))
    assert not is_news(here, "1" * 40)
    assert is_news(here, "2" * 40)
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs/HEAD").write_text("there and back again\n")
    assert is_news(here, "1" * 40)
