"""The gate at the exit: nothing is published or exported that was not scanned by the rules of today.

A segment that was sealed before a rule was there, or by somebody else, may hold what nobody would send away. There is
no way around the gate but to redact the segment (`git trace redact`) or to allow what was found, by name.

What was found is kept in the cache by segment, rules and scanner, without the secrets; so asking again costs nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import astuple, dataclass, field
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, TypeVar

from gittrace.errors import Damaged, TraceError
from gittrace.git.repository import Repository
from gittrace.model.segment import SegmentLine, decode
from gittrace.protect import deep
from gittrace.protect.cleaning import Cleaner, Finding, texts_of
from gittrace.protect.redaction import Redaction, redaction
from gittrace.protect.redactor import Redactor
from gittrace.trace.small_cache import open_small, put

if TYPE_CHECKING:
    from gittrace.model.trace import Trace

T = TypeVar("T")

UNREADABLE = "unreadable"
"""The rule of a finding that stands for a segment which can't be read, so nobody knows what is in it."""

# of packed segments that are scanned together
_TOGETHER = 256 << 10
_SCHEMA = "create table if not exists scanned (sha text, version text, found text not null, primary key (sha, version))"


@dataclass
class Verdict:
    """What may leave, and what may not, with the reason: what was found in it and is not allowed."""

    passed: list[SegmentLine] = field(default_factory=list)
    held: list[tuple[SegmentLine, list[Finding]]] = field(default_factory=list)


def check(repo: Repository, lines: Iterable[SegmentLine]) -> Verdict:
    """Scan segments, those that were not scanned by these rules before. Raises BadConfig, TraceError."""
    with closing(Gate(repo)) as gate:
        return gate.verdict(list(lines))


def explain(line: SegmentLine, found: Iterable[Finding]) -> TraceError:
    """Return what to tell of a segment that is held: the first finding, and what to do about it."""
    first, *more = found
    others = f" (and {len(more)} more)" if more else ""
    what = f"cannot let segment '{line.session_id}-{line.index}' of trace '{line.trace_id}' out"
    if first.rule == UNREADABLE:
        return TraceError(f"{what}: {first.field}")
    where = f"event '{first.event_id}', {first.field}" + (f" of '{first.path}'" if first.path else "")
    return TraceError(
        f"{what}: {where}, line {first.line}: {first.rule}{others}",
        f"'git trace redact {line.trace_id}' masks it; 'git config --add trace.redact.allow {first.tag}' allows it",
    )


class Gate:
    """Scans segments, and remembers what was found in each."""

    def __init__(self, repo: Repository) -> None:
        self._redaction: Redaction = redaction(repo)
        deeper = deep.version()
        self._has_deep = bool(deeper)
        self._version = f"{self._redaction.version} kingfisher {deeper}" if deeper else self._redaction.version
        self._redactor = self._redaction.redactor(with_allowed=False, deeper=self._has_deep)
        self._db = open_small(repo, "gate.sqlite", _SCHEMA)
        self._clean: set[str] = set()

    @property
    def scanner(self) -> str:
        """What segments are scanned by: the rules in force and the deeper scanner, each with its version."""
        return f"gittrace {self._version}"

    def close(self) -> None:
        """Let go of the cache."""
        self._db.close()

    def verdict(self, lines: Sequence[SegmentLine]) -> Verdict:
        """Return which of some segments may leave; scan those that were not scanned before."""
        verdict = Verdict()
        self.look_at(lines)
        for line in lines:
            found = self.findings(line)
            if found:
                verdict.held.append((line, found))
            else:
                verdict.passed.append(line)
        return verdict

    def look_at(self, lines: Sequence[SegmentLine]) -> None:
        """Scan segments together, in less time. What is found is told by `findings`, which scans each again."""
        texts: list[str] = []
        shas: list[str] = []
        size = 0
        for line in lines:
            if self._remembered(line.sha256) is None:
                with suppress(Damaged):  # told by `findings`
                    texts += texts_of(decode(line))
                    shas.append(line.sha256)
                    size += len(line.payload)
            if size > _TOGETHER:
                self._look_at(texts, shas)
                texts, shas, size = [], [], 0
        self._look_at(texts, shas)

    def _look_at(self, texts: Sequence[str], shas: Sequence[str]) -> None:
        with suppress(deep.Unscanned):  # told by `findings`
            if shas and not self._redactor.finds(texts):
                self._clean.update(shas)
                self._keep({sha: [] for sha in shas})

    def findings(self, line: SegmentLine) -> list[Finding]:
        """Return what a segment holds that is not allowed; it is scanned if it was not before.

        All of it, as it would leave: readers leave out fields that are not of their type (`gittrace.model.sound`), and
        what is left out may be the secret.
        """
        return self._found(line.sha256, partial(decode, line))

    def trace_findings(self, trace: "Trace") -> Iterator[tuple[SegmentLine, list[Finding]]]:
        """Yield the segments of a trace, without their payload, that hold something; also one not sealed yet."""
        for segment in trace.segments:
            # one that is not sealed has no hash by which it could be remembered
            events = [segment.header, *segment.events]
            # what was loaded may be less than what the line holds: remembered under a name of its own
            name = f"{segment.sha256} as loaded" if segment.sha256 else ""
            if found := self._found(name, partial(list, events)):
                yield SegmentLine(trace.id, segment.session_id, segment.index, segment.sha256, ""), found

    def masked_diff(self, diff: str) -> str:
        """Return a diff of commits without its secrets: these are the user's, and what goes out with a trace is not.

        Raises TraceError when the deeper scanner fails.
        """
        return self._cleaner().diff(diff)

    def masked_facts(self, facts: T) -> T:
        """Return what goes out with a trace and is in no segment (branches, paths, subjects) without its secrets."""
        return self._cleaner().facts(facts)

    def _cleaner(self) -> Cleaner:
        return Cleaner(self._masking, self._redaction.allowed_paths)

    @cached_property
    def _masking(self) -> Redactor:
        # to put the rules together takes longer than to mask most texts
        return self._redaction.redactor(deeper=self._has_deep)

    def _found(self, sha: str, events: Callable[[], Sequence[Mapping[str, Any]]]) -> list[Finding]:
        found = self._remembered(sha)
        if found is None:
            try:
                found = self._scan(events())
            except (Damaged, deep.Unscanned) as error:
                return [Finding("", str(error), "", 0, UNREADABLE, "")]
            if sha:
                self._keep({sha: found})
        rules = self._redaction
        return [
            one for one in found if one.tag not in rules.allowed and (one.rule, one.path) not in rules.allowed_paths
        ]

    def _remembered(self, sha: str) -> list[Finding] | None:
        """Return what these rules found in a segment before, None when they never scanned it."""
        if sha in self._clean:
            return []
        query = "select found from scanned where sha = ? and version = ?"
        row = self._db.execute(query, (sha, self._version)).fetchone() if sha else None
        return [Finding(*item) for item in json.loads(row[0])] if row else None

    def _scan(self, events: Sequence[Mapping[str, Any]]) -> list[Finding]:
        cleaner = Cleaner(self._redactor)
        cleaner.events(events)
        return cleaner.found

    def _keep(self, found: Mapping[str, list[Finding]]) -> None:
        """Remember what was found in segments, by their hashes."""
        rows = [(sha, self._version, json.dumps([astuple(one) for one in some])) for sha, some in found.items()]
        put(self._db, [("insert or replace into scanned values (?, ?, ?)", rows)])
