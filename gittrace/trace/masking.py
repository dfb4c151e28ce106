"""Mask events on their way into segments. The rules are loaded when there are events: most commands seal none."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

from gittrace.git.repository import Repository

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.trace.cleaning import Cleaner


class Masking:
    """The rules in force in a repository, and the secrets of this process's environment."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._cleaner: Cleaner | None = None

    def __call__(self, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return events without their secrets. Raises BadConfig, TraceError (a team's rules, the key of tags)."""
        if self._cleaner is None:
            from gittrace.trace.redaction import redaction

            self._cleaner = redaction(self._repo, os.environ).cleaner()
        return self._cleaner.events(events)
