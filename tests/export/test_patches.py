import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.export.patches import FileChange, language, summarize
from tests.support.repo import Repo

ODD_NAMES = [
    b"plain.py", b"a b.txt", b"tab\there", b'quo"te', b"new\nline", b"back\\slash", b" b/x", b"a/b => c",
    b"caf\xc3\xa9", b"latin\xe9", b"x b/x b", b"trailing ", b"deep/er/file", b"-- dash",
]  # fmt: skip


def diff_of(repo: Repo) -> str:
    """Return the diff of what is staged, as gittrace stores it."""
    args = ("-c", "core.quotePath=false", "diff", "--cached", "--binary", "--full-index", "-M")
    return repo.run("git", *args).decode("utf-8", "backslashreplace")


def shown(name: bytes) -> str:
    return name.decode("utf-8", "backslashreplace")


@pytest.mark.parametrize("name", ODD_NAMES)
def test_odd_names(repo: Repo, name: bytes) -> None:
    for content in (b"", b"one\ntwo\n", b"\0\1\2binary"):
        repo.write(name, content)
        repo.git("add", "-A")
        (file,) = summarize(diff_of(repo)).files
        # git itself says how many lines
        counts = repo.run("git", "diff", "--cached", "--numstat", "-z").split(b"\t")[:2]
        expected = (0, 0) if counts[0] == b"-" else (int(counts[0]), int(counts[1]))
        assert (file.path, file.added, file.removed) == (shown(name), *expected)
        assert file.binary == (counts[0] == b"-")
        repo.git("commit", "-q", "-m", "x")
        repo.git("rm", "-q", "--cached", "--", name)
        assert [one.path for one in summarize(diff_of(repo)).files] == [shown(name)]
        repo.git("commit", "-q", "-m", "y")


def test_renames_modes_links_and_contents_that_look_like_headers(repo: Repo) -> None:
    lines = ["diff --git a/x b/x", "--- a/x", "+++ b/x", "@@ -1 +1 @@", "GIT binary patch"]
    trap = "".join(f"{line}\n" for line in lines)
    for name in ("moved", "mode", "trap", "gone"):
        repo.write(name, f"{name}\n" * 9 + trap)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "x")
    repo.git("mv", "moved", "to")
    repo.write("mode", "mode\n" * 9 + trap, mode=0o755)
    repo.write("trap", trap + "trap\n" * 9 + trap + "no line feed")
    repo.git("rm", "-q", "gone")
    os.symlink("to", repo.top / "link")
    repo.git("add", "-A")
    files = {file.path: file for file in summarize(diff_of(repo)).files}
    assert {name: (file.added, file.removed) for name, file in files.items()} == {
        "to": (0, 0), "mode": (0, 0), "trap": (6, 0), "gone": (0, 14), "link": (1, 0),
    }  # fmt: skip
    assert str(summarize(diff_of(repo))) == "5 files changed, 7 insertions(+), 14 deletions(-)"


def test_snippets_are_the_lines_of_the_new_file(repo: Repo) -> None:
    lines = [f"line {number}\n" for number in range(1, 41)]
    repo.commit("f", "".join(lines))
    lines[1], lines[29] = "two\n", "thirty\nand one more\n"
    repo.write("f", "".join(lines))
    repo.git("add", "f")
    (file,) = summarize(diff_of(repo)).files
    new = "".join(lines).splitlines(keepends=True)
    assert len(file.hunks) == 2
    for hunk in file.hunks:
        assert hunk.text == "".join(new[hunk.start - 1 : hunk.start - 1 + hunk.lines])
    assert not file.rewritten


@pytest.mark.parametrize(
    ("old", "new", "rewritten"),
    [
        ("abcdefghij", "klmnopqrst", True),
        ("abcdefghij", "aklmnopqj", True),
        ("abcdefghij", "abcdefghijk", False),
        ("abcdefghij", "klmnefghij", False),
        ("abcd", "efgh", False),
        ("", "abcdefghij", False),
        ("abcdefghij", "", False),
    ],
)
def test_a_file_that_was_rewritten_is_told(repo: Repo, old: str, new: str, rewritten: bool) -> None:
    repo.commit("f", "".join(f"{letter}\n" for letter in old))
    repo.write("f", "".join(f"{letter}\n" for letter in new))
    repo.git("add", "f")
    assert summarize(diff_of(repo)).files[0].rewritten is rewritten


@given(st.text(st.sampled_from('ab/ "\\\n@+-0123 ,')) | st.text())
def test_no_text_breaks_it(text: str) -> None:
    assert summarize(text).added >= 0
    (file,) = summarize(f"diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n{text}").files
    assert file.path == "x" or "+++ " in text or "rename to " in text or "copy to " in text
    assert isinstance(summarize(f'diff --git "a/{text}').files[0], FileChange)


def test_languages() -> None:
    names = ["a.py", "b.TS", "Makefile", "x/y.tar.gz", ".gitignore", "src.d/z"]
    assert [language(name) for name in names] == ["python", "typescript", None, None, None, None]
