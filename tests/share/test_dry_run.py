"""`git trace push --dry-run` says what `git trace push` does, all of it, and changes nothing."""

import json
from collections import Counter
from typing import Any

import pytest

from gittrace.share.setup import share
from tests.share.conftest import MakeServer, recorded
from tests.share.support import Server
from tests.share.test_derived import topic
from tests.support.recording import Recording

Said = tuple[Counter[str], set[str]]


def said(work: Recording, *args: str) -> Said:
    """Return how much is (or would be) published, and of which traces."""
    done: list[dict[str, Any]] = json.loads(work.repo.trace("push", *args, "--json"))
    count: Counter[str] = Counter()
    for one in done:
        count.update({key: one[key] for key in ("commits", "segments", "removed")})
        count["held"] += len(one["held"])
    return +count, {trace for one in done for trace in one["traces"]}


def same(work: Recording, *args: str) -> Said:
    """Assert that a dry run says what the push then does, twice, and leaves no ref or file another."""
    before = state(work)
    would = said(work, "--dry-run", *args)
    assert said(work, "--dry-run", *args) == would
    assert state(work) == before
    assert said(work, *args) == would
    assert said(work, "--dry-run", *args) == (Counter(), set())
    return would


def state(work: Recording) -> tuple[str, dict[str, bytes]]:
    folder = work.repo.git_dir / "trace/share"
    files = {path.name: path.read_bytes() for path in sorted(folder.rglob("*")) if path.name.endswith("json")}
    return work.git("for-each-ref"), files


def test_a_squash(work: Recording, server: Server) -> None:
    topic(work, "one", "two")
    work.git("merge", "-q", "--squash", "topic")
    work.git("commit", "-qm", "squashed")
    work.git("push", "-q", "--no-verify", "origin", "main")
    assert same(work)[0] == Counter(commits=1, segments=3)
    assert set(server.segments()) == {work.head()}


def test_a_trace_that_is_there_as_a_whole_is_not_published_again(work: Recording, server: Server) -> None:
    (one,) = topic(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "topic")
    work.git("cherry-pick", one)
    work.git("push", "-q", "--no-verify", "origin", "main")
    # the dry run knows what its first half would have published
    assert same(work)[0] == Counter(commits=1, segments=2)
    assert set(server.segments()) == {one}


def test_a_pick_among_noted_commits(work: Recording, server: Server) -> None:
    one, _ = topic(work, "one", "two")
    recorded(work, "three")
    work.git("cherry-pick", one)
    recorded(work, "four")
    work.git("push", "-q", "--no-verify", "origin", "main")
    assert same(work)[0]["commits"] == 3
    topic_count = len(server.segments())
    assert topic_count == 3
    same(work, "--all")


@pytest.mark.parametrize("args", [(), ("--all",), ("--unlinked",), ("--all", "--unlinked")])
def test_whatever_is_asked_for(work: Recording, server: Server, args: tuple[str, ...]) -> None:
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    recorded(work, "private")
    recorded(work, "loose", commit=False)
    assert same(work, *args)[0]["segments"] == 2 + 2 * ("--all" in args) + ("--unlinked" in args)


def test_two_remotes_that_publish_at_one_place(work: Recording, server: Server, make_server: MakeServer) -> None:
    fork = make_server("fork.git")
    work.git("remote", "add", "fork", fork.url)
    share(work.here, "fork", "origin")
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    work.git("push", "-q", "--no-verify", "fork", "main")
    assert same(work)[0] == Counter(commits=1, segments=2)


def test_after_something_was_forgotten(work: Recording, server: Server) -> None:
    recorded(work, "one")
    trace = str(work.pieces()[0].header["trace_id"])
    work.git("push", "-q", "--no-verify", "origin", "main")
    same(work)
    work.repo.trace("forget", trace)
    assert same(work)[0]["removed"] == 2
