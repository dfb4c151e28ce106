"""How far HEAD's reflog of a worktree was read: `<git-dir>/trace/reflog`. Standard library only.

HEAD may go to another branch, get a commit there and come back, so what it is does not tell whether there is news;
the size of its log does, except with reftable refs, which have no such file.
"""

import os

POSITION_FILE = "reflog"


def log_size(trace_dir: str) -> str:
    """Return the size in bytes of HEAD's log as text, empty when there is no such file; to be asked before reading."""
    try:
        return str(os.stat(os.path.join(os.path.dirname(trace_dir), "logs", "HEAD")).st_size)
    except OSError:
        return ""


def is_news(trace_dir: str, head: "str | None") -> bool:
    """Tell whether HEAD (oid) moved since its log was last read."""
    size = log_size(trace_dir)
    seen, _, seen_size = _load(trace_dir)
    return (head, size) != (seen, seen_size)


def save_position(trace_dir: str, head: "str | None", prints: "list[str]", size: str) -> None:
    """Remember HEAD (oid), the newest entries seen (see `gittrace.git.reflog`), and the log's size before that."""
    path = os.path.join(trace_dir, POSITION_FILE)
    with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\0".join((head or "", size, *prints)))
    os.replace(f"{path}.new", path)


def load_position(trace_dir: str) -> "tuple[str | None, list[str]]":
    """Return HEAD as last seen, and the newest entries of its reflog then."""
    head, prints, _ = _load(trace_dir)
    return head, prints


def _load(trace_dir: str) -> "tuple[str | None, list[str], str]":
    path = os.path.join(trace_dir, POSITION_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            head, size, *prints = file.read().split("\0")
    except (FileNotFoundError, ValueError):
        return None, [], ""
    return head or None, prints, size
