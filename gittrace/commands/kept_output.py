"""All that a recorded command printed: from the hidden ref where it was long, else from the event itself."""

import re
from collections.abc import Callable

from gittrace.errors import Damaged, NotFound
from gittrace.model.trace import EventDict
from gittrace.text import decode
from gittrace.trace.stored.store import Store
from gittrace.vocabulary import OUTPUT_DIR, TRACE_REFS

# how `gittrace.capture.screen.bounded` says that the middle is missing
_CUT = re.compile(r"^\[\.\.\. \d+ bytes left out \.\.\.\]$", re.MULTILINE)


def write_output(store: Store, trace: str, event: EventDict, write: Callable[[bytes], object]) -> None:
    """Give all that a command printed to `write`, piece by piece: the bytes where they were kept, else its text.

    Raises NotFound when only a part of it is in this clone, Damaged.
    """
    ref = f"{TRACE_REFS}{trace}:{OUTPUT_DIR}/{event.get('id')}"
    oid = decode(store.repo.git("rev-parse", "-q", "--verify", "--end-of-options", ref, ok=(0, 1, 128))).strip()
    if oid and store.objects.kind(oid) == "blob":
        _unpack(store.objects.blob(oid), write)
        return
    text = str(event.get("stdout") or "")
    if _CUT.search(text) and event.get("stdout_bytes", 0) > len(text):
        raise NotFound(
            f"output of event '{event.get('id')}' is not whole in this clone",
            "it is where it was recorded; 'git trace show' without --output shows how it begins and ends",
        )
    write(text.encode("utf-8", "backslashreplace"))


def _unpack(packed: bytes, write: Callable[[bytes], object]) -> None:
    import zstandard

    try:
        for piece in zstandard.ZstdDecompressor().read_to_iter(packed):
            write(piece)
    except zstandard.ZstdError as error:
        raise Damaged(f"cannot unpack the output: {error}") from None
