import json
from typing import Any

import opentraces_schema as reference  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.model import opentraces as ot


def bare(schema: Any) -> Any:
    """Return a JSON Schema without the titles and descriptions, which differ on purpose."""
    if isinstance(schema, dict):
        texts = ("title", "description")
        return {key: bare(value) for key, value in schema.items() if not (key in texts and isinstance(value, str))}
    return [bare(item) for item in schema] if isinstance(schema, list) else schema


def test_the_schema_is_that_of_the_reference() -> None:
    assert bare(ot.TraceRecord.model_json_schema()) == bare(reference.TraceRecord.model_json_schema())
    assert reference.SCHEMA_VERSION == ot.SCHEMA_VERSION


text = st.text() | st.sampled_from(["a\u2028b", "a\u2029b", "a\x85b", "a\x1cb\x0bc\x0c", "\r\n", "\0", "\U0001f600"])
numbers = st.integers(-(10**20), 10**20) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | text,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(text, inner, max_size=3),
    max_leaves=8,
)


@given(text, st.dictionaries(text, values, max_size=4), st.floats(allow_nan=False, allow_infinity=False))
def test_a_line_read_back_hashes_the_same(content: str, metadata: dict[str, Any], seconds: float) -> None:
    record = ot.TraceRecord(
        trace_id="t",
        session_id="s",
        agent=ot.Agent(name="human"),
        steps=[ot.Step(step_index=0, role="user", content=content)],
        metrics=ot.Metrics(total_duration_s=seconds),
        metadata=metadata,
    )
    line = record.to_line()
    assert line.splitlines() == [line]
    theirs = reference.TraceRecord.model_validate_json(line)
    assert theirs.compute_content_hash() == theirs.content_hash == record.content_hash
    assert ot.TraceRecord.model_validate_json(line) == record
    assert json.loads(line)["steps"][0]["content"] == content


def test_the_hash_leaves_out_the_id_and_itself() -> None:
    one = ot.TraceRecord(trace_id="t", session_id="s", agent=ot.Agent(name="human"))
    two = ot.TraceRecord(trace_id="u", session_id="s", agent=ot.Agent(name="human"), content_hash="x")
    assert one.compute_content_hash() == two.compute_content_hash()
    two.session_id = "t"
    assert one.compute_content_hash() != two.compute_content_hash()


@pytest.mark.parametrize(
    "value",
    [float("nan"), float("inf"), "\udc80", {"\udc80": 1}, {1: 2, "a": 3}, {2: 1, 10: 1}, b"a", {"a": {"b"}}],
)
def test_what_would_not_hash_the_same_is_refused(value: Any) -> None:
    record = ot.TraceRecord(trace_id="t", session_id="s", agent=ot.Agent(name="human"), metadata={"x": [value]})
    with pytest.raises(ValueError, match=r"metadata\.x\[0\]"):
        record.to_line()
