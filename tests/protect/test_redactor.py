"""The engine: its answer depends on the text alone, and what it made it leaves alone."""

import random
import re
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gittrace.protect import redactor as redactor_module
from gittrace.protect import scanner as scanner_module
from gittrace.protect.beside import CHOSEN
from gittrace.protect.found import PLACEHOLDER, Found, merged
from gittrace.protect.redactor import BUILTIN, ENVIRONMENT, Redactor, Stream
from gittrace.protect.rules import Rule
from tests.protect.samples import both, fill

KEY = b"k" * 32
VALUE = b"correct horse/battery.Staple"
ALL = (*BUILTIN, *CHOSEN, Rule(ENVIRONMENT, [VALUE, b"AKIA"], None))
REDACTOR = Redactor(ALL, KEY)
PEM = (
    "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\n{b64}\n{b64}\n{b24}==\n-----END RSA PRIVATE KEY-----\n"
)

SAMPLES = [both(sample, seed)[0] for rule in ALL for sample in rule.hits for seed in "ab"]
PIECES = st.one_of(
    st.sampled_from(
        [*SAMPLES, fill(PEM), fill("+{b64}\n"), fill("{b64}\n"), "[REDACTED:jwt:0123abcd]", VALUE.decode()]
    ),
    st.sampled_from(
        [*(word.decode() for rule in ALL for word in rule.keywords), *"=:\"' \n\t@/.-_\\[]<>(),;+", "\\n", "\n\n"]
    ),
    st.sampled_from(
        ["GIT binary patch\nliteral 3\nKcmZ>x\n\n", "-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----\n"]
    ),
    st.text(alphabet="abcXYZ019_-=: \n", max_size=12),
    st.sampled_from(["x" * 50, "é", "\udc80", "\x00", "\r\n", "\x1b[31m"]),
)
TEXTS = st.lists(PIECES, max_size=12).map("".join)
MORE = settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)


def _in_pieces(data: bytes, cuts: list[int]) -> bytes:
    stream = Stream(REDACTOR)
    out, at = [], 0
    for cut in sorted(cut % (len(data) + 1) for cut in cuts):
        out.append(stream.feed(data[at:cut]))
        at = cut
    return b"".join([*out, stream.feed(data[at:]), stream.close()])


@MORE
@given(TEXTS, st.lists(st.integers(0, 10_000), max_size=8))
def test_it_does_not_matter_how_the_text_is_cut(text: str, cuts: list[int]) -> None:
    data = text.encode("utf-8", "surrogatepass")
    assert _in_pieces(data, cuts) == REDACTOR.data(data)[0]


@MORE
@given(TEXTS)
def test_doing_it_twice_changes_nothing(text: str) -> None:
    once, _ = REDACTOR.text(text)
    assert REDACTOR.text(once) == (once, [])


@MORE
@given(TEXTS)
def test_lines_stay_lines(text: str) -> None:
    out, _ = REDACTOR.text(text)
    assert out.count("\n") == text.count("\n")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have long lines at a size that a test can afford."""
    monkeypatch.setattr(redactor_module, "BLOCK", 3000)
    monkeypatch.setattr(redactor_module, "CONTEXT", 1500)
    monkeypatch.setattr(redactor_module, "_REACH", 700)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("seed", range(12))
def test_long_lines_are_as_short_ones(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    source = random.Random(seed)
    parts = []
    size = 0
    while size < 40_000:
        parts.append(source.choice((*SAMPLES, "x" * source.randrange(400), "lorem ipsum", "\n" * (size % 97 == 0))))
        size += len(parts[-1])
    data = " , ".join(parts).encode()
    cuts = [source.randrange(len(data)) for _ in range(40)]
    monkeypatch.setattr(redactor_module, "BLOCK", 3000)
    found = _in_pieces(data, cuts)
    assert found == REDACTOR.data(data)[0]
    monkeypatch.setattr(redactor_module, "BLOCK", 1 << 30)
    assert found == _in_pieces(data, [])


CHAINS = [
    "shpat_{h32}",
    "ghp_{a255}",
    "bkua_{h40}sk-or-v1-{h64}NRAK-{u27}",
    "glsa_{a32}_{h8}",
    "dop_v1_{h64}",
    "xshpat_{h32}",
]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("unit", CHAINS)
@pytest.mark.parametrize("size", [100, 2900, 3100, 20_000])
def test_tokens_in_a_row_are_as_if_alone(unit: str, size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in a line of windows, wherever these end, and however it was cut."""
    text = fill(unit)
    data = (text * (size // len(text) + 1)).encode()
    out = REDACTOR.data(data)[0]
    assert out == _in_pieces(data, list(range(0, len(data), 997)))
    assert REDACTOR.data(out) == (out, [])
    monkeypatch.setattr(redactor_module, "BLOCK", 1 << 30)
    assert out == REDACTOR.data(data)[0]
    # one that is part of a word is none, and so is what follows it
    assert (out == data) == text.startswith("x")
    if unit in ("shpat_{h32}", "dop_v1_{h64}"):
        assert PLACEHOLDER.sub(b"", out) in (b"", data)


ENDLESS = [
    "x-auth-token=a1",
    "pwd=abcdef1:",
    "-ya29.aZ9",
    "token=aK9xQ2:",
    "-sk-ant-",
    "cookie: a=b",
    "password=a1:token=Zq7xP2mN4kL8vB3t:",
]


@pytest.mark.parametrize("unit", ENDLESS)
def test_secrets_without_an_end_are_masked_in_all_windows(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each begins in the one before it: what goes on behind a window is masked in the next."""
    data = unit.encode() * (280_000 // len(unit))
    out = REDACTOR.data(data)[0]
    assert unit.encode() not in out
    assert len(PLACEHOLDER.sub(b"", out)) < 40
    assert out == _in_pieces(data, list(range(0, len(data), 69_991)))
    monkeypatch.setattr(redactor_module, "BLOCK", 1 << 30)
    assert out == _in_pieces(data, [])


@pytest.mark.parametrize(
    "unit",
    [
        *CHAINS,
        "pwd=abcdef1 ",
        "a://b:c1d2@",
        "x@tcp(",
        "a:b@tcp(:",
        "curl -u a:b1c2 ",
        "{a3}8Q~{a34}",
        "pcsk_",
        "tvly-",
        "AIza{a34}-",
        "-{d9}:AA{w32}-",
    ],
)
def test_a_line_is_looked_at_a_few_times(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is masked may reveal more; never again and again, or a line would take its square."""
    looked = 0
    original = scanner_module.Scanner._find

    def counting(*args: Any) -> list[Found]:
        nonlocal looked
        looked += 1
        return original(*args)

    monkeypatch.setattr(scanner_module.Scanner, "_find", counting)
    out, _ = REDACTOR.text(fill(unit) * 300)
    assert looked < 8
    assert "endless" not in out


def test_a_line_without_an_end_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redactor_module, "_PASSES", 1)
    monkeypatch.setattr(scanner_module.Scanner, "spans_of_lines", lambda self, buf: merged(self.find(buf)))
    token = fill("shpat_{h32}")
    out, hits = REDACTOR.text(f"before\n{token * 4} x\nafter {token}\n")
    assert re.fullmatch(
        r"before\n\[REDACTED:endless:[0-9a-f]{8}\]\nafter \[REDACTED:shopify-token:[0-9a-f]{8}\]\n", out
    )
    assert ("endless", out.split(":")[2][:8]) in hits


def test_memory_is_bounded() -> None:
    stream = Stream(REDACTOR)
    longest = 0
    for number in range(200):
        stream.feed(b"x=" + b"y" * (1 << 15) if number % 3 else fill("ghp_{a36},").encode() * 900)
        held = len(stream._rest) + (len(stream._long._buf) if stream._long else 0)
        longest = max(longest, held)
    assert longest < 1 << 19


def test_equal_secrets_have_equal_tags_and_other_keys_other_tags() -> None:
    token = fill("ghp_{a36}")
    out, ((_, tag), (_, again)) = REDACTOR.text(f"{token}\nTOKEN='{token}'\n")
    assert tag == again
    assert out == f"[REDACTED:github-token:{tag}]\nTOKEN='[REDACTED:github-token:{tag}]'\n"
    assert Redactor(ALL, b"other").text(token)[1][0][1] != tag


@pytest.mark.parametrize(
    "prefix", ["", "+", "-", " ", "app_1  | ", "2024-05-01T10:00:00.000Z ", "    ", '  "', "> "], ids=repr
)
def test_a_key_goes_whole_whatever_stands_in_front_of_its_lines(prefix: str) -> None:
    lines = fill(PEM).splitlines()
    text = "before\n" + "".join(f"{prefix}{line}\n" for line in lines) + "after\n"
    out, ((rule, tag),) = REDACTOR.text(text)
    assert rule == "private-key"
    mark = f"[REDACTED:private-key:{tag}]"
    masked = [f"{prefix}{mark if line else ''}" for line in lines]
    assert [line.rstrip() for line in out.splitlines()] == ["before", *(line.rstrip() for line in masked), "after"]


@pytest.mark.parametrize(("first", "last"), [(0, 5), (3, 7), (1, 6), (4, 7)])
def test_a_key_that_was_cut_short_goes_too(first: int, last: int) -> None:
    lines = fill(PEM).splitlines()[first:last]
    if not any("PRIVATE KEY" in line for line in lines):
        pytest.skip("nothing says that it is a key")
    out, _ = REDACTOR.text("before\n" + "\n".join(lines) + "\nthe rest is prose\nok\n")
    assert out.endswith("\nthe rest is prose\nok\n")
    for line in lines:
        assert len(line) < 40 or line not in out


def test_equal_keys_have_equal_tags_however_they_are_printed() -> None:
    lines = fill(PEM).splitlines(keepends=True)
    plain = REDACTOR.text("".join(lines))[1]
    diff = REDACTOR.text("".join(f"+{line}" for line in lines))[1]
    assert plain == diff


def test_a_certificate_and_a_public_key_stay() -> None:
    text = fill(
        "-----BEGIN CERTIFICATE-----\n{b64}\n{b64}\n{b20}\n-----END CERTIFICATE-----\nssh-ed25519 AAAA{b64} ann@host\n"
    )
    assert Redactor(BUILTIN, KEY).text(text) == (text, [])


def test_who_speaks_of_keys_is_left_alone() -> None:
    begin, end = (f"if line == '-----{word} PRIVATE KEY-----':\n    seen = True\n" for word in ("BEGIN", "END"))
    text = begin + end
    assert REDACTOR.text(text) == (text, [])


def test_what_is_allowed_is_left_alone() -> None:
    token = fill("ghp_{a36}")
    ((_, tag),) = REDACTOR.text(token)[1]
    assert Redactor(ALL, KEY, frozenset((tag,))).text(f"{token} x") == (f"{token} x", [])
    assert REDACTOR.text(token, frozenset(("github-token",))) == (token, [])


def test_binary_patches_are_left_alone() -> None:
    # 52 bytes of base85 that read like an assignment
    line = "zpwd=" + "q1w2e3r4t5" * 6 + "x"
    patch = f"diff --git a/x b/x\nindex 1..2 100644\nGIT binary patch\nliteral 52\n{line}\n\nliteral 0\nHcmV?d00001\n\n"
    assert REDACTOR.text(patch) == (patch, [])
    # what only pretends to be one is text
    assert REDACTOR.text(f"GIT binary patch\n{line}x\n")[1]
    assert REDACTOR.text(f"{patch}diff --git a/y b/y\n+{line}\n")[1]


@pytest.mark.parametrize(
    "unit",
    [
        "token=",
        "password: ",
        "://a:",
        "eyJ",
        "sk-",
        "-----BEGIN ",
        'key="',
        "--token ",
        "@tcp(",
        "\\n",
        "a.aaaaaa.",
        "curl -u ",
    ],
)
def test_work_grows_with_the_text_and_no_faster(unit: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A keyword costs its line, up to a bound: counted, not timed."""

    def tried(count: int) -> int:
        looked = 0
        original = scanner_module._Tried.found

        def counting(self: scanner_module._Tried, runs: Any, places: list[int], *args: Any) -> list[Any]:
            nonlocal looked
            looked += len(places)
            return original(self, runs, places, *args)

        monkeypatch.setattr(scanner_module._Tried, "found", counting)
        REDACTOR.text(unit * count)
        monkeypatch.setattr(scanner_module._Tried, "found", original)
        return looked

    # the last ones lack what must follow them: so it is what more of them cost that is compared
    few, more, many = tried(200), tried(400), tried(1600)
    assert many - few <= 7 * (more - few) + 16


@pytest.mark.parametrize(
    "unit", [*ENDLESS, "pwd:", "token=", "key=", "auth:", "password=", "a://b:c@d ", "-eyJ", "curl "]
)
def test_time_grows_with_the_text_and_no_faster(unit: str) -> None:
    def took(size: int) -> float:
        data = unit.encode() * (size // len(unit))
        times = []
        for _ in range(3):
            began = time.process_time()
            REDACTOR.data(data)
            times.append(time.process_time() - began)
        return min(times)

    # ten times the text: a hundred times the work, if it grew with the square
    assert took(100_000) < 30 * took(10_000) + 0.05


@example("[REDACTED:password:0123abcd]")
@given(st.text(max_size=30))
def test_placeholders_are_inert(text: str) -> None:
    mark = "[REDACTED:github-token:0123abcd]"
    assert PLACEHOLDER.fullmatch(mark.encode())
    out, _ = REDACTOR.text(f"{text}{mark}")
    assert mark in out
