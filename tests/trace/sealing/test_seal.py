"""Sealing: the same lines whoever does it, however often, wherever it is killed."""

import base64
import hashlib
import json
import os
import random
import stat
from pathlib import Path

import pytest

from gittrace.errors import GitFailed
from gittrace.git import notes
from gittrace.model.events import parse_segment
from gittrace.model.segment import encode, split
from gittrace.trace.recording import progress
from gittrace.trace.sealing import seal as seal_module
from gittrace.trace.sealing.seal import merge_notes, seal
from gittrace.vocabulary import NOTES_REF
from tests.support.recording import Make, Recording, all_notes, append, note, view
from tests.support.repo import Repo


def test_the_format_is_what_standard_tools_read(work: Recording, tmp_path: Path) -> None:
    work.write(b="dirty\n")
    made = work.start(title="a bug")
    work.did("fix", a="fixed\n")
    work.commit()
    work.seal()
    words = note(work).split()
    assert words[:4] == [b"gittrace1", made.trace_id.encode(), made.session_id.encode(), b"0"]
    packed = tmp_path / "packed"
    packed.write_bytes(base64.b64decode(words[5]))
    zstd = pytest.importorskip("zstandard")
    jsonl = zstd.ZstdDecompressor().decompress(packed.read_bytes())
    assert hashlib.sha256(jsonl).hexdigest().encode() == words[4]
    lines = [json.loads(line) for line in jsonl.splitlines()]
    header, events = parse_segment(lines)
    assert header.base.tree == work.head("HEAD~^{tree}")
    assert header.base.commit == work.head("HEAD~")
    assert "+dirty" in str(header.diff)
    assert [event.kind for event in events] == ["command", "commit"]
    assert "+fixed" in str(lines[1]["effect"])
    assert "diff" not in lines[1]
    work.check(tmp_path)


def test_attempts_and_effects(work: Recording, tmp_path: Path) -> None:
    """What was edited before a command is its diff, what it changed itself its effect."""
    work.start()
    work.write(a="tried\n")
    work.did("test", report="failed\n")
    work.write(a="again\n")
    work.did("test", report="passed\n")
    work.commit()
    work.seal()
    (piece,) = work.pieces()
    first, second, commit = piece.events
    assert "+tried" in first["diff"]
    assert "+failed" in first["effect"]
    assert "-tried\n+again" in second["diff"]
    assert "-failed\n+passed" in second["effect"]
    assert "diff" not in commit
    work.check(tmp_path)


def test_a_diff_over_the_bound_is_left_out_and_says_so(work: Recording) -> None:
    work.git("config", "trace.maxDiff", "1k")
    work.here = view(work.repo)
    work.start()
    work.did("grow", a="x\n" * 5000)
    work.did("small", b="1\n")
    work.commit()
    work.seal()
    grow, small, _ = work.pieces()[0].events
    assert "effect" not in grow
    assert grow["effect_omitted"]["bytes"] > 10_000
    assert (grow["effect_omitted"]["from"], grow["effect_omitted"]["to"]) == (grow["tree"], grow["tree_after"])
    assert "+1" in small["effect"]


def test_a_large_segment_is_cut(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module, "split", lambda events: split(events, 4000))
    work.start()
    for number in range(12):
        work.did(f"step{number}", **{f"file{number}": f"{number}\n" * 300})
    work.commit()
    work.did("after", a="1\n")
    work.commit()
    work.seal()
    first = [piece for piece in work.pieces() if piece.commit == work.head("HEAD~")]
    assert len(first) > 2
    assert [piece.index for piece in work.pieces()] == list(range(len(first) + 1))
    assert [word for piece in first for word in piece.words] == [*(f"step{number}" for number in range(12)), "commit"]
    work.check(tmp_path)


def test_a_session_with_nothing_new_seals_nothing(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    assert work.seal().noted == {}
    assert work.git("for-each-ref", NOTES_REF) == ""


def test_progress_may_be_lost(work: Recording, tmp_path: Path) -> None:
    work.start()
    for number in range(3):
        work.did(f"step{number}", a=f"{number}\n")
        work.commit()
    work.stop()
    before = all_notes(work)
    for path in Path(work.here.common_trace_dir, "sessions").iterdir():
        if path.suffix != ".jsonl":
            path.unlink()
    work.seal()
    assert all_notes(work) == before
    work.check(tmp_path)


def test_damaged_progress_is_as_good_as_none(work: Recording, tmp_path: Path) -> None:
    made = work.start()
    work.did("fix", a="1\n")
    work.commit()
    work.seal()
    before = all_notes(work)
    (path,) = Path(work.here.common_trace_dir, "sessions").glob("*.sealed")
    for damage in ("", "\0\0\0", "[]", '{"offset": 1, "unknown": 2}'):
        path.write_text(damage)
        assert progress.load(work.here.common_trace_dir, made.session_id) == progress.Progress()
        work.seal()
        assert all_notes(work) == before
    work.check(tmp_path)


def test_torn_and_foreign_lines_in_the_journal(work: Recording, tmp_path: Path) -> None:
    work.start()
    work.did("fix", a="1\n")
    journal = Path(work.here.common_trace_dir, "sessions").glob("*.jsonl").__next__()
    with journal.open("ab") as file:
        file.write(b'{"kind":"command","id":"torn')
    work.did("test", b="2\n")
    with journal.open("ab") as file:
        file.write(b"\n\xff\xfe\n[]\n")
    append(work, kind="new-kind", text="\u2028\udc80")
    work.commit()
    work.seal()
    assert work.noted(work.head()) == [["fix", "test", "new-kind", "commit"]]
    work.check(tmp_path)


def overwrite(path: Path, data: bytes) -> bytes:
    """Write over the beginning of a file, and return what was there."""
    with path.open("r+b") as file:
        had = file.read(len(data))
        file.seek(0)
        file.write(data)
    return had


def test_one_session_that_fails_does_not_keep_the_others(work: Recording, tmp_path: Path) -> None:
    work.git("worktree", "add", "-q", str(tmp_path / "side"))
    other = Recording(Repo(tmp_path / "side", work.repo.env))
    broken, good = other.start(), work.start()
    other.did("there", b="1\n")
    other.commit()
    work.did("here", a="1\n")
    work.commit()
    journal = Path(work.here.common_trace_dir, "sessions", f"{broken.session_id}.jsonl")
    begin = overwrite(journal, b"\0" * 10)
    sealed = seal(work.here)
    assert len(sealed.failed) == 1
    assert broken.session_id in sealed.failed[0]
    assert work.noted(work.head()) == [["here", "commit"]]
    overwrite(journal, begin)
    work.seal()
    assert other.noted(other.head()) == [["there", "commit"]]
    assert good.trace_id != broken.trace_id


def test_a_commit_that_was_undone_and_pruned(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit("gone")
    work.did("test")  # finds the commit
    work.git("reset", "-q", "--hard", "HEAD~")
    work.git("-c", "gc.reflogExpire=now", "reflog", "expire", "--expire=now", "--expire-unreachable=now", "--all")
    work.git("gc", "-q", "--prune=now")
    work.did("more", b="2\n")
    kept = work.commit("kept")
    work.seal()
    assert work.unlinked() == [["fix", "commit"]]
    assert work.noted(kept) == [["test", "more", "commit"]]
    assert work.repo.run("git", "fsck", "--no-dangling", "--no-progress") == b""


def test_notes_of_other_tools_survive(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    tip = work.commit()
    text = b"line of another tool \xff\n\nand more\n"
    notes.add(work.here, NOTES_REF, {tip: text}, lambda old, new: old + new, "foreign")
    work.seal()
    work.did("more", a="2\n")
    work.commit("again", "--amend")
    work.seal()
    for name in (tip, "HEAD"):
        assert {b"line of another tool \xff", b"and more"} <= set(note(work, name).splitlines())
    assert work.noted(tip) == [["fix", "commit"]]


@pytest.mark.parametrize("strategy", ["union", "cat_sort_uniq"])
def test_every_merge_of_git_keeps_all(work: Recording, tmp_path: Path, strategy: str) -> None:
    """Two clones note the same commit; git merges their notes."""
    work.start()
    work.did("here", a="1\n")
    tip = work.commit()
    work.git("clone", "-q", work.here.common_dir, str(tmp_path / "other"))
    other = Recording(Repo(tmp_path / "other", work.repo.env))
    other.install()
    other.start()
    other.did("there", b="2\n")
    other.write(b="from the other side\n")
    other.stop()
    work.seal()
    (line,) = other.git("for-each-ref", "--format=%(refname)", "refs/trace/").splitlines()
    (name,) = other.git("ls-tree", "--name-only", f"{line}:segments").splitlines()
    notes.add(
        other.here,
        NOTES_REF,
        {tip: other.run_bytes("git", "cat-file", "blob", f"{line}:segments/{name}")},
        merge_notes,
        "x",
    )
    work.git("fetch", "-q", str(tmp_path / "other"), f"{NOTES_REF}:refs/notes/incoming")
    work.git("notes", f"--ref={NOTES_REF}", "merge", "-q", f"--strategy={strategy}", "refs/notes/incoming")
    assert sorted(work.noted(tip)) == [["here", "commit"], ["there", "stop"]]
    work.seal()
    assert sorted(work.noted(tip)) == [["here", "commit"], ["there", "stop"]]


def test_merging_notes_is_union() -> None:
    """In any order, any number of times."""
    ids = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(3)]
    lines = [f"{encode(ids[0], ids[1], number, b'{}')}\n".encode() for number in range(3)]
    lines.append(f"gittrace1 {ids[2]} forget 2026-01-02T03:04:05Z\n".encode())
    lines.append(b"foreign \xff\n")
    chance = random.Random(7)
    for _ in range(30):
        parts = [b"".join(chance.sample(lines, chance.randrange(6))) for _ in range(4)]
        merged = [b""]
        for part in parts:
            merged.append(merge_notes(merged[-1], part))
        again = b""
        for part in reversed(parts):
            again = merge_notes(again, part)
        assert set(merged[-1].splitlines()) == set(again.splitlines()) == set(b"".join(parts).splitlines())
        for part in (*parts, merged[-1]):
            assert merge_notes(merged[-1], part) == merged[-1]


def test_no_identity(work: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    for key in list(os.environ):
        if key.startswith(("GIT_COMMITTER", "GIT_AUTHOR")):
            monkeypatch.delenv(key)
    work.git("config", "user.useConfigOnly", "true")
    work.here = view(work.repo)
    work.seal()
    assert work.noted(work.head()) == [["fix", "commit"]]


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes anywhere")
def test_a_repository_that_can_only_be_read(work: Recording) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    for folder, _, _ in os.walk(work.here.git_dir):
        os.chmod(folder, stat.S_IRUSR | stat.S_IXUSR)
    try:
        with pytest.raises((OSError, GitFailed)):
            seal(work.here)
    finally:
        for folder, _, _ in os.walk(work.here.git_dir):
            os.chmod(folder, stat.S_IRWXU)
    work.seal()
    assert work.noted(work.head()) == [["fix", "commit"]]


def test_a_lock_on_the_notes_is_no_loss(work: Recording, tmp_path: Path) -> None:
    work.start()
    work.did("fix", a="1\n")
    work.commit()
    lock = Path(work.here.git_dir, f"{NOTES_REF}.lock")
    lock.parent.mkdir(parents=True, exist_ok=True)
    lock.write_text("")
    sealed = seal(work.here)
    assert len(sealed.failed) == 1
    assert not [name for name in os.listdir(work.here.git_dir) if name.startswith("fast_import_crash")]
    lock.unlink()
    work.seal()
    assert work.noted(work.head()) == [["fix", "commit"]]
    work.check(tmp_path)


def test_sha256(make_work: Make, tmp_path: Path) -> None:
    work = make_work("sha256", "sha256")
    work.start()
    work.did("fix", a="1\n", b=b"\0binary\xff")
    old = work.commit()
    work.did("more", a="2\n")
    work.commit("again", "--amend")
    work.stop(success=True)
    assert len(old) == 64
    assert work.noted(work.head()) == [["fix", "commit"], ["more", "rewrite", "commit"], ["stop"]]
    work.check(tmp_path)


def test_names_and_contents_that_are_no_text(work: Recording, tmp_path: Path) -> None:
    work.start()
    with work.recorded("odd"):
        work.repo.write(b"\xff\n\t", b"\xfe latin\n" * 3)
        work.repo.write(b"dir/a b", b"\0" * 300)
        os.symlink(b"\xff", os.fsencode(work.repo.top) + b"/link")
        work.repo.write("a", "", mode=0o755)
        os.unlink(work.repo.top / "b")
    work.did("edit", a=b"\r\n\x0c\xe2\x80\xa8\n")
    work.commit()
    work.stop()
    work.check(tmp_path)
