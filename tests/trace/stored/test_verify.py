"""Trees rebuilt from diffs alone."""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from gittrace.git.diff import diff_trees
from gittrace.git.objects import EMPTY_TREE, FILE, SYMLINK, ObjectStore, open_objects
from gittrace.trace.stored.verify import CANNOT, MISMATCH, OK, Step, rebuild
from tests.support.repo import Repo, hermetic_environment, make_repo
from tests.support.trees import Tree, opened, write_trees

LINES = b"".join(b"%d\n" % n for n in range(1, 31))
HISTORY: list[Tree] = [
    {b"a": (FILE, LINES), b"d/b": (FILE, b"1\n")},
    {b"a": (FILE, LINES + b"x\n"), b"d/b": (FILE, b"1\n")},
    {b"c": (FILE, LINES + b"x\ny\n"), b"d/b": (FILE, b"1\n"), b"l": (SYMLINK, b"c")},
    {b"c": (FILE, LINES + b"x\ny\n"), b"d": (FILE, b"\0\xff")},
    {b"c": (FILE, LINES + b"z\n"), b"d": (FILE, b"\0\xff\0")},
    {},
]


class Recorded:
    """A repository in which trees were recorded, and a clone that has only the first of them."""

    def __init__(self, recorder: Repo, reader: Repo) -> None:
        self.recorder, self.reader = recorder, reader
        self.trees = write_trees(recorder, *HISTORY)
        assert write_trees(reader, HISTORY[0]) == self.trees[:1]
        pairs = list(zip(self.trees, self.trees[1:], strict=False))
        texts = [diff.text for diff in diff_trees(opened(recorder), pairs, 1 << 30)]
        self.steps = [Step("0", "header", self.trees[0], b"", from_tree=self.trees[0])] + [
            Step(str(n), "effect", tree, text)
            for n, (tree, text) in enumerate(zip(self.trees[1:], texts, strict=True), 1)
        ]

    def replaced(self, **steps: Step) -> list[Step]:
        """Return the steps with some exchanged: `replaced(_2=step)`."""
        return [steps.get(f"_{step.event_id}", step) for step in self.steps]


@pytest.fixture
def recorded(repo: Repo, home: Path, tmp_path: Path) -> Recorded:
    """Six trees and their diffs."""
    return Recorded(repo, make_repo(tmp_path / "reader", hermetic_environment(home)))


def statuses(repo: Repo, steps: Sequence[Step]) -> list[str]:
    """Return the status of each step."""
    with open_objects(opened(repo)) as store:
        return [outcome.status for outcome in rebuild(store, steps)]


def reasons(repo: Repo, steps: Sequence[Step]) -> list[str]:
    """Return the reason of each step."""
    with open_objects(opened(repo)) as store:
        return [outcome.reason for outcome in rebuild(store, steps)]


def test_a_clone_with_the_base_alone_rebuilds_everything(recorded: Recorded) -> None:
    before = sorted(os.walk(recorded.reader.top / ".git"))
    for repo in (recorded.reader, recorded.recorder):
        assert statuses(repo, recorded.steps) == [OK] * 6
        assert reasons(repo, recorded.steps) == [""] * 6
    assert sorted(os.walk(recorded.reader.top / ".git")) == before


def test_without_the_base_nothing_can_be_said(recorded: Recorded, tmp_path: Path) -> None:
    stranger = make_repo(tmp_path / "stranger", recorded.reader.env)
    found = reasons(stranger, recorded.steps)
    assert statuses(stranger, recorded.steps) == [CANNOT] * 6
    assert found[0] == f"base tree '{recorded.trees[0]}' is not in this clone"
    assert statuses(stranger, recorded.steps[1:2]) == [CANNOT]
    assert reasons(stranger, recorded.steps[1:2]) == ["there is no tree to start from"]


def test_a_diff_is_proved_even_where_its_tree_is_stored(recorded: Recorded) -> None:
    """The recorder has all the trees; that doesn't make a wrong diff right, nor the sound ones after it wrong."""
    wrong = Step("2", "effect", recorded.trees[2], (recorded.steps[2].text or b"").replace(b"+y\n", b"+Y\n"))
    assert statuses(recorded.recorder, recorded.replaced(_2=wrong)) == [OK, OK, MISMATCH, OK, OK, OK]
    assert "cannot apply the diff of 'c': the result is" in reasons(recorded.recorder, recorded.replaced(_2=wrong))[2]
    assert statuses(recorded.reader, recorded.replaced(_2=wrong)) == [OK, OK, MISMATCH, CANNOT, CANNOT, CANNOT]


def test_a_diff_that_leads_elsewhere(recorded: Recorded) -> None:
    wrong = Step("1", "effect", recorded.trees[3], recorded.steps[1].text)
    (reason,) = reasons(recorded.recorder, recorded.replaced(_1=wrong)[:2])[1:]
    assert reason == f"the diff leads to tree '{recorded.trees[1]}', not '{recorded.trees[3]}'"
    silent = Step("1", "effect", recorded.trees[1], b"")
    assert statuses(recorded.recorder, recorded.replaced(_1=silent)) == [OK, MISMATCH, OK, OK, OK, OK]


def test_a_diff_that_was_left_out(recorded: Recorded) -> None:
    omitted = Step("2", "effect", recorded.trees[2], None, omitted=3_355_443)
    steps = recorded.replaced(_2=omitted)
    assert statuses(recorded.reader, steps) == [OK, OK, CANNOT, CANNOT, CANNOT, CANNOT]
    assert reasons(recorded.reader, steps)[2] == "diff of 3.2 MiB was left out"
    assert statuses(recorded.recorder, steps) == [OK] * 6
    assert reasons(recorded.recorder, steps)[2] == "diff of 3.2 MiB was left out, but the tree is here"
    assert reasons(recorded.reader, [steps[0], Step("1", "diff", recorded.trees[1], None, 2048)])[1].startswith(
        "diff of 2.0 KiB"
    )


def test_it_goes_on_where_a_tree_is_known_again(recorded: Recorded) -> None:
    first, second = recorded.trees[:2]
    gap = Step("gap", "effect", "1" * 40, None, omitted=10)
    steps = [
        *recorded.steps[:2],
        gap,
        Step("lost", "effect", recorded.trees[2], recorded.steps[2].text),
        Step("back", "effect", second, None, omitted=10),
        recorded.steps[2],
        gap,
        Step("named", "effect", second, recorded.steps[1].text, from_tree=first),
        Step("again", "effect", recorded.trees[2], recorded.steps[2].text),
    ]
    assert statuses(recorded.reader, steps) == [OK, OK, CANNOT, CANNOT, OK, OK, CANNOT, OK, OK]


def test_no_diff_and_no_change(recorded: Recorded) -> None:
    same = Step("same", "diff", recorded.trees[1], None)
    steps = [*recorded.steps[:2], same, *recorded.steps[2:]]
    assert statuses(recorded.reader, steps) == [OK] * 7
    assert reasons(recorded.reader, steps)[2] == ""
    unknown = Step("unknown", "diff", recorded.trees[2], None)
    assert reasons(recorded.reader, [*recorded.steps[:2], unknown])[2] == "no diff was recorded"


def test_a_damaged_or_hostile_diff_is_a_mismatch(recorded: Recorded) -> None:
    index = b"index " + b"0" * 40 + b".." + b"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"
    for text in (
        b"nonsense\n",
        b"diff --git a/../x b/../x\nnew file mode 100644\n" + index + b"\n",
        (recorded.steps[1].text or b"")[:-1],
    ):
        steps = [recorded.steps[0], Step("1", "diff", recorded.trees[1], text)]
        assert statuses(recorded.reader, steps) == [OK, MISMATCH]


def test_a_missing_blob_is_no_mismatch(recorded: Recorded, tmp_path: Path) -> None:
    recorder = recorded.recorder
    commit = recorder.git("commit-tree", "-m", "base", recorded.trees[0])
    recorder.git("update-ref", "refs/heads/main", commit)
    recorder.git("config", "uploadpack.allowFilter", "true")
    url = f"file://{recorder.top}"
    recorder.git("clone", "-q", "--no-checkout", "--filter=blob:none", "-b", "main", url, str(tmp_path / "partial"))
    partial = Repo(tmp_path / "partial", recorder.env)
    found = reasons(partial, recorded.steps)
    assert statuses(partial, recorded.steps)[:2] == [OK, CANNOT]
    assert found[1] == f"blob '{recorder.git('rev-parse', f'{recorded.trees[0]}:a')}' of 'a' is missing"


def test_a_session_that_starts_from_nothing(recorded: Recorded, tmp_path: Path) -> None:
    empty = EMPTY_TREE["sha1"]
    (diff,) = diff_trees(opened(recorded.recorder), [(empty, recorded.trees[0])], 1 << 30)
    steps = [Step("0", "header", recorded.trees[0], diff.text, from_tree=empty), *recorded.steps[1:]]
    assert statuses(make_repo(tmp_path / "stranger", recorded.reader.env), steps) == [OK] * 6


def test_outcomes_come_one_by_one(recorded: Recorded) -> None:
    def steps() -> Iterator[Step]:
        yield from recorded.steps
        raise AssertionError("not asked for")

    def take(store: ObjectStore) -> list[str]:
        outcomes = rebuild(store, steps())
        return [next(outcomes).step.event_id for _ in recorded.steps]

    with open_objects(opened(recorded.reader)) as store:
        assert take(store) == ["0", "1", "2", "3", "4", "5"]
