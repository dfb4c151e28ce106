"""More that may happen at a desk, where all that counts is what `git` and `git trace` do on the command line."""

import hashlib
import os
import time
from random import Random

from tests.fuzz.conflicts import finish, tidy
from tests.fuzz.model import tokens
from tests.fuzz.steps import STEPS, Step, brought_in, collect, settle_conflicts, start
from tests.fuzz.world import Desk, scribble


def _at_hand(desk: Desk, rng: Random, recorded: float) -> bool:
    """Tell whether what comes is to be recorded, and start a session if there is none."""
    if desk.name == "c" or rng.random() >= recorded:
        return False
    start(desk, rng)
    return desk.trace is not None


def _maybe_recorded(step: Step, recorded: float = 0.6) -> Step:
    """Return a step that is at times recorded as a command, and else done by hand."""

    def run(desk: Desk, rng: Random) -> None:
        if _at_hand(desk, rng, recorded):
            with desk.recorded():
                step(desk, rng)
        else:
            step(desk, rng)

    return run


def _tracked(desk: Desk) -> list[str]:
    names = [name for name in desk.ask("ls-files", "-z").split("\0") if name]
    return [name for name in names if os.path.isfile(desk.repo.top / name)]


def copy(desk: Desk, rng: Random) -> None:
    """Copy a file."""
    names = _tracked(desk)
    if not names:
        return
    name = rng.choice(names)
    data = (desk.repo.top / name).read_bytes()
    for token in tokens(data):
        desk.world.ledger.copied.setdefault(token, set()).update((desk.trace, None))
    target = f"copies/{rng.randrange(10**6)}.txt"
    desk.world.ledger.placed.add((desk.trace, target.encode(), hashlib.sha256(data).digest()))
    desk.repo.write(target, data)
    desk.say(f"copy {name} to {target}")
    desk.observe()


def reformat(desk: Desk, rng: Random) -> None:
    """Run a formatter: it indents every line of some files, with tabs or spaces, or takes that back."""
    names = _tracked(desk)
    indent = rng.choice((b"", b"", b"\t", b"  "))
    for name in rng.sample(names, min(len(names), 2)):
        data = (desk.repo.top / name).read_bytes()
        if b"\0" in data:
            continue
        desk.repo.write(name, b"".join(indent + row.lstrip() for row in data.splitlines(keepends=True)))
        desk.say(f"indent {name} by {indent!r}")
    desk.observe()


def write_binary(desk: Desk, rng: Random) -> None:
    """Write a file that is no text."""
    name = rng.choice(("image.bin", "dir/other.bin"))
    desk.repo.write(name, b"\0\1" + rng.randbytes(40))
    desk.say(f"write {name}")
    desk.observe()


def remove(desk: Desk, rng: Random) -> None:
    """git rm."""
    names = _tracked(desk)
    if len(names) > 3:
        desk.git("rm", "-q", "-f", "--", rng.choice(names))


def commit_unhooked(desk: Desk, rng: Random) -> None:
    """Commit without hooks, or without those that may refuse."""
    desk.git("add", "-A")
    before = desk.ask("rev-parse", "HEAD")
    hooks, options = rng.choice((([], ["--no-verify"]), (["-c", "core.hooksPath=/dev/null"], [])))
    amend = ["--amend", "--allow-empty"] if rng.random() < 0.25 and desk.own_commits(1) else []
    desk.git(*hooks, "commit", "-q", *options, *amend, "-m", f"unhooked {rng.randrange(100)}", ok=False)
    if desk.ask("rev-parse", "HEAD") != before:
        desk.committed()


def amend_by_nobody(desk: Desk, rng: Random) -> None:
    """Amend the last commit where no session goes on, with another line."""
    if desk.trace or not desk.own_commits(1):
        return
    if rng.random() < 0.7:
        scribble(desk, rng)
    desk.git("add", "-A")
    desk.commit("--amend", "--allow-empty", "--no-edit")


def mail(desk: Desk, rng: Random) -> None:
    """Apply a patch from a mail, made of a commit of any branch, with git am."""
    tidy(desk, rng)
    commits = desk.ask("rev-list", "--branches", "--remotes", "--no-merges", "--min-parents=1", "-n30").split()
    if not commits:
        return
    patch = desk.repo.run("git", "format-patch", "--stdout", "--binary", "-1", rng.choice(commits))
    if patch:
        desk.git("am", "-q", "-3", stdin=patch, ok=False)
        if desk.repo.status:
            desk.git("am", "--abort", ok=False)


def rebase_exec(desk: Desk, rng: Random) -> None:
    """Rebase with commands in between: one that only looks, or one that amends each commit."""
    tidy(desk, rng)
    if desk.trace:
        desk.doubt()
    place = rng.choice([*desk.branches(), *(f"{oid}~" for oid in desk.own_commits())])
    command = rng.choice(("true", "git commit -q --amend --allow-empty -m executed"))
    desk.git("rebase", "-q", "--exec", command, place, ok=False, env={"GIT_EDITOR": "true"})
    finish(desk, rng)


def split(desk: Desk, rng: Random) -> None:
    """Undo the last commit and commit its files one by one."""
    tidy(desk, rng)
    if not desk.own_commits(1) or desk.ask("status", "--porcelain"):
        return
    desk.git("reset", "-q", "HEAD~")
    names = [row[3:] for row in desk.ask("status", "--porcelain", "-z", "-uall", "--no-renames").split("\0") if row]
    for name in names[:4]:
        desk.git("add", "-A", "--", name)
        desk.commit("-m", f"part {rng.randrange(100)}")


def revert_revert(desk: Desk, rng: Random) -> None:
    """Revert the last commit, and often that revert."""
    tidy(desk, rng)
    for _ in range(rng.choice((1, 2, 2))):
        own = desk.own_commits(1)
        if own:
            desk.git("revert", *rng.choice((["--no-edit"], ["--no-edit"], ["-n"])), own[0], ok=False)
            finish(desk, rng)
    settle_conflicts(desk, rng)
    brought_in(desk)


def filter_branch(desk: Desk, rng: Random) -> None:
    """Rewrite the last commits of a branch: their messages, or the place of a file."""
    tidy(desk, rng)
    own = desk.own_commits(3)
    if not own or not desk.ask("symbolic-ref", "-q", "HEAD") or desk.ask("status", "--porcelain"):
        return
    if desk.trace:
        desk.doubt()
    options = rng.choice(
        (("--msg-filter", "cat && echo filtered"), ("--tree-filter", "test ! -f a.txt || git mv -f a.txt z.txt"))
    )
    desk.git("filter-branch", "-f", *options, f"{own[-1]}~..HEAD", ok=False)


def replace(desk: Desk, rng: Random) -> None:
    """Replace a commit by one with another message."""
    own = desk.own_commits(3)
    if not own:
        return
    old = rng.choice(own)
    tree, *parents = desk.ask("rev-parse", f"{old}^{{tree}}", f"{old}^@").split()
    new = desk.git("commit-tree", *(word for parent in parents for word in ("-p", parent)), "-m", "replaced", tree)
    desk.git("replace", "-f", old, new, ok=False)


def squash_elsewhere(desk: Desk, rng: Random) -> None:
    """Squash or rebase a branch in the clone where nobody records, and force it over the old one, as servers do."""
    other = desk.world.desks[-1]
    desk.git("push", "-q", "--force", "origin", "HEAD", ok=False)
    branch = desk.ask("symbolic-ref", "-q", "--short", "HEAD")
    if not branch:
        return
    other.git("fetch", "-q", "--prune", "origin")
    other.git("checkout", "-q", "-f", "--detach", f"origin/{branch}")
    base = rng.choice(other.ask("rev-list", "-n6", "--first-parent", "HEAD").split())
    way = rng.choice(("squash", "reset", "rebase"))
    if way == "squash":
        tip = other.ask("rev-parse", "HEAD")
        other.git("reset", "-q", "--hard", base)
        other.git("merge", "-q", "--squash", tip, ok=False)
        other.commit("-m", "squashed on the server")
    elif way == "reset":
        other.git("reset", "-q", "--soft", base)
        other.commit("-m", "squashed on the server")
    else:
        other.git("rebase", "-q", "--force-rebase", base, ok=False)
        finish(other, rng)
    other.git("push", "-q", "--force", "origin", f"HEAD:{branch}", ok=False)
    if rng.random() < 0.7:
        desk.git("fetch", "-q", "origin")
        if rng.random() < 0.5:
            tidy(desk, rng)
            desk.git("reset", "-q", "--keep", f"origin/{branch}", ok=False)


def pause(desk: Desk, rng: Random) -> None:
    """Let the second go by."""
    seconds = rng.choice((0.3, 1.1))
    desk.say(f"wait {seconds} s")
    time.sleep(seconds)


def collect_settled(desk: Desk, rng: Random) -> None:
    """Collect garbage when nobody writes: with --prune=now git takes away what is being written."""
    desk.world.settle()
    collect(desk, rng)


def here_only(step: Step) -> Step:
    """Return a step that does something only where people record."""

    def run(desk: Desk, rng: Random) -> None:
        if desk.name != "c":
            step(desk, rng)

    return run


_MORE: dict[str, tuple[int, Step]] = {
    "copy": (2, _maybe_recorded(copy)),
    "reformat": (2, _maybe_recorded(reformat)),
    "write-binary": (2, _maybe_recorded(write_binary)),
    "remove": (1, _maybe_recorded(remove)),
    "commit-unhooked": (3, commit_unhooked),
    "amend-by-nobody": (2, amend_by_nobody),
    "mail": (2, mail),
    "rebase-exec": (1, rebase_exec),
    "split": (1, split),
    "revert-revert": (2, revert_revert),
    "filter-branch": (1, filter_branch),
    "replace": (1, replace),
    "squash-elsewhere": (3, squash_elsewhere),
    "collect": (1, collect_settled),
    "pause": (2, pause),
}
_LESS = ("wait", "seal")
_RECORDING = ("start", "stop", "run", "run-git", "forget-cache", "toggle-hooks")
OUTSIDE_STEPS = {
    name: (often, here_only(step) if name in _RECORDING else step)
    for name, (often, step) in (STEPS | _MORE).items()
    if name not in _LESS
}
