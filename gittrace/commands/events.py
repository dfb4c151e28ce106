"""Find events as they were recorded."""

from gittrace.errors import NotFound
from gittrace.model.trace import EventDict, Segment, Trace
from gittrace.trace.stored.names import Target
from gittrace.trace.stored.store import Store


def find_event(store: Store, target: Target) -> tuple[Trace, Segment, EventDict]:
    """Return an event as it was recorded, with its trace and segment. Raises NotFound."""
    trace = store.load(target.trace_id)
    for segment in trace.segments:
        for event in segment.events:
            if event.get("id") == target.id:
                return trace, segment, event
    raise NotFound(f"event '{target.id}' is in a segment that can't be read")
