"""After the notes of what was pushed: what its commits have of work that is noted elsewhere (`gittrace.share.derived`).

It may take as long as `git trace links`, so it comes last, and nobody waits for it in a hook.
"""

from contextlib import nullcontext

from gittrace.git import notes
from gittrace.git.objects import ObjectStore, open_objects
from gittrace.git.reach import outside
from gittrace.git.repository import Repository
from gittrace.git.transfer import Line
from gittrace.model.segment import Note, parse_note
from gittrace.share import state as states
from gittrace.share.plan import Scope
from gittrace.share.publish import Published, Rehearsal, alone, exclusively, publish, state_of
from gittrace.share.remotes import Target, mirror, writer_of
from gittrace.share.state import State

Key = tuple[str, int, str]


def complete(
    repo: Repository,
    target: Target,
    scope: Scope,
    line: Line,
    dry: Rehearsal | None = None,
    store: ObjectStore | None = None,
) -> Published | None:
    """Publish segments whose work came to the target's remote by a squash, a pick or a rebase without their notes.

    Asked of the commits that came there since it was last asked, if some of them has no note. Return None when there
    was nothing. `dry`: only say what would be published, after what the rehearsal has. `store`: the repository's
    objects, where they are open. Raises as `publish` does, and Busy.
    """
    state = state_of(repo, target, dry)
    with nullcontext(store) if store else open_objects(repo) as objects:
        fresh = _fresh(repo, objects, state, scope)
        done = None
        if fresh and not _all_noted(objects, state, fresh):
            more = _carried(repo, target, fresh, dry)
            if more:
                with exclusively(repo, line):
                    done = publish(repo, target, Scope(), line, dry, more, objects)
    if fresh and not dry and not (done and done.held):
        with alone(repo, wait=line.idle) as mine:
            if mine:
                now = states.load(repo, target.remote)
                now.derived = state.tips
                states.save(repo, target.remote, now)
    return done


def _fresh(repo: Repository, store: ObjectStore, state: State, scope: Scope) -> set[str]:
    def here(oids: list[str]) -> list[str]:
        return [oid for oid in oids if store.kind(oid) in ("commit", "tag")]

    known = state.derived if scope.everything else [*state.derived, *(state.baseline or [])]
    return outside(repo, here(state.tips), here(known))


def _all_noted(store: ObjectStore, state: State, commits: set[str]) -> bool:
    """Tell whether each of some commits had a note when notes were published last."""
    if not state.notes or store.kind(state.notes) != "commit":
        return False
    return len(notes.find_all(store, store.commit(state.notes).tree, commits)) == len(commits)


def _carried(repo: Repository, target: Target, commits: set[str], dry: Rehearsal | None) -> dict[str, Note]:
    # derivation is loaded when some commit has no note, and not by every push
    from gittrace.share.derived import carried
    from gittrace.trace.stored.store import Store

    store = Store(repo)
    try:
        ref = mirror(target.to, writer_of(repo))
        also = _rehearsed(store.objects, notes.tip(repo, ref), dry.mirrors.get(ref)) if dry else set()
        return carried(store, ref, commits, also)
    finally:
        store.close()


def _rehearsed(store: ObjectStore, real: str | None, would_be: str | None) -> set[Key]:
    """Return the segments that notes would have, and do not have yet."""
    if not would_be:
        return set()
    changed = notes.changed(store, store.commit(real).tree if real else None, store.commit(would_be).tree)
    lines = (line for _, oid in changed if oid for line in parse_note(store.blob(oid)).segments)
    return {(line.session_id, line.index, line.sha256) for line in lines}
