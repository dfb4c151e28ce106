"""What people do in clones of one server: work, rewrite, push, fetch, and what goes wrong meanwhile."""

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from random import Random

from gittrace.vocabulary import CACHE_DIR, REMOTE_NOTES_REFS, SHARED_NOTES_REFS
from tests.fuzz.exchange import Clone

Step = Callable[[Clone, Random], None]
_MOST_CLONES = 5


def _work(clone: Clone, rng: Random) -> None:
    if clone.active() is None and rng.random() < 0.8:
        clone.git("trace", "start", "-m", f"work of {clone.name}")
    for _ in range(rng.randint(1, 3)):
        clone.write(f"{clone.name}-{rng.randrange(3)}")
        if clone.active():
            clone.record()
        if rng.random() < 0.6:
            clone.commit()


def _stop(clone: Clone, rng: Random) -> None:
    if clone.active():
        clone.git("trace", "stop", *rng.choice(([], ["--success"], ["--failure"])))


def _branch(clone: Clone, rng: Random) -> None:
    clone.tidy()
    branches = clone.branches()
    if rng.random() < 0.4 and len(branches) < 6:
        clone.git("switch", "-q", "-c", f"{clone.name}-topic-{len(branches)}-{clone.lines}")
    else:
        clone.git("switch", "-q", rng.choice(branches))


def _rewrite(clone: Clone, rng: Random) -> None:
    clone.tidy()
    deep = clone.works("rev-parse", "-q", "--verify", "HEAD~2")
    how = rng.choice(("amend", "squash", "rebase", "pick", "revert", "reset"))
    if how == "amend":
        clone.write(f"{clone.name}-0")
        clone.git("commit", "-q", "-a", "--amend", "--allow-empty", "--no-edit")
    elif how == "squash" and deep:
        clone.git("reset", "-q", "--soft", "HEAD~2")
        clone.git("commit", "-q", "--allow-empty", "-m", f"{clone.name}: squashed")
    elif how == "rebase":
        if not clone.works("rebase", "-q", f"{clone.remote}/main"):
            clone.works("rebase", "--abort")
    elif how == "pick":
        commits = clone.repo.git(
            "rev-list", "--all", "--no-merges", "-n", "20", "--exclude=refs/*", "--branches"
        ).split()
        if not clone.works("cherry-pick", "-x", rng.choice(commits)):
            clone.works("cherry-pick", "--abort")
    elif how == "revert":
        if not clone.works("revert", "--no-edit", "HEAD"):
            clone.works("revert", "--abort")
    elif deep:
        clone.git("reset", "-q", "--hard", "HEAD~1")


def _push(clone: Clone, rng: Random) -> None:
    remote = clone.remote
    how = rng.choice(
        (
            [remote, "HEAD"],
            [remote, "HEAD"],
            ["--force-with-lease", remote, "HEAD"],
            ["--force", remote, "HEAD"],
            [remote, "HEAD:refs/heads/main"],
            ["--all", "--force", remote],
            ["--no-verify", "--force", remote, "HEAD"],
            ["--dry-run", remote, "HEAD"],
            ["--atomic", remote, "HEAD", f"HEAD:refs/heads/{clone.name}-also"],
            [remote, f":refs/heads/{clone.name}-also"],
            [remote, f"HEAD:refs/tags/{clone.name}-{clone.lines}"],
        )
    )
    clone.works("push", "-q", *how)


def _killed_push(clone: Clone, rng: Random) -> None:
    """Push, and kill what belongs to the terminal at some instant."""
    clone.exchange.transcript.append(f"{clone.name}$ git push --force {clone.remote} HEAD, killed")
    process = subprocess.Popen(
        ("git", "push", "-q", "--force", clone.remote, "HEAD"),
        cwd=clone.repo.top,
        env=clone.repo.env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        pass_fds=clone.repo.inherited,
        start_new_session=True,
    )
    time.sleep(rng.random() * 0.8)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    # git doesn't tidy up after itself when it is killed
    server = clone.exchange.server.repo.top
    for lock in (*clone.repo.git_dir.rglob("*.lock"), *server.rglob("*.lock")):
        if "trace" not in lock.relative_to(clone.exchange.top).parts[2:3]:
            lock.unlink(missing_ok=True)


def _pull(clone: Clone, rng: Random) -> None:
    clone.tidy()
    if rng.random() < 0.3:
        clone.works("fetch", "-q", "--prune", clone.remote)
    elif not clone.works("pull", "-q", *rng.choice((["--rebase"], ["--no-rebase", "--no-edit"])), clone.remote, "main"):
        clone.works("rebase", "--abort")
        clone.works("merge", "--abort")


def _trace_fetch(clone: Clone, rng: Random) -> None:
    del rng
    clone.git("trace", "fetch", clone.remote)


def _trace_push(clone: Clone, rng: Random) -> None:
    options = rng.choice(([], [], ["--dry-run"], ["--all"], ["--unlinked"]))
    if set(options) & {"--all", "--unlinked"}:
        clone.exchange.opened.add(clone.name)
    clone.works("trace", "push", "-q", *options)


def _refuse(clone: Clone, rng: Random) -> None:
    pattern = rng.choice((f"{SHARED_NOTES_REFS}*", "refs/heads/*", "refs/heads/main"))
    clone.exchange.transcript.append(f"the server refuses {pattern}")
    clone.exchange.server.refuse(pattern)


def _relent(clone: Clone, rng: Random) -> None:
    del rng
    if (clone.exchange.server.repo.top / "hooks" / "pre-receive").exists():
        clone.exchange.transcript.append("the server refuses nothing")
        clone.exchange.server.relent()


def _lose(clone: Clone, rng: Random) -> None:
    """Have the server lose a writer's notes, or the last of them."""
    exchange = clone.exchange
    tips = exchange.tips()
    if tips:
        writer = rng.choice(sorted(tips))
        ref = SHARED_NOTES_REFS + writer
        before = exchange.server.repo.git("rev-parse", "-q", "--verify", f"{ref}~1", status=None)
        exchange.transcript.append(f"the server loses {ref}, back to {before or 'nothing'}")
        exchange.server.repo.git("update-ref", *([ref, before] if before and rng.random() < 0.7 else ["-d", ref]))


def _lose_mirror(clone: Clone, rng: Random) -> None:
    refs = clone.repo.git("for-each-ref", "--format=%(refname)", REMOTE_NOTES_REFS).split()
    if refs:
        clone.git("update-ref", "-d", rng.choice(refs))


def _lose_cache(clone: Clone, rng: Random) -> None:
    del rng
    clone.exchange.transcript.append(f"{clone.name} loses its cache")
    shutil.rmtree(clone.repo.git_dir / "trace" / CACHE_DIR, ignore_errors=True)


def _gc(clone: Clone, rng: Random) -> None:
    clone.git("trace", "gc", *rng.choice(([], ["--expire", "now"])))


def _forget(clone: Clone, rng: Random) -> None:
    traces = sorted(set(clone.traces()) - {clone.active()})
    if traces:
        trace = rng.choice(traces)
        clone.git("trace", "forget", trace)
        clone.exchange.forgotten.add(trace)


def _rename(clone: Clone, rng: Random) -> None:
    del rng
    new = "upstream" if clone.remote == "origin" else "origin"
    clone.git("remote", "rename", clone.remote, new)
    clone.remote = new


def _copy(clone: Clone, rng: Random) -> None:
    """Copy a clone, `.git` and all."""
    del rng
    exchange = clone.exchange
    if len(exchange.clones) >= _MOST_CLONES or clone.active():
        return
    name = f"{clone.name}{len(exchange.clones)}"
    exchange.transcript.append(f"$ cp -a {clone.name} {name}")
    shutil.copytree(clone.repo.top, exchange.top / name, symlinks=True)
    exchange.clones.append(Clone(exchange, name, exchange.person(name), clone.lines, clone.remote))
    if clone.name in exchange.opened:
        exchange.opened.add(name)


STEPS: dict[str, tuple[int, Step]] = {
    "work": (14, _work),
    "stop": (5, _stop),
    "branch": (5, _branch),
    "rewrite": (7, _rewrite),
    "push": (14, _push),
    "killed-push": (2, _killed_push),
    "pull": (6, _pull),
    "trace-fetch": (4, _trace_fetch),
    "trace-push": (3, _trace_push),
    "refuse": (2, _refuse),
    "relent": (3, _relent),
    "lose": (1, _lose),
    "lose-mirror": (1, _lose_mirror),
    "lose-cache": (1, _lose_cache),
    "gc": (2, _gc),
    "forget": (1, _forget),
    "rename": (1, _rename),
    "copy": (1, _copy),
}
"""How often, and what."""
