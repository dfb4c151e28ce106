"""Tell what came into the worktree from elsewhere: by recorded commands of git, or borrowed by a commit. Pure."""

import re
from collections.abc import Callable, Iterable, Sequence

from gittrace.model.trace import EventDict
from gittrace.trace.produced.work import microseconds
from gittrace.vocabulary import COMMAND, COMMIT

# what these do to files is git's work on commits, also where it stops at a conflict
_GRAFTING = frozenset("am cherry-pick merge pull rebase revert".split())
_BRINGING = _GRAFTING | frozenset("checkout read-tree reset restore stash switch".split())
# such commits bring in what stood elsewhere before, or take it away again
_GRAFTED = ("cherry-pick", "revert", "am")
_MERGED = ("(cherry-pick)", "(merge)")
_OPTIONS_WITH_VALUE = ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path")


def brings(event: EventDict) -> bool:
    """Tell whether a command is one that brings in what stood elsewhere: what it puts there is nobody's work here."""
    return _git_command(event) in _BRINGING


def grafts(event: EventDict) -> bool:
    """Tell whether a command is one that does to files what commits did: neither is what it takes away."""
    return _git_command(event) in _GRAFTING


def may_bring(event: EventDict) -> bool:
    """Tell whether git brought in some of what a command did, as one of several that it ran or from a shell."""
    words = re.findall(r"[\w-]+", str(event.get("command") or "")) if event["kind"] == COMMAND else []
    return "git" in words and not _BRINGING.isdisjoint(words)


def borrowed_of(events: Sequence[EventDict], time: Callable[[str], int | None]) -> list[tuple[str, ...]]:
    """Return for each event of a session the commits of others from which it may have taken lines.

    For a commit it is recorded, and so for the command that made it; of a merge that was to be solved it is what was
    merged. The lines may have been in the worktree since the
    commit before, if the others are older than what saw them there. `time` tells when a commit was made (seconds since
    the epoch), None if it is gone.
    """
    found: list[tuple[str, ...]] = []
    lent: tuple[str, ...] = ()
    by = None
    for event in reversed(events):
        if event["kind"] == COMMIT:
            lent, by = tuple(map(str, (*(event.get("borrowed") or ()), *_joined(event)))), event.get("by")
        if event["kind"] == COMMIT or (by is not None and event.get("id") == by):
            found.append(lent)
        else:
            second = microseconds(event.get("at")) // 1_000_000 if lent else 0
            found.append(tuple(oid for oid in lent if (made := time(oid)) is not None and made < second))
    return found[::-1]


def grafts_of(events: Iterable[EventDict]) -> dict[str, list[str]]:
    """Return by event the reverts and picks that it is, or that the command made."""
    found: dict[str, list[str]] = {}
    for event in events:
        action = str(event.get("action", ""))
        # a pick that had stopped, and was solved, is a commit by its words
        if event["kind"] == COMMIT and (action.startswith(_GRAFTED) or "(cherry-pick)" in action):
            for name in filter(None, (event.get("id"), event.get("by"))):
                found.setdefault(str(name), []).append(str(event.get("commit")))
    return found


def _joined(event: EventDict) -> Sequence[object]:
    """Return what a commit merged, if the merge had stopped: then that stood in the worktree before."""
    return (event.get("parents") or ())[1:] if str(event.get("action")) == "commit (merge)" else ()


def own_commits_of(events: Iterable[EventDict]) -> dict[str, list[tuple[str, str]]]:
    """Return by event the commits that it is, or that the command made, of what stood in the worktree.

    Each is a pair, HEAD before and after it.
    """
    found: dict[str, list[tuple[str, str]]] = {}
    for event in events:
        action = str(event.get("action", "commit"))
        if event["kind"] == COMMIT and action.startswith("commit") and not action.endswith(_MERGED):
            for name in filter(None, (event.get("id"), event.get("by"))):
                found.setdefault(str(name), []).append((str(event.get("head")), str(event.get("commit"))))
    return found


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
