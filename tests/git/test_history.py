"""What the commits of a repository introduced, and whether anything leads to them."""

import os
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.git import history as history_module
from gittrace.git.graph import Node, reached
from gittrace.git.history import Made, reachable, read_commits, records, walk
from gittrace.git.objects import open_objects
from tests.support.recording import view
from tests.support.repo import Repo

PAST = {"GIT_COMMITTER_DATE": "2001-02-03T04:05:06Z"}


def history(repo: Repo, since: int = 0, also: tuple[str, ...] = (), known: tuple[str, ...] = ()) -> dict[str, Made]:
    """Read what refs lead to, and some commits more."""
    here = view(repo)
    tips = set(refs(repo).values())
    with open_objects(here) as store:
        found = {made.oid: made for made in walk(here, store, sorted(tips), known, since)} if tips else {}
        return found | {made.oid: made for made in read_commits(here, store, also)}


def refs(repo: Repo) -> dict[str, str]:
    """Return what branches, tags and remote-tracking branches lead to."""
    asked = ("refs/heads", "refs/remotes", "refs/tags")
    rows = (row.split() for row in repo.git("for-each-ref", "--format=%(refname) %(objectname)", *asked).splitlines())
    return {ref: repo.git("rev-parse", f"{oid}^{{commit}}") for ref, oid in rows}


def blob(repo: Repo, content: bytes) -> str:
    """Return the oid of a content."""
    return repo.run("git", "hash-object", "--stdin", stdin=content).decode().strip()


def test_no_commit_at_all(repo: Repo) -> None:
    assert history(repo) == {}


def test_what_commits_introduce(repo: Repo) -> None:
    one = repo.commit("a", "1\n", "first: words\nand more")
    repo.write(b"new\n\xff", "2\n")
    repo.git("add", "-A")
    (repo.top / "a").unlink()
    repo.git("rm", "-q", "--cached", "a")
    repo.git("commit", "-qm", "second")
    two = repo.git("rev-parse", "HEAD")
    found = history(repo)
    assert found[one].introduced == {(b"a", 0o100644, blob(repo, b"1\n"))}
    assert found[two].introduced == {(b"a", 0, blob(repo, b"1\n")), (b"new\n\xff", 0o100644, blob(repo, b"2\n"))}
    assert found[two].paths == {b"a", b"new\n\xff"}
    assert (found[two].parents, found[one].parents) == ((one,), ())
    assert (found[one].subject, found[two].subject) == ("first: words and more", "second")
    assert found[one].tree == repo.git("rev-parse", f"{one}^{{tree}}")


def test_a_merge_introduces_what_no_parent_had(repo: Repo) -> None:
    repo.commit("a", "1\n")
    repo.git("switch", "-qc", "side")
    repo.commit("a", "side\n")
    repo.commit("b", "b\n")
    repo.git("switch", "-q", "main")
    repo.commit("a", "main\n")
    repo.git("merge", "-q", "side", status=1)
    repo.write("a", "both\n")
    repo.git("commit", "-qam", "merged")
    merge = history(repo)[repo.git("rev-parse", "HEAD")]
    assert merge.introduced == {(b"a", 0o100644, blob(repo, b"both\n"))}
    repo.git("reset", "-q", "--hard", "HEAD~")
    repo.git("merge", "-q", "-s", "ours", "side")
    assert history(repo)[repo.git("rev-parse", "HEAD")].introduced == frozenset()


def test_what_is_reachable(repo: Repo, tmp_path: Path) -> None:
    base = repo.commit("a", "1\n")
    gone = repo.commit("a", "2\n")
    repo.git("reset", "-q", "--hard", base)
    tagged = repo.commit("a", "3\n")
    repo.git("tag", "-a", "-m", "x", "v1")
    repo.git("reset", "-q", "--hard", base)
    remote = repo.commit("a", "4\n")
    repo.git("update-ref", "refs/remotes/origin/main", remote)
    repo.git("reset", "-q", "--hard", base)
    noted = repo.commit("a", "5\n")
    repo.git("update-ref", "refs/notes/other", noted)
    repo.git("update-ref", "refs/stash", noted)
    repo.git("reset", "-q", "--hard", base)
    found = history(repo, also=(gone, noted))
    assert found.keys() == {base, gone, tagged, remote, noted}
    nodes = {oid: Node(made.time, made.parents) for oid, made in found.items()}
    leading = reached(nodes, refs(repo), 0)
    assert {oid: ref.rpartition("/")[2] for oid, ref in leading.items()} == {base: "main", tagged: "v1", remote: "main"}
    assert reachable(view(repo), sorted(found), detached=False) == leading.keys()
    assert found[gone].introduced == {(b"a", 0o100644, blob(repo, b"2\n"))}


def test_detached_head_counts(repo: Repo) -> None:
    repo.commit("a", "1\n")
    repo.git("checkout", "-q", "--detach")
    tip = repo.commit("a", "2\n")
    assert reachable(view(repo), [tip], detached=True) == {tip}
    repo.git("checkout", "-q", "main")
    assert reachable(view(repo), [tip], detached=False) == set()


def test_what_git_told_before_it_was_read(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    tip = [repo.commit("file", f"{number}\n", message="long " * 3000) for number in range(30)][-1]
    here = view(repo)
    with open_objects(here) as store:
        plain = list(records(here, store, [tip]))
        assert len(plain) == 30
        for most in (0, 1 << 20):
            monkeypatch.setattr(history_module, "_MOST_TAKEN", most)
            with closing(records(here, store, [tip])) as found:
                while found._size < min(most, len(b"".join(plain))):
                    found.keep_up()
                assert list(found) == plain
        with closing(records(here, store, [tip])) as found:
            pid = found._process.pid
        # nobody read what it had to tell
        with pytest.raises(ChildProcessError):
            os.waitpid(pid, os.WNOHANG)
        with closing(records(here, store, [])) as found:
            found.keep_up()
            assert list(found) == []


def test_since(repo: Repo) -> None:
    repo.git("commit", "-q", "--allow-empty", "-m", "old", env=PAST)
    old = repo.git("rev-parse", "HEAD")
    new = repo.commit("a", "1\n")
    assert history(repo, 1_500_000_000).keys() == {new}
    found = history(repo, 1_500_000_000, (old,))
    assert found.keys() == {old, new}
    # beyond an old commit lies what is known
    assert history(repo, 1_500_000_000, known=(old,)).keys() == {new}


@pytest.mark.parametrize(
    "key", ["log.showRoot=false", "diff.renames=copies", "log.showSignature=true", "color.ui=always"]
)
def test_configuration_changes_nothing(repo: Repo, key: str) -> None:
    repo.commit("a", "1\n" * 20)
    repo.git("mv", "a", "b")
    repo.git("commit", "-qm", "moved")
    before = history(repo)
    repo.git("config", *key.split("="))
    assert history(repo) == before


def test_the_same_commit_on_two_branches(repo: Repo) -> None:
    tip = repo.commit("a", "1\n")
    repo.git("branch", "copy")
    assert list(history(repo)) == [tip]


def test_a_shallow_clone(repo: Repo, tmp_path: Path) -> None:
    for number in range(3):
        repo.commit("a", f"{number}\n")
    repo.git("clone", "-q", "--depth=1", repo.top.as_uri(), str(tmp_path / "shallow"))
    shallow = Repo(tmp_path / "shallow", repo.env)
    (made,) = history(shallow).values()
    assert (made.oid, made.parents) == (repo.git("rev-parse", "HEAD"), ())


@given(st.lists(st.sampled_from([b"\x02", b"ab", b"c", b"a", b"\0"]), max_size=40), st.data())
def test_records_are_the_same_however_they_come(pieces: list[bytes], data: st.DataObject) -> None:
    whole = b"\x02ab" + b"".join(pieces)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(whole)), max_size=8)))
    parts = [whole[start:end] for start, end in pairwise([0, *cuts, len(whole)])]
    with mock.patch.object(history_module, "_AT_ONCE", data.draw(st.integers(1, 12))):
        assert list(history_module._split(parts, b"\x02ab")) == whole.split(b"\x02ab")[1:]
    assert list(history_module._split([], b"\x02ab")) == []
