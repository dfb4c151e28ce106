"""What is published: the notes of the commits that are at the remote, and nothing else."""

import json
import shutil
from pathlib import Path

import pytest

from gittrace.clock import now, uuid4, uuid7
from gittrace.errors import BadConfig
from gittrace.git.transfer import TransferFailed
from gittrace.model.segment import encode
from gittrace.share import queue
from gittrace.share.overview import standings
from gittrace.share.remotes import writer_of
from gittrace.share.setup import share
from gittrace.trace.sealing.noting import add_lines
from gittrace.trace.upkeep.forget import forget_trace
from gittrace.vocabulary import NOTES_REF
from tests.share.conftest import MakeServer, pull, push, recorded
from tests.share.support import Server
from tests.support.recording import Make, Recording, view
from tests.support.recording import recorded as recording
from tests.support.repo import Repo


def pushed(work: Recording, *refs: str) -> None:
    """Push branches, without the hook."""
    work.git("push", "-q", "--no-verify", "origin", *(refs or ("HEAD",)))


def local(work: Recording) -> dict[str, set[str]]:
    """Return commit -> segments that this clone has noted on it."""
    found: dict[str, set[str]] = {}
    for piece in work.pieces():
        if piece.commit:
            found.setdefault(piece.commit, set()).add(f"{piece.session}-{piece.index}")
    return found


def mirror_of(work: Recording, remote: str = "origin") -> str:
    return work.git(
        "rev-parse", "-q", "--verify", f"refs/notes/trace-remotes/{remote}/{writer_of(work.here)}", status=None
    )


def test_only_what_the_remote_has(work: Recording, server: Server) -> None:
    one = recorded(work, "one")
    work.git("switch", "-qc", "private")
    two = recorded(work, "two")
    assert push(work).segments == 0
    assert server.writers() == []
    pushed(work, "main")
    done = push(work)
    assert (done.commits, done.segments) == (1, 2)
    assert server.segments() == {one: local(work)[one]}
    pushed(work, "private")
    push(work)
    assert server.segments() == local(work)
    assert set(server.segments()) == {one, two}
    tip = server.repo.git("rev-parse", done.ref)
    assert push(work).new == tip
    # each publication is a fast-forward
    assert server.repo.git("rev-list", "--count", done.ref) == "2"


def test_a_segment_that_several_commits_have_goes_where_it_applies(work: Recording, server: Server) -> None:
    first = recorded(work, "one")
    work.git("branch", "old")
    work.git("commit", "-q", "--amend", "-m", "one, in other words")
    work.seal()
    second = work.head()
    assert set(local(work)) == {first, second}
    pushed(work, "main")
    push(work)
    assert set(server.segments()) == {second}


def test_what_comes_later_on_a_commit_that_is_there(work: Recording, server: Server) -> None:
    work.start(title="one")
    work.did("make", a="other\n")
    commit = work.commit()
    pushed(work)
    push(work)
    assert len(server.segments()[commit]) == 1
    work.stop(True)
    assert push(work).segments == 1
    assert len(server.segments()[commit]) == 2


def test_what_was_there_before_sharing_waits_until_it_is_asked_for(make_work: Make, server: Server) -> None:
    work = make_work()
    work.git("remote", "add", "origin", server.url)
    before = recorded(work, "before")
    private = work.head()
    pushed(work)
    assert private == before
    share(work.here, "origin")
    after = recorded(work, "after")
    pushed(work)
    push(work)
    assert set(server.segments()) == {after}
    push(work, old=True)
    assert set(server.segments()) == {before, after}


def test_all_publishes_private_branches_too(work: Recording, server: Server) -> None:
    one = recorded(work, "one")
    push(work, private=True)
    assert set(server.segments()) == {one}


def test_foreign_lines_and_other_notes_stay_here(work: Recording, server: Server) -> None:
    one = recorded(work, "one")
    work.git("notes", f"--ref={NOTES_REF}", "append", "-m", "my own words", one)
    work.git("notes", "add", "-m", "a note of mine", one)
    pushed(work)
    push(work)
    (note,) = server.notes().values()
    assert b"words" not in note
    assert server.segments() == local(work)
    assert (
        server.repo.git("for-each-ref", "--format=%(refname)", "refs/notes")
        == f"refs/notes/traces/{writer_of(work.here)}"
    )


@pytest.mark.parametrize("name", ["up/stream", "dot.ted", "a.lock.b", "ünï", "q'uote", "per%cent", "eq=ual"])
def test_names_of_remotes(work: Recording, make_server: MakeServer, name: str) -> None:
    other = make_server("other.git")
    one = recorded(work, "one")
    work.git("remote", "add", name, other.url)
    work.git("push", "-q", "--no-verify", name, "main")
    push(work, name, old=True)
    assert set(other.segments()) == {one}
    assert pull(work, name).writers == {}
    assert push(work, name).new == other.repo.git("rev-parse", f"refs/notes/traces/{writer_of(work.here)}")


def test_mirrors_of_remotes_do_not_lie_within_each_other(work: Recording, make_server: MakeServer) -> None:
    recorded(work, "one")
    for name in ("up", "up/stream"):
        work.git("config", f"remote.{name}.url", make_server(f"{name.replace('/', '-')}.git").url)
        work.git("push", "-q", "--no-verify", name, "main")
        push(work, name, private=True)
    pull(work, "up")
    assert len(work.git("for-each-ref", "refs/notes/trace-remotes").splitlines()) == 2


def test_several_remotes_get_their_own(work: Recording, server: Server, make_server: MakeServer) -> None:
    fork = make_server("fork.git")
    work.git("remote", "add", "fork", fork.url)
    one = recorded(work, "one")
    pushed(work)
    work.git("switch", "-qc", "topic")
    two = recorded(work, "two")
    work.git("push", "-q", "--no-verify", "fork", "topic")
    push(work)
    push(work, "fork", old=True)
    assert set(server.segments()) == {one}
    assert set(fork.segments()) == {one, two}


def test_another_repository_for_traces(work: Recording, server: Server, make_server: MakeServer) -> None:
    private = make_server("private.git")
    work.git("remote", "add", "private", private.url)
    one = recorded(work, "one")
    pushed(work)
    push(work, "origin", "private")
    assert server.writers() == []
    assert set(private.segments()) == {one}
    # it gets notes of commits that it does not have, and these can be read all the same
    assert private.repo.git("cat-file", "-t", one, status=None) == ""


def test_unlinked_work_travels_when_asked_for(work: Recording, server: Server, make_work: Make) -> None:
    recorded(work, "never committed", commit=False)
    pushed(work)
    assert push(work).segments == 0
    assert push(work, unlinked=True).segments == 1
    assert push(work, unlinked=True).segments == 0
    files = server.repo.git("ls-tree", "-r", "--name-only", f"refs/notes/traces/{writer_of(work.here)}")
    assert files.startswith("segments/")
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    pull(clone)
    (shown,) = json.loads(clone.repo.trace("show", "--json"))["segments"]
    assert shown["noted_on"] == []


def test_no_remote_of_that_name(work: Recording) -> None:
    with pytest.raises(BadConfig, match=r"'nowhere' for 'trace\.remote'"):
        push(work, "nowhere")


@pytest.mark.parametrize("kind", ["sha1", "sha256"])
def test_object_formats(make_work: Make, make_server: MakeServer, kind: str) -> None:
    server, work = make_server("other.git", kind), make_work("other", kind)
    work.git("remote", "add", "origin", server.url)
    commits = {recorded(work, name) for name in ("one", "two")}
    pushed(work)
    push(work, old=True)
    assert server.segments() == local(work)
    assert set(server.segments()) == commits
    clone = make_work("clone", kind)
    clone.git("remote", "add", "origin", server.url)
    assert len(pull(clone).writers) == 1


class TestTheServerSaysNo:
    """What could not be published waits, with the reason, and goes with the next push."""

    @pytest.mark.parametrize("how", ["pre-receive", "hidden", "gone"])
    def test_then_it_waits(self, work: Recording, server: Server, how: str) -> None:
        one = recorded(work, "one")
        pushed(work)
        away = server.repo.top.with_name("away")
        if how == "pre-receive":
            server.refuse("refs/notes/*")
        elif how == "hidden":
            server.repo.git("config", "transfer.hideRefs", "refs/notes")
        else:
            server.repo.top.rename(away)
        queue.add(work.here, queue.Entry("", "origin", "origin", {"refs/heads/main": one}))
        queue.add(work.here, queue.Entry("", "origin", "origin", {"refs/heads/main": one}))
        for count in (1, 2):
            with pytest.raises(TransferFailed):
                push(work)
            (entry,) = queue.waiting(work.here)
            assert entry.failed == count
            assert entry.why
            assert mirror_of(work) == ""
        (standing,) = standings(work.here)
        assert standing.segments == 2
        assert standing.waiting == [entry]
        if how == "gone":
            away.rename(server.repo.top)
        elif how == "hidden":
            server.repo.git("config", "--unset", "transfer.hideRefs")
        else:
            server.relent()
        push(work)
        assert queue.waiting(work.here) == []
        assert set(server.segments()) == {one}
        assert mirror_of(work) == server.repo.git("rev-parse", f"refs/notes/traces/{writer_of(work.here)}")

    def test_a_confirmation_that_was_lost(self, work: Recording, server: Server) -> None:
        for name in ("one", "two"):
            recorded(work, name)
            pushed(work)
            mirror = mirror_of(work)
            push(work)
        ref = f"refs/notes/trace-remotes/origin/{writer_of(work.here)}"
        work.git("update-ref", ref, mirror)
        writer, three = writer_of(work.here), recorded(work, "three")
        pushed(work)
        push(work)
        assert server.writers() == [writer]
        assert server.segments() == local(work)
        assert three in server.segments()


class TestDivergence:
    """Whatever became of our ref at the server or of its mirror here, afterwards all is there."""

    @pytest.fixture
    def shared(self, work: Recording) -> Recording:
        for name in ("one", "two"):
            recorded(work, name)
            pushed(work)
            push(work)
        recorded(work, "three")
        pushed(work)
        return work

    @pytest.mark.parametrize(
        "how", ["mirror lost", "mirror behind", "server lost", "server behind", "pruned", "new server"]
    )
    def test_all_is_there_again(self, shared: Recording, server: Server, how: str) -> None:
        writer = writer_of(shared.here)
        mirror, ref = f"refs/notes/trace-remotes/origin/{writer}", f"refs/notes/traces/{writer}"
        if how == "mirror lost":
            shared.git("update-ref", "-d", mirror)
        elif how == "mirror behind":
            shared.git("update-ref", mirror, f"{mirror}~")
        elif how == "server lost":
            server.repo.git("update-ref", "-d", ref)
        elif how == "server behind":
            server.repo.git("update-ref", ref, f"{ref}~")
        elif how == "pruned":
            server.repo.git("update-ref", "-d", ref)
            pull(shared)
            assert shared.git("for-each-ref", mirror) == ""
        else:
            shutil.rmtree(server.repo.top)
            server.repo.top.mkdir()
            server.repo.git("init", "-q", "--bare", ".")
            pushed(shared, "main")
        push(shared)
        assert server.writers() == [writer]
        assert server.segments(writer) == local(shared)
        assert mirror_of(shared) == server.repo.git("rev-parse", ref)

    def test_rewritten_at_the_server(self, shared: Recording, server: Server) -> None:
        writer = writer_of(shared.here)
        ref = f"refs/notes/traces/{writer}"
        tree = server.repo.git("rev-parse", f"{ref}^{{tree}}")
        server.repo.git("update-ref", ref, server.repo.git("commit-tree", "-m", "squashed", tree))
        push(shared)
        assert server.writers() == [writer]
        assert server.segments() == local(shared)

    def test_a_lost_memory_costs_nothing_but_time(self, shared: Recording, server: Server) -> None:
        shutil.rmtree(Path(shared.here.common_trace_dir) / "share")
        push(shared, old=True)
        assert server.segments() == local(shared)

    def test_rewritten_history(self, shared: Recording, server: Server) -> None:
        push(shared)
        before = server.segments()
        shared.git("commit", "-q", "--amend", "-m", "three again")
        shared.seal()
        shared.git("push", "-q", "--no-verify", "-f", "origin", "main")
        push(shared)
        # what was published stays: it tells what was superseded
        assert server.segments() == before | {shared.head(): local(shared)[shared.head()]}


def copied(work: Recording, top: Path, monkeypatch: pytest.MonkeyPatch) -> Recording:
    """Return a copy of a repository, with its writer's id."""
    shutil.copytree(work.repo.top, top, symlinks=True)
    return recording(Repo(top, work.repo.env), monkeypatch)


class TestTwoClonesOfOneWriter:
    @pytest.fixture
    def shared(self, work: Recording) -> Recording:
        recorded(work, "one")
        pushed(work)
        push(work)
        return work

    @pytest.mark.parametrize("noticed", ["by place", "by what is there"])
    def test_a_copy_gets_an_id_of_its_own(
        self, shared: Recording, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noticed: str
    ) -> None:
        if noticed != "by place":
            (Path(shared.here.common_trace_dir) / "share/places").unlink()
        copy = copied(shared, tmp_path / "copy", monkeypatch)
        first = writer_of(shared.here)
        commits = {}
        for work, name in ((shared, "mine"), (copy, "theirs"), (shared, "more"), (copy, "and more")):
            commits[name] = recorded(work, name)
            work.git("push", "-q", "--no-verify", "origin", f"HEAD:refs/heads/{name.replace(' ', '-')}")
            push(work)
        assert writer_of(view(shared.repo)) == first
        assert writer_of(view(copy.repo)) != first
        assert sorted(server.writers()) == sorted({first, writer_of(view(copy.repo))})
        assert set(commits.values()) < server.segments().keys()
        assert server.segments(first) == local(shared)
        assert server.segments(writer_of(view(copy.repo))) == local(copy)

    def test_a_repository_that_was_moved_is_no_copy(self, shared: Recording, server: Server, tmp_path: Path) -> None:
        first = writer_of(shared.here)
        shared.repo.top.rename(tmp_path / "moved")
        shared.repo.top = tmp_path / "moved"
        shared.here = view(shared.repo)
        recorded(shared, "two")
        pushed(shared)
        push(shared)
        assert server.writers() == [first]
        assert server.segments() == local(shared)


def test_tombstones_are_published_and_what_they_cover_is_taken_away(work: Recording, server: Server) -> None:
    one, two = recorded(work, "one"), recorded(work, "two")
    pushed(work)
    push(work)
    forget_trace(work.here, next(piece.header["trace_id"] for piece in work.pieces() if piece.commit == one))
    (standing,) = standings(work.here)
    assert (standing.segments, standing.removed) == (0, 2)
    assert "  2 segments to be removed there\n" in work.repo.trace("status")
    assert push(work).removed == 2
    assert standings(work.here)[0].removed == 0
    assert set(server.segments()) == {two}
    assert any(b" forget " in note for note in server.notes().values())
    assert (push(work).removed, push(work).new) == (0, mirror_of(work))


def test_a_segment_with_a_secret_is_held_back(work: Recording, server: Server) -> None:
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    one = recorded(work, "one")
    two = work.commit("two")
    # as it was sealed before there was a rule for it
    trace, session = uuid4(), uuid4()
    header = {"kind": "session", "id": uuid7(), "at": now(), "trace_id": trace, "session_id": session, "index": 0}
    event = {"kind": "note", "id": uuid7(), "at": now(), "source": "test", "text": f"it is {secret}"}
    jsonl = "".join(f"{json.dumps(line)}\n" for line in (header, event)).encode()
    add_lines(work.here, {two: [encode(trace, session, 0, jsonl)]})
    pushed(work)
    done = push(work)
    assert set(server.segments()) == {one}
    assert {item["commit"] for item in done.held} == {two}
    assert secret not in str(done.held)
    assert done.held[0]["trace_id"] in done.held[0]["hint"]
    (standing,) = standings(work.here)
    assert standing.held == done.held
    assert standing.segments == 0
    assert "git trace redact" in work.repo.trace("status")
    # it is asked again with each push, without a word to the server
    assert (push(work).segments, len(push(work).held)) == (0, 1)
    work.git("config", "trace.redact.allow", done.held[0]["hint"].split("trace.redact.allow ")[1].split("'")[0])
    work.here.forget_config()
    assert push(work).segments == 1
    assert server.segments() == local(work)
    assert standings(work.here)[0].held == []
