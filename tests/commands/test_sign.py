"""git trace sign, and what verify, show and status say of signatures."""

import json
import time
from pathlib import Path

from gittrace.trace.sealing import unsigned
from tests.commands.conftest import Story
from tests.support.keys import ANN, GpgKeys, SshKeys, gpg_keys, need_gpg, need_ssh, program, sign_with, ssh_keys
from tests.support.recording import Recording
from tests.trace.sealing.test_signing import publish_as

__all__ = ["gpg_keys", "ssh_keys"]


def wait_for_signatures(work: Recording) -> None:
    """Wait for what signs behind our back."""
    for _ in range(600):
        if not unsigned.waiting(work.here):
            return
        time.sleep(0.05)
    raise AssertionError("nobody signs")


@need_ssh
def test_stop_has_it_signed_behind_its_back(story: Story, ssh_keys: SshKeys) -> None:
    sign_with(story.work, ssh_keys)
    story.repo.trace("stop", "--success")
    wait_for_signatures(story.work)
    # what was sealed before git was told to sign is not signed
    out = story.repo.trace("verify")
    assert f"1 signed by {ANN}, 1 not signed\n" in out
    assert f"  segment {story.session}-0: signature none\n" in out
    assert story.repo.trace("verify", "--signed", status=1)
    shown = story.repo.trace("show", story.trace).splitlines()
    assert any(line.startswith(f"Signed:  good, by {ANN} (ED25519 SHA256:") for line in shown)
    assert "         none (1 segment)" in shown
    assert story.repo.trace("sign") == "Signed 0 segments\n"
    assert story.repo.trace("sign", story.trace) == "Signed 1 segment\n"
    assert f"2 signed by {ANN}\n" in story.repo.trace("verify", "--signed")
    first, second = story.trace_json("show", story.trace)["segments"]
    assert (first["signed"], second["signed"], first["not_checked"]) == ("G", "G", 0)
    (one,) = first["signatures"]
    assert (one["format"], one["result"], one["signer"], one["why"]) == ("ssh", "G", ANN, None)
    of_commit = story.trace_json("show", story.commit)["traces"][0]["segments"]
    assert [segment["signed"] for segment in of_commit] == ["G"]
    assert "Signed:  good" in story.repo.trace("show", story.commit)
    verified = story.trace_json("verify")["traces"][0]["segments"]
    assert [segment["signed"] for segment in verified] == ["G", "G"]


def test_nothing_is_said_where_nobody_signs(story: Story) -> None:
    story.repo.trace("stop")
    assert "sign" not in story.repo.trace("verify") + story.repo.trace("show") + story.repo.trace("status")
    assert "2 not signed" in story.repo.trace("verify", "--signed", status=1)
    assert story.trace_json("status")["unsigned"] is None


@need_ssh
def test_status_says_why(story: Story, ssh_keys: SshKeys, tmp_path: Path) -> None:
    sign_with(story.work, ssh_keys)
    story.repo.git("config", "gpg.ssh.program", program(tmp_path / "refusing", "echo 'no\x1b[31mkey' >&2; exit 1"))
    story.repo.trace("seal")
    story.repo.trace("run", "true")
    story.repo.trace("stop")
    for _ in range(600):
        if unsigned.last_failure(story.work.here)[0]:
            break
        time.sleep(0.05)
    out = story.repo.trace("status")
    assert "Not signed yet: 1 segment; tried last " in out
    assert "no\\x1b[31mkey" in out
    assert 'use "git trace sign"' in out
    report = story.trace_json("status")["unsigned"]
    assert report["segments"] == 1
    assert report["why"]
    assert report["tried"]
    assert story.repo.trace("sign", status=1) == ""
    assert "1 segment not signed" in story.repo.errors
    assert json.loads(story.repo.trace("sign", "--json", status=1))["left"] == 1
    story.repo.git("config", "--unset", "gpg.ssh.program")
    assert story.repo.trace("sign") == "Signed 1 segment\n"
    assert "Not signed" not in story.repo.trace("status")


@need_ssh
def test_a_bad_one_fails(story: Story, ssh_keys: SshKeys) -> None:
    sign_with(story.work, ssh_keys)
    story.repo.trace("stop")
    wait_for_signatures(story.work)
    story.repo.trace("sign", story.trace)
    note = story.work.run_bytes("git", "notes", "--ref=trace", "show", story.commit)
    bad = [line.replace(b" ssh L", b" ssh M") for line in note.splitlines()]
    story.repo.git("update-ref", "-d", "refs/notes/trace")
    publish_as(story.work, "0" * 12, {story.commit: b"\n".join(bad) + b"\n"})
    out = story.repo.trace("verify", status=1)
    assert "1 signed badly" in out
    assert f"segment {story.session}-0: signature bad" in out
    # a good one beside it makes it somebody's joke
    publish_as(story.work, "0" * 12, {story.commit: note + b"\n".join(bad) + b"\n"})
    out = story.repo.trace("verify")
    assert "1 other signature bad" in out


@need_ssh
def test_keys_that_are_not_known(story: Story, ssh_keys: SshKeys) -> None:
    sign_with(story.work, ssh_keys)
    story.repo.trace("stop")
    wait_for_signatures(story.work)
    story.repo.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert "1 signed with unknown trust" in story.repo.trace("verify")
    assert "valid, but of unknown trust, by key ED25519" in story.repo.trace("show")
    story.repo.git("config", "gpg.minTrustLevel", "fully")
    story.repo.trace("verify", status=1)


@need_gpg
def test_gpg(gpg_keys: GpgKeys, story: Story) -> None:
    name = "Ann \x1b[31m <ann@example.com>"
    gpg_keys.make(name)
    story.repo.env["GNUPGHOME"] = gpg_keys.home
    story.repo.git("config", "user.signingKey", ANN)
    story.repo.git("config", "trace.sign", "true")
    story.repo.trace("stop")
    story.work.here.forget_config()
    wait_for_signatures(story.work)
    out = story.repo.trace("show")
    assert "Signed:  good, by Ann" in out
    assert "\x1b" not in out
    assert "1 signed by Ann" in story.repo.trace("verify")
