"""What is kept of an output."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gittrace.capture.output import Output
from gittrace.vocabulary import OUTPUT_HEAD, OUTPUT_TAIL

BOUND = OUTPUT_HEAD + OUTPUT_TAIL


def _fed(directory: Path, data: bytes, sizes: list[int], **options: int) -> Output:
    output = Output(str(directory), **options)
    view = memoryview(data)
    while view:
        size = sizes.pop(0) if sizes else len(view)
        output.feed(view[:size])
        view = view[size:]
    return output


@given(
    total=st.sampled_from(
        [0, 1, OUTPUT_HEAD - 1, OUTPUT_HEAD, OUTPUT_HEAD + 1, BOUND - 1, BOUND, BOUND + 1, 5 * BOUND]
    ),
    sizes=st.lists(st.integers(1, 3 * OUTPUT_TAIL), max_size=20),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_head_tail_and_whole(tmp_path: Path, total: int, sizes: list[int]) -> None:
    data = bytes(i * i % 251 for i in range(1009)) * (total // 1009 + 1)
    output = _fed(tmp_path, data[:total], sizes)
    try:
        assert output.total == total
        assert output.head == data[:total][:OUTPUT_HEAD]
        assert output.tail == data[OUTPUT_HEAD:total][-OUTPUT_TAIL:]
        assert b"".join(output.chunks(10_000)) == data[:total]
        assert output.is_whole == (output.spool is None) == (total <= BOUND)
        assert not list(tmp_path.iterdir())
    finally:
        output.close()


def test_whole_that_is_too_large_is_given_up(tmp_path: Path) -> None:
    data = bytes(range(256)) * 2000
    output = _fed(tmp_path, data, [BOUND, 1000], limit=BOUND + 2000)
    assert output.spool is None
    assert "more than" in output.lost
    assert (output.head, output.tail) == (data[:OUTPUT_HEAD], data[-OUTPUT_TAIL:])
    with pytest.raises(ValueError, match="more than"):
        list(output.chunks())


def test_whole_that_cannot_be_kept_is_told(tmp_path: Path) -> None:
    output = _fed(tmp_path / "missing", b"x" * (BOUND + 1), [])
    assert output.lost == "cannot keep the whole output: No such file or directory"
    assert output.total == BOUND + 1


def test_nothing_is_taken_after_the_end(tmp_path: Path) -> None:
    output = _fed(tmp_path, b"abc", [])
    output.finish()
    output.feed(memoryview(b"def"))
    assert (output.total, output.head) == (3, b"abc")
