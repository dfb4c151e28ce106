"""Diffs are git's own, whatever is configured."""

import os
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.git.diff import Diff, Differ, diff_trees, from_json_text, to_json_text
from gittrace.git.objects import EMPTY_TREE, EXECUTABLE, FILE, GITLINK, SYMLINK, ObjectMissing, open_objects
from gittrace.git.patch import PatchError, parse
from gittrace.git.process import Process
from gittrace.git.trees import TreeEditor
from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.trees import Tree, opened, plain_tree, write_trees

NO_LIMIT = 1 << 30
LINES = b"".join(b"line %d  \n" % n for n in range(40))
OLD: Tree = {
    b"text.txt": (FILE, LINES),
    b"data.bin": (FILE, b"\0" + bytes(range(256)) * 9),
    b"moved": (FILE, LINES * 2),
    b"\xc3\xa9 \xff": (FILE, b"1\n"),
    b"sub": (GITLINK, b"1" * 40),
    b"z": (FILE, b"\n \n\n1\n"),
}
NEW: Tree = {
    b"text.txt": (FILE, LINES.replace(b"line 7 ", b"line seven").replace(b"line 16 ", b"line sixteen")),
    b"data.bin": (FILE, b"\0" + bytes(range(255)) * 9),
    b"dir/to": (FILE, LINES * 2 + b"more\n"),
    b"\xc3\xa9 \xff": (FILE, b"2\n"),
    b"sub": (GITLINK, b"2" * 40),
    b"z": (FILE, b"\n \n\n2\n"),
}

CONFIGURED = """
[diff]
    noprefix = true
    mnemonicPrefix = true
    external = false
    orderFile = .order
    context = 9
    interHunkContext = 9
    ignoreSubmodules = all
    submodule = log
    suppressBlankEmpty = true
    renames = false
    renameLimit = 1
    algorithm = patience
    wsErrorHighlight = all
    colorMoved = zebra
    relative = true
    indentHeuristic = false
[diff "driver"]
    textconv = tac
    command = false
    xfuncname = ^line
[diff "default"]
    binary = true
    xfuncname = ^.*$
[color]
    ui = always
    diff = always
[core]
    quotePath = true
    whitespace = trailing-space,cr-at-eol
    abbrev = 7
    bigFileThreshold = 1
    attributesFile = {attributes}
    notesRef = refs/notes/none
"""
ATTRIBUTES = "*.txt -diff\n*.bin diff=driver\nz binary\nmoved diff=driver\n* whitespace=-blank-at-eol\n"


def diffs(repo: Repo, *pairs: tuple[str, str], limit: int = NO_LIMIT, object_format: str = "sha1") -> list[Diff]:
    """Return the diffs of pairs."""
    return list(diff_trees(opened(repo, object_format), pairs, limit))


def text_of(repo: Repo, old: str, new: str) -> bytes:
    """Return one diff."""
    (diff,) = diffs(repo, (old, new))
    assert diff.text is not None
    assert diff.size == len(diff.text)
    return diff.text


def test_it_is_what_git_diff_prints(repo: Repo) -> None:
    old, new = write_trees(repo, OLD, NEW)
    options = ("-c", "core.quotePath=false", "diff-tree", "-r", "-p", "--binary", "--full-index", "-M")
    assert text_of(repo, old, new) == repo.run("git", *options, old, new)
    assert b"rename from moved\nrename to dir/to\n" in text_of(repo, old, new)


def test_no_configuration_attribute_or_variable_changes_it(
    repo: Repo, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = write_trees(repo, OLD, NEW)
    plain = text_of(repo, old, new)
    attributes = home / "attributes"
    attributes.write_text(ATTRIBUTES)
    for config in (repo.top / ".git/config", home / ".gitconfig"):
        with config.open("a") as file:
            file.write(CONFIGURED.format(attributes=attributes))
    repo.write(".order", "z\n")
    repo.write(".gitattributes", ATTRIBUTES)
    repo.write(".gitmodules", '[submodule "sub"]\n\tpath = sub\n\turl = ../sub\n\tignore = all\n')
    (repo.top / ".git/info").mkdir(exist_ok=True)
    (repo.top / ".git/info/attributes").write_text(ATTRIBUTES)
    monkeypatch.setenv("HOME", str(home))
    for name, value in {
        "GIT_DIFF_OPTS": "--unified=7",
        "GIT_EXTERNAL_DIFF": "false",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_KEY_0": "diff.suppressBlankEmpty",
        "GIT_CONFIG_VALUE_0": "true",
        "GIT_CONFIG_PARAMETERS": "'diff.default.binary'='true'",
        "GIT_ATTR_SOURCE": new,
    }.items():
        monkeypatch.setenv(name, value)
    assert text_of(repo, old, new) == plain
    for name in ("GIT_DIFF_OPTS", "GIT_EXTERNAL_DIFF"):
        monkeypatch.delenv(name)
    # all of this does matter to a git that sees it
    assert repo.run("git", "diff-tree", "-r", "-p", "--binary", "--full-index", "-M", old, new) != plain
    blob, other = (repo.git("rev-parse", f"{tree}:text.txt") for tree in (old, new))
    repo.git("update-ref", f"refs/replace/{blob}", other)
    assert text_of(repo, old, new) == plain


def test_results_come_in_order_and_equal_trees_are_empty(repo: Repo) -> None:
    one, two = plain_tree(repo, a="1\n"), plain_tree(repo, a="2\n")
    unknown = "1" * 40
    found = diffs(repo, (one, two), (one, one), (two, one), (unknown, unknown), (EMPTY_TREE["sha1"], one))
    texts = [diff.text or b"" for diff in found]
    assert [b"-1\n+2\n" in texts[0], texts[1], b"-2\n+1\n" in texts[2], texts[3]] == [True, b"", True, b""]
    assert b"new file mode 100644" in texts[4]
    assert found[1] == Diff(b"", 0)


def test_sha256(repo: Repo, tmp_path: Path) -> None:
    other = make_repo(tmp_path / "other", repo.env, "sha256")
    old, new = plain_tree(other, a="1\n"), plain_tree(other, a="2\n")
    (diff,) = diffs(other, (old, new), object_format="sha256")
    assert diff.text is not None
    assert diff.text == other.run("git", "diff-tree", "-r", "-p", "--binary", "--full-index", old, new)


def test_a_diff_over_the_limit_leaves_its_size_only(repo: Repo) -> None:
    small, large = plain_tree(repo, a="1\n"), plain_tree(repo, a="y\n" * 100_000)
    text = text_of(repo, small, large)
    size = len(text)
    pairs = [(small, large), (large, small)]
    assert diffs(repo, *pairs, limit=1000)[0] == Diff(None, size)
    assert [diff.text is None for diff in diffs(repo, *pairs, limit=1000)] == [True, True]
    assert diffs(repo, (small, large), limit=size) == [Diff(text, size)]
    assert diffs(repo, (small, large), limit=size - 1) == [Diff(None, size)]
    assert diffs(repo, (small, large), (large, large), limit=0)[1] == Diff(b"", 0)


@pytest.mark.parametrize("lines", [4079, 4080, 8191, 21845, 32767, 32768])
def test_the_end_is_found_wherever_reads_are_cut(repo: Repo, lines: int) -> None:
    trees = [plain_tree(repo, a=".\n" * (lines + more)) for more in range(4)]
    for old, new in pairwise(trees):
        assert text_of(repo, EMPTY_TREE["sha1"], new).endswith(b"+.\n")
        assert text_of(repo, old, new).endswith(b"+.\n")


def test_many_pairs_are_taken_one_by_one(repo: Repo) -> None:
    trees = write_trees(repo, *({b"a": (FILE, b"%d\n" % n)} for n in range(200)))
    taken: list[int] = []

    def pairs() -> Iterator[tuple[str, str]]:
        for n in range(199):
            taken.append(n)
            yield trees[n], trees[n + 1]

    stream = diff_trees(opened(repo), pairs(), NO_LIMIT)
    for n in range(150):
        diff = next(stream)
        assert f"-{n}\n+{n + 1}\n".encode() in (diff.text or b"")
        assert taken[-1] == n
    stream.close()


def test_nothing_is_left_behind(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    old, new = plain_tree(repo, a="1"), plain_tree(repo, a="2")
    before = sorted(os.listdir(repo.top / ".git"))
    assert len(diffs(repo, (old, new))) == 1
    stream = diff_trees(opened(repo), [(old, new)] * 2, NO_LIMIT)
    next(stream)
    assert os.listdir(temporary) != []
    stream.close()
    assert os.listdir(temporary) == []
    assert sorted(os.listdir(repo.top / ".git")) == before


def test_a_differ_goes_on_after_what_is_not_here(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    started = []
    real = Process.__init__

    def counting(self: Process, *args: Any, **options: Any) -> None:
        started.append(args)
        real(self, *args, **options)

    here, trees = opened(repo), [plain_tree(repo, a=f"{text}\n") for text in "123"]
    monkeypatch.setattr(Process, "__init__", counting)
    differ = Differ(here)
    for _ in range(3):
        assert b"-1\n+2\n" in (differ.diff(trees[0], trees[1], NO_LIMIT).text or b"")
        assert b"-2\n+3\n" in (differ.diff(trees[1], trees[2], NO_LIMIT).text or b"")
    assert len(started) == 1
    with pytest.raises(ObjectMissing):
        differ.diff(trees[0], "1" * 40, NO_LIMIT)
    assert b"-1\n+3\n" in (differ.diff(trees[0], trees[2], NO_LIMIT).text or b"")
    assert len(started) == 2
    differ.close()
    differ.close()


def test_without_the_data_of_binary_files(repo: Repo) -> None:
    data = bytes(range(256)) * 40
    old, new = write_trees(
        repo,
        {b"bin": (FILE, data), b"gone": (FILE, b"\0"), b"text": (FILE, b"1\n"), b"moved": (FILE, data + b"!")},
        {
            b"bin": (EXECUTABLE, data + b"?"),
            b"text": (FILE, b"2\n"),
            b"new\n": (FILE, b"\0\0"),
            b"to": (FILE, data + b"!!"),
        },
    )
    here = opened(repo)
    whole, lines = Differ(here), Differ(here, has_data=False)
    said = lines.diff(old, new, NO_LIMIT).text or b""
    assert b"GIT binary patch" not in said
    with pytest.raises(PatchError, match="without --binary"):
        parse(said)
    plain = [replace(file, forward=None, backward=None) for file in parse(whole.diff(old, new, NO_LIMIT).text or b"")]
    assert parse(said, has_data=False) == plain
    assert {file.kind for file in plain} == {"add", "delete", "modify", "rename"}
    whole.close()
    lines.close()


def test_trees_that_are_in_no_repository(repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # git takes a colon for the end of a path
    (tmp_path / 'of: "mine"\\').mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / 'of: "mine"\\'))
    here = opened(repo)
    (old,) = write_trees(repo, {b"d/a": (FILE, b"1\n"), b"b": (FILE, b"2\n")})
    before = repo.git("count-objects", "-v")
    differ = Differ(here)
    with open_objects(here) as store:
        blob = store.tree(old)[0].oid
        for path, said in ((b"d/e/f", b"d/e/f"), (b"x", b"x"), (b"d/e/f", b"d/e/f")):
            editor = TreeEditor(store, old)
            editor.set(path, FILE, blob)
            new = editor.tree_oid()
            text = differ.diff(old, new, NO_LIMIT, editor.made()).text or b""
            assert b"new file mode 100644\n" in text
            assert b"\n+++ b/%s\n@@ -0,0 +1 @@\n+2\n" % said in text
            with pytest.raises(ObjectMissing):
                differ.diff(new, old, NO_LIMIT)
    differ.close()
    assert repo.git("count-objects", "-v") == before


def test_a_missing_tree(repo: Repo) -> None:
    tree = plain_tree(repo, a="1")
    for pair in ((tree, "1" * 40), ("1" * 40, tree)):
        with pytest.raises(ObjectMissing, match=f"cannot compare tree '{pair[0]}' with '{pair[1]}'"):
            diffs(repo, pair)


def test_a_partial_clone_is_not_made_to_fetch(repo: Repo, tmp_path: Path) -> None:
    repo.commit("a", "1\n")
    repo.commit("a", "2\n")
    repo.git("config", "uploadpack.allowFilter", "true")
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", f"file://{repo.top}", str(tmp_path / "partial"))
    partial = Repo(tmp_path / "partial", repo.env)
    old, new = (partial.git("rev-parse", f"{name}^{{tree}}") for name in ("HEAD^", "HEAD"))
    with pytest.raises(ObjectMissing, match=r"object '[0-9a-f]{40}' is missing"):
        diffs(partial, (old, new))
    assert "?" in partial.git("rev-list", "--objects", "--missing=print", "HEAD")


def test_types_modes_and_empty_files(repo: Repo) -> None:
    old, new = write_trees(
        repo,
        {b"a": (FILE, b"x"), b"b": (FILE, b""), b"c": (FILE, b"#!\n")},
        {b"a": (SYMLINK, b"x"), b"d": (FILE, b""), b"c": (EXECUTABLE, b"#!\n")},
    )
    text = text_of(repo, old, new)
    assert b"deleted file mode 100644\nindex" in text
    assert b"new file mode 120000\n" in text
    assert b"old mode 100644\nnew mode 100755\ndiff --git a/d b/d\nnew file mode 100644\n" in text
    assert b"rename" not in text


@given(st.binary() | st.text().map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_json_text_keeps_every_byte(data: bytes) -> None:
    text, encoding = to_json_text(data)
    assert from_json_text(text, encoding) == data
    assert text.encode("utf-8").decode("utf-8") == text


def test_json_text_names_the_encoding_only_when_it_must() -> None:
    assert to_json_text("é".encode()) == ("é", None)
    assert to_json_text(b"\xe9") == ("é", "latin-1")
    with pytest.raises(ValueError, match="unknown encoding 'utf-7'"):
        from_json_text("a", "utf-7")
    with pytest.raises(ValueError, match="latin-1"):
        from_json_text("\u20ac", "latin-1")


def test_alternates(repo: Repo, home: Path, tmp_path: Path) -> None:
    old, new = repo.commit("a", "1\n"), repo.commit("a", "2\n")
    repo.git("clone", "-q", "--shared", ".", str(tmp_path / "shared"))
    shared = Repo(tmp_path / "shared", hermetic_environment(home))
    pair = tuple(shared.git("rev-parse", f"{name}^{{tree}}") for name in (old, new))
    assert text_of(shared, *pair) == text_of(repo, *pair)
