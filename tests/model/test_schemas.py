from pathlib import Path

import jsonschema
import pytest

from gittrace.model import schemas
from tests.export import sample


@pytest.mark.parametrize("name", sorted(schemas.schemas()))
def test_the_schemas_in_doc_are_up_to_date(name: str) -> None:
    assert (schemas.DIRECTORY / name).read_text("utf-8") == schemas.render(schemas.schemas()[name]), (
        "python -m gittrace.model.schemas writes them"
    )


def test_nothing_else_is_there(tmp_path: Path) -> None:
    schemas.write(tmp_path)
    assert sorted(path.name for path in schemas.DIRECTORY.iterdir()) == sorted(path.name for path in tmp_path.iterdir())


def test_what_is_recorded_meets_them() -> None:
    found = schemas.schemas()
    for schema in found.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    event = jsonschema.Draft202012Validator(found["event.json"])
    header = jsonschema.Draft202012Validator(found["segment-header.json"])
    for segment in sample.a_trace().segments:
        header.validate(segment.header)
        for one in segment.events:
            event.validate(one)
    assert not header.is_valid(sample.a_trace().events[0])
    assert not event.is_valid({"kind": "command"})
