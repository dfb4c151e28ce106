"""Events become steps of the opentraces schema.

| event | step |
|---|---|
| command | agent step: an `edit` call {diff} when something changed before it, then a `bash` call {command, cwd} |
| edit | agent step, or part of the reply's: the agent's own tool call |
| prompt | user step |
| reply | agent step; the agent's commands and edits that follow are its tool calls |
| commit | agent step: a `bash` call `git commit`, unless a recorded command made the commit |
| rewrite | system step |
| stop | a step only when something changed before it |
| note | the reasoning of the step that it is about |

Of every event what the step does not show is in `metadata.steps[step_index].events`.
"""

import hashlib
import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from gittrace import vocabulary as v
from gittrace.export import patches
from gittrace.export.signals import REWRITTEN, Signals
from gittrace.export.text import cap, command_line, first_line, plain, shown_diff, verdict, whole_ms
from gittrace.model import opentraces as ot
from gittrace.model.trace import HUMAN, EventDict, Session
from gittrace.text import clean, counted

MAX_SNIPPETS = 50
"""Snippets a step has at most; `metadata.steps[i].snippets_left_out` counts the others."""

# sources by which people work; any other is the name of an agent
_PEOPLE = frozenset(("run", "shell", "git", "git-trace", None))

_SHOWN = frozenset(
    """
    command argv cwd stdout reasoning text tool input error diff diff_encoding diff_omitted usage model
    system_prompt tools
    """.split()
)


@dataclass
class Steps:
    """Steps in the making: `meta` runs parallel to `steps`; `of_event` gives the step of an event id."""

    subjects: Mapping[str, str]
    signals: Mapping[str, Signals]
    steps: list[ot.Step] = field(default_factory=list)
    meta: list[dict[str, Any]] = field(default_factory=list)
    of_event: dict[str, int] = field(default_factory=dict)
    system_prompts: dict[str, str] = field(default_factory=dict)
    tools: list[dict[str, Any]] = field(default_factory=list)
    others: list[dict[str, Any]] = field(default_factory=list)
    languages: set[str] = field(default_factory=set)
    changed: bool = False

    def add_session(self, session: Session) -> None:
        """Add the steps of a session."""
        self._session = session
        self._reply: tuple[int, EventDict] | None = None
        self._intervals = _intervals(session)
        self._awaiting: dict[str, list[EventDict]] = {}
        if text := session.header.get("system_prompt"):
            self.system_prompts.setdefault(prompt_hash(clean(text)), clean(text))
        for event in session.events:
            _HANDLERS.get(event["kind"], Steps._other)(self, event)

    def _actor(self, event: EventDict) -> EventDict:
        agent = event.get("agent")
        if isinstance(agent, Mapping) and agent.get("name"):
            return agent
        if event.get("source") not in _PEOPLE and self._session.agent["name"] == HUMAN:
            return {"name": event["source"]}
        return self._session.agent

    def _open(self, event: EventDict, role: str) -> ot.Step:
        step = ot.Step.model_validate(
            {"step_index": len(self.steps), "role": role, "timestamp": event.get("at"), "call_type": None}
        )
        if role == "agent":
            actor = self._actor(event)
            person = actor["name"] == HUMAN
            sub = event.get("agent_role") not in (None, "main")
            step.agent_role = str(event.get("agent_role") or (HUMAN if person else "main"))
            step.model = None if person else clean(event.get("model") or actor.get("model") or "") or None
            step.call_type = None if person else "subagent" if sub else "main"
            step.parent_step = self.of_event.get(str(event.get("parent"))) if sub else None
        self.steps.append(step)
        self.meta.append({"events": []})
        return step

    def _include(self, event: EventDict, step: ot.Step) -> dict[str, Any]:
        """Make an event part of a step, and return the step's metadata."""
        meta = self.meta[step.step_index]
        self.of_event[event["id"]] = step.step_index
        rest = {key: value for key, value in event.items() if key not in _SHOWN and value is not None}
        if text := rest.pop("effect", None):
            rest["effect"] = text
            self._seen(shown_diff(event, "effect"), step, meta)
        meta["events"].append(plain(rest))
        if own := self.signals.get(event["id"]):
            if own.tests:
                meta["tests"] = plain(own.tests)
            self._decides(meta, *own.decision_point)
            if own.reverted_later:
                meta["reverted_later"] = True
        if event.get("diff"):
            self._edit_call(event, step, meta)
        elif event.get("diff_omitted"):
            self._omitted_call(event, step)
        if event.get("diff_omitted") or event.get("effect_omitted"):
            self.changed = True
        return meta

    @staticmethod
    def _decides(meta: dict[str, Any], *reasons: str) -> None:
        for reason in reasons:
            if reason not in meta.setdefault("decision_point", []):
                meta["decision_point"].append(reason)

    def _seen(self, diff: str, step: ot.Step, meta: dict[str, Any]) -> patches.Summary:
        """Take snippets and languages from a diff to be read; return what it changed."""
        self.changed = True
        summary = patches.summarize(diff)
        for file in summary.files:
            language = patches.language(file.path)
            if language and language not in patches.MARKUP:
                self.languages.add(language)
            if file.rewritten:
                self._decides(meta, REWRITTEN)
            for hunk in file.hunks:
                if len(step.snippets) >= MAX_SNIPPETS:
                    meta["snippets_left_out"] = meta.get("snippets_left_out", 0) + 1
                    continue
                step.snippets.append(
                    ot.Snippet(
                        file_path=file.path,
                        start_line=hunk.start,
                        end_line=hunk.start + hunk.lines - 1,
                        language=language,
                        text=cap(hunk.text, ot.MAX_SNIPPET),
                        source_step=step.step_index,
                    )
                )
        return summary

    def _edit_call(self, event: EventDict, step: ot.Step, meta: dict[str, Any]) -> None:
        summary = str(self._seen(shown_diff(event, "diff"), step, meta))
        encoding = event.get("diff_encoding")
        call_input = {"diff": clean(event["diff"])} | ({"encoding": encoding} if encoding else {})
        self._call(step, f"{event['id']}-edit", "edit", call_input, None, summary, summary, None)

    def _omitted_call(self, event: EventDict, step: ot.Step) -> None:
        omitted = plain(event["diff_omitted"])
        said = f"the diff of {counted(omitted['bytes'], 'byte')} is over the bound and was not recorded"
        self._call(step, f"{event['id']}-edit", "edit", {"diff_omitted": omitted}, None, said, said, None)

    @staticmethod
    def _call(
        step: ot.Step,
        call_id: str,
        name: str,
        call_input: dict[str, Any],
        duration: int | None,
        content: str | None,
        summary: str | None,
        error: str | None,
    ) -> None:
        step.tool_calls.append(
            ot.ToolCall(tool_call_id=call_id, tool_name=name, input=call_input, duration_ms=duration)
        )
        step.observations.append(
            ot.Observation(
                source_call_id=call_id,
                content=None if content is None else cap(content, ot.MAX_OBSERVATION),
                output_summary=summary and first_line(summary, ot.MAX_SUMMARY),
                error=error,
            )
        )

    def _for_call(self, event: EventDict) -> ot.Step:
        """Return the step to which an event's tool call belongs: its reply's, or one of its own."""
        if event.get("tool_call_id") and self._reply:
            index, reply = self._reply
            if event.get("parent") in (None, reply["id"]) and event.get("source") == reply.get("source"):
                return self.steps[index]
        return self._open(event, "agent")

    def _command(self, event: EventDict) -> None:
        step = self._for_call(event)
        for commit in self._awaiting.pop(event["id"], ()):
            self._include(commit, step)
        self._include(event, step)
        if event.get("reasoning"):
            _reason(step, event["reasoning"])
        call_input = {"command": command_line(event)}
        if event.get("cwd"):
            call_input["cwd"] = clean(event["cwd"])
        content = event.get("stdout")
        content = None if content is None else clean(content)
        call_id = clean(event.get("tool_call_id") or f"{event['id']}-bash")
        self._call(step, call_id, "bash", call_input, whole_ms(event), content, _command_summary(event), verdict(event))

    def _edit(self, event: EventDict) -> None:
        step = self._for_call(event)
        meta = self._include(event, step)
        call_input = plain(event.get("input") or {})
        if not call_input and event.get("path"):
            call_input = {"path": clean(event["path"])}
        effect = shown_diff(event, "effect")
        said = str(patches.summarize(effect)) if effect else "nothing changed" if event.get("tree_after") else None
        call_id = clean(event.get("tool_call_id") or f"{event['id']}-tool")
        name = clean(event.get("tool") or "edit")
        error = clean(event["error"]) if event.get("error") else None
        self._call(step, call_id, name, call_input, whole_ms(event), said, said, error)
        if event.get("path"):
            meta.setdefault("paths", []).append(clean(event["path"]))

    def _prompt(self, event: EventDict) -> None:
        self._reply = None
        step = self._open(event, "user")
        step.content = clean(event.get("text") or "")
        self._include(event, step)

    def _say(self, event: EventDict) -> None:
        step = self._open(event, "agent")
        step.content = clean(event["text"]) if event.get("text") else None
        self._include(event, step)
        if event.get("reasoning"):
            _reason(step, event["reasoning"])
        usage = event.get("usage") or {}
        step.token_usage = ot.TokenUsage(
            **{name: usage[name] for name in ot.TokenUsage.model_fields if isinstance(usage.get(name), int)}
        )
        if isinstance(usage.get("cost_usd"), int | float):
            self.meta[step.step_index]["cost_usd"] = float(usage["cost_usd"])
        prompt = event.get("system_prompt") or self._session.header.get("system_prompt")
        if prompt:
            step.system_prompt_hash = prompt_hash(clean(prompt))
            self.system_prompts.setdefault(step.system_prompt_hash, clean(prompt))
        for tool in plain(event.get("tools") or self._session.header.get("tools") or []):
            step.tools_available.append(str(tool.get("name")) if isinstance(tool, dict) else str(tool))
            if isinstance(tool, dict) and tool not in self.tools:
                self.tools.append(tool)
        self._reply = (step.step_index, event)

    def _commit(self, event: EventDict) -> None:
        maker = self._maker(event)
        if maker is not None and maker not in self.of_event:
            # recorded before the command itself, which is when it ended
            self._awaiting.setdefault(maker, []).append(event)
            return
        if maker is not None and not event.get("diff"):
            self._include(event, self.steps[self.of_event[maker]])
            return
        step = self._open(event, "agent")
        self._include(event, step)
        if maker is None:
            oid = event["commit"]
            subject = clean(event.get("subject") or self.subjects.get(oid, ""))
            said = f"[{clean(event.get('branch') or 'detached HEAD')} {oid}] {subject}".rstrip()
            self._call(step, f"{event['id']}-bash", "bash", {"command": "git commit"}, None, said, said, None)

    def _maker(self, commit: EventDict) -> str | None:
        """Return the id of the recorded command that made a commit: one that was running, on the commit's parent.

        A commit's time is in whole seconds. So one that falls into the second in which a command began or ended is
        that command's only if the command speaks of git.
        """
        at = _seconds(commit.get("at"))
        last = bisect_right(self._intervals, at + 1, key=lambda interval: interval.start)
        for interval in reversed(self._intervals[:last]):
            if interval.head == commit.get("head") and int(interval.start) <= at <= interval.end:
                if interval.git or (interval.start <= at and at + 1 <= interval.end):
                    return interval.event_id
                return None
        return None

    def _rewrite(self, event: EventDict) -> None:
        step = self._open(event, "system")
        pairs = [(str(old), str(new)) for old, new in event.get("pairs") or ()]
        lines = [f"{event.get('cause') or 'rewrite'}: {counted(len(pairs), 'commit')} replaced"]
        step.content = clean("\n".join([*lines, *(f"{old} -> {new}" for old, new in pairs)]))
        self._include(event, step)

    def _note(self, event: EventDict) -> None:
        about = self.of_event.get(str(event.get("about")))
        step = self.steps[about] if about is not None else self._open(event, "agent")
        _reason(step, event.get("text") or "")
        self._include(event, step)

    def _stop(self, event: EventDict) -> None:
        if event.get("diff") or event.get("diff_omitted"):
            self._include(event, self._open(event, "agent"))

    def _other(self, event: EventDict) -> None:
        self.others.append(plain(event))


def _reason(step: ot.Step, text: str) -> None:
    step.reasoning_content = "\n\n".join(filter(None, (step.reasoning_content, clean(text))))


def _command_summary(event: EventDict) -> str | None:
    parts = []
    if verdict(event) not in (None, "no_result"):
        parts.append(str(verdict(event)))
    elif event.get("exit_code") is not None:
        parts.append("exit status 0")
    results = event.get("results")
    if isinstance(results, Mapping):
        parts += [f"{results[key]} {key}" for key in ("passed", "failed", "errors", "skipped") if key in results]
    if event.get("stdout"):
        parts.append(counted(len(event["stdout"].splitlines()), "line") + " of output")
    return ", ".join(parts) or None


def prompt_hash(text: str) -> str:
    """Return the key of a system prompt: 16 hex digits of its sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class _Interval:
    """When a command ran (seconds since the epoch), on which commit, and whether it speaks of git."""

    start: float
    end: float
    event_id: str
    head: str | None
    git: bool


def _intervals(session: Session) -> list[_Interval]:
    found = []
    for event in session.events:
        if event["kind"] == v.COMMAND and isinstance(event.get("duration_ms"), int | float):
            start = _seconds(event.get("at"))
            git = re.search(r"\bgit\b", command_line(event)) is not None
            end = start + event["duration_ms"] / 1000
            found.append(_Interval(start, end, event["id"], event.get("head"), git))
    return sorted(found, key=lambda interval: interval.start)


def _seconds(timestamp: str | None) -> float:
    return datetime.fromisoformat(timestamp).timestamp() if timestamp else float("nan")


_HANDLERS: dict[str, Callable[[Steps, EventDict], None]] = {
    v.COMMAND: Steps._command,
    v.EDIT: Steps._edit,
    v.PROMPT: Steps._prompt,
    v.REPLY: Steps._say,
    v.COMMIT: Steps._commit,
    v.REWRITE: Steps._rewrite,
    v.NOTE: Steps._note,
    v.STOP: Steps._stop,
}
