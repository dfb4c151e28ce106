"""A hermetic repository on real git, with a home of its own."""

import os
import subprocess
import sys
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import pytest

from tests.support.forked import Forks

PACKAGE_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = 120.0
_FORKS = Forks()


def hermetic_environment(home: Path) -> dict[str, str]:
    """Return an environment in which nothing of this machine's git configuration is seen."""
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITTRACE", "XDG_", "LC_", "PYTEST_"))}
    return keep | {
        "HOME": str(home),
        "XDG_CONFIG_HOME": str(home / ".config"),
        "XDG_DATA_HOME": str(home / ".local/share"),
        "XDG_STATE_HOME": str(home / ".local/state"),
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "A U Thor",
        "GIT_AUTHOR_EMAIL": "author@example.com",
        "GIT_COMMITTER_NAME": "C O Mitter",
        "GIT_COMMITTER_EMAIL": "committer@example.com",
        "GIT_EDITOR": "false",
        "GIT_TERMINAL_PROMPT": "0",
        "LANG": "C.UTF-8",
        "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
        "PYTHONPATH": str(PACKAGE_ROOT),
        "COLUMNS": "120",
    }


class Repo:
    """A worktree; `repo.git("log")`, `repo.trace("start")`, `repo.commit("a.py", "x = 1\\n")`.

    `inherited`: descriptors that programs run here get.
    """

    def __init__(self, top: Path, env: Mapping[str, str], inherited: Collection[int] = ()) -> None:
        self.top = top
        self.env = dict(env)
        self.inherited = inherited

    def run(
        self,
        *argv: str | bytes,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        status: int | None = 0,
        cwd: Path | None = None,
    ) -> bytes:
        """Run a program here and return its standard output; `status` None allows any exit status."""
        done = subprocess.run(
            argv,
            cwd=cwd or self.top,
            env=self.env | dict(env or {}),
            input=stdin,
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            timeout=_TIMEOUT,
            pass_fds=self.inherited,
        )
        return self._output(argv, done, status)

    def _output(
        self, argv: Sequence[str | bytes], done: "subprocess.CompletedProcess[bytes]", status: int | None
    ) -> bytes:
        self.errors = done.stderr.decode("utf-8", "backslashreplace")
        self.status = done.returncode
        if status is not None and done.returncode != status:
            out = done.stdout.decode("utf-8", "backslashreplace")
            raise AssertionError(f"{argv!r} ended with {done.returncode}, not {status}:\n{out}{self.errors}")
        return done.stdout

    def git(
        self,
        *args: str | bytes,
        stdin: bytes | None = None,
        status: int | None = 0,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run git and return its output without the last line feed."""
        return os.fsdecode(self.run("git", *args, stdin=stdin, env=env, status=status)).removesuffix("\n")

    def trace(
        self,
        *args: str | bytes,
        stdin: bytes | None = None,
        status: int | None = 0,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """Run `git-trace` of this checkout and return its output."""
        argv = (sys.executable, "-m", "gittrace.main", *args)
        # `run` is about processes; it also loads next to nothing
        if not self.inherited and args[:1] != ("run",):
            done = _FORKS.run(args, self.top, self.env | dict(env or {}), stdin, _TIMEOUT)
            if done:
                return os.fsdecode(self._output(argv, done, status))
        return os.fsdecode(self.run(*argv, stdin=stdin, env=env, status=status))

    def write(self, path: str | bytes, content: str | bytes, mode: int | None = None) -> None:
        """Write a file of the worktree."""
        target = os.path.join(os.fsencode(self.top), os.fsencode(path))
        os.makedirs(os.path.dirname(target), exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        with open(target, "wb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(target, mode)

    def commit(self, path: str | bytes, content: str | bytes, message: str | None = None) -> str:
        """Write a file, commit it, and return the commit."""
        self.write(path, content)
        self.git("add", "--", path)
        self.git("commit", "-q", "-m", message or f"change {os.fsdecode(os.fsencode(path))!r}")
        return self.git("rev-parse", "HEAD")

    @property
    def git_dir(self) -> Path:
        """Its `<git-dir>`."""
        return Path(self.git("rev-parse", "--absolute-git-dir"))


def make_repo(top: Path, env: Mapping[str, str], object_format: str = "sha1") -> Repo:
    """Make an empty repository with its own configuration."""
    top.mkdir(parents=True, exist_ok=True)
    repo = Repo(top, env)
    repo.git("init", "-q", "-b", "main", f"--object-format={object_format}", ".")
    return repo


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty home directory."""
    path = tmp_path / "home"
    path.mkdir()
    return path


@pytest.fixture
def repo(tmp_path: Path, home: Path) -> Repo:
    """An empty SHA-1 repository."""
    return make_repo(tmp_path / "repo", hermetic_environment(home))
