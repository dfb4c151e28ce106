"""The same answers, whatever the cache went through: what is derived step by step is what is derived from scratch.

No model here: steps of `tests.fuzz.steps`, and more that the model knows nothing of, are played on the usual stage.
After each something is asked, with a cache that lives on, and now and then everything: with that cache, and without.
"""

import os
import shutil
import sqlite3
from pathlib import Path
from random import Random

from gittrace.model.segment import Forget, SegmentLine, parse_note, render_note
from gittrace.model.trace import Outcome
from gittrace.trace.history.outcome import Historian, outcomes
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import CACHE_DIR, NOTES_REF, REMOTE_NOTES_REFS
from tests.fuzz.checks import Broken, differences
from tests.fuzz.engine import Failure, on_stage
from tests.fuzz.steps import STEPS, Step
from tests.fuzz.world import Desk, Setup, World

_EVERY = 6
_LATE = f"{REMOTE_NOTES_REFS}other/writer"


def played(seed: int, count: int) -> Failure | None:
    """Play a program of so many steps, and return how it failed."""
    setup = Setup("none", Random(seed).choice(("sha1", "sha1", "sha256")))
    return on_stage(setup, lambda world: play(world, count, seed))


def play(world: World, count: int, seed: int) -> None:
    """Play so many steps. Raises Broken."""
    rng = Random(seed)
    steps = {name: step for name, step in STEPS.items() if name != "forget-cache"} | _STEPS
    names = rng.choices(list(steps), [often for often, _ in steps.values()], k=count)
    desk = world.desks[0]
    for number, name in enumerate(names, 1):
        if rng.random() < 0.25:
            desk = rng.choice(world.desks)
        steps[name][1](desk, rng)
        _ask(desk, rng)
        if number % _EVERY == 0:
            compare(desk, rng)
    for desk in world.desks:
        compare(desk, rng)


def _ask(desk: Desk, rng: Random) -> None:
    """Ask of one trace or commit: what is read for it is in the cache from then on."""
    if rng.random() < 0.5:
        return
    store = Store(desk.work.here)
    try:
        traces = store.trace_ids()
        if traces:
            historian = Historian(store, ())
            historian.links(rng.choice(traces))
            historian.links_to(desk.ask("rev-parse", "HEAD"))
    finally:
        store.close()


def compare(desk: Desk, rng: Random) -> None:
    """Compare what is said with the cache and without any. Raises Broken."""
    desk.say("compare")
    commits = desk.ask("rev-list", "--all", "-n40").split()
    commit = rng.choice(commits)
    warm = _said(desk, rng, commit)
    folder = os.path.join(desk.work.here.common_trace_dir, CACHE_DIR)
    os.makedirs(folder, exist_ok=True)
    os.rename(folder, f"{folder}.warm")
    try:
        cold = _said(desk, rng, commit)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        os.rename(f"{folder}.warm", folder)
    if warm[1] != cold[1]:
        raise Broken("the cache changes nothing", f"traces in {commit[:7]}: {warm[1]}, not {cold[1]}")
    if warm[0].keys() != cold[0].keys():
        raise Broken("the cache changes nothing", f"traces {sorted(warm[0])}, not {sorted(cold[0])}")
    for trace, outcome in cold[0].items():
        if warm[0][trace] != outcome:
            raise Broken("the cache changes nothing", f"{trace}: " + "; ".join(differences(warm[0][trace], outcome)))


def _said(desk: Desk, rng: Random, commit: str) -> tuple[dict[str, Outcome], object]:
    store = Store(desk.work.here)
    try:
        traces = store.trace_ids()
        asked = rng.sample(traces, len(traces))
        found = outcomes(store, [store.load(trace) for trace in asked])
        return found, Historian(store, ()).links_to(commit)
    finally:
        store.close()


def _late_notes(desk: Desk, rng: Random) -> None:
    """Fetch the notes of the other clone, long after its commits, or before them; or drop what was fetched."""
    if rng.random() < 0.25:
        desk.git("update-ref", "-d", _LATE)
        return
    other = "b" if desk.clone.name == "a" else "a"
    desk.git("fetch", "-q", f"../{other}", f"+{NOTES_REF}:{_LATE}", ok=False)


def _forget(desk: Desk, rng: Random) -> None:
    """Put a tombstone on a trace, or take one away."""
    rows = [row.split() for row in desk.ask("notes", f"--ref={NOTES_REF}", "list").splitlines()]
    if not rows:
        return
    _, commit = rng.choice(rows)
    note = parse_note(desk.repo.run("git", "notes", f"--ref={NOTES_REF}", "show", commit))
    if note.forgets:
        lines: list[SegmentLine | Forget] = list(note.segments)
    elif note.segments and rng.random() < 0.3:
        lines = [*note.segments, Forget(note.segments[0].trace_id, "2030-01-01T00:00:00.000000Z")]
    else:
        return
    blob = desk.repo.git("hash-object", "-w", "--stdin", stdin=render_note(lines))
    desk.git("notes", f"--ref={NOTES_REF}", "add", "-f", "-C", blob, commit)


def _move_refs(desk: Desk, rng: Random) -> None:
    """Move refs back, on, or away, behind everybody's back."""
    commits = desk.ask("rev-list", "--all", "-n40").split()
    name = rng.choice(("refs/heads/back", "refs/remotes/origin/back", "refs/tags/back", "refs/remotes/gone/main"))
    if rng.random() < 0.3:
        desk.git("update-ref", "-d", name)
    else:
        desk.git("update-ref", name, rng.choice(commits))


def _detach(desk: Desk, rng: Random) -> None:
    """Check out a commit, or a branch again."""
    places = [*desk.ask("rev-list", "--all", "-n10").split(), "main", "side"]
    desk.git("checkout", "-q", "--detach", rng.choice(places), ok=False)


def _prune(desk: Desk, rng: Random) -> None:
    """Let git drop what nothing leads to, reflogs included."""
    desk.git("reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    desk.git("gc", "-q", "--prune=now")


def _cut(desk: Desk, rng: Random) -> None:
    """Make the clone shallow, or whole again."""
    options = ("--unshallow",) if (Path(desk.work.here.common_dir) / "shallow").exists() else ("--depth=3",)
    desk.git("fetch", "-q", *options, "origin", ok=False)


def _cache(desk: Desk, name: str = "history.sqlite") -> Path:
    return Path(desk.work.here.common_trace_dir) / CACHE_DIR / name


def _damage(desk: Desk, rng: Random) -> None:
    """Overwrite a part of the cache, cut it short, or delete some of it."""
    path = _cache(desk)
    if not path.exists():
        return
    desk.say("damage the cache")
    data = bytearray(path.read_bytes())
    kind = rng.choice(("junk", "short", "empty", "gone"))
    if kind == "junk":
        at = rng.randrange(max(len(data) - 4096, 1))
        data[at : at + 4096] = rng.randbytes(4096)
    elif kind == "short":
        del data[rng.randrange(len(data)) :]
    if kind == "gone":
        path.unlink()
    else:
        path.write_bytes(b"" if kind == "empty" else data)


def _grow_old(desk: Desk, rng: Random) -> None:
    """Say that the cache is another version's."""
    path = _cache(desk)
    if path.exists():
        desk.say("an older cache")
        db = sqlite3.connect(path)
        db.execute(f"pragma user_version = {rng.randrange(3)}")
        db.close()


def _kill_writer(desk: Desk, rng: Random) -> None:
    """Leave behind what a process leaves that was killed as it wrote: a file half written, and the way back."""
    path = _cache(desk)
    if not path.exists():
        return
    desk.say("kill a writer")
    journal = path.with_name(f"{path.name}-journal")
    db = sqlite3.connect(path, isolation_level=None)
    try:
        db.execute("pragma cache_size = 2")
        db.execute("begin immediate")
        for table in ("wrote", "changes", "commits", "traces"):
            db.execute(f"delete from {table}")
        kept = path.read_bytes(), journal.read_bytes() if journal.exists() else b""
        db.execute("rollback")
    except sqlite3.DatabaseError:
        return  # damaged before
    finally:
        db.close()
    path.write_bytes(kept[0])
    journal.write_bytes(kept[1])


_STEPS: dict[str, tuple[int, Step]] = {
    "late-notes": (6, _late_notes),
    "forget": (4, _forget),
    "move-refs": (6, _move_refs),
    "detach": (2, _detach),
    "prune": (1, _prune),
    "cut": (1, _cut),
    "damage": (1, _damage),
    "grow-old": (1, _grow_old),
    "kill-writer": (2, _kill_writer),
}
