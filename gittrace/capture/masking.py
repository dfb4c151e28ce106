"""Mask what a recorded command was given and printed, before it is written anywhere.

Loading the rules takes as long as a short command does, so they are loaded only when a word says that there may be
something to mask. What passes is masked when it is sealed. Standard library only, until then.
"""

import os

from gittrace.protect.environment import secret_values
from gittrace.vocabulary import OUTPUT_TAIL

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gittrace.git.repository import Repository

# in small letters; what every other output holds (`key`, `auth`) is not among them
_WORDS = (
    "passw", "passphrase", "pwd=", "secret", "token=", "token:", "_token", "token\"", "-token", "apikey", "api_key",
    "api-key", "access_key", "private key", "authorization", "bearer ", "cookie:", "akia", "asia", "aiza", "ya29.",
    "eyj", "ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-", "xoxb-", "xoxp-", "xapp-",
    "hooks.slack.com", "sk_live_", "sk_test_", "sk-", "hf_", "npm_", "pypi-", "dckr_", "sbp_", "accountkey=",
    "sig=", ":aa", "/api/webhooks/", "age-secret-key", "sg.", "q~",
)  # fmt: skip


def may_hold_secrets(texts: "Iterable[str]") -> bool:
    """Tell whether there may be something to mask; a `False` is no proof."""
    values = [value.decode("utf-8", "surrogateescape") for value in secret_values(os.environ)]
    for text in texts:
        lower = text.lower()
        if any(word in lower for word in _WORDS) or ("://" in text and "@" in text):
            return True
        if any(value in text for value in values):
            return True
    return False


def masked_event(repo: "Repository", event: "dict[str, object]") -> "dict[str, object]":
    """Return an event without its secrets. Raises TraceError when the rules or their key can't be read."""
    from gittrace.trace.redaction import redaction

    return redaction(repo, os.environ).cleaner().event(event)


class MaskedOutput:
    """A whole output on its way to where it is kept; `head` and `tail` are the first and last bytes of `total`."""

    def __init__(self, repo: "Repository") -> None:
        from gittrace.protect.redactor import Stream
        from gittrace.trace.redaction import redaction

        self._stream = Stream(redaction(repo, os.environ).redactor())
        self.total = 0
        self.head = b""
        self.tail = b""

    def through(self, chunks: "Iterable[bytes]") -> "Iterator[bytes]":
        """Yield what is given without its secrets."""
        for chunk in chunks:
            yield self._seen(self._stream.feed(chunk))
        yield self._seen(self._stream.close())

    def _seen(self, data: bytes) -> bytes:
        self.total += len(data)
        if len(self.head) < OUTPUT_TAIL:
            self.head += data[: OUTPUT_TAIL - len(self.head)]
        self.tail = (self.tail + data)[-OUTPUT_TAIL:]
        return data
