"""What HEAD's reflog says since a position, whatever was expired in between."""

from pathlib import Path

import pytest

from gittrace.git import reflog
from tests.support.recording import view
from tests.support.repo import Repo

PAST = {"GIT_COMMITTER_DATE": "1999-01-01T00:00:00Z"}


def messages(repo: Repo, seen: list[str]) -> list[str]:
    """Return what happened since a position, which must still be there."""
    moves = reflog.since(view(repo), seen)
    assert moves.complete
    return [entry.message for entry in moves.entries]


def test_entries(repo: Repo) -> None:
    assert reflog.position(view(repo)) == []
    first = repo.commit("a", "1\n", "one")
    second = repo.commit("a", "2\n", "two: \x01 words")
    moves = reflog.since(view(repo), [])
    assert moves.complete
    one, two = moves.entries
    assert (one.oid, one.parents, one.message) == (first, (), "commit (initial): one")
    assert (two.oid, two.parents) == (second, (first,))
    assert two.tree == repo.git("rev-parse", f"{second}^{{tree}}")
    assert two.message == "commit: two: \x01 words"
    assert abs(two.time - int(repo.git("log", "-1", "--format=%ct"))) <= 1


@pytest.mark.parametrize("count", [0, 1, 5, 31, 32, 40, 300])
def test_since_a_position(repo: Repo, count: int) -> None:
    tips = [repo.commit("a", f"{number}\n") for number in range(2)]
    here = reflog.position(view(repo))
    log = repo.git_dir / "logs/HEAD"
    with log.open("a") as file:
        for number in range(count):
            file.write(f"{tips[-1]} {tips[number % 2]} A <a@example.com> 1700000000 +0000\tmove {number}\n")
    assert messages(repo, here) == [f"move {number}" for number in range(count)]


def test_dates_say_nothing(repo: Repo) -> None:
    repo.commit("a", "1\n")
    here = reflog.position(view(repo))
    repo.git("commit", "-q", "--allow-empty", "-m", "old", env=PAST)
    repo.git("commit", "-q", "--allow-empty", "-m", "new")
    repo.git("commit", "-q", "--allow-empty", "-m", "older", env=PAST)
    assert messages(repo, here) == ["commit: old", "commit: new", "commit: older"]


def test_to_and_fro_within_a_second(repo: Repo) -> None:
    tip = repo.commit("a", "1\n", "one")
    repo.commit("a", "2\n", "two")
    here = reflog.position(view(repo))
    for _ in range(2):
        repo.git("reset", "-q", "--hard", tip)
        repo.git("reset", "-q", "--hard", "HEAD@{1}")
    assert len(messages(repo, here)) == 4


def test_a_position_that_was_expired(repo: Repo) -> None:
    for number in range(4):
        repo.commit("a", f"{number}\n")
    here = reflog.position(view(repo))
    repo.git("reflog", "expire", "--expire=now", "--all")
    assert reflog.since(view(repo), here) == reflog.Movements((), False)
    repo.commit("a", "new\n", "new")
    moves = reflog.since(view(repo), here)
    assert (moves.complete, [entry.message for entry in moves.entries]) == (False, ["commit: new"])


def test_older_entries_that_were_expired(repo: Repo) -> None:
    for number in range(4):
        repo.commit("a", f"{number}\n")
    here = reflog.position(view(repo))
    log = repo.git_dir / "logs/HEAD"
    log.write_text(log.read_text().splitlines(keepends=True)[-1])
    repo.commit("a", "new\n", "new")
    assert messages(repo, here) == ["commit: new"]


def test_without_a_reflog(repo: Repo) -> None:
    repo.git("config", "core.logAllRefUpdates", "false")
    repo.commit("a", "1\n")
    assert reflog.position(view(repo)) == []
    assert reflog.since(view(repo), []) == reflog.Movements((), True)


def test_a_linked_worktree_has_its_own(repo: Repo, tmp_path: Path) -> None:
    repo.commit("a", "1\n")
    repo.git("worktree", "add", "-q", str(tmp_path / "side"))
    side = Repo(tmp_path / "side", repo.env)
    here = reflog.position(view(side))
    repo.commit("a", "2\n")
    assert messages(side, here) == []
    side.commit("a", "3\n", "side")
    assert messages(side, here) == ["commit: side"]


def test_configuration_changes_nothing(repo: Repo) -> None:
    repo.commit("a", "1\n", "one")
    before = reflog.position(view(repo))
    for key, value in {
        "log.date": "relative",
        "log.showSignature": "true",
        "log.decorate": "full",
        "color.ui": "always",
        "format.pretty": "oneline",
        "log.follow": "true",
    }.items():
        repo.git("config", key, value)
    assert reflog.position(view(repo)) == before
    assert messages(repo, before) == []
