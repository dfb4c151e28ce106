"""What a user who commits and rebases waits for: hooks, with and without a session."""

from collections.abc import Callable

from tests.perf.lab import Lab, path_of
from tests.perf.measure import Row, Run, in_turn, over
from tests.support.repo import Repo


def _bare(repo: Repo) -> None:
    """Have no hook."""


def _empty_hook(repo: Repo) -> None:
    repo.write(".git/hooks/post-commit", "#!/bin/sh\n", 0o755)


def _hooks(repo: Repo) -> None:
    repo.git("trace", "init")


def _session(repo: Repo) -> None:
    repo.git("trace", "start")


def measure_commit(lab: Lab) -> list[Row]:
    """`git commit` of one file in a repository of 1,000."""
    kinds: tuple[Callable[[Repo], None], ...] = (_bare, _empty_hook, _hooks, _session)
    runs = [_committer(lab, f"commit-{number}", prepare) for number, prepare in enumerate(kinds)]
    bare, empty, hooks, session = in_turn(lab.repeat(60), *runs)
    return [
        over("git commit, an empty hook in sh, over no hooks", empty, bare, None),
        over("git commit, no session, over no hooks", hooks, bare, 2),
        over("git commit, in a session, over no hooks", session, bare, 5),
    ]


def _committer(lab: Lab, name: str, prepare: Callable[[Repo], None]) -> Run:
    repo = lab.repo(name, lab.pick(10, 1_000, 1_000))
    prepare(repo)
    count = 0

    def run() -> float:
        nonlocal count
        count += 1
        repo.write(path_of(count % 10), f"x = 'changed {count}'\n")
        repo.git("add", "-u")
        return lab.time(repo, "git", "commit", "-q", "-m", f"change {count}")

    return run


def measure_rebase(lab: Lab) -> list[Row]:
    """`git rebase` of 100 commits onto another base and back."""
    commits = lab.pick(2, 100, 100)
    runs = [_rebaser(lab, f"rebase-{number}", commits, kind) for number, kind in enumerate((_bare, _session))]
    bare, session = in_turn(lab.repeat(7), *runs)
    return [over(f"git rebase of {commits} commits, in a session, over no hooks", session, bare, 3, commits, "commit")]


def _rebaser(lab: Lab, name: str, commits: int, prepare: Callable[[Repo], None]) -> Run:
    repo = lab.repo(name, lab.pick(10, 1_000, 1_000))
    bases = []
    for side in ("one", "other"):
        repo.git("checkout", "-q", "-b", side, "main")
        bases.append(repo.commit(f"{side}.py", "x = 1\n"))
    repo.git("checkout", "-q", "-b", "topic", bases[0])
    prepare(repo)
    for number in range(commits):
        repo.commit(path_of(number % 10), f"x = 'changed {number}'\n")

    def run() -> float:
        bases.reverse()
        return lab.time(repo, "git", "rebase", "-q", "--onto", bases[0], bases[1], "topic")

    return run
