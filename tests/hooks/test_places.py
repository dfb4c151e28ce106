"""Where hooks are: `core.hooksPath` in all its forms."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from gittrace.git import hooks
from gittrace.git.hook_places import REGISTRY
from gittrace.vocabulary import HOOK_NAMES
from tests.hooks.conftest import Recorded, Sealer, open_repository
from tests.support.repo import Repo, make_repo

pytestmark = pytest.mark.usefixtures("files_only")

Script = Callable[..., Path]


def install(repo: Repo, sealer: Sealer) -> hooks.Report:
    return hooks.install(open_repository(repo), str(sealer.path))


@pytest.mark.parametrize("path", [".githooks", "tools/[odd] hooks!", "{top}/absolute", "sp ace\u00e9"])
def test_in_the_worktree(path: str, repo: Repo, sealer: Sealer, script: Script) -> None:
    path = path.format(top=repo.top)
    repo.git("config", "core.hooksPath", path)
    own = script(repo.top / path / "post-merge", "#!/bin/sh\n# the project's\n").read_bytes()
    repo.git("add", ".")
    repo.git("commit", "-q", "-m", "base")
    excluded = (repo.git_dir / "info/exclude").read_bytes()
    report = install(repo, sealer)
    assert report.directory == str(repo.top / path)
    [problem] = report.problems
    assert problem.name == "post-merge"
    assert "file of the project" in problem.problem
    assert repo.git("status", "--porcelain") == ""
    recorded = Recorded(repo)
    repo.git("commit", "-q", "--allow-empty", "-m", "a")
    assert len(recorded.marks()) == 1
    install(repo, sealer)
    hooks.uninstall(open_repository(repo))
    assert (repo.git_dir / "info/exclude").read_bytes() == excluded
    assert repo.git("status", "--porcelain") == ""
    assert [entry.name for entry in (repo.top / path).iterdir()] == ["post-merge"]
    assert (repo.top / path / "post-merge").read_bytes() == own


def test_a_hook_that_is_yet_to_be_added_is_left_alone(repo: Repo, sealer: Sealer, script: Script) -> None:
    repo.git("config", "core.hooksPath", "hooks")
    script(repo.top / "hooks/post-commit", "#!/bin/sh\n")
    assert [hook.name for hook in install(repo, sealer).problems] == ["post-commit"]
    assert repo.git("status", "--porcelain") == "?? hooks/"


def test_an_ignored_hook_is_chained(repo: Repo, sealer: Sealer, script: Script, tmp_path: Path) -> None:
    repo.commit(".gitignore", "hooks/\n")
    repo.git("config", "core.hooksPath", "hooks")
    script(repo.top / "hooks/post-commit", f"#!/bin/sh\necho ran >>'{tmp_path}/ran'\n")
    install(repo, sealer)
    recorded = Recorded(repo)
    repo.commit("a", "a\n")
    assert (tmp_path / "ran").exists()
    assert len(recorded.marks()) == 1
    assert repo.git("status", "--porcelain") == ""


def test_others_edits_of_exclude_survive(repo: Repo, sealer: Sealer) -> None:
    repo.git("config", "core.hooksPath", "hooks")
    install(repo, sealer)
    exclude = repo.git_dir / "info/exclude"
    before = exclude.read_bytes()
    assert b"/hooks/post-commit\n" in before
    with exclude.open("ab") as file:
        file.write(b"*.mine\n")
    hooks.uninstall(open_repository(repo))
    assert exclude.read_bytes().endswith(b"*.mine\n")
    assert b"/hooks/" not in exclude.read_bytes()
    assert not (repo.top / "hooks").exists(), "it was made by install"


def test_a_shared_directory(
    repo: Repo, sealer: Sealer, home: Path, tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = script(home / "my hooks/post-commit", f"#!/bin/sh\necho ran >>'{tmp_path}/ran'\n").read_bytes()
    config = home / ".gitconfig"
    config.write_text("[core]\n\thooksPath = ~/my hooks\n", encoding="utf-8")
    monkeypatch.setenv("HOME", str(home))
    other, stranger = (make_repo(tmp_path / name, repo.env) for name in ("other", "stranger"))
    for each in (repo, other):
        assert install(each, sealer).directory == str(home / "my hooks")
    marks = [Recorded(each) for each in (repo, other, stranger)]
    for recorded in marks:
        recorded.repo.commit("a", "a\n")
    assert [len(recorded.marks()) for recorded in marks] == [1, 1, 0]
    assert (tmp_path / "ran").read_text() == "ran\n" * 3
    removal = hooks.uninstall(open_repository(repo))
    assert str(other.top) in removal.kept[0]
    for recorded in marks:
        recorded.repo.commit("b", "b\n")
    assert [len(recorded.marks()) for recorded in marks] == [1, 2, 0]
    assert hooks.uninstall(open_repository(other)).kept == []
    assert [path.name for path in (home / "my hooks").iterdir()] == ["post-commit"]
    assert (home / "my hooks/post-commit").read_bytes() == own


def test_repositories_that_are_gone_hold_nothing_back(repo: Repo, sealer: Sealer, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    repo.git("config", "core.hooksPath", str(shared))
    install(repo, sealer)
    with (shared / REGISTRY).open("ab") as file:
        file.write(os.fsencode(tmp_path / "gone") + b"\0")
    assert hooks.uninstall(open_repository(repo)).kept == []
    assert list(shared.iterdir()) == []


@pytest.mark.parametrize("place", ["/dev/null", "/dev/null/hooks"])
def test_no_place_for_hooks(place: str, repo: Repo, sealer: Sealer) -> None:
    repo.git("config", "core.hooksPath", place)
    report = install(repo, sealer)
    assert [hook.how for hook in report.hooks] == [""] * 4
    assert all(hook.problem for hook in report.hooks)
    hooks.uninstall(open_repository(repo))


def test_a_directory_in_the_way(repo: Repo, sealer: Sealer) -> None:
    (repo.top / ".git/hooks/post-merge").mkdir()
    [problem] = install(repo, sealer).problems
    assert (problem.name, problem.how) == ("post-merge", "")


def test_no_hooks_directory(repo: Repo, sealer: Sealer) -> None:
    for path in (repo.top / ".git/hooks").iterdir():
        path.unlink()
    (repo.top / ".git/hooks").rmdir()
    assert install(repo, sealer).problems == ()
    hooks.uninstall(open_repository(repo))
    assert not (repo.top / ".git/hooks").exists()


def test_each_worktree_has_its_relative_hooks_path(repo: Repo, sealer: Sealer, tmp_path: Path) -> None:
    repo.commit("base", "base\n")
    repo.git("config", "core.hooksPath", ".githooks")
    install(repo, sealer)
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked", repo.env)
    assert [hook.how for hook in hooks.status(open_repository(linked)).hooks] == [""] * 4
    assert install(linked, sealer).problems == ()
    assert linked.git("status", "--porcelain") == ""
    hooks.uninstall(open_repository(repo))
    assert not (linked.top / ".githooks").exists()
    assert not (repo.top / ".githooks").exists()


def test_uninstall_says_what_it_would_do_and_does_it(repo: Repo, sealer: Sealer, script: Script) -> None:
    hook = script(repo.top / ".git/hooks/post-commit", "#!/bin/sh\n")
    os.utime(hook, ns=(10**18, 10**18))
    inode = hook.stat().st_ino
    install(repo, sealer)
    listing = sorted(map(str, repo.git_dir.rglob("*")))
    planned = hooks.uninstall(open_repository(repo), dry_run=True)
    assert sorted(map(str, repo.git_dir.rglob("*"))) == listing
    done = hooks.uninstall(open_repository(repo))
    assert done == planned
    assert len([path for path in done.removed if os.path.basename(path) in HOOK_NAMES]) == 4
    assert done.restored == [str(hook)]
    assert (hook.stat().st_mtime_ns, hook.stat().st_ino) == (10**18, inode)
