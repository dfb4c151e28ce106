"""Find out what became of traces in a second process, while the first one does something else.

What the second one finds out it leaves in the cache, where the first one looks for it: if it dies, or can't write
there, nothing is missing but time. It is a python of its own, since no open database may be shared with a fork.
"""

import os
import signal
import sys
from collections.abc import Iterable
from types import TracebackType
from typing import Self

from gittrace.errors import TraceError
from gittrace.git.process import Coprocess
from gittrace.git.repository import discover
from gittrace.trace.history.outcome import Historian
from gittrace.trace.stored.store import Store

# traces that are worth a second process
_MANY = 20


class Beside:
    """The second process, from when many traces are to be settled until it is left."""

    def __init__(self) -> None:
        self._process: Coprocess | None = None
        self._historian: Historian | None = None
        self._waiting: set[str] = set()

    def settle(self, historian: Historian, traces: Iterable[str]) -> None:
        """Begin to find out what became of traces, in this order, and let go of what was read before."""
        missing = historian.unsettled(traces)
        several = (os.cpu_count() or 1) > 1 and sys.executable and historian.is_shared
        if not several or len(missing) < _MANY:
            historian.settle(missing)
            return
        historian.settle(())
        # nothing is looked for where the caller would not: not in the user's repository, for one
        code = f"import sys; sys.path[:] = {sys.path!r}; from {__name__} import work; work()"
        self._process = Coprocess([sys.executable, "-I", "-c", code], os.environ)
        self._historian = historian
        self._waiting = set(missing)
        try:
            self._process.write(f"{' '.join(missing)}\n".encode())
        except TraceError:
            self._waiting.clear()

    def wait(self, trace: str | None = None) -> None:
        """Wait until it has found out what became of a trace, or of all that it was asked; no longer than it lives."""
        asked = trace in self._waiting
        while self._process and (trace in self._waiting if trace else self._waiting):
            try:
                self._waiting.discard(self._process.readline().decode())
            except TraceError:
                self._waiting.clear()
        # a full disk, or the repository is not as it was: whoever asks finds out himself, and not each thing twice
        if trace and asked and self._historian and self._historian.unsettled((trace,)):
            self._end()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        process, self._process = self._process, None
        if process:
            # not killed: it has to clear away what it has in the temporary directory
            if self._waiting:
                os.kill(process.pid, signal.SIGINT)
            process.close()


def work() -> None:
    """Settle the traces that the first line of standard input names, and print each; without a reader it ends."""
    traces = sys.stdin.readline().split()
    store = Store(discover())
    try:
        historian = Historian(store, ())
        for trace in traces:
            historian.fate(trace)
            print(trace, flush=True)
    except (BrokenPipeError, KeyboardInterrupt):
        # it may come twice, from the terminal and from the caller
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        # what is left in the buffer would be a complaint at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    finally:
        store.close()
