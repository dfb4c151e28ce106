"""JSON Schemas of what gittrace writes; `python -m gittrace.model.schemas` brings gittrace/doc/schemas up to date."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gittrace.model import events, opentraces, prtelemetry

DIRECTORY = Path(__file__).parent.parent / "doc" / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def schemas() -> Mapping[str, dict[str, Any]]:
    """Return the schemas by file name."""
    found = {
        "event.json": ("an event of a journal or segment", events.adapter().json_schema()),
        "segment-header.json": ("the first line of a segment", events.SegmentHeader.model_json_schema()),
        "opentraces-0.3.0.json": (
            "an opentraces record, as gittrace exports it",
            opentraces.TraceRecord.model_json_schema(mode="serialization"),
        ),
        "prtelemetry.json": ("a PRTelemetryTrace", prtelemetry.PRTelemetryTrace.model_json_schema()),
    }
    return {name: {"$schema": DIALECT, **schema, "title": title} for name, (title, schema) in found.items()}


def render(schema: Mapping[str, Any]) -> str:
    """Return a schema as the text of its file."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write(directory: Path = DIRECTORY) -> None:
    """Write all schemas into a directory."""
    directory.mkdir(parents=True, exist_ok=True)
    for name, schema in schemas().items():
        (directory / name).write_text(render(schema), encoding="utf-8")


if __name__ == "__main__":
    write()
