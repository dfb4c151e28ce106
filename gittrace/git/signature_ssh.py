"""ssh-keygen: the same calls as git's (PROTOCOL.sshsig of OpenSSH), in a namespace of our own."""

import hashlib
import os
import re
import shlex
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

from gittrace.git.signature import NAMESPACE, SSH, CannotSign, Result, Signing, Verdict, last_line

# principals that are tried of a line of the allowed signers file
_MOST_PRINCIPALS = 8
_LITERAL = "key::"
_GOOD = re.compile(r'Good "[^"]*" signature (?:for .* )?with (.*)')


def sign(signing: Signing, data: bytes) -> bytes:
    """Return an armored signature. Raises CannotSign, ProgramFailed, OSError."""
    key = signing.settings.key or _default_key(signing)
    with tempfile.TemporaryDirectory(prefix="gittrace-") as folder:
        path = os.path.join(folder, "data")
        with open(path, "wb") as file:
            file.write(data)
        agent: tuple[str, ...] = ()
        name = os.path.expanduser(key)
        if _is_literal(key):
            name, agent = os.path.join(folder, "key"), ("-U",)
            with open(name, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(key.removeprefix(_LITERAL).strip() + "\n")
        ran = signing.program(SSH, "-Y", "sign", "-n", NAMESPACE, "-f", name, *agent, path)
        if ran.code or not os.path.exists(f"{path}.sig"):
            raise CannotSign(f"cannot sign with '{key}': {last_line(ran.err) or f'it ended with {ran.code}'}")
        with open(f"{path}.sig", "rb") as file:
            return file.read()


def _is_literal(key: str) -> bool:
    return key.startswith((_LITERAL, "ssh-"))


def _default_key(signing: Signing) -> str:
    """Return the first key that `gpg.ssh.defaultKeyCommand` says. Raises CannotSign, ProgramFailed."""
    command = signing.settings.default_key_command
    if not command:
        raise CannotSign("cannot sign: neither 'user.signingKey' nor 'gpg.ssh.defaultKeyCommand' is set")
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise CannotSign(f"cannot sign: bad value '{command}' for 'gpg.ssh.defaultKeyCommand': {error}") from None
    ran = signing.run(argv)
    first = ran.out.decode("utf-8", "surrogateescape").split("\n", 1)[0].strip()
    if ran.code or not _is_literal(first):
        raise CannotSign(f"cannot sign: '{command}' (gpg.ssh.defaultKeyCommand) gives no key")
    return first


def lists(signing: Signing) -> dict[str, object]:
    """Return whose keys may sign, and which were revoked: the hashes of the files; and how their times are read."""
    found: dict[str, object] = {"zone": [*time.tzname, os.environ.get("TZ", "")]}
    for name in (signing.settings.allowed_signers, signing.settings.revoked):
        try:
            with open(os.path.join(signing.where, name), "rb") as file:
                found[name] = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError:
            found[name] = ""
    return found


def check(signing: Signing, data: bytes, signature: bytes, at: int) -> Verdict:
    """Check a signature. Raises ProgramFailed, OSError."""
    with _kept(signature) as path:
        return _Check(signing, data, path, at).verdict()


@contextmanager
def _kept(signature: bytes) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="gittrace-") as folder:
        path = os.path.join(folder, "signature")
        with open(path, "wb") as file:
            file.write(signature)
        yield path


class _Check:
    def __init__(self, signing: Signing, data: bytes, path: str, at: int) -> None:
        self.signing = signing
        self.data = data
        self.path = path
        # allowed signers may have been so for a time; local time, as it is written there
        self.when = time.strftime("-Overify-time=%Y%m%d%H%M%S", time.localtime(at))

    def verdict(self) -> Verdict:
        settings = self.signing.settings
        if not settings.allowed_signers:
            return self._valid("'gpg.ssh.allowedSignersFile' is not set")
        for key, name in (("allowedSignersFile", settings.allowed_signers), ("revocationFile", settings.revoked)):
            if name and not os.path.isfile(os.path.join(self.signing.where, name)):
                return self._valid(f"cannot read '{name}' (gpg.ssh.{key})")
        args = ("-f", settings.allowed_signers, "-s", self.path, self.when)
        found = self.signing.program(SSH, "-Y", "find-principals", *args)
        names = _principals(found.out) if not found.code else []
        for name in names:
            if key := self._verify(name, revoked=True):
                return Verdict(Result.GOOD, name, key)
        valid = self._valid("its key is not among the allowed signers")
        if valid.letter != Result.UNKNOWN:
            return valid
        for name in names:
            if self._verify(name, revoked=False):
                return Verdict(Result.REVOKED, name, valid.key)
        if names:
            why = f"the allowed signers file does not let its key sign for '{NAMESPACE}'"
            return Verdict(Result.UNKNOWN, names[0], valid.key, why)
        if b"key has expired" in found.err or b"key is not yet valid" in found.err:
            return Verdict(Result.KEY_EXPIRED, key=valid.key, why="its key was not valid when it was made")
        return valid

    def _verify(self, principal: str, revoked: bool) -> str:
        """Return the key of a good signature by a principal, else nothing."""
        settings = self.signing.settings
        more = ("-r", settings.revoked) if revoked and settings.revoked else ()
        args = ("-n", NAMESPACE, "-f", settings.allowed_signers, "-I", principal, "-s", self.path, self.when, *more)
        ran = self.signing.program(SSH, "-Y", "verify", *args, stdin=self.data)
        return _key_of(ran.out) if not ran.code else ""

    def _valid(self, why: str) -> Verdict:
        """Return whether a signature is one at all, whoever made it."""
        ran = self.signing.program(
            SSH, "-Y", "check-novalidate", "-n", NAMESPACE, "-s", self.path, self.when, stdin=self.data
        )
        key = _key_of(ran.out)
        if not ran.code and key:
            return Verdict(Result.UNKNOWN, key=key, why=why)
        told = last_line(ran.err) or last_line(ran.out)
        if not ran.code or "unknown option" in told or "usage:" in told:
            return Verdict(Result.UNCHECKED, why=told)
        return Verdict(Result.BAD, why=told)


def _principals(out: bytes) -> list[str]:
    """Return what to verify as: each line as git takes it, then the names that a line has of several."""
    lines = [line.strip() for line in out.decode("utf-8", "surrogateescape").splitlines() if line.strip()]
    parts = [part for line in lines for part in line.split(",") if part and not part.startswith("!")]
    return list(dict.fromkeys([*lines, *parts]))[:_MOST_PRINCIPALS]


def _key_of(out: bytes) -> str:
    """Return the key of a line such as `Good "git" signature for ann with ED25519 key SHA256:...`."""
    match = _GOOD.search(out.decode("utf-8", "backslashreplace"))
    return match[1].strip().replace(" key ", " ") if match else ""
