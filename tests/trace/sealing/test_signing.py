"""Segments are signed beside the work: what is signed, what becomes of signatures, and what they are worth."""

import base64
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import pytest

from gittrace.git import signature
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine, Signature, parse_note, render_note, statement
from gittrace.trace.sealing import seal as seal_module
from gittrace.trace.sealing import unsigned
from gittrace.trace.sealing.seal import seal
from gittrace.trace.sealing.signing import own_unsigned, sign_asked, sign_waiting
from gittrace.trace.stored.signed import MOST, Standing, standings
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.forget import forget_trace, replace_segments
from gittrace.trace.upkeep.redact import redact_trace
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS, TRACE_REFS
from tests.support.keys import ANN, SshKeys, need_ssh, program, sign_with, ssh_keys
from tests.support.recording import Recording, all_notes, append, note
from tests.support.repo import PACKAGE_ROOT
from tests.trace.upkeep.test_collect import collected, user_gc

__all__ = ["ssh_keys"]

pytestmark = need_ssh


def worked(work: Recording, word: str = "work") -> tuple[str, str]:
    """Record a trace with a commit and a tail that led to none; return the trace and the commit."""
    trace = work.start(title=word).trace_id
    work.did(word, a=f"{word}\n")
    commit = work.commit(word)
    work.did("more", b=f"unlinked {word}\n")
    work.stop(True)
    return trace, commit


def standing(work: Recording, trace: str) -> list[Standing]:
    """Return how the segments of a trace are signed, in their order."""
    with closing(Store(work.here)) as store:
        return [found for _, found in standings(store, trace, store.load(trace).segments)]


def whales_are_secret(work: Recording) -> None:
    """Have a rule of the team's that was not there before."""
    work.repo.write(
        "rules.toml",
        '[[rule]]\nname = "whale"\nkeywords = ["blue-whale"]\npattern = "blue-whale-[0-9]"\nhits = ["blue-whale-1"]\n',
    )
    work.git("config", "trace.redact.rules", "rules.toml")
    work.here.forget_config()


def letters(work: Recording, trace: str) -> str:
    return "".join(found.letter for found in standing(work, trace))


def signatures(work: Recording) -> set[Signature]:
    """Return all signatures in the notes and hidden refs."""
    found = {one for text in all_notes(work).values() for one in parse_note(text).signatures}
    for ref in work.git("for-each-ref", "--format=%(refname)", TRACE_REFS).splitlines():
        for line in work.git("ls-tree", f"{ref}:segments", status=None).splitlines():
            found |= set(parse_note(work.run_bytes("git", "cat-file", "blob", line.split()[2])).signatures)
    return found


def test_what_is_sealed_is_signed_later(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    # sealing did not wait for it
    assert signatures(work) == set()
    assert len(unsigned.waiting(work.here)) == 2
    assert letters(work, trace) == "NN"
    assert sign_waiting(work.here).count == 2
    assert unsigned.waiting(work.here) == []
    assert letters(work, trace) == "GG"
    assert {one.best.signer for one in standing(work, trace) if one.best} == {ANN}
    assert len(parse_note(note(work, commit)).signatures) == 1
    before = work.git("rev-parse", NOTES_REF)
    assert sign_waiting(work.here).count == 0
    work.seal()
    assert work.git("rev-parse", NOTES_REF) == before


def test_by_hand(work: Recording, ssh_keys: SshKeys, tmp_path: Path) -> None:
    """As FORMATS.md tells it."""
    sign_with(work, ssh_keys)
    worked(work)
    sign_waiting(work.here)
    lines = note(work).decode().splitlines()
    (segment,) = (line for line in lines if line.startswith("gittrace1 "))
    (signed,) = (line for line in lines if line.startswith("gittrace1-signature "))
    (tmp_path / "sig").write_bytes(base64.b64decode(signed.split(" ")[4]))
    argv = ["ssh-keygen", "-Y", "verify", "-n", "gittrace", "-f", str(ssh_keys.allowed), "-I", ANN]
    data = " ".join(segment.split(" ")[:5]) + "\n"
    done = subprocess.run([*argv, "-s", str(tmp_path / "sig")], input=data.encode(), capture_output=True)
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("config", "signs"),
    [
        ({}, False),
        ({"commit.gpgSign": "true"}, True),
        ({"commit.gpgSign": "YES"}, True),
        ({"commit.gpgSign": "0"}, False),
        ({"commit.gpgSign": "nonsense"}, False),
        ({"trace.sign": "true"}, True),
        ({"commit.gpgSign": "true", "trace.sign": "false"}, False),
        ({"commit.gpgSign": "true", "trace.sign": "auto"}, True),
    ],
)
def test_whether_to_sign(work: Recording, config: Mapping[str, str], signs: bool) -> None:
    for key, value in config.items():
        work.git("config", key, value)
    work.here.forget_config()
    assert unsigned.wanted(work.here) is signs
    if "gpgsign" not in work.git("config", "--list").lower().replace("=false", ""):
        worked(work)
        assert bool(unsigned.waiting(work.here)) is signs


def test_signing_that_was_switched_off(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    work.git("config", "trace.sign", "false")
    work.here.forget_config()
    assert sign_waiting(work.here).count == 0
    assert letters(work, trace) == "NN"


def test_what_can_not_be_signed_is_lost_nowhere(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    private = ssh_keys.folder / "ann-example.com"
    private.rename(f"{private}.away")
    done = sign_waiting(work.here)
    assert (done.count, done.left) == (0, 2)
    assert str(private) in done.failed
    at, why = unsigned.last_failure(work.here)
    assert at
    assert why == done.failed
    assert letters(work, trace) == "NN"
    Path(f"{private}.away").rename(private)
    assert sign_waiting(work.here).count == 2
    assert unsigned.last_failure(work.here) == ("", "")
    assert letters(work, trace) == "GG"


def test_a_program_that_hangs_is_given_up(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signature, "_PATIENCE", 0.3)
    work.git("config", "trace.sign", "true")
    work.git("config", "gpg.program", program(tmp_path / "hang", f"echo x >>{tmp_path}/ran; sleep 60"))
    work.here.forget_config()
    worked(work)
    done = sign_waiting(work.here)
    assert (done.count, done.left) == (0, 2)
    assert "does not answer" in done.failed
    # the second segment did not wait as well
    assert (tmp_path / "ran").read_text() == "x\n"


def test_signatures_go_where_segments_go(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    sign_waiting(work.here)
    work.git("commit", "-q", "--amend", "-m", "other words")
    work.seal()
    assert work.head() != commit
    assert parse_note(note(work)).signatures == parse_note(note(work, commit)).signatures != ()
    assert letters(work, trace) == "GG"


def test_what_was_rewritten_before_it_was_signed(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    _, commit = worked(work)
    work.git("commit", "-q", "--amend", "-m", "other words")
    work.seal()
    # the first is signed, and the second was written in between
    (ours,) = (line for line in parse_note(note(work)).segments)
    sign_waiting(work.here)
    assert parse_note(note(work)).signatures == parse_note(note(work, commit)).signatures != ()
    assert parse_note(note(work)).segments == (ours,)


@pytest.mark.parametrize("strategy", ["union", "cat_sort_uniq", "ours", "theirs"])
def test_git_merges_them(work: Recording, ssh_keys: SshKeys, strategy: str) -> None:
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    work.git("update-ref", "refs/notes/other", NOTES_REF)
    sign_waiting(work.here)
    work.git("notes", "--ref=refs/notes/other", "append", "-m", "a line of somebody")
    work.git("notes", "--ref=trace", "merge", "-q", f"--strategy={strategy}", "refs/notes/other")
    parsed = parse_note(note(work))
    assert parsed.damaged == ()
    assert letters(work, trace) == ("NG" if strategy == "theirs" else "GG")


def test_what_is_redacted_is_signed_anew(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace = work.start().trace_id
    append(work, text="the rotor is blue-whale-7")
    work.did("x", a="x\n")
    work.commit()
    work.did("y", a="y\n")
    append(work, text="blue-whale-7 again")
    work.stop()
    sign_waiting(work.here)
    old = signatures(work)
    assert len(old) == 2
    whales_are_secret(work)
    with closing(Store(work.here)) as store:
        assert redact_trace(store, trace).segments == 2
    # no signature of what is gone stays
    assert signatures(work) == set()
    assert letters(work, trace) == "NN"
    assert sign_waiting(work.here).count == 2
    assert letters(work, trace) == "GG"
    assert not signatures(work) & old


def test_what_is_forgotten_leaves_no_signature(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    other, _ = worked(work, "other")
    sign_waiting(work.here)
    assert {one.trace_id for one in signatures(work)} == {trace, other}
    # one whose segment was taken away
    orphan = Signature(trace, "7" * 64, "ssh", "AAAA")
    work.git("notes", f"--ref={NOTES_REF}", "append", "-m", str(orphan), commit)
    forget_trace(work.here, trace)
    assert {one.trace_id for one in signatures(work)} == {other}
    assert letters(work, other) == "GG"


def test_one_segment_that_is_taken_away(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    sign_waiting(work.here)
    (line,) = parse_note(note(work)).segments
    replace_segments(work.here, {line.sha256: None})
    assert parse_note(note(work)).signatures == ()
    assert letters(work, trace) == "G"


def test_what_was_forgotten_is_not_waited_for(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    forget_trace(work.here, trace)
    done = sign_waiting(work.here)
    assert (done.count, done.left, unsigned.waiting(work.here)) == (0, 0, [])


def test_gc_keeps_and_drops_them_with_their_segments(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    work.git("commit", "-q", "--amend", "-m", "other words")
    work.seal()
    sign_waiting(work.here)
    user_gc(work)
    assert collected(work).notes == [commit]
    assert commit not in all_notes(work)
    assert letters(work, trace) == "GG"
    work.check(work.repo.top.parent / "checked")


_SIGN = """
import os, sys
sys.path.insert(0, {root!r})
from gittrace.git import process
from gittrace.git.repository import Repository
from gittrace.trace.sealing.signing import sign_waiting
top, last = sys.argv[1], int(sys.argv[2])
count = 0
started = process.Process.__init__
def counted(self, *args, **more):
    global count
    count += 1
    if count == last:
        os.kill(os.getpid(), 9)
    started(self, *args, **more)
process.Process.__init__ = counted
sign_waiting(Repository(top, top + "/.git", top + "/.git"))
print(count)
"""


def test_killed_at_every_step(work: Recording, ssh_keys: SshKeys, tmp_path: Path) -> None:
    """Before each git that it starts, in turn: what it did is there, and what is left is done by the next."""
    sign_with(work, ssh_keys)
    trace, _ = worked(work)
    script = _SIGN.format(root=str(PACKAGE_ROOT))
    step = killed = 0
    while unsigned.waiting(work.here):
        step += 1
        done = work.repo.run(sys.executable, "-c", script, str(work.repo.top), str(step), status=None)
        killed += not done
        assert all(letter in "NG" for letter in letters(work, trace))
        assert step < 200
    assert killed > 5
    assert letters(work, trace) == "GG"
    assert len(signatures(work)) == 2


def test_signing_while_a_segment_is_on_its_way(
    work: Recording, ssh_keys: SshKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is on the list before it is in a note."""
    sign_with(work, ssh_keys)
    trace = work.start().trace_id
    work.did("x", a="x\n")
    work.commit()
    argv = [sys.executable, "-c", _SIGN.format(root=str(PACKAGE_ROOT)), str(work.repo.top), "0"]
    running = []
    add_lines = seal_module.add_lines

    def slowly(repo: Repository, lines: dict[str, list[str]]) -> None:
        running.append(subprocess.Popen(argv, env=work.repo.env, stdout=subprocess.DEVNULL))
        time.sleep(1)
        add_lines(repo, lines)

    monkeypatch.setattr(seal_module, "add_lines", slowly)
    work.stop()
    assert [process.wait(60) for process in running] == [0]
    sign_waiting(work.here)
    assert letters(work, trace) == "GG"


def test_two_at_once(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace = work.start().trace_id
    for number in range(20):
        work.did("x", a=f"{number}\n")
        work.commit()
    work.stop()
    script = _SIGN.format(root=str(PACKAGE_ROOT)).replace("sign_waiting(Rep", "sign_waiting(wait=60, repo=Rep")
    argv = [sys.executable, "-c", script, str(work.repo.top), "0"]
    running = [subprocess.Popen(argv, env=work.repo.env, stdout=subprocess.DEVNULL) for _ in range(3)]
    assert [process.wait(120) for process in running] == [0, 0, 0]
    found = standing(work, trace)
    assert {one.letter for one in found} == {"G"}
    assert all(len(one.checked) == 1 for one in found)


def test_somebody_s_segments_are_not_signed_unasked(work: Recording, ssh_keys: SshKeys) -> None:
    trace, _ = worked(work)
    sign_with(work, ssh_keys)
    assert sign_waiting(work.here).count == 0
    assert letters(work, trace) == "NN"
    assert sign_asked(work.here, own_unsigned(work.here, trace)).count == 2
    assert letters(work, trace) == "GG"
    assert own_unsigned(work.here, trace) == []


def publish_as(work: Recording, writer: str, notes: Mapping[str, bytes]) -> None:
    """Have a mirror hold notes, whoever made them."""
    ref = f"{REMOTE_NOTES_REFS}origin/{writer}"
    for commit, text in notes.items():
        blob = work.repo.git("hash-object", "-w", "--stdin", stdin=text)
        work.git("notes", f"--ref={ref}", "add", "-f", "-C", blob, commit)


def forged(line: SegmentLine, count: int, size: int = 300) -> list[Signature]:
    """Return signatures that are none."""
    return [
        Signature(*line.key, "ssh", base64.b64encode(f"{number:08}".encode() * (size // 8)).decode())
        for number in range(count)
    ]


def test_forged_signatures_beside_a_good_one(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    sign_waiting(work.here)
    (line,) = parse_note(note(work)).segments
    publish_as(work, "0" * 12, {commit: render_note([line, *forged(line, 5000)])})
    first, second = standing(work, trace)
    assert (first.letter, first.failed, second.letter) == ("G", False, "G")
    assert len(first.checked) == MOST
    assert first.more == 5001 - MOST
    # where nobody but the forger has it, it has no good one
    work.git("update-ref", "-d", NOTES_REF)
    first, *_ = standing(work, trace)
    assert (first.letter, first.failed, len(first.checked)) == ("B", True, MOST)


def test_thousands_of_forged_signatures_cost_no_memory(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    (line,) = parse_note(note(work)).segments
    publish_as(work, "0" * 12, {commit: render_note([line, *forged(line, 2000, 20_000)])})
    script = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30));"
        "from gittrace.main import entry; sys.argv[0] = 'git-trace'; entry()"
    )
    out = work.repo.run(sys.executable, "-c", script, "verify", trace, status=1).decode()
    assert "1 signed badly" in out
    assert f"{2000 - MOST} signatures more, not looked at" in out


def test_a_signature_of_another_segment(work: Recording, ssh_keys: SshKeys) -> None:
    sign_with(work, ssh_keys)
    trace, commit = worked(work)
    sign_waiting(work.here)
    (line,) = parse_note(note(work)).segments
    (other,) = (one for one in signatures(work) if one.sha256 != line.sha256)
    moved = Signature(*line.key, other.format, other.payload)
    work.git("update-ref", "-d", NOTES_REF)
    publish_as(work, "0" * 12, {commit: render_note([line, moved])})
    assert letters(work, trace) == "BG"


def test_what_is_signed_is_the_segment_and_its_name() -> None:
    line = SegmentLine("t", "s", 3, "f" * 64, "payload")
    assert statement("t", "s", 3, "f" * 64) == " ".join(str(line).split(" ")[:5]).encode() + b"\n"


def test_an_older_reader_leaves_them_alone(work: Recording) -> None:
    """What it takes for ours is a line whose first word is that of a segment."""
    line = Signature("5" * 8 + "-0000-4000-8000-000000000000", "f" * 64, "ssh", "AAAA")
    assert str(line).split(" ")[0] != "gittrace1"
    long = Signature(line.trace_id, line.sha256, "ssh", "A" * 40_000)
    parsed = parse_note(render_note([line, long, b"gittrace1-signature x"]))
    assert parsed.signatures == (line,)
    assert len(parsed.damaged) == 2
    assert render_note(parsed.lines()) == render_note([line, long, b"gittrace1-signature x"])


def test_sealing_again_signs_again(work: Recording, ssh_keys: SshKeys) -> None:
    """An unlinked segment that is written once more, since its sealer was killed, loses its signature and gets one."""
    sign_with(work, ssh_keys)
    trace = work.start().trace_id
    work.did("x", a="x\n")
    progress = Path(work.here.common_trace_dir, "sessions")
    work.stop()
    sign_waiting(work.here)
    for path in (*progress.glob("*.sealed"), *progress.glob("*.done")):
        path.unlink()
    assert seal(work.here).failed == []
    sign_waiting(work.here)
    assert letters(work, trace) == "G"
