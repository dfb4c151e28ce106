"""Add lines to notes, and merge notes, with respect for what was forgotten."""

from functools import partial

from gittrace.git import notes
from gittrace.git.objects import EMPTY_TREE, open_objects
from gittrace.git.repository import Repository
from gittrace.model.segment import parse_note, render_note
from gittrace.model.tombstones import Tombstones
from gittrace.vocabulary import NOTES_REF

_MESSAGE = "Notes added by 'git trace seal'"


def merge_notes(old: bytes, new: bytes, dead: Tombstones | None = None) -> bytes:
    """Return the union of two notes, without what tombstones in them, or of `dead`, cover.

    What is already in the old one, under whatever packing, is not added again; a signature only beside its segment.
    """
    before, after = parse_note(old), parse_note(new)
    have = {(line.session_id, line.index, line.sha256) for line in before.segments}
    rest = [line for line in after.forgets if line not in before.forgets]
    covering = Tombstones([*before.forgets, *rest, *(dead.forgets if dead else ())])
    fresh = [
        line
        for line in after.segments
        if (line.session_id, line.index, line.sha256) not in have and not covering.covers_line(line)
    ]
    foreign = [line for line in after.foreign if line not in before.foreign]
    gone = {line for line in before.segments if covering and covering.covers_line(line)}
    here = [*(line for line in before.segments if line not in gone), *fresh]
    signatures = [one for one in after.signatures_of(here) if one not in before.signatures]
    if not fresh and not rest and not foreign and not gone and not signatures:
        return old
    return render_note([*before.without(gone), *fresh, *rest, *foreign, *signatures])


def add_lines(repo: Repository, lines: dict[str, list[str]]) -> None:
    """Add lines to the notes of commits."""
    texts = {commit: "".join(f"{line}\n" for line in some).encode() for commit, some in lines.items()}
    notes.add(repo, NOTES_REF, texts, partial(merge_notes, dead=tombstones(repo)), _MESSAGE)


def tombstones(repo: Repository, ref: str = NOTES_REF) -> Tombstones:
    """Return the tombstones of this clone's own notes, all of which are in one place: the note of the empty tree."""
    tip = notes.tip(repo, ref)
    if tip is None:
        return Tombstones()
    with open_objects(repo) as store:
        oid = notes.find(store, store.commit(tip).tree, EMPTY_TREE[store.format])
        return Tombstones(parse_note(store.blob(oid)).forgets if oid else ())
