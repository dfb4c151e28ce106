"""Servers of every kind: over ssh and http on the loopback, and one that never answers."""

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from gittrace.git import transfer
from gittrace.git.transfer import Line, TransferFailed
from gittrace.share import queue
from gittrace.share.setup import share
from tests.share.conftest import pull, push, recorded
from tests.share.support import Server
from tests.support.recording import Recording

_SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
_BACKEND = (
    Path(subprocess.run(["git", "--exec-path"], capture_output=True, text=True).stdout.strip()) / "git-http-backend"
)


def over(work: Recording, server: Server, url: str) -> None:
    """Share through a URL, and see that all of it arrives and comes back."""
    work.git("remote", "add", "net", url)
    one = recorded(work, "one")
    work.git("push", "-q", "--no-verify", "net", "main")
    share(work.here, "net")
    assert push(work, "net", old=True).segments == 2
    assert set(server.segments()) == {one}
    work.git("update-ref", "-d", work.git("for-each-ref", "--format=%(refname)", "refs/notes/trace-remotes"))
    assert len(pull(work, "net").writers) == 1
    # what the server refuses is told in its words
    server.refuse("refs/notes/*")
    recorded(work, "two")
    work.git("push", "-q", "--no-verify", "net", "main")
    with pytest.raises(TransferFailed, match="pre-receive hook declined"):
        push(work, "net")


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An sshd of one's own: where it is, as a URL; the client finds its key by GIT_SSH_COMMAND."""
    if not _SSHD or not shutil.which("ssh") or not shutil.which("ssh-keygen"):
        pytest.skip("needs OpenSSH, server and client")
    folder = tmp_path / "ssh"
    folder.mkdir(mode=0o700)
    for key in ("host", "user"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / key], check=True)
    (folder / "authorized").write_bytes((folder / "user.pub").read_bytes())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "Port": port,
        "ListenAddress": "127.0.0.1",
        "HostKey": folder / "host",
        "AuthorizedKeysFile": folder / "authorized",
        "PidFile": "none",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "PermitRootLogin": "yes",
    }
    (folder / "config").write_text("".join(f"{key} {value}\n" for key, value in settings.items()))
    if os.getuid() == 0:
        os.makedirs("/run/sshd", exist_ok=True)
    daemon = subprocess.Popen([_SSHD, "-D", "-e", "-f", folder / "config"], stderr=subprocess.PIPE)
    try:
        assert daemon.stderr
        # it says when it listens
        if b"listening" not in daemon.stderr.readline():
            pytest.skip("sshd does not start here")
        options = (
            f"-i {folder / 'user'} -oStrictHostKeyChecking=no -oUserKnownHostsFile={folder / 'known'} -oBatchMode=yes"
        )
        monkeypatch.setenv("GIT_SSH_COMMAND", f"ssh -F none -p {port} {options}")
        yield f"ssh://{os.environ.get('USER') or 'root'}@127.0.0.1:{port}"
    finally:
        daemon.terminate()
        daemon.communicate()


def test_ssh(work: Recording, server: Server, ssh: str) -> None:
    work.repo.env["GIT_SSH_COMMAND"] = os.environ["GIT_SSH_COMMAND"]
    work.here.env["GIT_SSH_COMMAND"] = os.environ["GIT_SSH_COMMAND"]
    over(work, server, f"{ssh}{server.url}")


def backend(root: Path, environment: Mapping[str, str]) -> type[BaseHTTPRequestHandler]:
    """Return a handler that has `git http-backend` answer for the repositories below a folder."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.0"

        def do_GET(self) -> None:
            self._answer()

        def do_POST(self) -> None:
            self._answer()

        def _answer(self) -> None:
            path, _, query = self.path.partition("?")
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.headers.get("Transfer-Encoding") == "chunked":
                body = b"".join(iter(self._chunk, b""))
            env = {
                **environment,
                "GIT_PROJECT_ROOT": str(root),
                "GIT_HTTP_EXPORT_ALL": "1",
                "PATH_INFO": path,
                "QUERY_STRING": query,
                "REQUEST_METHOD": self.command,
                "REMOTE_USER": "someone",
                "REMOTE_ADDR": "127.0.0.1",
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            }
            out = subprocess.run([_BACKEND], input=body, env=env, capture_output=True).stdout
            head, _, content = out.partition(b"\r\n\r\n")
            lines = [line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line]
            status = next((value for name, value in lines if name == "Status"), "200 OK")
            self.send_response(int(status.split()[0]))
            for name, value in lines:
                if name != "Status":
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def _chunk(self) -> bytes:
            size = int(self.rfile.readline(), 16)
            data = self.rfile.read(size)
            self.rfile.readline()
            return data

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (http.server's name)
            pass

    return Handler


@pytest.mark.skipif(not _BACKEND.exists(), reason="needs git http-backend")
def test_http(work: Recording, server: Server) -> None:
    server.repo.git("config", "http.receivepack", "true")
    with ThreadingHTTPServer(("127.0.0.1", 0), backend(server.repo.top.parent, server.repo.env)) as httpd:
        threading.Thread(target=httpd.serve_forever, args=(0.05,), daemon=True).start()
        try:
            over(work, server, f"http://127.0.0.1:{httpd.server_port}/{server.repo.top.name}")
        finally:
            httpd.shutdown()


@pytest.mark.parametrize("protocol", ["git", "http", "ssh"])
def test_a_server_that_never_answers(work: Recording, protocol: str) -> None:
    recorded(work, "one")
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        place = f"127.0.0.1:{silent.getsockname()[1]}"
        work.git("remote", "add", "silent", f"{protocol}://{place}/x.git")
        queue.add(work.here, queue.Entry("", "silent", "silent"))
        with pytest.raises(TransferFailed, match=r"does not answer|Connection|timed out|Could not read"):
            transfer.push(work.here, "silent", work.head(), "refs/notes/traces/x", Line(idle=1, total=5))
    # and nothing of it goes on; others may run tests with servers of their own
    running = subprocess.run(["ps", "-A", "-ww", "-o", "args="], capture_output=True, check=True, text=True).stdout
    assert [args for args in running.splitlines() if "git-remote" in args and place in args] == []


def test_what_takes_too_long_is_ended(work: Recording, server: Server, tmp_path: Path) -> None:
    hook = server.repo.top / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\nexec 3<>'{tmp_path}/fifo'\nwhile :; do echo still here; read -r _ <&3; done\n")
    hook.chmod(0o755)
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(TransferFailed, match="does not answer"):
        transfer.push(work.here, "origin", work.head(), "refs/notes/traces/x", Line(idle=1, total=60))
    with pytest.raises(TransferFailed, match="took more than 1 seconds"):
        transfer.push(work.here, "origin", work.head(), "refs/notes/traces/x", Line(idle=60, total=1))
