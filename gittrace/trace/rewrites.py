"""The pairs that post-rewrite hooks left in `<common-dir>/trace/rewrites`, a line each: cause, onto, old, new.

The hook only appends; this reads. The pairs stay: they are candidates when history is asked what became of the work.
"""

import os
from dataclasses import dataclass

from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.vocabulary import REWRITES_FILE


@dataclass(frozen=True)
class Pair:
    """A commit and what it was rewritten to; `onto` is the rebase's target, None when not known."""

    cause: str
    onto: str | None
    old: str
    new: str


def read_pairs(repo: Repository, offset: int = 0) -> tuple[list[Pair], int]:
    """Return the pairs from a byte offset on, and the offset behind the last complete line."""
    try:
        with open(os.path.join(repo.common_trace_dir, REWRITES_FILE), "rb") as file:
            file.seek(offset)
            data = file.read()
    except FileNotFoundError:
        return [], 0
    complete = data[: data.rfind(b"\n") + 1]
    pairs = []
    for line in complete.decode("utf-8", "replace").splitlines():
        words = line.split()
        if len(words) == 4 and all(_is_oid(word) for word in words[2:]):
            pairs.append(Pair(words[0], None if words[1] == "-" else words[1], words[2], words[3]))
    return pairs, offset + len(complete)


def _is_oid(word: str) -> bool:
    return len(word) in (40, 64) and set(word) <= set("0123456789abcdef")


def matching(repo: Repository, new: set[str], cause: str) -> list[list[str]]:
    """Return the `[old, new]` pairs of a cause whose new side is one of the given commits, each once."""
    pairs, _ = read_pairs(repo)
    return [list(pair) for pair in dict.fromkeys((p.old, p.new) for p in pairs if p.new in new and p.cause == cause)]


def newest(repo: Repository, commit: str) -> str:
    """Return what a commit was last rewritten to; itself when it was not."""
    pairs, _ = read_pairs(repo)
    successors = {pair.old: pair.new for pair in pairs}
    seen = {commit}
    while (following := successors.get(commit)) and following not in seen:
        seen.add(following)
        commit = following
    return commit


def credible(repo: Repository, store: ObjectStore, pairs: list[Pair]) -> list[Pair]:
    """Return the pairs that are what they say.

    `rebase --skip` of git before 2.42.1 pairs the skipped commit with the commit it was skipped onto, which is not
    made of it; so a pair is dropped when its new side is the rebase's onto or an ancestor of it.
    """
    upstream: dict[str, set[str]] = {}
    for pair in pairs:
        if pair.onto and store.kind(pair.onto) == "commit":
            upstream.setdefault(pair.onto, set()).add(pair.new)
    wrong: set[tuple[str, str]] = set()
    for onto, news in upstream.items():
        present = [new for new in sorted(news) if store.kind(new) == "commit"]
        asked = "".join(f"{name}\n" for name in (*present, f"^{onto}"))
        out = repo.git("rev-list", "--stdin", stdin=asked.encode())
        outside = set(out.decode().split())
        wrong |= {(onto, new) for new in news if new not in outside}
    return [pair for pair in pairs if (pair.onto, pair.new) not in wrong]
