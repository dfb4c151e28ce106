"""Rows of lines that say the same, found from sums, are those that comparing all bones finds."""

from random import Random

from gittrace.trace.text.fingerprint import Line, bones_of, line_of, telling_run
from gittrace.trace.text.wrapped import Rows

_WORDS = ("alpha", "be", "gammaray", "x", ")", "(", ",", "}", "deltafunc", "return")
_Found = list[tuple[int, int, int, int]]


def _laid_out(random: Random, words: list[str]) -> list[bytes]:
    lines = [""]
    for word in words:
        lines[-1] += f"{word} "
        if random.random() < 0.4:
            lines.append("")
    return [line.encode() for line in lines if line.strip()]


def _starts(texts: list[bytes], lines: list[Line], of: set[int]) -> list[tuple[int, int]]:
    """Return (start, end) of the rows that count, in order."""
    size = len(texts)
    return [
        (start, end)
        for start in range(size)
        for end in range(start + 1, size + 1)
        if lines[start].length and lines[end - 1].length and of.intersection(range(start, end))
        if telling_run(lines[start:end])
    ]


def _expected(old: list[bytes], new: list[bytes], of: set[int]) -> _Found:
    said: dict[bytes, tuple[int, int]] = {}
    for start, end in _starts(old, list(map(line_of, old)), of):
        said.setdefault(bones_of(b"".join(old[start:end])), (start, end))
    found: _Found = []
    at = 0
    while at < len(new):
        ends = (end for end in range(at + 1, len(new) + 1) if bones_of(new[at]) and bones_of(new[end - 1]))
        same = next(((end, said[row]) for end in ends if (row := bones_of(b"".join(new[at:end]))) in said), None)
        if same:
            found.append((*same[1], at, same[0]))
        at = same[0] if same else at + 1
    return found


def test_rows_are_those_that_all_bones_tell() -> None:
    random = Random(7)
    total = 0
    for _ in range(300):
        words = random.choices(_WORDS, k=random.randrange(1, 30))
        old = _laid_out(random, words)
        if random.random() < 0.5:
            words[random.randrange(len(words))] = "another"
        new = _laid_out(random, words)
        of = {at for at in range(len(old)) if random.random() < 0.6}
        rows = Rows(list(map(line_of, old)), of)
        found = [(was.start, was.end, row.start, row.end) for was, row in rows.find(list(map(line_of, new)))]
        assert found == _expected(old, new, of)
        assert all(row.key in rows for _, row in rows.find(list(map(line_of, new))))
        total += len(found)
    assert total > 300
