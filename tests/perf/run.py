"""What `git trace run` adds to a command, beside what git alone takes to look at the worktree twice."""

from collections.abc import Callable

from tests.perf.lab import Lab, path_of
from tests.perf.measure import Row, in_turn, over
from tests.support.repo import Repo

_LOOK_TWICE = "git add -A && git write-tree && git add -A && git write-tree"
_FIRST_SIZE = 1_000


def measure(lab: Lab) -> list[Row]:
    """`git trace run -- true` in worktrees of several sizes, unchanged and with a file edited before it."""
    rows = []
    for files in lab.pick((10,), (_FIRST_SIZE, 10_000), (_FIRST_SIZE, 10_000, 100_000)):
        repo = lab.repo(f"run-{files}", files)
        repo.git("trace", "start")
        # the reference has a private index too
        index = repo.top / ".git" / "reference-index"
        index.write_bytes((repo.top / ".git" / "index").read_bytes())
        for edited in (False, True):
            rows += _compare(lab, repo, files, edited, {"GIT_INDEX_FILE": str(index)})
    return rows


def _compare(lab: Lab, repo: Repo, files: int, edited: bool, env: dict[str, str]) -> list[Row]:
    edit = _editor(repo) if edited else lambda: None

    def recorded() -> float:
        edit()
        return lab.time(repo, "git", "trace", "run", "--", "true")

    def git_alone() -> float:
        edit()
        return lab.time(repo, "sh", "-c", _LOOK_TWICE, env=env)

    traced, git, nothing = in_turn(
        lab.repeat(30 if files < 100_000 else 12), recorded, git_alone, lambda: lab.time(repo, "true")
    )
    what = f"git trace run -- true, {files:,} files{', one edited' if edited else ''}"
    rows = [over(f"{what}, over git's two looks", traced, git, 30)]
    if files <= _FIRST_SIZE:
        rows.insert(0, over(f"{what}, over true", traced, nothing, None if edited else 45))
    return rows


def _editor(repo: Repo) -> Callable[[], None]:
    count = 0

    def edit() -> None:
        nonlocal count
        count += 1
        repo.write(path_of(count % 10), f"x = 'edited {count}'\n")

    return edit
