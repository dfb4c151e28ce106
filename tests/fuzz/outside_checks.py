"""What must hold of all that `git trace` says on its command line, whoever is asked, in whatever order."""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from gittrace.model.trace import Link
from gittrace.vocabulary import CACHE_DIR
from tests.fuzz.blaming import wrong_writer
from tests.fuzz.checks import Broken, wrong_links
from tests.fuzz.model import Commit
from tests.fuzz.steps import stop
from tests.fuzz.world import Desk, World

# files that are blamed in one check
_MOST = 3
Record = dict[str, Any]


@dataclass(frozen=True)
class Told:
    """What was said of a trace: links, the record that is exported, and what became of the work."""

    links: tuple[Link, ...]
    record: Record
    fate: Record | None

    @property
    def committed(self) -> bool:
        """Whether some of it is reachable."""
        return bool(self.record["outcome"]["committed"])

    @property
    def commit_sha(self) -> str | None:
        """The commit that holds most of it."""
        sha = self.record["outcome"].get("commit_sha")
        return str(sha) if sha else None


@dataclass
class Answers:
    """All answers to one round of questions; `events` are the commands' names, else the kinds, by id."""

    told: dict[str, Told] = field(default_factory=dict)
    of_commits: dict[str, list[str]] = field(default_factory=dict)
    blamed: dict[tuple[str, str], list[Record]] = field(default_factory=dict)
    events: dict[str, str] = field(default_factory=dict)

    def differences(self, other: "Answers") -> Iterator[str]:
        """Yield in words where another round had other answers."""
        for trace in self.told.keys() & other.told.keys():
            one, two = self.told[trace], other.told[trace]
            for link in set(one.links) ^ set(two.links):
                yield f"trace {trace}: {'more' if link in one.links else 'less'}: {link}"
            for name in ("outcome", "attribution", "git_links", "metadata"):
                if one.record and two.record and one.record.get(name) != two.record.get(name):
                    yield f"{name} of {trace} is {one.record.get(name)!r:.999}, not {two.record.get(name)!r:.999}"
            if one.fate != two.fate:
                yield f"fate of {trace} is {one.fate}, not {two.fate}"
        for oid in self.of_commits.keys() & other.of_commits.keys():
            if self.of_commits[oid] != other.of_commits[oid]:
                yield f"traces of {oid[:7]} are {self.of_commits[oid]}, not {other.of_commits[oid]}"
        for where in self.blamed.keys() & other.blamed.keys():
            for this, that in zip(self.blamed[where], other.blamed[where], strict=True):
                if this.get("event") != that.get("event"):
                    yield f"{where}: {this} instead of {that}"


def check(desk: Desk, rng: Random) -> None:
    """Ask all that can be asked at a desk with the cache that is there, and some of it without one. Raises Broken."""
    if desk.name == "c":
        return
    desk.say("check")
    desk.world.settle()
    questions = _things(desk, rng)
    warm = ask(desk, rng, questions)
    for rule, text in _wrong(desk, warm):
        raise Broken(rule, text)
    shutil.rmtree(os.path.join(desk.work.here.common_trace_dir, CACHE_DIR), ignore_errors=True)
    cold = ask(desk, rng, rng.sample(questions, (len(questions) + 1) // 2))
    for text in cold.differences(warm):
        raise Broken("the cache changes nothing", text)


def check_end(world: World) -> None:
    """Check where people record, and then, all sessions being over, in a clone that has what was published."""
    rng = Random(0)
    desks = {desk.name: desk for desk in world.desks}
    for name in ("a", "b"):
        check(desks[name], rng)
    for desk in world.desks:
        stop(desk, rng)
    events: dict[str, list[str]] = {}
    for name in ("a", "b"):
        desks[name].git("push", "-q", "--force", "origin", f"refs/heads/*:refs/heads/{name}/*")
        desks[name].git("trace", "push", "-q", "--all", "--unlinked", "origin")
        events |= desks[name].clone.events
    clone = world.clone("fresh")
    desk = Desk(world, "fresh", clone, world.repo("fresh"))
    desk.git("trace", "fetch", "-q", "origin")
    clone.events |= events
    check(desk, rng)


def _things(desk: Desk, rng: Random) -> list[tuple[str, ...]]:
    """Return what to ask: for all that is known of all traces, and for some traces, commits and files by themselves."""
    commits = desk.ask("rev-list", "--branches", "--remotes", "HEAD", "-n30").split()
    names = [name for name in desk.ask("ls-tree", "-rz", "--name-only", "HEAD").split("\0") if name]
    files = rng.sample(names, min(len(names), _MOST))
    here = [name for name in files if os.path.isfile(desk.repo.top / name)]
    found = [("export",), ("log", "--fate")] if desk.clone.traces else []
    found += [("links", rng.choice(desk.clone.traces)), ("fate", rng.choice(desk.clone.traces))] if found else []
    found += [("links", oid) for oid in rng.sample(commits, min(len(commits), 2))]
    return [*found, *(("blame", name, "HEAD") for name in files), *(("blame", name) for name in here[:1])]


def ask(desk: Desk, rng: Random, questions: Sequence[tuple[str, ...]]) -> Answers:
    """Ask in a random order."""
    said = {asked: _said(desk, *asked) for asked in rng.sample(questions, len(questions))}
    found = Answers()
    records = {record["trace_id"]: record for record in said.get(("export",), ())}
    for trace in said.get(("log", "--fate"), ()):
        name = str(trace["trace_id"])
        links = tuple(_link(row) for row in trace["links"])
        found.told[name] = Told(links, records.pop(name, {}), trace["fate"])
        found.events |= {str(event["id"]): _name(event) for event in trace["events"]}
        if not found.told[name].record and ("export",) in said:
            raise Broken("nothing is lost", f"trace {name} is not exported")
    if ("log", "--fate") in said and found.told.keys() != set(desk.clone.traces):
        raise Broken("nothing is lost", f"traces {list(found.told)}, not {desk.clone.traces}")
    for (what, *names), answer in said.items():
        if what == "blame":
            found.blamed[names[0], "".join(names[1:])] = answer
        elif what == "links" and names[0] not in desk.clone.traces:
            found.of_commits[names[0]] = [row["trace_id"] for row in answer]
        elif what in ("links", "fate"):
            told = found.told.get(names[0])
            if what == "fate" and told and answer["fate"] != told.fate:
                raise Broken("all ways to ask agree", f"fate is {answer['fate']}, not {told.fate}")
            if what == "links" and told and tuple(map(_link, answer)) != told.links:
                raise Broken("all ways to ask agree", f"links are {answer}, not {told.links}")
    return found


def _said(desk: Desk, what: str, *args: str) -> Any:
    """Return what a question is answered, as JSON; where there is nothing to tell the status may be 1."""
    out = desk.repo.git("trace", what, *([] if what == "export" else ["--json"]), *args, status=None)
    if desk.repo.errors or desk.repo.status not in ((0, 1) if what in ("links", "fate") else (0,)):
        raise Broken("nothing fails", f"git trace {what} {args}: {desk.repo.errors}")
    return [json.loads(row) for row in out.splitlines()] if what == "export" else json.loads(out)


def _link(row: Record) -> Link:
    values: Record = {name: tuple(value) if isinstance(value, list) else value for name, value in row.items()}
    values.pop("trace_id", None)
    return Link(**values)


def _name(event: Record) -> str:
    return str(event["command"]).split()[-1] if event["kind"] == "command" else str(event["kind"])


def _wrong(desk: Desk, answers: Answers) -> Iterator[tuple[str, str]]:
    """Yield (rule, what breaks it)."""
    commands = Counter(name for name in answers.events.values() if name.startswith("ev"))
    wanted = Counter(name for names in desk.clone.events.values() for name in names)
    if commands != wanted:
        yield "nothing is lost", f"events {commands}, not {wanted}"
    history = desk.clone.commits.reachable(desk.repo.top)
    for number, trace in enumerate(desk.clone.traces):
        told = answers.told[trace]
        problems = [
            *wrong_links(desk.world.ledger, history, trace, told),
            *_wrong_record(desk, told, answers.events),
            *_wrong_fate(desk, trace, told.fate, history),
        ]
        yield from ((rule, f"trace {number}: {text}") for rule, text in problems)
    for oid, traces in answers.of_commits.items():
        wanted_traces = {trace for trace, told in answers.told.items() for link in told.links if link.commit == oid}
        if set(traces) != wanted_traces:
            yield "commits and traces agree", f"traces of {oid[:7]} are {traces}, not {sorted(wanted_traces)}"
    for (path, revision), rows in answers.blamed.items():
        for row in rows:
            told_writer = _writer(row.get("event"), answers.events)
            text = row["text"].encode() + b"\n"
            for rule, problem in wrong_writer(desk, text, told_writer, row["commit"] is not None):
                yield rule, f"{path}:{row['line']} at {revision or 'the worktree'}, of {row['commit']}: {problem}"


def _writer(event: Record | None, events: Mapping[str, str]) -> tuple[str, str] | None:
    return (event["trace_id"], events.get(event["event_id"], "no event that is known")) if event else None


def _wrong_record(desk: Desk, told: Told, events: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield what is wrong in the attribution of a trace's commit, and in what became of the work."""
    attribution = told.record.get("attribution")
    if (attribution is None) != (told.commit_sha is None):
        yield "what is committed is attributed", f"commit {told.commit_sha}, attribution {attribution}"
    for file in attribution["files"] if attribution else ():
        for part in file["conversations"]:
            ids = part.get("ids")
            trace = part["url"].removeprefix("opentraces://").split("/")[0] if part.get("url") else ""
            writer = _writer(ids and ids | {"trace_id": trace}, events)
            # a deletion says who took lines away, and where: the file may be gone
            added = [lines for lines in part["ranges"] if lines["change_type"] != "deletion"]
            name = f"{told.commit_sha}:{file['path']}"
            rows = desk.repo.run("git", "cat-file", "blob", name).splitlines(keepends=True) if added else []
            for lines in added:
                for row in rows[lines["start_line"] - 1 : lines["end_line"]]:
                    for rule, text in wrong_writer(desk, row, writer):
                        yield rule, f"{file['path']} in the export of {told.commit_sha}: {text}"


def _wrong_fate(
    desk: Desk, trace: str, fate: Record | None, history: Mapping[str, Commit]
) -> Iterator[tuple[str, str]]:
    """Yield where more, or fewer, lines are said to stand than do."""
    ledger = desk.world.ledger
    head = desk.clone.commits.commit(desk.ask("rev-parse", "HEAD"))
    stands = frozenset(token for file in head.files.values() for token in file.verbatim)
    gone = {token for name, token in ledger.removed if name == trace}
    least = (stands & ledger.owned(trace)) - gone - ledger.copied.keys()
    tips = {oid for oid in desk.ask("for-each-ref", "--format=%(objectname)").split() if oid in history} | {head.oid}
    maybe = ledger.owned(trace) | ledger.unsure
    most = {token for oid in tips for file in history[oid].files.values() for token in file.tokens & maybe}
    shares, lines, files = (fate["shares"], fate["lines"], fate["files"]) if fate else ({}, 0, [])
    said = round(sum(shares.get(word, 0) for word in ("alive", "moved")) * lines)
    # what the trace has indented anew since stands otherwise than it left it
    stands_somehow = said + round(shares.get("transformed", 0) * lines)
    # a file without lines counts as one
    whole = sum(file["lines"] == 1 for file in files)
    # where lines were copied, the original may stand for the copy
    if stands_somehow < len(least) or (said > len(most) + whole and not ledger.copied):
        yield "fate says what stands", f"{said} lines stand, not {len(least)} to {len(most) + whole}: {fate}"
