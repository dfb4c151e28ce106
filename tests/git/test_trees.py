"""Trees edited in memory have the oids that git gives them."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gittrace.git import trees
from gittrace.git.objects import EMPTY_TREE, EXECUTABLE, FILE, GITLINK, ObjectMissing, open_objects
from gittrace.git.trees import BadPath, Overlay, TreeEditor, hash_object
from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.trees import NAMES, Tree, opened, tree_pairs, write_trees

FORMATS = ["sha1", "sha256"]


def put(editor: TreeEditor, path: bytes, mode: int, content: bytes) -> None:
    """Set a path to a content."""
    editor.set(path, mode, content.decode() if mode == GITLINK else editor.objects.add("blob", content))


@pytest.fixture(scope="module", params=FORMATS)
def lasting(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repo, str]:
    """One repository for many examples, and its format."""
    place = tmp_path_factory.mktemp("lasting")
    (place / "home").mkdir()
    return make_repo(place / "repo", hermetic_environment(place / "home"), request.param), request.param


@pytest.mark.parametrize("object_format", FORMATS)
@pytest.mark.parametrize("content", [b"", b"x\n", b"\0" * 5000])
def test_hash_object_is_gits(repo: Repo, tmp_path: Path, object_format: str, content: bytes) -> None:
    other = make_repo(tmp_path / "other", repo.env, object_format)
    assert other.run("git", "hash-object", "--stdin", stdin=content).decode().strip() == hash_object(
        "blob", content, object_format
    )
    assert hash_object("tree", b"", object_format) == EMPTY_TREE[object_format]


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_editing_one_tree_into_another(lasting: tuple[Repo, str], data: st.DataObject) -> None:
    repo, object_format = lasting
    old, new = data.draw(tree_pairs(64 if object_format == "sha256" else 40))
    old_oid, new_oid = write_trees(repo, old, new)
    with open_objects(opened(repo, object_format)) as store:
        editor = TreeEditor(store, old_oid)
        for path in data.draw(st.permutations([path for path in old if path not in new])):
            editor.remove(path)
        for path in data.draw(st.permutations(list(new))):
            put(editor, path, *new[path])
        assert editor.tree_oid() == new_oid
        assert editor.objects.changes(new_oid, editor.tree_oid()) == []


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_any_order_of_sets_and_removals_in_between(lasting: tuple[Repo, str], data: st.DataObject) -> None:
    """The tree depends on what is in it, not on how it came to be; oids asked for on the way don't matter."""
    repo, object_format = lasting
    name = st.sampled_from([b"a", b"b", b"a/x", b"a/y", b"a/x/z", b"b/q/r", b"a.b", b"a0"])
    operations = data.draw(st.lists(st.tuples(name, st.sampled_from([b"1", b"2", None]), st.booleans()), max_size=12))
    files: Tree = {}
    with open_objects(opened(repo, object_format)) as store:
        editor = TreeEditor(store)
        for path, content, look in operations:
            if content is None:
                editor.remove(path)
            else:
                put(editor, path, FILE, content)
                parts = path.split(b"/")
                for depth in range(1, len(parts)):
                    files.pop(b"/".join(parts[:depth]), None)
            files = {p: f for p, f in files.items() if p != path and not p.startswith(path + b"/")}
            if content is not None:
                files[path] = (FILE, content)
            if look:
                editor.tree_oid()
        assert editor.tree_oid() == write_trees(repo, files)[0]
        for path in files:
            entry = editor.get(path)
            assert entry is not None
            assert editor.objects.blob(entry.oid) == files[path][1]


def test_get(repo: Repo) -> None:
    (oid,) = write_trees(repo, {b"d/e/f": (EXECUTABLE, b"1"), b"g": (FILE, b"2")})
    with open_objects(opened(repo)) as store:
        editor = TreeEditor(store, oid)
        found = editor.get(b"d/e/f")
        assert found is not None
        assert (found.mode, found.name, store.blob(found.oid)) == (EXECUTABLE, b"f", b"1")
        assert [editor.get(path) for path in (b"d/e/x", b"d/x/f", b"g/f", b"d/e/f/g", b"x")] == [None] * 5
        directory = editor.get(b"d/e")
        assert directory is not None
        assert directory.oid == repo.git("rev-parse", f"{oid}:d/e")
        editor.set(b"d/e/g", FILE, found.oid)
        changed = editor.get(b"d/e")
        assert changed is not None
        assert [entry.name for entry in editor.objects.tree(changed.oid)] == [b"f", b"g"]


def test_removing_what_is_not_there_changes_nothing(repo: Repo) -> None:
    (oid,) = write_trees(repo, {b"d/e": (FILE, b"1")})
    with open_objects(opened(repo)) as store:
        editor = TreeEditor(store, oid)
        for path in (b"x", b"d/x", b"d/e/f", b"x/y/z"):
            editor.remove(path)
        assert editor.tree_oid() == oid
        editor.remove(b"d/e")
        assert editor.tree_oid() == EMPTY_TREE["sha1"]


@pytest.mark.parametrize("object_format", FORMATS)
def test_write_stores_every_tree(repo: Repo, tmp_path: Path, object_format: str) -> None:
    other = make_repo(tmp_path / "other", repo.env, object_format)
    length = 64 if object_format == "sha256" else 40
    blob = other.run("git", "hash-object", "-w", "--stdin", stdin=b"x").decode().strip()
    with open_objects(opened(other, object_format)) as store:
        editor = TreeEditor(store)
        for name in NAMES:
            editor.set(b"dir/" + name + b"/" + name, FILE, blob)
        editor.set(b"sub", GITLINK, "1" * length)
        editor.set(b"not here", FILE, "2" * length)
        oid = editor.write(opened(other, object_format))
        assert store.kind(oid) == "tree"
        assert {change.path for change in store.changes(None, oid)} == {
            *(b"dir/" + name + b"/" + name for name in NAMES),
            b"sub",
            b"not here",
        }
        editor.set(b"more", FILE, blob)
        assert store.kind(editor.write(opened(other, object_format))) == "tree"
    missing = other.run("git", "fsck", "--no-dangling", status=None).decode().splitlines()
    assert [line for line in missing if not line.startswith(("missing blob 2222", "broken link", "  "))] == []


@pytest.mark.parametrize(
    "path",
    [
        *(b"", b"/a", b"a/", b"a//b", b".", b"a/../b", b"../x", b".git", b"a/.GIT/config", b"nul\0l"),
        *(b"git~1/config", b".git. /x", b".git::$INDEX_ALLOCATION/x", b"a\\.git\\x", ".g\u200cit/x".encode()),
    ],
)
def test_paths_that_no_index_takes(repo: Repo, path: bytes) -> None:
    with open_objects(opened(repo)) as store:
        editor = TreeEditor(store)
        with pytest.raises(BadPath, match="no tree may hold the path"):
            editor.set(path, FILE, "1" * 40)
        assert editor.tree_oid() == EMPTY_TREE["sha1"]


def test_depth_is_no_matter_of_the_stack(repo: Repo) -> None:
    path = b"/".join([b"d"] * 3000)
    with open_objects(opened(repo)) as store:
        editor = TreeEditor(store)
        put(editor, path, FILE, b"1")
        deep = editor.tree_oid()
        assert [change.path for change in editor.objects.changes(None, deep)] == [path]
        editor.remove(path)
        assert editor.tree_oid() == EMPTY_TREE["sha1"]


def test_missing_trees(repo: Repo) -> None:
    with open_objects(opened(repo)) as store:
        with pytest.raises(ObjectMissing):
            TreeEditor(store, "1" * 40)
        editor = TreeEditor(store)
        editor.set(b"d", 0o040000, "1" * 40)
        with pytest.raises(ObjectMissing):
            editor.get(b"d/x")


def test_an_overlay_adds_to_its_base_and_leaves_it_alone(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trees, "_IN_MEMORY", 1000)
    repo.commit("a", "stored")
    contents = [os.urandom(300) for _ in range(20)]
    with open_objects(opened(repo)) as store, Overlay(store) as overlay:
        oids = [overlay.add("blob", content) for content in contents]
        assert oids == [hashlib.sha1(b"blob 300\0" + content).hexdigest() for content in contents]
        assert [overlay.blob(oid) for oid in reversed(oids)] == contents[::-1]
        assert (overlay.kind(oids[0]), overlay.size(oids[0])) == ("blob", 300)
        assert store.kind(oids[0]) is None
        assert overlay.blob(overlay.add("blob", b"stored")) == b"stored"
        assert overlay.add("blob", contents[0]) == oids[0]
