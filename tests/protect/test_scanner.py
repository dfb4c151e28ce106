"""What the search leaves out is nothing that a rule would find: it is compared with trying every rule everywhere."""

import random
import re
from collections.abc import Iterable, Iterator
from itertools import product

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gittrace.protect.beside import BESIDE, CHOSEN
from gittrace.protect.escapes import has_escapes
from gittrace.protect.found import PLACEHOLDER, Found, merged
from gittrace.protect.readers import cut_reader, reader
from gittrace.protect.redactor import BUILTIN
from gittrace.protect.rules import Rule
from gittrace.protect.runs import Runs
from gittrace.protect.scanner import Scanner, _Tried
from tests.protect.by_pattern import by_pattern
from tests.protect.samples import both

TEAM = Rule("team", [b"acme_", b"xoxb-"], rb"(?:acme_|xoxb-)[a-z]{3,9}", line=True)
VALUES = Rule("environment", [b"correct horse/battery.Staple", b"q_~w-", b"AKIA", b"=hunter2"], None)
ALL = (*BUILTIN, *CHOSEN, TEAM, VALUES)
SCANNER = Scanner(ALL)
MORE = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def _everywhere(rules: tuple[Rule, ...], buf: bytes, low: int = 0, high: int = 1 << 60) -> list[tuple[int, int, int]]:
    """Return what all patterns find that are tried at every keyword of theirs: where, and of which rule."""
    return _covered(_each(rules, buf, low, high))


def _each(rules: tuple[Rule, ...], buf: bytes, low: int = 0, high: int = 1 << 60) -> set[Found]:
    found: set[Found] = set()
    runs = Runs(buf)
    for rank, rule in enumerate(rules):
        text = buf.lower() if rule.fold else buf
        for keyword in rule.keywords:
            for place in re.finditer(b"(?=%s)" % re.escape(keyword), text):
                at = place.start()
                if not low <= at < high:
                    continue
                if rule.pattern is None or rule.line:
                    found.update(_Tried(rule, rank).found(runs, [at], len(keyword)))
                elif span := by_pattern(rule, runs, at):
                    found.add(Found(*span, rank, at))
    return found


def _covered(found: Iterable[Found]) -> list[tuple[int, int, int]]:
    return [one[:3] for one in merged(sorted(found, key=lambda one: (one.start, -one.end, one.rank)))]


def _assert_found(text: bytes, found: list[tuple[int, int, int]], wanted: list[tuple[int, int, int]]) -> None:
    if has_escapes(text):
        # what a terminal shows of it is looked at too, where what is apart may be one
        assert all(any(low <= start and end <= high for low, high, _ in found) for start, end, _ in wanted)
    else:
        assert found == wanted


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
MASKED = b"[REDACTED:jwt:0123abcd]"
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
    found, wanted = _covered(SCANNER.find(text)), _everywhere(ALL, text)
    _assert_found(text, found, wanted)


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
    found = Scanner((rule,)).find(text)
    matched = _everywhere((rule,), text)
    if has_escapes(text):
        # what it says without them is looked at as well
        assert all(any(one.start <= start and end <= one.end for one in found) for start, end, _ in matched)
        return
    assert _covered(found) == matched
    for one in found:
        # so much room there must be, or it is not looked for in front of a placeholder
        assert one.end - one.at >= rule.room
        assert text.startswith(rule.closed, one.end)


@MORE
@example(b"cookie: a=bcdefghi %b cookie: b=b1b2b3b4b5; %b cookie: c=c1c2c3c4c5%b" % (MASKED, b"x" * 200, b"y" * 200))
@given(st.lists(PIECES | st.sampled_from([MASKED, b"cookie: a=", b"--password ", b"://a:"]), max_size=12).map(b"".join))
def test_what_touches_a_placeholder_hides_no_other(text: bytes) -> None:
    if has_escapes(text):
        return
    marks = [match.span() for match in PLACEHOLDER.finditer(text)]
    blanked = PLACEHOLDER.sub(lambda match: b"[" + b"\x01" * (len(match[0]) - 2) + b"]", text)
    free = [
        one
        for one in _each(ALL, blanked)
        if not any(start < one.end and min(one.at, one.start) < end for start, end in marks)
    ]
    assert _covered(SCANNER.find(text)) == _covered(free)


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
    found = Scanner(BESIDE).find(text)
    assert _covered(found) == _everywhere(BESIDE, text)
    assert len(found) > 1000


@MORE
@given(st.lists(PIECES, max_size=10).map(b"".join), st.integers(0, 200), st.integers(0, 200))
def test_what_begins_in_a_part_is_found_by_looking_at_that_part(text: bytes, low: int, size: int) -> None:
    high = low + size
    found, wanted = _covered(SCANNER.find(text, low, high)), _everywhere(ALL, text, low, high)
    _assert_found(text, found, wanted)


RUNS = [rule for rule in BUILTIN if reader(rule).within]


@pytest.mark.parametrize("rule", RUNS, ids=lambda rule: rule.name)
def test_of_a_run_what_can_be_a_token_is_read(rule: Rule) -> None:
    """Keywords in a row, and behind them as much of a run as makes one of them a token, or too little, or too much."""
    cut = cut_reader(rule)
    bounds = {cut.narrowest, cut.widest} if cut else {11, 1003}
    found = 0
    for keyword, joint, often in product(rule.keywords[:3], (b"", b"-", b"x"), (1, 7)):
        sizes = {max(0, bound - len(keyword) + more) for bound in bounds for more in (-1, 0, 1)}
        for size, front, end in product(sizes, (b"", b"a1B2" * 19), (b"", b" ", b".a1B2c3D4e5.x", b".a1B2c3")):
            text = front + (joint + keyword) * often + (b"0f1e2d3c4b5a6978" * 63)[:size] + end
            spans = _covered(SCANNER.find(text))
            assert spans == _everywhere(ALL, text)
            found += len(spans)
    assert found


DENSE = [
    *(word.decode() for word in KEYWORDS if word.isascii()),
    "password=", "pwd:", "token: ", "api_key=", "-sk-ant-", ".eyJ", "curl -u a:b1 ", "curl ", "-u ",
    "authorization=Bearer ",
    "cookie: a=", "://a:b1@c", "login x password ", "=", ":", '"', "'", " ", ",", "; ", "\n", "a1", "x",
    "Zq7xP2mN4kL8vB3t",
    "0123456789abcdef", "b", "rb", "]", "\\", "-", ".", "str = ", "é", "<", ">",
]  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_dense_text_is_read_as_its_patterns_read_it(seed: int) -> None:
    """Few pieces, many times: secrets go over the names of the next ones, and over what a pattern takes in."""
    source = random.Random(seed)
    pieces = source.sample(DENSE, source.choice((1, 2, 3, 4, 6)))
    often = source.choice((60, 400, 2500)) if len(pieces) < 3 else 400
    text = "".join(source.choice(pieces) for _ in range(often)).encode()[:24_000]
    assert _covered(SCANNER.find(text)) == _everywhere(ALL, text)
