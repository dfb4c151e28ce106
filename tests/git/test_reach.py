"""Which commits lead to which."""

from gittrace.git.reach import outside, peeled, within
from tests.support.recording import view
from tests.support.repo import Repo


def test_tags_lead_to_what_they_name(repo: Repo) -> None:
    first = repo.commit("a", "a\n")
    blob = repo.git("rev-parse", "HEAD:a")
    repo.git("tag", "-am", "a tag", "one")
    repo.git("tag", "-am", "a tag of a tag", "two", "one")
    repo.git("tag", "-am", "a file", "three", blob)
    one, two, three = (repo.git("rev-parse", name) for name in ("one", "two", "three"))
    missing = "1" * len(first)
    here = view(repo)
    assert peeled(here, [first, one, two, three, missing]) == {first: first, one: first, two: first, three: blob}
    assert peeled(here, []) == {}


def test_what_some_commits_lead_to_and_others_do_not(repo: Repo) -> None:
    first, second, third = (repo.commit("a", text) for text in ("1\n", "2\n", "3\n"))
    here = view(repo)
    assert outside(here, [third], [first]) == {second, third}
    assert outside(here, [], [first]) == set()
    assert within(here, [first, third], [second]) == {first}
    assert within(here, [first], []) == set()


def test_what_is_no_commit_leads_to_none(repo: Repo) -> None:
    repo.commit("a", "a\n")
    assert outside(view(repo), [repo.git("rev-parse", "HEAD:a"), repo.git("rev-parse", "HEAD:")], []) == set()
