import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import keyring
import pytest

from gittrace.errors import TraceError
from gittrace.protect import identity
from gittrace.protect.identity import (
    IdentityUnavailable,
    developer_id,
    normalized,
    own_ids,
    pseudonym,
    redaction_key,
    where_is_the_key,
)
from gittrace.protect.identity_change import LONGEST, Imported, exported, imported, rotate
from tests.protect.keyrings import Forgetful, InFile, Locked, Memory
from tests.support.repo import PACKAGE_ROOT

_ROTATE = """
import os, sys
sys.path.insert(0, {root!r})
import keyring
from gittrace.protect import identity
from gittrace.protect.identity_change import rotate
from tests.protect.keyrings import InFile
if {ring!r}:
    keyring.set_keyring(InFile({ring!r}))
count, last = 0, int(sys.argv[1])
def counted(function):
    def step(*args):
        global count
        for _ in "before", "after":
            count += 1
            if count == last:
                os.kill(os.getpid(), 9)
            result = function(*args) if _ == "before" else result
        return result
    return step
os.replace, os.open = counted(os.replace), counted(os.open)
InFile.set_password = counted(InFile.set_password)
rotate()
print("rotated")
"""

ME = "A U Thor <author@example.com>"


class Full(Memory):
    """A keyring that has what it has, and takes no more."""

    def set_password(self, service: str, username: str, password: str) -> None:
        if self.kept:
            raise OSError("full")
        super().set_password(service, username, password)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where another machine's configuration is; XDG_CONFIG_HOME goes there."""
    return tmp_path / "elsewhere"


def _files(config: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in config.iterdir()} if config.exists() else {}


@pytest.mark.parametrize("backend", [Memory, Forgetful])
def test_one_person_is_one_id_on_two_machines(
    backend: type[Memory], elsewhere: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = backend()
    keyring.set_keyring(here)
    mine, tags, text = developer_id(ME), redaction_key(), exported()
    old_home = os.environ["XDG_CONFIG_HOME"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    keyring.set_keyring(Memory())
    before = developer_id(ME)
    assert before != mine
    redaction_key()

    assert imported(text.encode()) == Imported(key=True, tags=True)
    assert where_is_the_key().kind == "keyring"
    assert (developer_id(ME), redaction_key(), own_ids()) == (mine, tags, [before, mine])
    assert imported(text.encode()) == Imported(key=False, tags=False)
    # and back: what was recorded there is known as one's own here
    text = exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", old_home)
    keyring.set_keyring(here)
    assert imported(text.encode()) == Imported(key=False, tags=False)
    assert (developer_id(ME), own_ids()) == (mine, [before, mine])


def test_a_machine_where_nothing_was_recorded(config: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, text = developer_id(ME), exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    assert imported(text.encode()) == Imported(key=True, tags=False)
    assert developer_id(ME) == mine
    there = elsewhere / "gittrace"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in there.iterdir()}
    assert modes == dict.fromkeys(["identity.json", "identity.key", "identity.lock", "redaction.key"], 0o600)
    assert (there / "identity.key").read_bytes() == (config / "identity.key").read_bytes()


@pytest.mark.parametrize("backend", [Memory, Forgetful])
def test_another_id_from_now_on(backend: type[Memory]) -> None:
    keyring.set_keyring(backend())
    first, tags, place = developer_id(ME), redaction_key(), where_is_the_key()
    rotate()
    second = developer_id(ME)
    rotate()
    third = developer_id(ME)
    assert len({first, second, third}) == 3
    assert own_ids() == [first, second, third]
    assert (redaction_key(), where_is_the_key()) == (tags, place)


def test_the_keyring_that_has_the_key_gets_the_new_one() -> None:
    class Chain(Memory):
        def __init__(self) -> None:
            super().__init__()
            self.backends = [Memory(), Memory()]

    chain = Chain()
    keyring.set_keyring(chain.backends[1])
    developer_id(ME)
    (old,) = chain.backends[1].kept.values()
    keyring.set_keyring(chain)
    rotate()
    assert not chain.backends[0].kept
    assert list(chain.backends[1].kept.values()) != [old]


def test_a_key_out_of_reach_is_not_replaced(config: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    keyring.set_keyring(Memory())
    mine = developer_id(ME)
    before = _files(elsewhere / "gittrace")
    keyring.set_keyring(Locked())
    for change in (rotate, exported, lambda: imported(text.encode())):
        with pytest.raises(IdentityUnavailable, match="keyring is locked"):
            change()
    assert _files(elsewhere / "gittrace") == before
    assert developer_id(ME) == mine


def test_a_keyring_that_takes_no_other_key(elsewhere: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    keyring.set_keyring(Full())
    mine = developer_id(ME)
    before = _files(elsewhere / "gittrace")
    for change in (rotate, lambda: imported(text.encode())):
        with pytest.raises(IdentityUnavailable, match="does not take it"):
            change()
    assert _files(elsewhere / "gittrace") == before
    assert developer_id(ME) == mine


@pytest.mark.parametrize("name", ["identity.key", "redaction.key"])
def test_a_damaged_key_stays(config: Path, elsewhere: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    here = os.environ["XDG_CONFIG_HOME"]
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    text = exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", here)
    developer_id(ME)
    redaction_key()
    (config / name).write_text("damaged\n")
    before = _files(config)
    for change in (exported, lambda: imported(text.encode()), *([rotate] if name == "identity.key" else [])):
        with pytest.raises(TraceError, match=name.replace(".", r"\.")):
            change()
    assert _files(config) == before


@pytest.mark.parametrize("step", [1, 2, 3])
def test_an_import_that_was_interrupted_is_done_again(
    elsewhere: Path, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    mine, tags, text = developer_id(ME), redaction_key(), exported()
    monkeypatch.setenv("XDG_CONFIG_HOME", str(elsewhere))
    before = developer_id(ME)
    redaction_key()
    left = [step]

    def save(path: str, data: bytes) -> None:
        left[0] -= 1
        if not left[0]:
            raise KeyboardInterrupt
        original(path, data)

    original = identity.save
    with monkeypatch.context() as patch:
        patch.setattr(identity, "save", save)
        with pytest.raises(KeyboardInterrupt):
            imported(text.encode())
    imported(text.encode())
    assert (developer_id(ME), redaction_key(), own_ids()) == (mine, tags, [before, mine])


def _garbage() -> list[bytes]:
    good = {"format": "gittrace-identity-1", "key": "1" * 64, "redaction_key": "2" * 64, "own": ["dev_" + "3" * 32]}
    changes: list[dict[str, object]] = [
        {"format": "gittrace-identity-2"},
        {"key": "1" * 63},
        {"key": "1" * 66},
        {"key": "g" * 64},
        {"key": 1},
        {"redaction_key": None},
        {"own": ""},
        {"own": None},
        {"own": {}},
        {"own": [1]},
        {"own": ["dev_x"]},
        {"own": ["\x1b[31m"]},
    ]
    missing = [{k: v for k, v in good.items() if k != name} for name in good]
    odd = [b"", b"\xff", b"[]", b"null", b"1" * 5000, b"[" * 100_000, b'"format"', b"-----BEGIN PRIVATE KEY-----\n"]
    long = json.dumps(good).encode() + b" " * LONGEST
    return [*odd, long, *(json.dumps(one).encode() for one in [*missing, *(good | change for change in changes)])]


@pytest.mark.parametrize("data", _garbage())
def test_garbage_is_refused_and_nothing_changed(config: Path, data: bytes) -> None:
    developer_id(ME)
    before = _files(config)
    with pytest.raises(TraceError, match="this is not what 'git trace identity --export' writes"):
        imported(data)
    assert _files(config) == before


def test_the_garbage_is_none_but_for_what_is_wrong_with_it() -> None:
    good = {"format": "gittrace-identity-1", "key": "1" * 64, "redaction_key": "2" * 64, "own": [], "later": 1}
    assert imported(json.dumps(good).encode()) == Imported(key=True, tags=False)


@pytest.mark.parametrize("place", ["keyring", "file"])
def test_killed_at_every_step(place: str, config: Path, tmp_path: Path) -> None:
    """Before and after everything that it writes: either key counts, and all that follows from it is of one key."""
    ring = str(tmp_path / "ring") if place == "keyring" else ""
    if ring:
        keyring.set_keyring(InFile(ring))
    script = _ROTATE.format(root=str(PACKAGE_ROOT), ring=ring)
    ids, killed, rotated = [developer_id(ME)], 0, 0
    for step in range(1, 60):
        done = subprocess.run([sys.executable, "-c", script, str(step)], capture_output=True, timeout=60)
        mine = developer_id(ME)
        assert where_is_the_key().kind == place
        # the id is what the key makes of the name, whatever was remembered
        assert pseudonym(bytes.fromhex(json.loads(exported())["key"]), normalized(ME)) == mine
        assert own_ids() == list(dict.fromkeys([*ids, mine]))
        rotated += mine != ids[-1]
        ids = own_ids()
        killed += done.returncode == -9
        if done.returncode == 0:
            break
    assert done.stdout == b"rotated\n"
    assert killed > 3
    # both ends were seen: killed before the key was another one, and after
    assert 1 < rotated < killed + 1
    # what it left behind is nothing
    assert [path.name for path in config.iterdir() if path.name.endswith(".new")] == []
