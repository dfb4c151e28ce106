"""git trace redact and git trace scan: what a rule finds that was not there when it was recorded."""

import base64
import json

import pytest

from gittrace.protect import deep
from tests.protect.samples import fill
from tests.support.repo import Repo

MAIL = "ann.secret@example.com"


def _recorded(repo: Repo) -> str:
    """Record a trace with an address in command, output, a long output, a diff and the title; return its id."""
    repo.git("config", "trace.seal", "now")
    repo.commit("a.py", "x = 1\n")
    repo.trace("init")
    repo.trace("start", "-m", f"for {MAIL}")
    repo.write("long.txt", f"{'x' * 99}\n" * 1500 + f"{MAIL}\n" + f"{'y' * 99}\n" * 1500)
    repo.trace("run", "--", "cat", "long.txt")
    repo.write("a.py", f"x = '{MAIL}'\ny = 2\n")
    repo.trace("run", "--", "echo", MAIL)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "work")
    repo.trace("stop")
    (trace,) = json.loads(repo.trace("list", "--json"))
    return str(trace["trace_id"])


def _everything(repo: Repo) -> str:
    notes = repo.git("notes", "--ref=trace", "list").split()[0]
    parts = [repo.git("cat-file", "blob", notes), repo.trace("export"), repo.trace("log", "--json")]
    parts += [path.read_text() for path in (repo.top / ".git/trace/sessions").glob("*.jsonl")]
    return "\n".join(parts)


def test_what_is_recorded_already_is_found_and_masked(repo: Repo) -> None:
    trace = _recorded(repo)
    assert repo.trace("scan") == "nothing found in 1 trace\n"
    assert MAIL in _everything(repo)
    repo.git("config", "trace.redact.email", "true")

    found = repo.trace("scan", status=1)
    assert MAIL not in found
    assert "email" in found
    assert "'a.py':" in found
    (report,) = json.loads(repo.trace("scan", "--json", status=1))
    assert {one["field"] for one in report["found"]} >= {"title", "argv[1]", "command", "stdout", "diff", "output"}
    assert (report["segments"], report["outputs"], report["journals"]) == (2, 1, 1)
    assert repo.trace("export", status=1) == ""
    assert f"hint: 'git trace redact {trace}' masks it" in repo.errors

    dry = repo.trace("redact", "--dry-run", trace)
    assert dry.endswith(f"would mask 2 segments, 1 output, 1 journal of trace {trace}\n")
    assert MAIL in _everything_raw(repo)
    repo.trace("redact", trace)
    for what in (_everything_raw(repo), repo.trace("log", "--json"), repo.trace("export")):
        at = what.find(MAIL)
        assert at < 0, what[max(0, at - 300) : at + 60]
    assert MAIL not in _everything(repo)
    assert repo.trace("scan") == "nothing found in 1 trace\n"
    assert "[REDACTED:email:" in repo.trace("export")
    assert "2 redacted" in repo.trace("verify")
    again = repo.trace("redact", trace)
    assert again == f"masked 0 segments, 0 outputs, 0 journals of trace {trace}\n"
    repo.trace("seal")
    assert MAIL not in _everything(repo)


def _everything_raw(repo: Repo) -> str:
    return "\n".join(path.read_text() for path in (repo.top / ".git/trace/sessions").glob("*.jsonl"))


def test_what_is_allowed_is_exported(repo: Repo) -> None:
    _recorded(repo)
    repo.git("config", "trace.redact.email", "true")
    (report,) = json.loads(repo.trace("scan", "--json", status=1))
    for tag in {one["tag"] for one in report["found"]}:
        repo.git("config", "--add", "trace.redact.allow", tag)
    assert MAIL in repo.trace("export")


def test_a_session_that_goes_on_is_refused(repo: Repo) -> None:
    repo.commit("a.py", "x = 1\n")
    repo.trace("start")
    (trace,) = json.loads(repo.trace("list", "--json"))
    repo.trace("redact", trace["trace_id"], status=128)
    assert "a session of it is active" in repo.errors


def test_a_file_is_looked_at_and_not_changed(repo: Repo) -> None:
    token = fill("ghp_{a36}")
    repo.commit("a.py", f"x = 1\ny = '{token}'\n")
    out = repo.trace("redact", "-n", "a.py")
    assert out.startswith("a.py:2: github-token ")
    assert token not in out
    repo.trace("redact", "a.py", status=129)
    assert token in (repo.top / "a.py").read_text()


def test_what_is_not_there_is_an_error(repo: Repo) -> None:
    repo.commit("a.py", "x = 1\n")
    repo.trace("redact", "-n", "nothing", status=128)
    assert "nothing" in repo.errors


def test_a_dry_run_leaves_alone_what_is_allowed_in_a_file(repo: Repo) -> None:
    token = fill("ghp_{a36}")
    for name in ("test/a.py", "b.py"):
        repo.write(name, f"x = '{token}'\n")
    repo.git("config", "trace.redact.allow", "github-token:test/a.py")
    assert repo.trace("redact", "--dry-run", "test/a.py") == ""
    assert repo.trace("redact", "--dry-run", "b.py").startswith("b.py:1: github-token ")


@pytest.mark.skipif(not deep.version(), reason="kingfisher-secret-scanner is not installed")
def test_a_dry_run_tells_what_the_deeper_scanner_finds_in_a_file(repo: Repo) -> None:
    ours, theirs = fill("ghp_{a36}"), fill("rdme_{h70}")
    repo.write("notes.txt", f"first\n{theirs}\npostgres://user:password@localhost/db\nand {ours}\n")
    found = [line.split() for line in repo.trace("redact", "--dry-run", "notes.txt").splitlines()]
    assert [line[0] for line in found] == ["notes.txt:2:", "notes.txt:4:"]
    assert found[0][1].startswith("deep-")
    assert found[1][1] == "github-token"


@pytest.mark.skipif(not deep.version(), reason="kingfisher-secret-scanner is not installed")
def test_what_the_deeper_scanner_finds_is_held_told_and_masked(repo: Repo) -> None:
    """As its user sees it: nothing leaves, the command that is told masks it, and then it leaves."""
    token = fill("rdme_{h70}")
    encoded = base64.b64encode(token.encode()).decode()
    repo.git("config", "trace.seal", "now")
    repo.commit("a.py", "x = 1\n")
    repo.trace("init")
    repo.trace("start", "-m", "readme")
    repo.write("a.py", f"x = 1\nuse = '{token}'\ncert = '{encoded}'\nand_more = True\n")
    repo.trace("run", "--", "echo", token)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", "work")
    repo.trace("stop")
    (listed,) = json.loads(repo.trace("list", "--json"))
    trace = listed["trace_id"]
    assert token in _everything_raw(repo)

    assert token not in repo.trace("scan", status=1)
    assert repo.trace("export", status=1) == ""
    assert token not in repo.errors
    assert f"hint: 'git trace redact {trace}' masks it" in repo.errors
    repo.trace("redact", trace)
    exported = repo.trace("export")
    for text in (exported, repo.trace("log", "--json"), _everything_raw(repo)):
        assert token not in text
        assert encoded not in text
    assert "[REDACTED:deep-" in exported
    # the commit holds it still: the patch of it that goes out does not
    assert json.loads(exported)["outcome"]["patch"].count("[REDACTED:deep-") == 2
    assert repo.trace("scan") == "nothing found in 1 trace\n"
    assert "1 redacted" in repo.trace("verify")
