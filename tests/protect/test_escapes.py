"""What is coloured is the same text: a secret in it is found, and nothing else is changed."""

import random
import re

import pytest

from gittrace.protect.escapes import Plain, without_escapes
from gittrace.protect.redactor import BUILTIN, Redactor
from gittrace.protect.rules import Rule
from gittrace.protect.suspicion import is_suspect
from tests.protect.samples import both, fill

REDACTOR = Redactor(BUILTIN, b"k" * 32)
CODES = ["\x1b[0m", "\x1b[m\x1b[K", "\x1b[01;31m\x1b[K", "\x1b[38;5;12m", "\x1b[38:2::1:2:3m", "\\u001b[31m"]
TOKEN = fill("ghp_{a36}")


def _coloured(text: str, source: random.Random, most: int) -> str:
    for at in sorted((source.randrange(len(text) + 1) for _ in range(source.randint(1, most))), reverse=True):
        text = text[:at] + source.choice(CODES) + text[at:]
    return text


@pytest.mark.parametrize("rule", [rule for rule in BUILTIN if "\x1b" not in str(rule.hits)], ids=lambda rule: rule.name)
def test_a_secret_in_colours_is_found(rule: Rule) -> None:
    source = random.Random(rule.name)
    for sample in rule.hits:
        text, secret = both(sample, "1")
        coloured = _coloured(f"a {text} b", source, 4)
        out, hits = REDACTOR.text(f"before\n{coloured}\nafter\n")
        assert hits, coloured
        assert secret not in without_escapes(out.encode()).decode()
        assert is_suspect(coloured.encode())
        assert REDACTOR.text(out) == (out, [])
        assert out.startswith("before\n")
        assert out.endswith("\nafter\n")


def test_it_has_the_tag_of_the_plain_one() -> None:
    plain = REDACTOR.text(TOKEN)[0]
    assert REDACTOR.text(f"{TOKEN[:9]}\x1b[1m{TOKEN[9:]}")[0] == plain
    assert REDACTOR.text(f"\x1b[31m{TOKEN[:1]}\x1b[1m{TOKEN[1:]}\x1b[0m!")[0] == f"\x1b[31m{plain}\x1b[0m!"


def test_what_grep_and_jq_print() -> None:
    out, _ = REDACTOR.text(f"\x1b[01;31m\x1b[Kghp_\x1b[m\x1b[K{TOKEN[4:]} x")
    assert re.fullmatch(r"\x1b\[01;31m\x1b\[K\[REDACTED:github-token:[0-9a-f]{8}\] x", out)
    out, _ = REDACTOR.text('\x1b[34;1m"password"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;32m"hunter2xyz9"\x1b[0m')
    assert "hunter2" not in out
    assert out.startswith('\x1b[34;1m"password"\x1b[0m')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-32-le"])
def test_text_in_another_encoding(encoding: str) -> None:
    """It was taken for UTF-8 or Latin-1, by a tool that gave it back: a zero byte parts no word."""
    text = f"token = {TOKEN}\npassword: 'h2nter-fn'\nend\n".encode(encoding).decode("latin-1")
    for form in (text, text.replace("\0", "\\u0000")):
        out, hits = REDACTOR.text(form)
        assert [rule for rule, _ in hits] == ["github-token", "password"]
        assert hits[0] == REDACTOR.text(TOKEN)[1][0]
        plain = without_escapes(out.encode()).decode()
        assert TOKEN not in plain
        assert "h2nter" not in plain
        assert plain.endswith("\nend\n")
        assert REDACTOR.text(out) == (out, [])


@pytest.mark.parametrize("size", [1000, 300_000])
def test_in_a_long_line(size: int) -> None:
    out, hits = REDACTOR.text(f"{'x ' * size}{TOKEN[:20]}\x1b[1m{TOKEN[20:]}{' y' * size}")
    assert [rule for rule, _ in hits] == ["github-token"]
    assert out.count("x ") == out.count(" y") == size


@pytest.mark.parametrize("seed", range(30))
def test_places_are_those_of_the_text(seed: int) -> None:
    source = random.Random(seed)
    lines = ["".join(source.choice(["ab", "c", *CODES, *"de"]) for _ in range(source.randrange(9))) for _ in range(12)]
    lines = [source.choice([line, "plain", ""]) for line in lines]
    text = "\n".join(lines).encode()
    plain = Plain(text)
    told = [line for line in text.split(b"\n") if without_escapes(line) != line]
    assert plain.text.split(b"\n")[: len(told)] == list(map(without_escapes, told))
    for at in range(len(plain.text)):
        assert text[plain.place(at)] == plain.text[at]
