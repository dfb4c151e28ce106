"""What may happen at a desk, a function a step. A new step is a function and a row of the table.

A step takes its own random numbers and does what it can in whatever state it finds, so any list of steps is a program.
"""

import os
import shutil
from collections.abc import Callable
from random import Random

from gittrace.vocabulary import CACHE_DIR
from tests.fuzz.conflicts import finish, tidy
from tests.fuzz.model import tokens
from tests.fuzz.world import Desk, scribble

Step = Callable[[Desk, Random], None]


def write(desk: Desk, rng: Random) -> None:
    """Edit by hand."""
    scribble(desk, rng)


def run(desk: Desk, rng: Random) -> None:
    """Record a command that edits, or one that only looks."""
    if not desk.trace:
        start(desk, rng)
    if rng.random() < 0.3:
        scribble(desk, rng)
    with desk.recorded():
        if rng.random() < 0.85:
            scribble(desk, rng)


def run_git(desk: Desk, rng: Random) -> None:
    """Record a command that edits and commits, and perhaps goes on."""
    if not desk.trace:
        start(desk, rng)
    with desk.recorded():
        scribble(desk, rng)
        desk.git("commit", "-qam", "by a recorded command", ok=False)
        if rng.random() < 0.4:
            scribble(desk, rng)
        if rng.random() < 0.3:
            desk.git("switch", "-q", rng.choice(desk.branches()), ok=False)


def start(desk: Desk, rng: Random) -> None:
    """Start a session, of a new trace or of one of this clone's."""
    if desk.trace:
        return
    known = desk.clone.traces
    again = rng.choice(known) if known and rng.random() < 0.35 else None
    desk.observe()
    trace = desk.work.start(again, title=f"trace {len(known)}").trace_id
    desk.clone.events.setdefault(trace, [])
    desk.trace = trace
    desk.say(f"start trace {desk.clone.traces.index(trace)}")


def stop(desk: Desk, rng: Random) -> None:
    """Stop the session."""
    if not desk.trace:
        return
    desk.snapshot()
    desk.say("stop")
    desk.work.stop(rng.choice((True, False, None)))
    desk.trace = None


def seal(desk: Desk, rng: Random) -> None:
    """Have what is finished sealed."""
    desk.say("seal")
    desk.work.seal()


def commit(desk: Desk, rng: Random) -> None:
    """Commit all, some files, or all under a name that was not meant to be."""
    kind = rng.choice(("all", "all", "all", "tracked", "file"))
    if kind == "file" and (changed := _changed(desk)):
        desk.git("add", "-A", "--", rng.choice(changed), ok=False)
    elif kind == "tracked":
        desk.git("add", "-u")
    else:
        desk.git("add", "-A")
    desk.commit()


def _changed(desk: Desk) -> list[str]:
    rows = [row[3:] for row in desk.ask("status", "--porcelain", "-z", "-uall", "--no-renames").split("\0") if row]
    return sorted(rows)


def commit_part(desk: Desk, rng: Random) -> None:
    """Commit some hunks, as `git add -p` does."""
    desk.git("reset", "-q")
    diff = desk.repo.run("git", "diff", "--no-color", "--no-renames", "-U0")
    parts = [part for part in diff.split(b"diff --git ") if part and b"\n@@ " in part and b"deleted file" not in part]
    if not parts:
        return
    head, *hunks = rng.choice(parts).split(b"\n@@ ")
    kept = [hunk.removesuffix(b"\n") for hunk in hunks if rng.random() < 0.5] or hunks[:1]
    patch = b"diff --git " + b"\n@@ ".join([head, *kept]).removesuffix(b"\n") + b"\n"
    desk.git("apply", "--cached", "--unidiff-zero", "-", stdin=patch)
    desk.commit()


def commit_quietly(desk: Desk, rng: Random) -> None:
    """Commit as a program does that knows no hooks and leaves its own words, or none, in the reflog."""
    desk.git("add", "-A")
    tree, head = desk.ask("write-tree"), desk.ask("rev-parse", "HEAD")
    if tree == desk.ask("rev-parse", "HEAD^{tree}"):
        return
    new = desk.git("commit-tree", "-p", head, "-m", "by another tool", tree)
    words = rng.choice(([], ["-m", "Synced by a GUI"], ["-m", "commit: by a library"]))
    desk.git("update-ref", *words, "HEAD", new, head)
    desk.committed()


def amend(desk: Desk, rng: Random) -> None:
    """Amend the last commit, with all that is there or only its message."""
    if not desk.own_commits(1):
        return
    if rng.random() < 0.7:
        desk.git("add", "-A")
    desk.commit("--amend", "--allow-empty", "-m", f"amended {rng.randint(0, 99)}")


def switch(desk: Desk, rng: Random) -> None:
    """Go to another branch, a new one, or to a commit without a branch."""
    tidy(desk, rng)
    kind = rng.random()
    if kind < 0.4:
        commits = ["HEAD", *desk.own_commits()]
        desk.git("switch", "-q", "-c", f"topic{len(desk.world.transcript)}", rng.choice(commits), ok=False)
    elif kind < 0.9:
        desk.git("switch", "-q", rng.choice(desk.branches()), ok=False)
    else:
        desk.git("switch", "-q", "--detach", rng.choice(["HEAD", *desk.own_commits()]), ok=False)


def merge(desk: Desk, rng: Random) -> None:
    """Merge a branch: as it comes, without fast-forward, or squashed."""
    tidy(desk, rng)
    options = rng.choice(([], ["--no-ff"], ["--squash"]))
    desk.git("merge", "-q", "--no-edit", *options, rng.choice(desk.branches()), ok=False)
    finish(desk, rng)
    if options == ["--squash"]:
        brought_in(desk)
        if rng.random() < 0.8:
            desk.commit()


def brought_in(desk: Desk) -> None:
    """Doubt what nobody recorded and an uncommitted merge, pick or pop brought into a session's worktree."""
    if not desk.trace:
        return
    head = desk.clone.commits.commit(desk.ask("rev-parse", "HEAD")).files.values()
    known = frozenset[int]().union(*(file.tokens for file in head))
    here = frozenset[int]().union(*map(tokens, desk.files().values()))
    writers = desk.world.ledger.writers
    desk.world.ledger.unsure |= {token for token in here - known - desk.pending if writers[token] is None}


def rebase(desk: Desk, rng: Random) -> None:
    """Rebase: onto a branch or in place, by either backend, by a random list of things to do."""
    tidy(desk, rng)
    if desk.trace:
        desk.doubt()
    own = desk.own_commits()
    place = rng.choice([*desk.branches(), *(f"{oid}~" for oid in own)])
    options = ["--autostash"] if rng.random() < 0.3 else []
    if rng.random() < 0.25:
        desk.git("rebase", "-q", "--apply", *options, place, ok=False)
        finish(desk, rng)
        return
    editor = desk.world.top / "todo-editor"
    editor.write_text(f"#!{shutil.which('python3')}\n{_TODO}")
    editor.chmod(0o755)
    env = {"GIT_SEQUENCE_EDITOR": f"{editor} {rng.randint(0, 10**6)}", "GIT_EDITOR": "true"}
    desk.git("rebase", "-q", "-i", *options, place, ok=False, env=env)
    todo = desk.world.top / "todo"
    if todo.exists():
        desk.say("todo: " + "; ".join(todo.read_text().split("\n")))
        todo.unlink()
    finish(desk, rng)


# reads, shuffles and rewrites the list; the first that is kept can't be melted into one before it
_TODO = """\
import pathlib, random, sys
seed, path = sys.argv[1:]
rng = random.Random(seed)
rows = [row for row in open(path).read().split("\\n") if row.startswith("pick ")]
if rng.random() < 0.5:
    rng.shuffle(rows)
out = []
for row in rows:
    word = rng.choice(["pick", "pick", "reword", "edit", "squash", "fixup", "fixup -C", "drop"])
    if not any(not done.startswith("drop") for done in out) and word in ("squash", "fixup", "fixup -C"):
        word = "pick"
    out.append(word + row[4:])
if all(row.startswith("drop") for row in out):
    out.append("break")
open(path, "w").write("\\n".join(out) + "\\n")
(pathlib.Path(sys.argv[0]).parent / "todo").write_text("\\n".join(out))
"""


def pick(desk: Desk, rng: Random) -> None:
    """Cherry-pick a commit or two of any branch: as it is, with -x, or without committing."""
    tidy(desk, rng)
    commits = desk.ask("rev-list", "--branches", "--remotes", "--no-merges", "--min-parents=1", "-n30").split()
    if not commits:
        return
    options = rng.choice(([], ["-x"], ["-n"]))
    chosen = rng.sample(commits, min(len(commits), 1 if options == ["-n"] else rng.randint(1, 2)))
    desk.git("cherry-pick", *options, *chosen, ok=False, env={"GIT_EDITOR": "true"})
    if options == ["-n"]:
        settle_conflicts(desk, rng)
        brought_in(desk)
        if rng.random() < 0.8:
            desk.git("add", "-A")
            desk.commit()
    else:
        finish(desk, rng)


def settle_conflicts(desk: Desk, rng: Random) -> None:
    """Solve what `-n` or a pop left in conflict."""
    if desk.ask("diff", "--name-only", "--diff-filter=U"):
        finish(desk, rng, going=False)


def revert(desk: Desk, rng: Random) -> None:
    """Revert one of the last commits; it may be a revert itself."""
    tidy(desk, rng)
    own = desk.own_commits()
    if own:
        desk.git("revert", "--no-edit", rng.choice(own), ok=False, env={"GIT_EDITOR": "true"})
        finish(desk, rng)


def reset(desk: Desk, rng: Random) -> None:
    """Go back: softly, mixed or hard, to a commit before or to where HEAD was some steps ago."""
    own = desk.own_commits(3)
    places = [*(f"{oid}~" for oid in own), "HEAD@{1}", "HEAD@{2}", "HEAD"]
    desk.git("reset", "-q", rng.choice(("--soft", "--mixed", "--hard")), rng.choice(places), ok=False)


def stash(desk: Desk, rng: Random) -> None:
    """Put the work aside."""
    desk.git("stash", "push", "-q", *rng.choice(([], ["-u"], ["--keep-index"])), ok=False)


def pop(desk: Desk, rng: Random) -> None:
    """Take back what was put aside, perhaps at another desk."""
    if desk.ask("rev-parse", "-q", "--verify", "refs/stash"):
        desk.git("stash", rng.choice(("pop", "apply")), "-q", ok=False)
        settle_conflicts(desk, rng)
        brought_in(desk)


def rename(desk: Desk, rng: Random) -> None:
    """git mv."""
    names = [name for name in desk.ask("ls-files", "-z").split("\0") if name]
    if names:
        os.makedirs(desk.repo.top / "moved", exist_ok=True)
        name = rng.choice(names)
        desk.git("mv", name, f"moved/{os.path.basename(name)}", ok=False)


def push(desk: Desk, rng: Random) -> None:
    """Push the branch, at times by force."""
    if desk.ask("symbolic-ref", "-q", "HEAD"):
        desk.git("push", "-q", *rng.choice(([], ["--force"])), "origin", "HEAD", ok=False)


def fetch(desk: Desk, rng: Random) -> None:
    """Fetch, and at times merge or rebase onto what came."""
    desk.git("fetch", "-q", "--prune", "origin")
    fetched = desk.ask("for-each-ref", "--format=%(refname:short)", "refs/remotes/origin/*").split()
    fetched = [name for name in fetched if name not in ("origin", "origin/HEAD")]
    if fetched and rng.random() < 0.6:
        tidy(desk, rng)
        word = rng.choice(("merge", "rebase", "reset"))
        if word == "rebase" and desk.trace:
            desk.doubt()
        options = {"merge": ["--no-edit"], "rebase": [], "reset": ["--keep"]}[word]
        desk.git(word, "-q", *options, rng.choice(fetched), ok=False)
        finish(desk, rng)


def drop_branch(desk: Desk, rng: Random) -> None:
    """Delete a branch, merged or not."""
    names = [name for name in desk.branches() if name not in ("main", "side")]
    if names:
        desk.git("branch", "-q", "-D", rng.choice(names), ok=False)


def wait(desk: Desk, rng: Random) -> None:
    """Let time pass: seconds or hours."""
    seconds = rng.choice((1, 4, 60, 7200))
    desk.say(f"wait {seconds} s")
    desk.world.clock.tick(seconds)


def collect(desk: Desk, rng: Random) -> None:
    """git gc."""
    desk.git("gc", "-q", "--prune=now")


def forget_cache(desk: Desk, rng: Random) -> None:
    """Delete the cache."""
    desk.say("delete the cache")
    shutil.rmtree(os.path.join(desk.work.here.common_trace_dir, CACHE_DIR), ignore_errors=True)


def toggle_hooks(desk: Desk, rng: Random) -> None:
    """Take git's hooks away, or bring them back."""
    away = desk.ask("config", "core.hooksPath") == "/dev/null"
    desk.git("config", *(("--unset", "core.hooksPath") if away else ("core.hooksPath", "/dev/null")))


# name: how often, what
STEPS: dict[str, tuple[int, Step]] = {
    "write": (10, write),
    "run": (16, run),
    "run-git": (3, run_git),
    "start": (5, start),
    "stop": (4, stop),
    "seal": (3, seal),
    "commit": (12, commit),
    "commit-part": (5, commit_part),
    "commit-quietly": (2, commit_quietly),
    "amend": (4, amend),
    "switch": (5, switch),
    "merge": (5, merge),
    "rebase": (5, rebase),
    "pick": (4, pick),
    "revert": (3, revert),
    "reset": (3, reset),
    "stash": (2, stash),
    "pop": (3, pop),
    "rename": (2, rename),
    "push": (3, push),
    "fetch": (3, fetch),
    "drop-branch": (1, drop_branch),
    "wait": (3, wait),
    "collect": (1, collect),
    "forget-cache": (1, forget_cache),
    "toggle-hooks": (1, toggle_hooks),
}
