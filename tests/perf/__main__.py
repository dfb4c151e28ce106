"""Measure what gittrace costs beside git: `python -m tests.perf [--quick] [--rounds N] [NAME...]`.

Everything is a ratio or a difference within one run, since no two machines are alike. It takes minutes, and a machine
that has nothing else to do.
"""

import argparse
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.perf import commit, history, links, redaction, run, sealing, sharing
from tests.perf.lab import FULL, QUICK, Lab
from tests.perf.measure import Row, render

BENCHMARKS: dict[str, Callable[[Lab], list[Row]]] = {
    "commit": commit.measure_commit,
    "rebase": commit.measure_rebase,
    "run": run.measure,
    "history": history.measure,
    "links": links.measure,
    "all": links.measure_all,
    "blame": links.measure_blame,
    "redaction": redaction.measure,
    "seal": sealing.measure_time,
    "share": sharing.measure,
    "growth": sealing.measure_growth,
}


def main() -> int:
    """Measure, print a table, and return 1 if a goal was missed."""
    parser = argparse.ArgumentParser(prog="python -m tests.perf", description=__doc__.partition("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"some of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--quick", action="store_true", help="smaller repositories and fewer rounds")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often to measure everything")
    args = parser.parse_args()
    if unknown := set(args.names) - set(BENCHMARKS):
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="gittrace-perf-") as folder:
        lab = Lab(Path(folder), QUICK if args.quick else FULL, args.rounds)
        lab.install()
        for name in args.names or BENCHMARKS:
            sys.stderr.write(f"{name}...\n")
            rows += BENCHMARKS[name](lab)
    print(render(rows))
    return 1 if any(row.verdict == "over" for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
