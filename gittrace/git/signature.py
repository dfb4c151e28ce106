"""Sign, and check signatures, with the user's own git configuration: the keys and programs that sign commits.

As git does (gpg-interface.c): `gpg.format`, `user.signingKey`, `gpg.program`, `gpg.<format>.program`,
`gpg.ssh.defaultKeyCommand`; to check, `gpg.ssh.allowedSignersFile`, `gpg.ssh.revocationFile`, `gpg.minTrustLevel`, and
the keyrings of gpg and gpgsm. Unlike git it asks nobody, unless it is told to, and waits for no program for long.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property

from gittrace.errors import TraceError
from gittrace.git import bounded
from gittrace.git.bounded import ProgramFailed, Ran
from gittrace.git.notes import identity
from gittrace.git.repository import Repository


class Result(StrEnum):
    """What a signature is worth, as `%G?` of `git log` has it; UNKNOWN: good, by a key whose validity is not known."""

    GOOD = "G"
    UNKNOWN = "U"
    EXPIRED = "X"
    KEY_EXPIRED = "Y"
    REVOKED = "R"
    BAD = "B"
    UNCHECKED = "E"


OPENPGP, X509, SSH = "openpgp", "x509", "ssh"
#: what a signature by ssh is made for, so that none can be taken for one of a commit
NAMESPACE = "gittrace"

# seconds for one run of a program
_PATIENCE = 10.0
_PATIENCE_ASKING = 600.0
_PROGRAMS = {OPENPGP: "gpg", X509: "gpgsm", SSH: "ssh-keygen"}
_KEYS = r"^(gpg\.|user\.signingkey$)"


class CannotSign(TraceError):
    """The program can't sign: it has no key, asks for a passphrase, or is not there."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of checking a signature.

    signer  who made it: the user id of a key, the principal of an allowed signer; empty when that is not known
    key     its fingerprint or id
    why     what is not right, in words
    failed  it counts against what is signed: it is bad, its key was revoked, or trusted less than `gpg.minTrustLevel`
    """

    letter: Result
    signer: str = ""
    key: str = ""
    why: str = ""
    failed: bool = False


@dataclass
class Settings:
    """What is configured. `programs`: by format; the rest as git names it."""

    format: str = OPENPGP
    key: str = ""
    programs: dict[str, str] = field(default_factory=lambda: dict(_PROGRAMS))
    default_key_command: str = ""
    allowed_signers: str = ""
    revoked: str = ""
    least_trust: str = ""


def settings(repo: Repository) -> Settings:
    """Return what git is configured to sign with. Raises GitFailed."""
    out = os.fsdecode(repo.git("config", "-z", "--get-regexp", _KEYS, ok=(0, 1)))
    found = Settings()
    for item in out.split("\0")[:-1]:
        key, _, value = item.partition("\n")
        if key == "gpg.format":
            found.format = value
        elif key == "gpg.program":
            found.programs[OPENPGP] = value
        elif key.startswith("gpg.") and key.endswith(".program"):
            found.programs[key[4:-8]] = value
        elif key == "user.signingkey":
            found.key = value
        elif key == "gpg.mintrustlevel":
            found.least_trust = value.lower()
        elif key == "gpg.ssh.defaultkeycommand":
            found.default_key_command = value
        elif key == "gpg.ssh.allowedsignersfile":
            found.allowed_signers = os.path.expanduser(value)
        elif key == "gpg.ssh.revocationfile":
            found.revoked = os.path.expanduser(value)
    return found


class Signing:
    """Signs, and checks signatures. A program that did not answer in time is not asked again.

    ask  whether programs may ask at the terminal, or by a dialogue, and may take their time for it
    """

    def __init__(self, repo: Repository, ask: bool = False) -> None:
        self.repo = repo
        self.ask = ask
        self._silent: dict[str, str] = {}

    @cached_property
    def settings(self) -> Settings:
        """What is configured."""
        return settings(self.repo)

    @property
    def where(self) -> str:
        """Where programs run: relative paths count from there, as with git."""
        return self.repo.top or self.repo.git_dir

    @cached_property
    def committer(self) -> str:
        """`Name <email>`, by which gpg finds the key when none is configured."""
        return os.fsdecode(identity(self.repo))

    @cached_property
    def _environment(self) -> Mapping[str, str]:
        return self.repo.env if self.ask else bounded.quiet_environment(self.repo.env)

    def program(self, format_: str, *args: str, stdin: bytes = b"") -> Ran:
        """Run the program of a format. Raises ProgramFailed."""
        return self.run([os.path.expanduser(self.settings.programs[format_]), *args], stdin)

    def run(self, argv: list[str], stdin: bytes = b"") -> Ran:
        """Run a program. Raises ProgramFailed."""
        if why := self._silent.get(argv[0]):
            raise ProgramFailed(why)
        seconds = _PATIENCE_ASKING if self.ask else _PATIENCE
        try:
            ran = bounded.run(argv, self._environment, self.where, seconds, stdin, alone=not self.ask)
        except ProgramFailed as error:
            self._silent[argv[0]] = str(error)
            raise
        if ran.code < 0:
            # killed, it has said nothing about a signature
            raise ProgramFailed(f"'{os.path.basename(argv[0])}' was ended by signal {-ran.code}")
        return ran

    def sign(self, data: bytes) -> tuple[str, bytes]:
        """Return the format and the signature of up to 4 KiB of data. Raises CannotSign."""
        chosen = self.settings.format
        try:
            if chosen in (OPENPGP, X509):
                from gittrace.git.signature_gpg import sign as sign_gpg

                return chosen, sign_gpg(self, chosen, data)
            if chosen == SSH:
                from gittrace.git.signature_ssh import sign as sign_ssh

                return chosen, sign_ssh(self, data)
        except ProgramFailed as error:
            raise CannotSign(f"cannot sign: {error}") from None
        raise CannotSign(f"cannot sign: bad value '{chosen}' for 'gpg.format'", "it takes openpgp, x509 or ssh")

    def ground(self, format_: str) -> dict[str, object] | None:
        """Return what a verdict on a signature depends on besides that, as JSON; None: on what can't be told.

        For openpgp that has the hour in it, since a key may expire; X.509 may look up lists anywhere.
        """
        if format_ == OPENPGP:
            from gittrace.git.signature_gpg import keyring

            more = keyring(self.settings.programs[format_])
        elif format_ == SSH:
            from gittrace.git.signature_ssh import lists

            more = lists(self)
        else:
            return None
        found = self.settings
        if more is None:
            return None
        return more | {"program": found.programs[format_], "least_trust": found.least_trust}

    def check(self, format_: str, data: bytes, signature: bytes, at: int) -> Verdict:
        """Return what is to be said of a signature of data, which is said to be made `at` (seconds since the epoch)."""
        try:
            if format_ in (OPENPGP, X509):
                from gittrace.git.signature_gpg import check as check_gpg

                verdict = check_gpg(self, format_, data, signature)
            elif format_ == SSH:
                from gittrace.git.signature_ssh import check as check_ssh

                verdict = check_ssh(self, data, signature, at)
            else:
                verdict = Verdict(Result.UNCHECKED, why=f"its format '{format_}' is not known")
        except (ProgramFailed, OSError) as error:
            verdict = Verdict(Result.UNCHECKED, why=str(error))
        # a key of unknown validity is trusted less than anything that can be asked for
        distrusted = verdict.letter == Result.UNKNOWN and self.settings.least_trust not in ("", "undefined")
        return replace(verdict, failed=verdict.failed or distrusted or verdict.letter in (Result.BAD, Result.REVOKED))


def last_line(said: bytes) -> str:
    """Return the last line that a program said, empty if none."""
    lines = [line.strip() for line in said.decode("utf-8", "backslashreplace").splitlines() if line.strip()]
    return lines[-1] if lines else ""
