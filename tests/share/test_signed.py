"""Signatures are published with their segments, or after them, and are worth the same in a clone."""

import time
from contextlib import closing
from pathlib import Path

import pytest

from gittrace.git import signature
from gittrace.model.segment import parse_note
from gittrace.share.complete import complete
from gittrace.share.overview import standings as shares
from gittrace.share.plan import Scope
from gittrace.share.remotes import Target
from gittrace.trace.sealing import unsigned
from gittrace.trace.stored.signed import standings
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.forget import forget_trace
from gittrace.vocabulary import SHARED_NOTES_REFS
from tests.share.conftest import LINE, pull, push, recorded
from tests.share.support import Server, through
from tests.share.test_derived import topic
from tests.share.test_hook import make_project, project
from tests.support.keys import SshKeys, need_ssh, program, sign_with, ssh_keys
from tests.support.recording import Make, Recording, append
from tests.trace.sealing.test_signing import whales_are_secret

__all__ = ["make_project", "project", "ssh_keys"]

pytestmark = need_ssh
_program = program


def letters(work: Recording) -> str:
    """Return how all segments of all traces are signed."""
    with closing(Store(work.here)) as store:
        found = [one for trace in store.trace_ids() for one in standings(store, trace, store.load(trace).segments)]
    return "".join(sorted(standing.letter for _, standing in found))


def published(server: Server) -> int:
    """Return how many signatures are in the notes at the server."""
    return sum(len(parse_note(note).signatures) for note in server.notes().values())


def clone_of(work: Recording, server: Server, make_work: Make, keys: SshKeys) -> Recording:
    clone = make_work("clone")
    clone.git("remote", "add", "origin", server.url)
    clone.git("config", "gpg.ssh.allowedSignersFile", str(keys.allowed))
    pull(clone)
    return clone


def test_they_go_along(work: Recording, server: Server, ssh_keys: SshKeys, make_work: Make) -> None:
    sign_with(work, ssh_keys)
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    done = push(work)
    # nobody signed before
    assert (done.segments, done.signatures, published(server)) == (2, 0, 2)
    assert letters(clone_of(work, server, make_work, ssh_keys)) == "GG"
    tip = server.repo.git("for-each-ref", SHARED_NOTES_REFS)
    assert push(work).commits == 0
    assert server.repo.git("for-each-ref", SHARED_NOTES_REFS) == tip


def test_they_follow(work: Recording, server: Server, ssh_keys: SshKeys, make_work: Make) -> None:
    sign_with(work, ssh_keys)
    # else the sealer that a commit leaves behind may be in time to sign
    (work.repo.git_dir / "trace/hooks/seal").unlink()
    recorded(work, "one")
    recorded(work, "two", commit=False)
    private = ssh_keys.folder / "ann-example.com"
    private.rename(f"{private}.away")
    work.git("push", "-q", "--no-verify", "origin", "main")
    done = push(work, unlinked=True)
    assert (done.segments, published(server), len(unsigned.waiting(work.here))) == (3, 0, 3)
    assert letters(clone_of(work, server, make_work, ssh_keys)) == "NNN"
    Path(f"{private}.away").rename(private)
    work.repo.trace("sign")
    (standing, *_) = shares(work.here)
    assert (standing.commits, standing.segments, standing.signatures) == (1, 0, 2)
    assert "2 signatures to be published" in work.repo.trace("remotes")
    assert "  2 signatures -> refs/notes/traces/" in work.repo.trace("push")
    done = push(work, unlinked=True)
    assert (done.segments, done.signatures) == (0, 1)
    assert push(work, unlinked=True).signatures == 0
    pull(clone := Recording(work.repo.__class__(work.repo.top.parent / "clone", work.repo.env)))
    assert letters(clone) == "GGG"


def test_a_dry_run_signs_nothing(work: Recording, server: Server, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    (work.repo.git_dir / "trace/hooks/seal").unlink()
    recorded(work, "one")
    work.git("push", "-q", "--no-verify", "origin", "main")
    out = work.repo.trace("push", "--dry-run")
    assert "2 segments would be signed first" in out
    assert letters(work) == "NN"
    assert "signed first" not in work.repo.trace("push")
    assert letters(work) == "GG"
    assert "signed first" not in work.repo.trace("push", "--dry-run")


def test_what_came_by_a_squash(work: Recording, server: Server, ssh_keys: SshKeys, make_work: Make) -> None:
    sign_with(work, ssh_keys)
    topic(work, "one", "two")
    work.git("merge", "-q", "--squash", "topic")
    work.git("-c", "commit.gpgSign=false", "commit", "-qm", "squashed")
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    complete(work.here, Target("origin", "origin"), Scope(), LINE)
    assert published(server) == 3
    assert letters(clone_of(work, server, make_work, ssh_keys)) == "GGG"


def test_what_is_held_back_leaves_no_signature(work: Recording, server: Server, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    recorded(work, "one")
    work.start(title="two")
    append(work, text="blue-whale-7")
    work.did("make two", two="two\n")
    work.commit("two")
    work.stop()
    whales_are_secret(work)
    work.git("push", "-q", "--no-verify", "origin", "main")
    done = push(work)
    assert (len(done.held), published(server)) == (1, 3)
    segments = {line.key for note in server.notes().values() for line in parse_note(note).segments}
    assert {one.key for note in server.notes().values() for one in parse_note(note).signatures} == segments


def test_what_is_forgotten_goes_there_too(work: Recording, server: Server, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    recorded(work, "one")
    trace = str(work.pieces()[0].header["trace_id"])
    work.git("push", "-q", "--no-verify", "origin", "main")
    push(work)
    assert published(server) == 2
    forget_trace(work.here, trace)
    push(work)
    assert published(server) == 0


def test_git_push_signs(project: Recording, server: Server, ssh_keys: SshKeys) -> None:
    sign_with(project, ssh_keys)
    recorded(project, "one")
    through(project.repo, "git", "push", "-q", "origin", "main")
    assert published(server) == 2


def test_git_push_does_not_wait_for_a_program_that_hangs(
    project: Recording, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.git("config", "trace.sign", "true")
    began = tmp_path / "began"
    done = tmp_path / "done"
    hanging = _program(tmp_path / "hanging", f"touch {began}; sleep 8; touch {done}; exec sleep 600")
    project.git("config", "gpg.program", hanging)
    project.here.forget_config()
    recorded(project, "one")
    said = project.repo.run("git", "push", "-q", "origin", "main")
    assert said == b""
    assert not done.exists()
    assert server.repo.git("rev-parse", "main") == project.head()
    # published unsigned, once the program was given up
    for _ in range(600):
        if server.writers():
            break
        time.sleep(0.1)
    assert began.exists()
    assert len(server.segments()) == 1
    assert published(server) == 0
    assert "Not signed yet: 2 segments" in project.repo.trace("status")
    assert signature._PATIENCE < 30


@pytest.fixture(autouse=True)
def _no_other_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
