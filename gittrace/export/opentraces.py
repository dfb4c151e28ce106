"""Write traces as records of the opentraces schema 0.3.0, one a line."""

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from gittrace import __version__
from gittrace.export.attribution import attribution
from gittrace.export.signals import signals
from gittrace.export.steps import Steps
from gittrace.export.text import cap, plain
from gittrace.model import opentraces as ot
from gittrace.model.trace import HUMAN, EventDict, Link, Outcome, RepoFacts, Session, Trace
from gittrace.protect.found import PLACEHOLDER
from gittrace.text import clean
from gittrace.vocabulary import PROMPT

RECORD = ot.TraceRecord
# its records say who wrote the lines of `outcome.commit_sha`
ATTRIBUTION = True

_DIVERGENT_OR_BETTER = ("tool_emitted", "tool_emitted_with_divergence")


def lines(trace: Trace, outcome: Outcome, facts: RepoFacts) -> Iterator[str]:
    """Yield the trace's record as a line, without a line feed."""
    yield record(trace, outcome, facts).to_line()


def record(trace: Trace, outcome: Outcome, facts: RepoFacts) -> ot.TraceRecord:
    """Return the record of a trace that has at least one segment; `content_hash` is set when it is written."""
    steps = Steps({link.commit: link.subject for link in outcome.links}, signals(trace))
    for session in trace.sessions:
        steps.add_session(session)
    return ot.TraceRecord(
        trace_id=trace.id,
        session_id=trace.sessions[0].id,
        timestamp_start=trace.started,
        timestamp_end=trace.ended,
        execution_context="devtime",
        task=_task(trace, facts),
        agent=_agent(trace),
        environment=_environment(trace, facts, steps.languages),
        system_prompts=steps.system_prompts,
        tool_definitions=steps.tools,
        steps=steps.steps,
        outcome=_outcome(trace, outcome),
        dependencies=sorted({clean(str(name)) for name in _gathered(trace, "dependencies")}),
        metrics=_metrics(trace, steps),
        security=_security(trace, facts),
        attribution=attribution(trace, outcome.attribution, steps.of_event) if outcome.attribution else None,
        lifecycle=_lifecycle(trace, outcome, steps.changed),
        generation_index=facts.generation,
        git_links=[_git_link(link, facts) for link in outcome.links],
        metadata=_metadata(trace, outcome, facts, steps),
    )


def _task(trace: Trace, facts: RepoFacts) -> ot.Task:
    description, source = trace.title or None, "cli_arg"
    if description is None:
        prompts = (event.get("text") for event in trace.events if event["kind"] == PROMPT)
        description, source = next(filter(None, prompts), None), "user_prompt"
    return ot.Task(
        description=cap(clean(description), ot.MAX_DESCRIPTION) if description else None,
        source=source if description else None,
        repository=facts.owner_repo,
        repository_url=facts.repo_url,
        base_commit=trace.base.get("commit"),
    )


def _security(trace: Trace, facts: RepoFacts) -> ot.SecurityMetadata:
    """Say what scanned the trace, and how many of the placeholders for secrets it holds."""
    events = (event for segment in trace.segments for event in (segment.header, *segment.events))
    masked = sum(len(PLACEHOLDER.findall(json.dumps(event).encode())) for event in events)
    return ot.SecurityMetadata(
        scanned=facts.scanned_by is not None, redactions_applied=masked, classifier_version=facts.scanned_by
    )


def _agent(trace: Trace) -> ot.Agent:
    """Name the first agent; where only people worked, `human`."""
    agent = next((agent for agent in trace.agents if agent["name"] != HUMAN), {"name": HUMAN})
    return ot.Agent.model_validate({key: agent.get(key) for key in ("name", "version", "model")})


def _gathered(trace: Trace, name: str) -> list[Any]:
    """Return what the sessions' environments list under `name`, in order."""
    found: list[Any] = []
    for session in trace.sessions:
        values = (session.header.get("environment") or {}).get(name) or []
        found += [value for value in values if value not in found]
    return found


def _environment(trace: Trace, facts: RepoFacts, languages: set[str]) -> ot.Environment:
    header = trace.sessions[0].header
    known = header.get("environment") or {}
    branch = header.get("branch") or facts.branch
    return ot.Environment(
        os=known.get("os"),
        shell=known.get("shell"),
        vcs=ot.VCS(
            type="git",
            base_commit=trace.base.get("commit"),
            branch=clean(branch) if branch else None,
            diff=clean(header["diff"]) if header.get("diff") else None,
        ),
        language_ecosystem=sorted({str(name) for name in _gathered(trace, "language_ecosystem")} | languages),
    )


def _outcome(trace: Trace, outcome: Outcome) -> ot.Outcome:
    reason = (trace.stop or {}).get("reason")
    return ot.Outcome(
        success=outcome.success,
        signal_source=outcome.success_source,
        signal_confidence=outcome.confidence,
        description=clean(reason) if reason else None,
        patch=clean(outcome.patch) if outcome.patch else None,
        committed=outcome.committed,
        commit_sha=outcome.commit_sha,
        terminal_state=outcome.terminal_state,
    )


def _metrics(trace: Trace, steps: Steps) -> ot.Metrics:
    """Sum up; the duration is that of the sessions, without the time between them."""
    usage = [step.token_usage for step in steps.steps]
    read, written = sum(u.cache_read_tokens for u in usage), sum(u.cache_write_tokens for u in usage)
    asked = sum(u.input_tokens for u in usage) + read + written
    costs = [meta["cost_usd"] for meta in steps.meta if "cost_usd" in meta]
    return ot.Metrics(
        total_steps=len(steps.steps),
        total_input_tokens=sum(u.input_tokens for u in usage),
        total_output_tokens=sum(u.output_tokens for u in usage),
        total_cache_read_tokens=read,
        total_cache_creation_tokens=written,
        total_duration_s=round(sum(map(_duration, trace.sessions)), 6),
        cache_hit_rate=read / asked if asked else None,
        estimated_cost_usd=sum(costs) if costs else None,
    )


def _duration(session: Session) -> float:
    """Return the seconds from a session's start to the end of its last event."""
    began = datetime.fromisoformat(session.started).timestamp()
    ends = [
        datetime.fromisoformat(event["at"]).timestamp() + (event.get("duration_ms") or 0) / 1000
        for event in session.events
        if event.get("at")
    ]
    return max([began, *ends]) - began


def _lifecycle(trace: Trace, outcome: Outcome, changed: bool) -> Any:
    """`final` once a commit is linked, or when the trace has ended and changed nothing that could be committed."""
    linked = any(link.tier in _DIVERGENT_OR_BETTER for link in outcome.links)
    over = not trace.active and trace.stop is not None
    return "final" if linked or (over and not changed) else "provisional"


def _git_link(link: Link, facts: RepoFacts) -> ot.GitLink:
    return ot.GitLink(
        revision=link.commit,
        repo_url=facts.repo_url,
        branch=clean(link.branch) if link.branch else None,
        tier=link.tier,
        commit_reachable=link.reachable,
        content_alive=link.alive,
    )


def _metadata(trace: Trace, outcome: Outcome, facts: RepoFacts, steps: Steps) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "generator": {"name": "gittrace", "version": __version__},
        "sessions": [_session(session) for session in trace.sessions],
        "steps": steps.meta,
        "links": [_link(link) for link in outcome.links],
    }
    if outcome.fate:
        metadata["fate"] = plain(outcome.fate.as_json())
    if facts.head:
        metadata["head"] = facts.head
    if len(trace.agents) > 1:
        metadata["agents"] = plain(trace.agents)
    if steps.others:
        metadata["other_events"] = steps.others
    return metadata


def _session(session: Session) -> dict[str, Any]:
    header: EventDict = session.header
    names = ("title", "developer_id", "agent", "environment", "branch", "base", "tree", "diff_encoding", "diff_omitted")
    known = {name: header[name] for name in names if header.get(name) is not None}
    if header.get("diff"):
        known["diff"] = header["diff"]
    stop = session.stop
    if stop is not None:
        known["stop"] = {name: stop.get(name) for name in ("at", "success", "reason", "tree") if name in stop}
    segments = [
        {"index": segment.index, "sha256": segment.sha256, "commits": list(segment.commits)}
        for segment in session.segments
    ]
    start = {"session_id": session.id, "started": session.started, "ended": session.ended, "segments": segments}
    return start | dict(plain(known))


def _link(link: Link) -> dict[str, Any]:
    """What the schema has no field for."""
    known = {
        "revision": link.commit,
        "subject": link.subject,
        "time": link.time,
        "evidence": list(link.evidence),
        "share": link.share,
        "alive_share": link.alive_share,
        "reverted_by": list(link.reverted_by),
    }
    return {key: value for key, value in plain(known).items() if value not in (None, "", [])}
