"""The pairs of rewritten commits in `<common-dir>/trace/rewrites`, a line each: cause, onto, old, new.

The post-rewrite hook appends them, and whoever finds a map of filter-repo. The pairs stay: they are candidates when
history is asked what became of the work.
"""

import os
import time
from dataclasses import dataclass

from gittrace.git.objects import ObjectStore, open_objects
from gittrace.git.repository import Repository
from gittrace.vocabulary import REWRITES_FILE

_DONE_FILE = "rewrites.done"
# seconds
_QUIET = 24 * 3600


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
        if len(words) == 4 and all(is_oid(word) for word in words[2:]):
            pairs.append(Pair(words[0], None if words[1] == "-" else words[1], words[2], words[3]))
    return pairs, offset + len(complete)


def add_pairs(repo: Repository, pairs: list[Pair]) -> None:
    """Append pairs, as the hook does. Raises OSError."""
    if not pairs:
        return
    text = "".join(f"{pair.cause} {pair.onto or '-'} {pair.old} {pair.new}\n" for pair in pairs)
    os.makedirs(repo.common_trace_dir, exist_ok=True)
    with open(os.path.join(repo.common_trace_dir, REWRITES_FILE), "ab") as file:
        file.write(text.encode())


def is_oid(word: str) -> bool:
    """Tell whether a word is a full object name."""
    return len(word) in (40, 64) and set(word) <= set("0123456789abcdef")


def matching(repo: Repository, new: set[str], cause: str) -> dict[str | None, list[list[str]]]:
    """Return the `[old, new]` pairs of a cause whose new side is one of the given commits, each once, by their onto."""
    pairs, _ = read_pairs(repo)
    wanted = {(pair.old, pair.new): pair.onto for pair in pairs if pair.new in new and pair.cause == cause}
    found: dict[str | None, list[list[str]]] = {}
    for pair, onto in wanted.items():
        found.setdefault(onto, []).append(list(pair))
    return found


def in_order(pairs: list[Pair]) -> list[Pair]:
    """Return pairs so that what led to a commit comes before what led on from it.

    A rebase says at its end what it picked; what was amended on the way was said before that.
    """
    leading: dict[str, list[Pair]] = {}
    for pair in pairs:
        leading.setdefault(pair.new, []).append(pair)
    ordered: dict[Pair, None] = {}
    seen: set[Pair] = set()
    for pair in pairs:
        todo = [pair]
        while todo:
            seen.add(todo[-1])
            before = [other for other in leading.get(todo[-1].old, ()) if other not in seen]
            if before:
                todo += before
            else:
                ordered.setdefault(todo.pop())
    return list(ordered)


def newest(repo: Repository, commit: str) -> str:
    """Return what a commit was last rewritten to; itself when it was not."""
    pairs, _ = read_pairs(repo)
    successors = {pair.old: pair.new for pair in pairs}
    seen = {commit}
    while (following := successors.get(commit)) and following not in seen:
        seen.add(following)
        commit = following
    return commit


def drop_gone(repo: Repository, dry_run: bool) -> int:
    """Drop the pairs that lead from a commit that is gone to one that is gone, and return how many they are.

    The caller keeps others from sealing. A hook may append meanwhile: what it appends after this read the file for the
    last time is lost, and is a hint only; so a file that was written to in the last day is left alone.
    """
    path = os.path.join(repo.common_trace_dir, REWRITES_FILE)
    pairs, end = read_pairs(repo)
    if not pairs or time.time() - os.stat(path).st_mtime < _QUIET or rewrites_done(repo) != end:
        return 0
    with open_objects(repo) as store:
        successors = {pair.old: pair.new for pair in pairs}
        there = {oid for pair in pairs for oid in (pair.old, pair.new) if store.kind(oid) == "commit"}
    kept = [pair for pair in pairs if pair.old in there or _leads_to(pair.new, successors, there)]
    if dry_run or len(kept) == len(pairs):
        return len(pairs) - len(kept)
    text = "".join(f"{pair.cause} {pair.onto or '-'} {pair.old} {pair.new}\n" for pair in kept)
    with open(f"{path}.new", "w", encoding="utf-8") as file:
        file.write(text)
    # less than what is there is said to be done first: to copy notes twice is harmless, to miss a pair is not
    save_done(repo, 0)
    os.replace(f"{path}.new", path)
    save_done(repo, len(text.encode()))
    return len(pairs) - len(kept)


def _leads_to(oid: str, successors: dict[str, str], there: set[str]) -> bool:
    seen = set()
    while oid not in there:
        seen.add(oid)
        following = successors.get(oid)
        if following is None or following in seen:
            return False
        oid = following
    return True


def rewrites_done(repo: Repository) -> int:
    """Return up to which byte the pairs were looked at by the sealer."""
    try:
        with open(os.path.join(repo.common_trace_dir, _DONE_FILE), encoding="ascii") as file:
            return int(file.read())
    except (FileNotFoundError, ValueError):
        return 0


def save_done(repo: Repository, end: int) -> None:
    """Remember up to which byte the pairs were looked at."""
    path = os.path.join(repo.common_trace_dir, _DONE_FILE)
    with open(f"{path}.new", "w", encoding="ascii") as file:
        file.write(str(end))
    os.replace(f"{path}.new", path)


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
