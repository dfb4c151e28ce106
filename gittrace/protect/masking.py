"""Mask events: on their way into segments, and before that, where it costs little, on their way into the journal.

Loading the rules takes as long as a short command does, so they are loaded only when there are events to seal, or a
word says that there may be something to mask. Standard library only, until then.
"""

import os

from gittrace.errors import TraceError
from gittrace.git.repository import Repository
from gittrace.protect.chosen import may_be_chosen
from gittrace.protect.environment import secret_values

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from gittrace.protect.cleaning import Cleaner

# one of these is in each keyword of the rules that are always on: as it stands, or in any case
_WORDS = (
    "-----BEGIN ", "://", "/api/webhooks/", ":AA", "@tcp(", "@unix(", "AIza", "AKIA", "ASIA", "ATATT3", "ATCTT3",
    "ATBB", "Bearer ", "BEARER ", "GOCSPX-", "GR1348941", "HRKU-", "NRAK-", "PMAK-", "Q~", "SG.", "SK", "api_org_",
    "bkua_", "curl ", "dckr_", "_v1_", "dp.", "eyJ", "figd_", "fm1_", "fm2_", "fo1_", "gho_", "ghp_", "ghr_", "ghs_",
    "ghu_", "github_pat_", "glagent-", "glcbt-", "gldt-", "glft-", "glimt-", "gloas-", "glpat-", "glptt-", "glrt-",
    "glsoat-", "glsa_", "glc_", "gsk_", "hf_", "hooks.slack.com/", "hvs.", "hvb.", "hvr.", "lin_api_", "nfc_", "nfp_",
    "npm_", "ntn_", "nvapi-", "pplx-", "pscale_", "pypi-", "r8_", "k_live_", "k_test_", "rubygems_", "sbp_", "shpat_",
    "shpca_", "shppa_", "shpss_", "sig=", "sk-", "sntrys_", "sntryu_", "sq0", "whsec_", "xai-", "xapp-", "xox",
    "ya29.", ".atlasv1.", "IQoJb3JpZ2lu", "oGZXIvYXdz", "AZDO", "AQ.Ab", "1//0", "glrtr-", "glffct-", "glwt-", "xwfp-",
    "CLOJARS_", "dapi", "dt0c01.", "dt0s16.", "e2b_", "lsv2_", "pcsk_", "pul-", "sqp_", "squ_", "sqa_", "tvly-",
)  # fmt: skip
_WORDS_OF_ANY_CASE = ("auth", "cookie:", "key", "passphrase", "passw", "pwd", "secret", "token")
# what no word tells: a token with two dots in it, of so many bytes
_DOTTED = 57


class Masking:
    """The rules in force in a repository, and the secrets of this process's environment."""

    def __init__(self, repo: Repository) -> None:
        self._repo = repo
        self._cleaner: Cleaner | None = None

    def __call__(self, events: "Sequence[Mapping[str, Any]]") -> "list[dict[str, Any]]":
        """Return events without their secrets. Raises BadConfig, TraceError (a team's rules, the key of tags)."""
        if self._cleaner is None:
            from gittrace.protect.redaction import redaction

            self._cleaner = redaction(self._repo, os.environ).cleaner()
        return self._cleaner.events(events)


def masked_early(repo: Repository, event: "dict[str, Any]") -> "dict[str, Any]":
    """Return an event as it is to be journaled: without its secrets, if a word says that it may have some.

    Where a team's own rules can't be read, by the others: sealing waits, and masks what these find.
    """
    try:
        if not (may_hold_secrets(event) or may_be_chosen(repo, "\n".join(_texts(event, [])))):
            return event
        return Masking(repo)([event])[0]
    except (TraceError, OSError):
        return _masked_without_team(repo, event)


def _masked_without_team(repo: Repository, event: "dict[str, Any]") -> "dict[str, Any]":
    from gittrace.protect.redaction import redaction

    try:
        return redaction(repo, os.environ, with_team=False).cleaner().events([event])[0]
    except (TraceError, OSError):
        return event  # the configuration, or the key of tags: sealing waits for these too


def may_hold_secrets(event: "Mapping[str, Any]") -> bool:
    """Tell whether there may be something in an event's texts that is always masked."""
    text = "\n".join(_texts(event, []))
    if any(value.decode("utf-8", "surrogateescape") in text for value in secret_values(os.environ)):
        return True
    if not _has_word(text):
        return False
    from gittrace.protect.suspicion import is_suspect

    return is_suspect(text.encode("utf-8", "surrogatepass"))


def _has_word(text: str) -> bool:
    if any(word in text for word in _WORDS):
        return True
    lower = text.lower()
    if any(word in lower for word in _WORDS_OF_ANY_CASE):
        return True
    return any(len(word) >= _DOTTED and word.count(".") > 1 for word in text.split())


def _texts(value: "Any", found: "list[str]") -> "list[str]":
    """Gather all texts of a value; a word behind an option is its value (`--password`, `...`)."""
    if isinstance(value, str):
        found.append(value)
    elif isinstance(value, dict):
        for name, item in value.items():
            found.append(str(name))
            _texts(item, found)
            if isinstance(item, str):
                found.append(f'{name}="{item}"')
    elif isinstance(value, list | tuple):
        option = ""
        for item in value:
            _texts(item, found)
            if option and isinstance(item, str):
                found.append(f'{option}="{item}"')
            option = item.lstrip("-") if isinstance(item, str) and item.startswith("-") else ""
    return found
