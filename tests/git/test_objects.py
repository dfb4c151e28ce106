"""One contract for every store of objects, on real repositories."""

import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gittrace.errors import Damaged, NotFound, TraceError
from gittrace.git.catfile_objects import CatFileObjects
from gittrace.git.objects import (
    DIRECTORY,
    EMPTY_TREE,
    EXECUTABLE,
    FILE,
    GITLINK,
    SYMLINK,
    Change,
    ObjectMissing,
    ObjectStore,
    open_objects,
    parse_commit,
    parse_tree,
)
from gittrace.git.pygit2_objects import Pygit2Objects
from gittrace.git.repository import Repository
from gittrace.git.trees import Overlay
from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.trees import Tree, opened, tree_pairs, write_trees

Opener = Callable[[Repository], ObjectStore]


def _overlay(repo: Repository) -> ObjectStore:
    return Overlay(open_objects(repo))


STORES: list[tuple[Opener, str]] = [
    (Pygit2Objects, "sha1"),
    (CatFileObjects, "sha1"),
    (CatFileObjects, "sha256"),
    (_overlay, "sha1"),
    (_overlay, "sha256"),
]
IDS = [f"{getattr(opener, '__name__', '')}-{object_format}" for opener, object_format in STORES]


class Subject:
    """A repository and the store under test on it."""

    def __init__(self, repo: Repo, opener: Opener, object_format: str) -> None:
        self.repo = repo
        self.format = object_format
        self.opener = opener
        self.store = opener(opened(repo, object_format))
        self.zero = "0" * (64 if object_format == "sha256" else 40)


@pytest.fixture(params=STORES, ids=IDS)
def subject(request: pytest.FixtureRequest, tmp_path: Path, home: Path) -> Iterator[Subject]:
    """Each store, on an empty repository."""
    opener, object_format = request.param
    made = Subject(make_repo(tmp_path / "repo", hermetic_environment(home), object_format), opener, object_format)
    yield made
    made.store.close()


def test_reads_each_kind(subject: Subject) -> None:
    repo, store = subject.repo, subject.store
    commit = repo.commit("a.txt", b"one\r\n\0two")
    repo.git("tag", "-a", "v1", "-m", "first")
    blob, tree, tag = (repo.git("rev-parse", name) for name in ("HEAD:a.txt", "HEAD^{tree}", "v1"))
    assert store.read(blob) == ("blob", b"one\r\n\0two")
    assert store.blob(blob) == b"one\r\n\0two"
    assert [store.kind(oid) for oid in (blob, tree, commit, tag)] == ["blob", "tree", "commit", "tag"]
    for oid in (blob, tree, commit, tag):
        assert store.size(oid) == len(store.read(oid)[1]) == int(repo.git("cat-file", "-s", oid))


def test_what_is_missing_or_no_oid(subject: Subject) -> None:
    subject.repo.commit("a", "1")
    short = subject.repo.git("rev-parse", "HEAD")[:12]
    upper = subject.repo.git("rev-parse", "HEAD").upper()
    for oid in (
        subject.zero,
        "f" * len(subject.zero),
        "HEAD",
        "",
        short,
        upper,
        "HEAD:a\n",
        "\u0661" * len(subject.zero),
    ):
        assert subject.store.kind(oid) is None
        with pytest.raises(ObjectMissing, match="is not in this repository"):
            subject.store.read(oid)
        with pytest.raises(ObjectMissing):
            subject.store.size(oid)


def test_the_wrong_kind_is_named(subject: Subject) -> None:
    commit = subject.repo.commit("a", "1")
    with pytest.raises(NotFound, match=f"object '{commit}' is a commit, not a tree"):
        subject.store.tree(commit)
    with pytest.raises(NotFound, match="is a tree, not a commit"):
        subject.store.commit(EMPTY_TREE[subject.format])


def test_the_empty_tree_is_always_there(subject: Subject) -> None:
    empty = EMPTY_TREE[subject.format]
    assert subject.repo.git("hash-object", "-t", "tree", os.devnull) == empty
    assert (subject.store.kind(empty), subject.store.size(empty), subject.store.tree(empty)) == ("tree", 0, ())


def test_tree_entries(subject: Subject) -> None:
    gitlink = b"1" * len(subject.zero)
    names = [b"a.b", b"a", b"a0", b"\xff\xfe", b"new\nline", b"\xc3\xa9", b" sp ace "]
    tree: Tree = {name: (FILE, name) for name in names if name != b"a"}
    tree |= {b"a/x": (EXECUTABLE, b"#!"), b"link": (SYMLINK, b"a.b"), b"sub": (GITLINK, gitlink)}
    (oid,) = write_trees(subject.repo, tree)
    entries = subject.store.tree(oid)
    assert [(e.mode, e.name) for e in entries] == [
        (FILE, b" sp ace "),
        (FILE, b"a.b"),
        (DIRECTORY, b"a"),
        (FILE, b"a0"),
        (SYMLINK, b"link"),
        (FILE, b"new\nline"),
        (GITLINK, b"sub"),
        (FILE, b"\xc3\xa9"),
        (FILE, b"\xff\xfe"),
    ]
    assert subject.store.blob(entries[0].oid) == b" sp ace "
    assert entries[6].oid == gitlink.decode()


def test_commits(subject: Subject) -> None:
    repo = subject.repo
    first, second = repo.commit("a", "1"), repo.commit("a", "2")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    raw = (
        f"tree {tree}\nparent {first}\nparent {second}\n".encode()
        + b"author J\xf6rg <j@x> 1700000000 -0330\ncommitter <> 0 +1345\nencoding ISO-8859-1\n"
        + b"gpgsig -----BEGIN\n  author of lies\n -----END\n\nsubject\n\ntree \xf6\n"
    )
    oid = repo.run("git", "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw).decode().strip()
    commit = subject.store.commit(oid)
    assert (commit.oid, commit.tree, commit.parents) == (oid, tree, (first, second))
    assert commit.author == ("Jörg", "j@x", 1700000000, -210)
    assert commit.committer == ("", "", 0, 825)
    assert commit.message == b"subject\n\ntree \xf6\n"


def test_changes(subject: Subject) -> None:
    old: Tree = {b"a": (FILE, b"1"), b"d/x": (FILE, b"2"), b"d/y": (FILE, b"3"), b"same/z": (FILE, b"4")}
    new: Tree = {b"a/deep/er": (FILE, b"1"), b"d": (SYMLINK, b"a"), b"same/z": (FILE, b"4"), b"x": (EXECUTABLE, b"2")}
    before, after = write_trees(subject.repo, old, new)
    changes = subject.store.changes(before, after)
    assert [(c.path, c.old_mode, c.new_mode) for c in changes] == [
        (b"a", FILE, 0),
        (b"a/deep/er", 0, FILE),
        (b"d", 0, SYMLINK),
        (b"d/x", FILE, 0),
        (b"d/y", FILE, 0),
        (b"x", 0, EXECUTABLE),
    ]
    assert changes[0].old_oid == changes[1].new_oid
    assert subject.store.changes(before, before) == []
    assert [c[:3] for c in subject.store.changes(None, after)] == [
        (path, 0, mode) for path, (mode, _) in sorted(new.items())
    ]
    assert {c.new_oid for c in subject.store.changes(after, None)} == {None}


def test_sees_what_is_added_after_it_was_opened(subject: Subject) -> None:
    repo, store = subject.repo, subject.store
    assert store.kind(repo.commit("a", "loose")) == "commit"
    repo.git("repack", "-adq")
    assert store.kind(repo.commit("a", "between")) == "commit"
    later = repo.commit("a", "packed")
    blob = repo.git("rev-parse", "HEAD:a")
    repo.git("repack", "-adq")
    repo.git("prune-packed")
    assert store.blob(blob) == b"packed"
    assert store.commit(later).message == b"change 'a'\n"


def test_linked_worktrees_and_alternates(subject: Subject, tmp_path: Path) -> None:
    repo = subject.repo
    commit = repo.commit("a", "1")
    repo.git("worktree", "add", "-q", "--detach", str(tmp_path / "linked"))
    linked = Repository(
        str(tmp_path / "linked"), str(repo.top / ".git/worktrees/linked"), str(repo.top / ".git"), subject.format
    )
    repo.git("clone", "-q", "--shared", ".", str(tmp_path / "shared"))
    repo.git("clone", "-q", "--shared", str(tmp_path / "shared"), str(tmp_path / "twice"))
    clones = [opened(Repo(tmp_path / name, repo.env), subject.format) for name in ("shared", "twice")]
    for place in (linked, *clones):
        with subject.opener(place) as store:
            assert store.commit(commit).oid == commit


def test_objects_are_what_they_are_whatever_replaces_them(subject: Subject) -> None:
    repo = subject.repo
    first, second = repo.commit("a", "1"), repo.commit("a", "2")
    repo.git("replace", second, first)
    with subject.opener(opened(repo, subject.format)) as store:
        assert store.commit(second).parents == (first,)


def test_a_partial_clone_is_not_made_to_fetch(subject: Subject, tmp_path: Path) -> None:
    repo = subject.repo
    repo.commit("a", "1")
    blob = repo.git("rev-parse", "HEAD:a")
    repo.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{repo.top}"
    repo.git("clone", "-q", "--no-checkout", "--filter=blob:none", url, str(tmp_path / "partial"))
    partial = Repo(tmp_path / "partial", repo.env)
    with subject.opener(opened(partial, subject.format)) as store:
        assert store.kind(blob) is None
        with pytest.raises(ObjectMissing):
            store.read(blob)
        assert store.kind(partial.git("rev-parse", "HEAD^{tree}")) == "tree"
    missing = partial.git("rev-list", "--objects", "--missing=print", "HEAD")
    assert f"?{blob}" in missing.split("\n")


def test_reftable(subject: Subject, tmp_path: Path) -> None:
    top = tmp_path / "reftable"
    options = ("--ref-format=reftable", f"--object-format={subject.format}")
    subject.repo.git("init", "-q", *options, str(top), status=None)
    if subject.repo.status:
        pytest.skip("this git has no reftable refs")
    repo = Repo(top, subject.repo.env)
    commit = repo.commit("a", "1")
    with subject.opener(opened(repo, subject.format)) as store:
        assert store.commit(commit).oid == commit


def test_a_damaged_object_is_an_error_and_the_next_one_is_read(subject: Subject) -> None:
    repo = subject.repo
    commit = repo.commit("a", "1")
    blob = repo.git("rev-parse", "HEAD:a")
    path = repo.top / ".git/objects" / blob[:2] / blob[2:]
    path.chmod(0o644)
    path.write_bytes(b"this is not zlib")
    with pytest.raises(TraceError):
        subject.store.read(blob)
    assert subject.store.kind(commit) == "commit"
    assert subject.store.read(commit)[0] == "commit"


def test_paths_of_repositories_need_not_be_utf8(subject: Subject, tmp_path: Path) -> None:
    top = Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xc3\xa9 \xff"))
    try:
        repo = make_repo(top, subject.repo.env, subject.format)
    except OSError:
        pytest.skip("this file system takes UTF-8 only")
    commit = repo.commit("a", "1")
    with subject.opener(opened(repo, subject.format)) as store:
        assert store.kind(commit) == "commit"


def test_libgit2_is_taken_for_sha1_only(repo: Repo, tmp_path: Path) -> None:
    with open_objects(opened(repo)) as store:
        assert isinstance(store, Pygit2Objects)
    other = make_repo(tmp_path / "other", repo.env, "sha256")
    with open_objects(opened(other, "sha256")) as store:
        assert isinstance(store, CatFileObjects)


@pytest.fixture(scope="module")
def lasting(tmp_path_factory: pytest.TempPathFactory) -> Repo:
    """One repository for many examples."""
    place = tmp_path_factory.mktemp("lasting")
    (place / "home").mkdir()
    return make_repo(place / "repo", hermetic_environment(place / "home"))


@settings(max_examples=30, deadline=None)
@given(pair=tree_pairs())
def test_changes_are_those_of_diff_tree(lasting: Repo, pair: tuple[Tree, Tree]) -> None:
    old, new = write_trees(lasting, *pair)
    raw = lasting.run("git", "diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", old, new).split(b"\0")
    wanted = []
    for head, path in zip(raw[::2], raw[1::2], strict=False):
        old_mode, new_mode, old_oid, new_oid, _ = head.decode()[1:].split()
        sides = (oid if oid.strip("0") else None for oid in (old_oid, new_oid))
        wanted.append(Change(path, int(old_mode, 8), int(new_mode, 8), *sides))
    with open_objects(opened(lasting)) as store:
        assert store.changes(old, new) == sorted(wanted)


@given(st.binary(max_size=100))
def test_damaged_trees_and_commits_are_errors_of_ours(content: bytes) -> None:
    for parse in (parse_tree, parse_commit):
        with suppress(Damaged):
            parse("1" * 40, content)
