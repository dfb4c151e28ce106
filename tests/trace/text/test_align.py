"""Alignment of lines, and moves."""

from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.trace.authorship.moves import Block, find_moves
from gittrace.trace.text import align as module
from gittrace.trace.text.align import MOVED, align, aligned, key, says_something, trusted
from gittrace.trace.text.lines import Alphabet
from tests.trace.authorship.plain import row, spread

TEXTS = st.lists(st.sampled_from([b"", b"}", b"one", b"two", b"three", b"four", b"five"]), max_size=14)


@given(TEXTS, TEXTS)
def test_matches_are_equal_and_in_order(old: list[bytes], new: list[bytes]) -> None:
    match = align(old, new)
    taken = [at for at in match if at >= 0]
    assert taken == sorted(set(taken))
    assert all(new[at] == old[source] for at, source in enumerate(match) if source >= 0)


@given(TEXTS)
def test_a_text_is_itself(texts: list[bytes]) -> None:
    assert align(texts, texts) == list(range(len(texts)))


@given(TEXTS, TEXTS)
def test_stretches_are_as_long_as_they_can_be(old: list[bytes], new: list[bytes]) -> None:
    alphabet = Alphabet()
    found = aligned(row(alphabet, old), row(alphabet, new))
    assert spread(found, len(new)) == align(old, new)
    assert all(one.old_end < other.old or one.new_end < other.new for one, other in pairwise(found))


def _edited(rng: Random, texts: list[bytes]) -> list[bytes]:
    """Return lines of which some went, came, were said again, or moved."""
    new = texts.copy()
    for number in range(rng.randrange(1, 8)):
        at, size = rng.randrange(len(new) + 1), rng.choice((1, 2, 5, 40))
        moved = new[at : at + size]
        del new[at : at + rng.randrange(size + 1)]
        to = rng.randrange(len(new) + 1)
        others = [b"line %d of change %d" % (line, number) for line in range(size)]
        new[to:to] = rng.choice((others, moved, [rng.choice((b"", b"}", b"twice"))] * size, []))
    return new


@pytest.mark.parametrize("seed", range(40))
def test_long_rows_are_aligned_as_lists_are(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng, alphabet = Random(seed), Alphabet()
    told: list[bool] = []
    real = module._first_anchors
    monkeypatch.setattr(module, "_LONG", 0)

    def first_anchors(old: str, new: str) -> list[tuple[int, int]] | None:
        found = real(old, new)
        told.append(found is not None)
        return found

    monkeypatch.setattr(module, "_first_anchors", first_anchors)
    for _ in range(10):
        old = [rng.choice((b"", b"}", b"line %d" % at, b"line %d" % at)) for at in range(rng.randrange(1, 300))]
        new = _edited(rng, old)
        assert spread(aligned(row(alphabet, old), row(alphabet, new)), len(new)) == align(old, new)
    assert any(told)


def test_unknown_lines_match_nothing() -> None:
    assert align([None, b"one", None], [b"zero", b"one", b"two"]) == [-1, 1, -1]


def test_a_line_that_is_there_twice_is_told_by_what_is_around() -> None:
    old = [b"a", b"}", b"anchor line", b"}", b"b"]
    assert align(old, [b"x", b"}", b"y", b"anchor line", b"}", b"z"]) == [-1, 1, -1, 2, 3, -1]
    assert align(old, [b"x", b"}", b"y", b"}", b"z"]) == [-1] * 5


def test_trivial_matches_prove_nothing() -> None:
    old, new = [b"first", b"}", b"last"], [b"other", b"}", b"else"]
    assert align(old, new) == [-1, 1, -1]
    assert _trusted(old, new) == [-1, -1, -1]


def test_all_of_a_similar_file_counts() -> None:
    old = [b"{", b"a", b"b", b"}"]
    assert _trusted(old, [b"{", b"a", b"c", b"}"]) == [0, 1, -1, 3]


def _trusted(old: list[bytes], new: list[bytes]) -> list[int]:
    alphabet = Alphabet()
    letters = row(alphabet, new)
    return spread(trusted(aligned(row(alphabet, old), letters), letters, alphabet.keys), len(new))


def test_keys_leave_white_space_out() -> None:
    assert key(b"\tx =  1 \r") == b"x=1"
    assert not says_something([b"}", b""])
    assert says_something([b"value=compute(argument)"])


def test_move_between_blocks_takes_its_neighbours_along() -> None:
    away = Block([b"}", b"thefirstlineofthefile()", b"{", b"}"], [])
    here = Block([], [b"}", b"thefirstlineofthefile()", b"{", b"new"])
    find_moves([away, here])
    assert here.taken == [(0, 0), (0, 1), (0, 2), None]


@pytest.mark.parametrize(("said", "moved"), [(b"x" * MOVED, True), (b"x" * (MOVED - 1) + b"()", False)])
def test_what_could_as_well_be_written_anew_is_not_moved(said: bytes, moved: bool) -> None:
    away, here = Block([said], []), Block([], [said])
    find_moves([away, here])
    assert here.taken == [(0, 0) if moved else None]


def test_trivial_line_is_not_moved() -> None:
    away, here = Block([b"}"], []), Block([], [b"}"])
    find_moves([away, here])
    assert here.taken == [None]


def test_ambiguous_line_is_not_moved() -> None:
    away = Block([b"thefirstlineofthefile()", b"x", b"thefirstlineofthefile()"], [])
    here = Block([], [b"thefirstlineofthefile()"])
    find_moves([away, here])
    assert here.taken == [None]
