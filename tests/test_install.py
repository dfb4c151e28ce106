"""install.sh in a home of its own, with nothing on PATH but what it needs.

pip takes its build tools and gittrace's dependencies from the environment that runs the tests: no network is needed.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.repo import PACKAGE_ROOT, hermetic_environment

TOOLS = ("git", "env", "cat", "dirname", "grep", "ln", "mkdir", "readlink", "rm", "rmdir", "uname")
SHELLS = {"sh": ("sh",), "dash": ("dash",), "bash": ("bash", "--posix"), "busybox": ("busybox", "sh")}
OLD_PYTHON = "#!/bin/sh\ncase $1 in --version) echo Python 3.9.2 ;; *) exit 1 ;; esac\n"


class Machine:
    """A home, a PATH and a checkout, all with a space in their names."""

    def __init__(self, root: Path) -> None:
        self.home = root / "the home"
        self.bin = root / "the bin"
        self.checkout = root / "the checkout"
        self.home.mkdir()
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            self.program(tool, f'#!/bin/sh\nexec "{found}" "$@"\n')
        skip = shutil.ignore_patterns(".git", ".venv", "__pycache__", "tests", ".*_cache")
        shutil.copytree(PACKAGE_ROOT, self.checkout, ignore=skip)
        site = os.pathsep.join(dict.fromkeys((sysconfig.get_path("purelib"), sysconfig.get_path("platlib"))))
        self.env = hermetic_environment(self.home) | {
            "PATH": f"{self.bin}:/bin:/usr/bin" if sys.platform == "darwin" else str(self.bin),
            "SHELL": "/bin/bash",
            "PYTHONPATH": site,
            "PIP_NO_INDEX": "1",
            "PIP_NO_DEPS": "1",
            # pip reads the value of the option that this switches off
            "PIP_NO_BUILD_ISOLATION": "0",
        }

    def program(self, name: str, text: str) -> None:
        """Put a script on PATH."""
        path = self.bin / name
        path.write_text(text)
        path.chmod(0o755)

    def python(self) -> None:
        """Put on PATH the Python that the environment of the tests was made with."""
        self.program("python3", f'#!/bin/sh\nexec "{os.path.realpath(sys.executable)}" "$@"\n')

    def install(self, *args: str, shell: str = "sh", status: int = 0) -> subprocess.CompletedProcess[str]:
        """Run install.sh from another directory."""
        program, *options = SHELLS[shell]
        argv = [shutil.which(program) or program, *options, str(self.checkout / "install.sh"), *args]
        done = subprocess.run(
            argv, cwd=self.home, env=self.env, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def git_trace(self, *args: str) -> str:
        """Run the installed program through git."""
        env = self.env | {"PATH": f"{self.home}/.local/bin:{self.env['PATH']}"}
        return subprocess.run(
            ["git", "trace", *args], env=env, cwd=self.home, check=True, stdout=subprocess.PIPE, text=True
        ).stdout

    def left(self) -> set[str]:
        """The files in the home, but for the caches of the installers."""
        files = (path.relative_to(self.home) for path in self.home.rglob("*") if not path.is_dir() or path.is_symlink())
        return {str(path) for path in files if path.parts[0] not in (".cache", "Library")}


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_installs_into_an_environment_of_its_own(machine: Machine) -> None:
    machine.python()
    done = machine.install()
    assert f"from the checkout '{machine.checkout}' with venv" in done.stdout
    assert f"""echo 'export PATH="{machine.home}/.local/bin:$PATH"' >>~/.bash""" in done.stdout
    assert machine.git_trace("--version").startswith("git-trace version ")
    assert (machine.home / ".local/share/man/man1/git-trace.1").exists()
    assert (machine.home / ".local/share/bash-completion/completions/git-trace").exists()

    # again, after an update of the checkout
    source = machine.checkout / "gittrace/__init__.py"
    source.write_text(source.read_text().replace('__version__ = "', '__version__ = "9.'))
    machine.env["PATH"] = f"{machine.home}/.local/bin:{machine.env['PATH']}"
    done = machine.install("--no-demo")
    assert "not in PATH" not in done.stdout
    assert machine.git_trace("--version").startswith("git-trace version 9.")

    machine.install("--uninstall")
    assert machine.left() == set()
    assert machine.install("--uninstall", status=128).stderr == "fatal: gittrace is not installed here\n"


def test_leaves_what_others_put_there(machine: Machine) -> None:
    machine.python()
    theirs = machine.home / ".local/bin/git-trace"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    done = machine.install("--no-demo", status=128)
    assert done.stderr.startswith(f"fatal: '{theirs}' is there already")
    assert machine.left() == {".local/bin/git-trace"}
    assert theirs.read_text() == "theirs"


def test_mends_an_environment_whose_python_is_gone(machine: Machine) -> None:
    machine.python()
    machine.install("--no-demo")
    for link in (machine.home / ".local/share/gittrace/venv/bin").glob("python*"):
        link.unlink()
    machine.install("--no-demo")
    assert machine.git_trace("--version").startswith("git-trace version ")


@pytest.mark.parametrize("shell", SHELLS)
def test_without_python_says_what_to_do(machine: Machine, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"there is no {shell} here")
    machine.program("python3", OLD_PYTHON)
    if sys.platform == "darwin":
        machine.program("python", OLD_PYTHON)
    error, *hints = machine.install(shell=shell, status=128).stderr.splitlines()
    assert error == "fatal: Python 3.11 or newer is needed: Python 3.9.2 is too old"
    assert len(hints) == 2
    assert all(hint.startswith("hint: ") for hint in hints)
    assert machine.left() == set()


def test_without_ensurepip_names_the_package(machine: Machine) -> None:
    script = f'#!/bin/sh\ncase $* in *"import ensurepip"*) exit 1 ;; esac\nexec "{sys.executable}" "$@"\n'
    machine.program("python3", script)
    error, hint, *_ = machine.install(status=128).stderr.splitlines()
    assert error == "fatal: 'python3' cannot make a virtual environment: it has no ensurepip"
    major, minor = sys.version_info[:2]
    assert hint == f"hint: on Debian and Ubuntu: sudo apt install python{major}.{minor}-venv"
    assert machine.left() == set()


@pytest.mark.parametrize("version", ["git version 2.33.9", "git version 1.9.1 (Apple Git-50)"])
def test_with_an_old_git_installs_nothing(machine: Machine, version: str) -> None:
    machine.python()
    machine.program("git", f"#!/bin/sh\necho '{version}'\n")
    assert machine.install(status=128).stderr.startswith(f"fatal: '{version}' is too old\n")
    assert machine.left() == set()


def test_away_from_a_checkout_installs_nothing(machine: Machine) -> None:
    machine.python()
    (machine.checkout / "pyproject.toml").write_text('[project]\nname = "other"\n')
    assert machine.install(status=128).stderr.startswith(f"fatal: '{machine.checkout}' is not a checkout")
    assert machine.left() == set()


@pytest.mark.parametrize("args", [("--nonsense",), ("--method", "conda"), ("--method",)])
def test_usage(machine: Machine, args: tuple[str, ...]) -> None:
    assert machine.install(*args, status=129).stderr.startswith("usage: sh install.sh")


@pytest.mark.slow
@pytest.mark.parametrize("tool", ["uv", "pipx"])
def test_installs_with_a_tool_that_is_there(machine: Machine, tool: str) -> None:
    found = shutil.which(tool)
    if not found:
        pytest.skip(f"there is no {tool} here")
    for name in ("PYTHONPATH", "PIP_NO_INDEX", "PIP_NO_DEPS", "PIP_NO_BUILD_ISOLATION"):
        del machine.env[name]
    machine.python()
    machine.program(tool, f'#!/bin/sh\nexec "{found}" "$@"\n')
    for _ in range(2):
        assert f"with {tool}" in machine.install("--no-demo").stdout
    assert machine.git_trace("--version").startswith("git-trace version ")
    machine.install("--uninstall")
    left = [name for name in machine.left() if "git-trace" in name or "gittrace" in name]
    assert all(name.endswith(".lock") for name in left)
