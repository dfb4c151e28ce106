"""What a journal and a segment hold, as pydantic models (the format is described in doc/FORMATS.md).

Readers that only list or print work on the plain dicts; validation is for what is exported, verified or comes from
others. Fields that are not known here are kept, and so is an event of an unknown kind: a trace of a newer writer
stays readable.

Text may hold lone surrogates, as `os.fsdecode` makes them of bytes that are not UTF-8: a journal escapes them
(`\\udc80`) and gets them back. Exporters clean them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from gittrace import vocabulary as v
from gittrace.errors import Damaged

FORMAT = 1
"""The version of the format of a segment's JSONL, as its header states it."""


def _real_time(value: str) -> str:
    datetime.fromisoformat(value)
    return value


Oid = Annotated[str, StringConstraints(pattern=r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")]
Uuid = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$")]
Time = Annotated[
    str,
    StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(?:\.\d{1,6})?Z$"),
    AfterValidator(_real_time),
]
Count = Annotated[int, Field(ge=0)]
Milliseconds = Annotated[int | float, Field(ge=0, allow_inf_nan=False)]
Encoding = Literal["latin-1"]


class Part(BaseModel):
    """What all models of the journal share: strict types, unknown fields kept."""

    model_config = ConfigDict(strict=True, extra="allow", frozen=True)


class AgentId(Part):
    """Who works in a session; a person is `human`."""

    name: str
    version: str | None = None
    model: str | None = None


class Omitted(Part):
    """A diff that was left out because it is over `trace.maxDiff`: its size and the trees it leads from and to."""

    model_config = ConfigDict(populate_by_name=True)

    bytes: Count
    from_: Oid = Field(alias="from")
    to: Oid


class Base(Part):
    """Where a segment begins: HEAD and its tree at that time; `commit` is null on an unborn branch."""

    commit: Oid | None
    tree: Oid


class Skipped(Part):
    """An untracked path that a snapshot leaves out, the reason in words, and its size in bytes."""

    path: str
    reason: str
    bytes: Count | None = None


class TestResult(Part):
    """One test; `status` is passed, failed, error, skipped, xfailed or xpassed."""

    id: str
    status: str
    duration_ms: Milliseconds | None = None


class Results(Part):
    """What a test runner reported. What is not known is absent, never 0."""

    framework: str
    source: str | None = None
    passed: Count | None = None
    failed: Count | None = None
    errors: Count | None = None
    skipped: Count | None = None
    xfailed: Count | None = None
    xpassed: Count | None = None
    total: Count | None = None
    duration_ms: Milliseconds | None = None
    tests: list[TestResult] | None = None


class Usage(Part):
    """Tokens of one model call; `input_tokens` are those that came neither from the cache nor went to it."""

    input_tokens: Count | None = None
    output_tokens: Count | None = None
    cache_read_tokens: Count | None = None
    cache_write_tokens: Count | None = None
    cost_usd: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Event(Part):
    """What every event has.

    `at` is when it began. `diff` is what changed before it (previous `tree_after` -> `tree`), `effect` what it changed
    itself (`tree` -> `tree_after`); both are git's unified diffs with whole oids, present in sealed events only. With
    `diff_encoding` the text is that of bytes which are not UTF-8: `diff.encode(diff_encoding)` gives them back.
    With `diff_redacted` secrets in it were masked, line by line: the files that it leads to can't be made of it.
    A `parallel` event ran beside another one: its `tree` does not follow the `tree_after` before it.
    `taken` are lines of `diff` that stood on a branch from which they were taken, or to which HEAD went: the number of
    a file in the diff, from 0, and the first and the last of some lines of its new side; a number alone is all of it.
    `effect_taken` are those of `effect`.
    """

    kind: Annotated[str, StringConstraints(min_length=1)]
    id: Uuid
    at: Time
    head: Oid | None = None
    branch: str | None = None
    source: str | None = None
    diff: str | None = None
    diff_encoding: Encoding | None = None
    diff_omitted: Omitted | None = None
    diff_redacted: bool | None = None
    effect: str | None = None
    effect_encoding: Encoding | None = None
    effect_omitted: Omitted | None = None
    effect_redacted: bool | None = None
    parallel: bool | None = None
    taken: list[Annotated[list[Count], Field(min_length=1, max_length=3)]] | None = None
    effect_taken: list[Annotated[list[Count], Field(min_length=1, max_length=3)]] | None = None

    @model_validator(mode="after")
    def _text_or_omitted(self) -> "Event":
        for name in ("diff", "effect"):
            if getattr(self, name) is not None and getattr(self, f"{name}_omitted") is not None:
                raise ValueError(f"'{name}' and '{name}_omitted' exclude each other")
        return self


class Session(Event):
    """The beginning of a session, and (as `SegmentHeader`) of each of its segments.

    `environment` holds what is known of: os, os_version, arch, shell, git, python (versions), language_ecosystem and
    dependencies (lists of names). `stashes` are the commits of those that there were; sealed they are left out.
    """

    kind: Literal["session"]
    trace_id: Uuid
    session_id: Uuid
    title: str | None = None
    developer_id: str | None = None
    agent: AgentId | None = None
    environment: dict[str, Any] | None = None
    base_commit: Oid | None = None
    tree: Oid | None = None
    skipped: list[Skipped] | None = None
    stashes: list[Oid] | None = None


class SegmentHeader(Session):
    """The first line of a segment.

    `diff` leads from `base.tree` to `tree`, the worktree when the segment began. A segment that `continues` the one
    before it (which had grown too large) has no diff: it begins where that one ended.
    """

    base: Base
    tree: Oid
    index: Count
    format: Annotated[int, Field(ge=1)]
    continues: bool | None = None


class Command(Event):
    """A command that a person or an agent ran; `cwd` is relative to the top of the worktree.

    `head_after` is HEAD when it had ended, if that is another; `commits` were made while it ran.
    """

    kind: Literal["command"]
    command: str | None = None
    argv: list[str] | None = None
    cwd: str | None = None
    tree: Oid | None = None
    tree_after: Oid | None = None
    stdout: str | None = None
    stdout_bytes: Count | None = None
    output: Oid | None = None
    exit_code: int | None = None
    signal: Count | None = None
    duration_ms: Milliseconds | None = None
    reasoning: str | None = None
    results: Results | None = None
    skipped: list[Skipped] | None = None
    head_after: Oid | None = None
    commits: list[Oid] | None = None
    tool_call_id: str | None = None
    parent: str | None = None


class Edit(Event):
    """A file edit that an agent made with a tool of its own; `input` is the tool's."""

    kind: Literal["edit"]
    tool: str | None = None
    input: dict[str, Any] | None = None
    path: str | None = None
    tree: Oid | None = None
    tree_after: Oid | None = None
    duration_ms: Milliseconds | None = None
    tool_call_id: str | None = None
    parent: str | None = None
    error: str | None = None


class Prompt(Event):
    """What a user asked an agent."""

    kind: Literal["prompt"]
    text: str
    parent: str | None = None


class Reply(Event):
    """What an agent said in one model call; its commands and edits name it as their `parent`."""

    kind: Literal["reply"]
    text: str | None = None
    reasoning: str | None = None
    model: str | None = None
    usage: Usage | None = None
    parent: str | None = None


class Commit(Event):
    """A commit that was made; `tree` is the worktree just after.

    `by` is the event of the recorded command that made it. Then `tree` shows only what stood in the commit and
    neither before nor after the command, and the record goes on from `tree_after`, where that is another.
    `borrowed` are older commits, the tips of branches then, of whose lines it holds some that its parent has not.
    """

    kind: Literal["commit"]
    commit: Oid
    parents: list[Oid] | None = None
    tree: Oid | None = None
    tree_after: Oid | None = None
    by: Uuid | None = None
    action: str | None = None
    subject: str | None = None
    borrowed: list[Oid] | None = None


class Rewrite(Event):
    """Commits that were replaced: `pairs` of old and new oid, `onto` the commit that a rebase built on."""

    kind: Literal["rewrite"]
    cause: str | None = None
    onto: Oid | None = None
    pairs: list[Annotated[list[Oid], Field(min_length=2, max_length=2)]]


class Note(Event):
    """Reasoning given afterwards, about the event named."""

    kind: Literal["note"]
    text: str
    about: Uuid | None = None


class Stop(Event):
    """The end of a session; `success` is what the person or agent said of it, null when nothing was said."""

    kind: Literal["stop"]
    tree: Oid | None = None
    success: bool | None = None
    reason: str | None = None


class Other(Event):
    """An event of a kind that is not known here."""

    kind: Annotated[str, StringConstraints(min_length=1), Field(json_schema_extra={"not": {"enum": list(v.KINDS)}})]


def _tag(value: Any) -> str:
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return kind if kind in v.KINDS else "other"


AnyEvent = Annotated[
    Annotated[Session, Tag(v.SESSION)]
    | Annotated[Command, Tag(v.COMMAND)]
    | Annotated[Edit, Tag(v.EDIT)]
    | Annotated[Prompt, Tag(v.PROMPT)]
    | Annotated[Reply, Tag(v.REPLY)]
    | Annotated[Commit, Tag(v.COMMIT)]
    | Annotated[Rewrite, Tag(v.REWRITE)]
    | Annotated[Note, Tag(v.NOTE)]
    | Annotated[Stop, Tag(v.STOP)]
    | Annotated[Other, Tag("other")],
    Discriminator(_tag),
]
"""Any event of a journal or segment, told apart by `kind`."""


@cache
def adapter() -> TypeAdapter[Event]:
    """Return the validator of `AnyEvent`."""
    return TypeAdapter(AnyEvent)


def parse_event(data: Mapping[str, Any]) -> Event:
    """Validate an event and return its model. Raises Damaged, naming the event and the first field that is wrong."""
    try:
        return adapter().validate_python(dict(data))
    except ValidationError as error:
        raise _damaged(data, error) from None


def parse_segment(lines: Sequence[Mapping[str, Any]]) -> tuple[SegmentHeader, tuple[Event, ...]]:
    """Validate a decoded segment: its header and its events. Raises Damaged."""
    if not lines:
        raise Damaged("segment is empty")
    try:
        header = SegmentHeader.model_validate(dict(lines[0]))
    except ValidationError as error:
        raise _damaged(lines[0], error) from None
    return header, tuple(map(parse_event, lines[1:]))


def _damaged(data: Mapping[str, Any], error: ValidationError) -> Damaged:
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"] if part not in v.KINDS and part != "other") or "event"
    name = data.get("id") if isinstance(data.get("id"), str) else "?"
    return Damaged(f"bad event '{name}': {where}: {first['msg'][0].lower()}{first['msg'][1:]}")
