"""git trace scan."""

import argparse
from dataclasses import asdict
from typing import Any

from gittrace.commands.common import json_option, print_json
from gittrace.git.repository import discover
from gittrace.text import counted, shown
from gittrace.trace.upkeep.redact import Redacted, scan_all

DESCRIPTION = """\
Look through all that is recorded, also what others published, for secrets that the rules of today know: in segments,
kept outputs and journals. Exits with 1 if any is found. They are told by rule, place and tag, and never shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Scan."""
    reports = scan_all(discover())
    bad = any(report.found for report in reports)
    if args.json:
        print_json([report_json(report) for report in reports])
        return int(bad)
    for report in reports:
        print_findings(report)
        if report.found:
            print(f"trace {report.trace_id}: {counted(len(report.found), 'secret')}")
    if not bad:
        print(f"nothing found in {counted(len(reports), 'trace')}")
    return int(bad)


def report_json(report: Redacted) -> dict[str, Any]:
    """Return a report as JSON.md has it."""
    return asdict(report)


def print_findings(report: Redacted) -> None:
    """Print a line for each secret: where it is, its rule and tag."""
    for one in report.found:
        where = f"event {one.event_id} {one.field}" if one.event_id else one.field
        file = f" '{shown(one.path)}'" if one.path else ""
        line = f":{one.line}" if one.line else ""
        print(f"{shown(where)}{file}{line}: {one.rule} {one.tag}")
