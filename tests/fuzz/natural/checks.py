"""Where what `git trace` says of a clone disagrees with the book."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from tests.fuzz.natural.book import HAND, NOBODY, Writer, bones, tells
from tests.fuzz.natural.world import Desk

_FILES = 6
Record = dict[str, Any]


def check(desk: Desk) -> Iterator[str]:
    """Yield in words what is wrong of all that is known at a desk."""
    truth = _Truth(desk)
    if not truth.traces:
        return
    told = json.loads(desk.git("trace", "log", "--fate", "--json"))
    records = {record["trace_id"]: record for record in map(json.loads, desk.git("trace", "export").splitlines())}
    if {one["trace_id"] for one in told} != truth.traces or records.keys() != truth.traces:
        yield f"traces are {sorted(records)}, not {sorted(truth.traces)}"
        return
    events = {event["id"]: (one["trace_id"], event) for one in told for event in one["events"]}
    for one in told:
        trace = one["trace_id"]
        yield from (f"trace {trace[:6]}: {text}" for text in truth.wrong_links(trace, one["links"], records[trace]))
        yield from (f"trace {trace[:6]}: {text}" for text in truth.wrong_fate(trace, one["fate"]))
    head = truth.book.commits[desk.head()]
    for name in desk.world.rng.sample(sorted(head), min(len(head), _FILES)):
        yield from truth.wrong_lines(name, events)


class _Truth:
    """What the book says of what is to be seen at a desk."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.book = desk.world.book
        self.traces = {trace for trace, clone in desk.world.traces.items() if clone == desk.clone}
        self.reachable = set(desk.commits("--branches", "--tags", "--remotes", "HEAD"))

    @cached_property
    def wrote(self) -> dict[Writer | str | None, set[bytes]]:
        """The bones of all that each writer, and each trace, ever wrote."""
        found: dict[Writer | str | None, set[bytes]] = {}
        for text, numbers in self.book.said.items():
            for number in numbers:
                for writer in self.book.origins[number].writers:
                    found.setdefault(writer, set()).add(bones(text))
                    found.setdefault(writer[0], set()).add(bones(text))
        return found

    def wrong_links(self, trace: str, links: list[Record], record: Record) -> Iterator[str]:
        """Yield what is wrong with the links of a trace, and with what became of it."""
        book, found = self.book, {link["commit"]: link for link in links}
        holds = {commit: self._only(trace, commit) for commit in self.reachable}
        for commit in self.reachable - found.keys() - book.reverts:
            fresh = holds[commit] - self._stood(commit)
            if fresh and len(book.parents[commit]) < 2:
                yield f"no link to {commit[:7]}, which adds {sorted(fresh)[:3]}"
        for commit, link in found.items():
            if link["reachable"] != (commit in self.reachable):
                yield f"{commit[:7]} is said to be reachable: {link['reachable']}"
            if commit in book.commits and not self._may_link(trace, commit):
                yield f"linked to {commit[:7]} by {link['evidence']}"
        outcome = record["outcome"]
        sha = outcome["commit_sha"]
        must = {name for name in self.reachable - book.reverts if holds[name] and len(book.parents[name]) < 2}
        if (must and not outcome["committed"]) or bool(sha) != outcome["committed"]:
            yield f"committed: {outcome['committed']}, commit_sha {sha}, with {sorted(name[:7] for name in must)}"
        if sha and (sha not in self.reachable or (sha in book.reverts and must)):
            yield f"commit_sha is {sha[:7]}, with {sorted(name[:7] for name in must)}"
        if sha and outcome["patch"] and "[REDACTED" not in outcome["patch"]:
            yield from self._wrong_patch(outcome["patch"], record["task"]["base_commit"], sha)

    def _only(self, trace: str, commit: str) -> set[bytes]:
        """Return the lines that a commit adds and that nobody but a trace ever wrote."""
        texts = (self.book.origins[number].text for number in self.book.added(commit))
        held = {line for text in self.book.commits[commit].values() for line in text.lines}
        return {text for text in texts if text in held and self.book.is_only(text, trace)}

    def _stood(self, commit: str) -> set[bytes]:
        files = (text for name in self.book.parents[commit] for text in self.book.commits[name].values())
        return {line for text in files for line in text.lines}

    def _may_link(self, trace: str, commit: str) -> bool:
        """Tell whether a commit has anything to do with a trace: lines, what went in its sessions, a mere rename.

        That may have been committed in two parts.
        """
        if self.book.touched(commit, trace) or self._has_half(trace, commit):
            return True
        rows = self.desk.repo.run("git", "diff-tree", "--root", "-p", "-U0", "-M", "-m", "--no-commit-id", "-r", commit)
        lines = [row for row in rows.split(b"\n") if row[:1] in (b"+", b"-") and row[:3] not in (b"+++", b"---")]
        gone = {self.book.origins[number].text for number in self.desk.world.took_away[trace]}
        wrote = self.wrote.get(trace, set())
        # where nothing that it adds says where it comes from, blank lines may be anybody's
        telling = any(tells(row[1:]) for row in lines if row[:1] == b"+")
        return not lines or any(
            row[1:] in gone if row[:1] == b"-" else bones(row[1:]) in wrote and (tells(row[1:]) or not telling)
            for row in lines
        )

    def _has_half(self, trace: str, commit: str) -> bool:
        there = self.book.commits[commit].keys()
        return any(
            self.desk.world.renamed[trace] & (there ^ self.book.commits[name].keys())
            for name in self.book.parents[commit]
        )

    def _wrong_patch(self, patch: str, base: str, sha: str) -> Iterator[str]:
        env = {"GIT_INDEX_FILE": str(self.desk.world.top / "index")}
        self.desk.repo.git("read-tree", base, env=env)
        data = patch.encode("utf-8", "surrogateescape")
        self.desk.repo.git("apply", "--cached", "-", stdin=data, env=env, status=None)
        if self.desk.repo.status:
            yield f"the patch does not apply to {base[:7]}: {self.desk.repo.errors:.200}"
            return
        tree = self.desk.repo.git("write-tree", env=env)
        for pair in re.findall(rb"^diff --git a/(\S+) b/(\S+)$", data, re.MULTILINE):
            for name in {part.decode() for part in pair}:
                here, there = (
                    self.desk.git("rev-parse", "-q", "--verify", f"{x}:{name}", ok=False) for x in (tree, sha)
                )
                if here != there:
                    yield f"the patch does not lead to {name} of {sha[:7]}"

    def wrong_fate(self, trace: str, fate: Record | None) -> Iterator[str]:
        """Yield where fewer lines are said to stand than do, or more where none does."""
        shares, lines = (fate["shares"], fate["lines"]) if fate else ({}, 0)
        said = sum(shares.get(word, 0) for word in ("alive", "moved", "transformed")) * lines
        origins = enumerate(self.book.origins)
        mine = {number for number, origin in origins if trace in {one for one, _ in origin.writers}}
        at_head = {number for text in self.book.commits[self.desk.head()].values() for number in text.numbers}
        least = {
            self.book.origins[number].text
            for number in (mine & at_head) - self.desk.world.took_away[trace]
            if self.book.is_only(self.book.origins[number].text, trace)
        }
        if said + 0.5 < len(least):
            yield f"{said:.0f} of {lines} lines are said to stand, at least {len(least)} do: {shares}"
        tips = self.desk.git("for-each-ref", "--format=%(objectname)", "refs/heads", "refs/remotes").split()
        held = [text for tip in (*tips, self.desk.head()) for text in self.book.commits.get(tip, {}).values()]
        stands = {bones(line) for text in held for line in text.lines} & self.wrote.get(trace, set())
        whole = sum(file["lines"] == 1 for file in fate["files"]) if fate else 0
        if not stands and said > whole + 0.5 and not shares.get("transformed"):
            yield f"{said:.0f} of {lines} lines are said to stand, none does: {shares}"

    def wrong_lines(self, name: str, events: dict[str, tuple[str, Record]]) -> Iterator[str]:
        """Yield lines of a file at HEAD that are said to be of who never wrote one like it, or of nobody."""
        lines = self.book.commits[self.desk.head()][name].lines
        rows = json.loads(self.desk.git("trace", "blame", "--json", "--", name, "HEAD")) if lines else []
        if Counter(row["text"].encode("utf-8", "surrogateescape") for row in rows) != Counter(lines):
            yield f"blame of {name} has other lines than the file"
        for row in rows:
            text = row["text"].encode("utf-8", "surrogateescape")
            said = self._said(row["event"], events)
            known = {one if one[0] in self.traces else NOBODY for one in self.book.writers(text)}
            if said in known or self.book.is_unsure(text) or (said == NOBODY and not tells(text)):
                continue
            wrote = self.wrote.get(said[0] if said[1] == HAND else said, set())
            if said == NOBODY or bones(text) not in wrote:
                yield f"{name}:{row['line']} is said to be of {said}, not of {known}: {row['text']!r:.80}"

    def _said(self, event: Record | None, events: dict[str, tuple[str, Record]]) -> Writer:
        if event is None:
            return NOBODY
        trace, known = events[event["event_id"]]
        effect = known["kind"] == "command" and event["part"] == "effect"
        return trace, (str(known["reasoning"]) if effect else HAND)
