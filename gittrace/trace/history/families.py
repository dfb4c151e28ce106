"""Paths that renames connect, in traces or in the history: one file under several names.

A rename by a commit counts where a trace touched the file, under whatever name commits gave it. What is connected is
found for the path that is asked for, and of no more paths than may be connected with it.
"""

from collections.abc import Callable, Iterable

from gittrace.trace.history.facts import Facts

Rename = tuple[bytes, bytes]
_Counts = Callable[[Rename, int | None], bool]


class Families:
    """Answers for paths; `moves` are the renames of the commits that count."""

    def __init__(self, facts: Facts, moves: Iterable[Rename]) -> None:
        self._facts = facts
        # by path: the other one, and the trace (by its number) that may have renamed it, None for a commit
        self._edges: dict[bytes, list[tuple[Rename, int | None]]] = {}
        moved: list[tuple[Rename, int | None]] = [(pair, None) for pair in moves]
        for edge in moved + [((old, new), trace) for old, new, trace in facts.tables.renamed()]:
            for path in set(edge[0]):
                self._edges.setdefault(path, []).append(edge)
        self._members: dict[bytes, frozenset[bytes]] = {}
        self._touched: dict[bytes, bool] = {}

    def members(self, path: bytes) -> frozenset[bytes]:
        """Return all names of a path, itself included."""
        if path not in self._edges:
            return frozenset((path,))
        if path not in self._members:
            self._connect(path)
        return self._members[path]

    def of(self, path: bytes) -> bytes:
        """Return the name of a path's family."""
        return min(self.members(path)) if path in self._edges else path

    def is_touched(self, path: bytes) -> bool:
        """Tell whether a trace touched a file, under any name that commits gave it."""
        found = self._touched.get(path)
        if found is None:
            names = self._reach(path, lambda _, trace: trace is None)
            found = any(map(self._facts.is_touched, sorted(names, key=lambda name: name != path)))
            self._touched |= dict.fromkeys(names, found)
        return found

    def _connect(self, path: bytes) -> None:
        """Find the families of all paths that may be connected with one."""
        left = self._reach(path, lambda *_: True)
        while left:
            members = frozenset(self._reach(min(left), self._holds))
            self._members |= dict.fromkeys(members, members)
            left -= members

    def _holds(self, pair: Rename, trace: int | None) -> bool:
        return self.is_touched(pair[0]) if trace is None else pair in self._facts.renames(trace)

    def _reach(self, path: bytes, counts: _Counts) -> set[bytes]:
        found, todo = {path}, [path]
        while todo:
            for pair, trace in self._edges.get(todo.pop(), ()):
                fresh = set(pair) - found
                if fresh and counts(pair, trace):
                    found |= fresh
                    todo += fresh
        return found
