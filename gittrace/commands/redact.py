"""git trace redact."""

import argparse
import os
from contextlib import closing

from gittrace.commands.common import json_option, print_json
from gittrace.commands.scan import print_findings, report_json
from gittrace.errors import TraceError, UsageError, told
from gittrace.git.repository import Repository, discover
from gittrace.protect import deep
from gittrace.protect.cleaning import Finding, places
from gittrace.protect.redaction import redaction
from gittrace.text import counted, shown
from gittrace.trace.stored.names import find_trace
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.redact import Redacted, redact_trace

DESCRIPTION = """\
Mask the secrets in what is recorded of a trace already: its segments in the notes, kept outputs and journals. The old
segments get tombstones, which go along with what is published. With --dry-run say what would be masked, by which rule
and where, in a trace or a file; the secrets themselves are never shown."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    parser.add_argument("-n", "--dry-run", action="store_true", help="say what would be masked")
    json_option(parser)
    parser.add_argument("what", metavar="TRACE|PATH", help="what to mask; a file only with --dry-run")


def run(args: argparse.Namespace) -> int:
    """Mask, or say what would be."""
    repo = discover()
    if os.path.isfile(args.what):
        if not args.dry_run:
            raise UsageError(f"'{args.what}' is a file: it is yours to change", "--dry-run shows what would be masked")
        report = Redacted("", found=_in_file(repo, args.what))
    else:
        with closing(Store(repo)) as store:
            report = redact_trace(store, find_trace(store, args.what), args.dry_run)
    if args.json:
        print_json(report_json(report))
        return 0
    print_findings(report)
    did = "would mask" if args.dry_run else "masked"
    if report.trace_id:
        parts = (("segment", report.segments), ("output", report.outputs), ("journal", report.journals))
        print(f"{did} {', '.join(counted(count, name) for name, count in parts)} of trace {report.trace_id}")
    for problem in report.problems:
        print(shown(problem))
    return 0


def _in_file(repo: Repository, path: str) -> list[Finding]:
    """Tell what is found in a file, but for what is allowed there (`trace.redact.allow`, `<rule>:<path>`)."""
    try:
        with open(path, "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except OSError as error:
        raise TraceError(f"cannot read {told(error)}") from None
    active, real = redaction(repo, os.environ), os.path.realpath(path)
    skip = {rule for rule, name in active.allowed_paths if os.path.realpath(os.path.join(repo.top, name)) == real}
    out, hits = active.redactor(deeper=bool(deep.version())).text(text, frozenset(skip))
    return [Finding("", path, place.path, place.line, place.rule, place.tag) for place in places(text, out, hits)]
