"""Natural text through random histories: `python -m tests.fuzz.natural [FIRST [LAST [STEPS]]] [--source REPOSITORY]`.

All is done on the command line. What is told in the end, in either clone, is compared with the book of who wrote what.
"""

import argparse
import sys
import time
from pathlib import Path

from tests.fuzz.natural.play import played

_STEPS = 50


def main() -> int:
    """Play programs, and print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.natural", description=__doc__)
    parser.add_argument("first", nargs="?", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("last", nargs="?", type=int, help="the last seed")
    parser.add_argument("steps", nargs="?", type=int, default=_STEPS, help="how many steps a seed has")
    parser.add_argument("--source", type=Path, help="a repository whose files and commits are used too")
    args = parser.parse_args()
    failed = 0
    for seed in range(args.first, (args.last or args.first) + 1):
        began = time.monotonic()
        problems, log = played(seed, args.steps, args.source)
        print(f"seed {seed} {time.monotonic() - began:5.1f} s  {len(problems) or 'no'} problems", flush=True)
        print(*problems, *(log if problems else ()), sep="\n    ", end="\n" if problems else "")
        failed += bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
