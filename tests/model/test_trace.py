import pytest

from gittrace.model.trace import RepoFacts, assemble, public_url
from tests.export import sample


def test_segments_are_put_in_order() -> None:
    later = sample.segment(sample.PERSON, sample.header(sample.PERSON, index=1), [sample.command(50, "ls", "2")])
    trace = assemble([later, *reversed(sample.a_trace().segments)])
    assert [(s.session_id, s.index) for s in trace.segments] == [
        (sample.PERSON, 0),
        (sample.PERSON, 1),
        (sample.AGENT, 0),
    ]
    assert [session.id for session in trace.sessions] == [sample.PERSON, sample.AGENT]
    assert trace.sessions[0].events[-1]["command"] == "ls"


def test_what_a_trace_knows_of_itself() -> None:
    trace = sample.a_trace()
    assert trace.title == "add subtracts"
    assert trace.started == "2024-05-01T12:00:00.000000Z"
    assert trace.ended == "2024-05-01T12:00:41.000000Z"
    assert trace.base == {"commit": "a" * 40, "tree": sample.tree("1")}
    assert [agent["name"] for agent in trace.agents] == ["human", "claude-code"]
    assert trace.stop is not None
    assert trace.stop["reason"] == "done"
    assert assemble(trace.segments[:1]).stop is None


@pytest.mark.parametrize(
    ("remote", "url", "name"),
    [
        ("https://github.com/o/r.git", "https://github.com/o/r", "o/r"),
        ("https://me:secret@github.com/o/r", "https://github.com/o/r", "o/r"),
        ("https://ghp_token@host:8443/g/sub/r.git/", "https://host:8443/g/sub/r", "g/sub/r"),
        ("http://host/o/r", "http://host/o/r", "o/r"),
        ("git@github.com:o/r.git", "https://github.com/o/r", "o/r"),
        ("ssh://git@github.com:22/o/r.git", "https://github.com/o/r", "o/r"),
        ("host:r", "https://host/r", None),
        ("https://host:port/o/r", None, None),
        ("/home/me/r", None, None),
        ("../r", None, None),
        ("file:///home/me/r", None, None),
        ("C:/me/r", None, None),
        ("", None, None),
    ],
)
def test_urls_lose_credentials_and_local_paths_are_not_told(remote: str, url: str | None, name: str | None) -> None:
    assert public_url(remote) == (url, name)
    facts = RepoFacts.of(remote, "main", None)
    assert (facts.repo_url, facts.owner_repo, facts.branch) == (url, name, "main")
