"""What is left of terminal output as text."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gittrace.capture.screen import bounded, plain_text

ESC = "\x1b"


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (b"", ""),
        (b"a\tb\n\nc", "a\tb\n\nc"),
        (b"a\r\nb\r\n", "a\nb\n"),
        (b"a\r\r\nb", "a\nb"),
        ("ü°\u00a0€🎉\n".encode(), "ü°\u00a0€🎉\n"),
        (b"\xff caf\xc3", "\\xff caf\\xc3"),
        (b"\x1b[1;31mred\x1b[0m \x1b[38:2::1:2:3mx\x1b[m", "red x"),
        (b"\x1b]0;title\x07a\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "alink"),
        (b"\x1b]0;no end\nnext line", "\nnext line"),
        (b"\x1bPq#0;2;0~~\n~~\x1b\\picture", "picture"),
        (b"\x1b(B\x1b)0\x1b=text\x1b>", "text"),
        (b"\x1b[?25l\x1b[?2004hq\x1b[>4;2m", "q"),
        (b"bell\x07 nul\x00 del\x7f", "bell nul del"),
        ("C1 \u009b31mred\u009b0m \u0085x".encode(), "C1 red \nx"),
    ],
)
def test_codes_are_gone(printed: bytes, seen: str) -> None:
    assert plain_text(printed) == seen


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (b"abc\rX\n", "Xbc\n"),
        (b" 10%\r 50%\r100%\n", "100%\n"),
        (b"downloading\x1b[2K\rdone\n", "done\n"),
        (b"downloading\r\x1b[Kdone\n", "done\n"),
        (b"abc\x1b[2D\x1b[Kx", "ax"),
        (b"abc\x1b[1K", "   "),
        (b"_\bu_\bn", "un"),
        (b"- \b\b\\ \b\b| \b\bok", "ok"),
        (b"x\x1b[5Cy\x1b[3Gz", "x z   y"),
        (b"a\tb\rX", "X\tb"),
        (b"abcdef\rab\x1b[2Pef", "abef"),
        (b"ad\b\x1b[2@bc", "abcd"),
        (b"abcd\r\x1b[2Xx", "x cd"),
        (b"a\x1b[99999999999999Gb", "a" + " " * 999 + "b"),
    ],
)
def test_line_that_is_drawn_again(printed: bytes, seen: str) -> None:
    assert plain_text(printed) == seen


@pytest.mark.parametrize(
    ("printed", "seen"),
    [
        (b"one\ntwo\n\x1b[2A\x1b[KONE\n\x1b[KTWO\n", "ONE\nTWO\n"),
        (b"one\ntwo\n\x1b[2F\x1b[Jthree\n", "three\n"),
        (b"a\nb\nc\x1b[1Ax\x1b[Bz", "a\nbx\nc z"),
        (b"a\x1b7bc\x1b8X", "aXc"),
        (b"a\x1b[9Ab\x1b[9Bc", "abc"),
        (b"a\nb\x1bMc", "ac\nb"),
    ],
)
def test_lines_above_are_drawn_again(printed: bytes, seen: str) -> None:
    assert plain_text(printed) == seen


def test_what_was_printed_before_the_screen_was_cleared_stays() -> None:
    assert plain_text(b"log\n\x1b[H\x1b[2J\x1b[3Jnew\n") == "log\nnew\n"


def test_of_frames_the_last_is_left() -> None:
    frames = b"".join(b"\x1b[H\x1b[2Jframe %d\nline\n" % i for i in range(5))
    assert plain_text(b"log\n" + frames) == "log\nframe 4\nline\n"
    frames = b"".join(b"\x1b[H\x1b[Jframe %d\nline\n" % i for i in range(5))
    assert plain_text(frames) == "frame 4\nline\n"


@pytest.mark.parametrize("number", [b"1049", b"1047", b"47"])
def test_alternate_screen_is_left_out(number: bytes) -> None:
    assert plain_text(b"a\n\x1b[?%sh~\n~\n:q\x1b[?%slb\n" % (number, number)) == "a\nb\n"
    assert plain_text(b"a\n\x1b[?%sh~ killed" % number) == "a\n"
    assert plain_text(b"kept\n\x1b[?%slb\n" % number) == "kept\nb\n"


_BITS = [
    *"\x1b \x1b[ \x1b] \r \n \b \t \x07 ; ? 0 1 2 7 49 9999999999 abc é ٣ ² \u009b \u0085".split(" "),
    *"ABCDEFGHJKP@XsuMcdfmhl",
    *(f"{ESC}{code}" for code in ("[?1049h", "[?1049l", "7", "8")),
]
_PRINTED = st.one_of(
    st.binary(), st.lists(st.sampled_from(_BITS)).map(lambda bits: "".join(bits).encode()), st.text().map(str.encode)
)


@given(_PRINTED)
@example(b"\x1b[H\x1b7\n\n\n\x1b[2J\x1b8x")
def test_never_fails_and_leaves_no_control_character(printed: bytes) -> None:
    text = plain_text(printed)
    assert not [c for c in text if (c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f"]
    text.encode()


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"]) | st.sampled_from("\n\t")))
def test_text_is_left_as_it_is(text: str) -> None:
    assert plain_text(text.encode()) == text
    assert plain_text(text.replace("\n", "\r\n").encode()) == text


@given(_PRINTED, _PRINTED, st.integers(1, 10**12))
def test_bounded_names_what_it_left_out(head: bytes, tail: bytes, more: int) -> None:
    text = bounded(head, tail, len(head) + len(tail) + more)
    assert " bytes left out ...]\n" in text
    assert bounded(head, tail, len(head) + len(tail)) == plain_text(head + tail)


def test_bounded_cuts_at_lines() -> None:
    assert bounded(b"one\ntwo\nthr", b"ur\nfive\n", 1000) == "one\ntwo\n[... 987 bytes left out ...]\nfive\n"


def test_bounded_cuts_at_characters_and_codes() -> None:
    assert bounded("aé".encode()[:-1], "éb".encode()[1:], 100) == "a\n[... 98 bytes left out ...]\nb"
    assert bounded(b"a\x1b[3", b"b", 100) == "a\n[... 98 bytes left out ...]\nb"


def test_bounded_within_the_alternate_screen() -> None:
    text = bounded(b"shell\n\x1b[?1049hfull\nscreen\n", b"x\nscreen\n\x1b[?1049lend\n", 1000)
    assert text.startswith("shell\n[... ")
    assert text.endswith(" bytes left out ...]\nend\n")
