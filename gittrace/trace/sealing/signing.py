"""Sign the segments that this clone made (`gittrace.trace.sealing.unsigned`), beside the work and never in its way.

A signature is a line of its own in every note of this clone that has the segment. Killed anywhere this can be done
again; what can't be signed stays on the list, and is published unsigned meanwhile.
"""

import base64
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing
from dataclasses import dataclass

from gittrace.errors import TraceError, told
from gittrace.git import hidden
from gittrace.git.objects import ObjectStore
from gittrace.git.repository import Repository
from gittrace.git.signature import Signing
from gittrace.model.segment import MAX_SIGNATURE, Signature, parse_note, render_note, statement
from gittrace.trace.alone import alone
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.noting import add_lines, merge_notes
from gittrace.trace.sealing.seal import locked
from gittrace.trace.sealing.unsigned import Name
from gittrace.trace.stored.index import Index
from gittrace.trace.stored.indexed import Place
from gittrace.vocabulary import NOTES_REF, SEGMENTS_DIR, TRACE_REFS

_LOCK = "sign.lock"
# signatures that may be lost when this is killed
_BATCH = 50


@dataclass
class Signed:
    """How many segments were signed, how many are left, and why."""

    count: int = 0
    left: int = 0
    failed: str = ""


def sign_waiting(repo: Repository, wait: float = 0) -> Signed:
    """Sign what is on the list, if segments are to be signed here, without asking anybody.

    wait  seconds to wait for another process that does; then what it has not signed is left
    Raises BadConfig, GitFailed, OSError; what fails otherwise is in the result, and in `unsigned.last_failure`.
    """
    if not unsigned.due(repo):
        return Signed()
    with _alone(repo, wait) as mine:
        return _sign(repo, unsigned.waiting(repo), Signing(repo)) if mine else Signed()


def sign_asked(repo: Repository, names: Iterable[Name], everything: bool = False) -> Signed:
    """Sign some segments, or `everything` that is on the list; the program may ask for a passphrase.

    Raises TraceError, GitFailed, OSError.
    """
    with _alone(repo, wait=60) as mine:
        if not mine:
            raise TraceError("another process is signing", "wait for it to end, then try again")
        return _sign(repo, unsigned.waiting(repo) if everything else list(names), Signing(repo, ask=True))


def own_unsigned(repo: Repository, trace_id: str) -> list[Name]:
    """Return the segments of a trace in this clone's own notes and hidden refs that have no signature."""
    with closing(Index(repo)) as index:
        places = _own_places(index, trace_id)
        return [name for name, some in places.items() if not _present(index.store, name, some)]


def _alone(repo: Repository, wait: float) -> AbstractContextManager[bool]:
    return alone(os.path.join(repo.common_trace_dir, _LOCK), wait)


def _sign(repo: Repository, names: Sequence[Name], signing: Signing) -> Signed:
    result = Signed(left=len(names))
    for at in range(0, len(names), _BATCH):
        batch = names[at : at + _BATCH]
        lines = _signatures(repo, batch, signing, result)
        result.left -= _write(repo, batch, lines)
        if result.failed:
            break
    unsigned.keep_failure(repo, result.failed)
    return result


def _signatures(
    repo: Repository, names: Iterable[Name], signing: Signing, result: Signed
) -> dict[Name, list[Signature]]:
    """Return the signatures of segments that some note has, made now or found."""
    lines: dict[Name, list[Signature]] = {}
    with closing(Index(repo)) as index:
        places: dict[str, Mapping[Name, list[Place]]] = {}
        for name in names:
            own = places.setdefault(name[0], _own_places(index, name[0])).get(name)
            if not own:
                continue
            lines[name] = _present(index.store, name, own)
            if not lines[name]:
                try:
                    lines[name] = [_signature(name, signing)]
                except (TraceError, OSError) as error:
                    result.failed = told(error)
                    del lines[name]
                    break
                result.count += 1
    return lines


def _own_places(index: Index, trace_id: str) -> dict[Name, list[Place]]:
    found: dict[Name, list[Place]] = {}
    for place in index.places(trace_id):
        if place.ref == NOTES_REF or place.ref.startswith(TRACE_REFS):
            name = place.trace_id, place.session_id, place.index, place.sha256
            found.setdefault(name, []).append(place)
    return found


def _present(store: ObjectStore, name: Name, places: Iterable[Place]) -> list[Signature]:
    """Return the signatures of a segment that some of its notes have."""
    key = name[0], name[3]
    blobs = dict.fromkeys(place.blob for place in places)
    found = [one for blob in blobs for one in parse_note(store.blob(blob)).signatures if one.key == key]
    return list(dict.fromkeys(found))


def _signature(name: Name, signing: Signing) -> Signature:
    format_, data = signing.sign(statement(*name))
    payload = base64.b64encode(data).decode()
    if len(payload) > MAX_SIGNATURE:
        raise TraceError(f"cannot sign: a signature of {len(data)} bytes is too long")
    return Signature(name[0], name[3], format_, payload)


def _write(repo: Repository, names: Iterable[Name], lines: Mapping[Name, list[Signature]]) -> int:
    """Put signatures beside their segments, wherever those are by now, and take these off the list; return how many.

    So are segments taken off that are nowhere any more: as nobody seals meanwhile, they are not yet to come.
    """
    with locked(repo):
        noted: dict[str, list[str]] = {}
        settled = []
        with closing(Index(repo)) as index:
            for name in names:
                own = _own_places(index, name[0]).get(name, [])
                if name in lines or not own:
                    settled.append(name)
                for place in own:
                    if place.ref == NOTES_REF:
                        noted.setdefault(place.commit, []).extend(map(str, lines.get(name, ())))
                    else:
                        _write_unlinked(repo, index.store, place, lines.get(name, ()))
        if noted:
            add_lines(repo, noted)
        unsigned.drop(repo, settled)
    return len(settled)


def _write_unlinked(repo: Repository, store: ObjectStore, place: Place, signatures: Iterable[Signature]) -> None:
    old = store.blob(place.blob)
    new = merge_notes(old, render_note(signatures))
    if new != old:
        name = f"{place.session_id}-{place.index}"
        hidden.replace(repo, place.trace_id, SEGMENTS_DIR, {name: hidden.write_blob(repo, new)})


__all__ = ["Signed", "own_unsigned", "sign_asked", "sign_waiting"]
