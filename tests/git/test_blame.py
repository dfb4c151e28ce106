"""What `git blame` says is read as it is."""

import pytest

from gittrace.errors import Damaged
from gittrace.git.blame import blame, parse_porcelain
from gittrace.git.repository import discover
from tests.support.repo import Repo

ONE, TWO = b"1" * 40, b"2" * 64
ABOUT = b"author-time 86400\nauthor-tz -0130\nboundary\n"


def test_lines_are_as_git_has_them(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = [b"", b"\ttab", b"1" * 40 + b" 1 1 1", b"author no one", b"carriage\r", b"\xff\0\x0b\x1c", b"no end"]
    commit = repo.commit("a b", "\n", "first")
    (repo.top / "a b").write_bytes(b"\n".join(texts))
    monkeypatch.chdir(repo.top)
    lines = blame(discover(), b"a b", None, ())
    assert [line.text for line in lines] == texts
    assert [line.line for line in lines] == list(range(1, len(texts) + 1))
    source = lines[0].source
    assert (source.commit, source.path, source.summary, source.committed) == (commit, b"a b", "first", True)
    assert not any(line.source.committed for line in lines[1:])


def test_a_commit_is_told_of_once_though_it_has_two_of_the_paths() -> None:
    rows = [
        b"%b 3 1 1\nauthor A \xc3\xa9\n%bfilename old\n\tone\n" % (ONE, ABOUT),
        b'%b 7 2 2\nauthor B\nfilename "a\\nb"\n\ttwo\n%b 8 3\n\tthree\n' % (TWO, TWO),
        b"%b 4 4 1\nprevious %b x\nfilename new\n\tfour\n" % (ONE, TWO),
        b"%b 9 5 1\n\tfive\n" % TWO,
    ]
    lines = parse_porcelain(b"".join(rows))
    assert [(line.source.path, line.source_line, line.line, line.text) for line in lines] == [
        (b"old", 3, 1, b"one"),
        (b"a\nb", 7, 2, b"two"),
        (b"a\nb", 8, 3, b"three"),
        (b"new", 4, 4, b"four"),
        (b"a\nb", 9, 5, b"five"),
    ]
    for line in (lines[0], lines[3]):
        source = line.source
        assert (source.author, source.time, source.zone, source.boundary) == ("A é", 86400, "-0130", True)


@pytest.mark.parametrize("data", [b"%b 1 1 1\n\ttext\n" % ONE, b"%b 1 1 1\nfilename x\n\ta\n\tb\n" % ONE, b"x\n\ty\n"])
def test_what_is_no_answer_of_git_is_not_taken_for_one(data: bytes) -> None:
    with pytest.raises(Damaged):
        parse_porcelain(data)
