"""git trace export: what its exit status says, and the columns that it declares."""

import json

from gittrace.model.segment import decode, encode, parse_note, render_note, split
from gittrace.vocabulary import NOTES_REF
from tests.support.recording import TEN, Recording, note


def spoil(work: Recording, commit: str) -> None:
    """Make a field of what is noted on a commit something else than it may be."""
    lines = []
    for line in parse_note(note(work, commit)).segments:
        header, *events = decode(line)
        (jsonl,) = split([header, *({**event, "exit_code": "none"} for event in events)])
        lines.append(encode(line.trace_id, line.session_id, line.index, jsonl))
    spoiled = work.repo.git("hash-object", "-w", "--stdin", stdin=render_note(lines)).strip()
    work.git("notes", f"--ref={NOTES_REF}", "add", "-f", "-C", spoiled, commit)


def test_status_is_about_what_was_exported(work: Recording) -> None:
    """What can't be read of another trace is a warning, while it is read; of the trace itself it always counts."""
    traces = []
    for name in ("one", "two"):
        traces.append(work.start().trace_id)
        work.did(name, a=TEN + f"the line of {name}\n")
        commit = work.commit()
        work.stop()
    spoil(work, commit)
    whole, spoiled = traces

    def export(trace: str, status: int) -> bytes:
        argv = ("git", "trace", "export", trace)
        return work.repo.run("sh", "-c", f"{' '.join(argv)} 2>&1; test $? = {status}")

    assert b"warning: " in export(whole, 0)
    # it is in the cache now who wrote what
    assert b"warning: " not in export(whole, 0)
    for _ in range(2):
        assert b"warning: " in export(spoiled, 1)


def test_a_record_says_that_it_was_scanned(work: Recording) -> None:
    work.start()
    work.did("one", a=TEN)
    work.commit()
    security = json.loads(work.repo.run("git", "trace", "export"))["security"]
    assert security["scanned"] is True
    assert security["classifier_version"].startswith("gittrace ")


def test_the_columns_of_a_format(work: Recording) -> None:
    """They are the format's, wherever one is, and go where an export goes."""
    argv = ("git", "trace", "export", "--dataset-infos")
    printed = work.repo.run(*argv)
    assert json.loads(printed)["default"]["features"]["trace_id"]["dtype"] == "string"
    work.repo.run(*argv, "-o", "dataset_infos.json")
    assert (work.repo.top / "dataset_infos.json").read_bytes() == printed
    said = work.repo.run("sh", "-c", f"{' '.join(argv)} some-trace 2>&1; test $? = 129")
    assert b"takes no traces" in said
