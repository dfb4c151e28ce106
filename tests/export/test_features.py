"""The declared columns, against what is exported and against the library that reads them."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from gittrace.export.features import dataset_infos
from gittrace.export.formats import FORMATS, load
from gittrace.model.trace import Outcome, RepoFacts, assemble
from tests.export import sample

NAMES = [row.name for row in FORMATS]
_TYPES: dict[str, type | tuple[type, ...]] = {"string": str, "int64": int, "float64": (int, float), "bool": bool}
# bytes; the library looks at 10 MB
_MORE_THAN_IT_LOOKS_AT = 12 << 20
_LOAD = """
import sys
from datasets import disable_progress_bars, load_dataset
disable_progress_bars()
rows = load_dataset(sys.argv[1], split="train", cache_dir=sys.argv[2])
print(len(rows), rows[-1]["trace_id"])
"""


def features(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(dataset_infos(name))["default"]["features"]
    return found


def misfits(value: Any, feature: Any, where: str) -> Iterator[str]:
    """Yield where a value is none of its declared column."""
    if value is None or feature == {"_type": "Json"}:
        return
    if isinstance(feature, list):
        for one in value:
            yield from misfits(one, feature[0], f"{where}[]")
    elif feature.get("_type") == "Value":
        if not isinstance(value, _TYPES[feature["dtype"]]):
            yield f"{where}: {value!r}"
    elif set(value) != set(feature):
        yield f"{where}: {sorted(set(value) ^ set(feature))}"
    else:
        for name, one in value.items():
            yield from misfits(one, feature[name], f"{where}.{name}")


def bare(name: str) -> str:
    """Return the line of a trace of which nothing is known: what can be null is."""
    head = {key: sample.header(sample.PERSON)[key] for key in ("kind", "id", "at", "index")}
    events = [{"kind": "command", "id": sample.event_id(1), "at": head["at"]}]
    (line,) = load(name).lines(assemble([sample.segment(sample.PERSON, head, events)]), Outcome(), RepoFacts())
    return line


def full(name: str) -> str:
    (line,) = load(name).lines(sample.a_trace(), sample.OUTCOME, sample.FACTS)
    return line


@pytest.mark.parametrize("name", NAMES)
def test_every_line_fits_its_columns(name: str) -> None:
    for line in (bare(name), full(name)):
        assert list(misfits(json.loads(line), features(name), "")) == []


def test_columns_are_typed_where_the_schema_is() -> None:
    found = features("opentraces")
    assert found["outcome"]["success"] == {"dtype": "bool", "_type": "Value"}
    assert found["steps"][0]["token_usage"]["input_tokens"] == {"dtype": "int64", "_type": "Value"}
    assert found["steps"][0]["tool_calls"][0]["input"] == found["metadata"] == {"_type": "Json"}


@pytest.mark.parametrize("name", NAMES)
def test_datasets_loads_what_is_null_at_first(name: str, tmp_path: Path) -> None:
    """More than the library looks at to guess columns holds nulls; then comes a trace with all there is."""
    pytest.importorskip("datasets", minversion="4.7")
    line = bare(name)
    data = tmp_path / "data"
    data.mkdir()
    (data / "train.jsonl").write_text(f"{line}\n" * (_MORE_THAN_IT_LOOKS_AT // len(line)) + full(name) + "\n")
    (data / "dataset_infos.json").write_text(dataset_infos(name))
    argv = [sys.executable, "-c", _LOAD, str(data), str(tmp_path / "cache")]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    assert done.stdout.split()[1] == json.loads(full(name))["trace_id"]
