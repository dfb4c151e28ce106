"""Random work on the real command line against the truth: `python -m tests.fuzz.blackbox [FIRST [LAST [STEPS]]]`.

Each seed makes a program, which is played on a stage of its own with detached sealers; a failure is printed, with the
program to run it again: `python -m tests.fuzz.blackbox replay FILE`.
"""

import argparse
import sys
import time
from pathlib import Path
from random import Random

from tests.fuzz.engine import Failure, Program, Stage, program, report, run, shrink
from tests.fuzz.outside import Outside
from tests.fuzz.outside_checks import check, check_end
from tests.fuzz.outside_steps import OUTSIDE_STEPS

OUTSIDE = Stage(
    Outside,
    OUTSIDE_STEPS,
    ("a", "a", "a", "a2", "b", "b", "c"),
    check,
    15,
    check_end,
    "python -m tests.fuzz.blackbox replay FILE",
)
_STEPS = 60


def made(seed: int, steps: int) -> Program:
    """Return the program of a seed; of every other one each step waits for the sealers."""
    return program(seed, steps, Random(seed).choice(("outside", "waited")), OUTSIDE)


def played(seed: int, steps: int) -> str | None:
    """Play the program of a seed; return a report of how it failed."""
    wanted = made(seed, steps)
    failure = run(wanted, OUTSIDE)
    return report(wanted, failure, OUTSIDE) if failure else None


def main() -> int:
    """Run programs; print those that fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.blackbox", description=__doc__)
    parser.add_argument("first", nargs="?", default=str(int(time.time())), help="the first seed, or 'replay'")
    parser.add_argument("last", nargs="?", help="the last seed, or the file to replay")
    parser.add_argument("steps", nargs="?", type=int, default=_STEPS, help="steps of a program")
    parser.add_argument("--shrink", type=float, default=0, metavar="SECONDS", help="time to cut a failure short")
    parser.add_argument("--reports", type=Path, metavar="FOLDER", help="where to write what failed; else it is printed")
    args = parser.parse_args()
    if args.first == "replay":
        return _replay(Path(args.last), args.shrink)
    failed = []
    seeds = range(int(args.first), int(args.last or args.first) + 1)
    for seed in seeds:
        began = time.monotonic()
        wanted = made(seed, args.steps)
        failure = run(wanted, OUTSIDE)
        said = failure.text.strip().splitlines()[-1] if failure else "holds"
        print(
            f"seed {seed} {wanted.setup.sealer} {time.monotonic() - began:5.1f} s  {said}", file=sys.stderr, flush=True
        )
        if failure:
            failed.append(seed)
            _tell(seed, *_cut(wanted, failure, args.shrink), args.reports)
    print(f"{len(failed)} of {len(seeds)} programs of {args.steps} steps failed: {failed}")
    return 1 if failed else 0


def _cut(wanted: Program, failure: Failure, seconds: float) -> tuple[Program, Failure]:
    return shrink(wanted, failure, seconds, OUTSIDE) if seconds else (wanted, failure)


def _tell(seed: int, wanted: Program, failure: Failure, folder: Path | None) -> None:
    text = report(wanted, failure, OUTSIDE)
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{seed}.txt").write_text(text)
        (folder / f"{seed}.program").write_text(str(wanted))
    else:
        print(text)


def _replay(path: Path, seconds: float) -> int:
    wanted = Program.parse(path.read_text())
    failure = run(wanted, OUTSIDE)
    print(report(*_cut(wanted, failure, seconds), OUTSIDE) if failure else "it holds")
    return 1 if failure else 0


if __name__ == "__main__":
    sys.exit(main())
