"""What the search leaves out is nothing that a rule would find: it is compared with trying every rule everywhere."""

import re
from collections.abc import Iterator
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gittrace.protect.beside import BESIDE, CHOSEN
from gittrace.protect.redactor import BUILTIN
from gittrace.protect.rules import Rule
from gittrace.protect.scanner import Found, Scanner, _Tried
from tests.protect.samples import both

TEAM = Rule("team", [b"acme_", b"xoxb-"], rb"(?:acme_|xoxb-)[a-z]{3,9}", line=True)
VALUES = Rule("environment", [b"correct horse/battery.Staple", b"q_~w-", b"AKIA", b"=hunter2"], None)
ALL = (*BUILTIN, *CHOSEN, TEAM, VALUES)
SCANNER = Scanner(ALL)
MORE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _everywhere(rules: tuple[Rule, ...], buf: bytes) -> set[Found]:
    found: set[Found] = set()
    for rank, rule in enumerate(rules):
        tried = _Tried(rule, rank)
        text = buf.lower() if rule.fold else buf
        for keyword in rule.keywords:
            places = (match.start() for match in re.finditer(b"(?=%s)" % re.escape(keyword), text))
            found.update(one for at in places for one in tried.found(buf, at, len(keyword)))
    return found


def _matches(rule: Rule) -> st.SearchStrategy[bytes]:
    """Return what a rule's pattern matches, the shortest above all."""
    # hypothesis knows no possessive repeats; what they refuse to take back is refused by the rule again
    pattern = re.sub(rb"(\}|\*|\?)\+", rb"\1", rule.pattern or b"")
    keywords = st.sampled_from(rule.keywords)
    return st.from_regex(re.compile(pattern)) if pattern else keywords


SAMPLES = [both(sample, seed)[0].encode() for rule in ALL for sample in (*rule.hits, *rule.misses) for seed in "ab"]
KEYWORDS = [word for rule in ALL for word in rule.keywords]
MARKS = [
    b"=",
    b":",
    b'"',
    b"'",
    b"`",
    b"\\",
    b'\\"',
    b" ",
    b"\t",
    b"\n",
    b",",
    b"(",
    b"]",
    b">",
    b":=",
    b"=>",
    b"s",
    b"_",
    b"-",
    b"@",
    b"/",
    b".",
]
PIECES = st.one_of(
    st.sampled_from(SAMPLES),
    st.sampled_from(KEYWORDS),
    st.sampled_from([word.upper() for word in KEYWORDS]),
    st.sampled_from(MARKS),
    st.sampled_from([b"a1B2" * 4, b"a1B2c3D4" * 5, b"x" * 39, b"x" * 40, b"x" * 41, b"0f" * 16, b"b" * 3, b"c9" * 8]),
    st.binary(max_size=6),
)


@MORE
@given(st.lists(PIECES, max_size=10).map(b"".join))
def test_the_search_leaves_nothing_out(text: bytes) -> None:
    assert set(SCANNER.find(text)) == _everywhere(ALL, text)


@pytest.mark.parametrize("rule", [rule for rule in ALL if not rule.line], ids=lambda rule: rule.name)
@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_it_finds_whatever_a_pattern_matches(rule: Rule, data: st.DataObject) -> None:
    match = data.draw(_matches(rule))
    text = (
        data.draw(st.sampled_from([b"", b" ", b"x", b"\\n", b"0", b"-", b"--"]))
        + match
        + data.draw(st.sampled_from([b"", b" ", b"\n", b"x", b"=="]))
    )
    assert set(Scanner((rule,)).find(text)) == _everywhere((rule,), text)


def _assignments() -> Iterator[bytes]:
    """Yield names, separators and values in all their looks, the values as long as they must be and one less."""
    names = (
        b"password",
        b"PASSWD",
        b"pwd",
        b"--passphrase",
        b"api_key",
        b"--Token",
        b"client-secret",
        b"auth",
        b"Authorization",
    )
    rests = (b"", b"_data", b"s", b"2", b"_" * 39, b"_" * 41)
    befores = (
        b"=",
        b": ",
        b" := ",
        b" => ",
        b": str = ",
        b": Optional[str] = ",
        b" ",
        b", ",
        b"(",
        b">",
        b"==",
        b"::",
        b'":',
        b'\\":',
        b"']=",
    )
    value = b"q7Rk2Xw9ZbT4mVc8"
    for name, rest, before, size in product(names, rests, befores, (3, 4, 5, 6, 15, 16)):
        for quote in (b"", b'"', b"'", b"`", b'\\"', b'b"'):
            yield name + rest + before + quote + value[:size] + quote[-2 if quote[:1] == b"\\" else -1 :]


def test_values_of_any_look_are_found() -> None:
    text = b"\n".join(_assignments())
    found = set(Scanner(BESIDE).find(text))
    assert found == _everywhere(BESIDE, text)
    assert len(found) > 1000


@MORE
@given(st.lists(PIECES, max_size=10).map(b"".join), st.integers(0, 200), st.integers(0, 200))
def test_what_begins_in_a_part_is_found_by_looking_at_that_part(text: bytes, low: int, size: int) -> None:
    high = low + size
    assert set(SCANNER.find(text, low, high)) == {one for one in _everywhere(ALL, text) if low <= one.at < high}
