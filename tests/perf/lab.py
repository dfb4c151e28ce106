"""Where benchmarks run: gittrace as a user has it, repositories of any size, and a stopwatch."""

import fcntl
import os
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from tests.support.repo import PACKAGE_ROOT, Repo, hermetic_environment, make_repo

T = TypeVar("T")

TINY, QUICK, FULL = range(3)
_FILES_A_DIRECTORY = 100


@dataclass(frozen=True)
class Lab:
    """A folder with gittrace installed in it.

    scale   TINY proves that a benchmark works and measures nothing; QUICK; FULL is what the goals are about
    rounds  how often everything is measured; None leaves that to the benchmark
    """

    root: Path
    scale: int = FULL
    rounds: int | None = None

    @property
    def bin(self) -> Path:
        """The folder of the installed `git-trace`."""
        return self.root / "venv" / "bin"

    def pick(self, tiny: T, quick: T, full: T) -> T:
        """Return what fits the scale."""
        return (tiny, quick, full)[self.scale]

    def repeat(self, full: int) -> int:
        """Return how many rounds to measure."""
        return self.rounds or self.pick(1, max(3, full // 3), full)

    def install(self) -> None:
        """Install the checkout, not editable, as a user would; its dependencies are those of this environment."""
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", self.bin.parent], check=True)
        python = str(self.bin / "python")
        ask = [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
        site = subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
        theirs = dict.fromkeys(sysconfig.get_path(name) for name in ("purelib", "platlib"))
        Path(site, "dependencies.pth").write_text("".join(f"{path}\n" for path in theirs))
        # no network: the build tool too is the one of this environment
        options = ["--no-index", "--no-deps", "--no-build-isolation", "--ignore-installed"]
        pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check", f"--python={python}", "install"]
        env = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        subprocess.run([*pip, *options, str(PACKAGE_ROOT)], check=True, env=env)

    def repo(self, name: str, files: int = 0) -> Repo:
        """Make a repository with one commit of so many small files, all in the worktree."""
        home = self.root / "home"
        home.mkdir(exist_ok=True)
        env = hermetic_environment(home)
        # what a developer of Python sets there (PYTHONDONTWRITEBYTECODE) is not what a user has
        env = {key: value for key, value in env.items() if not key.startswith("PYTHON") or "KEYRING" in key}
        repo = make_repo(self.root / name, env | {"PATH": f"{self.bin}{os.pathsep}{env['PATH']}"})
        changes = (f"M 644 inline {path_of(number)}\n" + _data(f"x = {number}\n") for number in range(files))
        script = f"commit refs/heads/main\ncommitter A <a@example.com> 1700000000 +0000\n{_data('base')}"
        repo.git("fast-import", "--quiet", stdin="".join([script, *changes]).encode())
        repo.git("reset", "-q", "--hard", "main")
        return repo

    def time(self, repo: Repo, *argv: str, env: Mapping[str, str] | None = None) -> float:
        """Run a program in a repository and return how long it took, in milliseconds.

        What it leaves running behind it, as hooks do, is waited for and not counted.
        """
        wait_for, inherited = os.pipe()
        # beyond what the hooks close, and what a shell takes for itself
        held = fcntl.fcntl(inherited, fcntl.F_DUPFD, 100)
        os.close(inherited)
        # git waits until its objects are on the disk, and so for what was written before them
        os.sync()
        with open(self.root / "errors", "wb") as errors:
            began = time.perf_counter_ns()
            process = subprocess.Popen(
                argv,
                cwd=repo.top,
                env={**repo.env, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(held,),
            )
            status = process.wait()
            took = time.perf_counter_ns() - began
        os.close(held)
        os.read(wait_for, 1)
        os.close(wait_for)
        if status:
            said = (self.root / "errors").read_text(errors="backslashreplace")
            raise AssertionError(f"{argv!r} ended with {status}:\n{said}")
        return took / 1e6


def path_of(number: int) -> str:
    """Return the path of the n-th file of a repository."""
    return f"d{number // _FILES_A_DIRECTORY}/f{number}.py"


def _data(text: str) -> str:
    return f"data {len(text.encode())}\n{text}\n"
