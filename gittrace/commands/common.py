"""What several commands share: options, output as JSON."""

import json
from typing import TYPE_CHECKING, Any

from gittrace.text import unbroken

if TYPE_CHECKING:
    import argparse


def json_option(parser: "argparse.ArgumentParser | argparse._MutuallyExclusiveGroup") -> None:
    """Declare `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON for programs instead of text for people")


def print_json(value: Any) -> None:
    """Print a value as JSON, a line for a top-level object or array."""
    print(unbroken(json.dumps(value, ensure_ascii=False, default=str)))
