"""Random sharing on the real command line: `python -m tests.fuzz.sharing [FIRST [LAST [STEPS]]]`.

Clones of one server record, rewrite, push, fetch, forget and are copied, while the server refuses and forgets. After
each step nothing private may be published; in the end, when all have pushed and fetched, all must know the same, and
nothing that was recorded may be missing. A failure is printed, with what had happened.
"""

import argparse
import sys
import time
from collections import Counter
from collections.abc import Iterator
from random import Random
from typing import Any

from gittrace.share.remotes import writer_of
from tests.fuzz.checks import Broken
from tests.fuzz.engine import Failure, failure_of, secluded
from tests.fuzz.exchange import Clone, Exchange
from tests.fuzz.exchange_steps import STEPS
from tests.support.recording import view

_STEPS = 40


def played(seed: int, count: int) -> Failure | None:
    """Play the program of a seed, of so many steps; return how it failed."""
    with secluded() as (folder, env):
        exchange = Exchange(folder, env)
        return failure_of(lambda: _play(exchange, count, Random(seed)), exchange.transcript)


def _play(exchange: Exchange, count: int, rng: Random) -> None:
    clone = exchange.clones[0]
    for name in rng.choices(list(STEPS), [often for often, _ in STEPS.values()], k=count):
        if rng.random() < 0.4:
            clone = rng.choice(exchange.clones)
        exchange.transcript.append(f"-- {name}")
        STEPS[name][1](clone, rng)
        exchange.settle()
        _nothing_private(exchange)
    _publish_all(exchange)
    _all_know_the_same(exchange)


def _nothing_private(exchange: Exchange) -> None:
    """What is published is noted on commits that the server had. Raises Broken."""
    discreet = {writer_of(view(clone.repo)) for clone in exchange.clones if clone.name not in exchange.opened}
    for writer in exchange.tips():
        # each segment is unpacked, too
        private = exchange.server.segments(writer).keys() - exchange.public
        if private and writer in discreet:
            raise Broken("nothing private is published", f"by {writer}: notes of {sorted(private)}")


def _publish_all(exchange: Exchange) -> None:
    """Have all push and fetch all there is."""
    if (exchange.server.repo.top / "hooks" / "pre-receive").exists():
        exchange.server.relent()
    exchange.transcript.append("-- all push and fetch")
    for clone in exchange.clones:
        if clone.active():
            clone.git("trace", "stop")
        clone.tidy()
    for _ in range(2):
        for clone in exchange.clones:
            clone.git("push", "-q", "--force", clone.remote, f"refs/heads/*:refs/heads/{clone.name}/*")
            exchange.settle()
            clone.git("trace", "push", "--all")
            clone.git("trace", "push", "--unlinked")
        for clone in exchange.clones:
            clone.git("fetch", "-q", "--prune", "--tags", "--force", clone.remote)
            clone.git("trace", "fetch", clone.remote)
    exchange.settle()


def _all_know_the_same(exchange: Exchange) -> None:
    """Raises Broken."""
    first, *others = exchange.clones
    wanted = dict(_known(first, exchange))
    missing = {event for event, trace in exchange.recorded.items() if trace not in exchange.forgotten}
    for known in wanted.values():
        missing -= known["events"].keys()
    if missing:
        raise Broken("what was recorded is there", f"missing: {sorted(missing)}")
    for clone in others:
        found = dict(_known(clone, exchange))
        if found != wanted:
            wrong = sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))
            said = "\n".join(
                f"{name}\n {first.name} {wanted.get(name)}\n {clone.name} {found.get(name)}" for name in wrong
            )
            raise Broken("all know the same", said)
    for clone in exchange.clones:
        clone.git("fsck", "--no-dangling")
        for item in clone.ask("verify")["traces"]:
            if item["mismatch"] or item["damaged"]:
                raise Broken("what was recorded is sound", f"{clone.name}: {item}")
    for writer in exchange.tips():
        exchange.server.segments(writer)


def _known(clone: Clone, exchange: Exchange) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what a clone knows of each trace that was not forgotten: its events, its links, how it ended."""
    for trace, item in clone.traces().items():
        if trace in exchange.forgotten:
            raise Broken("what was forgotten is gone", f"{clone.name} lists {trace}")
        shown = clone.ask("show", trace)
        links = [
            (link["commit"], link["tier"], link["share"]) for link in clone.ask("links", trace) if link["reachable"]
        ]
        yield (
            trace,
            {
                "events": Counter(event["id"] for event in shown["events"]),
                "links": sorted(links),
                "state": item["state"],
                "segments": sorted(f"{one['session_id']}-{one['index']}" for one in shown["segments"]),
            },
        )


def main() -> int:
    """Run programs; print those that fail."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.sharing", description=__doc__)
    parser.add_argument("first", nargs="?", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("last", nargs="?", type=int, help="the last seed")
    parser.add_argument("steps", nargs="?", type=int, default=_STEPS, help="steps of a program")
    args = parser.parse_args()
    failed = []
    seeds = range(args.first, (args.last or args.first) + 1)
    for seed in seeds:
        began = time.monotonic()
        failure = played(seed, args.steps)
        said = failure.rule if failure else "holds"
        print(f"seed {seed} {time.monotonic() - began:5.1f} s  {said}", file=sys.stderr, flush=True)
        if failure:
            failed.append(seed)
            print("\n".join((f"seed {seed}: {failure.text}", "-- what happened", *failure.transcript)), flush=True)
    print(f"{len(failed)} of {len(seeds)} programs of {args.steps} steps failed: {failed}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
