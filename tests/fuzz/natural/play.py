"""Play the program of a seed."""

import tempfile
from pathlib import Path
from random import Random

from tests.fuzz.natural.checks import check
from tests.fuzz.natural.steps import STEPS, clean, stop
from tests.fuzz.natural.world import World


def played(seed: int, steps: int, source: Path | None = None) -> tuple[list[str], list[str]]:
    """Return what is wrong in the end, and what was done.

    Of every other seed each step waits for the sealers. They work on when it has ended, so what is left is let be.
    """
    rng = Random(seed)
    with tempfile.TemporaryDirectory(prefix="gittrace-natural-", ignore_cleanup_errors=True) as folder:
        world = World(Path(folder), rng, source, waits=seed % 2 == 0)
        for _ in range(steps):
            desk = rng.choices(world.desks, (5, 3, 2))[0]
            step = rng.choice(STEPS)
            world.say(f"{desk.name}: {step.__name__}")
            step(desk)
            world.sync()
            world.say(f"{desk.name}: at {desk.head()[:7]}")
        for desk in world.desks:
            clean(desk)
            if rng.random() < 0.5:
                stop(desk)
        world.sync()
        problems = []
        for desk in (world.desks[0], world.desks[2]):
            desk.git("trace", "seal")
            problems += [f"{desk.name}: {text}" for text in check(desk)]
    return problems, world.log
