"""Who recorded a trace, as a pseudonym: the same for the same person on one machine, and no way back to the name.

The id is an HMAC of the person's git identity. Its key is random and lies in the system's keyring, or where none can
be had without asking the user, in a file that only the user reads (`$XDG_CONFIG_HOME/gittrace/identity.key`). Once
there is such a file it is used for good. Where the key is in a keyring the ids themselves are kept in
`identity.json`, so that they stay what they were when it is locked, as over ssh. There they go by a slow salted hash of
the identity: a plain one of an e-mail address could be found with a list of addresses.

A keyring is never waited for and never makes a dialogue appear: recording must go on in a cron job or over ssh.
"""

import contextlib
import fcntl
import glob
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

KEY_BYTES = 32
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
    person = normalized(identity)
    with locked():
        state = load_state()
        name = ""
        if state["key"] == "keyring" and not os.path.exists(path_of("identity.key")):
            name = _name(person, state)
            if name in state["ids"]:
                return str(state["ids"][name])
        place, key = key_of(state["key"])
        made = pseudonym(key, person)
        if place == "keyring":
            state["ids"][name or _name(person, state)] = made
        else:
            state["ids"] = {}
        # so that what was recorded under it is known as one's own, whatever key comes next
        state["own"] = list(dict.fromkeys([*state["own"], made]))
        if (state | {"key": place}) != load_state():
            save_state(state | {"key": place})
    return made


def pseudonym(key: bytes, person: str) -> str:
    """Return the id that a key makes of a normalized identity."""
    return "dev_" + hmac.new(key, person.encode(), hashlib.sha256).hexdigest()[:32]


def is_id(text: str) -> bool:
    """Tell whether a text is such an id."""
    return bool(re.fullmatch(r"dev_[0-9a-f]{32}", text))


def own_ids() -> list[str]:
    """Return all ids that were ever used here, the newest last."""
    return [str(one) for one in load_state()["own"]]


def _name(person: str, state: dict[str, Any]) -> str:
    """Return what an identity goes by in the list of ids: 20 ms and 16 MiB for each guess."""
    state.setdefault("salt", secrets.token_hex(16))
    return hashlib.scrypt(person.encode(), salt=str(state["salt"]).encode(), n=1 << 14, r=8, p=1, dklen=16).hex()


def where_is_the_key() -> KeyPlace:
    """Tell where the key is, without making one."""
    path = path_of("identity.key")
    if os.path.exists(path):
        return KeyPlace("file", f"'{path}'")
    if load_state()["key"] == "keyring":
        found = bounded(lambda: [type(backend).__module__ for backend in backends() if read_key(backend)])
        if not found:
            return KeyPlace("keyring", "a keyring that can't be read now (locked, or no session bus)")
        return KeyPlace("keyring", f"service '{SERVICE}', user '{USERNAME}' in {found[0]}")
    return KeyPlace("none", "it is made with the first session")


def normalized(identity: str) -> str:
    match = re.search(r"<([^<>]*)>", identity)
    email = match[1].strip() if match else ""
    text = unicodedata.normalize("NFC", email or re.sub(r"<[^<>]*>", "", identity))
    return " ".join(text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace").casefold().split())


def path_of(name: str) -> str:
    home = os.environ.get("XDG_CONFIG_HOME") or os.path.join(os.path.expanduser("~"), ".config")
    return os.path.join(home, "gittrace", name)


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Let one process at a time look for the key and make it, so that two agree on it."""
    path = path_of("identity.lock")
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


def load_state() -> dict[str, Any]:
    """Return the state; what is damaged is made anew.

    key   where the key is: `keyring`, `file` or None
    salt  of the names in `ids`, where there are any
    ids   hash of an identity -> its id
    own   all ids that were ever used
    """
    try:
        with open(path_of("identity.json"), encoding="utf-8") as file:
            state = json.load(file)
        ids, own = dict(state["ids"]), [str(one) for one in state.get("own", [])]
        if "salt" in state:
            return {"key": state.get("key"), "salt": str(state["salt"]), "ids": ids, "own": own}
        # the names of before could be guessed; their ids are computed again
        own = list(dict.fromkeys([*own, *(str(one) for one in ids.values())]))
        return {"key": state.get("key"), "ids": {}, "own": own}
    except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        return {"key": None, "ids": {}, "own": []}


def save_state(state: dict[str, Any]) -> None:
    save(path_of("identity.json"), json.dumps(state, indent=1).encode() + b"\n")


def save(path: str, data: bytes) -> None:
    for left in glob.glob(f"{glob.escape(path)}.*.new"):
        os.unlink(left)  # by a process that was killed: the lock is held
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


def key_of(remembered: object) -> tuple[str, bytes]:
    """Return where the key is and the key; make one where there is none. The lock is held."""
    path = path_of("identity.key")
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        key = parsed_key(file.read())
        if key is None:
            raise TraceError(f"cannot use the identity key in '{path}': it is not {KEY_BYTES} bytes in hexadecimal")
        return "file", key
    key = bounded(lambda: _from_keyring(make=remembered != "keyring"))
    if key is not None:
        return "keyring", key
    if remembered == "keyring":
        raise IdentityUnavailable(
            "cannot read the identity key: the keyring is locked or out of reach",
            "unlock the keyring, and start again",
        )
    key = secrets.token_bytes(KEY_BYTES)
    save(path, key.hex().encode() + b"\n")
    return "file", key


def parsed_key(text: str | None) -> bytes | None:
    return bytes.fromhex(text) if text and re.fullmatch(r"[0-9a-f]{64}\s*", text) else None


def bounded(ask: Callable[[], T]) -> T | None:
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


def backends() -> list[Any]:
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


def read_key(backend: Any) -> bytes | None:
    return parsed_key(backend.get_password(SERVICE, USERNAME))


def _from_keyring(make: bool) -> bytes | None:
    fit = backends()
    for backend in fit:
        if key := read_key(backend):
            return key
    if make and fit:
        fit[0].set_password(SERVICE, USERNAME, secrets.token_bytes(KEY_BYTES).hex())
        # some accept a password and forget it
        return read_key(fit[0])
    return None


def redaction_key() -> bytes:
    """Return the key of the tags in redacted text, 32 bytes: the same for all of a person's machines with one identity.

    It is derived from the identity key when it is needed first, and kept beside it (`redaction.key`), so that
    redaction goes on when the keyring is locked. Where the identity key can't be had that first time, it is drawn at
    random. Raises TraceError when it can't be read or kept.
    """
    path = path_of("redaction.key")
    with contextlib.suppress(FileNotFoundError), open(path, encoding="ascii") as file:
        return _redaction_key_in(path, file.read())
    with locked():
        if os.path.exists(path):  # another process was faster
            with open(path, encoding="ascii") as file:
                return _redaction_key_in(path, file.read())
        state = load_state()
        try:
            place, key = key_of(state["key"])
        except IdentityUnavailable:
            made = secrets.token_bytes(KEY_BYTES)
        else:
            made = hmac.new(key, b"gittrace redaction tags", hashlib.sha256).digest()
            if state["key"] != place:
                save_state(state | {"key": place})
        save(path, made.hex().encode() + b"\n")
    return made


def _redaction_key_in(path: str, text: str) -> bytes:
    key = parsed_key(text)
    if key is None:
        raise TraceError(f"cannot use the key of redaction in '{path}': it is not {KEY_BYTES} bytes in hexadecimal")
    return key
