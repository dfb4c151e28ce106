"""What publishing costs, beside `git push` of the same objects."""

import shutil
from statistics import median

from tests.perf.history import noted
from tests.perf.lab import Lab
from tests.perf.measure import Row, in_turn
from tests.support.repo import Repo

_ALLOWED_TIMES, _ALLOWED_MS = 1.5, 150


def measure(lab: Lab) -> list[Row]:
    """`git trace push` of 100 new segments among 10,000, beside `git push` of a ref with the same objects."""
    commits, fresh = lab.pick(20, 2_000, 10_000), lab.pick(5, 100, 100)
    repo = noted(lab, commits, "sharing")
    place = _Place(lab, repo, fresh)

    def ours() -> float:
        place.restore()
        return lab.time(repo, "git", "trace", "push", "-q", "origin")

    ours()
    made = repo.git("rev-parse", place.mirror)

    def git() -> float:
        place.restore()
        return lab.time(repo, "git", "push", "-q", "--no-verify", "origin", f"{made}:refs/notes/traces/{place.writer}")

    def nothing() -> float:
        place.restore()
        repo.git("trace", "push", "-q", "origin")
        return lab.time(repo, "git", "trace", "push", "-q", "origin")

    published, sent, idle = in_turn(lab.repeat(9), ours, git, nothing)
    over = [one - _ALLOWED_TIMES * other for one, other in zip(published, sent, strict=True)]
    what = f"git trace push, {fresh} new of {commits:,} segments, over {_ALLOWED_TIMES} x git push of the same objects"
    return [
        Row(what, median(published), median(sent), median(over), "ms", _ALLOWED_MS),
        Row(f"git trace push, nothing new of {commits:,} segments", median(idle), None, median(idle), "ms"),
    ]


class _Place:
    """A server that has all but the newest notes, and the repository's memory of it."""

    def __init__(self, lab: Lab, repo: Repo, fresh: int) -> None:
        self.repo = repo
        self.server, self.before = lab.root / "server.git", lab.root / "server-before.git"
        repo.git("init", "-q", "--bare", str(self.server))
        repo.git("remote", "add", "origin", str(self.server))
        repo.git("push", "-q", "--no-verify", "origin", f"main~{fresh}:refs/heads/main")
        repo.git("trace", "push", "-q", "origin")
        self.writer = repo.git("config", "trace.writer")
        self.mirror = f"refs/notes/trace-remotes/origin/{self.writer}"
        self.old = repo.git("rev-parse", self.mirror)
        repo.git("push", "-q", "--no-verify", "origin", "main")
        shutil.copytree(self.server, self.before)
        self.state = repo.top / ".git/trace/share/origin.json"
        self.remembered = self.state.read_bytes()

    def restore(self) -> None:
        """Have the newest notes be new again, scanned by nobody."""
        shutil.rmtree(self.server)
        shutil.copytree(self.before, self.server)
        self.repo.git("update-ref", self.mirror, self.old)
        self.state.write_bytes(self.remembered)
        (self.repo.top / ".git/trace/cache/gate.sqlite").unlink(missing_ok=True)
