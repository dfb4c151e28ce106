"""What each operation of git leaves in the journal and among the rewrites."""

import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from gittrace.git import hooks
from gittrace.journal.read import read
from tests.hooks.conftest import SESSION, Recorded, Sealer, open_repository
from tests.support.repo import Repo, make_repo


def branch(repo: Repo, name: str, *files: str) -> None:
    """Make a branch with a commit a file, and return to main."""
    repo.git("checkout", "-q", "-b", name)
    for file in files:
        repo.commit(file, f"{file} of {name}\n")
    repo.git("checkout", "-q", "main")


def operation_commit(repo: Repo, recorded: Recorded) -> None:
    recorded.begin()
    repo.commit("a", "a\n")


def operation_amend(repo: Repo, recorded: Recorded) -> None:
    recorded.begin()
    repo.git("commit", "-q", "--amend", "-m", "other words")


def operation_merge(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b")
    recorded.begin()
    repo.git("merge", "-q", "--no-ff", "--no-edit", "side")


def operation_fast_forward(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b")
    recorded.begin()
    repo.git("merge", "-q", "--ff-only", "side")


def operation_conflict(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b")
    repo.commit("b", "ours\n")
    recorded.begin()
    repo.git("merge", "-q", "side", status=1)
    repo.write("b", "both\n")
    repo.git("commit", "-q", "-a", "--no-edit")


def operation_squash(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b", "c")
    recorded.begin()
    repo.git("merge", "-q", "--squash", "side")
    repo.git("commit", "-q", "-m", "squashed")


def _rebase(repo: Repo, recorded: Recorded, *args: str, **env: str) -> None:
    branch(repo, "side", "b", "c")
    repo.commit("a", "a\n")
    repo.git("checkout", "-q", "side")
    recorded.begin()
    repo.git("rebase", "-q", *args, "main", env=env)


def operation_rebase_merge(repo: Repo, recorded: Recorded) -> None:
    _rebase(repo, recorded, "--merge")


def operation_rebase_apply(repo: Repo, recorded: Recorded) -> None:
    _rebase(repo, recorded, "--apply")


def operation_rebase_squash(repo: Repo, recorded: Recorded) -> None:
    _rebase(repo, recorded, "-i", GIT_SEQUENCE_EDITOR="sed -i.bak -e 2s/pick/squash/", GIT_EDITOR="true")


def operation_rebase_abort(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b", "a")
    repo.commit("a", "a\n")
    repo.git("checkout", "-q", "side")
    recorded.begin()
    repo.git("rebase", "-q", "main", status=1)
    repo.git("rebase", "--abort")


def operation_cherry_pick(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b")
    recorded.begin()
    repo.git("cherry-pick", "side")


def operation_cherry_pick_many(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b", "c")
    recorded.begin()
    repo.git("cherry-pick", "main..side")


def operation_revert(repo: Repo, recorded: Recorded) -> None:
    repo.commit("b", "b\n")
    recorded.begin()
    repo.git("revert", "--no-edit", "HEAD")


def operation_am(repo: Repo, recorded: Recorded) -> None:
    branch(repo, "side", "b")
    mail = repo.git("format-patch", "--stdout", "main..side")
    recorded.begin()
    repo.git("am", "-q", stdin=mail.encode())


def operation_stash_and_reset(repo: Repo, recorded: Recorded) -> None:
    recorded.begin()
    repo.write("base", "changed\n")
    repo.git("stash", "-q")
    repo.git("stash", "pop", "-q")
    repo.git("reset", "-q", "--hard")


# operation: marks, causes of rewrites, how often the sealer starts; table "Hooks" of what git does
OPERATIONS: dict[Callable[[Repo, Recorded], None], tuple[list[str], list[str], int]] = {
    operation_commit: (["post-commit"], [], 1),
    operation_amend: (["post-commit"], ["amend"], 2),
    operation_merge: (["post-merge 0"], [], 1),
    operation_fast_forward: (["post-merge 0"], [], 1),
    operation_conflict: (["post-commit"], [], 1),
    operation_squash: (["post-merge 1", "post-commit"], [], 2),
    operation_rebase_merge: (["post-commit"] * 2, ["rebase"] * 2, 1),
    operation_rebase_apply: ([], ["rebase"] * 2, 1),
    operation_rebase_squash: (["post-commit"] * 2, ["amend", "rebase", "rebase"], 1),
    operation_rebase_abort: (["post-commit"], [], 0),
    operation_cherry_pick: (["post-commit"], [], 1),
    operation_cherry_pick_many: (["post-commit"] * 2, [], 0),
    operation_revert: (["post-commit"], [], 1),
    operation_am: ([], [], 0),
    operation_stash_and_reset: ([], [], 0),
}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda f: f.__name__.removeprefix("operation_"))
def test_operations(operation: Callable[[Repo, Recorded], None], recorded: Recorded, sealer: Sealer) -> None:
    repo = recorded.repo
    recorded.pause()
    operation(repo, recorded)
    marks, causes, seals = OPERATIONS[operation]
    assert [f"{m['hook']} {m['squash']}" if "squash" in m else m["hook"] for m in recorded.marks()] == marks
    assert [pair[0] for pair in recorded.pairs()] == causes
    sealer.started(seals)
    assert sealer.settled() == seals
    if marks and "head" in recorded.marks()[-1] and operation is not operation_rebase_abort:
        assert recorded.marks()[-1]["head"] == repo.git("rev-parse", "HEAD")


def test_a_rebase_names_its_onto_and_its_pairs(recorded: Recorded) -> None:
    repo = recorded.repo
    branch(repo, "side", "b", "c")
    onto = repo.commit("a", "a\n")
    old = repo.git("rev-list", "--reverse", "main..side").split()
    repo.git("rebase", "-q", "main", "side")
    new = repo.git("rev-list", "--reverse", "main..side").split()
    assert recorded.pairs() == [["rebase", onto, o, n] for o, n in zip(old, new, strict=True)]


def test_an_amend_has_no_onto_and_needs_no_session(recorded: Recorded, sealer: Sealer) -> None:
    repo = recorded.repo
    recorded.active.unlink()
    old = repo.git("rev-parse", "HEAD")
    repo.git("commit", "-q", "--amend", "-m", "again")
    assert recorded.pairs() == [["amend", "-", old, repo.git("rev-parse", "HEAD")]]
    assert recorded.marks() == []
    sealer.started(1)


def test_nothing_happens_without_a_session(recorded: Recorded, sealer: Sealer) -> None:
    recorded.active.unlink()
    recorded.repo.commit("a", "a\n")
    assert recorded.marks() == []
    assert sealer.settled() == 0


def test_a_session_whose_journal_is_gone_is_not_written_anew(recorded: Recorded) -> None:
    recorded.journal.unlink()
    recorded.repo.commit("a", "a\n")
    assert not recorded.journal.exists()


def test_a_torn_line_stays_apart(recorded: Recorded) -> None:
    recorded.journal.write_bytes(b'{"kind":"command","id":')
    head = recorded.repo.commit("a", "a\n")
    found = read(str(recorded.journal))
    assert [mark["head"] for mark in found.marks] == [head]
    assert len(found.damaged) == 1


def test_detached_head_and_packed_refs(recorded: Recorded) -> None:
    repo = recorded.repo
    repo.git("pack-refs", "--all")
    one = repo.commit("a", "a\n")
    repo.git("checkout", "-q", "--detach")
    two = repo.commit("b", "b\n")
    assert [mark["head"] for mark in recorded.marks()] == [one, two]


def test_a_symbolic_branch_leaves_the_head_out(recorded: Recorded) -> None:
    repo = recorded.repo
    repo.git("symbolic-ref", "refs/heads/alias", "refs/heads/main")
    repo.git("symbolic-ref", "HEAD", "refs/heads/alias")
    repo.commit("a", "a\n")
    assert recorded.marks() == [{"kind": "hook", "hook": "post-commit"}]


def test_sha256(tmp_path: Path, repo: Repo, sealer: Sealer, files_only: None) -> None:
    other = make_repo(tmp_path / "sha256", repo.env, "sha256")
    hooks.install(open_repository(other), str(sealer.path))
    recorded = Recorded(other)
    assert other.commit("first", "unborn before\n") == recorded.marks()[0]["head"]
    assert len(recorded.marks()[0]["head"]) == 64


@pytest.mark.parametrize("name", ["with space", 'it\'s "quoted"', "line\nfeed", "-dash", "caf\u00e9 $HOME `x` *"])
def test_odd_repository_paths(name: str, tmp_path: Path, repo: Repo, sealer: Sealer, files_only: None) -> None:
    odd = make_repo(tmp_path / name, repo.env)
    hooks.install(open_repository(odd), str(sealer.path))
    recorded = Recorded(odd)
    head = odd.commit("a", "a\n")
    assert [mark["head"] for mark in recorded.marks()] == [head]
    assert sealer.started(1)[0][0] == "seal --detached"


def test_from_elsewhere(recorded: Recorded, tmp_path: Path) -> None:
    repo = recorded.repo
    repo.write("sub/a", "a\n")
    repo.git("add", "sub")
    repo.run("git", "commit", "-q", "-m", "in a subdirectory", cwd=repo.top / "sub")
    repo.run("git", "-C", str(repo.top), "commit", "-q", "--allow-empty", "-m", "with -C", cwd=tmp_path)
    place = {"GIT_DIR": str(repo.top / ".git"), "GIT_WORK_TREE": str(repo.top)}
    repo.run("git", "commit", "-q", "--allow-empty", "-m", "with GIT_DIR", env=place, cwd=tmp_path)
    repo.run("git", "commit", "-q", "--allow-empty", "-m", "relative", env={"GIT_DIR": "../.git"}, cwd=repo.top / "sub")
    assert len(recorded.marks()) == 4


def test_worktrees_have_sessions_of_their_own(recorded: Recorded, tmp_path: Path, sealer: Sealer) -> None:
    linked = Repo(tmp_path / "linked", recorded.repo.env)
    recorded.repo.git("worktree", "add", "-q", str(linked.top))
    linked.commit("unrecorded", "the session is the main worktree's\n")
    assert recorded.marks() == []
    other = Recorded(linked)
    head = linked.commit("a", "a\n")
    assert [mark["head"] for mark in other.marks()] == [head]
    [(args, cwd, git_dir)] = sealer.started(1)
    assert (args, cwd, git_dir) == ("seal --detached", str(linked.top), str(linked.git_dir))
    linked.git("commit", "-q", "--amend", "-m", "again")
    assert len(recorded.pairs()) == 1, "rewrites are the repository's"


def test_submodule(recorded: Recorded, tmp_path: Path, sealer: Sealer) -> None:
    library = make_repo(tmp_path / "library", recorded.repo.env)
    library.commit("a", "a\n")
    main = recorded.repo
    main.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(library.top), "library")
    module = Repo(main.top / "library", main.env)
    module.commit("b", "not recorded\n")
    module.git("commit", "-q", "--amend", "-m", "not recorded")
    assert recorded.marks() == []
    assert recorded.pairs() == []
    hooks.install(open_repository(module), str(sealer.path))
    inner = Recorded(module)
    head = module.commit("c", "c\n")
    assert [mark["head"] for mark in inner.marks()] == [head]
    assert recorded.marks() == []


def test_a_program_that_runs_hooks_without_git_dir(recorded: Recorded, tmp_path: Path) -> None:
    linked = Repo(tmp_path / "linked", recorded.repo.env)
    recorded.repo.git("worktree", "add", "-q", str(linked.top))
    other = Recorded(linked)
    linked.run(str(recorded.repo.top / ".git/hooks/post-commit"))
    assert [mark["head"] for mark in other.marks()] == [linked.git("rev-parse", "HEAD")]


def test_a_moved_repository_goes_on(recorded: Recorded, tmp_path: Path) -> None:
    recorded.repo.top.rename(tmp_path / "moved")
    moved = Recorded(Repo(tmp_path / "moved", recorded.repo.env))
    moved.repo.commit("a", "a\n")
    assert len(moved.marks()) == 1


def test_a_missing_program_is_no_error(repo: Repo, tmp_path: Path, files_only: None) -> None:
    hooks.install(open_repository(repo), str(tmp_path / "gone/git-trace"))
    recorded = Recorded(repo)
    path = os.path.dirname(subprocess.check_output(["sh", "-c", "command -v git"], text=True))
    repo.write("a", "a\n")
    repo.git("add", "a")
    repo.git("commit", "-q", "-m", "a", env={"PATH": f"{path}:/usr/bin:/bin"})
    assert repo.errors == ""
    assert len(recorded.marks()) == 1


def test_git_does_not_wait_for_the_sealer(recorded: Recorded, sealer: Sealer) -> None:
    sealer.path.write_text(f"#!/bin/sh\nsleep 3\necho late >>'{sealer.log}'\n", encoding="utf-8")
    began = time.monotonic()
    # the reader of a pipe ends when the last writer does; 3 is what test runners such as bats wait for
    recorded.repo.run("sh", "-c", "{ git commit -q --allow-empty -m a 3>&1 2>&1; } | cat")
    assert time.monotonic() - began < 2
    sealer.started(1)


def test_hooks_print_nothing_when_they_can_do_nothing(recorded: Recorded, sealer: Sealer) -> None:
    repo = recorded.repo
    recorded.active.write_text("", encoding="utf-8")
    repo.commit("a", "a\n")
    assert repo.errors == ""
    recorded.active.write_text(f"{SESSION} x\n", encoding="utf-8")
    recorded.journal.unlink()
    recorded.journal.mkdir()
    recorded.rewrites.mkdir()
    repo.git("commit", "-q", "--amend", "-m", "again")
    assert repo.errors == ""


def test_a_push_has_work_sealed_and_is_never_refused(recorded: Recorded, sealer: Sealer, tmp_path: Path) -> None:
    repo = recorded.repo
    repo.git("init", "-q", "--bare", str(tmp_path / "remote"))
    repo.git("branch", "-q", "many")
    sealer.path.unlink()
    repo.git("push", "-q", str(tmp_path / "remote"), "main", "many")
    repo.git("push", "-q", str(tmp_path / "remote"), "main", "many")
    assert repo.errors == ""


def test_sealing_in_the_foreground(repo: Repo, sealer: Sealer, files_only: None) -> None:
    hooks.install(open_repository(repo), str(sealer.path), wait=True)
    Recorded(repo)
    repo.commit("a", "a\n")
    assert sealer.log.read_text(encoding="utf-8").startswith("seal|"), "git waited for it"
