"""git trace verify."""

import argparse
import sys
from collections import Counter

from gittrace.commands.common import json_option, print_json
from gittrace.commands.signed_text import counted_letters, named_lines
from gittrace.errors import TraceError
from gittrace.git.repository import discover
from gittrace.model.events import parse_segment
from gittrace.model.trace import Segment, Trace
from gittrace.text import shown
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.signed import UNSIGNED, Standing, standing_json, standings
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import CANNOT, MISMATCH, OK, REDACTED, Outcome, rebuild

DESCRIPTION = """\
Rebuild every snapshot of a trace (of all traces, if none is named) by applying its recorded diffs to the commit that it
began on, and compare with the recorded tree ids. Exits with 1 if any differs or a record is damaged; what can't be
rebuilt here is named with the reason. A diff in which secrets were masked can't make the content of its file again:
that file's recorded id is taken on trust, and named. Signatures of segments are checked as git checks those of commits,
and a bad one makes the exit status 1."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)
    parser.add_argument("--signed", action="store_true", help="exit with 1, too, if a segment has no good signature")
    parser.add_argument("trace", nargs="?", metavar="TRACE", help="what to verify")


def run(args: argparse.Namespace) -> int:
    """Verify."""
    store = Store(discover())
    try:
        ids = [find_trace(store, args.trace)] if args.trace else store.trace_ids()
        signed: list[list[tuple[Segment, Standing]]] = []
        reports = [_report(store, trace, signed) for trace in ids]
        damage = [f"note of commit {commit}: {why}" for _, commit, why in store.index.damage()]
        damage += [problem for problem in store.problems if problem not in store.blocked]
        for problem in store.blocked:
            sys.stderr.write(f"warning: {shown(problem)}\n")
    finally:
        store.close()
    bad = bool(damage) or any(report["mismatch"] or report["damaged"] for report in reports)
    bad |= any(standing.failed or (args.signed and standing.letter != "G") for some in signed for _, standing in some)
    if args.json:
        print_json({"traces": reports, "damaged": damage})
        return int(bad)
    for report, some in zip(reports, signed, strict=True):
        _print(report, some, args.signed)
    for line in damage:
        print(f"damaged: {shown(line)}")
    return int(bad)


def _report(store: Store, trace_id: str, signed: list[list[tuple[Segment, Standing]]]) -> dict[str, object]:
    """Return the counts of a trace, and a line for each tree that is not proved; add how its segments are signed."""
    report: dict[str, object] = {
        "trace_id": trace_id,
        "ok": 0,
        "redacted": [],
        "mismatch": [],
        "cannot": [],
        "damaged": [],
        "segments": [],
    }
    signed.append([])
    try:
        trace = store.load(trace_id)
        damaged = list(_damaged(trace))
        signed[-1] = standings(store, trace_id, trace.segments)
        outcomes = list(rebuild(store.objects, [step for _, step in steps(trace)]))
    except (TraceError, ValueError) as error:
        return report | {"damaged": [str(error)]}
    return report | {
        "ok": sum(outcome.status == OK for outcome in outcomes),
        **{
            status: [_line(outcome) for outcome in outcomes if outcome.status == status]
            for status in (REDACTED, MISMATCH, CANNOT)
        },
        "damaged": damaged,
        "segments": [
            {"session_id": segment.session_id, "index": segment.index, "sha256": segment.sha256}
            | standing_json(standing)
            for segment, standing in signed[-1]
        ],
    }


def _damaged(trace: Trace) -> list[str]:
    found = []
    for segment in trace.segments:
        try:
            parse_segment([segment.header, *segment.events])
        except TraceError as error:
            found.append(f"segment {segment.session_id}-{segment.index}: {error}")
    return found


def _line(outcome: Outcome) -> str:
    return f"event {outcome.step.event_id} ({outcome.step.what}): {outcome.reason}"


def _print(report: dict[str, object], signed: list[tuple[Segment, Standing]], all_signed: bool) -> None:
    lists = {name: report[name] for name in ("redacted", "mismatch", "cannot", "damaged")}
    counts = [f"{report['ok']} snapshots proved"]
    counts += [f"{len(lines)} {name}" for name, lines in lists.items() if isinstance(lines, list) and lines]
    letters = Counter(standing.letter for _, standing in signed)
    if letters.keys() - {UNSIGNED} or all_signed:
        counts += counted_letters(signed)
    print(f"trace {report['trace_id']}: {', '.join(counts)}")
    for name, lines in lists.items():
        assert isinstance(lines, list)
        for line in lines:
            print(f"  {name}: {shown(line)}")
    if letters.keys() - {UNSIGNED} or all_signed:
        for line in named_lines(signed):
            print(f"  {shown(line)}")
