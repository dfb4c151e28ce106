"""Journaled events whose snapshots are gone: a crash of the machine took them. They are sealed without these."""

from collections.abc import Iterable

from gittrace.git.garbage import is_whole
from gittrace.git.objects import EMPTY_TREE, ObjectStore
from gittrace.git.repository import Repository
from gittrace.journal.read import Event

_TREES = ("tree", "tree_after")


def gone(repo: Repository, store: ObjectStore, trees: Iterable[str]) -> set[str]:
    """Return those trees of which not all objects are here."""
    asked = set(trees)
    here = {tree for tree in asked if store.kind(tree) == "tree" or tree == EMPTY_TREE[store.format]}
    if here and not is_whole(repo, *here):
        here = {tree for tree in here if is_whole(repo, tree)}
    return asked - here


def trees_of(events: Iterable[Event]) -> set[str]:
    """Return the snapshots that events name."""
    return {event[key] for event in events for key in _TREES if event.get(key)}


def without(events: Iterable[Event], trees: set[str]) -> list[Event]:
    """Return the events without the snapshots `trees`: then what they changed shows in the next one that has one."""
    return [{key: value for key, value in event.items() if key not in _TREES or value not in trees} for event in events]
