"""Lines that are the work of a person and of an agent (gittrace/trace/authorship/hands.py)."""

import json

import pytest

from gittrace.model.attribution import Writer
from gittrace.trace.authorship.hands import blended, edited
from gittrace.trace.authorship.versions import Birth
from gittrace.trace.recording.session import Agent, start
from tests.support.recording import TEN, Recording
from tests.trace.authorship.test_attribution import added

AGENT = "    total = add_up(prices, currency=currency)\n"
CHANGED = "    total = add_up(prices, currency=options.currency)\n"
OTHER = "    raise NotImplementedError('later')\n"


def by(who: str, agent: str = "human") -> Writer:
    """Return a writer."""
    return Writer("t", "s", 0, "e", "", "diff", who, agent)


def who_wrote(work: Recording) -> dict[str, tuple[str, str]]:
    """Return for each line that HEAD adds to `a` whose it is, and the agent."""
    pieces = [piece for piece in added(work, "HEAD", "a") if piece.writer]
    return {
        text.decode(): (piece.writer.who, piece.writer.agent)
        for piece in pieces
        if piece.writer
        for text in piece.texts
    }


def agent_writes(work: Recording, text: str) -> str:
    """Let an agent write in a session of its own, and return the trace."""
    trace = start(work.here, None, agent=Agent("robot", model="maker/robot-1")).trace_id
    work.did("agent", a=text)
    work.stop()
    return trace


def test_a_persons_change_of_an_agents_line(work: Recording) -> None:
    trace = agent_writes(work, TEN + AGENT + OTHER)
    work.start(trace_id=trace)
    work.did("person", a=TEN + CHANGED + "    return total\n")
    work.commit()
    work.stop()
    assert who_wrote(work) == {
        CHANGED.rstrip("\n"): ("mixed", "robot"),
        "    return total": ("human", "human"),
    }
    (record,) = [json.loads(line) for line in work.repo.trace("export", trace).splitlines()]
    conversations = record["attribution"]["files"][0]["conversations"]
    assert [item["contributor"] for item in conversations] == [{"type": "mixed", "agent": "robot"}, {"type": "human"}]
    # both are of the event in which the person wrote them
    assert {item["url"] for item in conversations} == {conversations[0]["url"]}
    assert "robot+A U Thor" in work.repo.trace("blame", "a")
    lines = json.loads(work.repo.trace("blame", "--json", "a"))
    assert [line["event"]["contributor"] for line in lines if line["event"]] == ["mixed", "human"]


def test_an_agents_change_of_a_persons_line_and_back(work: Recording) -> None:
    work.start()
    work.did("person", a=TEN + AGENT)
    work.stop()
    agent_writes(work, TEN + CHANGED)
    work.commit()
    assert who_wrote(work) == {CHANGED.rstrip("\n"): ("mixed", "robot")}


def test_what_stands_as_it_was_written_is_of_one(work: Recording) -> None:
    """Another's line beside, the line moved, indented, or written by two people."""
    agent_writes(work, TEN + AGENT)
    work.start()
    work.did("person", a=f"    {AGENT}{TEN}{OTHER}")
    work.commit()
    assert who_wrote(work) == {f"    {AGENT}".rstrip("\n"): ("ai", "robot"), OTHER.rstrip("\n"): ("human", "human")}
    work.did("again", a=f"    {AGENT}{TEN}{OTHER.replace('later', 'much later')}")
    work.commit()
    assert {who for who, _ in who_wrote(work).values()} == {"human"}


def test_a_formatter_joins_lines_of_both(work: Recording) -> None:
    trace = agent_writes(work, TEN + "total = add_up(\n    the_prices_of_today,\n)\n")
    work.start(trace_id=trace)
    work.did("person", a=TEN + "total = add_up(\n    the_prices_of_today,\n    currency_of_the_shop,\n)\n")
    work.stop()
    joined = "total = add_up(the_prices_of_today, currency_of_the_shop)\n"
    work.write(a=TEN + joined)
    work.commit()
    assert who_wrote(work) == {joined.rstrip("\n"): ("mixed", "robot")}


@pytest.mark.parametrize(
    ("old", "new", "text", "expected"),
    [
        ("ai", "human", "total = add_up(some)", "mixed"),
        ("mixed", "ai", "total = add_up(some)", "mixed"),
        ("ai", "human", "return compute(some)", "human"),
        ("ai", "ai", "total = add_up(some)", "ai"),
        ("unknown", "human", "total = add_up(some)", "human"),
        ("ai", "unknown", "total = add_up(some)", "unknown"),
    ],
)
def test_edited(old: str, new: str, text: str, expected: str) -> None:
    was = Birth(by(old, "robot"), b"total = add_up(all)")
    (birth,) = edited([(b"total = add_up(all)", was), (None, None)], [text.encode()], by(new))
    assert (birth.writer.who, birth.text) == (expected, text.encode())


def test_a_block_written_anew_is_of_who_wrote_it() -> None:
    many = [(b"value number %d" % number, Birth(by("ai"), b"")) for number in range(100)]
    births = edited(many, [b"value number 1000"], by("human"))
    assert [birth.writer.who for birth in births] == ["human"]


def test_blended() -> None:
    one, other = Birth(by("human"), b"one"), Birth(by("ai", "robot"), b"other")
    assert blended(one, [one, None]) is one
    assert blended(one, [one, other]).writer == by("mixed", "robot")
    assert blended(one, [one, other]).text == b"one"
