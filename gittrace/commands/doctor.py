"""git trace doctor."""

import argparse
import sys

from gittrace.commands.common import json_option, print_json
from gittrace.git.repository import discover
from gittrace.text import shown
from gittrace.trace.upkeep.doctor import BAD, OK, examine
from gittrace.trace.upkeep.repair import repair

DESCRIPTION = """\
Check the installation, the hooks and what was recorded. Exits with 1 if something is wrong; changes nothing.

--repair moves refs of ours that lead to nothing, after a crash of the machine, back to where they led before, and seals
again what was lost with them, as far as it is here; then it checks."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    parser.add_argument("--repair", action="store_true", help="move refs that lead to nothing back")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check everything."""
    repo = discover()
    if args.repair:
        for said in repair(repo):
            print(shown(said), file=sys.stderr)
    findings = list(examine(repo))
    bad = any(finding.level == BAD for finding in findings)
    if args.json:
        print_json([vars(finding) for finding in findings])
        return int(bad)
    width = max(len(finding.subject) for finding in findings)
    for finding in findings:
        mark = "" if finding.level == OK else f"{finding.level}: "
        print(f"{shown(finding.subject):<{width}}  {mark}{shown(finding.text)}")
        for line in finding.hint.splitlines():
            print(f"{'':<{width}}  hint: {shown(line)}")
    return int(bad)
