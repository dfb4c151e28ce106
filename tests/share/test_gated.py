"""The gate in a process of its own can say that all may leave, and nothing else."""

import os
import signal
from pathlib import Path

import pytest

from gittrace.clock import now, uuid4, uuid7
from gittrace.errors import TraceError
from gittrace.journal.append import dump
from gittrace.model.segment import SegmentLine, encode, parse_note
from gittrace.share.gated import Beside, gate_of
from gittrace.trace.upkeep import gate as gates
from tests.share.conftest import push, recorded
from tests.share.support import Server
from tests.support.recording import Recording

_SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def _segment(text: str) -> SegmentLine:
    trace, session = uuid4(), uuid4()
    header = {"kind": "session", "id": uuid7(), "at": now(), "trace_id": trace, "session_id": session, "index": 0}
    event = {"kind": "note", "id": uuid7(), "at": now(), "source": "test", "text": text}
    (line,) = parse_note(f"{encode(trace, session, 0, dump(header) + dump(event))}\n".encode()).segments
    return line


@pytest.fixture
def only_beside(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gate fail where it is asked in this process."""

    def failing(*_: object) -> None:
        raise TraceError("asked here")

    monkeypatch.setattr(gates, "check", failing)


@pytest.mark.usefixtures("only_beside")
def test_what_it_lets_out_is_not_asked_for_again(work: Recording) -> None:
    lines = [_segment(f"clean {number}") for number in range(200)]
    beside = Beside(work.here)
    assert gate_of(work.here, beside)(lines) == (set(lines), {})
    with pytest.raises(TraceError, match="asked here"):
        gate_of(work.here, beside)(lines)
    beside.close()


def test_what_it_holds_back_is_told_here(work: Recording) -> None:
    clean, dirty = _segment("clean"), _segment(f"it is {_SECRET}")
    beside = Beside(work.here)
    passed, held = gate_of(work.here, beside)([clean, dirty])
    assert passed == {clean}
    assert "github-token" in str(held[dirty])


@pytest.mark.parametrize("text", ["clean", f"it is {_SECRET}"])
def test_where_it_is_killed_the_gate_is_asked_here(work: Recording, text: str) -> None:
    line = _segment(text)
    beside = Beside(work.here)
    os.kill(beside._child, signal.SIGKILL)
    passed, held = gate_of(work.here, beside)([line])
    assert (passed, list(held)) == (({line}, []) if text == "clean" else (set(), [line]))


def test_where_it_fails_so_does_the_gate(work: Recording) -> None:
    work.git("config", "trace.redact.rules", "not/there.toml")
    work.here.forget_config()
    beside = Beside(work.here)
    with pytest.raises(TraceError, match=r"not/there\.toml"):
        gate_of(work.here, beside)([_segment("clean")])


def test_nobody_is_left_behind(work: Recording) -> None:
    beside = Beside(work.here)
    child = beside._child
    beside.close()
    beside.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(child, 0)
    assert not beside.lets_out([])


@pytest.mark.usefixtures("only_beside")
def test_publishing_asks_it(work: Recording, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    oid = recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "HEAD")
    assert push(work).segments == 2
    assert set(server.segments()) == {oid}
    assert Path(work.here.common_trace_dir, "cache", "gate.sqlite").exists()

    def never(_: object) -> None:
        raise AssertionError

    # nothing is new, so none is started
    monkeypatch.setattr("gittrace.share.publish.Beside", never)
    assert push(work).segments == 0
