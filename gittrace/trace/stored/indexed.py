"""What the cache of notes (`gittrace.trace.stored.index`) answers, from its tables."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

# the decoders of segments are loaded when one is unpacked
TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.tombstones import Tombstones


@dataclass(frozen=True)
class Place:
    """Where a segment lies: the ref, the commit it is noted on ('' for an unlinked one) and the note's blob."""

    ref: str
    commit: str
    blob: str
    trace_id: str
    session_id: str
    index: int
    sha256: str


class Indexed:
    """Reads the tables."""

    db: sqlite3.Connection

    def tips(self) -> list[tuple[str, str]]:
        """Return the refs (notes and hidden ones) that it was read from, and what they lead to."""
        return self.db.execute("select ref, oid from tips order by ref").fetchall()

    def traces(self, limit: int = -1) -> list[tuple[str, str, str]]:
        """Return (trace id, began, ended) of the traces, the one that ended last first."""
        return self.db.execute(
            "select trace, began, ended from traces order by ended desc limit ?", (limit,)
        ).fetchall()

    def states(self) -> dict[str, str]:
        """Return what stands for the segments of each trace and where they are noted."""
        return dict(self.db.execute("select trace, state from traces"))

    def hints(self, trace: str) -> list[tuple[str, int, str]]:
        """Return (session, index, hints) of the segments of a trace (see `gittrace.trace.produced.hints`), in order."""
        query = "select session, idx, data from hints where trace = ? order by session, idx"
        return self.db.execute(query, (trace,)).fetchall()

    def naming(self, path: bytes) -> tuple[set[str], set[str]]:
        """Return the traces of which a diff may name a file, and the hashes of their segments."""
        name = json.dumps(path.decode("latin-1"))
        found = self.db.execute("select trace, sha from hints where instr(data, ?)", (name,)).fetchall()
        return {trace for trace, _ in found}, {sha for _, sha in found}

    def noted_commits(self) -> set[str]:
        """Return the commits that carry a segment of a trace."""
        query = "select distinct commit_oid from segments where commit_oid != ''"
        return {row[0] for row in self.db.execute(query)}

    def noted(self, commit: str) -> dict[str, int]:
        """Return by session the last segment of it that is noted on a commit: what came before that for certain."""
        query = "select session, max(idx) from segments join traces using (trace) where commit_oid = ? group by session"
        return dict(self.db.execute(query, (commit,)))

    def commits_of(self, trace: str) -> list[str]:
        """Return the commits that carry segments of a trace."""
        query = "select distinct commit_oid from segments where trace = ? and commit_oid != ''"
        return [row[0] for row in self.db.execute(query, (trace,))]

    def places(self, trace: str) -> list[Place]:
        """Return where the segments of a trace lie, in order, a row for each commit that carries one."""
        found = self.db.execute(
            "select ref, commit_oid, blob, trace, session, idx, sha from segments where trace = ?"
            " order by session, idx, sha, commit_oid",
            (trace,),
        )
        return [Place(*row) for row in found]

    def unpublished(self, ref: str) -> list[str]:
        """Return the traces that have a segment which is not in the notes of `ref`."""
        query = (
            "select distinct trace from segments as s where ref != ? and not exists (select 1 from segments as p"
            " where p.ref = ? and (p.session, p.idx, p.sha) = (s.session, s.idx, s.sha)) order by trace"
        )
        return [row[0] for row in self.db.execute(query, (ref, ref))]

    def headers(self, trace: str) -> list[dict[str, Any]]:
        """Return the headers of a trace's segments, cut to what lists show, in order of their beginning."""
        found = self.db.execute(
            "select distinct session, idx, header from segments where trace = ? order by session, idx", (trace,)
        )
        headers = [{"session_id": session, **json.loads(text)} for session, _, text in found]
        return sorted(headers, key=lambda header: str(header.get("at", "")))

    def events(self, trace: str) -> list[dict[str, Any]]:
        """Return summaries of a trace's events, session by session, in the order in which they were recorded."""
        found = self.db.execute(
            "select id, session, at, summary, idx, sha, pos from events where trace = ?", (trace,)
        ).fetchall()
        began: dict[str, str] = {}
        for _, session, at, *_ in found:
            began[session] = min(at, began.get(session, at))
        found.sort(key=lambda row: (began[row[1]], *row[1:2], *row[4:]))
        return [{"id": row[0], "session_id": row[1], "at": row[2], **json.loads(row[3])} for row in found]

    def noted_traces(self) -> set[str]:
        """Return the traces of which a segment is noted on a commit."""
        return {
            row[0] for row in self.db.execute("select distinct trace from segments where commit_oid glob '[0-9a-f]*'")
        }

    def traces_of(self, commit: str) -> list[str]:
        """Return the traces of which a segment is noted on a commit."""
        rows = self.db.execute("select distinct trace from segments where commit_oid = ?", (commit,))
        return [row[0] for row in rows]

    def find(self, prefix: str) -> list[tuple[str, str, str]]:
        """Return (`trace`|`session`|`event`, id, its trace) of what has an id that begins so; at most ten of each.

        An event is found by the beginning of its id's last group too: what is before that is mostly the time.
        """
        prefix = prefix.lower()
        pattern = prefix + "*"
        found = [
            ("trace", *row)
            for row in self.db.execute("select trace, trace from traces where trace glob ? limit 10", (pattern,))
        ]
        query = "select distinct session, trace from segments where session glob ? limit 10"
        found += [("session", *row) for row in self.db.execute(query, (pattern,))]
        query = "select id, trace from events where id glob ? limit 10"
        found += [("event", *row) for row in self.db.execute(query, (pattern,))]
        # as a range, since sqlite answers no pattern from an index on an expression; "g" comes after all hex digits
        query = "select id, trace from events where substr(id, 25) >= ? and substr(id, 25) < ? limit 10"
        found += [("event", *row) for row in self.db.execute(query, (prefix, prefix + "g"))]
        return list(dict.fromkeys(found))

    def abbreviate(self, trace: str, length: int = 8) -> str:
        """Return the shortest beginning of a trace's id, of at least `length`, that no other trace has."""
        query = "select 1 from traces where trace >= ? and trace < ? and trace != ? limit 1"
        while length < len(trace) and self.db.execute(query, (trace[:length], trace[:length] + "g", trace)).fetchone():
            length += 1
        return trace[:length]

    def damage(self) -> list[tuple[str, str, str]]:
        """Return (ref, commit, why) of what could not be read, or contradicts what is read."""
        twice = "'segment ' || session || '-' || idx || ' of trace ' || trace || ' is there twice, with other content'"
        query = f"select ref, commit_oid, {twice} from hidden where twice"  # noqa: S608 - constants
        damaged = self.db.execute("select ref, commit_oid, why from damaged").fetchall()
        return sorted(damaged + self.db.execute(query).fetchall())

    def tombstones(self, trace: str | None = None) -> "Tombstones":
        """Return the tombstones of a trace, or all, of all notes."""
        from gittrace.model.segment import Forget
        from gittrace.model.tombstones import Tombstones

        where, values = ("", ()) if trace is None else (" where trace = ?", (trace,))
        rows = self.db.execute(f"select distinct trace, at, sha from forgets{where}", values)  # noqa: S608 - constants
        return Tombstones(Forget(trace, at, sha or None) for trace, at, sha in rows)

    def hidden(self, trace: str) -> list[Place]:
        """Return where segments of a trace lie that were forgotten."""
        rows = self.db.execute("select * from hidden where trace = ? order by ref, commit_oid, session, idx", (trace,))
        return [Place(*row[:7]) for row in rows]
