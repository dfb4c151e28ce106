"""git trace doctor."""

import argparse

from gittrace.commands.common import json_option, print_json
from gittrace.git.repository import discover
from gittrace.text import shown
from gittrace.trace.upkeep.doctor import BAD, OK, examine

DESCRIPTION = """\
Check the installation, the hooks and what was recorded. Exits with 1 if something is wrong; changes nothing."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options."""
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Check everything."""
    findings = list(examine(discover()))
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
