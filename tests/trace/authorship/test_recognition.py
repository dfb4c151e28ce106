"""That what is told quickly of a content is what looking at everything tells, and that it stays quick."""

from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.model.attribution import Writer
from gittrace.trace.authorship import recognition
from gittrace.trace.authorship.moments import Allowed
from gittrace.trace.authorship.versions import Birth, Shelf, Version, When
from gittrace.trace.text import lines
from gittrace.trace.text.align import Stretch, align, aligned, trusted
from gittrace.trace.text.lines import Alphabet
from tests.trace.authorship import plain
from tests.trace.authorship.plain import PATH, History, plain_align, plain_trusted, row, spread

_WORDS = [b"", b"}", *(b"line %d" % number for number in range(12))]
SESSIONS = ("s0", "s1", "s2", "s3")
TEXTS = st.lists(st.sampled_from(_WORDS), max_size=20)
HOLES = st.lists(st.sampled_from([None, *_WORDS]), max_size=20)


@given(HOLES, TEXTS)
def test_texts_are_aligned_as_in_the_plainest_way(old: list[bytes | None], new: list[bytes]) -> None:
    match = align(old, new)
    assert match == plain_align(old, new)
    alphabet = Alphabet()
    lines = alphabet.lines(new)
    stretches = aligned(row(alphabet, old), lines.row)
    assert spread(stretches, len(new)) == match
    assert spread(trusted(stretches, lines.row, alphabet.keys), len(new)) == plain_trusted(match, new)


@given(TEXTS, st.lists(st.tuples(st.integers(0, 20), st.integers(0, 3), TEXTS), max_size=3))
def test_versions_of_a_text_are_aligned_as_in_the_plainest_way(
    old: list[bytes], edits: list[tuple[int, int, list[bytes]]]
) -> None:
    new = list(old)
    for at, gone, come in edits:
        new[at : at + gone] = come
    assert align(old, new) == plain_align(old, new)


def _plain(birth: Birth | None) -> tuple[Writer, bytes] | None:
    return (birth.writer, birth.text) if birth else None


def _until(moment: int) -> Allowed:
    def allowed(when: When) -> bool:
        return int(when.at) <= moment

    return allowed


@pytest.mark.parametrize("seed", range(30))
def test_a_content_is_known_as_if_all_was_looked_at(seed: int) -> None:
    seen: Counter[bool | None] = Counter()
    # some things happen in the first edits of a file only, others only later
    for number, edits in enumerate((40, *[6] * 12)):
        history = History(seed * 100 + number, telling=(0.3, 0.6, 0.9)[seed % 3])
        for _ in range(edits):
            history.edit(history.random.choice((None, *SESSIONS)))
            seen.update(_compared(history))
    assert min(seen[True], seen[False], seen[None]) > 5


@pytest.mark.parametrize("seed", range(30, 36))
def test_a_content_is_known_with_another_alphabet_too(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "_MOST_LINES", 30)
    monkeypatch.setattr(lines, "_MOST_LETTERS", 50)
    history = History(seed, size=10, telling=0.6)
    for _ in range(60):
        history.edit(history.random.choice((None, *SESSIONS)))
        for _ in _compared(history):
            pass
    alphabets = {content.alphabet for content in history.contents._contents.values()}
    assert len(alphabets) > 3


def _compared(history: History) -> Iterator[bool | None]:
    """Compare a content both ways; yield of each line whether it is somebody's, None where that is not known."""
    pick = history.random
    content = history.contents.lines(b"\n".join(history.other()))
    assert content
    allowed = _until(pick.choice((history.moment, pick.randrange(history.moment + 1))))
    noted = set(pick.sample(SESSIONS, pick.choice((0, 0, 1, 2))))
    found = history.lineage.compare(PATH, content, allowed, noted)
    expected = plain.compare(history.lineage, content.keys(), allowed, noted)
    # two that are put together of the same are equal
    known = {at: _plain(birth) for at, birth in enumerate(found.births) if found.known[at]}
    assert known == {at: _plain(birth) for at, birth in expected.items()}
    for at, birth in enumerate(found.births):
        assert birth is None or at in known
        yield birth is not None if at in known else None


def _aligned(monkeypatch: pytest.MonkeyPatch, edits: int) -> int:
    """Return how many lines are aligned in a history in which every second edit is nobody's, and sessions go."""
    lines = 0

    def counting(old: str, new: str) -> list[Stretch]:
        nonlocal lines
        lines += len(new)
        return aligned(old, new)

    monkeypatch.setattr(recognition, "aligned", counting)
    history = History(1, size=200, telling=1)
    for number in range(edits):
        history.edit(f"s{number // 10:03}" if number % 2 else None)
    return lines


def test_what_is_aligned_grows_with_the_edits_and_not_with_the_sessions_before(monkeypatch: pytest.MonkeyPatch) -> None:
    few, many = _aligned(monkeypatch, 100), _aligned(monkeypatch, 400)
    assert 0 < many < 6 * few


@given(st.lists(st.tuples(st.integers(0, 30), st.sampled_from(["birth", "tell", "extend", "cut"]), st.integers(0, 4))))
def test_a_version_is_three_lists(changes: list[tuple[int, str, int]]) -> None:
    shelf = Shelf()
    version = Version(PATH, shelf, shelf.numbers([b"a 1", b"b"], [b"a1", b"b"], [None, None]))
    texts: list[bytes | None] = [b"a 1", b"b"]
    births: list[Birth | None] = [None, None]
    known = [None, *(Birth(plain.WRITER, b"line") for _ in range(4))]
    for place, what, number in changes:
        at = place % len(texts)
        if what == "birth":
            version.bear(at, known[number])
            births[at] = known[number]
        elif what == "tell" and texts[at] is None:
            texts[at] = b"told %d" % number
            version.tell(at, texts[at] or b"")
        elif what == "extend":
            version.extend(number)
            texts, births = texts + [None] * number, births + [None] * number
        elif what == "cut" and len(texts) > 1:
            version = Version(PATH, shelf, version.numbers[1:])
            texts, births = texts[1:], births[1:]
        assert version.texts() == texts
        assert version.keys() == [text and text.replace(b" ", b"") for text in texts]
        assert version.births() == births


def test_many_states_of_a_long_file_are_small() -> None:
    history = History(1, size=2_000, telling=1)
    for _ in range(300):
        history.edit("s0")
    # three lists of pointers would take 24 bytes a line, in each of them
    assert history.lineage.size < 300 * 2_000 * 8
