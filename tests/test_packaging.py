"""What a wheel and a source archive hold, and where it ends up."""

import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from gittrace.resources import EXTRAS, hooks_dir
from tests.support.repo import PACKAGE_ROOT

HOOKS = sorted(path.name for path in (PACKAGE_ROOT / "hooks").iterdir())
RUNNABLE = {path.name for path in (PACKAGE_ROOT / "hooks").iterdir() if path.stat().st_mode & 0o100}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the wheel and the source archive of this checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "-m", "hatchling", "build", "-d", str(folder)], cwd=PACKAGE_ROOT, check=True)
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


def test_wheel_holds_the_package_and_no_tests(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    package = [name for name in names if ".dist-info/" not in name and ".data/" not in name]
    assert all(name.startswith("gittrace/") for name in package)
    modules = {str(path.relative_to(PACKAGE_ROOT)) for path in (PACKAGE_ROOT / "gittrace").rglob("*.py")}
    assert modules == {name for name in package if name.endswith(".py")}
    assert "gittrace/py.typed" in package


def test_wheel_keeps_the_hooks_runnable(wheel: Path) -> None:
    modes = {item.filename: item.external_attr >> 16 for item in zipfile.ZipFile(wheel).infolist()}
    assert sorted(name.removeprefix("gittrace/hooks/") for name in modes if name.startswith("gittrace/hooks/")) == HOOKS
    assert {name for name in HOOKS if modes[f"gittrace/hooks/{name}"] & 0o100} == RUNNABLE
    assert "post-commit" in RUNNABLE


def test_wheel_puts_the_extras_where_install_extras_does(wheel: Path) -> None:
    configuration = tomllib.loads((PACKAGE_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    shared = configuration["tool"]["hatch"]["build"]["targets"]["wheel"]["shared-data"]
    assert shared == {f"gittrace/doc/{source}": f"share/{place}" for source, place in EXTRAS.items()}
    archive = zipfile.ZipFile(wheel)
    for source, place in EXTRAS.items():
        (name,) = (name for name in archive.namelist() if name.endswith(f".data/data/share/{place}"))
        assert archive.read(name) == (PACKAGE_ROOT / "gittrace/doc" / source).read_bytes()


def test_source_archive_holds_what_is_needed_to_work_on_it(built: Path) -> None:
    (path,) = built.glob("*.tar.gz")
    with tarfile.open(path) as archive:
        modes = {member.name.partition("/")[2]: member.mode for member in archive.getmembers()}
    for name in ("install.sh", ".ci/run", *(f"hooks/{name}" for name in RUNNABLE)):
        assert modes[name] & 0o100, name
    assert {"README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml", "tests/conftest.py"} <= modes.keys()
    assert not [name for name in modes if name.startswith((".git/", ".venv/")) or "__pycache__" in name]


def test_installed_package_finds_its_hooks(wheel: Path, tmp_path: Path) -> None:
    pytest.importorskip("pip")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-index", "--no-deps"]
    subprocess.run([*pip, "--target", str(tmp_path), str(wheel)], check=True, stdin=subprocess.DEVNULL)
    code = "import sys; sys.path.insert(0, sys.argv[1]); from gittrace import resources; print(resources.hooks_dir())"
    argv = [sys.executable, "-I", "-c", code, str(tmp_path)]
    found = subprocess.run(argv, check=True, stdout=subprocess.PIPE, text=True).stdout
    assert Path(found.rstrip("\n")) == tmp_path / "gittrace/hooks"
    installed = {path.name: path for path in (tmp_path / "gittrace/hooks").iterdir()}
    assert sorted(installed) == HOOKS
    assert {name for name, path in installed.items() if path.stat().st_mode & 0o100} == RUNNABLE


def test_checkout_finds_its_hooks() -> None:
    assert Path(hooks_dir()) == PACKAGE_ROOT / "hooks"
