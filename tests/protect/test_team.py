"""A team's own rules: what is wrong with a file is said, with the row; what may be slow is refused."""

from pathlib import Path

import pytest

from gittrace.errors import TraceError
from gittrace.protect import team
from gittrace.protect.redactor import BUILTIN, Redactor
from gittrace.protect.team import BadRule

GOOD = """
[[rule]]
name = "acme-key"
keywords = ["acme_", "ACME-"]
pattern = '(?:acme_|ACME-)(?P<s>[a-z0-9]{8})'
hits = ["x acme_01234567", "ACME-abcdefgh"]
misses = ["acme_short"]

[[rule]]
name = "employee"
keywords = ["badge no"]
pattern = 'badge no\\.? (?P<s>\\d{6})'
ignore_case = true
hits = ["BADGE NO 123456"]
"""


def _load(tmp_path: Path, text: str) -> list[object]:
    path = tmp_path / "rules.toml"
    path.write_text(text)
    return list(team.load(str(path), ["jwt"]))


def test_its_rules_apply(tmp_path: Path) -> None:
    path = tmp_path / "rules.toml"
    path.write_text(GOOD)
    redactor = Redactor((*BUILTIN, *team.load(str(path), [])), b"k")
    out, hits = redactor.text("a acme_01234567 b\nBadge No. 654321\nacme_no\n")
    assert [rule for rule, _ in hits] == ["acme-key", "employee"]
    assert out.startswith("a acme_[REDACTED:acme-key:")
    assert "654321" not in out
    assert redactor.text(out) == (out, [])
    long = "y" * 300_000 + " acme_01234567 " + "z" * 300_000
    assert "01234567" not in redactor.text(long)[0]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules = 1", "unknown key 'rules'"),
        ("[[rule]", "Expected"),
        ("rule = 3", "holds no list"),
        ("[[rule]]\nname = 'Bad Name'", "rule 1 ('Bad Name'): 'name' is small letters"),
        ("[[rule]]\nname = 'jwt'", "rule 1 ('jwt'): there is a rule of that name"),
        ("[[rule]]\nname = 'x1'", "'pattern' is a regular expression"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\ncolour = 1", "unknown key 'colour'"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\nhits = ['abc']", "'keywords' are texts"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\nkeywords = ['ab']\nhits = ['abc']", "'keywords' are texts"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\nkeywords = ['abc']", "'hits' are samples"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\nkeywords = ['abc']\nhits = 'abc'", "'hits' is a list of texts"),
        ("[[rule]]\nname = 'x1'\npattern = 'abc'\nkeywords = ['abc']\nhits = ['xyz']", "its sample 'xyz' is not found"),
        (
            "[[rule]]\nname = 'x1'\npattern = 'abc'\nkeywords = ['abc']\nhits = ['abc']\nmisses = ['abcd']",
            "should not be",
        ),
        ("[[rule]]\nname = 'x1'\npattern = 'a('\nkeywords = ['abc']\nhits = ['abc']", "bad pattern"),
    ],
)
def test_a_wrong_file_is_refused(tmp_path: Path, text: str, why: str) -> None:
    with pytest.raises(TraceError) as refused:
        _load(tmp_path, text)
    assert str(tmp_path / "rules.toml") in str(refused.value)
    assert why in str(refused.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(TraceError, match="no such file"):
        team.load(str(tmp_path / "none"), [])


@pytest.mark.parametrize(
    "pattern",
    [
        b"(a+)+b", b"a*", b"x.*y", b"(?:a|aa)+", b"a{1,}", b"(a{1,9}){1,9}b", b"[a-z]{1,100}[a-z]{1,100}",
        b"(?>a{1,99}a{1,99})", b"a{1,20000}",
    ],
)  # fmt: skip
def test_what_may_be_slow_is_refused(pattern: bytes) -> None:
    with pytest.raises(BadRule):
        team._check(pattern)


@pytest.mark.parametrize(
    "pattern", [b"a{32}", b"x[a-z]{16,64}", b"(?:live|test)_[0-9a-f]{8,200}", b"a{1,200}+b{1,200}"]
)
def test_what_is_quick_is_taken(pattern: bytes) -> None:
    team._check(pattern)
