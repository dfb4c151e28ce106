"""A trace that was forgotten is in no place from which gittrace reads, and nothing else is lost."""

import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from gittrace.errors import NotFound, SessionActive
from gittrace.git.objects import EMPTY_TREE, open_objects
from gittrace.model.segment import Forget, SegmentLine, encode, parse_note
from gittrace.trace.stored.index import Index
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.forget import forget_trace, replace_segments, tombstones
from gittrace.vocabulary import NOTES_REF, REMOTE_NOTES_REFS, TRACE_REFS
from tests.support.recording import Make, Recording, all_notes, note
from tests.support.repo import Repo

SECRET = "correct-horse-battery"


def recorded(work: Recording, word: str = "work") -> tuple[str, str]:
    """Record a trace with a command that says `word`, a commit, and a tail that led to none."""
    started = work.start(title=f"title {word}")
    with work.recorded("echo", word):
        work.write(a=f"{word}\n")
    commit = work.commit(f"commit of {word[:4]}")
    work.did(b=f"unlinked {word}\n")
    work.stop(success=True)
    return started.trace_id, commit


def traces(work: Recording) -> list[str]:
    store = Store(work.here)
    try:
        return store.trace_ids()
    finally:
        store.close()


def everything_under(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file())


def reachable(work: Recording) -> bytes:
    """Return the content of all objects that our refs and their reflogs lead to."""
    refs = work.git("for-each-ref", "--format=%(refname)", "refs/notes", TRACE_REFS).splitlines()
    logged = work.git("reflog", "show", "--format=%H", NOTES_REF, status=None).splitlines()
    listed = work.git("rev-list", "--objects", "--no-object-names", *refs, *logged).splitlines() if refs else []
    data = b""
    with open_objects(work.here) as store:
        for oid in listed:
            kind, content = store.read(oid)
            data += content
            if kind == "blob":
                data += b"".join(map(_unpacked, parse_note(content).segments))
    return data


def _unpacked(line: SegmentLine) -> bytes:
    from gittrace.model.segment import unpack

    return unpack(line)


@pytest.mark.parametrize("object_format", ["sha1", "sha256"])
def test_nothing_of_it_is_left(make_work: Make, object_format: str) -> None:
    work = make_work("forgetful", object_format)
    other, _ = recorded(work, "harmless")
    trace, commit = recorded(work, SECRET)
    work.git("notes", "--ref=trace", "append", "-m", "Reviewed-by: somebody", commit)
    shown = work.repo.trace("show", other, "--json")
    work.repo.trace("links", other)
    work.repo.trace("blame", "a")
    assert SECRET.encode() in reachable(work)
    found = forget_trace(work.here, trace)
    assert (found.commits, found.segments, len(found.sessions)) == ([commit], 2, 1)
    assert found.refs == [TRACE_REFS + trace]
    assert SECRET.encode() not in reachable(work)
    assert SECRET.encode() not in everything_under(Path(work.here.common_trace_dir))
    assert traces(work) == [other]
    assert json.loads(work.repo.trace("show", other, "--json")) == json.loads(shown)
    assert SECRET not in work.repo.trace("log")
    assert note(work, commit).splitlines() == [b"Reviewed-by: somebody", str(Forget(trace, found.at)).encode()]
    assert work.git("rev-list", "--count", NOTES_REF) == "1"
    assert "was forgotten" in _failed(work, "show", trace)
    work.repo.run("git", "fsck", "--no-dangling")


def _failed(work: Recording, *args: str) -> str:
    work.repo.trace(*args, status=128)
    assert len(work.repo.errors.splitlines()) <= 2
    return work.repo.errors


def test_twice_is_fine_and_the_unknown_is_said(work: Recording) -> None:
    trace, _ = recorded(work)
    work.repo.trace("forget", trace[:10])
    before = all_notes(work)
    assert work.repo.trace("forget", trace[:10]) == ""
    assert all_notes(work) == before
    assert "is no trace" in _failed(work, "forget", "0123456789")
    with pytest.raises(NotFound, match="nothing is recorded"):
        forget_trace(work.here, "01234567-0000-4000-8000-000000000000")


def test_a_dry_run_changes_nothing(work: Recording) -> None:
    trace, commit = recorded(work)
    before = work.git("for-each-ref"), everything_under(Path(work.here.common_trace_dir) / "sessions")
    said = work.repo.trace("forget", "--dry-run", trace).splitlines()
    assert [line.split()[:2] for line in said] == [["would", "remove"]] * 3
    assert before == (work.git("for-each-ref"), everything_under(Path(work.here.common_trace_dir) / "sessions"))
    found = json.loads(work.repo.trace("forget", "--dry-run", "--json", trace))
    assert (found["commits"], found["segments"]) == ([commit], 2)


def test_not_while_a_session_goes_on(work: Recording) -> None:
    started = work.start()
    work.did(a="1\n")
    work.commit()
    with pytest.raises(SessionActive, match="is active in"):
        forget_trace(work.here, started.trace_id)
    assert "git trace stop" in _failed(work, "forget", "@")
    assert traces(work) == [started.trace_id]


def test_a_trace_that_is_taken_up_again_is_seen_from_then_on(work: Recording) -> None:
    trace, _ = recorded(work, SECRET)
    forget_trace(work.here, trace)
    work.start(trace_id=trace, title="again")
    work.did(a="again\n")
    second = work.commit("again")
    work.stop()
    store = Store(work.here)
    assert store.trace_ids() == [trace]
    loaded = store.load(trace)
    assert loaded.title == "again"
    assert {oid for segment in loaded.segments for oid in segment.commits} == {second}
    store.close()
    # its segments go along when the commit is rewritten, whatever tombstones lie beside them
    work.git("commit", "-q", "--amend", "-m", "again, amended")
    work.seal()
    assert work.noted(work.head()) == work.noted(second) != []
    forget_trace(work.here, trace)
    assert traces(work) == []


@pytest.mark.parametrize("fetched_first", [True, False])
def test_a_mirror_that_still_has_it(work: Recording, fetched_first: bool) -> None:
    trace, _ = recorded(work, SECRET)
    other, _ = recorded(work)
    mirror = f"{REMOTE_NOTES_REFS}origin/0123456789ab"
    old = work.head(NOTES_REF)
    if fetched_first:
        work.git("update-ref", mirror, old)
    found = forget_trace(work.here, trace)
    assert found.elsewhere == ([mirror] if fetched_first else [])
    assert traces(work) == [other]
    work.git("update-ref", mirror, old)
    for _ in range(2):
        assert traces(work) == [other]
        assert SECRET.encode() not in everything_under(Path(work.here.common_trace_dir) / "cache")
        os.unlink(Path(work.here.common_trace_dir) / "cache/index.sqlite")
    assert work.repo.trace("verify")
    # whoever takes the tombstone away sees it again: caches remember nothing
    work.git("update-ref", "-d", NOTES_REF)
    assert sorted(traces(work)) == sorted([trace, other])


def test_a_tombstone_from_elsewhere(work: Recording) -> None:
    trace, commit = recorded(work, SECRET)
    other, _ = recorded(work)
    for args in (["links"], ["blame", "a"], ["show", trace], ["fate"], ["list"]):
        work.repo.trace(*args)
    stone = Forget(trace, "2999-01-01T00:00:00Z")
    work.git("notes", "--ref=trace-remotes/origin/0123456789ab", "add", "-m", str(stone), commit)
    assert traces(work) == [other]
    assert SECRET.encode() not in everything_under(Path(work.here.common_trace_dir) / "cache")
    for args in (["links"], ["blame", "a"], ["fate"], ["list"], ["log"], ["export", "--all"]):
        assert trace not in work.repo.trace(*args, status=None)


def test_merging_notes_brings_nothing_back(work: Recording) -> None:
    recorded(work)
    trace, commit = recorded(work, SECRET)
    work.git("update-ref", "refs/notes/before", NOTES_REF)
    forget_trace(work.here, trace)
    work.git("notes", f"--ref={NOTES_REF}", "merge", "-q", "-s", "cat_sort_uniq", "refs/notes/before")
    assert trace.encode() + b" forget " in note(work, commit)
    assert len(parse_note(note(work, commit)).segments) == 1
    assert trace not in traces(work)
    # an amended commit gets its note without what was forgotten
    work.git("checkout", "-q", "-f", commit)
    work.git("commit", "-q", "--amend", "-m", "amended")
    work.seal()
    assert parse_note(all_notes(work).get(work.head(), b"")).segments == ()
    forget_trace(work.here, trace)
    assert SECRET.encode() not in _history(work)


def _history(work: Recording) -> bytes:
    work.git("update-ref", "-d", "refs/notes/before")
    return reachable(work)


def test_only_events_that_led_to_no_commit(work: Recording) -> None:
    started = work.start()
    work.did(a=f"{SECRET}\n")
    work.stop()
    forget_trace(work.here, started.trace_id)
    assert SECRET.encode() not in reachable(work)
    assert list(all_notes(work)) == [EMPTY_TREE[work.here.format]]
    assert [one.trace_id for one in tombstones(work.here).forgets] == [started.trace_id]


def test_a_journal_that_was_left_is_not_sealed_again(work: Recording) -> None:
    trace, _ = recorded(work, SECRET)
    folder = Path(work.here.common_trace_dir) / "sessions"
    journals = {path: path.read_bytes() for path in folder.iterdir()}
    forget_trace(work.here, trace)
    for path, data in journals.items():
        if path.suffix == ".jsonl":  # as if it had been killed before it removed them
            path.write_bytes(data)
    assert traces(work) == []
    work.repo.trace("log")
    assert "was forgotten" in work.repo.errors
    assert SECRET.encode() not in reachable(work)
    work.repo.trace("forget", trace)
    assert list(folder.iterdir()) == []
    assert work.repo.trace("log") + work.repo.errors == ""


def test_a_clock_that_is_ahead(work: Recording) -> None:
    trace, session = "0" * 7 + "1-0000-4000-8000-000000000000", "0" * 7 + "2-0000-4000-8000-000000000000"
    header = {"kind": "session", "trace_id": trace, "session_id": session, "at": "2999-01-01T00:00:00.000000Z"}
    line = encode(trace, session, 0, json.dumps(header).encode())
    work.git("notes", "--ref=trace", "add", "-m", line)
    assert traces(work) == [trace]
    work.git("update-ref", f"{REMOTE_NOTES_REFS}origin/0123456789ab", NOTES_REF)
    forget_trace(work.here, trace)
    assert traces(work) == []


def test_notes_of_commits_that_are_not_here(work: Recording) -> None:
    trace, commit = recorded(work, SECRET)
    data, gone = note(work, commit), "1" * len(commit)
    blob = work.git("rev-parse", f"{NOTES_REF}:{commit}")
    for name in (gone, "2" * len(commit)):
        work.git("notes", "--ref=trace", "add", "-C", blob, name)
    forget_trace(work.here, trace)
    assert SECRET.encode() not in reachable(work)
    assert all_notes(work)[gone] == all_notes(work)[commit] != data


def test_many_notes_keep_their_fan_out(work: Recording) -> None:
    trace, commit = recorded(work, SECRET)
    stream = "commit refs/notes/trace\ncommitter a <a> 1 +0000\ndata 0\nfrom refs/notes/trace^0\n"
    tree = "".join(f"M 100644 inline {n:02x}/{n:038x}\ndata 4\nnote\n" for n in range(256))
    mine = work.git("ls-tree", "-r", NOTES_REF).split()
    moved = f"D {mine[3]}\nM 100644 {mine[2]} {commit[:2]}/{commit[2:]}\n"
    work.repo.git("fast-import", "--quiet", stdin=(stream + moved + tree).encode())
    assert SECRET.encode() in reachable(work)
    forget_trace(work.here, trace)
    names = work.git("ls-tree", "-r", "--name-only", NOTES_REF).splitlines()
    assert len(names) == 258
    assert all(name[2] == "/" for name in names)
    assert SECRET.encode() not in reachable(work)


def test_segments_are_replaced_one_by_one(work: Recording) -> None:
    trace, commit = recorded(work, SECRET)
    other, _ = recorded(work)
    kept = work.repo.trace("show", other, "--json")
    store = Store(work.here)
    old = {segment.sha256: segment for segment in store.load(trace).segments}
    store.close()
    news = {}
    for sha, segment in old.items():
        text = "".join(json.dumps(item) + "\n" for item in (segment.header, *segment.events))
        news[sha] = encode(trace, segment.session_id, segment.index, text.replace(SECRET, "[REDACTED]").encode())
    mirror = f"{REMOTE_NOTES_REFS}origin/0123456789ab"
    work.git("update-ref", mirror, NOTES_REF)
    done = replace_segments(work.here, news)
    assert (done.commits, done.refs) == ([commit], [TRACE_REFS + trace])
    assert SECRET not in work.repo.trace("show", trace, "--json")
    assert json.loads(work.repo.trace("show", other, "--json")) == json.loads(kept)
    index = Index(work.here)
    assert {place.sha256 for place in index.places(trace)}.isdisjoint(old)
    assert {place.ref for place in index.hidden(trace)} == {mirror}
    index.close()
    work.git("update-ref", "-d", mirror)
    # snapshots hold what was in the files: those are not notes
    assert SECRET.encode() not in b"".join(all_notes(work).values())
    assert {one.sha256 for one in tombstones(work.here).forgets} == set(old)
    # the journal is the same as before, and sealing it again makes no segment that was replaced
    for path in (Path(work.here.common_trace_dir) / "sessions").glob("*.done"):
        path.unlink()
    work.seal()
    assert SECRET not in work.repo.trace("show", trace, "--json")


def objects(work: Recording) -> set[str]:
    return set(work.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)", "--unordered").split())


def holding(work: Recording, word: str) -> set[str]:
    """Return the objects that hold a word, in a segment too."""
    found = set()
    with open_objects(work.here) as store:
        for oid in objects(work):
            kind, data = store.read(oid)
            data += b"".join(map(_unpacked, parse_note(data).segments)) if kind == "blob" else b""
            found |= {oid} if word.encode() in data else set()
    return found


@pytest.mark.parametrize("packed", [False, True])
def test_pruning_takes_its_objects_and_no_others(work: Recording, packed: bool) -> None:
    lost = work.repo.git("hash-object", "-w", "--stdin", stdin=b"somebody's lost work\n")
    other, _ = recorded(work)
    started = work.start()
    with work.recorded("echo", SECRET):
        work.write(a=f"{SECRET}\n")
    work.write(a="clean\n")
    work.commit()
    work.write(b=f"{SECRET}\n")
    work.did()
    work.write(b="clean\n")
    work.stop()
    work.git("commit", "-q", "--allow-empty", "-m", "no gc of reflogs")
    work.git("commit-graph", "write", "--reachable")
    if packed:
        work.git("repack", "-q", "-A", "-d")
        work.git("repack", "-q", "-a", "-d", "--keep-unreachable")
    shown = json.loads(work.repo.trace("show", other, "--json"))
    assert holding(work, SECRET)
    said = work.repo.trace("forget", "--prune-now", started.trace_id)
    assert "\npruned " in said
    assert "keep" not in said
    assert not holding(work, SECRET)
    assert lost in objects(work)
    assert not (Path(work.here.common_trace_dir) / "forgotten").exists()
    work.repo.run("git", "fsck", "--no-dangling")
    assert json.loads(work.repo.trace("show", other, "--json")) == shown
    recorded(work, "later")
    assert work.repo.trace("verify")
    work.repo.run("git", "fsck", "--no-dangling")


def test_what_is_used_again_or_published_is_not_pruned(work: Recording) -> None:
    started = work.start()
    work.did(b="used again\n")
    work.stop()
    used = work.git("hash-object", "b")
    mirror = f"{REMOTE_NOTES_REFS}origin/0123456789ab"
    forget_trace(work.here, started.trace_id)
    work.git("add", "b")
    work.repo.trace("gc", "--prune-now")
    assert used in objects(work)
    trace, _ = recorded(work, SECRET)
    work.git("update-ref", mirror, NOTES_REF)
    work.repo.trace("forget", "--prune-now", trace)
    assert holding(work, SECRET)
    work.repo.run("git", "fsck", "--no-dangling")
    work.git("update-ref", "-d", mirror)


@pytest.mark.parametrize("step", [4, pytest.param(1, marks=pytest.mark.slow)])
def test_killed_anywhere_it_can_be_done_again(work: Recording, tmp_path: Path, step: int) -> None:
    """The process dies at its n-th call of git, unlink or rename, for each n; then it is done again."""
    other, _ = recorded(work)
    trace, _ = recorded(work, SECRET)
    work.write(a="clean\n", b="clean\n")
    work.commit()
    pristine = work.repo
    for number in range(1, 60, step):
        shutil.copytree(pristine.top, tmp_path / f"killed{number}", symlinks=True)
        work = Recording(Repo(tmp_path / f"killed{number}", pristine.env))
        work.repo.run(sys.executable, "-c", _DYING, trace, str(number), status=None)
        done = work.repo.status == 0
        assert work.repo.status in (0, -9)
        assert sorted(traces(work)) in ([other], sorted([other, trace]))
        if trace in traces(work):
            assert work.repo.trace("verify", trace)
        work.repo.trace("forget", "--prune-now", trace)
        assert traces(work) == [other]
        assert SECRET.encode() not in reachable(work)
        assert SECRET.encode() not in everything_under(Path(work.here.common_trace_dir))
        assert len(holding(work, SECRET)) == 1  # the file that was committed
        work.repo.run("git", "fsck", "--no-dangling")
        if done:
            assert number > 20
            return
    raise AssertionError("it never ended by itself")


_DYING = """
import os, signal, sys
from gittrace.git.process import Process
from gittrace.git.repository import discover
from gittrace.trace.upkeep import forget, prune
left = int(sys.argv[2])
def dying(call):
    def wrapped(*args, **kwargs):
        global left
        left -= 1
        if not left:
            os.kill(os.getpid(), signal.SIGKILL)
        return call(*args, **kwargs)
    return wrapped
Process.__init__ = dying(Process.__init__)
os.unlink = dying(os.unlink)
os.replace = dying(os.replace)
repo = discover()
forget.forget_trace(repo, sys.argv[1])
prune.prune(repo)
"""
