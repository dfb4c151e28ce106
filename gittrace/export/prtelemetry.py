"""Write traces in the PRTelemetryTrace schema, one a line.

Every event is there, whatever its kind: what the schema has no field for is in its metadata, under its own name.
"""

from collections.abc import Iterator
from typing import Any

from gittrace import vocabulary as v
from gittrace.export.text import command_line, joined_diff, plain, whole_ms
from gittrace.model import prtelemetry as pr
from gittrace.model.trace import EventDict, Outcome, RepoFacts, Segment, Trace
from gittrace.text import clean

RECORD = pr.PRTelemetryTrace

_OWN_FIELDS = frozenset(("id", "at", "command", "stdout", "reasoning", "diff", "effect", "exit_code", "duration_ms"))
_TEXT_IS_REASONING = (v.PROMPT, v.NOTE)


def lines(trace: Trace, outcome: Outcome, facts: RepoFacts) -> Iterator[str]:
    """Yield the trace as a line, without a line feed."""
    yield document(trace, outcome, facts).to_line()


def document(trace: Trace, outcome: Outcome, facts: RepoFacts) -> pr.PRTelemetryTrace:
    """Return a trace that has at least one segment.

    An event's diff leads from the end of the event before it to its own end. A session's first event is its start:
    its diff leads from the base commit to the worktree as it was.
    """
    header = trace.sessions[0].header
    branch = header.get("branch") or facts.branch
    events = []
    seen: set[str] = set()
    for segment in trace.segments:
        if segment.session_id not in seen:
            seen.add(segment.session_id)
            events.append(_event(segment.header, segment))
        events += [_event(event, segment) for event in segment.events]
    return pr.PRTelemetryTrace(
        trace_id=trace.id,
        developer_id=header.get("developer_id"),
        repo=pr.Repo(
            name=facts.owner_repo or "",
            working_commit=trace.base.get("commit"),
            branch=clean(branch) if branch else None,
        ),
        events=events,
    )


def _event(event: EventDict, segment: Segment) -> pr.Event:
    kind = event["kind"]
    reasoning, stdout = event.get("reasoning") or "", event.get("stdout") or ""
    shown = set(_OWN_FIELDS)
    if kind in _TEXT_IS_REASONING:
        reasoning = event.get("text") or ""
        shown.add("text")
    elif kind == v.REPLY:
        stdout = event.get("text") or ""
        shown.add("text")
    metadata: dict[str, Any] = {"duration_ms": whole_ms(event), "exit_code": event.get("exit_code")}
    metadata |= plain({key: value for key, value in event.items() if key not in shown and value is not None})
    metadata["session_id"] = segment.session_id
    if event.get("diff") and event.get("effect"):
        # the two can't be told apart in the schema's one diff
        metadata["diff_length"] = len(clean(event["diff"]))
    results = event.get("results")
    return pr.Event(
        event_id=event["id"],
        timestamp=event["at"],
        data=pr.EventData(
            command=_command(event),
            diff=joined_diff(event),
            stdout=clean(stdout),
            reasoning=clean(reasoning),
            results=pr.Results(passed=results.get("passed"), failed=results.get("failed")) if results else None,
            metadata=pr.EventMetadata.model_validate(metadata),
        ),
    )


def _command(event: EventDict) -> str:
    kind = event["kind"]
    if kind == v.COMMAND:
        return command_line(event)
    if kind == v.COMMIT:
        return "git commit"
    if kind == v.REWRITE:
        return "git commit --amend" if event.get("cause") == "amend" else f"git {event.get('cause') or 'rebase'}"
    if kind == v.EDIT:
        return clean(f"{event.get('tool') or 'edit'} {event.get('path') or ''}".rstrip())
    return ""
