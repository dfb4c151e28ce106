"""Tell by words whether what is masked by choice may be in a text: e-mail addresses, homes, a team's own rules.

A recorded command must not wait for the rules to be loaded, so the keywords of a team's file are kept beside it:
`<common-dir>/trace/cache/team-words`, which may be deleted at any time. Standard library only, and little of it.
"""

import os

from gittrace.git.repository import Repository
from gittrace.vocabulary import CACHE_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from gittrace.protect.rules import Rule

_HOMES = ("/home/", "/Users/", ":\\Users\\")
_FILE = "team-words"


def may_be_chosen(repo: Repository, text: str) -> bool:
    """Tell whether a rule that is on by choice may find something. Raises BadConfig."""
    if repo.is_on("trace.redact.home") and any(word in text for word in _HOMES):
        return True
    if "@" in text and repo.is_on("trace.redact.email") and _has_address(text):
        return True
    path = str(repo.config("trace.redact.rules"))
    return bool(path) and _has_word_of_team(repo, resolved(repo, path), text)


def resolved(repo: Repository, path: str) -> str:
    """Return the path of a team's rules; one that counts from the top of the worktree stays as it is without one."""
    return os.path.join(repo.top, os.path.expanduser(path))


def mark_of(path: str) -> str:
    """Return what tells a file from what it was. Raises OSError."""
    status = os.stat(path)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns} {path!r}"


def keep_words(repo: Repository, mark: str, rules: "Iterable[Rule]") -> None:
    """Keep the keywords of a team's rules, which were read when its file had that mark."""
    lines = [mark]
    for rule in rules:
        lines += [f"{'f' if rule.fold else 'e'} {word.decode()}" for word in rule.keywords]
    text = "\n".join(lines) + "\n"
    if _kept(repo) == text:
        return
    path = _path(repo)
    try:
        if not os.path.isdir(os.path.dirname(path)):
            os.mkdir(os.path.dirname(path))
        with open(f"{path}.{os.getpid()}", "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        os.replace(f"{path}.{os.getpid()}", path)
    except OSError:
        return  # nothing is recorded here, or a repository that we may only read: then the rules are loaded


def _has_word_of_team(repo: Repository, path: str, text: str) -> bool:
    try:
        mark = mark_of(path)
    except OSError:
        return True  # who loads it tells
    first, *words = _kept(repo).split("\n")[:-1] or [""]
    if first != mark:
        return True
    lower = text.lower()
    return any(word[2:] in (lower if word[0] == "f" else text) for word in words)


def _has_address(text: str) -> bool:
    """Tell whether there is an at sign with a letter or digit on either side, and a dot behind."""
    return any(part[:1].isalnum() and "." in part[:600] for part in text.split("@")[1:])


def _kept(repo: Repository) -> str:
    try:
        with open(_path(repo), encoding="utf-8", errors="replace", newline="\n") as file:
            return file.read()
    except OSError:
        return ""


def _path(repo: Repository) -> str:
    return os.path.join(repo.common_trace_dir, CACHE_DIR, _FILE)
