"""Make a segment of events: what it begins on, and the diffs that lead from one snapshot to the next."""

from gittrace.git.diff import diff_trees, to_json_text
from gittrace.git.objects import EMPTY_TREE, ObjectStore, open_objects
from gittrace.git.repository import Repository
from gittrace.journal.read import Event, ended
from gittrace.protect.masking import Masking
from gittrace.trace.recording import progress, rewrites
from gittrace.trace.sealing.runs import is_after
from gittrace.vocabulary import COMMAND, COMMIT

# what means something in this clone only
_LOCAL_FIELDS = frozenset(("output", "worktree", "pid", "stashes"))


def begin(repo: Repository, store: ObjectStore, header: Event, done: progress.Progress) -> None:
    """See to what the next segment begins on: it may have been rewritten, and be gone."""
    if done.tree is None or done.base is None:
        done.tree = header["tree"]
        done.base = base_of(repo, store, header.get("base_commit"), header["tree"])
    elif store.kind(done.base["tree"] or "") != "tree":
        done.base = base_of(repo, store, done.base["commit"], done.tree)


def base_of(repo: Repository, store: ObjectStore, commit: str | None, tree: str) -> dict[str, str | None]:
    """Return what a segment begins on: a commit, by its new name if it was rewritten; `tree` where it is gone."""
    if commit is None:
        return {"commit": None, "tree": EMPTY_TREE[store.format]}
    for name in (commit, rewrites.newest(repo, commit)):
        if store.kind(name) == "commit":
            return {"commit": name, "tree": store.commit(name).tree}
    return {"commit": None, "tree": tree}


def segment_of(
    repo: Repository, header: Event, events: list[Event], done: progress.Progress, masking: Masking
) -> list[Event]:
    """Return the segment that a session's unsealed events would make now: its header, then the events, with diffs."""
    with open_objects(repo) as store:
        begin(repo, store, header, done)
        return masking(with_diffs(repo, store, header, events, done, repo.size("trace.maxDiff")))


def with_diffs(
    repo: Repository, store: ObjectStore, header: Event, events: list[Event], done: progress.Progress, limit: int
) -> list[Event]:
    """Return the segment: its header, then the events, with the diffs that lead from tree to tree."""
    assert done.tree is not None
    assert done.base is not None
    head = {key: value for key, value in header.items() if key not in _LOCAL_FIELDS}
    head |= {"format": 1, "index": done.index, "base": done.base, "tree": done.tree}
    base_tree = done.base["tree"] or ""
    wanted: list[tuple[Event, str, str, str]] = [(head, "diff", base_tree, done.tree)]
    tree, known = done.tree, {base_tree, done.tree}
    sealed = [head]
    previous: Event | None = None
    for journaled in events:
        event = {key: value for key, value in journaled.items() if key not in _LOCAL_FIELDS}
        sealed.append(event)
        before, after = event.get("tree"), event.get("tree_after")
        if before:
            late = is_after(journaled, 0, events)
            if late or (event["kind"] == COMMAND and previous and _overlaps(previous, event)):
                event["parallel"] = True
            if late or (event.get("parallel") and before in known):
                before = tree  # it began beside others: what they changed is not its doing, nor taken back by it
            else:
                wanted.append((event, "diff", tree, before))
        if after:
            wanted.append((event, "effect", before or tree, after))
        known |= {event.get("tree", tree), after or tree}
        tree = after or event.get("tree") or tree
        previous = event
    pairs = [(old, new) for _, _, old, new in wanted]
    for (event, key, old, new), diff in zip(wanted, diff_trees(repo, pairs, limit), strict=True):
        if diff.text is None:
            event[f"{key}_omitted"] = {"bytes": diff.size, "from": old, "to": new}
        elif diff.text:
            event[key], encoding = to_json_text(diff.text)
            if encoding:
                event[f"{key}_encoding"] = encoding
    from gittrace.trace.produced.taken import (
        mark,  # what only looks whether there is something to seal does not load it
    )

    mark(sealed, done.commits, store)
    return sealed


def _overlaps(previous: Event, event: Event) -> bool:
    """Tell whether a command began before the event that was journaled before it had ended."""
    if previous["kind"] == COMMIT:
        # by what it saw, not by time: a commit's time is in whole seconds, and anyone may set it
        return bool(event.get("head") == previous.get("head") != previous["commit"])
    return bool(event["at"] < ended(previous))
