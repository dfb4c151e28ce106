"""What recording leaves loose is packed before git would think of gc, and nothing else is touched."""

import os
from pathlib import Path

from gittrace.trace.sealing import packing
from tests.support.recording import Recording, view
from tests.support.trees import write_trees


def packs(work: Recording) -> set[str]:
    """Return the names of the packs."""
    folder = Path(work.here.common_dir, "objects/pack")
    return {path.stem.removeprefix("pack-") for path in folder.glob("*.pack")}


def loose(work: Recording) -> int:
    """Return the number of loose objects."""
    return int(work.git("count-objects").split()[0])


def recorded(work: Recording, number: int) -> None:
    """Record a commit's worth of work."""
    work.did(f"step{number}", a=f"{number}\n", b=f"{number} more\n")
    work.commit()


def test_only_what_recording_made_is_packed(work: Recording, tmp_path: Path) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.did("undo", a="2\n")
    tip = work.commit()
    work.seal()
    before = loose(work)
    assert packing.pack(work.here)
    assert loose(work) < before
    own = Path(work.here.common_dir, "objects", tip[:2], tip[2:])
    assert own.exists()
    assert len(packs(work)) == 1
    assert not packing.pack(work.here)
    work.check(tmp_path)


def test_many_packs_become_one(work: Recording, tmp_path: Path) -> None:
    work.start()
    for number in range(10):
        recorded(work, number)
        work.seal()
        packing.pack(work.here)
        assert len(packs(work)) <= 8
    assert work.repo.run("git", "fsck", "--full", "--no-dangling", "--no-progress") == b""
    work.check(tmp_path)


def test_packs_that_gc_took_in(work: Recording, tmp_path: Path) -> None:
    work.start()
    for number in range(12):
        recorded(work, number)
        work.seal()
        packing.pack(work.here)
        if number % 5 == 4:
            work.git("gc", "-q", "--prune=now")
    assert work.repo.run("git", "fsck", "--full", "--no-dangling", "--no-progress") == b""
    work.check(tmp_path)


def test_a_multi_pack_index_keeps_its_packs(work: Recording) -> None:
    work.git("config", "maintenance.auto", "false")  # git's own work would take the packs in
    work.start()
    for number in range(10):
        recorded(work, number)
        work.seal()
        packing.pack(work.here)
        if number == 4:
            work.git("multi-pack-index", "write")
            named = packs(work)
    assert named <= packs(work)
    assert work.repo.run("git", "fsck", "--full", "--no-dangling", "--no-progress") == b""


def test_when_it_is_due(work: Recording) -> None:
    work.start()
    recorded(work, 0)
    assert not packing.pack_if_due(work.here)
    work.git("config", "gc.auto", "0")
    write_trees(work.repo, *({b"x": (0o100644, b"%d" % number)} for number in range(1)))
    assert not packing.pack_if_due(work.here)
    work.git("config", "gc.auto", "1")
    os.makedirs(Path(work.here.common_dir, "objects/17"), exist_ok=True)
    number = 0
    while not packing.loose_objects(work.here):
        number += 1
        work.repo.run("git", "hash-object", "-w", "--stdin", stdin=b"%d" % number)
    assert packing.pack_if_due(view(work.repo))


def test_without_refs_or_commits(work: Recording, tmp_path: Path) -> None:
    assert not packing.pack(work.here)
    work.repo.run("git", "init", "-q", str(tmp_path / "empty"))
    from tests.support.repo import Repo

    new = Recording(Repo(tmp_path / "empty", work.repo.env))
    new.install()
    new.start()
    new.did("first", a="1\n")
    assert packing.pack(new.here)
    new.check(tmp_path / "x")
