"""No field of any model can hold a secret: each is filled in by walking the models, so a new one is looked at too."""

import json
import subprocess
import types
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Union, get_args, get_origin

import pytest
from pydantic import BaseModel

from gittrace.clock import uuid7
from gittrace.journal.active import active_session
from gittrace.journal.append import Journal
from gittrace.model import events as models
from gittrace.model.events import Event
from gittrace.protect.cleaning import Cleaner
from gittrace.protect.redactor import BUILTIN, Redactor
from gittrace.trace.stored.store import Store
from gittrace.trace.upkeep.gate import check
from tests.protect.samples import fill
from tests.support.recording import Recording

SECRETS = {
    "token": fill("ghp_{a36}"),
    "password": fill("password={a12}7x"),
    "url": fill("https://me:{a14}@git.example.com/x.git"),
    "bearer": fill("Authorization: Bearer {a40}"),
}
CORES = [fill("ghp_{a36}"), fill("{a12}7x"), fill("{a14}"), fill("{a40}")]
KINDS = [kind for kind in vars(models).values() if isinstance(kind, type) and issubclass(kind, Event)]
# these end or move a session when they are found in its journal
MOVING = {"Session", "SegmentHeader", "Commit", "Rewrite", "Stop", "Event"}
Path = tuple[str | int, ...]


def _places(annotation: Any) -> Iterator[Path]:
    """Yield where in a value of a type a string of any look can be."""
    origin, inner = get_origin(annotation), get_args(annotation)
    if annotation is str or annotation is Any:
        yield ()
    elif origin in (Union, types.UnionType):
        for one in inner:
            yield from _places(one)
    elif origin is list:
        yield from ((0, *rest) for rest in _places(inner[0]))
    elif origin is dict:
        yield from (("name", *rest) for rest in _places(inner[1]))
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _fields(annotation)


def _fields(model: type[BaseModel]) -> Iterator[Path]:
    for name, field in model.model_fields.items():
        # a constrained string (an oid, a time) can't be anything
        if not (field.annotation is str and field.metadata):
            yield from ((name, *rest) for rest in _places(field.annotation))


def _put(event: dict[str, Any], path: Path, text: str) -> None:
    at: Any = event
    for step, following in pairwise(path):
        new: Any = [] if isinstance(following, int) else {}
        if isinstance(step, int):
            at.append(new)
            at = at[-1]
        else:
            at = at.setdefault(step, new)
    if isinstance(path[-1], int):
        at.append(text)
    else:
        at[path[-1]] = text


def _filled(kind: type[Event], text: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in _fields(kind):
        event = {"kind": kind.__name__.lower(), "id": uuid7(), "at": "2030-01-01T00:00:00.000000Z", "head": None}
        if kind.__name__ in ("Prompt", "Note"):
            event["text"] = "x"
        _put(event, path, text)
        yield path, event


def test_the_models_are_walked() -> None:
    found = {(kind.__name__, path) for kind in KINDS for path in _fields(kind)}
    assert len(found) > 80
    for place in (
        ("Command", ("argv", 0)),
        ("Command", ("results", "tests", 0, "id")),
        ("Edit", ("input", "name")),
        ("Session", ("environment", "name")),
        ("Session", ("skipped", 0, "path")),
        ("Session", ("agent", "name")),
        ("Commit", ("subject",)),
        ("Stop", ("reason",)),
        ("Edit", ("error",)),
        ("Event", ("branch",)),
    ):
        assert place in found, sorted(found)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("name", SECRETS)
def test_each_field_is_masked(kind: type[Event], name: str) -> None:
    cleaner = Cleaner(Redactor(BUILTIN, b"k" * 32))
    for path, event in _filled(kind, f"before {SECRETS[name]} after"):
        (cleaned,) = cleaner.events([event])
        assert not any(core in json.dumps(cleaned) for core in CORES), path
        assert "[REDACTED:" in json.dumps(cleaned), path


def test_nothing_of_it_is_in_any_object(work: Recording) -> None:
    work.start()
    active = active_session(work.here.trace_dir, work.here.common_trace_dir)
    assert active
    count = 0
    with Journal(active.journal) as journal:
        for kind in KINDS:
            for text in SECRETS.values() if kind.__name__ not in MOVING else ():
                for _, event in _filled(kind, f"before {text} after"):
                    journal.append(event)
                    count += 1
    assert count > 100
    work.write(a="1\n")
    work.commit()
    work.stop()
    assert sum(len(piece.events) for piece in work.pieces()) > count
    command = ("git", "cat-file", "--batch-all-objects", "--batch", "--buffer")
    objects = subprocess.run(command, cwd=work.repo.top, env=work.repo.env, capture_output=True, check=True).stdout
    sealed = json.dumps([[piece.header, *piece.events] for piece in work.pieces()])
    for core in CORES:
        assert core.encode() not in objects
        assert core not in sealed
    store = Store(work.here)
    (trace,) = store.trace_ids()
    lines = store.lines(trace)
    store.close()
    assert check(work.here, lines).held == []


@pytest.mark.parametrize("form", ["opentraces", "prtelemetry"])
def test_what_an_export_tells_of_the_repository_is_masked(work: Recording, form: str) -> None:
    """Branches, paths, subjects and the remote are no part of a segment, and go out with it."""
    secret = "hunter22xq"
    repo = work.repo
    repo.git("config", "trace.seal", "now")
    repo.git("checkout", "-q", "-b", f"password={secret}-b")
    repo.git("remote", "add", "origin", f"https://me:{secret}@example.com/o/r.git")
    repo.trace("start", "-m", f"password={secret}")
    (repo.top / f"pwd={secret}").mkdir()
    repo.write(f"pwd={secret}/f", "one\ntwo lines of work\nthree more lines of it\n")
    repo.trace("run", "--", "sh", "-c", f"echo password={secret}; exit 3", status=3)
    repo.git("add", "-A")
    repo.git("commit", "-q", "-m", f"password={secret} in a subject")
    repo.trace("stop", "-m", f"pwd={secret}")
    exported = repo.trace("export", "--format", form)
    assert "three more lines of it" in exported
    assert secret not in exported
    assert f"{repo.git('rev-parse', 'HEAD')}" in exported
