"""The deeper scanner: the real one where it is installed, and one in its place that fails in every way."""

import base64
import re
import shutil
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.errors import TraceError
from gittrace.protect import deep
from gittrace.protect.deep import DeepRedactor, DeepScanner, Unscanned
from gittrace.protect.found import PLACEHOLDER
from gittrace.protect.redactor import BUILTIN, Redactor
from tests.protect.samples import both, fill

KEY = b"k" * 32
KNOWN_THERE = fill("rdme_{h70}")
"""What our rules don't know and Kingfisher does."""

real = pytest.mark.skipif(not deep.version(), reason="kingfisher-secret-scanner is not installed")


@pytest.fixture(scope="module")
def redactor() -> DeepRedactor:
    return DeepRedactor(BUILTIN, KEY)


@real
def test_it_finds_what_our_rules_do_not_know(redactor: DeepRedactor) -> None:
    text = f"first é\nuse {KNOWN_THERE} now\n"
    assert Redactor(BUILTIN, KEY).text(text)[1] == []
    assert redactor.finds(["x", text])
    out, ((rule, tag),) = redactor.text(text)
    assert out == f"first é\nuse [REDACTED:{rule}:{tag}] now\n"
    assert PLACEHOLDER.fullmatch(f"[REDACTED:{rule}:{tag}]".encode())
    assert rule.startswith("deep-")
    assert redactor.text(out) == (out, [])
    assert not redactor.finds([out, "nothing to tell"])


@real
@pytest.mark.parametrize("rule", BUILTIN, ids=lambda rule: rule.name)
def test_what_our_rules_masked_is_nothing_to_it(redactor: DeepRedactor, rule: Any) -> None:
    """Else what was redacted would be held back all the same: a part of a placeholder can look like a password."""
    for sample in rule.hits:
        text, _ = both(sample)
        for before in ("", "x = ", "+    ", "export A="):
            masked, _ = redactor.text(f"{before}{text}\n")
            assert redactor.text(masked) == (masked, [])


MANUAL = [
    "postgres://user:password@localhost/db",
    "postgres://username:password@db.internal:5432/db",
    "mysql://root:changeme@127.0.0.1/x",
    "mongodb://admin:secret@localhost:27017/test",
    "redis://:password@localhost:6379",
]


@real
@pytest.mark.parametrize("url", MANUAL)
def test_examples_of_a_manual_are_no_secrets(redactor: DeepRedactor, url: str) -> None:
    text = f"e.g. `{url}`\n{url}\n"
    assert DeepScanner().find(text.encode())
    assert redactor.text(text) == (text, [])
    assert not redactor.finds([text])
    # a word is a secret nowhere; what is beside it may be one
    out, hits = redactor.text(f"{text}{KNOWN_THERE} {url}\n")
    assert len(hits) == 1
    assert KNOWN_THERE not in out


class _Saying(DeepScanner):
    """A deeper scanner that says of one text that it is a secret."""

    def __init__(self, secret: str) -> None:
        self.secret = secret.encode()

    def find(self, data: bytes) -> list[deep.Span]:
        start = data.find(self.secret)
        return [(start, start + len(self.secret), "deep-x")] if start >= 0 else []


@pytest.mark.parametrize(
    ("secret", "text", "is_example"),
    [
        ("password", "a://u:password@h", True),
        ("password", "the password of", True),
        ("your-password", "a://u:your-password@h", True),
        ("your-password", "key your-password", False),
        ("a://u:password@h", "a://u:password@h", True),
        ("a://u:password@h:1/db", "a://u:password@h:1/db", True),
        ("a://u:password@h/x?key=1234", "a://u:password@h/x?key=1234", False),
        ("a://u:password@h/T0K3N", "a://u:password@h/T0K3N", False),
        ("a://u:p4ssw0rd@h", "a://u:p4ssw0rd@h", False),
        ("x1y2z3", "a://u:password@h x1y2z3", False),
        ("@h x1y2z3", "a://u:password@h x1y2z3", False),
    ],
)
def test_an_example_is_what_our_rules_let_pass_there(secret: str, text: str, is_example: bool) -> None:
    redactor = DeepRedactor([], KEY)
    redactor._scanner = _Saying(secret)
    out, hits = redactor.text(f"x {text} y")
    assert bool(hits) != is_example
    assert (secret in out) == is_example


@real
def test_what_is_encoded_is_masked_with_what_encodes_it(redactor: DeepRedactor) -> None:
    encoded = base64.b64encode(f"use {KNOWN_THERE} now".encode()).decode()
    out, (_hit,) = redactor.text(f'a\ncert = "{encoded}"\nb\n')
    assert re.fullmatch(r'a\ncert = "\[REDACTED:deep-[a-z0-9-]+:[0-9a-f]{8}\]"\nb\n', out)


@real
def test_what_looks_like_utf_16_is_masked(redactor: DeepRedactor) -> None:
    text = f"a {KNOWN_THERE} b\nc d\n".encode("utf-16-le").decode("latin-1")
    assert KNOWN_THERE in text.replace("\0", "")
    out, hits = redactor.text(text)
    assert hits
    assert KNOWN_THERE not in out.replace("\0", "")
    assert out.count("\n") == text.count("\n")


@real
def test_halves_of_pairs_do_not_hide_it(redactor: DeepRedactor) -> None:
    out, hits = redactor.text(f"\ud800 {KNOWN_THERE} \udfff")
    assert hits
    assert KNOWN_THERE not in out


@real
def test_a_secret_over_lines_stays_so_many_lines_of_a_diff(redactor: DeepRedactor) -> None:
    # our own reader of keys is off, so that the other one has it
    body = fill("-----BEGIN RSA PRIVATE KEY-----\n+{b64}\n+{b60}\n+{b62}\n+-----END RSA PRIVATE KEY-----")
    out, _ = redactor.text(f"@@ -0,0 +1,5 @@\n+{body}\n context\n", skip=frozenset(["private-key"]))
    first, *lines = out.split("\n")
    assert first == "@@ -0,0 +1,5 @@"
    assert lines[-2:] == [" context", ""]
    assert all(line.startswith("+[REDACTED:deep-") for line in lines[:5])


@real
def test_what_is_allowed_is_left() -> None:
    masked, ((rule, tag),) = DeepRedactor(BUILTIN, KEY).text(KNOWN_THERE)
    assert masked != KNOWN_THERE
    assert DeepRedactor(BUILTIN, KEY, frozenset([tag])).text(KNOWN_THERE) == (KNOWN_THERE, [])
    assert DeepRedactor(BUILTIN, KEY).text(KNOWN_THERE, frozenset([rule])) == (KNOWN_THERE, [])


PIECES = [
    KNOWN_THERE, KNOWN_THERE[:30], fill("ghp_{a36}"), "password=hunter22x", "\n", "+", " ", '"', "key = ", "é", "\0",
    base64.b64encode(KNOWN_THERE.encode()).decode(), "https://x:y1z2w3v4@example.com/", "[REDACTED:jwt:0123abcd]",
]  # fmt: skip


@real
@given(st.lists(st.sampled_from(PIECES), max_size=12).map("".join))
def test_lines_stay_and_again_it_changes_nothing(redactor: DeepRedactor, text: str) -> None:
    out, hits = redactor.text(text)
    assert out.count("\n") == text.count("\n")
    assert redactor.text(out) == (out, [])
    assert bool(hits) == redactor.finds([text])


@real
def test_it_is_not_waited_for_without_end(monkeypatch: pytest.MonkeyPatch, redactor: DeepRedactor) -> None:
    monkeypatch.setattr(deep, "SECONDS", 1e-6)
    with pytest.raises(Unscanned, match="did not end within"):
        redactor.text("token = a b c\n" * 100_000)


@real
@pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")
def test_it_asks_nobody() -> None:
    """Whatever it finds, no socket is opened: nothing is validated."""
    code = f"from gittrace.protect.deep import *; print(len(DeepScanner().find(b'{KNOWN_THERE} {fill('ghp_{a36}')}')))"
    if subprocess.run(["strace", "-qq", "-e", "trace=none", "true"], capture_output=True).returncode:
        pytest.skip("strace may not trace here")
    argv = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", sys.executable, "-c", code]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr, done.returncode) == ("2\n", "", 0)


class Broken:
    """Stands in for the module: what it is to do when it is made, and when it scans."""

    def __init__(self, made: Exception | None = None, scans: Exception | None = None, finding: Any = None) -> None:
        self.made, self.scans, self.finding = made, scans, finding

    def Rules(self, confidence: str) -> str:  # noqa: N802 - as the module has it
        if self.made:
            raise self.made
        return confidence

    def Scanner(self, rules: str) -> "Broken":  # noqa: N802
        assert rules == "medium"
        return self

    def scan(self, data: bytes, timeout: float) -> list[Any]:
        assert timeout == deep.SECONDS
        if self.scans:
            raise self.scans
        return [self.finding]


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Any:
    def put(broken: Broken) -> None:
        monkeypatch.setitem(sys.modules, "kingfisher_sdk", broken)
        deep._compiled.cache_clear()

    yield put
    deep._compiled.cache_clear()


def test_one_that_cannot_be_started_is_told_in_a_line(stand_in: Any) -> None:
    stand_in(Broken(made=ImportError("libfoo.so.3: cannot open\nmore of it")))
    with pytest.raises(TraceError) as told:
        DeepScanner()
    assert str(told.value) == "cannot start the deeper scanner: libfoo.so.3: cannot open"
    assert "kingfisher-secret-scanner" in str(told.value.hint)


@pytest.mark.parametrize("error", [TimeoutError("x"), RuntimeError(KNOWN_THERE), AttributeError("scan")])
def test_one_that_fails_lets_nothing_pass(stand_in: Any, error: Exception) -> None:
    stand_in(Broken(scans=error))
    with pytest.raises(Unscanned) as told:
        DeepRedactor(BUILTIN, KEY).text("all is well")
    assert KNOWN_THERE not in str(told.value)


@pytest.mark.parametrize("where", [(0, 3), (5, 5), (-4, 400), (90, 100)])
def test_a_place_that_is_wrong_is_not_trusted(stand_in: Any, where: tuple[int, int]) -> None:
    finding = SimpleNamespace(
        visible=True,
        rule_id="Acme/Zebra.1",
        secret="zebra",
        is_base64_encoded=False,
        location={"start_offset": where[0], "end_offset": where[1]},
    )
    stand_in(Broken(finding=finding))
    assert DeepScanner().find(b"the zebra") == [(4, 9, "deep-acme-zebra-1")]
    assert DeepScanner().find(b"nothing") == [(0, 7, "deep-acme-zebra-1")]
