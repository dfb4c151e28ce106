"""Commands that are being recorded."""

import os
from pathlib import Path

from gittrace.journal.running import Running, announce, live, withdraw


def _recorder(trace_dir: str, event_id: str, head: str | None, tree: str) -> tuple[int, int]:
    """Announce in a child; return its pid and a descriptor whose closing ends it."""
    wait, end = os.pipe()
    told, tell = os.pipe()
    pid = os.fork()
    if not pid:
        os.close(end)
        announce(trace_dir, Running(event_id, head, tree, "12"))
        os.write(tell, b".")
        os.read(wait, 1)
        os._exit(0)
    os.read(told, 1)
    for fd in (wait, told, tell):
        os.close(fd)
    return pid, end


def test_in_the_order_in_which_they_began_and_only_while_they_live(tmp_path: Path) -> None:
    """A recorder that died is forgotten, and its file removed."""
    second = _recorder(str(tmp_path), "02", None, "t2")
    first = _recorder(str(tmp_path), "01", "h1", "t1")
    assert [(found.event_id, found.head, found.tree, found.log) for found in live(str(tmp_path))] == [
        ("01", "h1", "t1", "12"),
        ("02", None, "t2", "12"),
    ]
    os.close(first[1])
    os.waitpid(first[0], 0)
    assert [found.tree for found in live(str(tmp_path))] == ["t2"]
    assert os.listdir(tmp_path) == ["running.02"]
    os.close(second[1])
    os.waitpid(second[0], 0)


def test_one_that_was_withdrawn_is_gone(tmp_path: Path) -> None:
    """Also when it never was there."""
    pid, end = _recorder(str(tmp_path), "01", "h", "t")
    withdraw(str(tmp_path), "01")
    withdraw(str(tmp_path), "01")
    assert live(str(tmp_path)) == []
    os.close(end)
    os.waitpid(pid, 0)
