"""A team's own rules, from the file that `trace.redact.rules` names (gittrace/doc/REDACTION.md has the format).

A rule of a stranger may be slow or wrong, so one is taken only if it cannot be either: it has a keyword, each repeat
has an upper bound, the ways to match it are few, and its samples say what it says. A file with a bad row is refused
whole, and the row named.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import Any

from gittrace.errors import TraceError
from gittrace.protect.rules import Rule
from gittrace.protect.scanner import Scanner

MAX_WAYS = 4096
"""In how many ways the repeats of a pattern may share out a text: what a search may have to try at one place."""

MAX_RULES = 500
_MAX_PATTERN = 2000
_MAX_REPEAT = 10_000
_NO_END = 1 << 40
_FIELDS = frozenset(("name", "pattern", "keywords", "ignore_case", "hits", "misses"))
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?")


class BadRule(ValueError):
    """What is wrong with a row."""


def load(path: str, taken: Iterable[str]) -> list[Rule]:
    """Read a file of rules. Raises TraceError, naming the file and the row; `taken` are names that are used already."""
    try:
        with open(path, "rb") as file:
            data = tomllib.load(file)
    except OSError as error:
        raise _error(path, (error.strerror or str(error)).lower()) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise _error(path, str(error)) from None
    if unknown := data.keys() - {"rule"}:
        raise _error(path, f"unknown key '{min(unknown)}'")
    rows = data.get("rule", [])
    if not isinstance(rows, list) or len(rows) > MAX_RULES:
        raise _error(path, f"it holds no list of [[rule]], or more than {MAX_RULES}")
    names = set(taken)
    rules = []
    for number, row in enumerate(rows, 1):
        try:
            rules.append(_rule(row, names))
        except BadRule as error:
            name = f" ('{row['name']}')" if isinstance(row, dict) and isinstance(row.get("name"), str) else ""
            raise _error(path, f"rule {number}{name}: {error}") from None
        names.add(rules[-1].name)
    return rules


def _error(path: str, why: str) -> TraceError:
    return TraceError(
        f"cannot read the rules of redaction in '{path}': {why}", "'git config trace.redact.rules' names it"
    )


def _rule(row: Any, names: set[str]) -> Rule:
    if not isinstance(row, Mapping):
        raise BadRule("it is no table")
    if unknown := row.keys() - _FIELDS:
        raise BadRule(f"unknown key '{min(unknown)}'")
    name, pattern, fold = row.get("name"), row.get("pattern"), row.get("ignore_case", False)
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadRule("'name' is small letters, digits and '-', 40 at most")
    if name in names:
        raise BadRule("there is a rule of that name")
    if not isinstance(pattern, str) or not 0 < len(pattern) <= _MAX_PATTERN:
        raise BadRule(f"'pattern' is a regular expression of at most {_MAX_PATTERN} characters")
    if not isinstance(fold, bool):
        raise BadRule("'ignore_case' is true or false")
    keywords = _texts(row, "keywords")
    hits, misses = _texts(row, "hits"), _texts(row, "misses")
    if not keywords or any(len(word) < 3 or "\n" in word for word in keywords):
        raise BadRule("'keywords' are texts of at least 3 characters, one of which is in every secret or beside it")
    if not hits:
        raise BadRule("'hits' are samples that hold a secret; there must be one")
    source = (f"(?i:{pattern})" if fold else pattern).encode()
    _check(source)
    words = [(word.lower() if fold else word).encode() for word in keywords]
    rule = Rule(name, words, source, hits, misses, fold=fold, token=False, line=True)
    scanner = Scanner([rule])
    for sample in hits:
        if not scanner.find(sample.encode()):
            raise BadRule(f"its sample '{sample}' is not found")
    for sample in misses:
        if scanner.find(sample.encode()):
            raise BadRule(f"its sample '{sample}' is found, and should not be")
    return rule


def _texts(row: Mapping[str, Any], key: str) -> list[str]:
    texts = row.get(key, [])
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise BadRule(f"'{key}' is a list of texts")
    return texts


def _check(source: bytes) -> None:
    """Refuse a pattern that is wrong, or may take long. Raises BadRule."""
    try:
        re.compile(source)
        tree = parser.parse(source)
    except (re.error, OverflowError, RecursionError) as error:
        raise BadRule(f"bad pattern: {error}") from None
    width = tree.getwidth()
    if width[0] == 0:
        raise BadRule("its pattern matches the empty text")
    ways = _ways(tree)
    if ways > MAX_WAYS:
        raise BadRule(
            f"its pattern may be slow: its repeats can share out a text in {ways} ways, over {MAX_WAYS}"
            " (narrow '{m,n}', or make it possessive: '{m,n}+')"
        )


def _ways(items: Sequence[Any]) -> int:
    """Return in how many ways the repeats of a pattern can be shared out. Raises BadRule for one without a bound."""
    ways = 1
    for code, argument in items:
        ways = min(ways * _ways_of(code, argument), _NO_END)
    return ways


def _ways_of(code: Any, argument: Any) -> int:
    if code in (op.MAX_REPEAT, op.MIN_REPEAT):
        low, high, inner = argument
        if high == op.MAXREPEAT:
            raise BadRule("a repeat without an upper bound ('*', '+', '{n,}') may be slow: write '{m,n}'")
        if high > _MAX_REPEAT:
            raise BadRule(f"a repeat of up to {high} is too long")
        each = _ways(inner)
        # how often, and each time in so many ways
        often = high - low + 1
        ways: int = often if each == 1 else min(often * each ** min(high, 64), _NO_END)
        return ways
    if code == op.POSSESSIVE_REPEAT:
        if argument[1] == op.MAXREPEAT:
            raise BadRule("a repeat without an upper bound ('*+', '++', '{n,}+') may be slow: write '{m,n}+'")
        return _ways_inside(argument[2])
    if code == op.ATOMIC_GROUP:
        return _ways_inside(argument)
    if code == op.SUBPATTERN:
        return _ways(argument[3])
    if code == op.BRANCH:
        return sum(_ways(branch) for branch in argument[1])
    if code in (op.ASSERT, op.ASSERT_NOT):
        return _ways(argument[1])
    if code == op.GROUPREF_EXISTS:
        return sum(_ways(branch) for branch in argument[1:] if branch)
    return 1


def _ways_inside(items: Sequence[Any]) -> int:
    """What is not tried again counts once; inside of it the bound holds too."""
    ways = _ways(items)
    return 1 if ways <= MAX_WAYS else ways
