"""The gate at the exit: what was sealed before a rule was there does not leave."""

import argparse
import json
import random
import re
from collections.abc import Mapping, Sequence
from contextlib import closing
from typing import Any

import pytest

from gittrace.commands import export
from gittrace.errors import TraceError
from gittrace.model.segment import SegmentLine, decode, encode, parse_note
from gittrace.model.sound import sound
from gittrace.model.trace import Outcome
from gittrace.protect import deep
from gittrace.protect.cleaning import Cleaner
from gittrace.trace.history.outcome import Historian
from gittrace.trace.upkeep import gate as gate_module
from gittrace.trace.upkeep.gate import Gate, check, explain
from tests.commands.test_evil import EVIL
from tests.protect.samples import fill
from tests.support.recording import Recording, view

TRACE = "11111111-1111-4111-8111-111111111111"
SESSION = "22222222-2222-4222-8222-222222222222"
EVENT = "01900000-0000-7000-8000-00000000000{}"
TOKEN = fill("ghp_{a36}")


def _line(index: int, **fields: object) -> SegmentLine:
    header = {"kind": "session", "id": EVENT.format(0), "trace_id": TRACE, "session_id": SESSION, "index": index}
    event = {"kind": "command", "id": EVENT.format(1), **fields}
    jsonl = b"".join(json.dumps(item).encode() + b"\n" for item in (header, event))
    (line,) = parse_note(encode(TRACE, SESSION, index, jsonl).encode()).segments
    return line


def test_only_what_is_clean_passes(work: Recording) -> None:
    clean = _line(0, command="make", stdout="all is well\n")
    dirty = _line(1, command="env", stdout=f"HOME=/root\nX={TOKEN}\n")
    verdict = check(work.here, [clean, dirty])
    assert verdict.passed == [clean]
    ((held, found),) = verdict.held
    assert held == dirty
    (finding,) = found
    assert (finding.event_id, finding.field, finding.line, finding.rule) == (
        EVENT.format(1),
        "stdout",
        2,
        "github-token",
    )
    told = explain(held, found)
    assert "event '01900000-0000-7000-8000-000000000001', stdout, line 2: github-token" in str(told)
    assert TOKEN not in f"{told} {told.hint} {finding}"


@pytest.mark.parametrize("seed", range(8))
def test_many_together_are_as_each_alone(work: Recording, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(seed)
    # what is a secret only if one segment goes on in the next
    pieces = [
        "password=", "hunter22x", "--token ", TOKEN[:20], TOKEN[20:], "-----BEGIN PRIVATE KEY-----\n",
        fill("{b64}\n{b64}\n"), "-----END PRIVATE KEY-----\n", "\\", '"', "\u1234", "é", "nothing\n",
        "GIT binary patch\n",
    ]  # fmt: skip
    dirty = [TOKEN, "password=hunter22x\n", fill("-----BEGIN PRIVATE KEY-----\n{b64}\n{b64}\n")]
    lines = [
        _line(number, stdout="".join(source.choices(pieces, k=3)), input=[{"apiKey": source.choice([TOKEN, "x"])}])
        if source.random() < 0.5
        else _line(number, command="make", stdout=source.choice([*pieces, *dirty]))
        for number in range(12)
    ]
    monkeypatch.setattr(gate_module, "_TOGETHER", source.choice([1, 400, 1 << 20]))
    verdict = check(work.here, lines)
    (work.repo.top / ".git/trace/cache/gate.sqlite").unlink()
    with closing(Gate(work.here)) as gate:
        alone = [(line, found) for line in lines if (found := gate.findings(line))]
    assert verdict.held == alone
    assert verdict.passed == [line for line in lines if line not in [held for held, _ in alone]]


def test_what_is_clean_is_looked_at_once(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    scanned: list[object] = []
    original = Cleaner.events

    def counted(self: Cleaner, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        scanned.append(events)
        return original(self, events)

    monkeypatch.setattr(Cleaner, "events", counted)
    lines = [_line(number, stdout=f"all is well {number}\n") for number in range(5)]
    assert check(work.here, lines).passed == lines
    assert scanned == []
    assert len(check(work.here, [*lines, _line(5, stdout=TOKEN)]).held) == len(scanned) == 1


def test_what_was_scanned_is_not_scanned_again(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [_line(0, stdout="x\n"), _line(1, stdout=TOKEN)]
    first = check(work.here, lines)
    scanned: list[object] = []
    monkeypatch.setattr(gate_module, "decode", scanned.append)
    assert check(work.here, lines) == first
    assert scanned == []
    (cache,) = (work.repo.top / ".git/trace/cache").glob("gate.sqlite")
    assert TOKEN.encode() not in cache.read_bytes()


def test_other_rules_scan_again(work: Recording) -> None:
    line = _line(0, stdout="mail ann@example.com\n")
    assert check(work.here, [line]).passed
    work.git("config", "trace.redact.email", "true")
    ((_, (finding,)),) = check(view(work.repo), [line]).held
    assert finding.rule == "email"


def test_another_engine_scans_again(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    line = _line(0, stdout=TOKEN)
    with monkeypatch.context() as before:
        before.setattr("gittrace.protect.redaction.ENGINE", 0)
        before.setattr("gittrace.trace.upkeep.gate.texts_of", lambda events: [])
        before.setattr(Cleaner, "_may_hold_some", lambda cleaner, events: False)
        assert check(work.here, [line]).passed
        assert check(work.here, [line]).passed
    assert check(work.here, [line]).held


def test_what_is_allowed_by_name_passes(work: Recording) -> None:
    line = _line(0, stdout=TOKEN)
    ((_, (finding,)),) = check(work.here, [line]).held
    work.git("config", "--add", "trace.redact.allow", finding.tag)
    assert check(view(work.repo), [line]).passed == [line]
    other = _line(1, stdout=fill("ghp_{a36}", "other"))
    assert check(view(work.repo), [other]).held


def test_what_is_allowed_in_one_file_is_not_in_another(work: Recording) -> None:
    diff = "diff --git a/{0} b/{0}\nindex 1..2 100644\n--- a/{0}\n+++ b/{0}\n@@ -1 +1,2 @@\n x\n+t = '{1}'\n"
    line = _line(0, diff=diff.format("tests/a b.py", TOKEN))
    ((_, (finding,)),) = check(work.here, [line]).held
    assert (finding.path, finding.line) == ("tests/a b.py", 7)
    work.git("config", "--add", "trace.redact.allow", "github-token:tests/a b.py")
    here = view(work.repo)
    assert check(here, [line]).passed == [line]
    assert check(here, [_line(0, diff=diff.format("src/a b.py", TOKEN))]).held


def test_a_bad_entry_is_an_error(work: Recording) -> None:
    work.git("config", "--add", "trace.redact.allow", "everything")
    with pytest.raises(TraceError, match=r"bad value 'everything' for 'trace\.redact\.allow'"):
        check(view(work.repo), [])


def test_what_cannot_be_read_is_held(work: Recording) -> None:
    line = _line(0, stdout="x")
    wrong = SegmentLine(line.trace_id, line.session_id, 0, "0" * 64, line.payload)
    ((_, found),) = check(work.here, [wrong]).held
    assert found[0].rule == gate_module.UNREADABLE
    assert "its sha256 is another" in str(explain(wrong, found))


def test_a_damaged_cache_is_made_anew(work: Recording) -> None:
    line = _line(0, stdout=TOKEN)
    check(work.here, [line])
    (work.repo.top / ".git/trace/cache/gate.sqlite").write_bytes(b"no database" * 1000)
    assert check(work.here, [line]).held


class Telling:
    """A deeper scanner that knows one more kind of secret."""

    def find(self, data: bytes) -> list[deep.Span]:
        return [(*match.span(), "deep-acme-animal") for match in re.finditer(rb"zebra(?:-\d|\n[+ ]-\d)+", data)]


@pytest.fixture
def telling(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the deeper scanner were installed, and were this one."""
    monkeypatch.setattr(deep, "version", lambda: "1")
    monkeypatch.setattr(deep, "DeepScanner", Telling)


def test_what_commits_add_is_masked_by_the_deeper_scanner_too(work: Recording, telling: None) -> None:
    diff = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1,4 @@\n+use zebra-1 and\n+zebra\n+-1\n+-2\n"
    with closing(Gate(work.here)) as gate:
        masked = gate.masked_diff(diff)
        lines = masked.split("\n")
        assert len(lines) == len(diff.split("\n"))
        assert re.fullmatch(r"\+use \[REDACTED:deep-acme-animal:[0-9a-f]{8}\] and", lines[4])
        assert all(line[:9] == "+[REDACTE" for line in lines[5:8])
        assert "zebra" not in masked
        # done again it changes nothing, and our own rules take it for a placeholder
        assert gate.masked_diff(masked) == masked
        (finding,) = gate.findings(_line(0, stdout="zebra-1"))
    # by its tag it is allowed, as in a segment
    work.git("config", "trace.redact.allow", finding.tag)
    work.here.forget_config()
    with closing(Gate(work.here)) as gate:
        assert "+use zebra-1 and\n" in gate.masked_diff(diff)


def test_the_patch_of_an_export_goes_through_it(
    work: Recording, telling: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.start()
    work.did("make", x="nothing of the kind\n")
    commit = work.commit("x")
    work.stop()
    patch = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -0,0 +1 @@\n+use zebra-7\n"
    monkeypatch.setattr(Historian, "outcome", lambda *_: Outcome(committed=True, commit_sha=commit, patch=patch))
    out = work.repo.top.parent / "out.jsonl"
    parser = argparse.ArgumentParser()
    export.add_arguments(parser)
    monkeypatch.chdir(work.repo.top)
    assert export.run(parser.parse_args(["-o", str(out)])) == 0
    assert "+use [REDACTED:deep-acme-animal:" in json.loads(out.read_text())["outcome"]["patch"]
    assert "zebra-7" not in out.read_text()


@pytest.mark.parametrize(
    "fields",
    [
        {"stdout": [TOKEN]},
        {"diff": {"x": TOKEN}},
        {"diff": TOKEN, "diff_encoding": "rot13"},
        {"id": [TOKEN]},
        {"at": TOKEN},
        {"results": {"framework": 7, "said": TOKEN}},
        {"skipped": TOKEN},
        {TOKEN: 1},
    ],
)
def test_what_readers_leave_out_does_not_leave(work: Recording, fields: Mapping[str, Any]) -> None:
    """A field that is not what it should be is read by nobody here, and would be published all the same."""
    line = _line(0, **fields)
    assert TOKEN not in json.dumps(sound(decode(line))[0]) or list(fields) == [TOKEN]
    assert check(work.here, [line]).held


@pytest.mark.parametrize("name", [name for name in EVIL if not name.startswith(("a bomb", "many", "deep", "infinite"))])
def test_whatever_is_in_a_segment_it_is_scanned(work: Recording, name: str) -> None:
    lines = parse_note(EVIL[name]().encode("utf-8", "surrogatepass")).segments
    verdict = check(work.here, lines)
    assert len(verdict.passed) + len(verdict.held) == len(lines)
    for line, found in verdict.held:
        assert str(explain(line, found))
