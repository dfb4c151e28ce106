import hashlib
import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import keyring
import pytest
from keyring.backend import KeyringBackend

from gittrace.errors import TraceError
from gittrace.protect import identity
from gittrace.protect.identity import IdentityUnavailable, KeyPlace, developer_id, where_is_the_key
from tests.protect.keyrings import Asking, Forgetful, Locked, Memory, Stuck
from tests.support.repo import PACKAGE_ROOT

ME = "A U Thor <author@example.com>"


@pytest.fixture
def stuck(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stuck]:
    """The stuck keyring, with a short patience."""
    monkeypatch.setattr(identity, "TIMEOUT", 0.2)
    backend = Stuck()
    keyring.set_keyring(backend)
    yield backend
    backend.released.set()


def test_an_id_tells_nothing_and_stays() -> None:
    keyring.set_keyring(Memory())
    mine = developer_id(ME)
    assert re.fullmatch("dev_[0-9a-f]{32}", mine)
    assert developer_id(ME) == mine
    assert developer_id("B U Thor <other@example.com>") != mine


@pytest.mark.parametrize(
    "same",
    ["author@example.com", "<AUTHOR@Example.com>", "Somebody Else < author@example.com >", "  author@EXAMPLE.com\n"],
)
def test_the_email_counts(same: str) -> None:
    assert developer_id(same) == developer_id(ME)


def test_a_name_without_an_email_is_normalized() -> None:
    assert developer_id("Ren\u00e9  X <>") == developer_id("rene\u0301 x") != developer_id("rene x")
    assert developer_id("caf\udce9")


def test_the_key_lies_in_the_keyring(config: Path) -> None:
    backend = Memory()
    keyring.set_keyring(backend)
    assert where_is_the_key().kind == "none"
    mine = developer_id(ME)
    assert re.fullmatch("[0-9a-f]{64}", backend.kept["gittrace", "identity-key"])
    assert not (config / "identity.key").exists()
    place = where_is_the_key()
    assert place.kind == "keyring"
    assert "'gittrace'" in place.detail
    assert backend.kept["gittrace", "identity-key"] not in (config / "identity.json").read_text()
    (config / "identity.json").unlink()
    assert developer_id(ME) == mine


def test_no_file_tells_the_email_to_whoever_has_a_list_of_them(config: Path) -> None:
    keyring.set_keyring(Memory())
    mine = developer_id(ME)
    plain = hashlib.sha256(b"author@example.com").hexdigest()[:32]
    assert plain not in (config / "identity.json").read_text()
    # what was written before is taken out, and the id stays
    (config / "identity.json").write_text(json.dumps({"key": "keyring", "ids": {plain: mine}}))
    assert developer_id(ME) == mine
    assert plain not in (config / "identity.json").read_text()


def test_without_a_keyring_the_key_is_a_private_file(config: Path) -> None:
    mine = developer_id(ME)
    path = config / "identity.key"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(config.stat().st_mode) == 0o700
    assert where_is_the_key() == KeyPlace("file", f"'{path}'")
    (config / "identity.json").unlink()
    assert developer_id(ME) == mine


@pytest.mark.parametrize("make", [Locked, Forgetful])
def test_a_keyring_that_does_not_work_is_passed_over(config: Path, make: Callable[[], KeyringBackend]) -> None:
    keyring.set_keyring(make())
    assert developer_id(ME)
    assert (config / "identity.key").exists()


def test_of_several_keyrings_the_first_that_is_fit_is_used() -> None:
    class Chain(Memory):
        def __init__(self) -> None:
            super().__init__()
            self.backends: list[Memory] = [asking(), Memory(), Memory()]

    asking = type("DBusKeyring", (Asking,), {"__module__": "keyring.backends.kwallet"})
    chain = Chain()
    keyring.set_keyring(chain)
    assert developer_id(ME)
    assert [bool(backend.kept) for backend in (chain, *chain.backends)] == [False, False, True, False]


def test_a_keyring_that_hangs_is_not_waited_for(config: Path, stuck: Stuck) -> None:
    assert developer_id(ME)
    assert (config / "identity.key").exists()


def test_a_file_wins_over_a_keyring_that_comes_later(config: Path) -> None:
    mine = developer_id(ME)
    (config / "identity.json").unlink()
    backend = Memory()
    keyring.set_keyring(backend)
    assert developer_id(ME) == mine
    assert backend.kept == {}


def test_ids_stay_while_the_keyring_is_locked(config: Path) -> None:
    keyring.set_keyring(Memory())
    mine = developer_id(ME)
    keyring.set_keyring(Locked())
    assert developer_id(ME) == mine
    with pytest.raises(IdentityUnavailable, match="keyring is locked"):
        developer_id("Other <other@example.com>")
    assert not (config / "identity.key").exists()
    assert "can't be read now" in where_is_the_key().detail


@pytest.mark.parametrize(
    "module",
    ["keyrings.alt.file", "keyring.backends.kwallet", "keyring.backends.libsecret", "keyring.backends.SecretService"],
)
def test_no_keyring_is_used_that_would_ask(config: Path, monkeypatch: pytest.MonkeyPatch, module: str) -> None:
    class Collection:
        def __init__(self, bus: Any) -> None:
            self.bus = bus

        def is_locked(self) -> bool:
            return True

    bus = SimpleNamespace(close=lambda: None)
    service = SimpleNamespace(dbus_init=lambda: bus, Collection=Collection)
    monkeypatch.setitem(sys.modules, "secretstorage", service)
    monkeypatch.setattr(Asking, "__module__", module)
    backend = Asking()
    keyring.set_keyring(backend)
    assert developer_id(ME)
    assert backend.kept == {}
    assert (config / "identity.key").exists()


def test_a_secret_service_that_is_open_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    closed: list[bool] = []
    bus = SimpleNamespace(close=lambda: closed.append(True))
    collection = SimpleNamespace(is_locked=lambda: False)
    service = SimpleNamespace(dbus_init=lambda: bus, Collection=lambda _: collection)
    monkeypatch.setitem(sys.modules, "secretstorage", service)
    monkeypatch.setattr(Asking, "__module__", "keyring.backends.SecretService")
    backend = Asking()
    keyring.set_keyring(backend)
    assert developer_id(ME)
    assert ("gittrace", "identity-key") in backend.kept
    assert closed


def test_processes_that_begin_at_once_agree(config: Path) -> None:
    program = "import sys; from gittrace.protect.identity import developer_id; print(developer_id(sys.argv[1]))"
    env = os.environ | {"PYTHONPATH": str(PACKAGE_ROOT)}
    argv = [sys.executable, "-c", program, ME]
    running = [subprocess.Popen(argv, env=env, stdout=subprocess.PIPE) for _ in range(6)]
    assert len({process.communicate(timeout=60)[0] for process in running}) == 1
    assert {process.returncode for process in running} == {0}
    assert sorted(path.name for path in config.iterdir()) == ["identity.json", "identity.key", "identity.lock"]


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"ids": 3}', "null"])
def test_a_damaged_list_of_ids_is_made_anew(config: Path, damage: str) -> None:
    mine = developer_id(ME)
    (config / "identity.json").write_text(damage)
    assert developer_id(ME) == mine


def test_a_damaged_key_is_an_error_and_stays(config: Path) -> None:
    developer_id(ME)
    (config / "identity.json").unlink()
    (config / "identity.key").write_text("secret\n")
    with pytest.raises(TraceError, match=r"identity\.key"):
        developer_id(ME)
    assert (config / "identity.key").read_text() == "secret\n"


def test_a_directory_that_cannot_be_written_is_named(config: Path) -> None:
    config.parent.mkdir(parents=True)
    config.write_text("a file")
    with pytest.raises(TraceError, match="cannot keep the identity key"):
        developer_id(ME)
