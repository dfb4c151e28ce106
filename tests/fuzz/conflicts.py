"""How a desk gets out of conflicts, and out of whatever else git waits for an answer to."""

import os
import re
from collections import Counter
from random import Random

from tests.fuzz.model import tokens
from tests.fuzz.world import Desk, scribble

_CONFLICT = re.compile(rb"^<{7} .*?\n(.*?)(?:^\|{7}.*?\n.*?)?^={7}\n(.*?)^>{7} .*?\n", re.MULTILINE | re.DOTALL)
_LONGEST = 25


def tidy(desk: Desk, rng: Random) -> None:
    """Mostly leave nothing uncommitted, so that git does what comes next."""
    if not desk.ask("status", "--porcelain") or rng.random() < 0.2:
        return
    if rng.random() < 0.3:
        desk.git("stash", "push", "-q", "-u", ok=False)
        return
    desk.git("add", "-A")
    desk.commit()


def finish(desk: Desk, rng: Random, going: bool = True) -> None:
    """Answer until git has no more questions: solve conflicts, work at the stops of a rebase, or give up.

    Not `going`: there is nothing to continue, only conflicts to solve.
    """
    for count in range(_LONGEST):
        unmerged = _unmerged(desk)
        if not unmerged and not (going and desk.busy()):
            return
        if going and (count == _LONGEST - 1 or rng.random() < 0.15):
            _give_up(desk)
            return
        for path in unmerged:
            _solve(desk, rng, path)
        desk.git("add", "-A")
        if going:
            _continue(desk, rng, bool(unmerged))
        else:
            desk.git("reset", "-q")


def _unmerged(desk: Desk) -> list[str]:
    return [name for name in desk.ask("diff", "--name-only", "-z", "--diff-filter=U").split("\0") if name]


def _solve(desk: Desk, rng: Random, name: str) -> None:
    path = desk.repo.top / os.fsdecode(name)
    if not path.exists():
        return
    side = rng.choice((rb"\1", rb"\2", rb"\1\2", rb"\2\1"))
    data = _CONFLICT.sub(side, path.read_bytes())
    path.write_bytes(data)
    # what both sides have stands twice now: who keeps both has written one of them
    for token, count in Counter(token for row in data.splitlines() for token in tokens(row)).items():
        if count > 1:
            desk.world.ledger.copied.setdefault(token, set()).update((desk.trace, None))
    desk.say(f"solve {name}")
    desk.observe()


def _continue(desk: Desk, rng: Random, solved: bool) -> None:
    env = {"GIT_EDITOR": "true"}
    git_dir = desk.repo.git_dir
    rebasing = (git_dir / "rebase-merge").exists() or (git_dir / "rebase-apply").exists()
    if rebasing and rng.random() < 0.4:
        _work_at_stop(desk, rng, solved)
    if rebasing:
        word = "rebase"
    elif (git_dir / "MERGE_HEAD").exists():
        desk.git("commit", "-q", "--no-edit", ok=False)
        return
    elif (git_dir / "REVERT_HEAD").exists():
        word = "revert"
    else:
        word = "cherry-pick"
    if not rebasing and desk.trace:
        desk.doubt()  # what goes into a pick or revert besides what was picked isn't told from that
    desk.git(word, "--continue", ok=False, env=env)
    if desk.repo.status and not _unmerged(desk):
        # what is left of the commit is nothing
        desk.git(word, "--skip", ok=False, env=env)


def _work_at_stop(desk: Desk, rng: Random, solved: bool) -> None:
    """Work while a rebase waits: recorded, if somebody records; and commit it, unless a conflict is being solved."""
    if desk.trace:
        with desk.recorded():
            scribble(desk, rng)
    else:
        scribble(desk, rng)
    desk.git("add", "-A")
    if not solved:
        desk.git("commit", "-q", *rng.choice((["-m", "between"], ["--amend", "--no-edit"])), ok=False)


def _give_up(desk: Desk) -> None:
    git_dir = desk.repo.git_dir
    for word, names in _ABORTS.items():
        if any((git_dir / name).exists() for name in names):
            desk.git(word, "--abort", ok=False)
            if desk.repo.status:
                desk.git(word, "--quit", ok=False)
    if desk.busy() or _unmerged(desk):
        desk.git("reset", "-q", "--hard")


_ABORTS = {
    "rebase": ("rebase-merge", "rebase-apply"),
    "merge": ("MERGE_HEAD",),
    "revert": ("REVERT_HEAD",),
    "cherry-pick": ("CHERRY_PICK_HEAD", "sequencer"),
}
