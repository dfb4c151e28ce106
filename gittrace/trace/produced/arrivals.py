"""To which commits HEAD went at an event: what they brought existed before, and is nobody's work there."""

from collections.abc import Iterable

from gittrace.git.objects import ObjectStore
from gittrace.model.trace import EventDict
from gittrace.trace.produced.work_steps import WorkStep
from gittrace.vocabulary import COMMIT, SESSION


class Arrivals:
    """Answers for the events of a trace."""

    def __init__(self, events: Iterable[EventDict], store: ObjectStore) -> None:
        self._store = store
        # what commits of ours grew on, of those that are no other commit in a new form
        self._new: dict[str, tuple[str, ...]] = {}
        for event in events:
            if event["kind"] == COMMIT and not self._takes_over(event):
                self._new[str(event.get("commit"))] = tuple(map(str, event.get("parents") or ()))

    def at(self, step: WorkStep) -> tuple[str, ...]:
        """Return the commits to which HEAD went at an event or after it, or which were merged, each once.

        One that the trace itself made anew stands for those that it grew on.
        """
        event = step.event
        if event["kind"] == SESSION:
            return ()
        merged = tuple(map(str, event.get("parents", ())[1:])) if event["kind"] == COMMIT else ()
        own = str(event["commit"]) if event["kind"] == COMMIT else ""
        arrived = (own, *merged) if own and own not in self._new else merged
        came = self._grown_on(step.after, step.following)
        return arrived + tuple(head for head in came if head not in (step.head, own, *arrived))

    def _grown_on(self, *heads: str | None) -> tuple[str, ...]:
        """Return commits, each once, with what new ones grew on in their place."""
        found: dict[str, None] = {}
        todo = [head for head in reversed(heads) if head]
        while todo:
            head = todo.pop()
            if head not in found:
                found[head] = None
                todo += self._new.get(head, ())
        return tuple(head for head in found if head not in self._new)

    def _takes_over(self, event: EventDict) -> bool:
        """Tell whether a commit may hold what another one held before, as a pick or an amend does, and a rebase.

        A commit of its own has the author's date of its own; what is alike was made of it.
        """
        oid, action = str(event.get("commit")), str(event.get("action", "commit"))
        taken = not action.startswith("commit") or "(amend)" in action or "(cherry-pick)" in action
        if taken or self._store.kind(oid) != "commit":
            return True
        commit = self._store.commit(oid)
        return commit.author.time != commit.committer.time
