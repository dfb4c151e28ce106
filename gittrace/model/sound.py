"""What readers rely on of events that somebody else may have recorded: each field is of its type, or absent.

This is the one place where that is seen to, so that whoever reads a trace need not doubt each field anew. An event
without a kind, an id and a time that can be read is left out; so is a field that is not what it should be. Fields and
kinds that are not known here stay as they are: nobody here reads them.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from gittrace.vocabulary import COMMIT

Check = Callable[[Any], bool]

_OID = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}")
_MOST = 1 << 53
_FARTHEST = 1e15


def _text(value: Any) -> bool:
    return isinstance(value, str)


def is_oid(value: Any) -> bool:
    """Tell whether a value is an oid: never an option, a revision or a path."""
    return isinstance(value, str) and bool(_OID.fullmatch(value))


def _id(value: Any) -> bool:
    return isinstance(value, str) and bool(_ID.fullmatch(value))


def _time(value: Any) -> bool:
    try:
        return isinstance(value, str) and bool(datetime.fromisoformat(value).timestamp() or True)
    except (ValueError, OverflowError):
        return False


def _whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and -_MOST < value < _MOST


def _count(value: Any) -> bool:
    return _whole(value) and value >= 0


def _number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _FARTHEST


def _truth(value: Any) -> bool:
    return isinstance(value, bool)


def _anything(value: Any) -> bool:
    return value is not None


def _list_of(check: Check) -> Check:
    return lambda value: isinstance(value, list) and all(map(check, value))


def _pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(map(is_oid, value))


def _taken(value: Any) -> bool:
    return isinstance(value, list) and len(value) in (1, 3) and all(map(_count, value))


def _mapping(required: Mapping[str, Check], others: Mapping[str, Check]) -> Check:
    """Return a check of an object: with all required fields, others absent, null or right."""

    def check(value: Any) -> bool:
        return (
            isinstance(value, dict)
            and all(test(value.get(name)) for name, test in required.items())
            and all(value.get(name) is None or test(value[name]) for name, test in others.items())
        )

    return check


_COUNTS = dict.fromkeys(("passed", "failed", "errors", "skipped", "xfailed", "xpassed", "total"), _count)
_TEST = _mapping({"id": _text, "status": _text}, {"duration_ms": _number})
_OMITTED = _mapping({"bytes": _count, "from": is_oid, "to": is_oid}, {})
_TOKENS = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
_ENVIRONMENT = _mapping(
    {},
    dict.fromkeys(("os", "os_version", "arch", "shell", "git", "python"), _text)
    | dict.fromkeys(("language_ecosystem", "dependencies"), _list_of(_text)),
)

_FIELDS: dict[str, Check] = {
    **dict.fromkeys(("kind", "branch", "source", "diff", "effect", "command", "cwd", "stdout", "reasoning"), _text),
    **dict.fromkeys(("tool", "path", "action", "subject", "cause", "text", "reason", "title", "developer_id"), _text),
    **dict.fromkeys(("model", "tool_call_id"), _text),
    **dict.fromkeys(("id", "trace_id", "session_id", "about", "parent", "by"), _id),
    **dict.fromkeys(("head", "head_after", "tree", "tree_after", "commit", "base_commit", "onto"), is_oid),
    **dict.fromkeys(("diff_encoding", "effect_encoding"), lambda value: value == "latin-1"),
    **dict.fromkeys(("diff_omitted", "effect_omitted"), _OMITTED),
    **dict.fromkeys(("parallel", "success", "continues", "diff_redacted", "effect_redacted"), _truth),
    **dict.fromkeys(("exit_code", "signal", "format"), _whole),
    **dict.fromkeys(("stdout_bytes", "index"), _count),
    "at": _time,
    "duration_ms": _number,
    "argv": _list_of(_text),
    "parents": _list_of(is_oid),
    "commits": _list_of(is_oid),
    "borrowed": _list_of(is_oid),
    **dict.fromkeys(("taken", "effect_taken"), _list_of(_taken)),
    "pairs": _list_of(_pair),
    "input": _anything,
    "agent": _mapping({"name": _text}, {"version": _text, "model": _text}),
    "base": _mapping({"tree": is_oid}, {"commit": is_oid}),
    "environment": _ENVIRONMENT,
    "skipped": _list_of(_mapping({"path": _text, "reason": _text}, {"bytes": _count})),
    "usage": _mapping({}, dict.fromkeys(_TOKENS, _count) | {"cost_usd": _number}),
    "results": _mapping(
        {"framework": _text}, _COUNTS | {"source": _text, "duration_ms": _number, "tests": _list_of(_TEST)}
    ),
}
_TEXTS = frozenset(name for name, check in _FIELDS.items() if check is _text)
_NEEDED = ("kind", "id", "at")
_DIFFS = (("diff", "diff_encoding"), ("effect", "effect_encoding"))
_NEEDED_BY = {COMMIT: "commit"}


def sound(events: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Return a segment's header and events as readers can rely on them, and in words what was left out.

    The header stays, whatever it lacks: without it the segment would be none.
    """
    found: list[dict[str, Any]] = []
    wrong: dict[str, int] = {}
    lost = 0
    for number, event in enumerate(events):
        # one call less for each of the many fields that are text, and for those that nobody here reads
        right = {
            name: value
            for name, value in event.items()
            if value is None
            or (type(value) is str if name in _TEXTS else (check := _FIELDS.get(name)) is None or check(value))
        }
        for part, encoding in _DIFFS:
            if right.get(encoding) and not _is_latin(right.get(part, "")):
                del right[part]
        for name in event.keys() - right.keys() if len(event) > len(right) else ():
            wrong[name] = wrong.get(name, 0) + 1
        needed = (*_NEEDED, _NEEDED_BY.get(str(right.get("kind")), "kind"))
        if not number or None not in map(right.get, needed):
            found.append(right)
        else:
            lost += 1
    said = [f"{lost} of its events have no kind, id, time or commit"] if lost else []
    if wrong:
        said.append(f"fields left out that are not what they should be: {', '.join(sorted(wrong))}")
    return found, said


def _is_latin(text: Any) -> bool:
    return text is None or max(text, default="") < "\u0100"


__all__ = ["sound"]
