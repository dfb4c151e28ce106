"""The models of the opentraces schema 0.3.0 (opentraces.ai), field for field.

They are gittrace's own, so that an export needs no package of others; a test compares their JSON Schema with that of
the reference package. `TraceRecord.to_line` is stricter than the reference: what would not hash the same after it was
read back is refused.
"""

import hashlib
import json
import math
from typing import Any, Literal

from pydantic import BaseModel, Field

from gittrace.text import unbroken

SCHEMA_VERSION = "0.3.0"

MAX_DESCRIPTION = 500
MAX_OBSERVATION = 10_000
MAX_SUMMARY = 200
MAX_SNIPPET = 5_000
"""The bounds that the schema's documentation names, in characters."""


_NOT_HASHED = {"content_hash", "trace_id"}


class Task(BaseModel):
    """What the work was about; `repository` is `owner/repo`, `source` cli_arg, user_prompt, ..."""

    description: str | None = None
    source: str | None = None
    repository: str | None = None
    repository_url: str | None = None
    base_commit: str | None = None


class Agent(BaseModel):
    """Who worked; `model` is `provider/model`."""

    name: str
    version: str | None = None
    model: str | None = None


class VCS(BaseModel):
    """The repository at the start; `diff` is what was not committed then."""

    type: Literal["git", "none"] = "none"
    base_commit: str | None = None
    branch: str | None = None
    diff: str | None = None


class Environment(BaseModel):
    """Where the work was done."""

    os: str | None = None
    shell: str | None = None
    vcs: VCS = Field(default_factory=VCS)
    language_ecosystem: list[str] = Field(default_factory=list)


class ToolCall(BaseModel):
    """One tool that a step used."""

    tool_call_id: str
    tool_name: str
    input: dict[str, Any] = Field(default_factory=dict)
    duration_ms: int | None = None


class Observation(BaseModel):
    """What came of the tool call that `source_call_id` names."""

    source_call_id: str
    content: str | None = None
    output_summary: str | None = None
    error: str | None = None


class Snippet(BaseModel):
    """A piece of a file as a step left it; lines count from 1."""

    file_path: str
    start_line: int | None = None
    end_line: int | None = None
    language: str | None = None
    text: str | None = None
    source_step: int | None = None


class TokenUsage(BaseModel):
    """Tokens of one step."""

    input_tokens: int = 0
    output_tokens: int = 0
    cache_read_tokens: int = 0
    cache_write_tokens: int = 0
    prefix_reuse_tokens: int = 0


class Step(BaseModel):
    """One cycle of thought, action and observation."""

    step_index: int
    role: Literal["system", "user", "agent"]
    content: str | None = None
    reasoning_content: str | None = None
    model: str | None = None
    system_prompt_hash: str | None = None
    agent_role: str | None = None
    parent_step: int | None = None
    call_type: Literal["main", "subagent", "warmup"] | None = None
    subagent_trajectory_ref: str | None = None
    tools_available: list[str] = Field(default_factory=list)
    tool_calls: list[ToolCall] = Field(default_factory=list)
    observations: list[Observation] = Field(default_factory=list)
    snippets: list[Snippet] = Field(default_factory=list)
    token_usage: TokenUsage = Field(default_factory=TokenUsage)
    timestamp: str | None = None


class Outcome(BaseModel):
    """What became of the work. Confidence: derived (from git), inferred (a heuristic), annotated (someone said so)."""

    success: bool | None = None
    signal_source: str = "deterministic"
    signal_confidence: Literal["derived", "inferred", "annotated"] = "derived"
    description: str | None = None
    patch: str | None = None
    committed: bool = False
    commit_sha: str | None = None
    terminal_state: Literal["goal_reached", "interrupted", "error", "abandoned"] | None = None
    reward: float | None = None
    reward_source: str | None = None


class AttributionRange(BaseModel):
    """Lines of a file that the trace wrote; `content_hash` is `murmur3:` and 32 hex digits."""

    start_line: int
    end_line: int
    content_hash: str | None = None
    confidence: Literal["high", "medium", "low"] | None = None
    change_type: Literal["addition", "modification", "deletion"] = "addition"
    original: dict[str, Any] | None = None
    contributor: dict[str, str] | None = None


class AttributionConversation(BaseModel):
    """Ranges and the conversation that they came from."""

    contributor: dict[str, str] = Field(default_factory=dict)
    url: str | None = None
    ids: dict[str, str | list[str]] | None = None
    related: list[dict[str, str]] | None = None
    ranges: list[AttributionRange] = Field(default_factory=list)


class AttributionFile(BaseModel):
    """A file; `path` is relative to the top of the repository."""

    path: str
    conversations: list[AttributionConversation] = Field(default_factory=list)


class Attribution(BaseModel):
    """Which lines of `revision` came from this trace."""

    experimental: bool = True
    revision: dict[str, str] | None = None
    files: list[AttributionFile] = Field(default_factory=list)
    unaccounted_files: list[str] | None = None


class GitLink(BaseModel):
    """A commit that the trace led to, with the tier of the evidence."""

    vcs_type: Literal["git", "jj"] = "git"
    revision: str
    repo_url: str | None = None
    branch: str | None = None
    tier: Literal["tool_emitted", "tool_emitted_with_divergence", "overlapping", "orphan"]
    commit_reachable: bool | None = None
    content_alive: bool | None = None


class Metrics(BaseModel):
    """Sums over the trace."""

    total_steps: int = 0
    total_input_tokens: int = 0
    total_output_tokens: int = 0
    total_cache_read_tokens: int = 0
    total_cache_creation_tokens: int = 0
    total_duration_s: float | None = None
    cache_hit_rate: float | None = Field(default=None, ge=0.0, le=1.0)
    estimated_cost_usd: float | None = None


class SecurityMetadata(BaseModel):
    """What was done to keep secrets out."""

    scanned: bool = False
    flags_reviewed: int = 0
    redactions_applied: int = 0
    classifier_version: str | None = None


class TraceRecord(BaseModel):
    """One trace; a line of a JSONL file."""

    schema_version: str = SCHEMA_VERSION
    trace_id: str
    session_id: str
    content_hash: str | None = None
    timestamp_start: str | None = None
    timestamp_end: str | None = None
    execution_context: Literal["devtime", "runtime"] | None = None
    task: Task = Field(default_factory=Task)
    agent: Agent
    environment: Environment = Field(default_factory=Environment)
    system_prompts: dict[str, str] = Field(default_factory=dict)
    tool_definitions: list[dict[str, Any]] = Field(default_factory=list)
    steps: list[Step] = Field(default_factory=list)
    outcome: Outcome = Field(default_factory=Outcome)
    dependencies: list[str] = Field(default_factory=list)
    metrics: Metrics = Field(default_factory=Metrics)
    security: SecurityMetadata = Field(default_factory=SecurityMetadata)
    attribution: Attribution | None = None
    lifecycle: Literal["provisional", "final"] = "provisional"
    generation_index: int = Field(default=0, ge=0)
    git_links: list[GitLink] = Field(default_factory=list)
    metadata: dict[str, Any] = Field(default_factory=dict)

    def compute_content_hash(self) -> str:
        """Return the sha256 of everything but `content_hash` and `trace_id`, as the reference computes it.

        Raises ValueError for what JSON can't hold.
        """
        return hashlib.sha256(self._hashed().encode()).hexdigest()

    def _hashed(self) -> str:
        data = self.model_dump(exclude=_NOT_HASHED)
        try:
            return json.dumps(data, sort_keys=True, allow_nan=False)
        except (TypeError, ValueError):
            _require_json(data, "record")
            raise

    def to_line(self) -> str:
        """Set `content_hash` and return the record as one line of JSON, without a line feed.

        The characters at which `str.splitlines` breaks are escaped. Raises ValueError, naming the field, for what
        JSON can't hold or would not give back as it was.
        """
        hashed = self._hashed()
        self.content_hash = hashlib.sha256(hashed.encode()).hexdigest()
        try:
            line = self.model_dump_json()
            read = json.loads(line)
            same = json.dumps({key: read[key] for key in read if key not in _NOT_HASHED}, sort_keys=True) == hashed
        except ValueError:
            same = False
        if not same:
            _require_json(self.model_dump(), "record")
            raise ValueError("record does not read back as it was written")
        return unbroken(line)


def _require_json(value: object, where: str) -> None:
    """Raise ValueError, naming the place, when `value` is not what JSON gives back."""
    if value is None or isinstance(value, bool | int):
        return
    if isinstance(value, str):
        if not value.isascii():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError(f"{where} holds a lone surrogate") from None
    elif isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{where} is not a finite number")
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ValueError(f"{where} has a key that is not text: {key!r}")
            _require_json(key, f"a key of {where}")
            _require_json(item, f"{where}.{key}")
    elif isinstance(value, list):
        for number, item in enumerate(value):
            _require_json(item, f"{where}[{number}]")
    else:
        raise ValueError(f"{where} is of no type that JSON has: {type(value).__name__}")
