"""The columns of a format, as `datasets` of Hugging Face wants them declared.

Undeclared, they are guessed from the first 10 MB of the first file, and loading ends with an error where a field that
was null until then holds a value. `datasets` (4.7 or later, for the feature `Json`) reads the declaration from a
`dataset_infos.json` that lies beside the data.
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from gittrace.export.formats import load

_SCALARS = {"string": "string", "integer": "int64", "number": "float64", "boolean": "bool"}
_JSON = {"_type": "Json"}

Schema = Mapping[str, Any]


def dataset_infos(name: str) -> str:
    """Return the text of a `dataset_infos.json` for files of a format. Raises UsageError for an unknown one."""
    info = {"builder_name": "json", "config_name": "default", "features": features_of(load(name).RECORD)}
    return json.dumps({"default": info}, indent=2) + "\n"


def features_of(record: type[BaseModel]) -> dict[str, Any]:
    """Return the features of a record by column. An object that may hold any field is a `Json`, but for the record."""
    schema = record.model_json_schema(mode="serialization")
    known: Schema = schema.get("$defs", {})
    return {name: _feature(one, known) for name, one in schema["properties"].items()}


def _feature(schema: Schema, known: Schema) -> Any:
    if "$ref" in schema:
        return _feature(known[schema["$ref"].rpartition("/")[2]], known)
    some = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if len(some) == 1:
        return _feature(some[0], known)
    kind = schema.get("type")
    if kind == "array":
        return [_feature(schema.get("items", {}), known)]
    if kind == "object" and "properties" in schema and not schema.get("additionalProperties"):
        return {name: _feature(one, known) for name, one in schema["properties"].items()}
    return {"dtype": _SCALARS[kind], "_type": "Value"} if kind in _SCALARS else _JSON
