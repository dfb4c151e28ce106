"""Which commits lead to which."""

from collections.abc import Collection, Iterable

from gittrace.git.repository import Repository


def outside(repo: Repository, commits: Iterable[str], tips: Iterable[str]) -> set[str]:
    """Return the commits that `commits` lead to and `tips` don't; all must be in the repository. Raises GitFailed."""
    asked = [*commits]
    if not asked:
        return set()
    lines = "".join(f"{oid}\n" for oid in (*asked, *(f"^{tip}" for tip in tips)))
    # as they are stored: what `git replace` puts in another's place is not what a server has
    return set(repo.git("--no-replace-objects", "rev-list", "--stdin", stdin=lines.encode()).decode().split())


def within(repo: Repository, commits: Collection[str], tips: Collection[str]) -> set[str]:
    """Return those of `commits` that `tips` lead to. Raises GitFailed."""
    if not commits or not tips:
        return set()
    return set(commits) - outside(repo, commits, tips)


def peeled(repo: Repository, oids: Collection[str]) -> dict[str, str]:
    """Return oid -> what it leads to: of a tag its object, else itself; without what is missing. Raises GitFailed."""
    asked = [*oids]
    if not asked:
        return {}
    lines = "".join(f"{oid}^{{}}\n" for oid in asked)
    out = repo.git("--no-replace-objects", "cat-file", "--batch-check=%(objectname)", stdin=lines.encode())
    found = zip(asked, out.decode().splitlines(), strict=True)
    return {oid: line for oid, line in found if not line.endswith(" missing")}


__all__ = ["outside", "peeled", "within"]
