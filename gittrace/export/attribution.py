"""Which lines of a commit a trace wrote, as the opentraces schema has it.

A conversation is what one contributor wrote in one step; lines of other traces name the trace, lines that nobody
recorded name no one. Hashes are murmur3 (x64, 128 bits, seed 0) of the lines with LF between them and none at the end.
"""

from collections.abc import Mapping, Sequence

import mmh3

from gittrace.export.text import cap
from gittrace.model import opentraces as ot
from gittrace.model.attribution import HUMAN, UNKNOWN, AttributedFile, Attribution, Range
from gittrace.model.trace import Session, Trace
from gittrace.text import clean, decode


def attribution(trace: Trace, found: Attribution, steps: Mapping[str, int]) -> ot.Attribution:
    """Return the attribution of a commit; `steps` gives the step of an event of the trace by its id.

    `unaccounted_files` are those with added lines of which the trace wrote none.
    """
    files = [_file(trace, file, steps) for file in found.files if file.ranges]
    others = [decode(file.path) for file in found.files if file.ranges and not _has_part(trace, file)]
    revision = {"vcs_type": "git", "revision": found.commit}
    return ot.Attribution(experimental=True, revision=revision, files=files, unaccounted_files=others)


def _has_part(trace: Trace, file: AttributedFile) -> bool:
    return any(piece.writer is not None and piece.writer.trace_id == trace.id for piece in file.ranges)


def _file(trace: Trace, file: AttributedFile, steps: Mapping[str, int]) -> ot.AttributionFile:
    conversations: dict[tuple[str, str | None], ot.AttributionConversation] = {}
    for piece in file.ranges:
        contributor = _contributor(trace, piece)
        url = _url(trace, piece, steps)
        name = (contributor["type"], url)
        if name not in conversations:
            ids = {"session_id": piece.writer.session_id, "event_id": piece.writer.event_id} if piece.writer else None
            conversations[name] = ot.AttributionConversation.model_validate(
                {"contributor": contributor, "url": url, "ids": ids}
            )
        conversations[name].ranges.append(_range(piece))
    return ot.AttributionFile(path=decode(file.path), conversations=list(conversations.values()))


def _contributor(trace: Trace, piece: Range) -> dict[str, str]:
    """Return `human`, `ai`, `mixed` or `unknown`, and what is known of an agent."""
    writer = piece.writer
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


def _url(trace: Trace, piece: Range, steps: Mapping[str, int]) -> str | None:
    if piece.writer is None:
        return None
    url = f"opentraces://{piece.writer.trace_id}"
    own = piece.writer.trace_id == trace.id and piece.writer.event_id in steps
    return f"{url}/step_{steps[piece.writer.event_id]}" if own else url


def _range(piece: Range) -> ot.AttributionRange:
    return ot.AttributionRange(
        start_line=piece.start,
        end_line=piece.end,
        content_hash=content_hash(piece.texts),
        confidence=piece.sure if piece.writer else "low",
        change_type="modification" if piece.modifies else "addition",
        original=_original(piece.originals) if piece.originals else None,
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
