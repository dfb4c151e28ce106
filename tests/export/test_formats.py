"""What every format promises, checked for every row of the table."""

import json

import pytest

from gittrace.errors import UsageError
from gittrace.export.formats import DEFAULT, FORMATS, load
from gittrace.model.trace import Outcome, RepoFacts, assemble
from tests.export import sample

NAMES = [row.name for row in FORMATS]


@pytest.mark.parametrize("name", NAMES)
class TestEveryFormat:
    def test_a_trace_becomes_json_lines(self, name: str) -> None:
        lines = list(load(name).lines(sample.a_trace(), sample.OUTCOME, sample.FACTS))
        assert lines
        for line in lines:
            assert line.splitlines() == [line]
            row = json.loads(line)
            # loaders of datasets take rows with these for another format
            assert not {"type", "message", "payload"} & set(row)

    def test_the_same_trace_gives_the_same_bytes(self, name: str) -> None:
        one, two = (list(load(name).lines(sample.a_trace(), sample.OUTCOME, sample.FACTS)) for _ in range(2))
        assert one == two

    def test_nothing_is_known_but_the_events(self, name: str) -> None:
        head = {key: sample.header(sample.PERSON)[key] for key in ("kind", "id", "at", "index")}
        events = [{"kind": kind, "id": sample.event_id(1), "at": head["at"]} for kind in ("command", "edit", "reply")]
        trace = assemble([sample.segment(sample.PERSON, head, events)])
        assert list(load(name).lines(trace, Outcome(), RepoFacts()))

    def test_text_of_any_kind_is_written(self, name: str) -> None:
        odd = "caf\udce9 \x00 \x1b[1m \u2028 \x85 \U0001f600"
        fields = {"stdout": odd, "reasoning": odd, "cwd": odd, "branch": odd, "diff": sample.DIFF.replace("add", odd)}
        events = [sample.command(1, odd, "2") | fields | {"argv": [odd], "skipped": [{"path": odd}]}]
        trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON, title=odd, branch=odd), events)])
        (line,) = load(name).lines(trace, Outcome(), RepoFacts())
        assert line.splitlines() == [line]
        assert "caf\\\\xe9" in line

    def test_a_diff_that_is_not_utf8_keeps_its_bytes(self, name: str) -> None:
        data = sample.DIFF.encode().replace(b"a + b", b"'\xe9\xff'")
        events = [sample.command(1, "make", "2", diff=data.decode("latin-1"), diff_encoding="latin-1")]
        trace = assemble([sample.segment(sample.PERSON, sample.header(sample.PERSON), events)])
        (line,) = load(name).lines(trace, Outcome(), RepoFacts())
        assert json.dumps(data.decode("latin-1"), ensure_ascii=False)[1:-1] in line
        assert '"latin-1"' in line


def test_the_default_is_a_format_and_others_are_refused() -> None:
    assert DEFAULT in NAMES
    with pytest.raises(UsageError, match="unknown format 'atif'"):
        load("atif")
