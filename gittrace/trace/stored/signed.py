"""How the segments of a trace are signed: what their signatures are worth, checked with git's own configuration.

Signatures come from whoever could write the note: so a few of each segment are looked at, from each ref in turn, and
one that is bad says nothing against a segment that has a good one.
"""

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from gittrace.git.signature import Signing, Verdict
from gittrace.model.segment import Signature, microseconds, parse_note, statement
from gittrace.model.trace import Segment
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verdicts import Verdicts

MOST = 8
"""Signatures of one segment that are checked."""

UNSIGNED = "N"
# the first that a segment has counts
_ORDER = "GUYXERB"


@dataclass(frozen=True, slots=True)
class Standing:
    """How a segment is signed.

    letter   as `%G?` of `git log`; of several signatures that of the best
    checked  each signature that was looked at, and what it is worth
    more     how many were not looked at
    """

    letter: str = UNSIGNED
    checked: tuple[tuple[Signature, Verdict], ...] = ()
    more: int = 0

    @property
    def best(self) -> Verdict | None:
        """What the best signature is worth, None where there is none."""
        return next((verdict for _, verdict in self.checked if verdict.letter == self.letter), None)

    @property
    def failed(self) -> bool:
        """Whether it has signatures, and the best one counts against it."""
        return self.best is not None and self.best.failed


def standings(store: Store, trace_id: str, segments: Iterable[Segment]) -> list[tuple[Segment, Standing]]:
    """Return how sealed segments of a trace are signed. Raises GitFailed."""
    signatures = _signatures(store, trace_id)
    sealed = [(segment, signatures.get(segment.sha256, [])) for segment in segments if segment.sha256]
    if not signatures:
        return [(segment, Standing()) for segment, _ in sealed]
    with closing(Verdicts(Signing(store.repo))) as verdicts:
        return [(segment, _standing(verdicts, segment, some)) for segment, some in sealed]


def _signatures(store: Store, trace_id: str) -> Mapping[str, list[Signature]]:
    """Return the signatures of a trace's segments by the sha256 of these, those of the refs in turn, each once."""
    blobs: dict[str, dict[str, None]] = {}
    for place in store.index.places(trace_id):
        blobs.setdefault(place.ref, {})[place.blob] = None
    by_ref: dict[str, list[list[Signature]]] = {}
    for some in blobs.values():
        of_ref: dict[str, list[Signature]] = {}
        for blob in some:
            for one in parse_note(store.objects.blob(blob)).signatures:
                if one.trace_id == trace_id:
                    of_ref.setdefault(one.sha256, []).append(one)
        for sha, found in of_ref.items():
            by_ref.setdefault(sha, []).append(found)
    return {sha: list(dict.fromkeys(_in_turn(lists))) for sha, lists in by_ref.items()}


def _in_turn(lists: Iterable[Sequence[Signature]]) -> Iterator[Signature]:
    for row in zip_longest(*lists):
        yield from (one for one in row if one is not None)


def _standing(verdicts: Verdicts, segment: Segment, signatures: Sequence[Signature]) -> Standing:
    if not signatures:
        return Standing()
    data = statement(segment.trace_id, segment.session_id, segment.index, segment.sha256)
    at = _time(segment)
    checked = tuple((one, _checked(verdicts, one, data, at)) for one in signatures[:MOST])
    letter = min((verdict.letter for _, verdict in checked), key=_ORDER.index)
    return Standing(letter, checked, len(signatures) - len(checked))


def _checked(verdicts: Verdicts, signature: Signature, data: bytes, at: int) -> Verdict:
    try:
        raw = base64.b64decode(signature.payload, validate=True)
    except binascii.Error:
        raw = b""  # no signature; the program says so
    return verdicts.check(signature.format, data, raw, at)


def _time(segment: Segment) -> int:
    """Return when the last event of a segment was, in seconds since the epoch: no signature of it can be older."""
    times = [microseconds(event.get("at")) for event in (segment.header, *segment.events)]
    return max([0, *(at for at in times if at is not None)]) // 1_000_000


def standing_json(standing: Standing) -> dict[str, Any]:
    """Return it for `--json` (doc/JSON.md)."""
    return {
        "signed": standing.letter,
        "signatures": [
            {
                "format": signature.format,
                "result": verdict.letter,
                "signer": verdict.signer or None,
                "key": verdict.key or None,
                "why": verdict.why or None,
            }
            for signature, verdict in standing.checked
        ],
        "not_checked": standing.more,
    }


__all__ = ["MOST", "UNSIGNED", "Standing", "standing_json", "standings"]
