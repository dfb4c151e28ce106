"""What signatures are worth is asked once, and again as soon as something that it depends on has changed."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gittrace.git import signature_gpg
from gittrace.git.signature import Signing, Verdict
from gittrace.trace.stored.verdicts import Verdicts
from tests.support.keys import ANN, GpgKeys, SshKeys, gpg_keys, need_gpg, need_ssh, program, sign_with, ssh_keys
from tests.support.recording import Recording, view

__all__ = ["gpg_keys", "ssh_keys"]

DATA = b"gittrace1 trace session 0 sha\n"
NOW = int(time.time())
Check = Callable[..., Verdict]


def cache_of(work: Recording) -> Path:
    return Path(work.here.common_trace_dir, "cache", "signatures.sqlite")


@pytest.fixture
def check(work: Recording) -> Check:
    """Check as a new process does."""

    def one(format_: str, signature: bytes, data: bytes = DATA, at: int = NOW) -> Verdict:
        verdicts = Verdicts(Signing(view(work.repo)))
        try:
            return verdicts.check(format_, data, signature, at)
        finally:
            verdicts.close()

    return one


@pytest.fixture
def calls(work: Recording, tmp_path: Path) -> Callable[[str, str], Callable[[], int]]:
    """Have a program counted: how often it ran since the last time this was asked."""

    def counted(key: str, name: str) -> Callable[[], int]:
        log = tmp_path / "calls"
        log.touch()
        work.git("config", key, program(tmp_path / name, f'echo >>{log}; exec {name} "$@"'))

        def count() -> int:
            number = len(log.read_text())
            log.write_text("")
            return number

        return count

    return counted


@need_ssh
def test_ssh_is_asked_once(
    work: Recording, ssh_keys: SshKeys, check: Check, calls: Callable[..., Callable[[], int]]
) -> None:
    sign_with(work, ssh_keys)
    _, made = Signing(work.here).sign(DATA)
    ran = calls("gpg.ssh.program", "ssh-keygen")
    first = check("ssh", made)
    assert (first.letter, first.signer) == ("G", ANN)
    assert ran()
    assert check("ssh", made) == first
    assert not ran()
    # it is of these bytes, and of this time
    assert check("ssh", made, DATA + b"x").letter == "B"
    assert check("ssh", made, at=NOW + 1) == first
    assert ran()
    # it may be deleted
    cache_of(work).unlink()
    assert check("ssh", made) == first
    assert ran()
    cache_of(work).write_bytes(b"no database" * 1000)
    assert check("ssh", made) == first
    assert ran()


@need_ssh
def test_other_signers_other_words(work: Recording, ssh_keys: SshKeys, check: Check, tmp_path: Path) -> None:
    sign_with(work, ssh_keys)
    _, made = Signing(work.here).sign(DATA)
    assert check("ssh", made).letter == "G"
    allowed = ssh_keys.allowed.read_text()
    ssh_keys.allowed.write_text("")
    assert check("ssh", made).letter == "U"
    # in the same file again, or in another
    ssh_keys.allowed.write_text(allowed.replace(ANN, "bob@example.com"))
    assert check("ssh", made).signer == "bob@example.com"
    other = tmp_path / "other"
    other.write_text(allowed)
    work.git("config", "gpg.ssh.allowedSignersFile", str(other))
    assert check("ssh", made).signer == ANN
    revoked = tmp_path / "revoked"
    revoked.write_text(ssh_keys.public() + "\n")
    work.git("config", "gpg.ssh.revocationFile", str(revoked))
    assert check("ssh", made).letter == "R"
    work.git("config", "--unset", "gpg.ssh.revocationFile")
    work.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    assert not check("ssh", made).failed
    work.git("config", "gpg.minTrustLevel", "fully")
    assert check("ssh", made).failed


@need_ssh
def test_what_went_wrong_once_is_asked_again(
    work: Recording, ssh_keys: SshKeys, check: Check, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that is killed, or fails, says nothing about a signature; and nothing of it is remembered."""
    sign_with(work, ssh_keys)
    _, made = Signing(work.here).sign(DATA)
    ill = tmp_path / "ill"
    ill.touch()
    broken = program(tmp_path / "broken", f'test -e {ill} && kill -9 $$; exec ssh-keygen "$@"')
    work.git("config", "gpg.ssh.program", broken)
    verdict = check("ssh", made)
    assert (verdict.letter, verdict.why) == ("E", "'broken' was ended by signal 9")
    ill.unlink()
    assert check("ssh", made).letter == "G"
    cache_of(work).unlink()
    Path(broken).write_text(f'#!/bin/sh\ntest -e {ill} && exit 3; exec ssh-keygen "$@"\n')
    ill.touch()
    assert check("ssh", made).letter == "B"
    ill.unlink()
    assert check("ssh", made).letter == "G"


@need_gpg
def test_gpg_is_asked_once_while_its_keyring_and_the_hour_are_the_same(
    work: Recording,
    gpg_keys: GpgKeys,
    check: Check,
    calls: Callable[..., Callable[[], int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gpg_keys.make()
    work.git("config", "user.signingKey", ANN)
    _, made = Signing(view(work.repo)).sign(DATA)
    # to be asked may change the keyring, once
    check("openpgp", made)
    ran = calls("gpg.program", "gpg")
    hour = 3600 * 400_000
    monkeypatch.setattr(signature_gpg, "now", lambda: hour + 10)
    first = check("openpgp", made)
    assert (first.letter, ran()) == ("G", 1)
    assert (check("openpgp", made), ran()) == (first, 0)
    monkeypatch.setattr(signature_gpg, "now", lambda: hour + 3610)
    assert (check("openpgp", made), ran()) == (first, 1)
    fingerprint = gpg_keys.gpg("--list-keys", "--with-colons").decode().split("\nfpr:")[1].split(":")[8]
    gpg_keys.gpg("--yes", "--delete-secret-and-public-key", fingerprint)
    assert check("openpgp", made).letter == "E"


@need_gpg
@pytest.mark.parametrize("where", ["gpg.conf", "script"])
def test_gpg_is_asked_each_time_where_its_keys_may_lie_elsewhere(
    work: Recording, gpg_keys: GpgKeys, check: Check, tmp_path: Path, where: str
) -> None:
    gpg_keys.make()
    work.git("config", "user.signingKey", ANN)
    _, made = Signing(view(work.repo)).sign(DATA)
    ring = tmp_path / "ring.gpg"
    ring.write_bytes(gpg_keys.gpg("--export"))
    fingerprint = gpg_keys.gpg("--list-keys", "--with-colons").decode().split("\nfpr:")[1].split(":")[8]
    gpg_keys.gpg("--yes", "--delete-secret-and-public-key", fingerprint)
    if where == "script":
        wrapped = program(tmp_path / "gpg", f'exec /usr/bin/env gpg --keyring {ring} "$@"')
        work.git("config", "gpg.program", wrapped)
    else:
        Path(gpg_keys.home, "gpg.conf").write_text(f"keyid-format long\n  keyring {ring}\n")
    # to be asked may change the keyring, once
    for _ in range(3):
        assert check("openpgp", made).letter in ("G", "U")
    # nothing in gpg's home changes
    ring.write_bytes(b"")
    assert check("openpgp", made).letter == "E"


@need_ssh
def test_a_repository_that_may_only_be_read(work: Recording, ssh_keys: SshKeys, check: Check) -> None:
    sign_with(work, ssh_keys)
    _, made = Signing(work.here).sign(DATA)
    cache = cache_of(work)
    cache.parent.mkdir(parents=True, exist_ok=True)
    # neither a file nor to be made one
    cache.mkdir()
    assert check("ssh", made).letter == "G"
