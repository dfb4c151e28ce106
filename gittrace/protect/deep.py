"""The deeper scanner, when it is installed (`pip install gittrace[deep]`): Kingfisher, in this process, offline.

It knows hundreds of kinds of tokens and is slower than our rules, so it looks at what is about to leave, and only
tells: nothing is masked by it.
"""

from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any

_MODULE = "kingfisher_sdk"
_PACKAGE = "kingfisher-secret-scanner"


def version() -> str:
    """Return the version of the scanner, empty when it is not installed."""
    if find_spec(_MODULE) is None:
        return ""
    # takes as long to import as to scan a hundred segments
    from importlib.metadata import version as version_of

    return version_of(_PACKAGE)


class DeepScanner:
    """Kingfisher with its own rules, those of medium confidence and more. Compiling them takes a second."""

    def __init__(self) -> None:
        sdk: Any = import_module(_MODULE)
        self._scanner = sdk.Scanner(sdk.Rules(confidence="medium"))

    def find(self, text: str) -> Iterator[tuple[str, str, int]]:
        """Yield (rule, secret, line) of what is found; placeholders are none."""
        for finding in self._scanner.scan(text.encode("utf-8", "replace")):
            if finding.visible and "[REDACTED:" not in finding.secret:
                yield str(finding.rule_id), finding.secret, int(finding.location.get("line", 1))
