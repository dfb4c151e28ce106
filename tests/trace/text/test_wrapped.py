"""Lines that a formatter wraps otherwise between event and commit, or later (gittrace/trace/text/wrapped.py)."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gittrace.trace.text.fingerprint import line_of, telling_run
from gittrace.trace.text.wrapped import Rows, _matched, matched, sources
from tests.support.formatters import collapsed, exploded, quoted
from tests.support.recording import Recording
from tests.trace.authorship.test_attribution import attributor, blamed, every
from tests.trace.authorship.test_attribution import words as words_of
from tests.trace.outcomes import DIVERGED, TOOL, link_to, outcome, tiers

LONG = """\
def report(numbers):
    average = compute_average(numbers, ignore_missing=True, weights=None)
    spread = compute_spread(numbers, around=average, population='whole')
    return average, spread
"""
WRAPPED = exploded(quoted(LONG), 60)
OTHERS = """\
def others_do_this(values):
    outcome = another_function(
        values,
        ignore_missing=True,
        by_another_person=True,
    )
    return outcome
"""


def written(work: Recording, text: str) -> str:
    """Record a session that writes a file, and return its trace; nothing is committed."""
    trace = work.start().trace_id
    work.did("agent", report=text)
    work.stop()
    return trace


SIDES = st.lists(
    st.sampled_from([b"", b"}", b"(", b"else", b"one", b"two", b"first", b"onetwo", b"firstone", b"elseone"])
)


@given(SIDES, SIDES, st.sampled_from([None, True, False]), st.data())
def test_what_is_looked_into_is_all_that_can_match(
    old: list[bytes], new: list[bytes], wrapped: bool | None, data: st.DataObject
) -> None:
    of = data.draw(st.none() | st.sets(st.sampled_from(range(len(old))))) if old else None
    rows = Rows(list(map(line_of, old)), of)
    assert matched(old, new, of, wrapped) == _matched(rows, list(map(line_of, new)), wrapped)


words = st.lists(st.text("abcdefghijklmnopqrstuvwxyz", min_size=6, max_size=9), min_size=2, max_size=30, unique=True)


@given(words, st.data())
def test_rows_are_found_however_words_are_wrapped(some: list[str], data: st.DataObject) -> None:
    def wrap() -> list[bytes]:
        lines: list[list[str]] = [[]]
        for word in some:
            lines[-1].append(word)
            if data.draw(st.booleans()):
                lines.append([])
        return [" ".join(line).encode() for line in lines if line]

    old, new = wrap(), wrap()
    one, other = [line_of(line) for line in old], [line_of(line) for line in new]
    whole = Rows(one)
    matched = {at for _, row in whole.find(other) for at in range(row.start, row.end)}
    same = {at for at, line in enumerate(new) if line.replace(b" ", b"") in {text.replace(b" ", b"") for text in old}}
    assert matched | same == set(range(len(new)))
    for was, row in whole.find(other):
        assert b"".join(old[was.start : was.end]).replace(b" ", b"") == b"".join(new[row.start : row.end]).replace(
            b" ", b""
        )
        places = sources(one[was.start : was.end], other[row.start : row.end])
        assert places == sorted(places)
        assert all(0 <= place.first <= place.main <= place.last < was.end - was.start for place in places)


PIECES = st.sampled_from(["", "alpha", "beta", "alphabeta", "gammadelta", "betagamma", "delta"])


@given(st.lists(PIECES, max_size=12), st.lists(PIECES, max_size=12), st.sets(st.integers(0, 11)))
def test_the_first_and_shortest_rows_are_found(old: list[str], new: list[str], of: set[int]) -> None:
    """As they are when each row of either is compared with each of the other."""

    def rows(texts: list[str]) -> list[tuple[int, int]]:
        pairs = [(start, end) for start in range(len(texts)) for end in range(start + 1, len(texts) + 1)]
        return [(start, end) for start, end in pairs if texts[start] and texts[end - 1]]

    lines = [line_of(text.encode()) for text in old]
    telling = {
        (start, end) for start, end in rows(old) if of.intersection(range(start, end)) and telling_run(lines[start:end])
    }
    found = Rows(lines, of & set(range(len(old)))).find([line_of(text.encode()) for text in new])
    expected, behind = [], 0
    for start, end in rows(new):
        alike = [row for row in rows(old) if row in telling and "".join(old[slice(*row)]) == "".join(new[start:end])]
        if start >= behind and alike:
            expected.append((min(alike), (start, end)))
            behind = end
    assert [((was.start, was.end), (now.start, now.end)) for was, now in found] == expected


def test_what_says_nothing_is_no_row() -> None:
    brackets, braces = [line_of(line) for line in (b")", b"(", b"x")], [line_of(line) for line in (b"x)", b"(")]
    assert list(Rows(brackets).find(braces)) == []


@pytest.mark.parametrize("session", [True, False])
def test_split_before_the_commit(work: Recording, session: bool) -> None:
    trace = written(work, LONG)
    if session:
        work.start(trace_id=trace)
    work.write(report=WRAPPED)
    commit = work.commit()
    if session:
        work.stop()
    found = outcome(work, trace)
    if session:
        assert tiers(found) == {commit: TOOL}  # the session found what the formatter had done, and committed it
        return
    assert tiers(found) == {commit: DIVERGED}
    link = link_to(found, commit)
    assert "8 lines wrapped differently" in link.evidence
    assert (link.share, link.alive_share) == (1.0, 1.0)
    assert found.fate is not None
    assert found.fate.shares == {"alive": 0.5, "transformed": 0.5}


def test_joined_before_the_commit(work: Recording) -> None:
    trace = written(work, WRAPPED)
    work.write(report=collapsed(WRAPPED, 100))
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert "2 lines wrapped differently" in link_to(found, commit).evidence
    assert link_to(found, commit).share == 1.0
    assert found.fate is not None
    assert set(found.fate.shares) == {"alive", "transformed"}


def test_all_of_it_wrapped(work: Recording) -> None:
    """Not one line is left as it was written."""
    text = LONG.splitlines(keepends=True)[1].strip() + "\n"
    trace = written(work, text)
    work.write(report=exploded(text, 20))
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert found.commit_sha == commit
    assert found.fate is not None
    assert (found.fate.word, link_to(found, commit).alive) == ("transformed", True)


def test_gone_again(work: Recording) -> None:
    trace = written(work, LONG)
    work.write(report=WRAPPED)
    commit = work.commit()
    work.git("revert", "--no-edit", "HEAD")
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert (link_to(found, commit).alive, found.fate and found.fate.word) == (False, "reverted")


def test_amended_by_a_formatter(work: Recording) -> None:
    trace = work.start().trace_id
    work.did("agent", report=LONG)
    old = work.commit()
    work.stop()
    work.write(report=WRAPPED)
    new = work.commit("work", "--amend")
    found = outcome(work, trace)
    assert (tiers(found), tiers(found, reachable=False)) == ({new: DIVERGED}, {old: TOOL})
    assert link_to(found, new).share == 1.0


def test_another_persons_lines_are_not_taken(work: Recording) -> None:
    """Some of them hold the same arguments, and one begins like a call of the trace."""
    trace = written(work, LONG)
    work.write(report=WRAPPED + OTHERS)
    both = work.commit()
    work.write(report=WRAPPED + OTHERS + "average = compute_average(\n    others,\n    ignore_missing=True,\n)\n")
    theirs = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {both: DIVERGED}
    assert theirs not in tiers(found)
    added = len((WRAPPED + OTHERS).splitlines())
    assert link_to(found, both).share == round((added - len(OTHERS.splitlines())) / added, 4)


@pytest.mark.parametrize("how", [lambda text: exploded(text, 60), quoted, lambda text: text.replace("    ", "\t")])
def test_a_formatter_over_what_others_wrote_is_no_writer(work: Recording, how: Callable[[str], str]) -> None:
    """It has taken lines away, and written none."""
    work.write(report=LONG)
    work.commit("others")
    trace = work.start().trace_id
    work.did("black", report=how(LONG))
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    link = link_to(found, commit)
    assert (link.evidence, link.share) == (("1 run of removed lines",), 0.0)


def test_a_formatter_over_what_others_wrote_beside_ones_own(work: Recording) -> None:
    work.write(report=LONG)
    work.commit("others")
    trace = work.start().trace_id
    own = "\ndef a_function_of_ones_own(argument):\n    return argument + 1\n"
    work.write(report=LONG + own)
    work.did("black", report=exploded(LONG, 60) + own)
    commit = work.commit()
    work.stop()
    found = outcome(work, trace)
    assert tiers(found) == {commit: TOOL}
    assert link_to(found, commit).share == round(2 / 12, 4)
    assert found.fate is not None
    assert found.fate.lines == 2


def test_a_formatter_over_the_same_in_two_sessions(work: Recording) -> None:
    """Each from what others had committed: the second is no work of the first."""
    work.write(report=LONG)
    base = work.commit("others")
    traces: list[str] = []
    for _ in range(2):
        work.git("checkout", "-q", "-B", f"format{len(traces)}", base)
        traces.append(work.start().trace_id)
        work.did("black", report=exploded(LONG, 60))
        commit = work.commit(f"format {len(traces)}")
        work.stop()
        assert tiers(outcome(work, traces[-1])) == {commit: DIVERGED}


def test_a_line_that_was_changed_is_not_wrapped(work: Recording) -> None:
    text = LONG.splitlines(keepends=True)[1].strip() + "\n"
    trace = written(work, text)
    work.write(report=exploded(text.replace("weights=None", "weights=weights"), 20))
    work.commit()
    assert tiers(outcome(work, trace)) == {}


def test_what_was_there_and_a_commit_only_wraps(work: Recording) -> None:
    """A trace that wrote the same line again has no part in the commit that wraps it."""
    work.write(report=LONG)
    work.commit()
    trace = written(work, LONG + "\n" + LONG)
    work.write(report=WRAPPED)
    work.commit()
    assert tiers(outcome(work, trace)) == {}


def test_wrapped_before_it_was_written(work: Recording) -> None:
    """Cause comes before effect: who typed it again, joined, has no part in the earlier commit."""
    work.write(report=WRAPPED)
    work.git("add", "-A")
    date = "2020-01-01T00:00:00Z"
    work.git("commit", "-q", "-m", "before", env={"GIT_COMMITTER_DATE": date, "GIT_AUTHOR_DATE": date})
    trace = work.start().trace_id
    work.did("agent", report=LONG)
    work.stop()
    work.git("checkout", "-q", "report")
    assert tiers(outcome(work, trace)) == {}


SCRIPT = """\
export function total(prices, options) {
  const sum = addUp(prices.filter(isPaid), {currency: options.currency})
  return formatPrice(sum, 'short')
}
"""
PRETTY = """\
export function total(prices, options) {
  const sum = addUp(prices.filter(isPaid), {
    currency: options.currency,
  });
  return formatPrice(sum, "short");
}
"""


def test_a_script_made_pretty(work: Recording) -> None:
    trace = written(work, SCRIPT)
    work.write(report=PRETTY)
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert link_to(found, commit).share == 1.0
    assert set(blamed(work, "report").values()) == {"agent"}


@pytest.mark.parametrize(("before", "after"), [(LONG, WRAPPED), (WRAPPED, collapsed(WRAPPED, 100))])
def test_blame_of_wrapped_lines(work: Recording, before: str, after: str) -> None:
    written(work, before)
    work.write(report=after)
    work.commit()
    assert set(blamed(work, "report").values()) == {"agent"}
    with attributor(work) as (made, _):
        lines = every(work, made, b"report")
    sure = [line.sure for line in lines if line]
    changed = [line.original is not None for line in lines if line]
    assert [one == "medium" for one in sure] == changed
    assert "medium" in sure


def test_blame_of_what_others_wrote_beside(work: Recording) -> None:
    written(work, LONG)
    work.write(report=OTHERS + WRAPPED)
    work.commit()
    others = OTHERS.splitlines()
    with attributor(work) as (made, names):
        assert words_of(every(work, made, b"report"), names) == [None] * len(others) + ["agent"] * 12


def test_a_recorded_formatter_writes_nothing(work: Recording) -> None:
    work.write(report=OTHERS)
    work.commit()
    work.start()
    work.did("agent", report=OTHERS + LONG)
    work.did("black", report=collapsed(OTHERS, 100) + WRAPPED)
    work.commit()
    work.stop()
    with attributor(work) as (made, names):
        lines = words_of(every(work, made, b"report"), names)
    size = len(collapsed(OTHERS, 100).splitlines())
    assert lines == [None] * size + ["agent"] * 12


def test_a_recorded_formatter_writes_no_short_line(work: Recording) -> None:
    """What a line says may be next to nothing: where it stands tells whose it is."""
    others = "hint = ''\nif (self.cmd is not None):\n    use('a')\n"
    work.write(report=others)
    work.commit("others")
    work.start()
    work.did("black", report=quoted(others))
    work.commit()
    work.did("agent", report=quoted(others) + "own = ''\n")
    work.commit()
    work.did("black", report=quoted(others + "own = ''\n"))
    work.commit()
    work.stop()
    with attributor(work) as (made, names):
        assert words_of(every(work, made, b"report"), names) == [None, None, None, "agent"]


def test_a_later_wrapping_leaves_lines_whose_they_are(work: Recording) -> None:
    """The commit that only formats is nobody's, and its lines are still those of who wrote them."""
    written(work, LONG)
    work.commit()
    work.write(report=WRAPPED)
    work.commit("style: wrap")
    assert set(blamed(work, "report").values()) == {"agent"}
