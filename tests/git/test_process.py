"""The gate to git: whole output, real exit statuses, and nothing of the caller's that would change git's answer."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from gittrace.errors import GitFailed, GitMissing
from gittrace.git.process import SCRUBBED, Coprocess, Process, run, scrubbed_environment
from tests.support.repo import PACKAGE_ROOT, Repo


def argv(repo: Repo, *args: str) -> list[str]:
    """Return git's argv in a repository."""
    return ["git", "-C", str(repo.top), *args]


def test_output_larger_than_any_pipe(repo: Repo) -> None:
    data = os.urandom(3_000_000)
    oid = run(argv(repo, "hash-object", "-w", "--stdin"), os.environ, data).decode().strip()
    assert run(argv(repo, "cat-file", "blob", oid), os.environ) == data


def test_both_ways_at_once(repo: Repo) -> None:
    """git answers while it is still fed: neither side may wait for the other for ever."""
    oid = repo.run("git", "hash-object", "-w", "--stdin", stdin=b"x").strip()
    out = run(argv(repo, "cat-file", "--batch"), os.environ, (oid + b"\n") * 50_000)
    assert out.count(oid) == 50_000


def test_git_that_does_not_read_its_input(repo: Repo) -> None:
    assert run(argv(repo, "version"), os.environ, b"x" * 1_000_000).startswith(b"git version")


def test_failures_say_what_git_said(repo: Repo) -> None:
    with pytest.raises(GitFailed) as failed:
        run(argv(repo, "cat-file", "-t", "0" * 40), os.environ)
    assert str(failed.value) == "git cat-file: git cat-file: could not get object info"
    assert failed.value.code == 128
    assert run(argv(repo, "config", "--get", "no.such"), os.environ, ok=(0, 1)) == b""


@pytest.mark.parametrize(
    ("err", "text"),
    [
        (b"fatal: one\nhint: two\n", "git log: one"),
        (b"warning: one\nerror: two\nfatal: three\n", "git log: two"),
        (b"\nodd\n\n", "git log: odd"),
        (b"", "git log: it ended with 3"),
        (b"fatal: \xff\n", "git log: \\xff"),
    ],
)
def test_messages(tmp_path: Path, err: bytes, text: str) -> None:
    fake = tmp_path / "git"
    fake.write_bytes(b"#!/bin/sh\ncat >&2 <<'EOF'\n" + err + b"EOF\nexit 3\n" if err else b"#!/bin/sh\nexit 3\n")
    fake.chmod(0o755)
    with pytest.raises(GitFailed) as failed:
        run([str(fake), "-C", "/some/where", "-c", "a.b=c", "log"], os.environ)
    assert (str(failed.value), failed.value.code) == (text, 3)


def test_a_signal_is_a_negative_status(repo: Repo) -> None:
    process = Coprocess(argv(repo, "cat-file", "--batch"), os.environ)
    os.kill(process.pid, 9)
    code, out, _ = process.finish()
    assert (code, out) == (-9, b"")


def test_no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitMissing, match="not on PATH"):
        run(["git", "version"], os.environ)


def test_no_descriptor_is_left_open(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    before = len(os.listdir("/dev/fd"))
    run(argv(repo, "version"), os.environ, b"x")
    process = Coprocess(argv(repo, "cat-file", "--batch"), os.environ)
    process.write(b"HEAD\n")
    assert process.readline() == b"HEAD missing"
    process.close()
    process.close()
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(GitMissing):
        Process(["git", "version"], os.environ, feed=True)
    assert len(os.listdir("/dev/fd")) == before


def test_a_coprocess_that_died(repo: Repo) -> None:
    process = Coprocess(argv(repo, "cat-file", "--no-such-option"), os.environ)
    with pytest.raises(GitFailed, match="cat-file: unknown option"):
        process.readline()
    process.close()
    process = Coprocess(argv(repo, "mktree", "--batch"), os.environ)
    with pytest.raises(GitFailed, match="mktree"):
        process.write(b"nonsense\n" * 100_000)
    process.close()


def test_an_answer_in_pieces(repo: Repo) -> None:
    blob = os.urandom(200_000)
    oid = repo.run("git", "hash-object", "-w", "--stdin", stdin=blob).strip()
    process = Coprocess(argv(repo, "cat-file", "--batch"), os.environ)
    process.write(oid + b"\n" + oid + b"\n")
    for _ in range(2):
        assert process.readline() == oid + b" blob 200000"
        assert process.read(200_000) == blob
        assert process.read(1) == b"\n"
    process.close()


def test_what_git_exports_to_hooks_is_scrubbed(repo: Repo, monkeypatch: pytest.MonkeyPatch) -> None:
    local = repo.git("rev-parse", "--local-env-vars").split()
    # how `git -c key=value trace` reaches us
    kept = {"GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT"}
    assert set(local) - kept <= SCRUBBED
    for name in (*SCRUBBED, *kept):
        monkeypatch.setenv(name, "x")
    assert {name for name in scrubbed_environment() if name.startswith("GIT_")} - {"GIT_TERMINAL_PROMPT"} >= kept
    assert not SCRUBBED & scrubbed_environment().keys()


def test_a_trace_of_the_users_git_holds_nothing_of_ours(
    repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("GIT_TRACE", "GIT_TRACE2_EVENT", "GIT_TRACE_SETUP"):
        monkeypatch.setenv(name, str(tmp_path / "traced"))
    monkeypatch.delenv("GITTRACE_TRACE", raising=False)
    run(argv(repo, "status"), scrubbed_environment())
    assert not (tmp_path / "traced").exists()
    monkeypatch.setenv("GITTRACE_TRACE", "1")
    run(argv(repo, "status"), scrubbed_environment())
    assert (tmp_path / "traced").exists()


@pytest.mark.skipif(not os.path.exists("/usr/share/locale/de/LC_MESSAGES/git.mo"), reason="git speaks English only")
@pytest.mark.parametrize(("name", "value"), [("LANGUAGE", "de"), ("LC_ALL", "de_DE.UTF-8"), ("LANG", "de_DE.UTF-8")])
def test_git_speaks_english(repo: Repo, monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv("LANG", "C.UTF-8")
    monkeypatch.setenv(name, value)
    with pytest.raises(GitFailed, match="invalid object name 'HEAD'"):
        run(argv(repo, "cat-file", "-p", "HEAD:no/such/file"), scrubbed_environment())


_WITHOUT = """
import os, sys
for fd in {closed}:
    os.close(fd)
sys.path.insert(0, {root!r})
from gittrace.git.process import run
try:
    out = run(["git", "hash-object", "--stdin"], os.environ, b"x" * 100_000)
    version = run(["git", "version"], os.environ)
except BaseException as error:
    out, version = repr(error).encode(), b""
with open({result!r}, "wb") as file:
    file.write(out + version)
"""


@pytest.mark.parametrize("closed", [(0,), (1,), (2,), (0, 1), (1, 2), (0, 2), (0, 1, 2)])
def test_with_standard_descriptors_closed(tmp_path: Path, closed: tuple[int, ...]) -> None:
    result = tmp_path / "result"
    script = _WITHOUT.format(closed=closed, root=str(PACKAGE_ROOT), result=str(result))
    subprocess.run([sys.executable, "-c", script], timeout=30, check=False)
    wanted = subprocess.run(["git", "hash-object", "--stdin"], input=b"x" * 100_000, capture_output=True).stdout
    assert result.read_bytes().startswith(wanted + b"git version")


def test_the_timing_log(repo: Repo, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    run(argv(repo, "version"), os.environ)
    assert capfd.readouterr().err == ""
    monkeypatch.setenv("GITTRACE_TRACE", "1")
    run(argv(repo, "version"), os.environ)
    assert capfd.readouterr().err.endswith(f"ms    0  git -C {repo.top} version\n")


def test_output_as_it_comes(repo: Repo) -> None:
    repo.git("-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "one")
    size = 1_000_000
    # more on standard error than a pipe holds, and before standard output
    script = f"!head -c {size} /dev/zero >&2; head -c {size} /dev/zero; test -n"
    alias = ["-c", f"alias.noise={script}", "noise"]
    assert sum(map(len, Process(argv(repo, *alias, "x"), os.environ).stream())) == size
    with pytest.raises(GitFailed):
        list(Process(argv(repo, *alias, ""), os.environ).stream())
    endless = Process(argv(repo, "-c", "alias.endless=!exec yes", "endless"), os.environ)
    stream = endless.stream()
    assert next(stream).startswith(b"y\n")
    stream.close()
    with pytest.raises(ChildProcessError):
        os.waitpid(endless.pid, os.WNOHANG)


def test_output_as_it_comes_from_a_git_that_is_fed(repo: Repo) -> None:
    repo.commit("a", "1\n")
    # more than a pipe holds, both ways
    names = b"HEAD:a\n" * 40_000
    output = Process(argv(repo, "cat-file", "--batch-check"), os.environ, feed=True).stream(names)
    assert b"".join(output).count(b" blob 2\n") == 40_000
    wide = Process(argv(repo, "cat-file", "--batch-check"), os.environ, feed=True)
    wide.widen()
    assert wide.finish(names)[1].count(b" blob 2\n") == 40_000
