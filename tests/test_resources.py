"""The manual page and completions as `git trace install-extras` installs them."""

from pathlib import Path

import pytest

from gittrace.resources import EXTRAS, install_extras, remove_extras, user_share
from tests.support.repo import PACKAGE_ROOT, Repo


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}


def test_installs_everything_once(tmp_path: Path) -> None:
    written = install_extras(str(tmp_path))
    assert written == [str(tmp_path / place) for place in EXTRAS.values()]
    assert files_below(tmp_path) == set(EXTRAS.values())
    for source, place in EXTRAS.items():
        assert (tmp_path / place).read_bytes() == (PACKAGE_ROOT / "gittrace/doc" / source).read_bytes()
    assert install_extras(str(tmp_path)) == []


def test_replaces_an_older_version(tmp_path: Path) -> None:
    install_extras(str(tmp_path))
    page = tmp_path / EXTRAS["git-trace.1"]
    page.write_text("old")
    assert install_extras(str(tmp_path)) == [str(page)]
    assert page.read_text() != "old"


def test_removes_its_files_and_leaves_those_of_others(tmp_path: Path) -> None:
    install_extras(str(tmp_path))
    other = tmp_path / "man/man1/other.1"
    other.write_text("")
    assert len(remove_extras(str(tmp_path))) == len(EXTRAS)
    assert [path for path in tmp_path.rglob("*") if not path.is_dir()] == [other]
    assert {path.name for path in tmp_path.iterdir()} == {"man"}
    assert remove_extras(str(tmp_path)) == []


def test_leaves_links_alone(tmp_path: Path) -> None:
    page = tmp_path / EXTRAS["git-trace.1"]
    page.parent.mkdir(parents=True)
    page.symlink_to(PACKAGE_ROOT / "gittrace/doc/git-trace.1")
    assert str(page) not in install_extras(str(tmp_path))
    remove_extras(str(tmp_path))
    assert page.is_symlink()


def test_share_folder_is_the_users(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_DATA_HOME", "/elsewhere")
    assert user_share() == "/elsewhere"
    for unusable in ("", "relative/path"):
        monkeypatch.setenv("XDG_DATA_HOME", unusable)
        assert user_share() == str(tmp_path / ".local/share")


def test_command_tells_what_it_did(repo: Repo, home: Path) -> None:
    share = home / ".local/share"
    assert f"wrote '{share}/man/man1/git-trace.1'" in repo.trace("install-extras")
    assert repo.trace("install-extras") == ""
    assert f"removed '{share}/man/man1/git-trace.1'" in repo.trace("install-extras", "--uninstall")
    assert files_below(home) == set()


def test_command_says_what_it_cannot_write(repo: Repo, home: Path) -> None:
    (home / ".local").write_text("a file where a folder should be")
    repo.trace("install-extras", status=128)
    assert repo.errors.startswith(f"fatal: '{home}/.local/share/man")
