"""`git trace deinit`."""

import subprocess
from pathlib import Path

import pytest

from tests.commands.test_init import listing
from tests.support.repo import Repo, make_repo

CONFIGS = {
    "plain": "",
    "comments": "# mine\n[user]\n\tname = x ; here\n",
    "section": "[trace]\n\t# of the trace\n",
    "value": "[trace]\n\tpush = auto",
    "crlf": "[user]\r\n\tname = x\r\n",
    "hook": '[hook "mine"]\n\tcommand = true\n\tevent = pre-receive\n',
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
def test_everything_is_as_before(config: str, repo: Repo) -> None:
    with (repo.git_dir / "config").open("a", encoding="utf-8", newline="") as file:
        file.write(config)
    hook = repo.git_dir / "hooks/post-commit"
    hook.write_text("#!/bin/sh\n", encoding="utf-8")
    hook.chmod(0o711)
    repo.commit("a", "a\n")
    before = listing(repo)
    repo.trace("init")
    repo.trace("init")
    said = repo.trace("deinit")
    assert listing(repo) == before
    assert f"removing '{repo.git_dir}/trace'\n" in said
    assert repo.trace("deinit") == "nothing to undo\n"


def test_later_edits_of_the_configuration_survive(repo: Repo) -> None:
    before = (repo.git_dir / "config").read_bytes()
    repo.trace("init")
    repo.git("remote", "add", "origin", "https://example.com/x.git")
    repo.trace("init")
    repo.trace("deinit")
    repo.git("remote", "remove", "origin")
    assert (repo.git_dir / "config").read_bytes() == before


def test_dry_run(repo: Repo) -> None:
    repo.trace("init")
    before = listing(repo)
    planned = repo.trace("deinit", "--dry-run")
    assert listing(repo) == before
    done = repo.trace("deinit")
    assert planned == done.replace("removing ", "would remove ").replace("restoring ", "would restore ")


def record(repo: Repo) -> None:
    """Leave what recording leaves."""
    commit = repo.commit("a", "a\n")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    repo.git("update-ref", "refs/trace/8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00", tree)
    repo.git("notes", "--ref=trace", "add", "-m", "x", commit)
    repo.git("update-ref", "refs/notes/trace-remotes/origin/0123456789ab", "refs/notes/trace")
    repo.git("notes", "--ref=traces", "add", "-m", "another's", commit)
    (repo.git_dir / "trace/sessions/0d2f0a6e-51a5-4d2b-9a53-5b8c1c9b3f60.jsonl").write_text("{}\n", encoding="utf-8")


def trace_refs(repo: Repo) -> list[str]:
    return repo.git("for-each-ref", "--format=%(refname)", "refs/trace", "refs/notes").split()


def test_what_was_recorded_stays(repo: Repo) -> None:
    repo.trace("init")
    record(repo)
    refs = trace_refs(repo)
    said = repo.trace("deinit")
    assert "keeping 3 refs with what was recorded\n" in said
    assert "keeping 1 journal in '" in said
    assert trace_refs(repo) == refs
    assert [path.name for path in (repo.git_dir / "trace").iterdir()] == ["sessions"]
    repo.trace("init")
    assert (repo.git_dir / "trace/hooks/post-commit").exists()


def test_purge(repo: Repo) -> None:
    repo.trace("init")
    record(repo)
    said = repo.trace("deinit", "--purge", "--dry-run")
    assert "would delete 'refs/notes/trace'\n" in said
    assert len(trace_refs(repo)) == 4
    repo.trace("deinit", "--purge")
    assert trace_refs(repo) == ["refs/notes/traces"], "other notes are not ours"
    assert not (repo.git_dir / "trace").exists()
    left = sorted(path.relative_to(repo.git_dir).as_posix() for path in repo.git_dir.rglob("trace*"))
    assert left == ["logs/refs/notes/traces", "refs/notes/traces"]


def test_purge_of_what_a_killed_fetch_left(repo: Repo) -> None:
    repo.trace("init")
    record(repo)
    for folder in ("refs/trace-incoming/", "refs/trace-here/"):
        repo.git("update-ref", f"{folder}0123456789ab/8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00", "HEAD")
    repo.trace("deinit", "--purge")
    assert "trace-" not in repo.git("for-each-ref")
    assert list(repo.git_dir.glob("refs/trace*")) == []


def _killed(pack: Path) -> list[Path]:
    """Leave in a folder of packs what a process leaves that is killed while it keeps objects; return these paths."""
    process = subprocess.Popen(["true"])
    process.wait()
    folder, keep = pack / f"gittrace-{process.pid}", pack / f"pack-{'1' * 40}.keep"
    folder.mkdir(parents=True)
    (folder / "pack-1.pack").touch()
    keep.write_text(f"gittrace {process.pid}\n", encoding="ascii")
    return [folder, keep]


def test_purge_of_what_a_killed_process_kept(repo: Repo, tmp_path: Path) -> None:
    repo.commit("base", "base\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked", repo.env)
    repo.git("clone", "-q", "--shared", str(repo.top), str(tmp_path / "clone"))
    clone = Repo(tmp_path / "clone", repo.env)
    pack = repo.git_dir / "objects/pack"
    left = _killed(pack)
    fetched = pack / f"pack-{'2' * 40}.keep"
    fetched.write_text("fetch-pack 1 on here\n", encoding="ascii")
    clone.trace("deinit", "--purge")
    assert all(path.exists() for path in left), "objects that were borrowed are another's"
    for command in (("--purge", "--dry-run"), ("--purge",)):
        assert all(path.exists() for path in left)
        said = linked.trace("deinit", *command)
        assert all(f"'{path}'\n" in said for path in left)
    assert list(pack.iterdir()) == [fetched]
    assert repo.trace("deinit", "--purge") == "nothing to undo\n"


@pytest.mark.parametrize("command", [("deinit", "--purge"), ("gc",)])
def test_no_folder_of_packs(repo: Repo, command: tuple[str, ...]) -> None:
    repo.trace("init")
    (repo.git_dir / "objects/pack").rmdir()
    repo.trace(*command)


def test_purge_after_deinit(repo: Repo) -> None:
    repo.trace("init")
    record(repo)
    repo.git("pack-refs", "--all")
    repo.trace("deinit")
    repo.trace("deinit", "--purge")
    assert trace_refs(repo) == ["refs/notes/traces"]
    assert not (repo.git_dir / "trace").exists()


def test_an_active_session_anywhere(repo: Repo, tmp_path: Path) -> None:
    repo.commit("base", "base\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "linked"))
    linked = Repo(tmp_path / "linked", repo.env)
    linked.trace("init")
    active = linked.git_dir / "trace/active"
    active.write_text("0d2f0a6e-51a5-4d2b-9a53-5b8c1c9b3f60 8a3c3a52-3b7e-4d70-8c1e-2f4f5f9f6f00\n", encoding="utf-8")
    before = listing(repo)
    repo.trace("deinit", status=128)
    assert f"a session is active in '{linked.top}'" in repo.errors
    assert listing(repo) == before
    repo.trace("deinit", "--force")
    assert not active.exists()
    assert not (linked.git_dir / "trace").exists()


def test_never_initialized(repo: Repo, tmp_path: Path) -> None:
    before = listing(repo)
    assert repo.trace("deinit") == "nothing to undo\n"
    assert listing(repo) == before
    other = make_repo(tmp_path / "sha256", repo.env, "sha256")
    assert other.trace("deinit", "--purge") == "nothing to undo\n"
