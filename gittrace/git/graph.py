"""The commits that count, who comes before whom, and what leads to each: pure, over what was read before.

What counts is what branches, tags and remote-tracking branches lead to, on ways that don't go through a commit older
than a bound, and some commits that are named, reachable or not.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import NamedTuple

# a commit of which more is asked than this (HEAD, mostly) gets all its ancestors listed
_OFTEN = 8
_KINDS = ("refs/heads/", "refs/remotes/", "refs/tags/")


class Node(NamedTuple):
    """A commit: when it was made (committer's seconds since the epoch), and its parents, known or not."""

    time: int
    parents: tuple[str, ...]


class Graph:
    """The commits that count, in order: parents before children, else the older ones; of one second those in `first`.

    nodes     what is known, by oid
    refs      a branch, tag or remote-tracking branch that leads to a commit, empty when its name isn't known
    counting  the commits that count; each is in `nodes`
    first     the ones that sessions made
    """

    def __init__(
        self,
        nodes: Mapping[str, Node],
        refs: Mapping[str, str],
        counting: Iterable[str],
        first: Collection[str] = (),
    ) -> None:
        self._nodes = nodes
        self._refs = refs
        counting = dict.fromkeys(counting)
        self._place = {oid: number for number, oid in enumerate(_parents_first(nodes, counting, first))}
        self._known: dict[tuple[str, str], bool] = {}
        self._asked: Counter[str] = Counter()
        self._ancestors: dict[str, set[str]] = {}

    def __contains__(self, oid: object) -> bool:
        return oid in self._place

    def __iter__(self) -> Iterator[str]:
        return iter(self._place)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._place)

    def place(self, oid: str) -> int:
        """Return the place of a commit in the order."""
        return self._place[oid]

    def parents(self, oid: str) -> tuple[str, ...]:
        """Return the parents of a commit, counting or not."""
        return self._nodes[oid].parents

    def time(self, oid: str) -> int:
        """Return when a commit was made, in seconds since the epoch."""
        return self._nodes[oid].time

    def ref(self, oid: str) -> str | None:
        """Return a branch, tag or remote-tracking branch that leads to a commit, empty when its name isn't known."""
        return self._refs.get(oid)

    def unreached(self) -> list[str]:
        """Return the commits that count though nothing leads to them."""
        return [oid for oid in self._place if oid not in self._refs]

    def leads_to(self, old: str, new: str) -> bool:
        """Tell whether `old` is `new` or an ancestor of it."""
        if old == new:
            return True
        first, last = self._place.get(old), self._place.get(new)
        if first is None or last is None or first > last:
            return False
        if new in self._ancestors:
            return old in self._ancestors[new]
        found = self._known.get((old, new))
        if found is None:
            self._asked[new] += 1
            if self._asked[new] > _OFTEN:
                self._ancestors[new] = self._all(new)
                return old in self._ancestors[new]
            found = self._known[old, new] = self._search(first, old, new)
        return found

    def _all(self, new: str) -> set[str]:
        found, todo = {new}, [new]
        while todo:
            fresh = [parent for parent in self._nodes[todo.pop()].parents if parent in self._place]
            todo += [parent for parent in fresh if parent not in found]
            found.update(fresh)
        return found

    def _search(self, first: int, old: str, new: str) -> bool:
        seen, todo = {new}, [new]
        while todo:
            for parent in self._nodes[todo.pop()].parents:
                if parent == old:
                    return True
                # parents come before children, so what comes before `old` doesn't descend from it
                if parent not in seen and self._place.get(parent, -1) > first:
                    seen.add(parent)
                    todo.append(parent)
        return False


def reached(nodes: Mapping[str, Node], refs: Mapping[str, str], since: int) -> dict[str, str]:
    """Return the commits that refs lead to, each with the first ref that does: branches first, of a kind the newest.

    refs   what each leads to; what is no known commit is passed over
    since  no way goes on beyond an older commit (seconds since the epoch; 0 for no bound)
    """

    def rank(ref: str) -> tuple[int, int, str]:
        kind = next((number for number, prefix in enumerate(_KINDS) if ref.startswith(prefix)), len(_KINDS))
        return kind, -nodes[refs[ref]].time, ref

    found: dict[str, str] = {}
    for ref in sorted((ref for ref, oid in refs.items() if oid in nodes), key=rank):
        todo = [refs[ref]]
        while todo:
            oid = todo.pop()
            node = nodes.get(oid)
            if oid not in found and node is not None and node.time >= since:
                found[oid] = ref
                todo += node.parents
    return found


def _parents_first(nodes: Mapping[str, Node], counting: Collection[str], first: Collection[str]) -> dict[str, None]:
    ordered: dict[str, None] = {}
    for _, _, oid in sorted([(nodes[oid].time, oid not in first, oid) for oid in counting]):
        parents = nodes[oid].parents
        if len(parents) == 1 and (parents[0] in ordered or parents[0] not in counting):
            # as most are, which is why they are not looked at as the rest
            ordered[oid] = None
            continue
        todo = [oid]
        while todo:
            missing = [parent for parent in nodes[todo[-1]].parents if parent in counting and parent not in ordered]
            if missing:
                todo += missing
            else:
                ordered[todo.pop()] = None
    return ordered
