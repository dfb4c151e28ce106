"""Rebuild the trees of a trace from its diffs, and prove them: the oid of a rebuilt tree is the recorded one or isn't.

Pure: it reads objects, and writes nothing but memory (and a temporary file, when that gets large).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from gittrace.errors import TraceError
from gittrace.git.apply import Trust, apply
from gittrace.git.objects import ObjectMissing, ObjectStore
from gittrace.git.patch import PatchError
from gittrace.git.trees import BadPath, Overlay, TreeEditor
from gittrace.protect.found import PLACEHOLDER
from gittrace.text import decode

OK = "ok"
REDACTED = "redacted"
MISMATCH = "mismatch"
CANNOT = "cannot"

_REDACTED = "secrets were masked in it, and "


@dataclass(frozen=True, slots=True)
class Step:
    """A tree that an event names, and the diff that leads to it.

    event_id   of the event
    what       `header`, `diff` or `effect`: which of the event's diffs
    tree       the recorded oid
    text       the diff as bytes, empty when nothing changed; None when there is none
    omitted    size in bytes of a diff that was left out
    from_tree  what the diff starts from; None for the tree of the step before
    redacted   whether secrets in the diff were masked
    """

    event_id: str
    what: str
    tree: str
    text: bytes | None
    omitted: int | None = None
    from_tree: str | None = None
    redacted: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a step: `ok`, `mismatch` (the records contradict each other) or `cannot` (too little is here).

    `redacted`: the tree is the recorded one, with the oids of files whose content was masked taken from the diff.
    """

    step: Step
    status: str
    reason: str = ""


def rebuild(store: ObjectStore, steps: Iterable[Step]) -> Iterator[Outcome]:
    """Apply the diff of each step to the tree before it, and yield how its result compares with the recorded tree.

    A diff is proved by applying it, also where the recorded tree is in the store. After a step that can't be
    rebuilt it goes on from that step's recorded tree, if the store has it or an earlier step made it.
    """
    with Overlay(store) as objects:
        rebuilder = _Rebuilder(objects)
        for step in steps:
            yield rebuilder.take(step)


class _Rebuilder:
    def __init__(self, objects: Overlay) -> None:
        self._objects = objects
        self._editor: TreeEditor | None = None  # at the tree `_at`, or between two trees when that is None
        self._at: str | None = None
        self._before: str | None = None  # the recorded tree of the step before
        self._trusted: set[str] = set()  # blobs that were masked somewhere, so that they can't be made

    def take(self, step: Step) -> Outcome:
        start = step.from_tree or self._before
        self._before = step.tree
        if step.text is None:
            return self._without_diff(step, start)
        if start is None:
            return Outcome(step, CANNOT, "there is no tree to start from")
        trust = Trust(PLACEHOLDER, self._trusted) if step.redacted or self._trusted else None
        try:
            made = self._apply(start, step.text, trust)
        except (PatchError, BadPath) as error:
            return Outcome(step, CANNOT if step.redacted else MISMATCH, f"{_REDACTED if step.redacted else ''}{error}")
        except TraceError as error:
            return Outcome(step, CANNOT, str(error))
        if made != step.tree:
            return Outcome(step, MISMATCH, f"the diff leads to tree '{made}', not '{step.tree}'")
        if trust and trust.paths:
            names = ", ".join(f"'{decode(path)}'" for path in trust.paths)
            return Outcome(step, REDACTED, f"secrets were masked in {names}")
        return Outcome(step, OK)

    def _without_diff(self, step: Step, start: str | None) -> Outcome:
        left_out = f"diff of {_size(step.omitted)} was left out" if step.omitted else "no diff was recorded"
        if self._objects.kind(step.tree) == "tree":
            return Outcome(step, OK, f"{left_out}, but the tree is here" if step.tree != start else "")
        return Outcome(step, CANNOT, left_out)

    def _apply(self, start: str, text: bytes, trust: Trust | None) -> str:
        editor = self._open(start)
        if not text:
            return start
        self._at = None
        apply(text, editor, trust=trust)
        self._at = editor.tree_oid()
        return self._at

    def _open(self, tree: str) -> TreeEditor:
        if self._editor is None or self._at != tree:
            if self._objects.kind(tree) != "tree":
                raise ObjectMissing(f"base tree '{tree}' is not in this clone")
            self._editor = TreeEditor(self._objects, tree)
            self._at = tree
        return self._editor


def _size(count: int) -> str:
    for unit, name in ((1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.1f} {name}"
    return f"{count} bytes"
