"""The encoder of the journal's lines, which is json's own without the rest of json."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.journal import append

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@pytest.fixture
def without_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "_json", None)
    monkeypatch.setattr(append, "_encode", append._encoder())


def _expected(event: object) -> str:
    return json.dumps(event, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


@given(json_values)
def test_is_what_json_writes(event: object) -> None:
    assert "".join(append._encode(event, 0)) == _expected(event)


@pytest.mark.usefixtures("without_c")
def test_is_what_json_writes_where_its_half_in_c_is_missing() -> None:
    event = {"text": 'é"\\\n\x7f\ud800', "number": 1.5e300, "list": [None, True, {"a": -1}], "tuple": (), "empty": {}}
    assert "".join(append._encode(event, 0)) == _expected(event)


def test_what_is_not_json_is_refused_and_leaves_no_trace() -> None:
    part: list[object] = [b"bytes"]
    for _ in range(2):
        with pytest.raises(TypeError, match="bytes is not JSON"):
            append.dump({"part": part})
    assert append.dump({"part": [part[:0]]}) == b'{"part":[[]]}\n'
