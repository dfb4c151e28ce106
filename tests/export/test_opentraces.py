from typing import Any

import opentraces_schema as reference  # type: ignore[import-untyped]
import pytest

from gittrace.export import opentraces, steps
from gittrace.model import opentraces as ot
from gittrace.model.trace import Outcome, RepoFacts, Trace, assemble
from tests.export import sample


def record_of(*events: dict[str, Any], active: bool = False, **fields: Any) -> ot.TraceRecord:
    """Return the record of a person's session with the given events."""
    trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON, **fields), events)], active)
    return opentraces.record(trace, Outcome(), RepoFacts())


def the_record(active: bool = False) -> ot.TraceRecord:
    return opentraces.record(sample.a_trace(active), sample.OUTCOME, sample.FACTS)


def test_the_reference_reads_what_is_written() -> None:
    (line,) = opentraces.lines(sample.a_trace(), sample.OUTCOME, sample.FACTS)
    theirs = reference.TraceRecord.model_validate_json(line)
    assert theirs.compute_content_hash() == theirs.content_hash
    assert theirs.model_dump() == ot.TraceRecord.model_validate_json(line).model_dump()


def test_the_frame_of_the_record() -> None:
    record = the_record()
    assert record.session_id == sample.PERSON
    assert record.execution_context == "devtime"
    assert record.task == ot.Task(
        description="add subtracts",
        source="cli_arg",
        repository="o/r",
        repository_url="https://github.com/o/r",
        base_commit="a" * 40,
    )
    assert record.agent == ot.Agent(name="claude-code", version="2.1", model="anthropic/some-model")
    assert record.environment.os == "linux"
    assert record.environment.vcs == ot.VCS(type="git", base_commit="a" * 40, branch="fix")
    assert record.environment.language_ecosystem == ["python"]
    assert record.dependencies == ["six"]
    assert (record.timestamp_start, record.timestamp_end) == (
        "2024-05-01T12:00:00.000000Z",
        "2024-05-01T12:00:41.000000Z",
    )
    assert record.security == ot.SecurityMetadata()
    assert record.attribution is None
    assert [one["session_id"] for one in record.metadata["sessions"]] == [sample.PERSON, sample.AGENT]
    assert record.metadata["other_events"][0]["sky"] == "blue"


def test_it_says_what_was_scanned_and_masked() -> None:
    masked = "password=[REDACTED:password:0123abcd] token [REDACTED:github-token:89ab4567]"
    events = [sample.command(1, "env", "2", stdout=masked, reasoning="[REDACTED:no such placeholder]")]
    trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON), events)])
    found = opentraces.record(trace, Outcome(), RepoFacts(scanned_by="gittrace 0a1b")).security
    assert found == ot.SecurityMetadata(scanned=True, redactions_applied=2, classifier_version="gittrace 0a1b")


def test_what_became_of_it() -> None:
    record = the_record()
    assert record.outcome == ot.Outcome(
        success=True,
        signal_source="stop",
        signal_confidence="annotated",
        description="done",
        patch=sample.DIFF,
        committed=True,
        commit_sha=sample.COMMIT,
        terminal_state="goal_reached",
    )
    assert record.git_links == [
        ot.GitLink(
            revision=sample.COMMIT,
            repo_url="https://github.com/o/r",
            branch="main",
            tier="tool_emitted",
            commit_reachable=True,
            content_alive=True,
        )
    ]
    assert record.metadata["links"][0]["evidence"] == ["blob of src/add.py"]


def test_sums() -> None:
    metrics = the_record().metrics
    # the person's session lasts from the hour to second 20, the agent's from second 30 to 41
    assert metrics == ot.Metrics(
        total_steps=5,
        total_input_tokens=10,
        total_output_tokens=5,
        total_cache_read_tokens=30,
        total_duration_s=31.0,
        cache_hit_rate=0.75,
        estimated_cost_usd=0.25,
    )


def test_a_persons_command_becomes_a_step() -> None:
    step = the_record().steps[1]
    assert (step.role, step.agent_role, step.model, step.call_type) == ("agent", "human", None, None)
    assert step.timestamp == "2024-05-01T12:00:09.000000Z"
    edit, bash = step.tool_calls
    assert (edit.tool_name, edit.input) == ("edit", {"diff": sample.DIFF})
    assert (bash.tool_name, bash.input, bash.duration_ms) == ("bash", {"command": "pytest", "cwd": "."}, 900)
    said, printed = step.observations
    assert (said.source_call_id, said.content) == (
        edit.tool_call_id,
        "1 file changed, 1 insertion(+), 1 deletion(-)",
    )
    assert (printed.source_call_id, printed.content, printed.error) == (bash.tool_call_id, "3 passed", None)
    assert printed.output_summary == "exit status 0, 3 passed, 0 failed, 1 line of output"
    assert step.reasoning_content == "minus was a typo"
    assert step.snippets == [
        ot.Snippet(
            file_path="src/add.py",
            start_line=1,
            end_line=2,
            language="python",
            text="def add(a, b):\n    return a + b\n",
            source_step=1,
        )
    ]


def test_a_failed_command_says_how() -> None:
    step = the_record().steps[0]
    assert step.reasoning_content == "see it fail"
    assert step.observations[0].error == "exit status 1"
    record = record_of(sample.command(1, "sleep 9", "1", exit_code=143, signal=15))
    assert record.steps[0].observations[0].error == "killed by signal 15"
    record = record_of(sample.event(1, "command", argv=["echo", "a b"]))
    assert record.steps[0].observations[0].error == "no_result"
    assert record.steps[0].tool_calls[0].input == {"command": "echo 'a b'"}


def test_a_reply_takes_its_tool_calls() -> None:
    prompt, reply = the_record().steps[3:]
    assert (prompt.role, prompt.content) == ("user", "now a test")
    assert (reply.role, reply.content, reply.reasoning_content) == ("agent", "I'll write one.", "a test is missing")
    assert (reply.model, reply.agent_role, reply.call_type) == ("anthropic/some-model", "main", "main")
    assert reply.token_usage == ot.TokenUsage(input_tokens=10, output_tokens=5, cache_read_tokens=30)
    (call,) = reply.tool_calls
    assert (call.tool_call_id, call.tool_name, call.input) == ("toolu_1", "Write", {"file_path": "test_add.py"})
    assert reply.observations[0].source_call_id == "toolu_1"
    assert reply.snippets[0].file_path == "test_add.py"


def test_a_prompt_ends_a_reply() -> None:
    made = {"source": "codex", "tool_call_id": "c1"}
    record = record_of(
        sample.event(1, "reply", source="codex", text="a"),
        sample.event(2, "prompt", source="codex", text="b"),
        sample.command(3, "ls", "1", **made),
    )
    assert [len(step.tool_calls) for step in record.steps] == [0, 0, 1]
    assert record.steps[2].agent_role == "main"


def test_a_commit_becomes_a_call_with_the_commit_in_the_observation() -> None:
    step = the_record().steps[2]
    assert step.tool_calls[0].input == {"command": "git commit"}
    assert step.observations[0].content == f"[fix {sample.COMMIT}] fix add"


@pytest.mark.parametrize("first", [True, False])
def test_a_commit_made_by_a_recorded_command_is_no_call_of_its_own(first: bool) -> None:
    command = sample.command(5, "git commit -am x", "1", duration_ms=100.0)
    commit = sample.event(5, "commit", commit=sample.COMMIT, tree=sample.tree("1")) | {"id": sample.event_id(6)}
    record = record_of(*([commit, command] if first else [command, commit]))
    assert [call.input["command"] for step in record.steps for call in step.tool_calls] == ["git commit -am x"]
    assert {event["kind"] for event in record.metadata["steps"][0]["events"]} == {"command", "commit"}


def test_what_was_edited_before_a_recorded_commit_comes_first_in_its_step() -> None:
    command = sample.command(5, "git commit -am x", "2", duration_ms=100.0)
    commit = sample.event(5, "commit", commit=sample.COMMIT, tree=sample.tree("2"), diff=sample.DIFF)
    (step,) = record_of(commit | {"id": sample.event_id(6)}, command).steps
    assert [call.tool_name for call in step.tool_calls] == ["edit", "bash"]


@pytest.mark.parametrize(
    "fields",
    [{"command": "pytest"}, {"head": "b" * 40}, {"duration_ms": None}, {"at": "2024-05-01T11:00:00.000000Z"}],
)
def test_a_commit_that_a_command_did_not_make_is(fields: dict[str, Any]) -> None:
    command = sample.command(5, "git status", "1", duration_ms=100.0) | fields
    commit = sample.event(5, "commit", commit=sample.COMMIT, tree=sample.tree("1")) | {"id": sample.event_id(6)}
    record = record_of(command, commit)
    assert record.steps[1].tool_calls[0].input == {"command": "git commit"}


def test_what_has_no_place_in_a_step_is_in_the_metadata() -> None:
    effect = sample.DIFF.replace("add", "log")
    record = record_of(sample.command(1, "make", "1", "2", effect=effect, stdout_bytes=7, new_field={"a": [1]}))
    (event,) = record.metadata["steps"][0]["events"]
    assert event["effect"] == effect
    assert event["stdout_bytes"] == 7
    assert event["new_field"] == {"a": [1]}
    assert event["tree_after"] == sample.tree("2")
    assert [call.tool_name for call in record.steps[0].tool_calls] == ["bash"]


def test_a_diff_that_was_left_out_is_named() -> None:
    omitted = {"bytes": 2000000, "from": sample.tree("1"), "to": sample.tree("2")}
    step = record_of(sample.command(1, "make", "2", diff_omitted=omitted)).steps[0]
    assert step.tool_calls[0].input == {"diff_omitted": omitted}
    assert "2000000 bytes" in str(step.observations[0].content)


def test_caps() -> None:
    long = "".join(f"{number}\n" for number in range(9000))
    diff = f"""\
diff --git a/n b/n
new file mode 100644
index {"0" * 40}..{"1" * 40}
--- /dev/null
+++ b/n
@@ -0,0 +1,9000 @@
""" + "".join(f"+{line}\n" for line in long.splitlines())
    record = record_of(sample.command(1, "seq", "2", stdout=long, diff=diff), title="x" * 900)
    assert len(record.task.description or "") == 500
    content = record.steps[0].observations[1].content or ""
    assert len(content) <= 10_000
    assert content.startswith("0\n1\n")
    assert content.endswith("\n8999\n")
    assert "characters left out" in content
    (snippet,) = record.steps[0].snippets
    assert len(snippet.text or "") <= 5_000
    assert record.steps[0].tool_calls[0].input["diff"] == diff


def test_a_step_has_a_bounded_number_of_snippets() -> None:
    diff = "".join(sample.DIFF.replace("add.py", f"add{number}.py") for number in range(steps.MAX_SNIPPETS + 3))
    record = record_of(sample.command(1, "sed", "2", diff=diff))
    assert len(record.steps[0].snippets) == steps.MAX_SNIPPETS
    assert record.metadata["steps"][0]["snippets_left_out"] == 3


def test_rewrites_notes_and_stops() -> None:
    record = record_of(
        sample.event(1, "rewrite", cause="amend", pairs=[["a" * 40, "b" * 40]]),
        sample.event(2, "note", text="about nothing that is here", about=sample.event_id(99)),
        sample.event(3, "stop", tree=sample.tree("2"), diff=sample.DIFF, success=None),
    )
    rewrite, note, stop = record.steps
    assert (rewrite.role, rewrite.content) == ("system", f"amend: 1 commit replaced\n{'a' * 40} -> {'b' * 40}")
    assert note.reasoning_content == "about nothing that is here"
    assert [call.tool_name for call in stop.tool_calls] == ["edit"]
    assert record.agent == ot.Agent(name="human")


def test_system_prompts_and_sub_agents() -> None:
    tool = {"name": "Read", "description": "reads"}
    reply = sample.event(1, "reply", source="codex", text="a", system_prompt="be brief", tools=[tool])
    sub = sample.event(2, "reply", source="codex", text="b", agent_role="explore", parent=sample.event_id(1))
    record = record_of(reply, sub)
    assert record.system_prompts == {steps.prompt_hash("be brief"): "be brief"}
    assert record.steps[0].system_prompt_hash in record.system_prompts
    assert (record.steps[0].tools_available, record.tool_definitions) == (["Read"], [tool])
    assert (record.steps[1].call_type, record.steps[1].parent_step, record.steps[1].agent_role) == (
        "subagent",
        0,
        "explore",
    )


def lifecycle(trace: Trace, outcome: Outcome) -> str:
    return opentraces.record(trace, outcome, RepoFacts()).lifecycle


def test_lifecycle() -> None:
    stop = sample.event(9, "stop", tree=sample.tree("1"), success=False)
    assert lifecycle(sample.a_trace(), Outcome()) == "provisional"
    assert lifecycle(sample.a_trace(active=True), sample.OUTCOME) == "final"
    assert record_of(sample.command(1, "ls", "1"), stop).lifecycle == "final"
    assert record_of(sample.command(1, "ls", "1"), stop, active=True).lifecycle == "provisional"
    assert record_of(sample.command(1, "ls", "1")).lifecycle == "provisional"
    assert record_of(sample.command(1, "ls", "1", "2", effect=sample.DIFF), stop).lifecycle == "provisional"


def test_the_first_prompt_describes_a_trace_without_a_title() -> None:
    record = record_of(sample.event(1, "prompt", text="fix it"), title=None)
    assert (record.task.description, record.task.source) == ("fix it", "user_prompt")
    assert record_of(title=None).task.source is None
