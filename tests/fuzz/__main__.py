"""`python -m tests.fuzz [--seed N] [--count N] [--steps N]`, or `python -m tests.fuzz replay FILE`."""

import argparse
import itertools
import sys
import time
from pathlib import Path

from tests.fuzz.again import played
from tests.fuzz.engine import Program, program, report, run, shrink


def main() -> int:
    """Run programs until one fails, and print it cut short."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("replay", nargs="*", help="'replay FILE' runs a program that was printed")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="of the first program")
    parser.add_argument("--count", type=int, help="how many programs; without end, if not given")
    parser.add_argument("--steps", type=int, default=40, help="steps of a program")
    parser.add_argument("--sealer", choices=("none", "now", "detached"), default="none", help="what the hooks start")
    parser.add_argument("--shrink", type=float, default=180, metavar="SECONDS", help="time to cut a failure short")
    parser.add_argument("--keep-going", action="store_true", help="a line a failure, and on with the next seed")
    parser.add_argument("--again", action="store_true", help="only compare what is said with and without the cache")
    args = parser.parse_args()
    if args.replay:
        wanted = Program.parse(Path(args.replay[1]).read_text())
        failure = run(wanted)
        print(report(wanted, failure) if failure else "it holds")
        return 1 if failure else 0
    failed = 0
    for seed in itertools.count(args.seed) if args.count is None else range(args.seed, args.seed + args.count):
        began = time.monotonic()
        wanted = program(seed, args.steps, args.sealer)
        failure = played(seed, args.steps) if args.again else run(wanted)
        said = failure.text.strip().splitlines()[-1] if failure else "holds"
        print(f"seed {seed} {time.monotonic() - began:5.1f} s  {said}", file=sys.stderr, flush=True)
        if failure and args.again and not args.keep_going:
            print(failure.text, *failure.transcript, sep="\n")
            return 1
        if failure and not args.keep_going:
            print(report(*shrink(wanted, failure, args.shrink)))
            return 1
        failed += bool(failure)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
