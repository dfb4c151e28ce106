"""Work that reached the remote on another way than by its note, and nothing else of its trace."""

from gittrace.git.transfer import Line
from gittrace.share.complete import complete
from gittrace.share.plan import Scope
from gittrace.share.remotes import Target
from tests.share.conftest import LINE, push
from tests.share.support import Server
from tests.support.recording import Recording


def pushed(work: Recording, *refs: str) -> None:
    """Push without the hook, and publish."""
    work.git("push", "-q", "--no-verify", "-f", "origin", *refs)
    push(work)
    complete(work.here, Target("origin", "origin"), Scope(), LINE)


def names(work: Recording, *commits: str) -> set[str]:
    """Return `<session>-<index>` of the segments that are noted on commits here."""
    return {f"{piece.session}-{piece.index}" for piece in work.pieces() if piece.commit in commits}


def topic(work: Recording, *files: str) -> list[str]:
    """Record a trace with a commit for each file on a branch of its own, and return these."""
    work.git("switch", "-qc", "topic")
    work.start(title="topic")
    commits = []
    for name in files:
        work.did(f"make {name}", **{name: f"a telling line of the file {name}\nand a second one\n"})
        commits.append(work.commit(name))
    work.stop(True)
    work.git("switch", "-q", "main")
    return commits


def test_a_squash(work: Recording, server: Server) -> None:
    commits = topic(work, "one", "two")
    work.git("merge", "-q", "--squash", "topic")
    work.git("commit", "-qm", "squashed")
    pushed(work, "main")
    # the verdict goes along
    assert server.segments() == {work.head(): names(work, *commits)}
    assert len(names(work, *commits)) == 3
    tip = server.repo.git("for-each-ref", "refs/notes")
    pushed(work, "main")
    assert server.repo.git("for-each-ref", "refs/notes") == tip


def test_a_pick_takes_only_its_own(work: Recording, server: Server) -> None:
    one, two = topic(work, "one", "two")
    work.git("cherry-pick", one)
    pushed(work, "main")
    assert server.segments() == {work.head(): names(work, one)}
    work.git("switch", "-q", "topic")
    pushed(work, "topic")
    assert server.segments()[two] == names(work, two)


def test_a_file_of_it_among_others(work: Recording, server: Server) -> None:
    (one,) = topic(work, "one")
    work.write(one=work.git("show", "topic:one") + "\n", three="something else\n")
    work.commit("both")
    pushed(work, "main")
    assert server.segments() == {work.head(): names(work, one)}


def test_what_was_changed_on_the_way_is_too_weak(work: Recording, server: Server) -> None:
    topic(work, "one")
    work.write(one="a telling line of the file one\n")
    work.commit("only a line of it")
    pushed(work, "main")
    assert server.segments() == {}


def test_what_was_stopped_before_it_was_committed(work: Recording, server: Server) -> None:
    work.start()
    work.did("make", one="a telling line of the file one\n")
    work.stop(True)
    assert work.unlinked() == [["make", "stop"]]
    commit = work.commit("by hand")
    pushed(work, "main")
    assert set(server.segments()) == {commit}


def test_what_others_do_alike_is_none(work: Recording, server: Server) -> None:
    topic(work, "one")
    work.write(three="something else altogether\n")
    work.commit("three")
    pushed(work, "main")
    assert server.segments() == {}


def test_a_rebase_at_the_server(work: Recording, server: Server) -> None:
    (one,) = topic(work, "one")
    there = server.repo.top.with_name("there")
    work.git("push", "-q", "--no-verify", "origin", "topic:refs/heads/wip")
    work.git("push", "-q", "--no-verify", "origin", ":wip")
    server.repo.git("clone", "-q", server.url, str(there))
    work.git("-C", str(there), "fetch", "-q", str(work.repo.top), "topic")
    work.git("-C", str(there), "commit", "-q", "--allow-empty", "-m", "elsewhere")
    work.git("-C", str(there), "cherry-pick", "FETCH_HEAD")
    work.git("-C", str(there), "push", "-q", "origin", "main")
    work.git("pull", "-q", "--ff-only", "origin", "main")
    push(work)
    complete(work.here, Target("origin", "origin"), Scope(), Line())
    assert server.segments() == {work.head(): names(work, one)}
