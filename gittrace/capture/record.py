"""Record one command: a snapshot before, the command under its terminal, a snapshot after, a line in the journal.

Only the standard library is loaded before the command has started. What fails here is told on standard error at the
end and never keeps the command from running, or changes how it ends.
"""

import _thread
import os
import sys

from gittrace.capture.supervisor import run
from gittrace.clock import now, uuid7
from gittrace.errors import TraceError, told
from gittrace.git import hidden, snapshot
from gittrace.git.garbage import Signs, signs
from gittrace.git.process import scrubbed_environment
from gittrace.git.repository import Repository
from gittrace.journal.active import Active
from gittrace.journal.position import is_news, log_size
from gittrace.journal.running import Running, announce, withdraw
from gittrace.vocabulary import ACTIVE_FILE, COMMAND, HOOKS_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from gittrace.capture.masking import MaskedOutput
    from gittrace.capture.output import Output
    from gittrace.capture.worker import Result
    from gittrace.journal.append import Journal

_RECORDED_FILE = "recorded"


class Recorder:
    """The recording of one command in the active session of a worktree."""

    def __init__(self, repo: Repository, active: Active, argv: "list[str]", reasoning: "str | None") -> None:
        self.repo = repo
        self.active = active
        self.argv = argv
        self.reasoning = reasoning
        self.event_id = uuid7()
        self.before: snapshot.Snapshot | None = None
        self.after: snapshot.Snapshot | None = None
        self.running: Running | None = None
        # of the journal, when the command began
        self.journaled = 0
        self.has_commits = False
        # the blob of the whole output, empty when there is none; None until the objects are safe
        self.kept: str | None = None
        # whether what the command began on is in the trace's ref
        self.is_safe = False
        self.problems: list[str] = []
        # an output that is kept whole, as it was masked
        self.masked: MaskedOutput | None = None
        self._protecting = _thread.allocate_lock()

    def run(self) -> int:
        """Run the command, record it, and return its exit status, or minus the signal that ended it."""
        self._try(self._before)
        return run(
            self.argv,
            began=self._began,
            ended=self._ended,
            failed=self._failed,
            spool_dir=self.repo.trace_dir,
        )

    def _try(self, step: "Callable[[], None]") -> None:
        try:
            step()
        except (TraceError, OSError) as error:
            if told(error) not in self.problems:
                self.problems.append(told(error))

    def _failed(self, error: Exception) -> None:
        sys.stderr.write(f"warning: not recorded: {type(error).__name__}: {error}\n")

    def _before(self) -> None:
        self.before = snapshot.take(self.repo)
        self.journaled = os.stat(self.active.journal).st_size
        log = log_size(self.repo.trace_dir)
        self.running = Running(self.event_id, self.before.head, self.before.tree, log)
        announce(self.repo.trace_dir, self.running)

    def _began(self) -> None:
        """Make what the command is running on safe from gc, while it runs."""
        if os.isatty(1):
            _thread.start_new_thread(_load_screen, ())
        self._protecting.acquire()
        try:
            _thread.start_new_thread(self._protect_before, ())
        except RuntimeError:  # no thread is to be had
            self._protect_before()

    def _protect_before(self) -> None:
        try:
            if self.before:
                self._try(self._keep_before)
            _load_record()
        finally:
            self._protecting.release()

    def _keep_before(self) -> None:
        assert self.before
        self._protect([self.before.tree], {}, self.repo.signs)
        self.is_safe = True

    def _protect(self, trees: "list[str]", outputs: "dict[str, str]", since: Signs) -> None:
        path = os.path.join(self.repo.trace_dir, _RECORDED_FILE)
        known = f"{self.active.trace_id} {trees[-1] if trees else ''}"
        if not outputs and len(set(trees)) == 1:
            try:
                with open(path, encoding="utf-8", errors="replace") as file:
                    if file.read() == known:
                        return
            except FileNotFoundError:
                pass  # nothing recorded yet
        hidden.update(self.repo, self.active.trace_id, trees, outputs, since=since)
        if trees:
            with open(path, "w", encoding="utf-8") as file:
                file.write(known)

    def _ended(self, result: "Result") -> None:
        self._try(lambda: self._record(result))
        self._try(lambda: withdraw(self.repo.trace_dir, self.event_id))
        self._try(self._seal)
        for problem in self.problems:
            sys.stderr.write(f"warning: not fully recorded: {problem}\n")

    def _after(self) -> None:
        self.after = snapshot.take(self.repo)

    def _record(self, result: "Result") -> None:
        if not os.path.exists(self.active.journal):
            self.problems.append("its session was forgotten meanwhile")
            return
        since = signs(self.repo.common_dir)
        # where the objects can't be written, a disk being full, the line in the journal often still can
        self._try(self._after)
        self._protecting.acquire()
        from gittrace.capture.lines import bounded
        from gittrace.journal.append import Journal
        from gittrace.protect.masking import masked_early
        from gittrace.text import clean, quoted

        output = result.output
        limit = self.repo.size("trace.maxOutput")
        # the command itself may have brought packs, or collected garbage
        since = since if self.is_safe else self.repo.signs
        self._try(lambda: self._protect_all(output, limit, since))
        before, after = self.before, self.after
        seen = before or after
        shown = self.masked or output
        event: dict[str, object] = {
            "kind": COMMAND,
            "id": self.event_id,
            "at": now(result.began_ns),
            "head": seen.head if seen else None,
            "branch": seen.branch if seen else None,
            "source": "run",
            "command": clean(quoted(self.argv)),
            "argv": [clean(word) for word in self.argv],
            "cwd": clean(os.path.relpath(os.getcwd(), os.path.realpath(self.repo.top))),
            "tree": before.tree if before and self.kept is not None else None,
            "tree_after": after.tree if after and self.kept is not None else None,
            "stdout": bounded(*_cut(shown.head, shown.tail, shown.total, limit), shown.total),
            "stdout_bytes": output.total,
            "output": self.kept or None,
            "exit_code": result.exit_code,
            "signal": result.signal,
            "duration_ms": result.duration_ns // 1000 / 1000,
            "reasoning": clean(self.reasoning) if self.reasoning else None,
            "skipped": (after.skipped if after else None) or None,
        }
        event = masked_early(
            self.repo, {key: value for key, value in event.items() if value is not None or key == "head"}
        )
        with Journal(self.active.journal) as journal:
            self._append(journal, event)
            if not self._is_active():
                from gittrace.trace.recording.progress import reopen

                reopen(self.repo.common_trace_dir, self.active.session_id)

    def _is_active(self) -> bool:
        """Tell whether the session goes on: the worktree may have another one by now."""
        try:
            with open(os.path.join(self.repo.trace_dir, ACTIVE_FILE), encoding="utf-8", errors="replace") as file:
                return file.read().startswith(self.active.session_id)
        except FileNotFoundError:
            return False

    def _append(self, journal: "Journal", event: "dict[str, object]") -> None:
        """Write the event, and what HEAD did since it was last looked at."""
        running, after = self.running, self.after
        batch = None
        if running and after:
            moved = after.head != running.head
            if moved:
                event["head_after"] = after.head
            if moved or log_size(self.repo.trace_dir) != running.log or is_news(self.repo.trace_dir, after.head):
                from gittrace.trace.recording.commits import recorded

                try:
                    batch = recorded(self.repo, self.active, event, running, after, self.journaled)
                except (TraceError, OSError) as error:  # then the commits are found by whoever comes next
                    self.problems.append(told(error))
        if batch is None:
            journal.append(event)
            return
        journal.extend(batch.events)
        batch.save()
        self.has_commits = batch.has_commits

    def _seal(self) -> None:
        """Start the sealer, which the hooks of commits that the command made left to us."""
        script = os.path.join(self.repo.common_trace_dir, HOOKS_DIR, "seal")
        if self.has_commits and os.path.exists(script):
            env = scrubbed_environment({"GIT_DIR": self.repo.git_dir, "GIT_WORK_TREE": self.repo.top})
            os.waitpid(os.posix_spawnp("sh", ("sh", "-c", 'cd "$1" && . "$0"', script, self.repo.top), env), 0)

    def _protect_all(self, output: "Output", limit: int, since: Signs) -> None:
        """Make both trees and an output that the journal holds cut reachable; until then `kept` is None."""
        outputs = self._keep(output) if output.total > limit else {}
        self._protect([seen.tree for seen in (self.before, self.after) if seen], outputs, since)
        self.kept = outputs.get(self.event_id, "")

    def _keep(self, output: "Output") -> "dict[str, str]":
        """Store a whole output as a zstd blob; return its name and oid."""
        if output.spool is None and not output.is_whole:
            self.problems.append(output.lost)
            return {}
        import zstandard

        from gittrace.capture.masking import MaskedOutput

        packed = os.path.join(self.repo.trace_dir, f"{self.event_id}.zst")
        try:
            masked = MaskedOutput(self.repo)
            with open(packed, "wb") as file:
                packer = zstandard.ZstdCompressor(level=3, write_checksum=True)
                with packer.stream_writer(file, closefd=False) as writer:
                    for chunk in masked.through(output.chunks()):
                        writer.write(chunk)
            oid = self.repo.line("hash-object", "-w", "--no-filters", packed)
        except TraceError as error:  # nothing is stored unmasked
            self.problems.append(f"cannot keep the whole output: {told(error)}")
            return {}
        finally:
            if os.path.exists(packed):
                os.unlink(packed)
        self.masked = masked
        return {self.event_id: oid}


def _load_screen() -> None:
    """Import what an output with colours will need: however short the command, git looks at the worktree meanwhile."""
    import gittrace.capture.screen  # noqa: F401


def _load_record() -> None:
    """Import what the line in the journal will need, likewise."""
    import gittrace.capture.lines
    import gittrace.journal.append
    import gittrace.protect.masking  # noqa: F401


def _cut(head: bytes, tail: bytes, total: int, limit: int) -> "tuple[bytes, bytes]":
    """Return the first and last bytes of an output, `limit` in all."""
    if total <= limit:
        return head, tail
    half = limit // 2
    if total <= len(head) + len(tail):
        head, tail = head + tail, head + tail
    return head[:half], tail[len(tail) - half :]
