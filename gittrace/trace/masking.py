"""Mask events: on their way into segments, and before that, where it costs little, on their way into the journal.

Loading the rules takes as long as a short command does, so they are loaded only when there are events to seal, or a
word says that there may be something to mask. Standard library only, until then.
"""

import os

from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.protect.environment import secret_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gittrace.trace.cleaning import Cleaner

# in small letters; what every other output holds (`key`, `auth`) is not among them
_WORDS = (
    "passw", "passphrase", "pwd=", "secret", "token=", "token:", "_token", "token\"", "-token", "apikey", "api_key",
    "api-key", "access_key", "private key", "authorization", "bearer ", "cookie:", "akia", "asia", "aiza", "ya29.",
    "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xapp-",
    "hooks.slack.com", "sk_live_", "sk_test_", "sk-", "hf_", "npm_", "pypi-", "dckr_", "sbp_", "accountkey=",
    "sig=", ":aa", "/api/webhooks/", "age-secret-key", "sg.", "q~",
)  # fmt: skip


class Masking:
    """The rules in force in a repository, and the secrets of this process's environment."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._cleaner: Cleaner | None = None

    def __call__(self, events: "Sequence[Mapping[str, Any]]") -> "list[dict[str, Any]]":
        """Return events without their secrets. Raises BadConfig, TraceError (a team's rules, the key of tags)."""
        if self._cleaner is None:
            from gittrace.trace.redaction import redaction

            self._cleaner = redaction(self._repo, os.environ).cleaner()
        return self._cleaner.events(events)


def masked_early(repo: Repository, event: "dict[str, Any]") -> "dict[str, Any]":
    """Return an event as it is to be journaled: without its secrets, if a word says that it may have some.

    What passes is masked when it is sealed. So is all of it when the rules can't be read: sealing waits for that.
    """
    if not may_hold_secrets(event):
        return event
    try:
        return Masking(repo)([event])[0]
    except (TraceError, OSError):
        return event


def may_hold_secrets(event: "Mapping[str, Any]") -> bool:
    """Tell whether there may be something to mask in an event's texts; a `False` is no proof."""
    values = [value.decode("utf-8", "surrogateescape") for value in secret_values(os.environ)]
    for text in _texts(event):
        lower = text.lower()
        if any(word in lower for word in _WORDS) or ("://" in text and "@" in text):
            return True
        if any(value in text for value in values):
            return True
    return False


def _texts(event: "Mapping[str, Any]") -> "list[str]":
    texts = []
    for value in event.values():
        if isinstance(value, str):
            texts.append(value)
        elif isinstance(value, list):
            texts += [item for item in value if isinstance(item, str)]
    return texts
