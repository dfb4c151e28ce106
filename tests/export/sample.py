"""A trace made by hand: a person's session with a failing and a passing test, then an agent's."""

from collections.abc import Iterable
from typing import Any

from gittrace.model.trace import Link, Outcome, RepoFacts, Segment, Trace, assemble

TRACE = "11111111-1111-4111-8111-111111111111"
PERSON = "22222222-2222-4222-8222-222222222222"
AGENT = "33333333-3333-4333-8333-333333333333"
COMMIT = "c" * 40

DIFF = """\
diff --git a/src/add.py b/src/add.py
index 1111111111111111111111111111111111111111..2222222222222222222222222222222222222222 100644
--- a/src/add.py
+++ b/src/add.py
@@ -1,2 +1,2 @@
 def add(a, b):
-    return a - b
+    return a + b
"""


def tree(letter: str) -> str:
    """Return a tree's oid, made of one hexadecimal digit."""
    return letter * 40


def event_id(number: int) -> str:
    """Return the id of the n-th event."""
    return f"01900000-0000-7000-8000-{number:012d}"


def _at(seconds: int) -> str:
    return f"2024-05-01T{12 + seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.000000Z"


def event(number: int, kind: str, **fields: Any) -> dict[str, Any]:
    """Return the n-th event: it began n seconds after the hour."""
    common = {"kind": kind, "id": event_id(number), "at": _at(number)}
    return common | {"head": "a" * 40, "branch": "fix", "source": "run"} | fields


def command(number: int, text: str, before: str, after: str | None = None, **fields: Any) -> dict[str, Any]:
    """Return a command event that left the tree as it was, unless `after` says otherwise."""
    given = {"command": text, "cwd": ".", "tree": tree(before), "tree_after": tree(after or before)}
    return event(number, "command", **given | {"stdout": "", "exit_code": 0, "duration_ms": 5.5} | fields)


def header(session_id: str, number: int = 0, **fields: Any) -> dict[str, Any]:
    """Return a segment's header."""
    known = {
        "trace_id": TRACE,
        "session_id": session_id,
        "title": "add subtracts",
        "developer_id": "dev_" + "0" * 32,
        "environment": {"os": "linux", "shell": "bash", "language_ecosystem": ["python"], "dependencies": ["six"]},
        "base_commit": "a" * 40,
        "tree": tree("1"),
        "base": {"commit": "a" * 40, "tree": tree("1")},
        "index": 0,
        "format": 1,
        "source": "git-trace",
    }
    return event(number, "session", **known | fields)


def segment(session_id: str, head: dict[str, Any], events: Iterable[dict[str, Any]], **fields: Any) -> Segment:
    """Return a segment."""
    return Segment(TRACE, session_id, head["index"], "f" * 64, head, tuple(events), **fields)


def results(passed: int, failed: int) -> dict[str, Any]:
    """Return a test run of three tests as its runner told it."""
    return {"framework": "pytest", "source": "summary", "passed": passed, "failed": failed}


def a_trace(active: bool = False) -> Trace:
    """Return the trace of this module's docstring."""
    person = [
        command(1, "pytest", "1", stdout="1 failed", exit_code=1, results=results(2, 1), reasoning="see it fail"),
        command(9, "pytest", "2", diff=DIFF, stdout="3 passed", results=results(3, 0), duration_ms=900),
        event(11, "note", text="minus was a typo", about=event_id(9)),
        event(20, "commit", source="git", commit=COMMIT, parents=["a" * 40], tree=tree("2"), subject="fix add"),
    ]
    agent = [
        event(31, "prompt", source="claude-code", text="now a test"),
        event(
            32,
            "reply",
            source="claude-code",
            text="I'll write one.",
            reasoning="a test is missing",
            model="anthropic/some-model",
            usage={"input_tokens": 10, "output_tokens": 5, "cache_read_tokens": 30, "cost_usd": 0.25},
        ),
        event(
            33,
            "edit",
            source="claude-code",
            tool="Write",
            input={"file_path": "test_add.py"},
            path="test_add.py",
            tree=tree("2"),
            tree_after=tree("3"),
            effect=DIFF.replace("src/add.py", "test_add.py"),
            tool_call_id="toolu_1",
        ),
        event(40, "stop", tree=tree("3"), success=True, reason="done"),
        event(41, "weather", sky="blue"),
    ]
    with_agent = header(
        AGENT, 30, agent={"name": "claude-code", "version": "2.1", "model": "anthropic/some-model"}, tree=tree("2")
    )
    return assemble(
        [
            segment(AGENT, with_agent, agent, unlinked=True),
            segment(PERSON, header(PERSON), person, commits=(COMMIT,)),
        ],
        active,
    )


OUTCOME = Outcome(
    committed=True,
    commit_sha=COMMIT,
    patch=DIFF,
    links=(
        Link(
            COMMIT,
            "tool_emitted",
            reachable=True,
            alive=True,
            alive_share=1.0,
            branch="main",
            subject="fix add",
            time="2024-05-01T12:00:20Z",
            evidence=("blob of src/add.py",),
            share=1.0,
        ),
    ),
    success=True,
    success_source="stop",
    confidence="annotated",
    terminal_state="goal_reached",
)

FACTS = RepoFacts("https://github.com/o/r", "o/r", "main", "d" * 40)
