"""git trace remotes."""

import argparse
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from gittrace.commands.common import json_option, print_json
from gittrace.commands.display import local_time, safe
from gittrace.git.repository import discover
from gittrace.share.overview import Standing, standings
from gittrace.text import counted

DESCRIPTION = """\
List the remotes: where traces of what is pushed there go, how many writers are known to have published there, and what
waits to be published, with the reason."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """List."""
    repo = discover()
    found = standings(repo)
    if args.json:
        print_json([as_json(standing) for standing in found])
        return 0
    on = repo.config("trace.push") == "auto"
    for standing in found:
        for line in lines(standing, on):
            print(line)
    return 0


def as_json(standing: Standing) -> dict[str, Any]:
    """Return a remote, as `--json` prints it (doc/JSON.md)."""
    return asdict(standing)


def lines(standing: Standing, on: bool) -> Iterator[str]:
    """Yield a remote for people; `on`: pushes publish."""
    name = safe(standing.remote)
    writers = f"{counted(len(standing.writers), 'writer')} known" if standing.writers else "nothing known to be there"
    if standing.to is None:
        yield f"{name}: not shared; {writers}"
    else:
        how = "every push publishes" if on else "trace.push is off: 'git trace push' publishes"
        to = f" at {safe(standing.to)}" if standing.to != standing.remote else ""
        yield f"{name}: {how}{to}; {writers}"
    yield from (f"  {line}" for line in waiting_lines(standing))


def waiting_lines(standing: Standing) -> Iterator[str]:
    """Yield what waits and why."""
    if standing.problem:
        yield f"cannot publish: {safe(standing.problem)}"
    if standing.segments:
        yield f"{counted(standing.segments, 'segment')} on {counted(standing.commits, 'commit')} to be published"
    elif standing.signatures:
        yield f"{counted(standing.signatures, 'signature')} to be published"
    if standing.removed:
        yield f"{counted(standing.removed, 'segment')} to be removed there"
    for entry in standing.waiting:
        if entry.why:
            yield f"tried {counted(entry.failed, 'time')}, last {local_time(entry.tried)}: {safe(entry.why)}"
        else:
            yield f"a push of {local_time(entry.at)} is on its way, or was cut off"
    for item in standing.held:
        yield safe(str(item["why"]))
        yield from (f"  {safe(line)}" for line in str(item["hint"]).splitlines())
