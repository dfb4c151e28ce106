"""What goes into the journal has no secret that the rules know; they are loaded only when a text is suspect."""

import json
import re
import sys
from typing import Any

import pytest

from gittrace.protect import masking
from gittrace.protect.cleaning import Cleaner
from gittrace.protect.masking import masked_early, may_hold_secrets
from gittrace.protect.redactor import BUILTIN, Redactor
from gittrace.protect.rules import Rule
from tests.protect.samples import both, fill
from tests.protect.test_false_alarms import LINES
from tests.support.recording import Recording
from tests.support.repo import Repo

SAMPLES = [(rule, sample) for rule in BUILTIN for sample in rule.hits]
PEM = "-----BEGIN RSA PRIVATE KEY-----\n{b64}\n{b64}\n{b24}==\n-----END RSA PRIVATE KEY-----\n"


def _fields(text: str) -> list[dict[str, Any]]:
    """Return events that have a text in each place where one can be."""
    return [
        {"stdout": f"a line\n{text}\nanother\n"},
        {"command": text, "cwd": "src"},
        {"argv": ["make", text]},
        {"reasoning": f"because of {text}"},
        {"agent": {"name": text}},
        {"skipped": [{"path": text}]},
    ]


@pytest.mark.parametrize("seed", ["1", "2"])
@pytest.mark.parametrize(("rule", "sample"), SAMPLES, ids=lambda value: getattr(value, "name", None))
def test_no_secret_is_journaled_in_any_field(rule: Rule, sample: "str | tuple[str, str]", seed: str) -> None:
    text, secret = both(sample, seed)
    cleaner = Cleaner(Redactor(BUILTIN, b"k" * 32))
    for event in _fields(text):
        assert may_hold_secrets(event)
        assert secret not in json.dumps(cleaner.event(event), ensure_ascii=False) or rule.name == "private-key"


@pytest.mark.parametrize("word", ["--password", "--token", "-api-key"])
def test_a_word_behind_an_option_is_suspect(word: str) -> None:
    assert may_hold_secrets({"argv": ["deploy", word, fill("{a32}")]})


def test_a_key_over_several_lines_is_suspect_wherever_it_was_cut() -> None:
    lines = fill(PEM).splitlines()
    for first in range(3):
        assert may_hold_secrets({"stdout": "\n".join(lines[first:])})
    for last in range(2, len(lines)):
        assert may_hold_secrets({"stdout": "\n".join(lines[:last])})


@pytest.mark.parametrize("rule", BUILTIN, ids=lambda rule: rule.name)
def test_each_keyword_has_a_word(rule: Rule) -> None:
    for keyword in (word.decode() for word in rule.keywords if rule.name != "discord-token"):
        exact = not rule.fold and any(word in keyword for word in masking._WORDS)
        assert exact or any(word in keyword.lower() for word in masking._WORDS_OF_ANY_CASE)


def test_most_output_is_not_suspect() -> None:
    # these are lines that look as if
    lines = [line for line in LINES.split("\n") if line.strip()]
    suspect = [line for line in lines if may_hold_secrets({"stdout": fill(line)})]
    assert len(suspect) < len(lines) / 2, suspect


def test_what_is_not_suspect_loads_no_rule(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("gittrace.protect.redactor", "gittrace.protect.redaction"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    event = {"stdout": "the key of this is: a token, and auth = none\n"}
    assert masked_early(work.here, event) is event
    assert "gittrace.protect.redactor" not in sys.modules


@pytest.mark.parametrize(
    "text", ["api_key={a32}", '"auth": "{b24}=="', "signing-key: {b43}=", "AccessToken = '{a40}'", "glrt-{w20}"]
)
def test_the_journal_of_a_recorded_command_has_none(repo: Repo, text: str) -> None:
    said = fill(text)
    repo.commit("a.py", "x = 1\n")
    repo.trace("start")
    repo.trace("run", "-m", said, "--", "echo", said)
    repo.trace("note", "-m", said)
    (journal,) = (repo.top / ".git/trace/sessions").glob("*.jsonl")
    secret = max(said.replace("=", " ").replace('"', " ").replace("'", " ").split(), key=len)
    assert len(secret) >= 20
    assert secret not in journal.read_text()
    assert journal.read_text().count("[REDACTED:") >= 3


TEAM = """
[[rule]]
name = "whale"
keywords = ["blue-whale-"]
pattern = 'blue-whale-\\d{1,9}'
hits = ["blue-whale-7"]

[[rule]]
name = "deer"
keywords = ["Red-Deer-"]
ignore_case = true
pattern = 'red-deer-\\d{1,9}'
hits = ["red-deer-7"]
"""


def _by_choice(repo: Repo) -> list[str]:
    (repo.top / ".git/rules.toml").write_text(TEAM)
    repo.git("config", "trace.redact.rules", ".git/rules.toml")
    repo.git("config", "trace.redact.email", "true")
    repo.git("config", "trace.redact.home", "true")
    return ["blue-whale-12", "RED-deer-34", "ann.b@mail.example.com", "/home/annabel/x", "C:\\Users\\annabel\\x"]


@pytest.mark.parametrize("number", range(5))
def test_what_is_masked_by_choice_is_not_journaled(repo: Repo, number: int) -> None:
    said = _by_choice(repo)[number]
    repo.commit("a.py", "x = 1\n")
    repo.trace("start", "-m", said)
    repo.trace("run", "-m", said, "--", "echo", f"{said} is here")
    repo.trace("note", "-m", said)
    repo.write("a.py", "x = 2\n")
    repo.git("commit", "-qam", f"work on {said}")
    repo.trace("stop", "-m", said)
    (journal,) = (repo.top / ".git/trace/sessions").glob("*.jsonl")
    text = journal.read_text()
    assert (said if number < 3 else "annabel") not in text
    assert text.count("[REDACTED:") == 8


def test_rules_of_a_team_are_loaded_for_their_words_only(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    _by_choice(work.repo)
    work.here.forget_config()
    event = {"stdout": "nothing of it, mail to nobody@localhost\n"}
    # the first time they are read, since nobody knows their words
    assert masked_early(work.here, event) == event
    # they are back before anything imports them: a second one would be other modules' own
    with monkeypatch.context() as unloaded:
        for name in ("gittrace.protect.redactor", "gittrace.protect.redaction", "gittrace.protect.team"):
            unloaded.delitem(sys.modules, name, raising=False)
        assert masked_early(work.here, event) is event
        assert "gittrace.protect.redaction" not in sys.modules
    assert "blue" not in masked_early(work.here, {"stdout": "a blue-whale-1"})["stdout"]
    # another file has other words, whoever wrote it and when
    path = work.repo.top / ".git/rules.toml"
    path.write_text(TEAM.replace("blue-whale", "grey-whale"))
    assert "grey" not in masked_early(work.here, {"stdout": "a grey-whale-1"})["stdout"]
    assert masked_early(work.here, {"stdout": "a blue-whale-1"}) == {"stdout": "a blue-whale-1"}


def test_rules_of_a_team_that_cannot_be_read_leave_the_others(work: Recording) -> None:
    _by_choice(work.repo)
    work.here.forget_config()
    path = work.repo.top / ".git/rules.toml"
    token = fill("ghp_{a36}")
    for bad in ("no toml", None):
        path.write_text(bad) if bad else path.unlink()
        masked = masked_early(work.here, {"stdout": f"a blue-whale-1 {token} ann@example.com"})["stdout"]
        assert masked.startswith("a blue-whale-1 [REDACTED:github-token:")
        assert "example" not in masked


@pytest.mark.parametrize(
    "word",
    [
        'it\'s "api_key": "{a20}\'{a20}" ok',
        'password="{a9}\'{a9}"',
        '{"password": "ab\'{a12}$"}',
        "$(it's) passphrase: `{a9}'{a9}`",
    ],
)
def test_quotes_of_a_shell_hide_nothing(repo: Repo, word: str) -> None:
    """What is masked in a word is masked in the command that it was typed in."""
    said = fill(word)
    repo.commit("a.py", "x = 1\n")
    repo.trace("start")
    repo.trace("run", "--", "true", "first", said, said, "last")
    (journal,) = (repo.top / ".git/trace/sessions").glob("*.jsonl")
    event = json.loads(journal.read_text().splitlines()[-1])
    masked = event["argv"][2]
    pieces = [piece for piece in re.findall(r"[A-Za-z0-9]{9,}", said) if piece not in masked]
    assert "[REDACTED:" in masked
    assert pieces
    for piece in pieces:
        assert piece not in event["command"]
    assert event["command"].startswith("true first ")
    assert event["command"].endswith(" last")
    assert event["command"].count("[REDACTED:") >= 2
