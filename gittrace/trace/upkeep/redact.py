"""Mask what is recorded already: segments in the notes and hidden refs, kept outputs, journals, the title.

A masked segment takes the place of the old one, which gets a tombstone, so that no copy of it counts. Done again it
changes nothing; killed anywhere it can be done again.
"""

import json
import os
from collections.abc import Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass, field
from typing import Any

from gittrace.errors import SessionActive
from gittrace.git import hidden
from gittrace.git.objects import DIRECTORY, ObjectStore
from gittrace.git.repository import Repository
from gittrace.journal.append import Journal, dump
from gittrace.journal.read import read
from gittrace.model.segment import SegmentLine, decode, encode, parse_note
from gittrace.protect import deep
from gittrace.protect.cleaning import Cleaner, Finding
from gittrace.protect.redaction import Redaction, redaction
from gittrace.protect.redactor import Stream
from gittrace.trace.recording import progress
from gittrace.trace.sealing.seal import locked
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.forget import replace_segments, sessions_of
from gittrace.vocabulary import META_FILE, NOTES_REF, OUTPUT_DIR, SESSIONS_DIR, TRACE_REFS


@dataclass
class Redacted:
    """What was (or would be) masked: how many segments, outputs and journals, and what was found in them."""

    trace_id: str
    segments: int = 0
    outputs: int = 0
    journals: int = 0
    found: list[Finding] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def redact_trace(store: Store, trace_id: str, dry_run: bool = False) -> Redacted:
    """Mask all that this clone recorded of a trace. Raises SessionActive, BadConfig, Damaged, RefMoved, GitFailed."""
    repo = store.repo
    if store.is_active(trace_id) and not dry_run:
        raise SessionActive(f"cannot redact trace '{trace_id}': a session of it is active", "'git trace stop' ends it")
    rules = redaction(repo, os.environ)
    deeper = bool(deep.version())
    done = Redacted(trace_id)
    lines = {}
    for line in own_lines(store, trace_id):
        if line.sha256 not in lines and (new := _masked_line(line, rules.cleaner(deeper), done)):
            lines[line.sha256] = new
    done.segments = len(lines)
    kept = dict(_masked_outputs(store, trace_id, rules, done, dry_run))
    done.outputs = len(kept)
    for session in sessions_of(repo, trace_id):
        done.journals += _mask_journal(repo, session, rules.cleaner(deeper), done, dry_run)
    # the same is in a journal and in its segment
    done.found = list(dict.fromkeys(done.found))
    if dry_run:
        return done
    if kept:
        hidden.replace(repo, trace_id, OUTPUT_DIR, kept)
    _mask_title(store, trace_id, rules.cleaner(deeper))
    if lines:
        replace_segments(repo, lines)
    return done


def own_lines(store: Store, trace_id: str) -> Iterator[SegmentLine]:
    """Yield the segments of a trace in this clone's own notes and hidden refs."""
    for blob in dict.fromkeys(
        place.blob
        for place in store.index.places(trace_id)
        if place.ref == NOTES_REF or place.ref.startswith(TRACE_REFS)
    ):
        yield from (line for line in parse_note(store.objects.blob(blob)).segments if line.trace_id == trace_id)


def _masked_line(line: SegmentLine, cleaner: Cleaner, done: Redacted) -> str | None:
    """Return the line of a segment without its secrets, None when it has none."""
    events = decode(line)
    cleaned = cleaner.events(events)
    done.found += cleaner.found
    if not cleaner.found:
        return None
    return encode(line.trace_id, line.session_id, line.index, b"".join(map(dump, cleaned)))


def outputs(store: Store, trace_id: str) -> Iterator[tuple[str, str]]:
    """Yield (event id, blob) of the outputs that are kept of a trace."""
    oid = store.repo.git("rev-parse", "-q", "--verify", f"{TRACE_REFS}{trace_id}", ok=(0, 1)).decode().strip()
    for entry in store.objects.tree(oid) if oid else ():
        if entry.name == OUTPUT_DIR.encode() and entry.mode == DIRECTORY:
            for output in store.objects.tree(entry.oid):
                yield os.fsdecode(output.name), output.oid


def masked_output(objects: ObjectStore, oid: str, rules: Redaction) -> tuple[bytes, list[tuple[str, str]]]:
    """Return a kept output without its secrets, packed, and these (rule, tag)."""
    import zstandard

    stream = Stream(rules.redactor())
    packer = zstandard.ZstdCompressor(level=3, write_checksum=True).compressobj()
    packed = [
        packer.compress(stream.feed(piece)) for piece in zstandard.ZstdDecompressor().read_to_iter(objects.blob(oid))
    ]
    packed += [packer.compress(stream.close()), packer.flush()]
    return b"".join(packed), stream.hits


def _masked_outputs(
    store: Store, trace_id: str, rules: Redaction, done: Redacted, dry_run: bool
) -> Iterator[tuple[str, str]]:
    for event, oid in outputs(store, trace_id):
        packed, hits = masked_output(store.objects, oid, rules)
        if hits:
            done.found += [Finding(event, OUTPUT_DIR, "", 0, rule, tag) for rule, tag in hits]
            yield event, "" if dry_run else hidden.write_blob(store.repo, packed)


def _mask_journal(repo: Repository, session: str, cleaner: Cleaner, done: Redacted, dry_run: bool) -> int:
    """Mask a journal that is wholly sealed, and say how much of it is; return whether there was something to mask."""
    path = os.path.join(repo.common_trace_dir, SESSIONS_DIR, f"{session}.jsonl")
    # who only looks writes nothing, and may have no leave to
    with nullcontext() if dry_run else locked(repo), nullcontext() if dry_run else Journal(path):
        reading = read(path, 0)
        cleaned = cleaner.events(reading.events)
        done.found += cleaner.found
        if not cleaner.found or dry_run:
            return int(bool(cleaner.found))
        state = progress.load(repo.common_trace_dir, session)
        if not state.done or reading.damaged:
            done.problems.append(f"journal of session '{session}' is left as it is: it is damaged, or not sealed yet")
            return 0
        # the events first, then how far they are sealed: in between they would be sealed again, to the same lines
        with open(f"{path}.new", "wb") as file:
            for event in cleaned:
                file.write(dump(event))
            size = file.tell()
        os.replace(f"{path}.new", path)
        state.offset = size
        progress.save(repo.common_trace_dir, session, state)
    return 1


def _mask_title(store: Store, trace_id: str, cleaner: Cleaner) -> None:
    oid = (
        store.repo.git("rev-parse", "-q", "--verify", f"{TRACE_REFS}{trace_id}:{META_FILE}", ok=(0, 1)).decode().strip()
    )
    if not oid:
        return
    try:
        meta: dict[str, Any] = json.loads(store.objects.blob(oid))
    except ValueError:
        return  # not ours; nothing reads it
    (cleaned,) = cleaner.events([meta])
    if cleaner.found:
        hidden.update(store.repo, trace_id, meta=json.dumps(cleaned, ensure_ascii=False).encode())


def scan_all(repo: Repository) -> list[Redacted]:
    """Return for each trace what the rules of today find in what is recorded of it, also by others."""
    from gittrace.trace.upkeep.gate import Gate

    with closing(Store(repo)) as store, closing(Gate(repo)) as gate:
        reports = []
        for trace_id in store.trace_ids():
            report = redact_trace(store, trace_id, dry_run=True)
            known = set(report.found)
            for _, found in gate.trace_findings(store.load(trace_id)):
                report.found += [one for one in found if one not in known]
            reports.append(report)
        return reports
