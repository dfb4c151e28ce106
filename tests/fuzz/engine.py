"""Make programs from a seed, run them, and cut a failing one down to what is needed to fail."""

import os
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from unittest import mock

from tests.fuzz.checks import Broken, check
from tests.fuzz.steps import STEPS, Step
from tests.fuzz.world import Desk, Setup, World
from tests.support.repo import hermetic_environment


@dataclass(frozen=True)
class Action:
    """A step of a program: what, at which desk, with which random numbers. In words: `run a 123`."""

    name: str
    desk: str
    seed: int

    def __str__(self) -> str:
        return f"{self.name} {self.desk} {self.seed}"


@dataclass(frozen=True)
class Program:
    """A stage and what happens on it; each step can be left out without changing what the others draw."""

    setup: Setup
    actions: tuple[Action, ...]

    def __str__(self) -> str:
        return "\n".join([f"{self.setup.sealer} {self.setup.object_format}", *map(str, self.actions)])

    @classmethod
    def parse(cls, text: str) -> "Program":
        """Read what `str` wrote."""
        head, *rows = [row.split() for row in text.splitlines() if row.strip()]
        return cls(Setup(*head), tuple(Action(name, desk, int(seed)) for name, desk, seed in rows))


@dataclass(frozen=True)
class Stage:
    """Where programs are played.

    world   builds the stage
    steps   what may happen there
    desks   where, the likelier ones several times
    check   what must hold at a desk after each `every` steps
    end     what must hold at the end
    replay  the command line that plays a program again
    """

    world: Callable[[Path, dict[str, str], Setup], World]
    steps: Mapping[str, tuple[int, Step]]
    desks: tuple[str, ...]
    check: Callable[[Desk, Random], None]
    every: int
    end: Callable[[World], None]
    replay: str


def _check_all(world: World) -> None:
    for desk in world.desks:
        check(desk, Random(0))


INSIDE = Stage(World, STEPS, ("a", "a", "a2", "b"), check, 10, _check_all, "python -m tests.fuzz replay FILE")


@dataclass(frozen=True)
class Failure:
    """How a program failed: the rule (or the exception and where it was raised), the words, what had happened."""

    rule: str
    text: str
    transcript: tuple[str, ...]


def program(seed: int, length: int, sealer: str = "none", stage: Stage = INSIDE) -> Program:
    """Return the program of a seed."""
    rng = Random(seed)
    setup = Setup(sealer, rng.choice(("sha1", "sha1", "sha1", "sha256")))
    names, weights = list(stage.steps), [often for often, _ in stage.steps.values()]
    desk, actions = "a", []
    for name in rng.choices(names, weights, k=length):
        if rng.random() < 0.2:
            desk = rng.choice(stage.desks)
        actions.append(Action(name, desk, rng.randrange(10**6)))
    return Program(setup, tuple(actions))


def run(wanted: Program, stage: Stage = INSIDE) -> Failure | None:
    """Run a program in a directory of its own, and return how it failed."""
    return on_stage(wanted.setup, lambda world: _play(world, wanted.actions, stage), stage)


def on_stage(setup: Setup, act: Callable[[World], None], stage: Stage = INSIDE) -> Failure | None:
    """Do something on a stage of its own, and return how it failed."""
    with secluded() as (folder, env):
        world = stage.world(folder, env, setup)

        def undisturbed() -> None:
            with _no_chance(world):
                act(world)

        return failure_of(undisturbed, world.transcript)


@contextmanager
def secluded() -> Iterator[tuple[Path, dict[str, str]]]:
    """Yield a folder, and the environment in which all runs meanwhile: nothing of this machine is seen in it."""
    with tempfile.TemporaryDirectory(prefix="fuzz-", ignore_cleanup_errors=True) as folder:
        home = Path(folder, "home")
        home.mkdir()
        env = hermetic_environment(home)
        with mock.patch.dict(os.environ, env, clear=True):
            yield Path(folder), env


def failure_of(act: Callable[[], None], transcript: Sequence[str]) -> Failure | None:
    """Do something, and return how it failed."""
    try:
        act()
    except Broken as error:
        return Failure(error.rule, str(error), tuple(transcript))
    except Exception as error:  # whatever it is, it is what is being looked for
        where = traceback.extract_tb(error.__traceback__)[-1]
        rule = f"{type(error).__name__} in {os.path.basename(where.filename)}:{where.name}"
        return Failure(rule, traceback.format_exc(), tuple(transcript))
    return None


@contextmanager
def _no_chance(world: World) -> Iterator[None]:
    """Make times and ids those of the stage, unless other processes have a say in them."""
    clock = world.clock
    if clock.real:
        yield
        return
    with (
        mock.patch("time.time", clock.time),
        mock.patch("time.time_ns", clock.time_ns),
        mock.patch("os.urandom", Random(0).randbytes),
        mock.patch("gittrace.clock._last_id", 0),
        # a lineage is kept however little is new in it
        mock.patch("gittrace.trace.authorship.kept._STEPS", 1),
        mock.patch("gittrace.trace.authorship.kept._STEPS_PART", 0),
    ):
        yield


def _play(world: World, actions: Sequence[Action], stage: Stage) -> None:
    desks = {desk.name: desk for desk in world.desks}
    for number, action in enumerate(actions, 1):
        rng = Random(action.seed)
        stage.steps[action.name][1](desks[action.desk], rng)
        world.step_done()
        if number % stage.every == 0:
            stage.check(desks[action.desk], rng)
    stage.end(world)


def shrink(wanted: Program, failure: Failure, seconds: float, stage: Stage = INSIDE) -> tuple[Program, Failure]:
    """Return a program that fails by the same rule and has no more steps than it needs, as far as time allows."""
    end = time.monotonic() + seconds
    size = max(len(wanted.actions) // 2, 1)
    while True:
        for shorter in _shorter(wanted, size):
            if time.monotonic() > end:
                return wanted, failure
            again = run(shorter, stage)
            if again and again.rule == failure.rule:
                wanted, failure = shorter, again
                break
        else:
            if size == 1:
                return wanted, failure
            size = max(size // 2, 1)


def _shorter(wanted: Program, size: int) -> Iterator[Program]:
    for start in reversed(range(0, len(wanted.actions), size)):
        yield Program(wanted.setup, wanted.actions[:start] + wanted.actions[start + size :])


def report(wanted: Program, failure: Failure, stage: Stage = INSIDE) -> str:
    """Return what a person needs to see and to run it again."""
    happened = "\n".join(failure.transcript)
    return f"{failure.text}\n\n-- what happened\n{happened}\n\n-- program: {stage.replay}\n{wanted}\n"
