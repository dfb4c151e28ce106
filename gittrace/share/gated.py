"""The gate at the exit (`gittrace.trace.upkeep.gate`), as publishing asks it."""

import marshal
import os
import signal
from collections.abc import Sequence
from contextlib import closing
from typing import NoReturn

from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine
from gittrace.share.plan import Gate


class Beside:
    """The gate in a process of its own: it gets ready while this one finds out what is to be published.

    All that it can say is that everything may leave. Whatever else becomes of it, the gate is asked here.
    """

    def __init__(self, repo: Repository) -> None:
        reading, self._writing = os.pipe()
        try:
            self._child = os.fork()
        except BaseException:
            os.close(reading)
            os.close(self._writing)
            raise
        if self._child == 0:
            os.close(self._writing)
            _scan(repo, reading)
        os.close(reading)

    def lets_out(self, lines: Sequence[SegmentLine]) -> bool:
        """Tell whether all of some segments may leave; it can be asked once."""
        if not self._child:
            return False
        rows = [(line.trace_id, line.session_id, line.index, line.sha256, line.payload) for line in lines]
        try:
            with os.fdopen(self._writing, "wb") as file:
                marshal.dump(rows, file)
        except BrokenPipeError:
            # it was killed
            pass
        child, self._child = self._child, 0
        return os.waitpid(child, 0)[1] == 0

    def close(self) -> None:
        """Have it end, if it was not asked."""
        child, self._child = self._child, 0
        if child:
            os.close(self._writing)
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def _scan(repo: Repository, reading: int) -> NoReturn:
    """End with 0 if all may leave that is to be read; what this process has open is neither touched nor closed."""
    status = 1
    try:
        from gittrace.trace.upkeep import gate

        with os.fdopen(reading, "rb") as file, closing(gate.Gate(repo)) as ready:
            rows = marshal.load(file)  # noqa: S302 - our own
            if not ready.verdict([SegmentLine(*row) for row in rows]).held:
                status = 0
    finally:
        # not the end of the caller's process: nothing of it is cleaned up twice
        os._exit(status)


def gate_of(repo: Repository, beside: Beside | None = None) -> Gate:
    """Return the gate of a repository: what was not scanned by the rules of today is scanned when it is asked."""

    def gate(lines: list[SegmentLine]) -> tuple[set[SegmentLine], dict[SegmentLine, TraceError]]:
        if beside and beside.lets_out(lines):
            return set(lines), {}
        # loaded when something is to be published, and not when there is nothing new
        from gittrace.trace.upkeep.gate import check, explain

        verdict = check(repo, lines)
        return set(verdict.passed), {line: explain(line, found) for line, found in verdict.held}

    return gate


def as_before(held: list[dict[str, object]]) -> Gate:
    """Return a gate that scans nothing: what was held back the last time is held back."""
    errors = {
        (item["session_id"], item["index"], item["sha256"]): TraceError(str(item["why"]), str(item["hint"]))
        for item in held
    }

    def gate(lines: list[SegmentLine]) -> tuple[set[SegmentLine], dict[SegmentLine, TraceError]]:
        stopped = {line: errors[key] for line in lines if (key := (line.session_id, line.index, line.sha256)) in errors}
        return set(lines) - stopped.keys(), stopped

    return gate
