"""Whole trees as dictionaries, written by `git fast-import`, and hypothesis strategies for nasty ones."""

import os

from hypothesis import strategies as st

from gittrace.git.objects import EXECUTABLE, FILE, GITLINK, SYMLINK
from gittrace.git.repository import Repository
from tests.support.repo import Repo

Tree = dict[bytes, tuple[int, bytes]]
"""Path to mode and content; a gitlink's content is the commit's oid in hex."""


def opened(repo: Repo, object_format: str = "sha1") -> Repository:
    """Return the package's view of a test's repository."""
    git_dir = os.fspath(repo.top / ".git")
    return Repository(os.fspath(repo.top), git_dir, git_dir, object_format)


def write_trees(repo: Repo, *trees: Tree) -> list[str]:
    """Store trees with everything in them, and return their oids."""
    lines = [b"feature done\n"]
    for number, tree in enumerate(trees, 1):
        lines.append(b"commit refs/heads/made\nmark :%d\ncommitter A <a@example.com> 0 +0000\ndata 0\n" % number)
        lines.append(b"deleteall\n")
        for path, (mode, content) in tree.items():
            quoted = b'"%s"' % b"".join(b"\\%03o" % byte for byte in path)
            if mode == GITLINK:
                lines.append(b"M %06o %s %s\n" % (mode, content, quoted))
            else:
                lines.append(b"M %06o inline %s\ndata %d\n%s\n" % (mode, quoted, len(content), content))
        lines.append(b'\nls :%d ""\n' % number)
    lines.append(b"done\n")
    out = repo.run("git", "fast-import", "--quiet", "--force", stdin=b"".join(lines))
    return [line.split()[2].decode("ascii") for line in out.splitlines()]


def plain_tree(repo: Repo, **files: str) -> str:
    """Return the oid of a tree of plain files, `plain_tree(repo, a="x\\n")`."""
    return write_trees(repo, {name.encode(): (FILE, text.encode()) for name, text in files.items()})[0]


NAMES = [
    b"a", b"b", b"c.py", b"a b", b" lead", b"trail ", b"a => b", b"{a => b}", b'q"uote', b"tab\t", b"new\nline",
    b"back\\slash", b"\xc3\xa9", b"\xff\xfe", b"--- a", b"\x7f\x01", b"a.b", b"a-b", b"a0", b"dev", b"null", b"b b b",
]  # fmt: skip
LINES = [
    b"", b"x", b"y", b"return 1", b"    indented", b"--- a/x", b"+++ b/x", b"@@ -1 +1 @@", b"diff --git a/x b/x",
    b"\\ No newline at end of file", b"x\r", b"\r", b"+", b"-", b" ", b".", b"index 00..11", b"\xff\xfe", b"\xc3\xa9",
    b"GIT binary patch", b"Subproject commit 0", b"\x0c", b"tail  \t",
]  # fmt: skip

paths = st.lists(st.sampled_from(NAMES), min_size=1, max_size=3).map(b"/".join)
texts = st.builds(
    lambda lines, end: b"\n".join(lines) + end,
    st.lists(st.sampled_from(LINES), max_size=30),
    st.sampled_from([b"", b"\n"]),
)
binaries = st.builds(lambda head, tail: head + b"\0" + tail, st.binary(max_size=200), st.binary(max_size=200))
modes = st.sampled_from([FILE, FILE, FILE, EXECUTABLE, SYMLINK])


def contents(length: int) -> st.SearchStrategy[tuple[int, bytes]]:
    """Make a mode with a content that fits it; `length` is that of an oid in hex."""
    gitlinks = st.binary(min_size=length // 2, max_size=length // 2).filter(any).map(bytes.hex)
    return st.one_of(
        st.tuples(modes, texts),
        st.tuples(modes, st.one_of(texts, binaries)),
        st.tuples(st.just(GITLINK), gitlinks.map(str.encode)),
    )


def whole_trees(length: int) -> st.SearchStrategy[Tree]:
    """Make a tree; a path that is also a directory's is left out, as no tree can hold both."""
    return st.dictionaries(paths, contents(length), max_size=8).map(_settled)


@st.composite
def tree_pairs(draw: st.DrawFn, length: int = 40) -> tuple[Tree, Tree]:
    """Make a tree, and what became of it: files kept, moved, copied, edited, retyped, removed and added."""
    old = draw(whole_trees(length))
    new: Tree = {}
    for path, (mode, content) in old.items():
        what = draw(st.sampled_from(["keep", "keep", "move", "copy", "edit", "mode", "replace", "remove"]))
        if what in ("keep", "copy"):
            new[path] = (mode, content)
        if what in ("move", "copy"):
            new[draw(paths)] = (mode, content if mode == GITLINK else draw(edits(content)))
        elif what == "edit" and mode != GITLINK:
            new[path] = (mode, draw(edits(content)))
        elif what == "mode" and mode != GITLINK:
            new[path] = (draw(modes), content)
        elif what == "replace":
            new[path] = draw(contents(length))
    new |= draw(st.dictionaries(paths, contents(length), max_size=2))
    return old, _settled(new)


def edits(content: bytes) -> st.SearchStrategy[bytes]:
    """Replace a slice of a content."""
    spot = st.integers(0, len(content))
    return st.builds(
        lambda at, size, with_: content[:at] + with_ + content[at + size :], spot, st.integers(0, 20), texts
    ) | st.just(content)


def _settled(tree: Tree) -> Tree:
    folders = {path[:at] for path in tree for at, byte in enumerate(path) if byte == ord("/")}
    return {path: value for path, value in tree.items() if path not in folders}
