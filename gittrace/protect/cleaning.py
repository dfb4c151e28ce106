"""Redact what was recorded: every string of an event, by walking it, so that no field can escape.

What is never touched is told by its shape (an oid, a UUID, a time) or by name and shape (signatures and encrypted
reasoning, which whoever made them wants back as they were).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar

from gittrace.protect import binaries
from gittrace.protect.redactor import Hit, Redactor
from gittrace.text import decode, quoted_word

T = TypeVar("T")

DIFFS = ("diff", "effect")

_OPAQUE = frozenset(
    """
    encrypted_content encrypted_reasoning redacted_thinking signature thinking_signature thought_signature
    """.split()
)
_PACKED = re.compile(r"[A-Za-z0-9+/=_-]{32,}")
# what is shorter than a time
_SHORTEST_PLAIN = 20
_PLAIN = re.compile(
    r"(?:[0-9a-f]{40}|[0-9a-f]{64}|[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z)"
)
_TELLING = re.compile(r"passw|passphrase|pwd|secret|token|key|auth", re.IGNORECASE)
_FILE = re.compile(r"^diff --git ", re.MULTILINE)
_SHORT = 6
# the commonest first: to ask for an abstract class takes longer
_MAPPINGS, _LISTS = (dict, Mapping), (list, tuple)
_NAMED = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """A secret in an event: the field (`input.headers[2]`), the file where that is a diff, the line in the field."""

    event_id: str
    field: str
    path: str
    line: int
    rule: str
    tag: str


class Cleaner:
    """Redacts events; `found` is what was found in them, in order.

    `allowed` holds (rule, path): what that rule finds in that file is left alone.
    """

    def __init__(self, redactor: Redactor, allowed: frozenset[tuple[str, str]] = frozenset()) -> None:
        self.found: list[Finding] = []
        self._redactor = redactor
        self._allowed: dict[str, frozenset[str]] = {}
        for rule, path in allowed:
            self._allowed[path] = self._allowed.get(path, frozenset()) | {rule}
        self._event = ""

    def events(self, events: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
        """Return events without their secrets; most have none, and are looked at together."""
        if self._may_hold_some(events):
            return [self.event(event) if self._may_hold_some([event]) else dict(event) for event in events]
        return [dict(event) for event in events]

    def _may_hold_some(self, events: Iterable[Mapping[str, Any]]) -> bool:
        return self._redactor.finds(texts_of(events))

    def event(self, event: Mapping[str, Any]) -> dict[str, Any]:
        """Return an event without its secrets; a diff that had some is marked (`diff_redacted`, `effect_redacted`)."""
        self._event = str(event.get("id", ""))
        skip = self._skipped(event.get("path"))
        cleaned: dict[str, Any] = {}
        for key, value in event.items():
            if key in DIFFS and isinstance(value, str):
                cleaned[key] = self.diff(value, key)
                if cleaned[key] != value:
                    cleaned[f"{key}_redacted"] = True
            else:
                cleaned[self._name(key, "")] = self._value(value, key, key, skip)
        command, argv = event.get("command"), event.get("argv")
        if isinstance(command, str) and isinstance(argv, list) and argv != cleaned["argv"]:
            # quoted for a shell, a secret may be in pieces that no rule knows
            cleaned["command"] = self._redactor.text(_with_words(command, argv, cleaned["argv"]), skip)[0]
        return cleaned

    def facts(self, item: T) -> T:
        """Return what is told of a trace by others than its events, dataclasses and what they hold, without secrets.

        Each string, by walking it: branches, paths and subjects come from the repository, which masks nothing.
        """
        return self._fact(item, "") if self._redactor.finds(_strings(item)) else item

    def _fact(self, item: Any, name: str) -> Any:
        if is_dataclass(item) and not isinstance(item, type):
            return replace(item, **{one.name: self._fact(getattr(item, one.name), one.name) for one in fields(item)})
        if isinstance(item, dict):
            return {self._name(key, name): self._fact(value, str(key)) for key, value in item.items()}
        if isinstance(item, tuple | list | frozenset):
            make = getattr(item, "_make", type(item))
            return make(self._fact(one, name) for one in item)
        if isinstance(item, bytes):  # a path
            return self._redactor.data(item)[0]
        return self._text(item, name, frozenset()) if isinstance(item, str) and not _is_plain(item, name) else item

    def diff(self, text: str, field: str = "") -> str:
        """Return a diff without its secrets, file by file; its lines stay as many, but for those of binary patches."""
        if binaries.MARK in text:
            text = binaries.PATCH.sub(lambda patch: self._binary(patch, field), text)
        starts = [match.start() for match in _FILE.finditer(text)]
        if not self._allowed or not starts:
            return self._signed(text, field, frozenset())
        out = [self._text(text[: starts[0]], field, frozenset())]
        for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
            part = text[start:end]
            out.append(self._signed(part, field, self._skipped(path_of(part))))
        return "".join(out)

    def _binary(self, patch: re.Match[str], field: str) -> str:
        """Return a binary patch, or what stands for one that brings a secret: no part of it can be masked alone."""
        diff, start = patch.string, patch.start()
        path = path_of(diff[max(diff.rfind("diff --git ", 0, start), 0) : start])
        _, hits = self._redactor.text(binaries.texts_in(patch[0]), self._skipped(path))
        if not hits:
            return patch[0]
        line = diff.count("\n", 0, start) + 1
        self.found += [Finding(self._event, field, path, line, rule, tag) for rule, tag in dict.fromkeys(hits)]
        rule, tag = hits[0]
        return binaries.masked(f"[REDACTED:{rule}:{tag}]")

    def _signed(self, text: str, field: str, skip: frozenset[str]) -> str:
        """Mask a part of a diff; a secret may begin with what is the sign of its line, and that stays."""
        out = self._text(text, field, skip)
        if out == text:
            return out
        lines = []
        for old, new in zip(text.split("\n"), out.split("\n"), strict=True):
            kept = old[:1] == new[:1] or old[:1] not in ("+", "-", " ")
            lines.append(new if kept else old[:1] + self._redactor.text(old[1:], skip)[0])
        return "\n".join(lines)

    def _skipped(self, path: object) -> frozenset[str]:
        return self._allowed.get(path, frozenset()) if isinstance(path, str) else frozenset()

    def _value(self, value: Any, name: str, field: str, skip: frozenset[str]) -> Any:
        """Return a value without its secrets; `name` is what it is called, which may tell that it is one."""
        if isinstance(value, str):
            return self._string(value, name, field, skip)
        if isinstance(value, Mapping):
            return {self._name(k, field): self._value(v, str(k), f"{field}.{k}", skip) for k, v in value.items()}
        if isinstance(value, list | tuple):
            names = _names(value, name)
            return [
                self._value(v, n, f"{field}[{at}]", skip) for at, (v, n) in enumerate(zip(value, names, strict=True))
            ]
        return value

    def _name(self, name: Any, field: str) -> Any:
        return self._text(name, field, frozenset()) if isinstance(name, str) and len(name) >= _SHORT else name

    def _string(self, value: str, name: str, field: str, skip: frozenset[str]) -> str:
        if named := _named(value, name):
            head, tail = named
            out, hits = self._redactor.text(f"{head}{value}{tail}", skip)
            if hits and out.startswith(head) and out.endswith(tail):
                after = out[len(head) : len(out) - len(tail)]
                self._note(hits, value, after, field)
                value = after
        return value if _is_plain(value, name) else self._text(value, field, skip)

    def _text(self, text: str, field: str, skip: frozenset[str]) -> str:
        out, hits = self._redactor.text(text, skip)
        if hits:
            self._note(hits, text, out, field)
        return out

    def _note(self, hits: Sequence[Hit], before: str, after: str, field: str) -> None:
        for place in places(before, after, hits):
            self.found.append(Finding(self._event, field, place.path, place.line, place.rule, place.tag))


def _strings(item: Any) -> list[str]:
    """Return all strings in dataclasses and what they hold."""
    if isinstance(item, str | bytes):
        return [item if isinstance(item, str) else item.decode("utf-8", "surrogateescape")]
    if is_dataclass(item) and not isinstance(item, type):
        item = [getattr(item, one.name) for one in fields(item)]
    elif isinstance(item, dict):
        item = [*item, *item.values()]
    elif not isinstance(item, tuple | list | frozenset):
        return []
    return [text for one in item for text in _strings(one)]


def _with_words(command: str, before: Sequence[Any], after: Sequence[Any]) -> str:
    """Return a command with some of its words, as they were quoted, replaced by others."""
    for old, new in zip(before, after, strict=True):
        if isinstance(old, str) and old != new:
            typed = quoted_word(old)
            command = command.replace(typed, new if typed == old else quoted_word(new))
    return command


def _names(values: Sequence[Any], name: str) -> list[str]:
    """Return what the values of a list are called: the word behind an option is its value (`--password`, `...`)."""
    options = ["", *(value if isinstance(value, str) and value.startswith("-") else "" for value in values)]
    return [option or name for option in options[: len(values)]]


def _named(value: str, name: str) -> tuple[str, str] | None:
    """Return what stands around a value in a text where its name is beside it, None when the name tells nothing."""
    if not _tells(name) or not value or len(value) > _NAMED or "\n" in value:
        return None
    quote = next((mark for mark in "\"'`" if mark not in value), "")
    return f"{name.lstrip('-')}={quote}", quote


@lru_cache(maxsize=1000)
def _tells(name: str) -> bool:
    """Tell whether a field's name is one that a secret may have; there are few names, and many fields."""
    return bool(_TELLING.search(name))


def _is_plain(value: str, name: str) -> bool:
    """Tell whether a value is none that any rule could apply to, by its shape, and for some by its name too."""
    if len(value) < _SHORT or _PLAIN.fullmatch(value):
        return True
    return name in _OPAQUE and bool(_PACKED.fullmatch(value))


def texts_of(events: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return all texts that are looked at in events."""
    found: list[str] = []
    names: set[str] = set()
    for event in events:
        _gather(event, "", found, names)
    return [*found, *(name for name in names if len(name) >= _SHORT)]


def _gather(value: Any, name: str, found: list[str], names: set[str]) -> None:
    if isinstance(value, str):
        if name in DIFFS and binaries.MARK in value:
            found.append(binaries.texts_in(value))
        if _tells(name) and (named := _named(value, name)):
            found.append(f"{named[0]}{value}{named[1]}")
        if len(value) < _SHORTEST_PLAIN:
            if len(value) >= _SHORT:
                found.append(value)
        elif not _is_plain(value, name):
            found.append(value)
    elif isinstance(value, _MAPPINGS):
        names.update(key for key in value if isinstance(key, str))
        for key, item in value.items():
            _gather(item, str(key), found, names)
    elif isinstance(value, _LISTS):
        for item, called in zip(value, _names(value, name), strict=True):
            _gather(item, called, found, names)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a secret was in a text: the line, from 1, and the file when the text is a diff."""

    line: int
    path: str
    rule: str
    tag: str


def places(before: str, after: str, hits: Sequence[Hit]) -> list[Place]:
    """Return where a text was redacted. Lines stay lines, so those that differ are told by their number."""
    wanted = {f"[REDACTED:{rule}:{tag}]": (rule, tag) for rule, tag in hits}
    found: list[Place] = []
    path = ""
    for number, (old, new) in enumerate(zip(before.split("\n"), after.split("\n"), strict=False), 1):
        if old.startswith("diff --git "):
            path = path_of(old)
        if old == new:
            continue
        inside = sorted((new.find(mark), hit) for mark, hit in wanted.items() if mark in new and mark not in old)
        found += [Place(number, path, rule, tag) for _, (rule, tag) in inside]
    # a key over several lines is one secret
    return [one for at, one in enumerate(found) if not at or not _goes_on(found[at - 1], one)]


def _goes_on(before: Place, place: Place) -> bool:
    return (before.rule, before.tag, before.path) == (
        place.rule,
        place.tag,
        place.path,
    ) and place.line == before.line + 1


def path_of(diff: str) -> str:
    """Return the path that a file's part of a diff is about, the new one of a rename."""
    first = diff.partition("\n")[0].removeprefix("diff --git ")
    if renamed := re.search(r"^rename to (.+)$", diff[:4000], re.MULTILINE):
        return _unquoted(renamed[1])
    half = len(first) // 2
    return _unquoted(first[half + 1 :]).removeprefix("b/")


def _unquoted(name: str) -> str:
    # most diffs have nothing to tell of
    from gittrace.git.patch import unquote

    return decode(unquote(name.encode("utf-8", "surrogatepass")))
