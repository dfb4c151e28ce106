"""The table of formats. A new format is a row here, a module beside this one and a row in the contract test."""

from collections.abc import Iterator
from importlib import import_module
from typing import TYPE_CHECKING, NamedTuple, Protocol, cast

from gittrace.errors import UsageError
from gittrace.model.trace import Outcome, RepoFacts, Trace

if TYPE_CHECKING:
    from pydantic import BaseModel


class Exporter(Protocol):
    """What the module of a format offers; RECORD is what one of its lines holds."""

    RECORD: "type[BaseModel]"

    def lines(self, trace: Trace, outcome: Outcome, facts: RepoFacts) -> Iterator[str]:
        """Yield what the format makes of a trace, line by line, without line feeds."""
        ...


class Format(NamedTuple):
    """One row: the name given to `--format`, its module, its schema's version and one line of help."""

    name: str
    module: str
    version: str
    help: str


FORMATS = (
    Format("opentraces", "gittrace.export.opentraces", "0.3.0", "a TraceRecord of opentraces a line"),
    Format("prtelemetry", "gittrace.export.prtelemetry", "1", "a PRTelemetryTrace a line"),
)

DEFAULT = "opentraces"


def load(name: str) -> Exporter:
    """Import the exporter of a format. Raises UsageError when there is none of that name."""
    for row in FORMATS:
        if row.name == name:
            return cast(Exporter, import_module(row.module))
    raise UsageError(f"unknown format '{name}'", f"known are: {', '.join(row.name for row in FORMATS)}")
