"""Rows of letters: what makes one of another, and what is kept of the one before."""

import random
from array import array

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.trace.authorship.numbering import Numbering
from gittrace.trace.authorship.versions import Birth, Shelf
from gittrace.trace.text import lines as lines_module
from gittrace.trace.text.align import BLANK
from gittrace.trace.text.lines import Alphabet, Alphabets, split
from gittrace.trace.text.splices import splices, unlike
from tests.trace.authorship.plain import WRITER

ROWS = st.text("abc" + "".join(map(chr, range(5))), max_size=40)
_TEXTS = [b"", b"  ", b"}", b"  }", *(b"line %d" % number for number in range(8))]
TEXTS = st.lists(st.sampled_from(_TEXTS), max_size=12)


def _spliced(old: str, new: str) -> str:
    for one in reversed(splices(old, new)):
        old = old[: one.old] + new[one.new : one.new_end] + old[one.old_end :]
    return old


@given(ROWS, ROWS)
def test_splices_make_one_row_of_another(old: str, new: str) -> None:
    assert _spliced(old, new) == new


@given(ROWS, st.lists(st.tuples(st.integers(0, 40), st.integers(0, 3), ROWS), max_size=3))
def test_splices_make_one_row_of_another_that_is_much_the_same(old: str, edits: list[tuple[int, int, str]]) -> None:
    new = old
    for at, gone, come in edits:
        new = new[:at] + come + new[at + gone :]
    assert _spliced(old, new) == new


def test_splices_leave_out_what_is_the_same() -> None:
    old = "".join(map(chr, range(1000, 9000)))
    new = f"{old[:100]}new{old[100:3000]}{old[3050:5000]}{'x' * 500}{old[5001:]}"
    assert _spliced(old, new) == new
    assert sum(one.old_end - one.old + one.new_end - one.new for one in splices(old, new)) == 3 + 50 + 501


@given(st.lists(st.integers(0, 2), max_size=200), st.lists(st.integers(0, 200)))
def test_unlike_tells_what_differs(one: list[int], places: list[int]) -> None:
    things = [object(), object(), None]
    mine = [things[number] for number in one]
    theirs = list(mine)
    for at in places:
        if at < len(theirs):
            theirs[at] = things[0]
    assert list(unlike(mine, theirs)) == [at for at, thing in enumerate(theirs) if thing is not mine[at]]


@given(st.lists(TEXTS, max_size=4))
def test_lines_are_what_was_read(contents: list[list[bytes]]) -> None:
    alphabet = Alphabet()
    for texts in contents:
        lines = alphabet.lines(texts)
        assert lines.texts() == texts
        assert lines.keys() == [b"".join(text.split()) for text in texts]
        assert [letter == BLANK for letter in lines.said] == [not text.strip() for text in texts]
        for at, text in enumerate(texts):
            assert (lines.text(at), lines.key(at)) == (text, b"".join(text.split()))
            assert lines.says([b"".join(text.split())])
        assert not lines.says([b"nobody says that", None])


@given(st.lists(st.tuples(TEXTS, st.booleans()), max_size=5), st.booleans())
def test_contents_are_read_by_what_differs(contents: list[tuple[list[bytes], bool]], is_framed: bool) -> None:
    alphabets = Alphabets()
    frame = [b"a line that all of them have, so that they look alike, %d" % number for number in range(3)]
    for texts, is_ended in contents:
        data = b"\n".join([*frame, *texts, *frame] if is_framed else texts) + b"\n" * is_ended
        lines = alphabets.lines(data)
        assert lines
        assert lines.texts() == split(data)
        assert lines.said == Alphabet.lines(lines.alphabet, split(data)).said


def test_an_alphabet_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines_module, "_MOST_LETTERS", 4)
    alphabets = Alphabets()
    one, two = alphabets.lines(b"1\n2\n"), alphabets.lines(b"2\n3\n")
    assert one
    assert two
    assert one.alphabet is two.alphabet
    other = alphabets.lines(b"4\n5\n")
    assert other
    assert other.alphabet is not one.alphabet
    assert (one.texts(), other.texts()) == ([b"1", b"2"], [b"4", b"5"])
    assert alphabets.lines(b"1\n2\n3\n4\n5\n") is None
    assert alphabets.lines(b"1\n1\n1\n1\n1\n") is not None


@given(st.lists(TEXTS, min_size=1, max_size=5), st.integers(0, 9))
def test_lines_are_numbered_as_if_all_were_looked_at(contents: list[list[bytes]], seed: int) -> None:
    pick = random.Random(seed)
    births = [None, *(Birth(WRITER, b"line") for _ in range(3))]
    shelf, alphabet = Shelf(), Alphabet()
    numbering = Numbering(shelf)
    for texts in contents:
        lines = alphabet.lines(texts)
        whose = [pick.choice(births) for _ in texts]
        numbers = numbering.numbers(b"file", lines, whose)
        assert numbers == array("I", [shelf.number(text, birth) for text, birth in zip(texts, whose, strict=True)])
        assert [shelf.texts[number] for number in numbers] == texts
        assert [shelf.births[number] for number in numbers] == whose
