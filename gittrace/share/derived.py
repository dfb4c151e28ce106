"""Segments whose work reached a commit on another way than by its note: a squash, a pick, a rebase elsewhere.

The links of a trace (`gittrace.trace.history.links`) say which commits have its work; from which of its segments that
is, is told by the same fingerprints: so of a trace that goes on in a private branch nothing goes along.
"""

from collections.abc import Collection, Iterator

from gittrace.git.history import Made
from gittrace.git.objects import ObjectStore
from gittrace.model.segment import Note, SegmentLine, Signature, parse_note
from gittrace.model.trace import Trace
from gittrace.trace.history.contents import contents
from gittrace.trace.history.evidence import TOOL_EMITTED
from gittrace.trace.history.outcome import Historian
from gittrace.trace.produced.work import Order, Work
from gittrace.trace.produced.work_reader import work_of
from gittrace.trace.stored.indexed import Place
from gittrace.trace.stored.store import Store


def carried(
    store: Store, published: str, commits: set[str], also: Collection[tuple[str, int, str]] = ()
) -> dict[str, Note]:
    """Return commit -> segments that it has work of, though they are not noted on it.

    published  the mirror of what was published: traces that are there as a whole are passed over
    also       (session, index, sha256) of what counts as published too
    """
    found: dict[str, tuple[list[SegmentLine], list[Signature]]] = {}
    historian = Historian(store, ())
    for trace in store.index.unpublished(published):
        if also and _is_whole(store.index.places(trace), published, also):
            continue
        links = [link for link in historian.links(trace) if link.tier == TOOL_EMITTED and link.commit in commits]
        if not links:
            continue
        loaded = store.load(trace)
        places = store.index.places(trace)
        work = work_of(loaded, store.objects)
        for link in links:
            orders = _companions(loaded, work, segments_in(store, work, link.commit))
            for line, signatures in _lines(store.objects, places, orders, link.commit):
                segments, signed = found.setdefault(link.commit, ([], []))
                segments.append(line)
                signed += signatures
    return {
        commit: Note(tuple(segments), signatures=tuple(signatures)) for commit, (segments, signatures) in found.items()
    }


def _is_whole(places: list[Place], published: str, also: Collection[tuple[str, int, str]]) -> bool:
    there = {(place.session_id, place.index, place.sha256) for place in places if place.ref == published}
    keys = {(place.session_id, place.index, place.sha256) for place in places}
    return all(key in there or key in also for key in keys)


def segments_in(store: Store, work: Work, commit: str) -> set[Order]:
    """Return (session, index) of the segments of a trace that produced files or lines which a commit introduces."""
    made = _made(store.objects, commit)
    origins = [work.leaves[leaf] for leaf in made.introduced if leaf in work.leaves]
    origins += [work.blobs[oid] for _, mode, oid in made.introduced if mode and oid in work.blobs]
    for file in contents(store.line_differ, store.objects, [made])[commit].files:
        for path in {file.path, file.old_path}:
            written = work.lines.get(path, {})
            origins += [
                written[line.exact].origin
                for run in file.lines.added
                for line in run
                if line.telling and line.exact in written
            ]
    return {origin.order for origin in origins}


def _made(store: ObjectStore, oid: str) -> Made:
    """Return a commit with what it introduced; its place in the history is not asked."""
    commit = store.commit(oid)
    parents: list[str | None] = [store.commit(one).tree for one in commit.parents if store.kind(one) == "commit"]
    sides = [
        {
            (change.path, change.new_mode, change.new_oid or change.old_oid or "")
            for change in store.changes(tree, commit.tree)
        }
        for tree in parents or [None]
    ]
    introduced = frozenset(set.intersection(*sides))
    return Made(
        oid=oid, tree=commit.tree, parents=commit.parents, time=commit.committer.time, subject="", introduced=introduced
    )


def _companions(trace: Trace, work: Work, orders: set[Order]) -> set[Order]:
    """Return segments and those that changed no file and were noted beside them: a last test run, the verdict."""
    origins = (*work.leaves.values(), *work.blobs.values(), *work.removed.values())
    written = {item.origin.order for lines in work.lines.values() for item in lines.values()}
    producing = written | {origin.order for origin in origins}
    beside = {commit for item in trace.segments if (item.session_id, item.index) in orders for commit in item.commits}
    quiet = {
        (item.session_id, item.index)
        for item in trace.segments
        if (item.session_id, item.index) not in producing and beside.intersection(item.commits)
    }
    return orders | quiet if orders else orders


def _lines(
    store: ObjectStore, places: list[Place], orders: set[Order], commit: str
) -> Iterator[tuple[SegmentLine, list[Signature]]]:
    """Yield segments and their signatures, without those that are noted on the commit already."""
    there = {(place.session_id, place.index, place.sha256) for place in places if place.commit == commit}
    wanted = {
        key: place.blob
        for place in places
        if (place.session_id, place.index) in orders
        and (key := (place.session_id, place.index, place.sha256)) not in there
    }
    for key, blob in sorted(wanted.items()):
        note = parse_note(store.blob(blob))
        for line in note.segments:
            if (line.session_id, line.index, line.sha256) == key:
                yield line, note.signatures_of([line])
                break
