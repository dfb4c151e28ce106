"""The steps that prove a trace: for each tree that its segments name, the diff that leads there."""

from collections.abc import Iterator, Mapping
from typing import Any

from gittrace.git.diff import from_json_text
from gittrace.model.trace import EventDict, Session, Trace
from gittrace.trace.stored.verify import Step


def steps(trace: Trace) -> Iterator[tuple[Session, Step]]:
    """Yield the steps of a trace, session by session. Raises ValueError when a diff's encoding is unknown."""
    for session in trace.sessions:
        at: str | None = None
        for segment in session.segments:
            header = segment.header
            base = header.get("base")
            base_tree = base.get("tree") if isinstance(base, Mapping) else None
            if header.get("tree"):
                # a later segment goes on from the end of the one before it; that base may have been rewritten away
                continues = at is not None and at == header["tree"]
                start = at if continues else base_tree
                yield session, _step(header, "header", "diff", header["tree"], None if continues else start, continues)
                at = header["tree"]
            for event in segment.events:
                before, after = event.get("tree"), event.get("tree_after")
                beside = bool(event.get("parallel")) and not event.get("diff") and not event.get("diff_omitted")
                if before and beside:
                    # it began on a tree that was known already; its effect starts where the others had got to
                    yield session, Step(str(event.get("id")), "diff", before, None, None, None)
                elif before:
                    yield session, _step(event, "diff", "diff", before, at)
                    at = before
                if after:
                    yield session, _step(event, "effect", "effect", after, at)
                    at = after


def _step(event: EventDict, what: str, key: str, tree: str, start: str | None, unchanged: bool = False) -> Step:
    omitted = event.get(f"{key}_omitted")
    text: Any = event.get(key)
    data = None if isinstance(omitted, Mapping) else b""
    if isinstance(text, str) and not unchanged:
        data = from_json_text(text, event.get(f"{key}_encoding"))
    size = omitted.get("bytes") if isinstance(omitted, Mapping) else None
    return Step(str(event.get("id")), what, tree, data, size, start, bool(event.get(f"{key}_redacted")))
