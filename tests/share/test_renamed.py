"""A remote that `git remote rename` gave another name goes on as it was."""

import pytest

from gittrace.share import queue
from gittrace.share import renamed as module
from gittrace.share import state as states
from gittrace.share.overview import standings
from gittrace.share.remotes import Remotes, Target, mirror, writer_of
from gittrace.share.renamed import remotes_of
from gittrace.share.setup import fetch_along, share
from gittrace.share.snapshots import publish_snapshots
from gittrace.trace.upkeep import initialize as settings
from gittrace.trace.upkeep.initialize import deinitialize
from tests.share.conftest import LINE, MakeServer, pull, push, recorded
from tests.share.support import Server
from tests.support.recording import Make, Recording


def rename(work: Recording, old: str, new: str) -> None:
    work.git("remote", "rename", old, new)
    work.here.forget_config()


def refs(work: Recording) -> list[str]:
    return work.git(
        "for-each-ref", "--format=%(refname)", "refs/notes/trace-remotes", "refs/trace-remotes"
    ).splitlines()


def test_pushes_go_on_publishing(work: Recording, server: Server) -> None:
    one = recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    trace = str(work.pieces()[0].header["trace_id"])
    publish_snapshots(work.here, Target("origin", "origin"), [trace], LINE)
    before = states.load(work.here, "origin")
    rename(work, "origin", "upstream")
    assert [(one.remote, one.to, one.problem) for one in standings(work.here)] == [("upstream", "upstream", "")]
    writer = writer_of(work.here)
    assert refs(work) == [f"{mirror('upstream')}{writer}", f"refs/trace-remotes/upstream/{writer}/{trace}"]
    now = states.load(work.here, "upstream")
    assert (now.to, now.baseline, now.mirror) == ("upstream", before.baseline, before.mirror)
    assert states.load(work.here, "origin") == states.State()
    two = recorded(work, "two")
    work.git("push", "-q", "--no-verify", "upstream", "main")
    done = push(work, "upstream")
    # what was there is not sent again, nor taken for another clone's
    assert (done.commits, done.renewed) == (1, False)
    assert set(server.segments()) == {one, two}
    assert work.git("config", "--get-all", "trace.remote") == "upstream"


def test_git_push_follows(work: Recording, server: Server) -> None:
    rename(work, "origin", "upstream")
    remotes = remotes_of(work.here)
    assert remotes.of_push("upstream", server.url) == Target("upstream", "upstream")
    assert remotes_of(work.here).renamed == {}


@pytest.mark.parametrize("which", ["origin", "private"])
def test_where_traces_go_elsewhere(work: Recording, make_server: MakeServer, which: str) -> None:
    private = make_server("private.git")
    work.git("remote", "add", "private", private.url)
    share(work.here, "origin", "private")
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work, "origin", "private")
    queue.add(work.here, queue.Entry("", "origin", "private"))
    rename(work, which, "new/name")
    target = Target("new/name", "private") if which == "origin" else Target("origin", "new/name")
    assert remotes_of(work.here).targets == [target]
    assert [(one.remote, one.to) for one in queue.waiting(work.here)] == [(target.remote, target.to)]
    assert refs(work) == [mirror(target.to, writer_of(work.here))]
    assert states.load(work.here, target.remote).to == target.to
    assert push(work, target.remote, target.to).commits == 0


def test_twice_and_back(work: Recording, server: Server) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    rename(work, "origin", "upstream")
    rename(work, "upstream", "there")
    assert remotes_of(work.here).targets == [Target("there", "there")]
    rename(work, "there", "origin")
    assert remotes_of(work.here).targets == [Target("origin", "origin")]
    assert push(work).commits == 0


def test_killed_on_the_way(work: Recording, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    rename(work, "origin", "upstream")
    for place, name in ((module, "_move_refs"), (settings, "move_settings"), (settings, "add_settings")):
        with monkeypatch.context() as patch:
            patch.setattr(place, name, lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt))
            with pytest.raises(KeyboardInterrupt):
                remotes_of(work.here)
        work.here.forget_config()
        assert Remotes(work.here).renamed == {"upstream": "origin"}
    assert remotes_of(work.here).targets == [Target("upstream", "upstream")]
    assert push(work, "upstream").commits == 0


def test_what_git_fetch_brings(work: Recording, server: Server, make_work: Make) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    fetch_along(clone.here, "origin")
    clone.git("fetch", "-q", "origin")
    rename(clone, "origin", "upstream")
    remotes_of(clone.here)
    clone.git("fetch", "-q", "upstream")
    assert refs(clone) == [mirror("upstream", writer_of(work.here))]


def test_a_clone_that_only_fetched(work: Recording, server: Server, make_work: Make) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    pull(clone)
    # of which this one knows something that the new one does not
    clone.git("update-ref", mirror("gone", "0" * 12), clone.head())
    rename(clone, "origin", "upstream")
    pull(clone, "upstream")
    assert refs(clone) == [mirror("gone", "0" * 12), mirror("upstream", writer_of(work.here))]


def test_a_section_that_was_copied(work: Recording, server: Server) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    work.git("config", "remote.copy.url", server.url)
    work.git("config", "remote.copy.trace", "origin")
    assert remotes_of(work.here).targets == [Target("origin", "origin")]
    assert refs(work) == [mirror("origin", writer_of(work.here))]
    assert push(work).commits == 0


def test_deinit_leaves_nothing(work: Recording, server: Server) -> None:
    rename(work, "origin", "upstream")
    remotes_of(work.here)
    deinitialize(work.here)
    assert "trace" not in work.git("config", "--local", "--list", "--name-only")
