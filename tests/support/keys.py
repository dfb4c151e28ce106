"""Throwaway keys, of ssh and of gpg, and a repository that is told to sign with them."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.recording import Recording

need_ssh = pytest.mark.skipif(not shutil.which("ssh-keygen"), reason="there is no ssh-keygen here")
need_gpgsm = pytest.mark.skipif(not shutil.which("gpgsm"), reason="there is no gpgsm here")
need_gpg = pytest.mark.skipif(not shutil.which("gpg"), reason="there is no gpg here")

ANN = "ann@example.com"


@dataclass
class SshKeys:
    """A folder of ed25519 keys, and an allowed signers file."""

    folder: Path

    def make(self, name: str = ANN, passphrase: str = "") -> Path:
        """Make a key and return its private half."""
        path = self.folder / name.replace("@", "-")
        run("ssh-keygen", "-q", "-t", "ed25519", "-N", passphrase, "-C", name, "-f", str(path))
        return path

    def public(self, name: str = ANN) -> str:
        """Return the public half of a key."""
        return (self.folder / f"{name.replace('@', '-')}.pub").read_text().strip()

    @property
    def allowed(self) -> Path:
        """The allowed signers file."""
        return self.folder / "allowed"

    def allow(self, name: str = ANN, options: str = "") -> None:
        """Add a key to the allowed signers."""
        with self.allowed.open("a") as file:
            file.write(f"{name} {options} {self.public(name)}\n")


def run(*argv: str, env: dict[str, str] | None = None, stdin: bytes = b"") -> bytes:
    """Run a program that must not fail."""
    done = subprocess.run(argv, env=os.environ | (env or {}), input=stdin, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def ssh_keys(tmp_path: Path) -> SshKeys:
    """No keys yet."""
    folder = tmp_path / "keys"
    folder.mkdir()
    return SshKeys(folder)


@dataclass
class GpgKeys:
    """A home of gpg."""

    home: str
    env: dict[str, str] = field(default_factory=dict)

    def make(self, name: str = f"Ann <{ANN}>", passphrase: str = "", expire: str = "never") -> None:
        """Make a key."""
        self.gpg("--passphrase", passphrase, "--quick-gen-key", name, "ed25519", "sign", expire)

    def make_certificate(self, name: str = "Ann") -> str:
        """Make a certificate of X.509 that is trusted, and return its fingerprint."""
        home = Path(self.home)
        (home / "gpg-agent.conf").write_text("allow-loopback-pinentry\n")
        (home / "gpgsm.conf").write_text("disable-crl-checks\n")
        wanted = f"Key-Type: RSA\nKey-Length: 2048\nKey-Usage: sign\nSerial: random\nName-DN: CN={name}\n"
        (home / "wanted").write_text(wanted)
        made = str(home / "made")
        quiet = ("gpgsm", "--batch", "--quiet", "--pinentry-mode", "loopback", "--passphrase-fd", "0")
        run(*quiet, "--output", made, "--gen-key", str(home / "wanted"), env=self.env, stdin=b"\n")
        run("gpgsm", "--batch", "--quiet", "--import", made, env=self.env)
        listed = run("gpgsm", "--list-keys", "--with-colons", env=self.env).decode()
        key = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr:"))
        pairs = ":".join(key[at : at + 2] for at in range(0, len(key), 2))
        (home / "trustlist.txt").write_text(f"{pairs} S relax\n")
        run("gpgconf", "--homedir", self.home, "--reload", env=self.env)
        return key

    def gpg(self, *args: str, stdin: bytes = b"") -> bytes:
        """Run gpg."""
        return run("gpg", "--batch", "--quiet", "--pinentry-mode", "loopback", *args, env=self.env, stdin=stdin)


@pytest.fixture
def gpg_keys(monkeypatch: pytest.MonkeyPatch) -> Iterator[GpgKeys]:
    """A home of gpg without keys: in a short place, since its agent's socket has a path of a hundred bytes at most."""
    home = tempfile.mkdtemp(prefix="gpg-", dir="/tmp")
    monkeypatch.setenv("GNUPGHOME", home)
    yield GpgKeys(home, {"GNUPGHOME": home})
    subprocess.run(["gpgconf", "--homedir", home, "--kill", "all"], capture_output=True)
    shutil.rmtree(home, ignore_errors=True)


def sign_with(work: Recording, keys: SshKeys, name: str = ANN) -> None:
    """Have a repository sign with a key of ssh, and know the allowed signers."""
    if not (keys.folder / name.replace("@", "-")).exists():
        keys.make(name)
        keys.allow(name)
    work.git("config", "gpg.format", "ssh")
    work.git("config", "user.signingKey", str(keys.folder / name.replace("@", "-")))
    work.git("config", "gpg.ssh.allowedSignersFile", str(keys.allowed))
    work.git("config", "commit.gpgSign", "true")
    work.here.forget_config()


def program(path: Path, script: str) -> str:
    """Write a program in sh, and return its path."""
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)
