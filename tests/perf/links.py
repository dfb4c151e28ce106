"""What it costs to ask what became of the work, in a project that was recorded for years."""

import os
import shutil
import subprocess
from statistics import median

from tests.perf.lab import Lab
from tests.perf.measure import Row, in_turn
from tests.perf.years import Years, import_years
from tests.support.repo import Repo

_ALLOWED_TIMES, _ALLOWED_MS = 3, 2000
_NEW = 10


def measure(lab: Lab) -> list[Row]:
    """`git trace fate` over 10,000 commits and 1,000 traces: the first time, after ten new commits, and again."""
    commits = lab.pick(20, 2_000, 10_000)
    repo = lab.repo("years")
    years = Years(commits, lab.pick(10, 100, 400))
    import_years(repo, years)
    first, log = in_turn(
        lab.repeat(3), lambda: _first(lab, repo), lambda: lab.time(repo, "git", "log", "--raw", "-m", "--format=%H")
    )
    again = [lab.time(repo, "git", "trace", "fate") for _ in range(lab.repeat(15))]
    after = [_after_commits(lab, repo, years) for _ in range(lab.repeat(9))]
    what = f"git trace fate, {commits:,} commits, {len(years.traces):,} traces"
    over = (median(first) - _ALLOWED_MS) / median(log)
    held = _memory(repo) / (1 << 20)
    return [
        Row(f"{what}, the first time, less {_ALLOWED_MS} ms, over git log --raw", median(first), median(log), over, "x",
            _ALLOWED_TIMES),
        Row(f"{what}, after {_NEW} new commits", median(after), None, median(after), "ms", 300),
        Row(f"{what}, with nothing new", median(again), None, median(again), "ms", 250),
        Row(f"{what}, the first time: memory", held, None, held, "MiB", 400),
    ]  # fmt: skip


def _forget(repo: Repo) -> None:
    shutil.rmtree(repo.top / ".git/trace/cache", ignore_errors=True)


def _first(lab: Lab, repo: Repo) -> float:
    _forget(repo)
    return lab.time(repo, "git", "trace", "fate")


def _after_commits(lab: Lab, repo: Repo, years: Years) -> float:
    for _ in range(_NEW):
        path, _ = years.edit()
        repo.commit(path, "".join(f"{text}\n" for text in years.files[path]), "more")
    return lab.time(repo, "git", "trace", "fate")


def _memory(repo: Repo) -> int:
    """Return the most that the first derivation holds, in bytes."""
    _forget(repo)
    argv = ["git", "trace", "fate"]
    process = subprocess.Popen(argv, cwd=repo.top, env=repo.env, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0
    # kilobytes on Linux
    return usage.ru_maxrss * 1024


def measure_all(lab: Lab) -> list[Row]:
    """Links and fate of all traces, and an export of all, both with nothing in the cache: what a trace costs.

    Nobody set goals for these: the bounds are to notice when a trace costs what all others do again.
    """
    commits = lab.pick(20, 500, 2_000)
    repo = lab.repo("all")
    years = Years(commits, lab.pick(10, 50, 100))
    import_years(repo, years)
    count = max(len(years.traces), 1)
    ask = (
        "from gittrace.git.repository import discover; from gittrace.trace.stored.store import Store;"
        " from gittrace.trace.history.outcome import Historian;"
        " store = Store(discover()); historian = Historian(store, ());"
        " [(historian.links(trace), historian.fate(trace)) for trace in store.trace_ids()]; store.close()"
    )
    python = str(lab.bin / "python")

    def cold(*argv: str) -> float:
        _forget(repo)
        return lab.time(repo, *argv)

    links = [cold(python, "-c", ask) for _ in range(lab.repeat(3))]
    export = [cold("git", "trace", "export", "-o", os.devnull) for _ in range(lab.repeat(3))]
    what = f"{commits:,} commits, {len(years.traces):,} traces, the first time"
    return [
        Row(f"links and fate of all, {what}", median(links), None, median(links) / count, "ms/trace", 50),
        Row(f"git trace export, {what}", median(export), None, median(export) / count, "ms/trace", 100),
    ]


def measure_blame(lab: Lab) -> list[Row]:
    """`git trace blame` of a file of 5,000 lines with 500 commits, every second one recorded."""
    lines, commits = lab.pick((40, 6), (2_000, 200), (5_000, 500))
    repo = lab.repo("blame")
    years = Years(commits, 1, lines)
    import_years(repo, years)
    (path,) = years.files

    def cold() -> float:
        _forget(repo)
        repo.trace("list")
        return lab.time(repo, "git", "trace", "blame", path)

    git, first, again = in_turn(
        lab.repeat(7),
        lambda: lab.time(repo, "git", "blame", path),
        cold,
        lambda: lab.time(repo, "git", "trace", "blame", path),
    )

    def after() -> float:
        for number in range(_NEW):
            if number == _NEW // 2:
                repo.trace("start", "-m", "more")
            years.edit()
            repo.write(path, "".join(f"{text}\n" for text in years.files[path]))
            if number >= _NEW // 2:
                repo.trace("run", "--", "true")
            repo.git("commit", "-q", "-a", "-m", "more")
        repo.trace("stop")
        repo.trace("list")
        return lab.time(repo, "git", "trace", "blame", path)

    repo.git("config", "trace.seal", "now")
    repo.trace("init")
    more, git_again = in_turn(lab.repeat(5), after, lambda: lab.time(repo, "git", "blame", path))
    what = f"git trace blame, {lines:,} lines, {commits:,} commits"
    return [
        Row(f"{what}, the first time, over git blame", median(first), median(git), median(first) / median(git), "x", 2),
        Row(f"{what}, over git blame", median(again), median(git), median(again) / median(git), "x", 2),
        Row(f"{what}, after {_NEW} new commits, over git blame", median(more), median(git_again),
            median(more) / median(git_again), "x", 2),
    ]  # fmt: skip
