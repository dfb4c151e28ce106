"""Lineages that are kept in the cache of attribution, so that only what was recorded since must be taken in.

One that is kept is that of all steps up to a moment. It is gone on with where all that is new is younger, and a
session that went on took the same steps before; else all is read again. So answers are the same with it and without.
"""

import io
import json
import os
import pickle
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from gittrace.trace.authorship.reached import Reached
from gittrace.trace.forked import Forked

# what may be kept of contents (bytes, roughly), of how many lineages
_MOST_BYTES = 64 << 20
_MOST_KEPT = 4
# from when on it is worth a process to pack it (bytes, roughly)
_MUCH = 2 << 20
# steps that it is worth while to keep it again for: so many, and such a part of all
_STEPS = 16
_STEPS_PART = 0.05
# what a lineage is made of
_MODULES = frozenset(
    f"gittrace.{name}"
    for name in (
        "model.attribution",
        *(
            f"trace.authorship.{name}"
            for name in "kept lineage memory moments moves numbering reached recognition states versions".split()
        ),
    )
)
_BUILT_IN = frozenset((("builtins", "range"), ("array", "array"), ("array", "_array_reconstructor")))

# in order of time: when each event of a session was, and HEAD before it
Heads = tuple[list[str], list[str | None]]


class Notes(NamedTuple):
    """What is told of a trace: (commit, session, index) of notes, and by session the heads."""

    noted: list[tuple[str, str, int]]
    heads: dict[str, Heads]


class Kept(NamedTuple):
    """What was kept: a lineage and how far it got, and what is told of the traces that it has all of."""

    reached: Reached
    told: dict[str, Notes]


class Keeper:
    """Finds the lineage that is to be gone on with (`kept`, None where there is none), and keeps what comes of it.

    done  the traces of which nothing is to be read again
    """

    def __init__(
        self, db: sqlite3.Connection, traces: Collection[str], states: Mapping[str, str], began: Mapping[str, str]
    ) -> None:
        """`traces` are those that are wanted; `states` stands for all of a trace that is sealed, `began` is when."""
        self._db = db
        self._states = states
        self.kept: Kept | None = None
        self.done: set[str] = set()
        self._held: dict[str, str] = {}
        self._row = self._useless = -1
        self._steps = 0
        self._new: tuple[dict[str, str], str, _Packing] | None = None
        most = 0
        for row, text, last in db.execute("select id, traces, last from lineages order by id").fetchall():
            held: dict[str, str] = json.loads(text)
            known = held.keys() & set(traces)
            if len(known) > most and all(one in held or began.get(one, "") > last for one in traces):
                most, self._row, self._held = len(known), row, held
        if most:
            self._open(traces)

    @property
    def current(self) -> set[str]:
        """The traces of which all that is sealed was kept."""
        return {trace for trace, state in self._held.items() if state and state == self._states.get(trace)}

    def _open(self, traces: Collection[str]) -> None:
        (data,) = self._db.execute("select data from lineages where id = ?", (self._row,)).fetchone()
        kept = _unpacked(data)
        if kept is None:
            self.drop()
            return
        self._steps = sum(count for count, _ in kept.reached.taken.values())
        self.done = self.current.intersection(traces)
        # what is read again tells of itself
        again = set(traces) - self.done
        self.kept = Kept(kept.reached, {trace: told for trace, told in kept.told.items() if trace not in again})

    def drop(self) -> None:
        """Begin with nothing: what was kept is of no use."""
        self._useless = self._row
        self.kept, self.done, self._held, self._steps = None, set(), {}, 0

    def keep(self, told: Mapping[str, Notes], reached: Reached, done: Collection[str]) -> None:
        """Pack a lineage, if there is much new in it; `told` is told of its traces, `done` are those it has all of."""
        new = sum(count for count, _ in reached.taken.values()) - self._steps
        if new < max(_STEPS, _STEPS_PART * self._steps) or reached.lineage.size > _MOST_BYTES:
            return
        # of what was not read now nothing new is in it
        whole = {trace: self._held[trace] for trace in (self.kept.told if self.kept else ())}
        whole |= {trace: self._states.get(trace, "") for trace in done}
        traces = {trace: whole.get(trace, "") for trace in told}
        kept = Kept(reached, {trace: one for trace, one in told.items() if trace in whole})
        self._new = traces, reached.last, _Packing(kept)

    def save(self) -> None:
        """Put what was packed into the cache, in place of those that it has all traces of. Raises OperationalError."""
        data = self._new[2].data() if self._new else None
        if data is None and self._useless < 0:
            return
        ask = self._db.execute
        ask("begin immediate")
        ask("delete from lineages where id = ?", (self._useless,))
        if self._new and data is not None:
            traces, last, _ = self._new
            held = ask("select id, traces from lineages order by id desc").fetchall()
            old = [row for row, text in held if json.loads(text).keys() <= traces.keys()]
            old += [row for row, _ in held if row not in old][_MOST_KEPT - 1 :]
            self._db.executemany("delete from lineages where id = ?", [(row,) for row in old])
            ask("insert into lineages (traces, last, data) values (?, ?, ?)", (json.dumps(traces), last, data))
        ask("commit")
        self._new, self._useless = None, -1


class _Packing:
    """Packs what is kept as it is now: much of it in a process of its own, while this one goes on with it."""

    def __init__(self, kept: Kept) -> None:
        self._forked: Forked | None = None
        self._data = None
        if kept.reached.lineage.size > _MUCH and os.cpu_count() != 1:
            # where no process can be had, it is done here
            with suppress(OSError):
                self._forked = Forked(lambda file: file.write(_packed(kept)))
        if self._forked is None:
            self._data = _packed(kept)

    def data(self) -> bytes | None:
        """Return it packed; None where the other process was killed."""
        if self._forked:
            data = self._forked.file.read()
            self._data = data if self._forked.ended_well() else None
            self._forked = None
        return self._data


def _packed(kept: Kept) -> bytes:
    import zstandard

    return zstandard.ZstdCompressor(level=1, write_checksum=True).compress(pickle.dumps(kept, protocol=5))


def _unpacked(data: bytes) -> Kept | None:
    """Return what was packed; None where it is damaged."""
    import zstandard

    try:
        found = _Unpickler(io.BytesIO(zstandard.ZstdDecompressor().decompress(data))).load()
    except (zstandard.ZstdError, pickle.UnpicklingError, AttributeError, EOFError, LookupError, TypeError, ValueError):
        return None
    return found if isinstance(found, Kept) else None


class _Unpickler(pickle.Unpickler):
    """Makes nothing but what a lineage is made of, whoever wrote the cache."""

    def find_class(self, module: str, name: str) -> Any:
        """See `pickle.Unpickler`."""
        if (module, name) in _BUILT_IN:
            return super().find_class(module, name)
        if module in _MODULES and "." not in name:
            found = super().find_class(module, name)
            if isinstance(found, type) and found.__module__ == module:
                return found
        raise pickle.UnpicklingError(f"'{module}.{name}' is no part of a lineage")
