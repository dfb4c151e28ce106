"""git trace restore."""

import json
import os
import re
from pathlib import Path

import pytest

from tests.commands.conftest import Story, clone_of
from tests.support.recording import TEN, Make, Recording
from tests.support.repo import Repo


def files(top: Path) -> dict[str, str]:
    """Return the files below a directory and what is in them."""
    found = {}
    for folder, names, leaves in os.walk(top):
        if ".git" in names:
            names.remove(".git")
        for leaf in leaves:
            path = Path(folder) / leaf
            found[str(path.relative_to(top))] = os.readlink(path) if path.is_symlink() else path.read_text()
    return found


def test_to_a_directory(story: Story, tmp_path: Path) -> None:
    out = story.repo.trace("restore", story.events[3], "--to", str(tmp_path / "deep/out"))
    assert out == f"Restored event {story.events[3][24:32]} to '{tmp_path}/deep/out' (2 files)\n"
    assert files(tmp_path / "deep/out") == {"a": "mended\n", "new": "made\n"}
    story.repo.trace("restore", "--before", story.events[3], "--to", str(tmp_path / "before"))
    assert files(tmp_path / "before") == {"a": "mended\n", "b": TEN}


def test_directory_must_be_empty(story: Story, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    story.repo.trace("restore", "@~0", "--to", str(tmp_path / "out"))
    (tmp_path / "out/a").write_text("mine\n")
    (tmp_path / "out/other").write_text("mine\n")
    story.repo.trace("restore", "@~0", "--to", str(tmp_path / "out"), status=128)
    assert story.repo.errors.startswith(f"fatal: cannot restore to '{tmp_path}/out': it is not empty\n")
    assert files(tmp_path / "out")["a"] == "mine\n"
    story.repo.trace("restore", "@~0", "--force", "--to", str(tmp_path / "out"))
    assert files(tmp_path / "out") == {"a": "mended\n", "new": "made\n", "other": "mine\n"}


def test_modes_links_filters_and_line_endings(work: Recording, tmp_path: Path) -> None:
    work.repo.git("config", "filter.upper.clean", "tr a-z A-Z")
    work.repo.git("config", "filter.upper.smudge", "tr A-Z a-z")
    work.repo.write(".gitattributes", "*.up filter=upper\n*.crlf text eol=crlf\n")
    work.repo.write("word.up", "word\n")
    work.repo.write("x.crlf", "one\r\ntwo\r\n")
    work.repo.write("script", "#!/bin/sh\n", mode=0o755)
    os.symlink("script", work.repo.top / "link")
    work.start()
    work.repo.trace("run", "true")
    # the attributes that count are those of the snapshot, not those of today's worktree
    work.repo.write(".gitattributes", "")
    out = tmp_path / "out"
    work.repo.trace("restore", "@~0", "--to", str(out))
    assert (out / "word.up").read_bytes() == b"word\n"
    assert (out / "x.crlf").read_bytes() == b"one\r\ntwo\r\n"
    assert os.access(out / "script", os.X_OK)
    assert os.readlink(out / "link") == "script"


@pytest.mark.parametrize(
    "path",
    ["../outside", ".git/hooks/post-commit", "a/../../outside", ".GIT/config", "git~1/config", ".g\u200cit/config"],
)
def test_never_writes_outside(story: Story, tmp_path: Path, path: str) -> None:
    tree = nested(story.repo, path)
    story.repo.trace("restore", tree, "--to", str(tmp_path / "out"), status=128)
    assert "invalid path" in story.repo.errors
    assert files(tmp_path / "out") == {}
    assert not (tmp_path / "outside").exists()
    assert not (tmp_path / "out/.git").exists()


def nested(repo: Repo, path: str) -> str:
    """Store a tree that no git would make, with a file at `path`; return its oid."""
    blob = repo.git("hash-object", "-w", "--stdin", stdin=b"bad\n")
    entry = b"100644 %s\0" % path.split("/")[-1].encode() + bytes.fromhex(blob)
    store = ("hash-object", "-w", "-t", "tree", "--stdin", "--literally")
    oid = repo.git(*store, stdin=entry)
    for part in reversed(path.split("/")[:-1]):
        oid = repo.git(*store, stdin=b"40000 %s\0" % part.encode() + bytes.fromhex(oid))
    return oid


def test_never_writes_through_a_link(story: Story, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    link = story.repo.git("hash-object", "-w", "--stdin", stdin=str(tmp_path / "elsewhere").encode())
    blob = story.repo.git("hash-object", "-w", "--stdin", stdin=b"bad\n")
    inner = story.repo.git("mktree", stdin=f"100644 blob {blob}\tfile\n".encode())
    entries = b"120000 x\0" + bytes.fromhex(link) + b"40000 x\0" + bytes.fromhex(inner)
    tree = story.repo.git("hash-object", "-w", "-t", "tree", "--stdin", "--literally", stdin=entries)
    story.repo.trace("restore", tree, "--to", str(tmp_path / "out"), status=None)
    assert list((tmp_path / "elsewhere").iterdir()) == []
    (tmp_path / "there").mkdir()
    os.symlink(tmp_path / "elsewhere", tmp_path / "there/sub")
    story.repo.write("sub/file", "mine\n")
    story.repo.trace("run", "true")
    story.repo.trace("restore", "@~0", "--force", "--to", str(tmp_path / "there"), status=None)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_not_into_the_repository(story: Story) -> None:
    story.repo.trace("restore", "@~0", "--to", ".git/x", status=128)
    assert "it is in the repository" in story.repo.errors
    story.repo.trace("restore", "@~0", "--force", "--to", ".", status=128)
    assert "it is the worktree" in story.repo.errors


def test_worktree(story: Story) -> None:
    repo = story.repo
    repo.git("reset", "-q", "--hard")
    repo.git("clean", "-q", "-f")
    index, head = (repo.git_dir / "index").read_bytes(), repo.git("rev-parse", "HEAD")
    out = repo.trace("restore", "--worktree", story.events[3])
    assert out == f"Restored the worktree to event {story.events[3][24:32]} (2 files changed)\n"
    assert files(repo.top) == {"a": "mended\n", "new": "made\n"}
    assert (repo.git("rev-parse", "HEAD"), (repo.git_dir / "index").read_bytes()) == (head, index)
    assert repo.git("status", "--porcelain") == " D b\n?? new"


def test_uncommitted_work_is_kept(story: Story) -> None:
    repo = story.repo
    story.work.write(a="mine\n", mine="mine\n")
    repo.trace("restore", "--worktree", story.events[0], status=128)
    assert repo.errors.startswith("fatal: cannot restore the worktree: uncommitted changes would be overwritten\n")
    assert "hint: a\nhint: mine\nhint: new\n" in repo.errors
    assert files(repo.top) == {"a": "mine\n", "mine": "mine\n", "new": "made\n"}


def test_force_says_how_to_get_back(story: Story) -> None:
    repo = story.repo
    story.work.write(a="mine\n", mine="mine\n")
    out = repo.trace("restore", "--worktree", "--force", story.events[0])
    assert files(repo.top) == {"a": TEN, "b": TEN}
    words = re.search(r"^To get back what was there: git trace (.*)$", out, re.MULTILINE)
    assert words
    repo.git("reflog", "expire", "--expire=now", "--all")
    repo.git("gc", "-q", "--prune=now")
    repo.trace(*words[1].split())
    assert files(repo.top) == {"a": "mine\n", "mine": "mine\n", "new": "made\n"}


def test_uncommitted_work_that_is_not_in_the_way(story: Story) -> None:
    repo = story.repo
    repo.git("reset", "-q", "--hard")
    repo.git("clean", "-q", "-f")
    repo.trace("run", "--", "sh", "-c", "echo other >c")
    repo.trace("restore", "--worktree", "--before", "@~0", status=128)
    repo.git("add", "c")
    repo.git("commit", "-q", "-m", "c")
    repo.trace("restore", "--worktree", "--before", "@~1")
    assert files(repo.top) == {"a": "mended\n", "b": TEN}


def test_what_no_snapshot_holds_stays(story: Story) -> None:
    repo = story.repo
    repo.write(".gitignore", "new\nkept/\n")
    repo.write(".env", "secret\n")
    repo.write("kept/x", "ignored\n")
    repo.write("new", "ignored now\n")
    repo.git("add", "-A", ":!.env")
    repo.git("commit", "-q", "-m", "all")
    repo.trace("restore", "--worktree", "--force", story.events[3], status=128)
    assert repo.errors.startswith("fatal: cannot restore the worktree: what no snapshot holds is in the way\n")
    assert "hint: new\n" in repo.errors
    os.unlink(repo.top / "new")
    repo.trace("restore", "--worktree", story.events[3])
    assert files(repo.top) == {"a": "mended\n", "new": "made\n", ".env": "secret\n", "kept/x": "ignored\n"}


def test_json(story: Story, tmp_path: Path) -> None:
    found = json.loads(story.repo.trace("restore", "--json", "@~0", "--to", str(tmp_path / "out")))
    assert found == {"tree": found["tree"], "directory": str(tmp_path / "out"), "files": 2}
    assert story.repo.git("ls-tree", "--name-only", found["tree"]) == "a\nnew"
    found = json.loads(story.repo.trace("restore", "--json", "--worktree", "--force", story.events[0]))
    assert found["files"] == 3
    assert story.repo.git("ls-tree", "--name-only", found["back"]) == "a\nnew"


def test_rebuilt_in_a_clone(story: Story, tmp_path: Path) -> None:
    event = story.events[3]
    story.work.commit()
    story.work.seal()
    clone = clone_of(story)
    clone.trace("restore", event, "--to", str(tmp_path / "out"))
    assert files(tmp_path / "out") == {"a": "mended\n", "new": "made\n"}
    bare = Repo(tmp_path / "bare.git", story.repo.env)
    story.repo.git("clone", "-q", "--bare", "--no-local", str(story.repo.top), str(bare.top))
    bare.git("fetch", "-q", "origin", "refs/notes/trace:refs/notes/trace")
    bare.trace("restore", event, "--to", str(tmp_path / "from bare"))
    assert files(tmp_path / "from bare") == {"a": "mended\n", "new": "made\n"}
    bare.trace("restore", event, "--worktree", status=128)
    assert "is a bare repository" in bare.errors


def test_what_can_not_be_rebuilt(story: Story, tmp_path: Path) -> None:
    story.repo.git("config", "trace.maxDiff", "10")
    story.work.write(a="x\n" * 100)
    story.repo.trace("run", "true")
    story.work.write(a="last\n")
    event = story.trace_json("log")[0]["events"][-1]["id"]
    story.work.commit()
    story.repo.trace("seal")
    clone = clone_of(story)
    clone.trace("restore", event, "--to", str(tmp_path / "out"), status=128)
    assert "is not in this clone, and the recorded diffs are not enough to rebuild it" in clone.errors
    clone.trace("diff", event, status=128)
    assert "was not recorded for its size" in clone.errors


def test_sparse_checkout_is_left_out_of_the_worktree_only(make_work: Make, tmp_path: Path) -> None:
    work = make_work("sparse")
    work.write(sub__x="1\n")
    work.commit()
    work.repo.git("sparse-checkout", "set", "--no-cone", "/*", "!/sub/")
    work.start()
    work.repo.trace("run", "--", "sh", "-c", "echo 2 >a")
    work.repo.trace("restore", "@~0", "--to", str(tmp_path / "out"))
    assert files(tmp_path / "out") == {"a": "2\n", "b": TEN, "sub/x": "1\n"}
    work.repo.trace("restore", "--worktree", "--force", "--before", "@~0")
    assert files(work.repo.top) == {"a": TEN, "b": TEN}


def test_names(story: Story, tmp_path: Path) -> None:
    story.repo.trace("restore", "HEAD", "--to", str(tmp_path / "x"), status=128)
    assert story.repo.errors.startswith("fatal: 'HEAD' is a commit, not an event\n")
    story.repo.trace("restore", "@~0", status=129)
    story.repo.trace("restore", "zzz", "--worktree", status=128)
    assert "'zzz' is no trace, session, event or commit" in story.repo.errors


def test_sha256(sha256_story: Story, tmp_path: Path) -> None:
    sha256_story.repo.trace("restore", sha256_story.events[3], "--to", str(tmp_path / "out"))
    assert files(tmp_path / "out") == {"a": "mended\n", "new": "made\n"}
    sha256_story.repo.trace("restore", sha256_story.events[0], "--worktree", "--force")
    assert files(sha256_story.repo.top) == {"a": TEN, "b": TEN}
