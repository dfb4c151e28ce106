"""The parser of diffs: what git prints, and what it never would."""

import zlib
from base64 import b85encode
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.git.binary_patch import Binary, decode_line, resolve
from gittrace.git.diff import diff_trees
from gittrace.git.objects import EMPTY_TREE, EXECUTABLE, FILE, GITLINK, SYMLINK
from gittrace.git.patch import FilePatch, PatchError, added_runs, parse
from tests.support.repo import Repo
from tests.support.trees import NAMES, Tree, opened, write_trees

HEAD = b"diff --git a/x b/x\nindex " + b"1" * 40 + b".." + b"2" * 40 + b" 100644\n"
NAMED = HEAD + b"--- a/x\n+++ b/x\n"
ZERO = "0" * 40


def diff(repo: Repo, old: Tree, new: Tree) -> list[FilePatch]:
    """Return the parsed diff of two trees."""
    (found,) = diff_trees(opened(repo), [tuple(write_trees(repo, old, new))], 1 << 30)  # type: ignore[list-item]
    assert found.text is not None
    return parse(found.text)


@pytest.mark.parametrize("name", NAMES)
def test_names(repo: Repo, name: bytes) -> None:
    lines = b"".join(b"%d\n" % n for n in range(20))
    folder = b"d/" + name
    gone, fresh, moved = name + b"1", name + b"2", name + b"4"
    old: Tree = {name: (FILE, b"1\n"), gone: (FILE, b""), name + b"3": (FILE, lines), folder: (FILE, b"")}
    new: Tree = {name: (FILE, b"2\n"), fresh: (FILE, b"0\n"), moved: (FILE, lines + b"x"), folder: (EXECUTABLE, b"")}
    found = {(file.kind, file.old_path, file.new_path) for file in diff(repo, old, new)}
    assert found == {
        ("modify", name, name),
        ("delete", gone, None),
        ("add", None, fresh),
        ("rename", name + b"3", moved),
        ("modify", folder, folder),
    }


def test_the_parts_of_a_text_diff(repo: Repo) -> None:
    old = b"".join(b"%d\n" % n for n in range(1, 31))
    new = old.replace(b"5\n", b"five\nand\n", 1).replace(b"29\n30\n", b"29\n30")
    (file,) = diff(repo, {b"x": (FILE, old)}, {b"x": (EXECUTABLE, new)})
    assert (file.kind, file.path, file.old_mode, file.new_mode) == ("modify", b"x", FILE, EXECUTABLE)
    assert [(h.old_start, h.old_count, h.new_start, h.new_count) for h in file.hunks] == [(2, 7, 2, 8), (27, 4, 28, 4)]
    assert file.hunks[1].lines == (b" 27\n", b" 28\n", b" 29\n", b"-30\n", b"+30")
    assert (file.added, file.removed) == (3, 2)
    assert list(added_runs(file)) == [(5, (b"five", b"and")), (31, (b"30",))]


def test_runs_of_added_lines(repo: Repo) -> None:
    old = b"a\nb\nc\nd\n"
    (file,) = diff(repo, {b"x": (FILE, old)}, {b"x": (FILE, b"1\n2\r\na\nb\nX\nd\n\n")})
    assert list(added_runs(file)) == [(1, (b"1", b"2\r")), (5, (b"X",)), (7, (b"",))]
    (file,) = diff(repo, {}, {b"x": (FILE, b"1\n2")})
    assert list(added_runs(file)) == [(1, (b"1", b"2"))]
    (file,) = diff(repo, {b"x": (FILE, b"1\n2")}, {})
    assert list(added_runs(file)) == []
    assert (file.added, file.removed) == (0, 2)


def test_oids_and_modes_are_those_that_are_printed(repo: Repo) -> None:
    gitlink = b"3" * 40
    lines = b"x\n" * 30
    files = diff(
        repo,
        {b"gone": (SYMLINK, b"to"), b"same": (FILE, lines), b"mode": (FILE, b"1"), b"type": (FILE, b"1")},
        {b"sub": (GITLINK, gitlink), b"to": (FILE, lines), b"mode": (EXECUTABLE, b"1"), b"type": (SYMLINK, b"1")},
    )
    found = {(f.kind, f.path): (f.old_mode, f.new_mode, f.old_oid is None, f.new_oid) for f in files}
    assert found[("delete", b"gone")] == (SYMLINK, None, False, None)
    assert found[("add", b"sub")] == (None, GITLINK, True, gitlink.decode())
    assert found[("rename", b"to")] == (None, None, True, None)
    assert found[("modify", b"mode")] == (FILE, EXECUTABLE, True, None)
    assert found[("delete", b"type")][:2] == (FILE, None)
    assert found[("add", b"type")][:2] == (None, SYMLINK)


def test_binary_both_ways(repo: Repo) -> None:
    before = bytes(range(256)) * 20
    after = before[:1000] + b"changed" + before[1000:]
    (file,) = diff(repo, {b"x": (FILE, before)}, {b"x": (FILE, after)})
    assert file.forward is not None
    assert file.backward is not None
    assert (file.forward.method, file.backward.method) == ("delta", "delta")
    assert resolve(file.forward, before, 1 << 20) == after
    assert resolve(file.backward, after, 1 << 20) == before
    assert (file.added, file.removed, list(added_runs(file))) == (0, 0, [])
    (file,) = diff(repo, {}, {b"x": (FILE, after)})
    assert file.forward is not None
    assert file.forward.method == "literal"
    assert resolve(file.forward, b"", len(after)) == after


def test_copies(repo: Repo) -> None:
    lines = b"".join(b"%d\n" % n for n in range(30))
    old, new = write_trees(repo, {b"a": (FILE, lines)}, {b"b": (FILE, lines), b"c": (FILE, lines + b"x\n")})
    text = repo.run("git", "diff-tree", "-r", "-p", "--binary", "--full-index", "-C", old, new)
    assert [(f.kind, f.old_path, f.new_path) for f in parse(text)] == [("copy", b"a", b"b"), ("rename", b"a", b"c")]


def test_nothing_is_no_file() -> None:
    assert parse(b"") == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"diff --git a/x b/x", "its last line is cut short"),
        (b"hello\n", "cannot read line 1 of the diff: it should begin with 'diff --git'"),
        (b"diff --git a/x b/y\n", "the two names are not 'a/' and 'b/' of one path"),
        (b"diff --git x x\n", "the two names"),
        (b"diff --git a/ b/\n", "the two names"),
        (b'diff --git "a/x" b/x\n', "the two names"),
        (b"diff --git a/x b/x\nold mode 100644\n", "'new mode' is missing"),
        (b"diff --git a/x b/x\nnew file mode 8\n", "bad mode '8'"),
        (b"diff --git a/x b/y\nsimilarity index 100%\nrename from x\n", "'rename to' is missing"),
        (b"diff --git a/x b/x\nindex 123..456 100644\n", "bad index line"),
        (HEAD + b"Binary files a/x and b/x differ\n", "it was made without --binary"),
        (HEAD + b"--- a/x\n", "is missing"),
        (HEAD + b"--- a/y\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "'a/y' is not the file that was announced"),
        (HEAD + b"--- /dev/null\n+++ b/x\n@@ -1 +1 @@\n-a\n+b\n", "'/dev/null' is not the file"),
        (NAMED, "there is no hunk"),
        (NAMED + b"@@ -1 +1 @\n", "there is no hunk"),
        (NAMED + b"@@ -1,2 +1 @@\n-a\n", "the diff ends too early"),
        (NAMED + b"@@ -1,2 +1 @@\n-a\n+b\ndiff --git a/y b/y\n", "a hunk has fewer lines than it announced"),
        (NAMED + b"@@ -1 +1,2 @@\n-a\n-b\n", "a hunk has more lines than it announced"),
        (NAMED + b"@@ -1 +1 @@\n-a\n+b\n+c\n", "it should begin with 'diff --git'"),
        (NAMED + b"@@ -1 +99999999999 @@\n", "there is no hunk"),
        (HEAD + b"GIT binary patch\nzipped 3\n", "binary data is 'literal' or 'delta'"),
        (HEAD + b"GIT binary patch\nliteral 3\n!!!!\n\n", "has no length"),
        (HEAD + b"GIT binary patch\nliteral 3\nC0000\n\n", "has the wrong length"),
        (HEAD + b"GIT binary patch\nliteral 3\nC~~~~~\n\n", "cannot read line 5"),
        (HEAD + b"GIT binary patch\nliteral 3\n", "the diff ends too early"),
    ],
)
def test_what_git_would_not_print(data: bytes, why: str) -> None:
    with pytest.raises(PatchError) as error:
        parse(data)
    assert why in str(error.value)


@given(st.binary(min_size=1, max_size=52))
def test_lines_of_binary_data(data: bytes) -> None:
    letter = bytes([ord("A") + len(data) - 1 if len(data) <= 26 else ord("a") + len(data) - 27])
    assert decode_line(letter + b85encode(data, pad=True)) == data


def binary(method: str, content: bytes, announced: int | None = None) -> Binary:
    """Deflate one half of a binary patch."""
    return Binary(method, len(content) if announced is None else announced, zlib.compress(content))


@pytest.mark.parametrize(
    ("part", "why"),
    [
        (binary("literal", b"abc", 2), "is not of 2 bytes"),
        (binary("literal", b"abc", 4), "is not of 4 bytes"),
        (binary("literal", b"abc" * 1000), "its 3000 bytes are too many"),
        (Binary("literal", 3, b"abc"), "its binary data is damaged"),
        (Binary("literal", 3, zlib.compress(b"abc") + b"x"), "is not of 3 bytes"),
        (binary("delta", b"\x04\x01\x01x"), "its delta is for 4 bytes, not 3"),
        (binary("delta", b"\x03\xff\xff\x7f\x01x"), "bytes are too many"),
        (binary("delta", b"\x03" + b"\xff" * 20), "its delta announces an impossible size"),
        (binary("delta", b"\x03\x02\x01x"), "its delta is cut short"),
        (binary("delta", b"\x03\x01\x02xy"), "gone wild"),
        (binary("delta", b"\x03\x02\x02x"), "gone wild"),
        (binary("delta", b"\x03\x02\x00"), "gone wild"),
        (binary("delta", b"\x03\x05\x90\x05"), "gone wild"),
        (binary("delta", b"\x03\x05\x91"), "cut short"),
        (binary("delta", b""), "cut short"),
    ],
)
def test_damaged_binary_data(part: Binary, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        resolve(part, b"abc", 1000)


def test_no_more_is_inflated_than_was_announced() -> None:
    bomb = Binary("literal", 10, zlib.compress(bytes(1 << 26)))
    with pytest.raises(ValueError, match="is not of 10 bytes"):
        resolve(bomb, b"", 1000)


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_deltas_of_any_bytes(delta: bytes, source: bytes) -> None:
    with suppress(ValueError):
        assert len(resolve(binary("delta", delta), source, 1000)) <= 1000


@given(st.data())
def test_a_damaged_diff_is_an_error_of_ours(data: st.DataObject) -> None:
    sound = NAMED + b"@@ -1,2 +1 @@\n-a\n c\n\\ No newline at end of file\n" + HEAD + b"GIT binary patch\nliteral 3\n"
    at = data.draw(st.integers(0, len(sound)))
    damaged = sound[:at] + data.draw(st.binary(max_size=3)) + sound[at + data.draw(st.integers(0, 9)) :]
    with suppress(PatchError):
        assert all(isinstance(file, FilePatch) for file in parse(damaged))


def test_the_empty_tree_gives_additions(repo: Repo) -> None:
    (tree,) = write_trees(repo, {b"a": (FILE, b"")})
    (found,) = diff_trees(opened(repo), [(EMPTY_TREE["sha1"], tree)], 1 << 30)
    (file,) = parse(found.text or b"")
    assert (file.kind, file.old_oid, file.hunks) == ("add", None, ())
    assert file.new_oid == "e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
