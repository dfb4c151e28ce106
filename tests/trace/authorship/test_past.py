"""What is held of what commits held: it is counted, and bounded."""

from contextlib import closing

import pytest

from gittrace.trace.authorship import past
from gittrace.trace.authorship.past import Past
from gittrace.trace.authorship.recorded import Source, TooMuch, read_all
from gittrace.trace.stored.store import Store
from gittrace.trace.text import lines
from tests.support.recording import Recording, view


def _blob(work: Recording, name: str, count: int) -> str:
    text = "".join(f"line {number} of {name}\n" for number in range(count))
    return work.repo.git("hash-object", "-w", "--stdin", stdin=text.encode()).strip()


def test_size_is_of_what_is_held(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(past, "_MOST_LINES", 1000)
    # each content begins another alphabet
    monkeypatch.setattr(lines, "_MOST_LINES", 10)
    with closing(Store(view(work.repo))) as store:
        held = Past(store.objects)
        nothing = held.size
        for number in range(20):
            held.content(_blob(work, f"file {number}", 300))
            known = min(number + 1, 3)
            assert known * 300 * 400 <= held.size - nothing <= (known + 1) * 301 * 410


def test_it_counts_beside_what_traces_recorded(work: Recording) -> None:
    trace = work.start().trace_id
    work.did("one", a="the line of one\n")
    work.commit()
    work.stop()
    store = Store(view(work.repo))
    held = Past(store.objects)
    held.content(_blob(work, "a file", 1000))
    sources = [Source("", lambda: store.load(trace))]
    lineage, _ = read_all(sources, held)
    assert lineage.size < held.size
    with pytest.raises(TooMuch):
        read_all(sources, held, held.size)
    read_all(sources, held, held.size + lineage.size)
    store.close()
