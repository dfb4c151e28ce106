"""What to call commits in front of people: their short name and subject, and whether anything still leads to them."""

from collections.abc import Iterable
from dataclasses import dataclass

from gittrace.git.repository import Repository
from gittrace.text import decode

# `--missing` keeps a partial clone from fetching commits that were only ever in somebody else's clone
_WALK = ("rev-list", "--missing=allow-any", "--ignore-missing", "--stdin")


@dataclass(frozen=True, slots=True)
class Described:
    """A commit that is in this clone; `reachable` from a branch, tag, remote-tracking branch or HEAD."""

    oid: str
    short: str
    subject: str
    reachable: bool


def describe(repo: Repository, commits: Iterable[str]) -> dict[str, Described]:
    """Return what is known of those of the commits (full oids) that this clone has, by oid. Raises GitFailed."""
    wanted = "".join(f"{oid}\n" for oid in dict.fromkeys(commits))
    if not wanted:
        return {}
    form = ("--no-walk=unsorted", "--no-commit-header", "--encoding=UTF-8", "--abbrev-commit", "--format=%H %h %s")
    lines = decode(repo.git(*_WALK, *form, stdin=wanted.encode("ascii", "replace"))).split("\n")
    found = [line.split(" ", 2) for line in lines if line]
    present = "".join(f"{oid}\n" for oid, *_ in found)
    lost = set()
    if present:
        # a file may be called HEAD
        outside = ("--not", "--branches", "--tags", "--remotes", "HEAD", "--")
        lost = set(decode(repo.git(*_WALK, *outside, stdin=present.encode("ascii"))).split())
    return {oid: Described(oid, short, subject, oid not in lost) for oid, short, subject in found}
