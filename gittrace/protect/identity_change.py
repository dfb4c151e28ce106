"""Change the identity key: for another id from now on, or for the same id on several machines.

The new key goes where the old one is. What was recorded keeps the id that it has; `own_ids` still has them all. The key
of redaction (`redaction.key`) travels along, so that equal secrets have equal tags on all of a person's machines; it
stays when the id is rotated, since tags that are allowed name what they did.

Whatever is interrupted can be done again: before the key changes, what follows from it (`ids`) goes, so that whichever
key is there afterwards is the one that counts. A key that is there and can't be read is never replaced.
"""

import json
import os
import secrets
from dataclasses import dataclass
from typing import Any

from gittrace.errors import TraceError
from gittrace.protect import identity
from gittrace.protect.identity import SERVICE, USERNAME, IdentityUnavailable

_FORMAT = "gittrace-identity-1"
LONGEST = 1 << 20
"""Bytes that an exported identity may have; a thousand ids are 40 KiB."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import changed: the key of the id, the key of the tags in redacted text (only if there was one)."""

    key: bool
    tags: bool


def rotate() -> None:
    """Make a new key. Raises IdentityUnavailable when the keyring can't be read or written, TraceError."""
    with identity.locked():
        state = identity.load_state()
        _, present = _present(state)
        place = _replace(present, secrets.token_bytes(identity.KEY_BYTES), state)
        identity.save_state({"key": place, "ids": {}, "own": state["own"]})


def exported() -> str:
    """Return the identity as text, for `imported` elsewhere: secret. Raises IdentityUnavailable, TraceError."""
    with identity.locked():
        state = identity.load_state()
        place, key = identity.key_of(state["key"])
        if state["key"] != place:
            identity.save_state(state | {"key": place})
    tags = identity.redaction_key()  # takes the lock itself
    data = {"format": _FORMAT, "key": key.hex(), "redaction_key": tags.hex(), "own": state["own"]}
    return json.dumps(data, indent=1) + "\n"


def imported(data: bytes) -> Imported:
    """Take over an identity. Raises TraceError when the data is none, IdentityUnavailable; then nothing is changed."""
    key, tags, own = _parsed(data)
    # before the lock, which it may take itself
    before = identity.redaction_key() if os.path.exists(identity.path_of("redaction.key")) else None
    with identity.locked():
        state = identity.load_state()
        place, present = _present(state)
        if present != key:
            place = _replace(present, key, state)
        if before != tags:
            identity.save(identity.path_of("redaction.key"), tags.hex().encode() + b"\n")
        # the newest come last
        known = [one for one in state["own"] if one not in own] + own
        identity.save_state({"key": place, "ids": {}, "own": known})
    return Imported(present != key, before is not None and before != tags)


def _parsed(data: bytes) -> tuple[bytes, bytes, list[str]]:
    try:
        found: Any = json.loads(data.decode()) if len(data) <= LONGEST else None
        if found["format"] != _FORMAT:
            raise ValueError
        key, tags = identity.parsed_key(found["key"]), identity.parsed_key(found["redaction_key"])
        own = found["own"]
        sound = isinstance(own, list) and all(isinstance(one, str) and identity.is_id(one) for one in own)
        if key is None or tags is None or not sound:
            raise ValueError
    except (ValueError, KeyError, TypeError, RecursionError):
        raise TraceError("cannot import the identity: this is not what 'git trace identity --export' writes") from None
    return key, tags, list(dict.fromkeys(own))


def _has_file() -> bool:
    return os.path.exists(identity.path_of("identity.key"))


def _present(state: dict[str, Any]) -> tuple[str | None, bytes | None]:
    """Return where the key is and the key, without making one. Raises IdentityUnavailable, TraceError."""
    if state["key"] != "keyring" and not _has_file():
        return None, None
    return identity.key_of(state["key"])


def _replace(present: bytes | None, key: bytes, state: dict[str, Any]) -> str:
    """Put a key in the place of the present one, and return where that is. The lock is held."""
    before = b""
    if state["ids"]:
        with open(identity.path_of("identity.json"), "rb") as file:
            before = file.read()
        identity.save_state(state | {"ids": {}})
    try:
        return _put(key, state)
    except TraceError:
        # a keyring may say no, or say nothing, and take the key all the same
        kept = identity.bounded(lambda: any(_has(present, backend) for backend in identity.backends()))
        if before and kept:
            identity.save(identity.path_of("identity.json"), before)
        raise


def _has(key: bytes | None, backend: Any) -> bool:
    return key is not None and identity.read_key(backend) == key


def _put(key: bytes, state: dict[str, Any]) -> str:
    if not _has_file():
        if identity.bounded(lambda: _to_keyring(key)):
            return "keyring"
        if state["key"] == "keyring":
            raise IdentityUnavailable(
                "cannot change the identity key: the keyring does not take it", "unlock the keyring, and try again"
            )
    identity.save(identity.path_of("identity.key"), key.hex().encode() + b"\n")
    return "file"


def _to_keyring(key: bytes) -> bool:
    """Write the key to the keyring that has one, else to the preferred one; return whether it is there then."""
    backends = identity.backends()
    for backend in [one for one in backends if identity.read_key(one)] or backends[:1]:
        backend.set_password(SERVICE, USERNAME, key.hex())
        return identity.read_key(backend) == key
    return False


__all__ = ["LONGEST", "Imported", "exported", "imported", "rotate"]
