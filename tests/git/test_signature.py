"""Signing with git's configuration, and what signatures are worth by it: on real ssh-keygen and gpg."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gittrace.git import bounded, signature
from gittrace.git.bounded import ProgramFailed, Ran
from gittrace.git.signature import CannotSign, Result, Signing, Verdict, settings
from gittrace.git.signature_gpg import verdict
from tests.support.keys import (
    ANN,
    GpgKeys,
    SshKeys,
    gpg_keys,
    need_gpg,
    need_gpgsm,
    need_ssh,
    program,
    run,
    sign_with,
    ssh_keys,
)
from tests.support.recording import Recording, make_work, work

__all__ = ["gpg_keys", "make_work", "ssh_keys", "work"]

DATA = b"gittrace1 what is signed\n"
NOW = 1_790_000_000


def signing(work: Recording, **config: str) -> Signing:
    """Return what signs after more was configured."""
    for key, value in config.items():
        work.git("config", key.replace("__", "."), value)
    return Signing(work.here)


def checked(work: Recording, made: tuple[str, bytes], data: bytes = DATA, at: int = NOW) -> Verdict:
    """Check a signature."""
    return Signing(work.here).check(made[0], data, made[1], at)


@need_ssh
def test_ssh_with_a_key_in_a_file(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    made = Signing(work.here).sign(DATA)
    assert made[0] == "ssh"
    found = checked(work, made)
    fingerprint = run("ssh-keygen", "-lf", str(ssh_keys.folder / "ann-example.com.pub")).decode().split()[1]
    assert (found.letter, found.signer, found.key, found.failed) == ("G", ANN, f"ED25519 {fingerprint}", False)
    assert checked(work, made, DATA + b"x").letter == "B"
    assert checked(work, made, DATA + b"x").failed
    assert checked(work, ("ssh", b"no signature")).letter == "B"


@need_ssh
def test_it_is_no_signature_of_git(work: Recording, ssh_keys: SshKeys, tmp_path: Path) -> None:
    sign_with(work, ssh_keys)
    _, made = Signing(work.here).sign(DATA)
    (tmp_path / "sig").write_bytes(made)
    argv = ["ssh-keygen", "-Y", "verify", "-f", str(ssh_keys.allowed), "-I", ANN, "-s", str(tmp_path / "sig"), "-n"]
    assert subprocess.run([*argv, "git"], input=DATA, capture_output=True).returncode
    run(*argv, "gittrace", stdin=DATA)
    for_git = run("ssh-keygen", "-Y", "sign", "-n", "git", "-f", str(ssh_keys.folder / "ann-example.com"), stdin=DATA)
    assert checked(work, ("ssh", for_git)).letter == "B"


@pytest.fixture
def agent(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """An agent of ssh without keys."""
    out = run("ssh-agent", "-s").decode()
    said = dict(line.split(";")[0].split("=") for line in out.splitlines() if "=" in line)
    for key, value in said.items():
        monkeypatch.setenv(key, value)
    yield
    os.kill(int(said["SSH_AGENT_PID"]), 15)


@need_ssh
@pytest.mark.parametrize("how", ["path", "key::", "ssh-", "command"])
def test_ssh_with_a_key_in_an_agent(agent: None, work: Recording, ssh_keys: SshKeys, how: str) -> None:
    sign_with(work, ssh_keys)
    private = ssh_keys.folder / "ann-example.com"
    run("ssh-add", "-q", str(private))
    private.unlink()
    if how == "path":
        work.git("config", "user.signingKey", f"{private}.pub")
    elif how == "command":
        work.git("config", "--unset", "user.signingKey")
        work.git("config", "gpg.ssh.defaultKeyCommand", "ssh-add -L")
    else:
        work.git("config", "user.signingKey", how.replace("ssh-", "") + ssh_keys.public())
    signing = Signing(Recording(work.repo).here)
    assert checked(work, signing.sign(DATA)).letter == "G"


@need_ssh
def test_who_is_allowed_to_sign(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    made = Signing(work.here).sign(DATA)

    def with_options(options: str, at: int = NOW) -> Verdict:
        ssh_keys.allowed.unlink()
        ssh_keys.allow(options=options)
        return checked(work, made, at=at)

    assert with_options('namespaces="git,gittrace"').letter == "G"
    found = with_options('namespaces="git"')
    assert (found.letter, found.failed) == ("U", False)
    assert "does not let its key sign for 'gittrace'" in found.why
    # what counts is when it is said to be made
    assert with_options('valid-before="20200101"').letter == "Y"
    assert with_options('valid-before="20200101"', at=1_500_000_000).letter == "G"
    ssh_keys.make("eve@example.com")
    ssh_keys.allowed.write_text(f"eve@example.com {ssh_keys.public('eve@example.com')}\n")
    found = checked(work, made)
    assert (found.letter, found.signer) == ("U", "")
    assert "not among the allowed signers" in found.why
    ssh_keys.allowed.write_text(f"bob@example.com,*@example.com {ssh_keys.public()}\n")
    assert checked(work, made).letter == "G"
    ssh_keys.allowed.unlink()
    assert "cannot read" in checked(work, made).why
    work.git("config", "--unset", "gpg.ssh.allowedSignersFile")
    found = checked(work, made)
    assert (found.letter, found.why) == ("U", "'gpg.ssh.allowedSignersFile' is not set")
    work.git("config", "gpg.minTrustLevel", "marginal")
    assert checked(work, made).failed


@need_ssh
def test_a_key_of_ssh_that_was_revoked(work: Recording, ssh_keys: SshKeys, tmp_path: Path) -> None:
    sign_with(work, ssh_keys)
    made = Signing(work.here).sign(DATA)
    work.git("config", "gpg.ssh.revocationFile", str(tmp_path / "revoked"))
    assert "cannot read" in checked(work, made).why
    (tmp_path / "revoked").write_text(ssh_keys.public() + "\n")
    found = checked(work, made)
    assert (found.letter, found.signer, found.failed) == ("R", ANN, True)


@need_ssh
def test_ssh_can_not_sign(work: Recording, ssh_keys: SshKeys, tmp_path: Path) -> None:
    work.git("config", "gpg.format", "ssh")
    with pytest.raises(CannotSign, match=r"neither 'user\.signingKey'"):
        Signing(work.here).sign(DATA)
    for command, said in (("false", "gives no key"), ("echo none", "gives no key"), ("'", "bad value")):
        work.git("config", "gpg.ssh.defaultKeyCommand", command)
        with pytest.raises(CannotSign, match=said):
            Signing(work.here).sign(DATA)
    work.git("config", "user.signingKey", str(tmp_path / "missing"))
    with pytest.raises(CannotSign, match="missing"):
        Signing(work.here).sign(DATA)
    locked = ssh_keys.make("locked", passphrase="hush")
    work.git("config", "user.signingKey", str(locked))
    with pytest.raises(CannotSign, match="passphrase"):
        Signing(work.here).sign(DATA)
    work.git("config", "gpg.format", "pem")
    with pytest.raises(CannotSign, match=r"'gpg\.format'"):
        Signing(work.here).sign(DATA)


@need_gpg
def test_gpg(gpg_keys: GpgKeys, work: Recording) -> None:
    gpg_keys.make(f"C O Mitter <{ANN}>")
    work.git("config", "user.signingKey", ANN)
    made = Signing(work.here).sign(DATA)
    assert made[0] == "openpgp"
    found = checked(work, made)
    assert (found.letter, found.signer, found.failed) == ("G", f"C O Mitter <{ANN}>", False)
    assert len(found.key) == 40
    assert checked(work, made, DATA + b"x").letter == "B"
    assert checked(work, ("openpgp", b"no signature")).letter == "E"
    assert not checked(work, ("openpgp", b"no signature")).failed
    assert checked(work, ("sigstore", b"")).why == "its format 'sigstore' is not known"


@need_gpgsm
def test_x509(gpg_keys: GpgKeys, work: Recording) -> None:
    key = gpg_keys.make_certificate()
    made = signing(work, gpg__format="x509", user__signingKey=key).sign(DATA)
    assert made[0] == "x509"
    assert checked(work, made) == Verdict(Result.GOOD, "/CN=Ann", key)
    assert checked(work, made, DATA + b"x").letter == "B"
    Path(gpg_keys.home, "trustlist.txt").write_text("")
    run("gpgconf", "--homedir", gpg_keys.home, "--reload")
    found = checked(work, made)
    assert found.letter in "UE"
    assert not found.failed


@need_gpg
def test_who_never_used_gpg_has_no_home_of_it_afterwards(work: Recording) -> None:
    found = checked(work, ("openpgp", b"-----BEGIN PGP SIGNATURE-----\n"))
    assert (found.letter, found.failed) == ("E", False)
    assert not os.path.exists(os.path.expanduser("~/.gnupg"))


@need_gpg
def test_gpg_finds_the_key_by_the_committer(gpg_keys: GpgKeys, work: Recording) -> None:
    gpg_keys.make("C O Mitter <committer@example.com>")
    assert checked(work, Signing(work.here).sign(DATA)).letter == "G"


@need_gpg
def test_trust_in_a_key_of_gpg(gpg_keys: GpgKeys, work: Recording) -> None:
    gpg_keys.make(f"Ann <{ANN}>")
    work.git("config", "user.signingKey", ANN)
    made = Signing(work.here).sign(DATA)
    key = checked(work, made).key

    def trusted(level: int) -> Verdict:
        gpg_keys.gpg("--import-ownertrust", stdin=f"{key}:{level}:\n".encode())
        return checked(work, made)

    assert trusted(6).letter == "G"
    found = trusted(2)
    assert (found.letter, found.failed) == ("U", False)
    work.git("config", "gpg.minTrustLevel", "fully")
    assert trusted(2).failed
    assert not trusted(6).failed
    work.git("config", "--unset", "gpg.minTrustLevel")
    gpg_keys.gpg("--yes", "--delete-secret-and-public-key", key)
    found = checked(work, made)
    assert (found.letter, found.why, found.failed) == ("E", f"its key '{key[-16:]}' is not known here", False)


@need_gpg
def test_gpg_asks_nobody(gpg_keys: GpgKeys, work: Recording, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    pinentry = program(tmp_path / "pinentry", f"echo asked >>{asked}; exec sleep 60")
    Path(gpg_keys.home, "gpg-agent.conf").write_text(f"pinentry-program {pinentry}\n")
    gpg_keys.make(f"Ann <{ANN}>", passphrase="hush")
    run("gpgconf", "--reload", "gpg-agent")
    work.git("config", "user.signingKey", ANN)
    with pytest.raises(CannotSign, match="signing failed"):
        Signing(work.here).sign(DATA)
    assert not asked.exists()
    # what the agent knows already is no question
    gpg_keys.gpg("--passphrase", "hush", "-bsau", ANN, stdin=DATA)
    assert checked(work, Signing(work.here).sign(DATA)).letter == "G"
    assert not asked.exists()


@pytest.mark.parametrize("format_", ["openpgp", "x509", "ssh"])
def test_a_program_that_does_not_answer(
    work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    monkeypatch.setattr(signature, "_PATIENCE", 0.5)
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    child = tmp_path / "child"
    hanging = program(tmp_path / "hanging", f"sleep 300 & echo $! >{child}; wait")
    name = "gpg__program" if format_ == "openpgp" else f"gpg__{format_}__program"
    signing_ = signing(work, gpg__format=format_, user__signingKey="key", **{name: hanging})
    began = time.monotonic()
    with pytest.raises(CannotSign, match="does not answer"):
        signing_.sign(DATA)
    # once is enough, for what it signs and for what it checks
    child.unlink()
    for _ in range(1000):
        assert signing_.check(format_, DATA, b"x", NOW).letter == "E"
    assert not child.exists()
    assert time.monotonic() - began < 30


def test_nothing_of_it_goes_on(work: Recording, tmp_path: Path) -> None:
    child = tmp_path / "child"
    hanging = program(tmp_path / "hanging", f"sleep 300 & echo $! >{child}; wait")
    with pytest.raises(ProgramFailed):
        bounded.run([hanging], dict(os.environ), str(tmp_path), 0.5)
    pid = int(child.read_text())
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("a child of the program goes on")


def test_what_a_program_says_is_bounded(tmp_path: Path) -> None:
    loud = program(tmp_path / "loud", "head -c 20000000 /dev/zero; head -c 20000000 /dev/zero >&2; exit 3")
    ran = bounded.run([loud], dict(os.environ), str(tmp_path), 60)
    assert (ran.code, len(ran.out), len(ran.err)) == (3, bounded.MOST, bounded.MOST)


def test_a_program_that_leaves_another_behind(tmp_path: Path) -> None:
    # such as an agent, which may hold on to the pipes
    leaving = program(tmp_path / "leaving", "sleep 20 & echo done")
    began = time.monotonic()
    assert bounded.run([leaving], dict(os.environ), str(tmp_path), 60) == Ran(0, b"done\n", b"")
    assert time.monotonic() - began < 15


def test_a_program_that_is_not_there(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    signing_ = signing(work, gpg__program=str(tmp_path / "none"))
    with pytest.raises(CannotSign, match="cannot run 'none': no such file"):
        signing_.sign(DATA)
    assert signing_.check("openpgp", DATA, b"x", NOW).letter == "E"


def test_a_program_that_says_nonsense(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GNUPGHOME", str(tmp_path))
    lying = program(tmp_path / "lying", "echo all is well")
    signing_ = signing(work, gpg__program=lying, gpg__ssh__program=lying, gpg__ssh__allowedSignersFile=lying)
    with pytest.raises(CannotSign):
        signing_.sign(DATA)
    assert signing_.check("openpgp", DATA, b"x", NOW).letter == "E"
    assert signing_.check("ssh", DATA, b"x", NOW) == Verdict(Result.UNCHECKED, why="all is well")


def test_what_is_configured(work: Recording) -> None:
    assert settings(work.here).programs == {"openpgp": "gpg", "x509": "gpgsm", "ssh": "ssh-keygen"}
    for key, value in {
        "gpg.format": "x509",
        "gpg.program": "one",
        "gpg.openpgp.program": "two",
        "gpg.x509.program": "three",
        "gpg.minTrustLevel": "Fully",
        "gpg.ssh.revocationFile": "~/revoked",
        "user.signingKey": "key",
    }.items():
        work.git("config", key, value)
    found = settings(work.here)
    assert found.programs == {"openpgp": "two", "x509": "three", "ssh": "ssh-keygen"}
    assert (found.format, found.key, found.least_trust) == ("x509", "key", "fully")
    assert found.revoked == os.path.expanduser("~/revoked")


STATUS = "[GNUPG:] "


@pytest.mark.parametrize(
    ("lines", "letter"),
    [
        (["GOODSIG 7FF6 Ann", "VALIDSIG ABC 2026-11-26", "TRUST_ULTIMATE 0 pgp"], "G"),
        (["GOODSIG 7FF6 Ann", "TRUST_UNDEFINED"], "U"),
        (["GOODSIG 7FF6 Ann", "TRUST_NEVER"], "U"),
        (["GOODSIG 7FF6 Ann"], "U"),
        (["EXPSIG 7FF6 Ann", "TRUST_FULLY"], "X"),
        (["EXPKEYSIG 7FF6 Ann"], "Y"),
        (["REVKEYSIG 7FF6 Ann"], "R"),
        (["BADSIG 7FF6 Ann"], "B"),
        (["ERRSIG 7FF6 22 8 00 1 9", "NO_PUBKEY 7FF6"], "E"),
        (["GOODSIG 7FF6 Ann", "TRUST_ULTIMATE", "BADSIG 7FF6 Ann"], "E"),
        (["GOODSIG 7FF6 Ann", "TRUST_ULTIMATE", "GOODSIG 7FF7 Eve"], "E"),
        ([], "E"),
    ],
)
def test_what_gpg_says(lines: list[str], letter: str) -> None:
    out = "".join(f"{STATUS}{line}\n" for line in lines).encode()
    assert verdict(Ran(0, out, b""), "").letter == letter
    # a user id can't make up a line
    assert verdict(Ran(0, b"x " + out.replace(b"\n", b" ") + b"\n", b""), "").letter == "E"


def test_a_good_signature_of_a_gpg_that_failed_is_none() -> None:
    out = f"{STATUS}GOODSIG 7FF6 Ann\n{STATUS}TRUST_ULTIMATE\n".encode()
    assert verdict(Ran(1, out, b"gpg: something is wrong\n"), "") == Verdict(
        Result.UNCHECKED, "Ann", "7FF6", "gpg: something is wrong"
    )
