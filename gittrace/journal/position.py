"""How far HEAD's reflog of a worktree was read: `<git-dir>/trace/reflog`. Standard library only."""

import os

POSITION_FILE = "reflog"


def save_position(trace_dir: str, head: "str | None", prints: "list[str]") -> None:
    """Remember HEAD (oid) and the newest entries seen (see `gittrace.git.reflog`)."""
    path = os.path.join(trace_dir, POSITION_FILE)
    with open(f"{path}.new", "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write("\0".join((head or "", *prints)))
    os.replace(f"{path}.new", path)


def load_position(trace_dir: str) -> "tuple[str | None, list[str]]":
    """Return HEAD as last seen, and the newest entries of its reflog then."""
    path = os.path.join(trace_dir, POSITION_FILE)
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            head, *prints = file.read().split("\0")
    except FileNotFoundError:
        return None, []
    return head or None, prints
