"""A diff that is applied in memory leads to the tree that it was made of; git is the judge."""

from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gittrace.errors import TraceError
from gittrace.git.apply import apply
from gittrace.git.diff import diff_trees
from gittrace.git.objects import EXECUTABLE, FILE, GITLINK, SYMLINK, ObjectMissing, open_objects
from gittrace.git.patch import PatchError
from gittrace.git.trees import BadPath, TreeEditor
from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.trees import Tree, opened, tree_pairs, write_trees

# `git apply` gives up on empty files below a directory with a space at an end, and on files that are moved below what
# was a symlink
GIT_REFUSES = ("lacks filename information", "is beyond a symbolic link")
LINES = b"".join(b"%d\n" % n for n in range(1, 31))
NOISE = bytes(range(256)) * 12


def diff(repo: Repo, old: str, new: str, object_format: str = "sha1") -> bytes:
    """Return the diff of two trees."""
    (found,) = diff_trees(opened(repo, object_format), [(old, new)], 1 << 30)
    assert found.text is not None
    return found.text


def applied(repo: Repo, tree: str, data: bytes, object_format: str = "sha1") -> str:
    """Return the tree that a diff leads to."""
    with open_objects(opened(repo, object_format)) as store:
        editor = TreeEditor(store, tree)
        apply(data, editor)
        return editor.tree_oid()


@pytest.fixture(scope="module", params=["sha1", "sha256"])
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, str]:
    """One repository for many examples, and its format."""
    place = tmp_path_factory.mktemp("lasting")
    (place / "home").mkdir()
    return make_repo(place / "repo", hermetic_environment(place / "home"), request.param), request.param


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_any_diff_leads_to_its_tree(lasting: tuple[Repo, str], data: st.DataObject) -> None:
    repo, object_format = lasting
    old, new = write_trees(repo, *data.draw(tree_pairs(64 if object_format == "sha256" else 40)))
    text = diff(repo, old, new, object_format)
    assert applied(repo, old, text, object_format) == new
    if not text:
        assert old == new
        return
    index = {"GIT_INDEX_FILE": str(repo.git_dir / "judge")}
    repo.run("git", "read-tree", old, env=index)
    repo.run("git", "apply", "--cached", "--whitespace=nowarn", "-", stdin=text, env=index, status=None)
    if repo.status:
        assert any(words in repo.errors for words in GIT_REFUSES), repo.errors
    else:
        assert repo.git("write-tree", "--missing-ok", env=index) == new


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_tampered_diff_leads_nowhere_or_to_a_tree(lasting: tuple[Repo, str], data: st.DataObject) -> None:
    """It raises nothing but our own errors, and makes no blob that the oids didn't vouch for."""
    repo, object_format = lasting
    old, new = write_trees(
        repo,
        {b"a": (FILE, LINES), b"b": (FILE, NOISE), b"gone": (FILE, LINES + LINES)},
        {b"a": (FILE, LINES[3:]), b"b": (FILE, NOISE + b"\0x" + NOISE), b"to": (FILE, LINES + LINES + b"x")},
    )
    text = bytearray(diff(repo, old, new, object_format))
    at = data.draw(st.integers(0, len(text) - 1))
    text[at : at + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=5))
    with open_objects(opened(repo, object_format)) as store, suppress(TraceError):
        editor = TreeEditor(store, old)
        apply(bytes(text), editor)
        made = {change.new_oid for change in editor.objects.changes(None, editor.tree_oid())}
        assert made <= {change.new_oid for tree in (old, new) for change in store.changes(None, tree)}


CASES: dict[str, tuple[Tree, Tree]] = {
    "no end of line": ({b"x": (FILE, b"a\nb")}, {b"x": (FILE, b"a\nb\n")}),
    "end of line lost": ({b"x": (FILE, b"a\nb\n")}, {b"x": (FILE, b"a\nb")}),
    "no end of line on either side": ({b"x": (FILE, b"a\nb")}, {b"x": (FILE, b"a\nc")}),
    "carriage returns": ({b"x": (FILE, b"a\r\nb\r\n\r")}, {b"x": (FILE, b"a\r\nc\r\n\r\r")}),
    "only white space": ({b"x": (FILE, b"a\n")}, {b"x": (FILE, b"a \n\t\n\n")}),
    "emptied": ({b"x": (FILE, b"a\n")}, {b"x": (FILE, b"")}),
    "filled": ({b"x": (FILE, b"")}, {b"x": (FILE, b"a")}),
    "headers in lines": ({b"x": (FILE, b"-- a/x\n")}, {b"x": (FILE, b"++ b/x\ndiff --git a/y b/y\n")}),
    "mode": ({b"x": (FILE, b"a")}, {b"x": (EXECUTABLE, b"a")}),
    "mode and text": ({b"x": (FILE, b"a")}, {b"x": (EXECUTABLE, b"b")}),
    "symlink": ({b"x": (SYMLINK, b"a")}, {b"x": (SYMLINK, b"b")}),
    "file to symlink": ({b"x": (FILE, b"a")}, {b"x": (SYMLINK, b"a")}),
    "binary to symlink": ({b"x": (FILE, NOISE)}, {b"x": (SYMLINK, b"a")}),
    "file to gitlink": ({b"x": (FILE, b"a")}, {b"x": (GITLINK, b"1" * 40)}),
    "gitlink": ({b"x": (GITLINK, b"2" * 40)}, {b"x": (GITLINK, b"1" * 40)}),
    "gitlink gone": ({b"x": (GITLINK, b"2" * 40), b"y": (FILE, b"")}, {b"y": (FILE, b"")}),
    "gitlink moved": ({b"x": (GITLINK, b"2" * 40)}, {b"y/z": (GITLINK, b"2" * 40)}),
    "file to directory": ({b"x": (FILE, b"a")}, {b"x/y": (FILE, b"b"), b"x/z": (FILE, b"")}),
    "directory to file": ({b"x/y": (FILE, b"b"), b"x/z/q": (FILE, b"")}, {b"x": (FILE, b"a")}),
    "moved into itself": ({b"x": (FILE, LINES)}, {b"x/y": (FILE, LINES)}),
    "moved out of itself": ({b"x/y": (FILE, LINES)}, {b"x": (FILE, LINES)}),
    "rename with an edit": ({b"x": (FILE, LINES)}, {b"y/z": (EXECUTABLE, LINES + b"a\n")}),
    "one becomes two": ({b"x": (FILE, LINES)}, {b"y": (FILE, LINES), b"z": (FILE, LINES)}),
    "binary": ({b"x": (FILE, NOISE)}, {b"x": (FILE, NOISE[:500] + b"xyz" + NOISE[400:])}),
    "binary rename": ({b"x": (FILE, NOISE)}, {b"y": (FILE, NOISE[:500] + b"xyz" + NOISE[500:])}),
    "binary to text": ({b"x": (FILE, NOISE)}, {b"x": (FILE, b"a\n")}),
    "late NUL": ({b"x": (FILE, LINES * 300)}, {b"x": (FILE, LINES * 300 + b"\0\n")}),
    "everything gone": ({b"x": (FILE, b"a"), b"y/z": (FILE, NOISE), b"e": (FILE, b"")}, {}),
    "names": ({b" b/x": (FILE, b"1\n"), b"a/x b/x": (FILE, b"")}, {b" b/x": (FILE, b"2\n"), b"x => y": (FILE, b"")}),
}


@pytest.mark.parametrize("case", CASES)
def test_cases(repo: Repo, case: str) -> None:
    old, new = write_trees(repo, *CASES[case])
    assert applied(repo, old, diff(repo, old, new)) == new
    assert applied(repo, new, diff(repo, new, old)) == old


def test_copies(repo: Repo) -> None:
    """Ours have none, but they are part of the format."""
    old, new = write_trees(repo, {b"a": (FILE, LINES)}, {b"b": (FILE, LINES), b"c": (FILE, LINES + b"x\n")})
    text = repo.run("git", "diff-tree", "-r", "-p", "--binary", "--full-index", "-C", old, new)
    assert b"copy from a\ncopy to b\n" in text
    assert applied(repo, old, text) == new


def test_trees_that_trade_places(repo: Repo) -> None:
    """git makes no such diff without -B, but one made by hand is no trap."""
    other = b"other\n" * 9
    old, new = write_trees(repo, {b"x": (FILE, LINES), b"y": (FILE, other)}, {b"x": (FILE, other), b"y": (FILE, LINES)})
    swap = b"diff --git a/%s b/%s\nsimilarity index 100%%\nrename from %s\nrename to %s\n"
    assert applied(repo, old, swap % (b"x", b"y", b"x", b"y") + swap % (b"y", b"x", b"y", b"x")) == new


def test_what_does_not_fit(repo: Repo) -> None:
    old, new, other, moved = write_trees(
        repo,
        {b"x": (FILE, LINES)},
        {b"x": (FILE, LINES + b"a\n")},
        {b"x": (FILE, LINES[2:]), b"y": (FILE, b"")},
        {b"y": (FILE, LINES)},
    )
    empty = write_trees(repo, {})[0]
    sound = diff(repo, old, new)
    blob = repo.git("rev-parse", f"{other}:x")
    for tree, text, why in [
        (other, sound, f"the file is '{blob}', not '{repo.git('rev-parse', f'{old}:x')}'"),
        (empty, sound, "there is no file 'x'"),
        (old, diff(repo, empty, old), "it exists already"),
        (old, sound.replace(b"+a\n", b"+b\n"), "the result is"),
        (old, sound.replace(b" 30\n", b" 31\n"), "its hunk at line 28 doesn't fit the file"),
        (old, sound.replace(b"@@ -28", b"@@ -27"), "doesn't fit the file"),
        (old, sound.replace(b"+28", b"+27"), "doesn't land at line 27"),
        (old, sound.replace(b"@@ -28", b"@@ -99"), "out of place"),
        (old, sound.replace(b"100644", b"100755"), "its mode is 100644, not 100755"),
        (old, diff(repo, old, empty).replace(b"-7\n", b"-8\n"), "what it removes is not what the file holds"),
        (other, diff(repo, old, moved), "it exists already"),
    ]:
        with pytest.raises(PatchError) as error:
            applied(repo, tree, text)
        assert str(error.value).startswith("cannot apply the diff of '")
        assert why in str(error.value)


def test_an_error_leaves_the_tree_as_it_was(repo: Repo) -> None:
    old, new = write_trees(
        repo, {b"a": (FILE, b"1"), b"d/b": (FILE, b"2")}, {b"c": (FILE, b"3\n"), b"z": (FILE, b"4\n")}
    )
    text = diff(repo, old, new)
    with open_objects(opened(repo)) as store:
        editor = TreeEditor(store, old)
        with pytest.raises(PatchError, match="'z'"):
            apply(text.replace(b"+4\n", b"+5\n"), editor)
        assert editor.tree_oid() == old
        with pytest.raises(BadPath):
            apply(text.replace(b"/z", b"/.git/z"), editor)
        assert editor.tree_oid() == old
        apply(text, editor)
        assert editor.tree_oid() == new


def test_sizes_are_bounded(repo: Repo) -> None:
    old, new = write_trees(
        repo, {b"x": (FILE, NOISE)}, {b"x": (FILE, NOISE + NOISE), b"y": (FILE, b"\0" * 50_000), b"z": (FILE, LINES)}
    )
    text = diff(repo, old, new)
    size = 2 * len(NOISE) + 50_000 + len(LINES)
    with open_objects(opened(repo)) as store:
        for limit in (1000, len(NOISE) * 2, size - 1):
            with pytest.raises(PatchError, match="too many"):
                apply(text, TreeEditor(store, old), limit)
        apply(text, TreeEditor(store, old), size)


def test_a_partial_clone_says_what_it_lacks(repo: Repo, tmp_path: Path) -> None:
    repo.commit("a", "1\n")
    repo.commit("a", "2\n")
    old, new = (repo.git("rev-parse", f"{name}^{{tree}}") for name in ("HEAD^", "HEAD"))
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.top}", str(tmp_path / "partial"))
    partial = Repo(tmp_path / "partial", repo.env)
    blob = repo.git("rev-parse", "HEAD^:a")
    with pytest.raises(ObjectMissing, match=f"blob '{blob}' of 'a' is missing"):
        applied(partial, old, diff(repo, old, new))
    # what needs no old content can be applied all the same
    (empty,) = write_trees(repo, {})
    assert applied(partial, old, diff(repo, old, empty)) == empty


def test_a_commit_with_modes_of_old_gits(repo: Repo) -> None:
    """Histories hold files of mode 100664; diffs show them as 100644."""
    blob = repo.run("git", "hash-object", "-w", "--stdin", stdin=b"1\n").decode().strip()
    tree = b"100664 x\0" + bytes.fromhex(blob)
    old = repo.run("git", "hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=tree).decode().strip()
    (new,) = write_trees(repo, {b"x": (FILE, b"2\n")})
    assert applied(repo, old, diff(repo, old, new)) == new
