"""Secrets in what is binary to git: text in UTF-16, databases, whatever has a zero byte."""

import pytest

from gittrace.git.binary_patch import inserted
from gittrace.git.patch import PatchError, parse
from gittrace.protect.binaries import masked, texts_in
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import OK, REDACTED, rebuild
from gittrace.trace.upkeep.gate import Gate
from gittrace.vocabulary import NOTES_REF
from tests.protect.samples import fill
from tests.support.recording import Recording, view
from tests.support.repo import make_repo

TOKEN = fill("ghp_{a36}")
KEY = fill("-----BEGIN OPENSSH PRIVATE KEY-----\n{b64}\n{b64}\n{b24}==\n-----END OPENSSH PRIVATE KEY-----\n")
RANDOM = bytes((at * 97 + at // 7 * 31) % 256 for at in range(3000))
CONTENTS = [
    f"\ufeffname = x\ntoken = {TOKEN}\n".encode("utf-16-le"),
    f"\ufeffname = x\ntoken = {TOKEN}\n".encode("utf-16-be"),
    f"token = {TOKEN}".encode("utf-32"),
    b"SQLite format 3\0" + RANDOM + TOKEN.encode() + b"\0" + RANDOM,
    RANDOM + KEY.encode() + b"\0",
]


def _outcomes(work: Recording) -> dict[str, str]:
    store = Store(work.here)
    (trace,) = store.trace_ids()
    found = list(rebuild(store.objects, [step for _, step in steps(store.load(trace))]))
    store.close()
    assert {one.status for one in found} <= {OK, REDACTED}
    return {one.step.event_id: one.reason for one in found if one.status == REDACTED}


@pytest.mark.parametrize("content", CONTENTS, ids=["utf-16-le", "utf-16-be", "utf-32", "database", "key"])
def test_a_secret_in_a_binary_file(work: Recording, content: bytes) -> None:
    work.write(a="1\n", other="x\n")
    work.commit("base")
    work.start()
    (work.repo.top / "data.bin").write_bytes(content)
    work.did("write it", other="y\n")
    work.commit()
    work.stop()
    event = work.pieces()[0].events[0]
    text = event["diff"]
    assert event["diff_redacted"] is True
    assert texts_in(text) == ""
    assert text.count("\nmasked [REDACTED:") == 2
    assert list(_outcomes(work).values()) == ["secrets were masked in 'data.bin'"]
    exported = work.repo.trace("export")
    assert "masked [REDACTED:" in exported
    assert texts_in(exported.replace("\\n", "\n")) == ""


def test_what_follows_from_a_masked_file_is_proved_but_for_that(work: Recording) -> None:
    work.write(other="x\n")
    base = work.commit("base")
    work.start()
    for number, content in enumerate((CONTENTS[3], CONTENTS[3] + b"more", b"\0" + RANDOM, None)):
        path = work.repo.top / "data.bin"
        path.unlink() if content is None else path.write_bytes(content)
        work.did(f"step {number}", other=f"{number}\n")
    work.commit()
    work.stop()
    # the first brings the secret in, the third takes it out
    assert len(_outcomes(work)) == 2
    clone = make_repo(work.repo.top.parent / "clone", dict(work.repo.env), work.here.format)
    work.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone.git("fetch", "-q", "--no-tags", work.here.common_dir, f"{NOTES_REF}:{NOTES_REF}", base)
    store = Store(view(clone))
    (trace,) = store.trace_ids()
    found = list(rebuild(store.objects, [step for _, step in steps(store.load(trace))]))
    store.close()
    assert {one.status for one in found} == {OK, REDACTED}
    # the second is a delta, to a content that nobody can make again
    assert [one.status for one in found].count(REDACTED) == 3


def test_a_binary_file_without_a_secret_stays_as_it_is(work: Recording) -> None:
    work.write(other="x\n")
    work.commit("base")
    work.start()
    (work.repo.top / "data.bin").write_bytes(b"\0" + RANDOM + "the quick brown fox\n".encode("utf-16"))
    work.did("write it", other="y\n")
    work.commit()
    work.stop()
    assert _outcomes(work) == {}


def test_the_gate_sees_what_was_sealed_before_there_was_a_rule(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    work.write(other="x\n")
    work.commit("base")
    trace = work.start().trace_id
    (work.repo.top / "data.bin").write_bytes(CONTENTS[0])
    with monkeypatch.context() as patched:
        patched.setattr("gittrace.protect.binaries.texts_in", lambda diff: "")
        work.did("write it", other="y\n")
        work.commit()
        work.stop()
    store = Store(work.here)
    gate = Gate(work.here)
    ((_, found),) = gate.trace_findings(store.load(trace))
    gate.close()
    store.close()
    assert {(one.path, one.rule) for one in found} == {("data.bin", "github-token")}
    assert "data.bin" in work.repo.trace("scan", status=1)
    work.repo.trace("redact", trace)
    assert work.repo.trace("scan")
    assert list(_outcomes(work).values()) == ["secrets were masked in 'data.bin'"]


def test_an_allowed_file_stays_as_it_is(work: Recording) -> None:
    work.write(other="x\n")
    work.commit("base")
    work.git("config", "trace.redact.allow", "github-token:data.bin")
    work.start()
    (work.repo.top / "data.bin").write_bytes(CONTENTS[3])
    work.did("write it", other="y\n")
    work.commit()
    work.stop()
    assert TOKEN in texts_in(work.pieces()[0].events[0]["diff"])


def test_damaged_patches_hold_no_texts() -> None:
    head = "diff --git a/x b/x\nindex 1..2\nGIT binary patch\n"
    assert texts_in(f"{head}literal 9\nAAAAAAA\n\nliteral 9\nAAAAAAA\n\n") == ""
    assert texts_in(f"{head}literal 9\nhello world\n\n") == ""
    assert texts_in("GIT binary patch\nliteral 1\n" * 50_000) == ""


def test_pieces_of_a_delta() -> None:
    # sizes 4 and 9; copy 4 from 0; insert `hello`; then one that is cut short
    assert inserted(b"\x04\x09\x90\x04\x05hello\x03ab") == b"hello\nab"
    assert inserted(b"\x04\x09\x91") == b""


def test_a_masked_patch_is_read_and_names_its_placeholder() -> None:
    oids = b"0" * 40, b"1" * 40
    head = b"diff --git a/x b/x\nnew file mode 100644\nindex %b..%b\n" % oids
    (file,) = parse(head + masked("[REDACTED:github-token:1a2b3c4d]").encode())
    assert file.forward is not None
    assert file.forward == file.backward
    assert file.forward.data == b"[REDACTED:github-token:1a2b3c4d]"
    with pytest.raises(PatchError, match="what is masked is one line"):
        parse(head + b"GIT binary patch\nmasked a\nmasked b\n\n")
