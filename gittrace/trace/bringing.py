"""Tell which recorded commands of git's bring into the worktree what stood elsewhere. Pure."""

from gittrace.model.trace import EventDict
from gittrace.vocabulary import COMMAND

# what these do to files is git's work on commits, also where it stops at a conflict
_GRAFTING = frozenset("am cherry-pick merge pull rebase revert".split())
_BRINGING = _GRAFTING | frozenset("checkout read-tree reset restore stash switch".split())
_OPTIONS_WITH_VALUE = ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path")


def brings(event: EventDict) -> bool:
    """Tell whether a command is one that brings in what stood elsewhere: what it puts there is nobody's work here."""
    return _git_command(event) in _BRINGING


def grafts(event: EventDict) -> bool:
    """Tell whether a command is one that does to files what commits did: neither is what it takes away."""
    return _git_command(event) in _GRAFTING


def _git_command(event: EventDict) -> str:
    """Return which of git's commands was run, empty when none was."""
    argv = event.get("argv")
    words = [str(word) for word in argv] if isinstance(argv, list) else str(event.get("command") or "").split()
    if event["kind"] != COMMAND or not words or words[0].rpartition("/")[2] != "git":
        return ""
    at = 1
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _OPTIONS_WITH_VALUE else 1
    return words[at] if at < len(words) else ""
