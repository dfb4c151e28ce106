"""What people do with git at a desk."""

import os
import re
from collections.abc import Callable, Sequence

from tests.fuzz.natural.edits import edit
from tests.fuzz.natural.world import Desk

Step = Callable[[Desk], None]
_MOST_STOPS = 40
_BEGINS, _ENDS = re.compile(rb"^<{7,} ", re.MULTILINE), re.compile(rb"^>{7,} ")
_GOES_ON = re.compile(rb"^={7,}$")
# what is under way, by the file in the git directory that says so
_UNDER_WAY = {
    "rebase-merge": "rebase",
    "rebase-apply/applying": "am",
    "rebase-apply": "rebase",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
    "MERGE_HEAD": "merge",
    "sequencer": "cherry-pick",
}


def work(desk: Desk) -> None:
    """Edit something, and maybe commit it."""
    rng = desk.world.rng
    edit(desk, rng.random() < 0.65)
    if rng.random() < 0.4:
        rng.choice((commit, commit, commit_in_part))(desk)


def commit(desk: Desk) -> None:
    """Commit all, at times by a tool that runs no hooks."""
    rng = desk.world.rng
    desk.git("add", "-A")
    bare = ("-c", "core.hooksPath=/dev/null") if rng.random() < 0.1 else ()
    desk.maybe_recorded(0.3, *bare, "commit", "-q", "-m", f"change {rng.randrange(10**6)}", ok=False)
    desk.world.sync()


def clean(desk: Desk) -> None:
    """Commit what is there."""
    if desk.is_dirty():
        commit(desk)


def commit_in_part(desk: Desk) -> None:
    """Commit some files, or some hunks."""
    rng = desk.world.rng
    desk.git("reset", "-q")
    if rng.random() < 0.4:
        rows = [row for row in desk.git("status", "--porcelain", "-uall", "-z").split("\0") if row[2:3] == " "]
        for row in rng.sample(rows, (len(rows) + 1) // 2):
            desk.git("add", "-A", "--", row[3:])
    else:
        for file in desk.repo.run("git", "diff", "-U0", "--no-renames").split(b"diff --git ")[1:]:
            head, *hunks = re.split(rb"^(?=@@ )", file, flags=re.MULTILINE)
            some = b"".join(hunk for hunk in hunks if rng.random() < 0.5)
            if some and b"\ndeleted file" not in head:
                patch = b"diff --git " + head + some
                argv = ("git", "apply", "--cached", "--unidiff-zero", "--recount", "-")
                desk.repo.run(*argv, stdin=patch, status=None)
    desk.git("commit", "-q", "-m", f"part {rng.randrange(10**6)}", ok=False)
    desk.world.sync()


def amend(desk: Desk) -> None:
    """Amend HEAD."""
    old = desk.head()
    if old == desk.world.base:
        return
    if desk.world.rng.random() < 0.7:
        desk.git("add", "-A")
    desk.maybe_recorded(0.3, "commit", "-q", "--amend", "--no-edit", "--allow-empty", ok=False)
    desk.world.sync([old])
    if old in desk.world.book.reverts:
        desk.world.book.reverts.add(desk.head())


def branch(desk: Desk) -> None:
    """Make a branch, or go to one."""
    rng = desk.world.rng
    clean(desk)
    names = desk.branches(free=True)
    if names and rng.random() < 0.6:
        desk.maybe_recorded(0.3, "switch", "-q", rng.choice(names))
    else:
        desk.git("switch", "-q", "-c", f"b{rng.randrange(10**6)}", rng.choice(desk.commits("-n4", "HEAD")))
    desk.world.sync()


def rebase(desk: Desk) -> None:
    """Rebase onto another branch."""
    rng = desk.world.rng
    clean(desk)
    onto = rng.choice([*desk.branches(), "origin/main"])
    hints = [*desk.commits(f"{onto}..HEAD"), desk.head()]
    how = rng.choice(((), ("--apply",), ("--rebase-merges",)))
    desk.maybe_recorded(0.5, "rebase", "-q", *how, onto, ok=False)
    _finish(desk, hints)


def rebase_by_hand(desk: Desk) -> None:
    """Rebase by a list that is made up: squashed, dropped, reordered, split, amended."""
    rng = desk.world.rng
    clean(desk)
    old = desk.commits("--first-parent", f"-n{rng.randint(2, 6)}", "HEAD")
    old = [name for name in old if name != desk.world.base]
    if len(old) < 2 or desk.commits("--merges", f"{old[-1]}~..HEAD"):
        return
    first, later = ("pick", "edit", "reword"), ("pick", "pick", "pick", "squash", "fixup", "reword", "edit", "drop")
    todo = [f"{rng.choice(later if at else first)} {name}" for at, name in enumerate(reversed(old))]
    if rng.random() < 0.3 and len(todo) > 2:
        todo[-1], todo[-2] = todo[-2], todo[-1]
    path = desk.world.top / f"todo.{desk.name}"
    path.write_text("\n".join(todo) + "\n")
    desk.git("config", "sequence.editor", f"cp {path}")
    desk.maybe_recorded(0.5, "rebase", "-q", "-i", f"{old[-1]}~", ok=False)
    for _ in range(_MOST_STOPS):
        if _under_way(desk) != "rebase":
            break
        if not _solve(desk) and not desk.is_dirty():
            _at_a_stop(desk, old)
        desk.maybe_recorded(0.3, "rebase", "--continue", ok=False)
        if desk.repo.status and not desk.is_dirty():
            desk.git("rebase", "--skip", ok=False)
    _finish(desk, old)


def _at_a_stop(desk: Desk, old: Sequence[str]) -> None:
    how = desk.world.rng.choice(("split", "amend", "go on"))
    if how == "split" and len(desk.git("rev-list", "--parents", "-n1", "HEAD").split()) == 2:
        desk.git("reset", "-q", "HEAD~")
        desk.world.sync(old)
        rows = [row for row in desk.git("status", "--porcelain", "-uall", "-z").split("\0") if row]
        if rows:
            desk.git("add", "-A", "--", rows[0][3:], ok=False)
            desk.git("commit", "-q", "-m", "first half", ok=False)
        desk.git("add", "-A")
        desk.git("commit", "-q", "-m", "second half", ok=False)
    elif how == "amend":
        desk.world.sync(old)
        edit(desk, desk.world.rng.random() < 0.5)
        desk.git("add", "-A")
        desk.git("commit", "-q", "--amend", "--no-edit", ok=False)
    desk.world.sync(old)


def pick(desk: Desk) -> None:
    """Cherry-pick from elsewhere, at times without a commit."""
    rng = desk.world.rng
    clean(desk)
    there = desk.commits("--no-merges", "--branches", "--remotes", "--not", "HEAD")
    if not there:
        return
    some = rng.sample(there, min(len(there), rng.choice((1, 1, 2))))
    hints = _around(desk, some)
    desk.maybe_recorded(0.5, "cherry-pick", *rng.choice(((), ("-x",), ("-n",))), *some, ok=False)
    _finish(desk, hints)
    clean(desk)


def revert(desk: Desk) -> None:
    """Revert a commit, at times a revert."""
    rng, book = desk.world.rng, desk.world.book
    clean(desk)
    here = [name for name in desk.commits("--no-merges", "-n8", "HEAD") if name != desk.world.base]
    if not here:
        return
    reverts = [name for name in here if name in book.reverts]
    old = rng.choice(reverts) if reverts and rng.random() < 0.5 else rng.choice(here)
    hints, before = _around(desk, [old]), desk.head()
    desk.maybe_recorded(0.5, "revert", rng.choice(("--no-edit", "--no-edit", "-n")), old, ok=False)
    _finish(desk, hints)
    clean(desk)
    book.reverts.update({desk.head()} - {before})


def merge(desk: Desk) -> None:
    """Merge one branch or two, or squash one."""
    rng = desk.world.rng
    clean(desk)
    there = [name for name in [*desk.branches(), "origin/main"] if desk.commits(f"HEAD..{name}")]
    if not there:
        return
    how = rng.choice(("", "", "squash", "octopus"))
    some = rng.sample(there, min(len(there), 2 if how == "octopus" else 1))
    hints, before = [desk.git("rev-parse", name) for name in some], desk.head()
    if how == "squash":
        desk.maybe_recorded(0.5, "merge", "-q", "--squash", *some, ok=False)
        _solve(desk)
        desk.world.sync(hints)
        desk.git("commit", "-q", "-m", f"squash of {some[0]}", ok=False)
    else:
        desk.maybe_recorded(0.5, "merge", "-q", "--no-edit", *rng.choice(((), ("--no-ff",))), *some, ok=False)
        if desk.repo.status and len(some) > 1:
            desk.git("reset", "-q", "--hard", before)
    _finish(desk, hints)


def stash(desk: Desk) -> None:
    """Stash, do something else, and pop."""
    rng = desk.world.rng
    if not desk.is_dirty():
        return
    desk.maybe_recorded(0.5, "stash", "-q", "-u")
    desk.world.sync()
    saved = _around(desk, [desk.git("rev-parse", "refs/stash")])
    if rng.random() < 0.4:
        branch(desk)
    desk.maybe_recorded(0.5, "stash", "pop", "-q", ok=False)
    if desk.repo.status:
        _solve(desk, typing=False)
        desk.git("reset", "-q")
        desk.git("stash", "drop", "-q", ok=False)
    desk.world.sync(saved)


def reset(desk: Desk) -> None:
    """Reset, and do it again or leave it."""
    rng = desk.world.rng
    count, how = rng.choice((1, 1, 2)), rng.choice(("--soft", "--mixed", "--mixed", "--hard"))
    if how == "--hard":
        clean(desk)
    old = desk.head()
    line = desk.commits("--first-parent", "HEAD")
    if len(line) <= count or desk.commits("--merges", f"HEAD~{count}..HEAD"):
        return
    desk.maybe_recorded(0.5, "reset", "-q", how, f"HEAD~{count}")
    desk.world.sync([old])
    if how == "--hard" and rng.random() < 0.5:
        desk.maybe_recorded(0.5, "reset", "-q", "--hard", old)
        desk.world.sync([old])
    elif how != "--hard" and rng.random() < 0.7:
        rng.choice((commit, commit_in_part))(desk)


def mail(desk: Desk) -> None:
    """Apply what is elsewhere as a mail."""
    clean(desk)
    there = desk.commits("--no-merges", "--branches", "--remotes", "--not", "HEAD")
    if not there:
        return
    old = desk.world.rng.choice(there)
    path = desk.world.top / "mail"
    path.write_bytes(desk.repo.run("git", "format-patch", "--stdout", "--binary", "-1", old))
    hints = _around(desk, [old])
    desk.maybe_recorded(0.5, "am", "-q", "-3", str(path), ok=False)
    _finish(desk, hints)


def rename(desk: Desk) -> None:
    """Rename a file, and maybe edit it before the commit."""
    rng = desk.world.rng
    names = [name for name in desk.git("ls-files", "-z").split("\0") if name in desk.files]
    if not names:
        return
    name = rng.choice(names)
    target = f"{rng.choice(('moved', 'lib'))}/{rng.randrange(10**4)}_{os.path.basename(name)}"
    (desk.repo.top / target).parent.mkdir(exist_ok=True)
    desk.maybe_recorded(0.4, "mv", name, target)
    desk.files[target] = desk.files.pop(name)
    if desk.session:
        desk.world.renamed[desk.session].update((name, target))
    if rng.random() < 0.5:
        edit(desk, rng.random() < 0.6)
    if rng.random() < 0.7:
        commit(desk)


def exchange(desk: Desk) -> None:
    """Push, with force or without, fetch, or pull."""
    rng = desk.world.rng
    clean(desk)
    how = rng.choice(("push", "push", "force", "fetch", "merge", "rebase"))
    if how in ("push", "force"):
        force = ("--force",) if how == "force" else ()
        desk.git("push", "-q", *force, "origin", rng.choice(("HEAD:main", f"HEAD:{desk.name}")), ok=False)
        return
    desk.git("fetch", "-q", "origin")
    desk.world.sync()
    if how in ("merge", "rebase"):
        hints = [desk.git("rev-parse", "origin/main"), *desk.commits("origin/main..HEAD")]
        options = ("--rebase",) if how == "rebase" else ("--no-rebase", "--no-edit")
        desk.maybe_recorded(0.5, "pull", "-q", *options, "origin", "main", ok=False)
        _finish(desk, hints)


def start(desk: Desk) -> None:
    """Start a session."""
    if desk.session is None:
        desk.world.start(desk)


def stop(desk: Desk) -> None:
    """Stop the session, with or without something left to commit."""
    if desk.session:
        if desk.world.rng.random() < 0.5:
            clean(desk)
        desk.git("trace", "stop", *desk.world.rng.choice(((), ("--success",))))
        desk.session = None


def _around(desk: Desk, commits: Sequence[str]) -> list[str]:
    desk.world.sync()
    return [*commits, *(parent for name in commits for parent in desk.world.book.parents.get(name, ()))]


def _under_way(desk: Desk) -> str | None:
    return next((what for name, what in _UNDER_WAY.items() if (desk.repo.git_dir / name).exists()), None)


def _finish(desk: Desk, hints: Sequence[str]) -> None:
    """Go on with what stopped until it ends; at times give it up."""
    for _ in range(_MOST_STOPS):
        what = _under_way(desk)
        if what is None:
            break
        if desk.world.rng.random() < 0.07:
            desk.git(what, "--abort", ok=False)
            continue
        _solve(desk)
        desk.maybe_recorded(
            0.3, *(("commit", "-q", "--no-edit") if what == "merge" else (what, "--continue")), ok=False
        )
        if desk.repo.status and what != "merge" and not desk.git("diff", "--name-only", "--diff-filter=U"):
            desk.git(what, "--skip", ok=False)
    else:
        desk.git("reset", "-q", "--hard")
    _solve(desk)
    desk.world.sync(hints)


def _solve(desk: Desk, typing: bool = True) -> bool:
    """Solve conflicts by either side, both, and at times a line more; tell whether there were some."""
    rng = desk.world.rng
    stages: dict[str, set[str]] = {}
    for row in desk.git("ls-files", "-u", "-z").split("\0"):
        meta, _, name = row.partition("\t")
        if name:
            stages.setdefault(name, set()).add(meta.split(" ")[2])
    for name, sides in stages.items():
        path = desk.repo.top / name
        if path.is_file() and ({"2", "3"} <= sides or _BEGINS.search(path.read_bytes())):
            path.write_bytes(_solved(desk, path.read_bytes(), typing))
            desk.git("add", "--", name)
        elif path.is_file() and rng.random() < 0.5:
            desk.git("add", "--", name)
        else:
            desk.git("rm", "-q", "-f", "--", name, ok=False)
    return bool(stages)


def _solved(desk: Desk, data: bytes, typing: bool) -> bytes:
    rng, kept = desk.world.rng, []
    # a conflict may stand in another one
    depth, side, choice = 0, "", ""
    for line in data.split(b"\n"):
        if _BEGINS.match(line):
            depth, side, choice = depth + 1, "ours", "both" if depth else rng.choice(("ours", "theirs", "both"))
        elif depth and _GOES_ON.match(line):
            side = "theirs"
        elif depth and _ENDS.match(line):
            depth -= 1
            if not depth and typing and rng.random() < 0.2:
                kept.append(b"# solved as number %d" % rng.randrange(10**6))
                desk.world.book.new(kept[-1], desk.hand, unsure=True)
        elif not depth or choice in ("both", side):
            kept.append(line)
    return b"\n".join(kept)


STEPS: tuple[Step, ...] = (
    *[work] * 14,
    *[start] * 4,
    *[exchange] * 3,
    *[commit, commit_in_part, amend, branch, rebase, rebase_by_hand, pick, revert, merge, reset, rename, stop] * 2,
    stash,
    mail,
)
