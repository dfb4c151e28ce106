"""gpg and gpgsm: the same calls as git's, and the same reading of what they say (doc/DETAILS of GnuPG).

When nobody may be asked they get options more, which keep them from it; what takes no such options fails then.
"""

import os
import re
import shutil
import tempfile
from contextlib import suppress
from time import time as now

from gittrace.git.bounded import Ran
from gittrace.git.signature import OPENPGP, CannotSign, Result, Signing, Verdict, last_line

_STATUS = "[GNUPG:] "
# of each signature there is exactly one of these
_RESULTS = {
    "GOODSIG": Result.GOOD,
    "BADSIG": Result.BAD,
    "EXPSIG": Result.EXPIRED,
    "EXPKEYSIG": Result.KEY_EXPIRED,
    "REVKEYSIG": Result.REVOKED,
    "ERRSIG": Result.UNCHECKED,
}
_TRUST = ("undefined", "never", "marginal", "fully", "ultimate")
# written by any use
_PASSING = ("random_seed", "reader_0.status")
# options that name other places, as far as they may be cut short
_IN_CONFIG = re.compile(
    rb"^[ \t]*(?:-{0,2})(?:keyr|primary-k|secret-k|no-default-k|trustdb-n|home|opti|incl)", re.MULTILINE
)
_IN_SCRIPT = re.compile(rb"--?(?:keyr|primary-k|secret-k|no-default-k|trustdb-n|home|opti)|GNUPGHOME")
_SYSTEM = ("/etc/gnupg/gpg.conf", "/usr/local/etc/gnupg/gpg.conf")
_LARGEST = 1 << 20
_NOBODY = ("--batch", "--no-tty", "--pinentry-mode=error")


def sign(signing: Signing, format_: str, data: bytes) -> bytes:
    """Return an armored detached signature. Raises CannotSign, ProgramFailed."""
    quiet = () if signing.ask else _NOBODY
    key = signing.settings.key or signing.committer
    ran = signing.program(format_, *quiet, "--status-fd=2", "-bsau", key, stdin=data)
    if ran.code or not any(line.startswith("SIG_CREATED ") for line in _status_lines(ran.err)):
        said = b"\n".join(line for line in ran.err.splitlines() if not line.startswith(_STATUS.encode()))
        raise CannotSign(f"cannot sign with '{key}': {last_line(said) or f'it ended with {ran.code}'}")
    return ran.out


def keyring(program: str) -> dict[str, object] | None:
    """Return what tells that a keyring changed: size and time of each file of gpg; and the hour.

    None where gpg's configuration, or a script that is called in its place, may name keys that lie elsewhere.
    """
    if _may_look_elsewhere(program):
        return None
    found: dict[str, object] = {"hour": int(now()) // 3600}
    for folder in (home(), os.path.join(home(), "public-keys.d")):
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_file() and not entry.name.startswith(".#") and entry.name not in _PASSING:
                        status = entry.stat()
                        found[entry.path] = [status.st_ino, status.st_size, status.st_mtime_ns]
        except OSError:
            found[folder] = ""
    return found


def _may_look_elsewhere(program: str) -> bool:
    paths = [*_SYSTEM, shutil.which(os.path.expanduser(program)) or ""]
    with suppress(OSError):
        paths += [os.path.join(home(), name) for name in os.listdir(home()) if name.startswith("gpg.conf")]
    for path in paths:
        # one that can't be read, gpg can't read either, or says so
        with suppress(OSError), open(path, "rb") as file:
            is_script = path == paths[len(_SYSTEM)]
            if is_script and file.read(2) != b"#!":
                continue
            if (_IN_SCRIPT if is_script else _IN_CONFIG).search(file.read(_LARGEST)):
                return True
    return False


def home() -> str:
    """Return the folder of gpg's keyrings."""
    return os.environ.get("GNUPGHOME") or os.path.expanduser("~/.gnupg")


def check(signing: Signing, format_: str, data: bytes, signature: bytes) -> Verdict:
    """Check a detached signature. Raises ProgramFailed, OSError."""
    if not os.path.isdir(home()):
        # gpg would make it, and whoever reads what others recorded need not have used it ever
        return Verdict(Result.UNCHECKED, why=f"there are no keys in '{home()}'")
    with tempfile.TemporaryDirectory(prefix="gittrace-") as folder:
        path = os.path.join(folder, "signature")
        with open(path, "wb") as file:
            file.write(signature)
        quiet = () if signing.ask else ("--batch", "--no-tty")
        # what was fetched shall not have gpg call anywhere
        more = ("--keyid-format=long", "--no-auto-key-retrieve") if format_ == OPENPGP else ()
        ran = signing.program(format_, *quiet, *more, "--status-fd=1", "--verify", path, "-", stdin=data)
    return verdict(ran, signing.settings.least_trust)


def _status_lines(said: bytes) -> list[str]:
    text = said.decode("utf-8", "backslashreplace")
    return [line.removeprefix(_STATUS) for line in text.split("\n") if line.startswith(_STATUS)]


def verdict(ran: Ran, least_trust: str) -> Verdict:
    """Return what the status lines of `--verify` come to."""
    letters: list[Result] = []
    key = signer = fingerprint = missing = ""
    trust = "undefined"
    for line in _status_lines(ran.out):
        word, _, rest = line.partition(" ")
        if word in _RESULTS:
            letters.append(_RESULTS[word])
            key, _, signer = rest.partition(" ")
            signer = "" if word == "ERRSIG" else signer
        elif word == "VALIDSIG":
            fingerprint = rest.split(" ", 1)[0]
        elif word.startswith("TRUST_"):
            trust = word.removeprefix("TRUST_").lower()
        elif word == "NO_PUBKEY":
            missing = f"its key '{rest}' is not known here"
    key = fingerprint or key
    if len(letters) != 1:
        # as git has it: whatever is signed twice is not looked at
        why = "it holds several signatures" if letters else last_line(ran.err) or f"it ended with {ran.code}"
        return Verdict(Result.UNCHECKED, why=why)
    letter = letters[0]
    if letter == Result.UNCHECKED:
        return Verdict(letter, key=key, why=missing or last_line(ran.err))
    if letter != Result.GOOD:
        return Verdict(letter, signer, key)
    if ran.code:
        return Verdict(Result.UNCHECKED, signer, key, last_line(ran.err))
    if least_trust in _TRUST and trust in _TRUST and _TRUST.index(trust) < _TRUST.index(least_trust):
        return Verdict(Result.UNKNOWN, signer, key, "its key is trusted less than 'gpg.minTrustLevel'")
    if trust in ("undefined", "never"):
        return Verdict(Result.UNKNOWN, signer, key, "its key is not trusted")
    return Verdict(Result.GOOD, signer, key)
