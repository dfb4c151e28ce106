"""Nothing that gittrace writes into git holds a secret: whatever field it was in, and wherever in it."""

import json
import subprocess

import pytest

from gittrace.clock import uuid7
from gittrace.git.objects import open_objects
from gittrace.git.patch import parse
from gittrace.journal.active import active_session
from gittrace.journal.append import Journal
from gittrace.model.events import parse_segment
from gittrace.protect.redactor import BUILTIN
from gittrace.trace.stored.proof import steps
from gittrace.trace.stored.store import Store
from gittrace.trace.stored.verify import OK, REDACTED, rebuild
from gittrace.vocabulary import NOTES_REF, TRACE_REFS
from tests.protect.samples import both, fill
from tests.support.recording import Recording, view
from tests.support.repo import make_repo

TOKEN = fill("ghp_{a36}")
KEY = fill("-----BEGIN OPENSSH PRIVATE KEY-----\n{b64}\n{b64}\n{b24}==\n-----END OPENSSH PRIVATE KEY-----\n")
SAMPLES = [both(sample, rule.name) for rule in BUILTIN for sample in rule.hits]


def _everything_in_git(work: Recording) -> bytes:
    """Return all that the notes and hidden refs hold, but for snapshots, which are the user's files; unpacked."""
    out = []
    with open_objects(work.here) as store:
        blobs = [line.split()[2] for line in work.git("ls-tree", "-r", NOTES_REF, status=None).splitlines()]
        for ref in work.git("for-each-ref", "--format=%(refname)", TRACE_REFS).splitlines():
            for line in work.git("ls-tree", "-r", ref).splitlines():
                if not line.partition("\t")[2].startswith("snapshots/"):
                    blobs.append(line.split()[2])
        out += [store.blob(oid) for oid in blobs]
    out += [json.dumps([piece.header, *piece.events]).encode() for piece in work.pieces()]
    return b"\n".join(out)


def _all_objects(work: Recording) -> bytes:
    command = ("git", "cat-file", "--batch-all-objects", "--batch", "--buffer")
    return subprocess.run(command, cwd=work.repo.top, env=work.repo.env, capture_output=True, check=True).stdout


def _journal(work: Recording, **fields: object) -> None:
    """Append an event as an agent's hook might: with fields that nobody here knows."""
    active = active_session(work.here.trace_dir, work.here.common_trace_dir)
    assert active
    event = {"kind": "prompt", "id": uuid7(), "at": "2030-01-01T00:00:00.000000Z"}
    with Journal(active.journal) as journal:
        journal.append({**event, "head": None, **fields})


def _in_every_place(text: str) -> list[dict[str, object]]:
    return [
        {"text": text},
        {"text": f"{'padding ' * 9000}{text}{' padding' * 9000}"},
        {"command": f"run {text} now", "argv": ["run", text]},
        {"reasoning": f"first\n{text}\nlast", "kind": "note"},
        {"tool": "x", "input": {"deep": [{"er": [text, {"and": {text: "as a name"}}]}]}},
        {"metadata": {"remote": text}, "a_field_of_the_future": [[[[text]]]]},
        {"text": json.dumps({"a": {"b": json.dumps({"c": text})}})},
        {"branch": text, "subject": text, "path": text, "source": text},
    ]


def test_every_secret_in_every_field(work: Recording) -> None:
    work.start(title=f"a bug with {TOKEN}")
    for text, _ in SAMPLES:
        for fields in _in_every_place(text):
            _journal(work, **fields)
    for fields in _in_every_place(KEY):
        _journal(work, **fields)
    work.write(a="1\n")
    work.commit()
    work.seal()
    assert sum(len(piece.events) for piece in work.pieces()) > 8 * len(SAMPLES)
    recorded = _everything_in_git(work) + _all_objects(work)
    for text, secret in SAMPLES:
        # escaped once more it is still a secret, but for what is none of a token
        core = max(secret.replace("\\n", " ").replace("\x1b", " ").split(), key=len)
        assert core.encode() not in recorded, text
    for line in (*KEY.splitlines()[1:3], TOKEN):
        assert line.encode() not in recorded


def test_what_tells_nothing_is_left_as_it_is(work: Recording) -> None:
    kept = {
        "encrypted_content": fill("gAAAAA{w400}"),
        "signature": fill("{b344}"),
        "tool_call_id": fill("call_{a24}"),
        "request_id": fill("req_{h32}"),
        "usage": {"input_tokens": 12, "output_tokens": 3},
        "image": {"type": "base64", "data": fill("{b2000}")},
        "integrity": fill("sha512-{b86}=="),
        "uuid": "9b2b1c9e-3b1f-4d1c-8a55-0a4e3f1d2c3b",
        "oid": fill("{h40}"),
    }
    work.start()
    _journal(work, input=kept, text="ok")
    work.write(a="1\n")
    work.commit()
    work.seal()
    (event,) = [event for event in work.pieces()[0].events if event["kind"] == "prompt"]
    assert event["input"] == kept


def test_the_name_beside_a_value_tells(work: Recording) -> None:
    work.start()
    _journal(work, input={"password": "hunter2hunter"}, argv=["psql", "--password", "x9!kkL2q"], text="ok")
    work.write(a="1\n")
    work.commit()
    work.seal()
    (event,) = [event for event in work.pieces()[0].events if event["kind"] == "prompt"]
    assert event["input"]["password"].startswith("[REDACTED:password:")
    assert event["argv"][2].startswith("[REDACTED:password:")


def test_a_secret_in_a_file_is_in_the_commit_and_not_in_the_note(work: Recording, tmp_path: object) -> None:
    work.write(config="debug = true\n", other="x\n")
    work.commit("base")
    made = work.start()
    work.did("write config", config=f"debug = true\ntoken = '{TOKEN}'\n", id__key=KEY, other="y\n")
    work.did("edit", config=f"debug = false\ntoken = '{TOKEN}'\n")
    work.did("more", config="debug = false\n", other="z\n")
    work.commit()
    work.stop()
    assert TOKEN.encode() in _all_objects(work)
    assert TOKEN.encode() not in _everything_in_git(work)
    first, second, third, *_ = work.pieces()[0].events
    assert first["effect_redacted"] is True
    assert "+token = '[REDACTED:github-token:" in first["effect"]
    assert first["effect"].count("+[REDACTED:private-key:") == KEY.count("\n")
    assert second["effect_redacted"] is True
    assert third["effect_redacted"] is True
    for piece in work.pieces():
        parse_segment([piece.header, *piece.events])

    store = Store(work.here)
    outcomes = list(rebuild(store.objects, [step for _, step in steps(store.load(made.trace_id))]))
    store.close()
    reasons = [outcome.reason for outcome in outcomes if outcome.status == REDACTED]
    assert reasons == [
        "secrets were masked in 'config', 'id/key'",
        "secrets were masked in 'config'",
        "secrets were masked in 'config'",
    ]
    assert {outcome.status for outcome in outcomes} == {OK, REDACTED}
    assert work.repo.trace("verify").splitlines()[0].endswith("3 redacted")
    for command in (("links",), ("fate",), ("blame", "config"), ("export",), ("log",), ("show", made.trace_id)):
        assert TOKEN not in work.repo.trace(*command)


def test_a_clone_with_only_the_notes_proves_the_rest(work: Recording, tmp_path: "pytest.TempPathFactory") -> None:
    work.write(config="a = 1\n", other="x\n")
    base = work.commit("base")
    work.start()
    work.did("one", config=f"a = 1\ntoken = '{TOKEN}'\n")
    work.did("two", config=f"a = 1\ntoken = '{TOKEN}'\n" + "x\n" * 20, other="y\n")
    work.did("three", config=f"a = 1\ntoken = '{TOKEN}'\n" + "x\n" * 19 + "z\n")
    work.commit()
    work.stop()
    env = {key: value for key, value in work.repo.env.items() if key != "GIT_CONFIG_COUNT"}
    clone = make_repo(tmp_path / "clone", env, work.here.format)  # type: ignore[operator]
    work.git("config", "uploadpack.allowAnySHA1InWant", "true")
    clone.git("fetch", "-q", "--no-tags", work.here.common_dir, f"{NOTES_REF}:{NOTES_REF}", base)
    store = Store(view(clone))
    (trace,) = store.trace_ids()
    outcomes = list(rebuild(store.objects, [step for _, step in steps(store.load(trace))]))
    store.close()
    # the third change touches no secret, but follows from a content that nobody can make again
    assert [outcome.status for outcome in outcomes if outcome.step.what == "effect"] == [REDACTED] * 3
    assert {outcome.status for outcome in outcomes} == {OK, REDACTED}
    assert "(REDACTED" not in clone.trace("verify")


def test_sealing_twice_makes_the_same_lines(work: Recording) -> None:
    work.start()
    work.did(f"echo {TOKEN}", a=f"x = '{TOKEN}'\n")
    work.commit()
    work.seal()
    before = work.git("rev-parse", NOTES_REF)
    (sealed,) = (work.repo.top / ".git/trace/sessions").glob("*.sealed")
    sealed.unlink()
    work.seal()
    assert work.git("rev-parse", f"{NOTES_REF}^{{tree}}") == work.git("rev-parse", f"{before}^{{tree}}")


def test_the_environment_s_secrets_are_masked_whatever_they_look_like(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_TOKEN", "plain words, no shape")
    monkeypatch.setenv("MY_HOME", "innocent value")
    work.start()
    _journal(work, text="say plain words, no shape and innocent value")
    work.write(a="1\n")
    work.commit()
    work.seal()
    (event,) = [event for event in work.pieces()[0].events if event["kind"] == "prompt"]
    assert event["text"].startswith("say [REDACTED:environment:")
    assert event["text"].endswith("] and innocent value")


def test_a_bad_file_of_rules_stops_sealing_and_loses_nothing(work: Recording) -> None:
    work.start()
    work.git("config", "trace.redact.rules", "rules.toml")
    work.here = view(work.repo)
    work.write(**{"rules.toml": "[[rule]]\nname = 'Bad Name'\n"})
    work.did("make", a="1\n")
    work.commit()
    store = Store(work.here)
    store.close()
    (problem,) = store.problems
    assert "rules.toml': rule 1 ('Bad Name'): 'name' is small letters" in problem
    assert work.pieces() == []
    row = "name = 'acme'\npattern = 'acme_[a-z]{8}'\nkeywords = ['acme_']\nhits = ['acme_abcdefgh']\n"
    work.write(**{"rules.toml": f"[[rule]]\n{row}"})
    work.did("echo acme_abcdefgh")
    work.commit()
    work.seal()
    assert "[REDACTED:acme:" in str(work.pieces())


def test_a_recorded_command_is_masked_where_it_is_written_first(
    work: Recording, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DEPLOY_PASSWORD", "only here, and plain")
    work.start()
    work.run("sh", "-c", f"echo {TOKEN}; echo only here, and plain")
    work.write(a="1\n")
    work.commit(f"say {TOKEN}")
    work.seal()
    (journal,) = (work.repo.top / ".git/trace/sessions").glob("*.jsonl")
    text = journal.read_text()
    assert TOKEN not in text
    assert "only here, and plain" not in text
    assert text.count("[REDACTED:github-token:") == 3  # the command, its words, and the commit's subject


def test_a_long_output_is_masked_before_it_is_kept(work: Recording) -> None:
    """Also what lies over the place where the journal's copy is cut, and in what only the whole has."""
    work.start()
    limit = 64 << 10
    parts = [
        f"{'x' * 79}\n" * (limit // 80),
        f"y {TOKEN} z\n",
        "w\n" * 90_000,
        KEY,
        f"{'v' * 79}\n" * 1200,
        f"last {TOKEN}\n",
    ]
    for shift in (0, 20, 60):
        work.repo.write("out.txt", "s" * shift + "".join(parts))
        work.repo.trace("run", "--", "cat", "out.txt")
    work.git("checkout", "-q", "--", ".")
    (work.repo.top / "out.txt").unlink()
    work.git("commit", "-q", "--allow-empty", "-m", "x")
    work.seal()
    recorded = _everything_in_git(work)
    assert TOKEN[:12].encode() not in recorded
    refs = work.git("for-each-ref", "--format=%(refname)", TRACE_REFS).splitlines()
    kept = [line for ref in refs for line in work.git("ls-tree", "-r", ref).splitlines() if "\toutput/" in line]
    assert len(kept) == 3
    zstd = pytest.importorskip("zstandard")
    with open_objects(work.here) as store:
        for line in kept:
            whole = b"".join(zstd.ZstdDecompressor().read_to_iter(store.blob(line.split()[2])))
            assert whole.count(b"[REDACTED:github-token:") == 2
            assert whole.count(b"[REDACTED:private-key:") == KEY.count("\n")
            assert KEY.splitlines()[1].encode() not in whole
            assert TOKEN.encode() not in whole


def test_the_sign_of_a_line_is_no_part_of_a_secret(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_SECRET", "+starts like a diff")
    monkeypatch.setenv("OTHER_SECRET", "- so does this one")
    work.git("config", "trace.redact.email", "true")
    work.here = view(work.repo)
    work.start()
    work.did("x", a="starts like a diff\nann@example.com\n", b="+starts like a diff\n- so does this one\n")
    work.commit()
    work.seal()
    (event, *_) = work.pieces()[0].events
    files = {file.path: file for file in parse(event["effect"].encode())}
    assert files[b"a"].added == files[b"b"].added == 2
    assert "so does" not in event["effect"]
