"""Drop the segments that are noted on commits which are gone, where they are noted on another one too."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

from gittrace.git import notes
from gittrace.git.objects import EMPTY_TREE, ObjectStore
from gittrace.git.repository import Repository
from gittrace.model.segment import parse_note, render_note
from gittrace.model.tombstones import Tombstones
from gittrace.trace.sealing.noting import tombstones
from gittrace.trace.sealing.seal import locked
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS

_MESSAGE = "Notes of commits that are gone removed by 'git trace gc'"
_Key = tuple[str, str]


@dataclass
class Gone:
    """The commits whose notes were (or would be) dropped, and in words what was kept."""

    dropped: list[str] = field(default_factory=list)
    kept: list[str] = field(default_factory=list)


def drop_stale(store: Store, expired: Collection[str], dry_run: bool, force: bool) -> Gone:
    """Drop lines of expired traces from the notes of commits that are not here any more.

    A segment that is noted on no other commit, and was not published, stays unless `force`. In a shallow or partial
    clone nothing tells which commits are gone, so all stay. Lines of others stay. Raises RefMoved, GitFailed.
    """
    repo, found = store.repo, Gone()
    tip = notes.tip(repo, NOTES_REF)
    if tip is None or not expired or _lacks_commits(repo):
        return found
    safe = {
        (place.session_id, place.sha256)
        for trace in expired
        for place in store.index.places(trace)
        if place.ref.startswith(REMOTE_NOTES_REFS) or (place.commit and store.objects.kind(place.commit) == "commit")
    }
    edit = partial(_without_stale, store.objects, frozenset(expired), None if force else safe, found, tombstones(repo))
    if dry_run:
        tree = store.objects.commit(tip).tree
        edit((commit, store.objects.blob(oid)) for commit, oid in notes.walk(store.objects, tree))
        return found
    with locked(repo):
        notes.rewrite(repo, NOTES_REF, edit, _MESSAGE, only_if_changed=True)
    return found


def _lacks_commits(repo: Repository) -> bool:
    partial_clone = repo.git("config", "--get-regexp", r"^remote\..*\.promisor$", ok=(0, 1))
    return repo.line("rev-parse", "--is-shallow-repository") == "true" or bool(partial_clone)


def _without_stale(
    store: ObjectStore,
    expired: Collection[str],
    safe: Collection[_Key] | None,
    found: Gone,
    dead: Tombstones,
    all_notes: Iterable[tuple[str, bytes]],
) -> Mapping[str, bytes]:
    found.dropped, found.kept = [], []
    texts = {}
    for commit, note in all_notes:
        if commit == EMPTY_TREE[store.format] or store.kind(commit) is not None:
            continue
        parsed = parse_note(note)
        old = [line for line in parsed.segments if line.trace_id in expired]
        gone = {line for line in old if safe is None or (line.session_id, line.sha256) in safe}
        if len(gone) < len(old):
            found.kept.append(f"note of commit {commit}: the commit is gone, and its segments are nowhere else")
        stones = {str(one).encode() for one in parsed.forgets if one in dead.forgets}
        new = render_note(line for line in parsed.without(gone) if line not in stones)
        if gone and new != note:
            texts[commit] = new
            found.dropped.append(commit)
    return texts


__all__ = ["Gone", "drop_stale"]
