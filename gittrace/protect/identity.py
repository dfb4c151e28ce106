"""Who recorded a trace, as a pseudonym: the same for the same person on one machine, and no way back to the name.

The id is an HMAC of the person's git identity. Its key is random and lies in the system's keyring, or where none can
be had without asking the user, in a file that only the user reads (`$XDG_CONFIG_HOME/gittrace/identity.key`). Once
there is such a file it is used for good. The ids themselves are kept beside it (`identity.json`), so that they stay
what they were when the keyring is locked, as over ssh.

A keyring is never waited for and never makes a dialogue appear: recording must go on in a cron job or over ssh.
"""

import contextlib
import fcntl
import hashlib
import hmac
import json
import os
import re
import secrets
import threading
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Literal, TypeVar

from gittrace.clock import uuid4
from gittrace.errors import TraceError

SERVICE = "gittrace"
USERNAME = "identity-key"
TIMEOUT = 3.0
"""Seconds that a keyring gets, in all."""

_KEY_BYTES = 32
# these ask the user for a password, or keep it no better than a file of ours does
_UNFIT = ("keyrings.alt", "keyring.backends.kwallet", "keyring.backends.libsecret", "keyring.backends.chainer")
_EMPTY = ("keyring.backends.null", "keyring.backends.fail")
_NEEDS_UNLOCKING = "keyring.backends.SecretService"

T = TypeVar("T")


class IdentityUnavailable(TraceError):
    """The key is in a keyring that can't be read now, and the id was never computed before."""


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """Where the key is (`none`: not made yet), and what to tell the user of it."""

    kind: Literal["keyring", "file", "none"]
    detail: str


def developer_id(identity: str) -> str:
    """Return the pseudonym, `dev_` and 32 hex digits, of a git identity: `Name <email>`, an email, or a name.

    The email counts if there is one, whatever its case. Raises IdentityUnavailable, and TraceError when the
    configuration directory can't be written.
    """
    person = _normalized(identity)
    name = hashlib.sha256(person.encode()).hexdigest()[:32]
    with _locked():
        state = _load_state()
        known = state["ids"].get(name)
        if isinstance(known, str):
            return known
        place, key = _key(state["key"])
        made = "dev_" + hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:32]
        state["ids"][name] = made
        _save(_path("identity.json"), json.dumps(state | {"key": place}, indent=1).encode() + b"\n")
    return made


def where_is_the_key() -> KeyPlace:
    """Tell where the key is, without making one."""
    path = _path("identity.key")
    if os.path.exists(path):
        return KeyPlace("file", f"'{path}'")
    if _load_state()["key"] == "keyring":
        found = _bounded(lambda: [type(backend).__module__ for backend in _backends() if _read(backend)])
        if not found:
            return KeyPlace("keyring", "a keyring that can't be read now (locked, or no session bus)")
        return KeyPlace("keyring", f"service '{SERVICE}', user '{USERNAME}' in {found[0]}")
    return KeyPlace("none", "it is made with the first session")


def _normalized(identity: str) -> str:
    match = re.search(r"<([^<>]*)>", identity)
    email = match[1].strip() if match else ""
    text = unicodedata.normalize("NFC", email or re.sub(r"<[^<>]*>", "", identity))
    return " ".join(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").casefold().split())


def _path(name: str) -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "gittrace", name)


@contextlib.contextmanager
def _locked() -> Iterator[None]:
    """Let one process at a time look for the key and make it, so that two agree on it."""
    path = _path("identity.lock")
    try:
        os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)
            yield
        finally:
            os.close(fd)
    except OSError as error:
        where = error.filename or path
        raise TraceError(f"cannot keep the identity key: '{where}': {(error.strerror or '').lower()}") from None


def _load_state() -> dict[str, Any]:
    """Return `{"key": "keyring"|"file"|null, "ids": {hash of the identity: id}}`; what is damaged is made anew."""
    try:
        with open(_path("identity.json"), encoding="utf-8") as file:
            state = json.load(file)
        return {"key": state.get("key"), "ids": dict(state["ids"])}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {"key": None, "ids": {}}


def _save(path: str, data: bytes) -> None:
    new = f"{path}.{uuid4()[:8]}.new"
    fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(fd)
        os.replace(new, path)
    except BaseException:
        os.unlink(new)
        raise


def _key(remembered: object) -> tuple[str, bytes]:
    """Return where the key is and the key; make one where there is none. The lock is held."""
    path = _path("identity.key")
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        key = _parsed(file.read())
        if key is None:
            raise TraceError(f"cannot use the identity key in '{path}': it is not {_KEY_BYTES} bytes in hexadecimal")
        return "file", key
    key = _bounded(lambda: _from_keyring(make=remembered != "keyring"))
    if key is not None:
        return "keyring", key
    if remembered == "keyring":
        raise IdentityUnavailable(
            "cannot read the identity key: the keyring is locked or out of reach",
            "unlock the keyring, and start again",
        )
    key = secrets.token_bytes(_KEY_BYTES)
    _save(path, key.hex().encode() + b"\n")
    return "file", key


def _parsed(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text and re.fullmatch(r"[0-9a-f]{64}\s*", text) else None


def _bounded(ask: Callable[[], T]) -> T | None:
    """Return what `ask` returns, None when it fails or takes longer than TIMEOUT.

    Backends raise whatever their libraries do (D-Bus, Security.framework), so every failure means: no keyring here.
    """
    answer: list[T] = []

    def work() -> None:
        with contextlib.suppress(Exception):
            answer.append(ask())

    thread = threading.Thread(target=work, name="keyring", daemon=True)
    thread.start()
    thread.join(TIMEOUT)
    return answer[0] if answer else None


def _backends() -> list[Any]:
    """Return the keyrings that can be used without a dialogue, the preferred one first."""
    import keyring

    chosen: Any = keyring.get_keyring()
    found = list(getattr(chosen, "backends", None) or [chosen])
    fit = [backend for backend in found if not type(backend).__module__.startswith(_UNFIT + _EMPTY)]
    return [backend for backend in fit if type(backend).__module__ != _NEEDS_UNLOCKING or _unlocked()]


def _unlocked() -> bool:
    """Tell whether the Secret Service's collection is open: keyring would have it ask for its password."""
    service: Any = import_module("secretstorage")
    with closing(service.dbus_init()) as bus:
        # not get_default_collection(), which makes one, and asks for its password, where there is none
        return not service.Collection(bus).is_locked()


def _read(backend: Any) -> bytes | None:
    return _parsed(backend.get_password(SERVICE, USERNAME))


def _from_keyring(make: bool) -> bytes | None:
    backends = _backends()
    for backend in backends:
        if key := _read(backend):
            return key
    if make and backends:
        backends[0].set_password(SERVICE, USERNAME, secrets.token_bytes(_KEY_BYTES).hex())
        # some accept a password and forget it
        return _read(backends[0])
    return None


def redaction_key() -> bytes:
    """Return the key of the tags in redacted text, 32 bytes: the same for all of a person's machines with one identity.

    It is derived from the identity key when it is needed first, and kept beside it (`redaction.key`), so that
    redaction goes on when the keyring is locked. Where the identity key can't be had that first time, it is drawn at
    random. Raises TraceError when it can't be read or kept.
    """
    path = _path("redaction.key")
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return _redaction_key_in(path, file.read())
    with _locked():
        if os.path.exists(path):  # another process was faster
            with open(path, encoding="ascii") as file:
                return _redaction_key_in(path, file.read())
        state = _load_state()
        try:
            place, key = _key(state["key"])
        except IdentityUnavailable:
            made = secrets.token_bytes(_KEY_BYTES)
        else:
            made = hmac.new(key, b"gittrace redaction tags", hashlib.sha256).digest()
            if state["key"] != place:
                _save(_path("identity.json"), json.dumps(state | {"key": place}, indent=1).encode() + b"\n")
        _save(path, made.hex().encode() + b"\n")
    return made


def _redaction_key_in(path: str, text: str) -> bytes:
    key = _parsed(text)
    if key is None:
        raise TraceError(f"cannot use the key of redaction in '{path}': it is not {_KEY_BYTES} bytes in hexadecimal")
    return key
