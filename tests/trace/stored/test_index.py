"""The cache of what the notes hold: right after any change of the refs, and never needed."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from gittrace.model.segment import encode, render_note
from gittrace.trace.stored.index import Index
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS
from tests.support.recording import Make, Recording

Seen = dict[str, Any]


def seen(work: Recording) -> Seen:
    """Return all that the index answers."""
    index = Index(work.here)
    try:
        traces = index.traces()
        return {
            "traces": sorted(traces),
            "places": {trace: index.places(trace) for trace, *_ in traces},
            "headers": {trace: index.headers(trace) for trace, *_ in traces},
            "events": {trace: index.events(trace) for trace, *_ in traces},
            "damage": index.damage(),
        }
    finally:
        index.close()


def anew(work: Recording) -> Seen:
    """Return the same from an index that is built from nothing."""
    os.unlink(Path(work.here.common_trace_dir) / "cache/index.sqlite")
    return seen(work)


def test_follows_every_change(work: Recording) -> None:
    seen(work)
    for number in range(3):
        work.start(title=f"trace {number}")
        work.did(a=f"{number}\n")
        work.commit()
        work.did(b=f"{number}\n")
        work.stop()
        assert len(seen(work)["traces"]) == number + 1
        assert seen(work) == anew(work)
    work.git("notes", f"--ref={NOTES_REF}", "remove", "HEAD")
    assert seen(work) == anew(work)
    work.git("update-ref", "-d", NOTES_REF)
    assert seen(work) == anew(work)
    assert all(place.commit == "" for places in seen(work)["places"].values() for place in places)


def test_notes_of_remotes_count_too(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    commit = work.commit()
    work.stop()
    work.git("update-ref", f"{REMOTE_NOTES_REFS}origin/0123456789ab", NOTES_REF)
    refs = {place.ref for place in seen(work)["places"][started.trace_id]}
    assert refs == {NOTES_REF, f"{REMOTE_NOTES_REFS}origin/0123456789ab"}
    work.git("update-ref", "-d", NOTES_REF)
    left = seen(work)
    assert {place.commit for place in left["places"][started.trace_id]} == {commit}
    assert len(left["events"][started.trace_id]) == 3
    assert left == anew(work)


def test_events_of_a_segment_that_is_gone_are_gone(work: Recording) -> None:
    started = work.start()
    first, second = (_did_and_committed(work, text) for text in ("1\n", "2\n"))
    work.seal()
    assert len(seen(work)["events"][started.trace_id]) == 4
    work.git("notes", f"--ref={NOTES_REF}", "remove", first)
    assert len(seen(work)["events"][started.trace_id]) == 2
    assert {place.commit for place in seen(work)["places"][started.trace_id]} == {second}


def _did_and_committed(work: Recording, text: str) -> str:
    work.did(a=text)
    return work.commit()


def test_a_cache_that_is_no_database_is_done_without(work: Recording) -> None:
    work.start()
    work.did(a="1\n")
    work.commit()
    work.stop()
    wanted = seen(work)
    path = Path(work.here.common_trace_dir) / "cache/index.sqlite"
    path.write_bytes(b"no database " * 1000)
    assert seen(work) == wanted
    os.unlink(path)
    path.mkdir()
    assert seen(work) == wanted


def test_a_cache_of_another_version_is_made_anew(work: Recording) -> None:
    import sqlite3

    work.start()
    work.stop()
    wanted = seen(work)
    path = Path(work.here.common_trace_dir) / "cache/index.sqlite"
    db = sqlite3.connect(path)
    db.execute("update events set summary = 'null'")
    db.execute("pragma user_version = 1")
    db.commit()
    db.close()
    assert seen(work) == wanted


def _note(work: Recording, text: bytes) -> None:
    blob = work.repo.git("hash-object", "-w", "--stdin", stdin=text)
    work.git("notes", f"--ref={NOTES_REF}", "add", "-f", "-C", blob, "HEAD")


def test_damage_is_named_and_the_rest_is_read(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    commit = work.commit()
    work.stop()
    good = work.repo.run("git", "notes", f"--ref={NOTES_REF}", "show")
    bad = good.splitlines()[0].replace(b" 0 ", b" 7 ", 1)[:-8]
    _note(work, good + bad + b"\ngittrace1 nonsense\nsomeone else's line\n")
    found = seen(work)
    assert len(found["events"][started.trace_id]) == 3
    assert {(ref, oid) for ref, oid, _ in found["damage"]} == {(NOTES_REF, commit)}
    assert sorted("neither a segment nor a tombstone" in why for *_, why in found["damage"]) == [False, True]


@pytest.mark.parametrize("value", [None, 7, "\ud800", {"a": []}, ["x"], True])
def test_odd_values_of_others(work: Recording, value: object) -> None:
    trace, session = "0" * 7 + "1-0000-4000-8000-000000000000", "0" * 7 + "2-0000-4000-8000-000000000000"
    header = {"kind": "session", "trace_id": trace, "session_id": session, "at": value, "title": value, "agent": value}
    event = {"kind": "command", "id": value, "at": value, "command": value, "exit_code": value, "results": value}
    jsonl = "".join(json.dumps(item) + "\n" for item in (header, event)).encode()
    _note(work, render_note([encode(trace, session, 0, jsonl)]))
    assert [row[0] for row in seen(work)["traces"]] == [trace]
    for command in ("log", "list", "show", "status"):
        work.repo.trace(command)
    assert seen(work) == anew(work)


def test_abbreviate(work: Recording) -> None:
    ids = ["12345678-aaaa-4000-8000-000000000000", "12345678-aaab-4000-8000-000000000000"]
    lines = []
    for trace in (*ids, "87654321-0000-4000-8000-000000000000"):
        header = {"kind": "session", "trace_id": trace, "session_id": trace, "at": "2026-01-01T00:00:00Z"}
        lines.append(encode(trace, trace, 0, json.dumps(header).encode() + b"\n"))
    _note(work, render_note(lines))
    index = Index(work.here)
    assert [index.abbreviate(trace) for trace in ids] == ["12345678-aaaa", "12345678-aaab"]
    assert index.abbreviate("87654321-0000-4000-8000-000000000000") == "87654321"
    index.close()


def test_sha256(make_work: Make) -> None:
    work = make_work("repo256", "sha256")
    work.start()
    work.did(a="1\n")
    work.commit()
    work.stop()
    assert seen(work) == anew(work)
    assert len(seen(work)["traces"]) == 1
