"""Output that is nothing but lines, and the border to what needs a screen."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.capture import screen
from gittrace.capture.lines import bounded, plain_lines


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (b"", ""),
        (b"a\tb\r\n\nc", "a\tb\n\nc"),
        ("é \xa0 日本\n".encode(), "é \xa0 日本\n"),
        (b"\xff caf\xc3\n\xc2", "\\xff caf\\xc3\n\\xc2"),
    ],
)
def test_lines(printed: bytes, seen: str) -> None:
    assert plain_lines(printed) == seen


@pytest.mark.parametrize(
    "printed", [b"a\rb", b"a\r\r\n", b"\x1b[m", b"a\x08", b"\x00", b"\x7f", b"\xc2\x80", b"\xc2\x9f"]
)
def test_what_is_more_than_lines_is_left_to_the_screen(printed: bytes) -> None:
    assert plain_lines(b"text\n" + printed) is None
    assert bounded(b"text\n", printed, 5 + len(printed)) == screen.plain_text(b"text\n" + printed)


@given(st.binary(max_size=30), st.binary(max_size=30), st.integers(0, 5))
def test_is_bounded_as_the_screen_does_it(head: bytes, tail: bytes, missing: int) -> None:
    total = len(head) + len(tail) + missing
    assert bounded(head, tail, total) == screen.bounded(head, tail, total)
