"""The identity's key in a real Secret Service: GNOME's keyring, on a session bus of its own."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gittrace.protect.identity import TIMEOUT
from tests.support.repo import Repo

pytestmark = pytest.mark.skipif(
    not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")),
    reason="there is no Secret Service here",
)

# unlocks the keyring of an empty home, which makes one, and says where the bus is; then waits for its end
_SESSION = """
printf secret | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1
echo "$DBUS_SESSION_BUS_ADDRESS"
cat >/dev/null
"""
_ASK = """
import sys
from contextlib import closing
import secretstorage
from jeepney import DBusAddress, new_method_call
with closing(secretstorage.dbus_init()) as bus:
    if sys.argv[1] == "lock":
        secretstorage.Collection(bus).lock()
    elif sys.argv[1] == "keep":
        item = secretstorage.get_default_collection(bus).create_item("probe", {"probe": "1"}, b"kept")
        print(item.get_secret().decode())
        item.delete()
    else:
        where = DBusAddress("/org/freedesktop/DBus", bus_name="org.freedesktop.DBus", interface="org.freedesktop.DBus")
        call = new_method_call(where, "GetConnectionUnixProcessID", "s", ("org.freedesktop.secrets",))
        print(bus.send_and_get_reply(call).body[0])
"""
# of a command that waits for a keyring, beyond what it waits: for a loaded machine
_SLACK = 20.0


@pytest.fixture
def service(repo: Repo, home: Path, tmp_path: Path) -> Iterator[Repo]:
    """A repository of somebody whose keyring is open."""
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    repo.env.pop("PYTHON_KEYRING_BACKEND", None)
    session = subprocess.Popen(
        ["dbus-run-session", "--", "sh", "-c", _SESSION],
        env=repo.env | {"XDG_RUNTIME_DIR": str(run)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert session.stdin
    assert session.stdout
    try:
        repo.env["DBUS_SESSION_BUS_ADDRESS"] = session.stdout.readline().strip()
        # asked by others than us, so that a fault of ours is none of the service
        if _asked(repo, "keep").stdout != "kept\n":
            pytest.skip("the Secret Service does not work here")
        repo.commit("a.py", "x = 1\n")
        repo.trace("init")
        repo.trace("start", "-m", "x")
        repo.trace("stop")
        assert _key(repo)[0] == "keyring"
        yield repo
    finally:
        session.stdin.close()
        session.wait(20)
        session.stdout.close()


def _key(repo: Repo) -> tuple[str, str, str]:
    shown = json.loads(repo.trace("identity", "--json"))
    return shown["key"]["kind"], shown["key"]["detail"], shown["developer_id"]


def _asked(repo: Repo, what: str) -> "subprocess.CompletedProcess[str]":
    argv = [sys.executable, "-c", _ASK, what]
    return subprocess.run(argv, env=repo.env, capture_output=True, text=True, timeout=60)


def _ask(repo: Repo, what: str) -> str:
    done = _asked(repo, what)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_key_is_in_the_keyring_and_moves(service: Repo, home: Path, tmp_path: Path) -> None:
    kind, detail, first = _key(service)
    assert "keyring.backends.SecretService" in detail
    assert not list(home.rglob("identity.key"))
    service.trace("identity", "--rotate")
    second = _key(service)[2]
    assert second != first
    out = tmp_path / "identity.json"
    service.trace("identity", "--export", "--output", str(out))
    service.trace("identity", "--rotate")
    assert _key(service)[2] not in (first, second)
    service.trace("identity", "--import", str(out))
    assert _key(service) == (kind, detail, second)
    assert not list(home.rglob("identity.key"))


def test_one_that_is_locked_is_not_opened(service: Repo) -> None:
    """Who is known keeps the id; who is not is recorded without one, and nothing is asked."""
    known = _key(service)[2]
    _ask(service, "lock")
    kind, detail, mine = _key(service)
    assert (kind, mine) == ("keyring", known)
    assert "locked" in detail
    service.trace("start", "-m", "as known")
    assert "without a developer id" not in service.errors
    service.trace("stop")
    service.env |= {"GIT_AUTHOR_EMAIL": "else@example.com", "GIT_COMMITTER_EMAIL": "else@example.com"}
    service.git("config", "user.email", "else@example.com")
    service.trace("start", "-m", "as nobody")
    assert "without a developer id: cannot read the identity key: the keyring is locked" in service.errors
    service.trace("stop")
    for option in ("--export", "--rotate"):
        service.trace("identity", option, status=128)
        assert "the keyring is locked or out of reach" in service.errors
    assert len(json.loads(service.trace("list", "--json"))) == 3


def test_there_may_be_no_bus(service: Repo) -> None:
    known = _key(service)[2]
    service.env["DBUS_SESSION_BUS_ADDRESS"] = "unix:path=/nonexistent/bus"
    assert _key(service)[2] == known
    service.trace("start", "-m", "x")
    del service.env["DBUS_SESSION_BUS_ADDRESS"]
    service.trace("stop")
    assert _key(service)[2] == known


def test_one_that_hangs_is_given_up(service: Repo, home: Path) -> None:
    known = _key(service)[2]
    daemon = int(_ask(service, "pid"))
    # the key of tags is asked for by whatever masks first, a hook's sealer too
    for path in home.rglob("redaction.key"):
        path.unlink()
    os.kill(daemon, signal.SIGSTOP)
    try:
        began = time.monotonic()
        assert _key(service)[2] == known
        assert time.monotonic() - began < TIMEOUT + _SLACK
        service.trace("start", "-m", "x")
        service.write("a.py", "x = 2\n")
        began = time.monotonic()
        service.git("commit", "-qam", "password=hunter22x")
        service.trace("stop")
        assert time.monotonic() - began < 2 * TIMEOUT + _SLACK
        service.trace("identity", "--rotate", status=128)
        assert "locked or out of reach" in service.errors
    finally:
        os.kill(daemon, signal.SIGCONT)
    (*_, journal) = sorted((service.top / ".git/trace/sessions").glob("*.jsonl"), key=lambda path: path.stat().st_mtime)
    assert "[REDACTED:password:" in journal.read_text()
    assert "hunter22x" not in journal.read_text()
    assert _key(service)[2] == known
