"""Lines in which secrets were masked are known by the contents that the diffs name."""

from dataclasses import replace

import pytest

from gittrace.git.objects import open_objects
from gittrace.git.patch import FilePatch, Hunk
from gittrace.trace.produced.unmasked import unmasked
from tests.support.recording import TEN, Recording
from tests.trace.authorship.test_attribution import clone_with_notes
from tests.trace.outcomes import DIVERGED, TOOL, link_to, numbered, outcome, tiers

SECRET = "db_password = hunter2xyzzy9\n"
OTHER = "api_token = Zq7xP2mN4kL8vB3tYw5u\n"
MASK = b"[REDACTED:password:0123abcd]"


def test_a_commit_of_nothing_but_secrets(work: Recording, monkeypatch: pytest.MonkeyPatch) -> None:
    trace = work.start().trace_id
    work.did(settings=SECRET + OTHER, a=TEN + SECRET)
    commit = work.commit()
    work.stop()
    for here in (work, clone_with_notes(work, monkeypatch)):
        found = outcome(here, trace)
        assert tiers(found) == {commit: TOOL}
        assert link_to(found, commit).share == 1.0
        assert found.fate is not None
        assert (found.fate.word, found.fate.lines) == ("alive", 3)
        assert found.patch is not None
        assert found.patch.count("hunter2xyzzy9") == 2
    (text,) = {str(event.get("effect")) for event in work.pieces()[0].events if event.get("effect")}
    assert "REDACTED" in text
    assert "hunter2xyzzy9" not in text


def test_a_later_commit_of_another_content(work: Recording) -> None:
    """The content that the diff names was never committed; it is here as long as the snapshot is."""
    trace = work.start().trace_id
    work.did(a=TEN + SECRET)
    work.stop()
    work.write(a=TEN + SECRET + numbered("another hand"))
    commit = work.commit()
    found = outcome(work, trace)
    assert tiers(found) == {commit: DIVERGED}
    assert link_to(found, commit).share == 0.5


def test_who_brings_in_another_secret_has_none_of_it(work: Recording) -> None:
    trace = work.start().trace_id
    work.did(a=TEN + SECRET)
    work.stop()
    work.write(a=TEN + "db_password = correcthorse1\n")
    work.commit()
    assert tiers(outcome(work, trace)) == {}


def test_what_was_there_before_is_nobodys(work: Recording) -> None:
    work.write(a=TEN + SECRET)
    before = work.commit("by hand")
    trace = work.start().trace_id
    work.did(b=SECRET)
    commit = work.commit()
    work.stop()
    found = tiers(outcome(work, trace))
    assert before not in found
    assert set(found) <= {commit}


def _file(work: Recording, content: str, *lines: bytes) -> FilePatch:
    work.write(x=content)
    oid = work.git("hash-object", "-w", "x")
    hunk = Hunk(0, 0, 1, len(lines), tuple(b"+" + line for line in lines))
    return FilePatch("add", None, b"x", None, 0o100644, None, oid, (hunk,))


@pytest.mark.parametrize(
    ("masked", "known"),
    [
        (b"db_password = " + MASK + b"\n", True),
        (MASK + b" = hunter2xyzzy9\n", True),
        (b"db_" + MASK + b" = " + MASK + b"\n", True),
        (b"db_" + MASK + b" =" + MASK + b"xyzzy9\n", True),
        (b"db_" + MASK + b"= =" + MASK + b"\n", False),
        (b"other = " + MASK + b"\n", False),
        (b"db_password = " + MASK + b"; more\n", False),
        (b"db_password = " + MASK, False),
        (b"db_password = [REDACTED:\n", False),
    ],
)
def test_a_line_is_read_if_what_was_left_of_it_stands_there(work: Recording, masked: bytes, known: bool) -> None:
    file = _file(work, SECRET + "another\n", masked, b"another\n")
    with open_objects(work.here) as objects:
        (found,) = unmasked([file], objects)
    assert found.hunks[0].lines == (b"+" + (SECRET.encode() if known else masked), b"+another\n")


def test_what_is_not_here_stays_masked(work: Recording) -> None:
    file = _file(work, SECRET, b"db_password = " + MASK + b"\n")
    short = replace(file, hunks=(replace(file.hunks[0], new_start=7),))
    tree = work.git("rev-parse", "HEAD^{tree}")
    with open_objects(work.here) as objects:
        for one in (replace(file, new_oid="1" * 40), replace(file, new_oid=None), replace(file, new_oid=tree), short):
            assert unmasked([one], objects) == [one]
