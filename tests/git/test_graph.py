"""The order of commits, who comes before whom, and what leads to each."""

from hypothesis import given
from hypothesis import strategies as st

from gittrace.git.graph import Graph, Node, reached

Nodes = dict[str, Node]


@st.composite
def histories(draw: st.DrawFn) -> Nodes:
    """Histories of a few commits, with times that may go back, and parents that are not known."""
    nodes: Nodes = {}
    for number in range(draw(st.integers(0, 12))):
        among = [*nodes, "elsewhere"]
        parents = draw(st.lists(st.sampled_from(among), max_size=2, unique=True)) if nodes else []
        nodes[f"c{number}"] = Node(draw(st.integers(1, 6)), tuple(parents))
    return nodes


def before(nodes: Nodes, oid: str) -> set[str]:
    """Return a commit and its known ancestors, found in the plainest way."""
    return {oid}.union(*(before(nodes, parent) for parent in nodes[oid].parents if parent in nodes))


@given(histories())
def test_parents_come_first_and_ancestors_are_found(nodes: Nodes) -> None:
    graph = Graph(nodes, {}, nodes)
    order = list(graph)
    assert sorted(order) == sorted(nodes)
    for new in nodes:
        assert all(order.index(parent) < order.index(new) for parent in nodes[new].parents if parent in nodes)
        ancestors = before(nodes, new)
        assert {old for old in nodes if graph.leads_to(old, new)} == ancestors
        # asked often, it is looked up
        assert {old for old in nodes if graph.leads_to(old, new)} == ancestors


@given(histories(), st.data())
def test_what_is_new_on_top_changes_no_order(nodes: Nodes, data: st.DataObject) -> None:
    tip = data.draw(st.sampled_from(sorted(nodes))) if nodes else None
    more = nodes | {"new": Node(7, (tip,) if tip else ())}
    assert [*Graph(nodes, {}, nodes), "new"] == list(Graph(more, {}, more))


def test_the_older_come_first_and_of_one_second_those_that_sessions_made() -> None:
    nodes = {"b": Node(2, ()), "a": Node(2, ()), "c": Node(1, ()), "d": Node(2, ())}
    assert list(Graph(nodes, {}, nodes)) == ["c", "a", "b", "d"]
    assert list(Graph(nodes, {}, nodes, {"d"})) == ["c", "d", "a", "b"]


def test_branches_count_before_remote_ones_and_tags_and_of_a_kind_the_newest() -> None:
    nodes = {"one": Node(1, ()), "two": Node(2, ("one",)), "three": Node(3, ("two",)), "tip": Node(4, ("three",))}
    refs = {"refs/tags/v1": "tip", "refs/remotes/o/x": "three", "refs/heads/a": "one", "refs/heads/b": "two"}
    found = reached(nodes, refs | {"refs/tags/tree": "no commit"}, 0)
    assert found == {"one": "refs/heads/b", "two": "refs/heads/b", "three": "refs/remotes/o/x", "tip": "refs/tags/v1"}


def test_no_way_goes_on_beyond_an_old_commit() -> None:
    nodes = {"root": Node(5, ()), "old": Node(1, ("root",)), "side": Node(6, ("root",)), "tip": Node(7, ("old",))}
    assert reached(nodes, {"refs/heads/main": "tip"}, 3).keys() == {"tip"}
    assert reached(nodes, {"refs/heads/main": "tip", "refs/heads/side": "side"}, 3).keys() == {"tip", "side", "root"}
