"""What lists show of segments and events, which others may have recorded: they may hold anything."""

from typing import Any

_HEADER_KEYS = ("at", "title", "agent", "base", "base_commit", "branch", "developer_id", "tree", "index", "continues")
_SUMMARY_KEYS = (
    "kind", "command", "exit_code", "signal", "duration_ms", "commit", "subject", "tool", "path", "text", "success",
    "reason", "reasoning", "cause", "pairs", "results", "tree", "tree_after", "about",
)  # fmt: skip
# what is shown as text, so it must be text
_TEXTS = frozenset(
    """
    at title branch developer_id base_commit kind command commit subject tool path text reason reasoning cause tree
    tree_after about
    """.split()
)
_LONGEST = 300


def summary(event: dict[str, Any]) -> dict[str, Any]:
    """Return what lists show of an event: long texts cut to 300 characters, and texts that are none left out."""
    return {
        key: value[:_LONGEST] if isinstance(value, str) else value
        for key in _SUMMARY_KEYS
        if key in event and (value := event[key]) is not None and (isinstance(value, str) or key not in _TEXTS)
    }


def header_summary(header: dict[str, Any]) -> dict[str, Any]:
    """Return what lists show of a segment's header; what others recorded may be anything."""
    found = {key: header[key] for key in _HEADER_KEYS if header.get(key) is not None}
    return {key: value for key, value in found.items() if isinstance(value, str) or key not in _TEXTS}


def as_text(value: object) -> str:
    """Return a value as text that a database can hold."""
    text = str(value)
    return text if text.isascii() else text.encode("utf-8", "backslashreplace").decode()
