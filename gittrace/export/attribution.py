"""Which lines of a commit a trace wrote, as the opentraces schema has it.

A conversation is what one contributor wrote in one event; lines of other traces name the trace, lines that nobody
recorded name no one. Hashes are murmur3 (x64, 128 bits, seed 0) of the lines with LF between them and none at the end.
"""

from collections.abc import Mapping, Sequence

import mmh3

from gittrace.export.text import cap
from gittrace.model import opentraces as ot
from gittrace.model.attribution import HUMAN, UNKNOWN, Added, AttributedFile, Attribution, Range, Writer
from gittrace.model.trace import Session, Trace
from gittrace.text import clean, decode


def attribution(trace: Trace, found: Attribution, steps: Mapping[str, int]) -> ot.Attribution:
    """Return the attribution of a commit; `steps` gives the step of an event of the trace by its id.

    A file to which it adds no lines (binary, deleted, renamed, another mode, a submodule) is of who left it so.
    `unaccounted_files` are those in which the trace has no part.
    """
    files = [_file(trace, file, steps) for file in found.files if file.ranges or file.state]
    others = [decode(file.path) for file in found.files if not _has_part(trace, file)]
    revision = {"vcs_type": "git", "revision": found.commit}
    return ot.Attribution(experimental=True, revision=revision, files=files, unaccounted_files=others)


def _has_part(trace: Trace, file: AttributedFile) -> bool:
    writers = [piece.writer for piece in file.ranges] + [file.state.writer if file.state else None]
    return any(writer is not None and writer.trace_id == trace.id for writer in writers)


def _file(trace: Trace, file: AttributedFile, steps: Mapping[str, int]) -> ot.AttributionFile:
    conversations: dict[tuple[str, str | None], ot.AttributionConversation] = {}  # by contributor and event
    for piece in file.ranges:
        contributor = _contributor(trace, piece.writer)
        url = _url(trace, piece.writer, steps)
        name = (contributor["type"], piece.writer.event_id if piece.writer else None)
        if name not in conversations:
            conversations[name] = _conversation(piece.writer, contributor, url)
        conversations[name].ranges.append(_range(piece))
    found = list(conversations.values())
    if file.state:
        writer = file.state.writer
        conversation = _conversation(writer, _contributor(trace, writer), _url(trace, writer, steps))
        conversation.ranges.extend(map(_gone, file.gone))
        found.append(conversation)
    return ot.AttributionFile(path=decode(file.path), conversations=found)


def _conversation(writer: Writer | None, contributor: dict[str, str], url: str | None) -> ot.AttributionConversation:
    ids = {"session_id": writer.session_id, "event_id": writer.event_id} if writer else None
    return ot.AttributionConversation.model_validate({"contributor": contributor, "url": url, "ids": ids})


def _contributor(trace: Trace, writer: Writer | None) -> dict[str, str]:
    """Return `human`, `ai`, `mixed` or `unknown`, and what is known of an agent."""
    if writer is None:
        return {"type": UNKNOWN}
    contributor = {"type": writer.who}
    if writer.agent != HUMAN:
        contributor["agent"] = clean(writer.agent)
        session = _session(trace, writer.session_id)
        if session and session.agent["name"] == writer.agent and session.agent.get("model"):
            contributor["model_id"] = clean(str(session.agent["model"]))
    return contributor


def _session(trace: Trace, session_id: str) -> Session | None:
    return next((session for session in trace.sessions if session.id == session_id), None)


def _url(trace: Trace, writer: Writer | None, steps: Mapping[str, int]) -> str | None:
    if writer is None:
        return None
    url = f"opentraces://{writer.trace_id}"
    own = writer.trace_id == trace.id and writer.event_id in steps
    return f"{url}/step_{steps[writer.event_id]}" if own else url


def _range(piece: Range) -> ot.AttributionRange:
    return ot.AttributionRange(
        start_line=piece.start,
        end_line=piece.end,
        content_hash=content_hash(piece.texts),
        confidence=piece.sure if piece.writer else "low",
        change_type="modification" if piece.modifies else "addition",
        original=_original(piece.originals) if piece.originals else None,
    )


def _gone(run: Added) -> ot.AttributionRange:
    """Return lines that were taken away, by their numbers in the commit's parent."""
    return ot.AttributionRange(
        start_line=run.start,
        end_line=run.start + len(run.texts) - 1,
        content_hash=content_hash(run.texts),
        confidence="high",
        change_type="deletion",
    )


def _original(texts: Sequence[bytes]) -> dict[str, str]:
    """Return what was first written in the place of lines whose white space was changed since."""
    return {"content_hash": content_hash(texts), "text": cap(decode(b"\n".join(texts)), ot.MAX_SNIPPET)}


def content_hash(texts: Sequence[bytes]) -> str:
    """Return the hash of lines.

    >>> content_hash([b"hello"])
    'murmur3:5b1e906a48ae1d19cbd8a7b341bd9b02'
    """
    joined = b"\n".join(text.removesuffix(b"\r") for text in texts)
    return f"murmur3:{mmh3.hash128(joined, signed=False):032x}"
