"""The gate at the exit (`gittrace.trace.upkeep.gate`), as publishing asks it."""

from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine
from gittrace.share.plan import Gate


def gate_of(repo: Repository) -> Gate:
    """Return the gate of a repository: what was not scanned by the rules of today is scanned when it is asked."""

    def gate(lines: list[SegmentLine]) -> tuple[set[SegmentLine], dict[SegmentLine, TraceError]]:
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
