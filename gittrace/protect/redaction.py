"""What is redacted in this repository: the rules in force, by its configuration and the environment.

`trace.redact.email`, `.home`, `.rules`, `.allow` (gittrace/doc/REDACTION.md). The environment's values of variables
with telling names (`GITHUB_TOKEN`, `DB_PASSWORD`) are masked wherever they stand, whatever they look like.
"""

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass

from gittrace.errors import BadConfig, NoWorktree
from gittrace.git.repository import Repository
from gittrace.protect import chosen
from gittrace.protect.beside import CHOSEN
from gittrace.protect.cleaning import Cleaner
from gittrace.protect.environment import secret_values
from gittrace.protect.identity import redaction_key
from gittrace.protect.redactor import BUILTIN, ENGINE, ENVIRONMENT, Redactor
from gittrace.protect.rules import Rule

_TAG = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True)
class Redaction:
    """The rules in force; `version` tells them from any others, the environment left out.

    rules          in order; the environment's values come last
    allowed        tags of secrets that are left alone
    allowed_paths  (rule, path of a file) whose findings are left alone
    """

    rules: tuple[Rule, ...]
    version: str
    allowed: frozenset[str]
    allowed_paths: frozenset[tuple[str, str]]

    def redactor(self, with_allowed: bool = True, deeper: bool = False) -> Redactor:
        """Return what masks texts; without the list of what is allowed, when all that is found is to be told.

        `deeper`: by the deeper scanner too, which must be installed.
        """
        kind = Redactor
        if deeper:
            from gittrace.protect.deep import DeepRedactor

            kind = DeepRedactor
        return kind(self.rules, redaction_key, self.allowed if with_allowed else frozenset())

    def cleaner(self, deeper: bool = False) -> Cleaner:
        """Return what masks events."""
        return Cleaner(self.redactor(deeper=deeper), self.allowed_paths)


def redaction(repo: Repository, environment: Mapping[str, str] | None = None, with_team: bool = True) -> Redaction:
    """Return the rules in force in a repository, with the secrets of an environment masked too.

    Raises BadConfig, TraceError when a team's rules can't be read; without these not.
    """
    rules = list(BUILTIN)
    names = {rule.name for rule in (*BUILTIN, *CHOSEN)} | {ENVIRONMENT}
    rules += [rule for rule in CHOSEN if repo.is_on(f"trace.redact.{rule.name}")]
    text = ""
    if with_team and (path := str(repo.config("trace.redact.rules"))):
        own, text = _team(repo, path, names)
        rules += own
    version = _version(rules, text)
    if values := secret_values(environment or {}):
        rules.append(Rule(ENVIRONMENT, values, None))
    allowed, paths = _allowed(repo)
    return Redaction(tuple(rules), version, allowed, paths)


def _team(repo: Repository, name: str, taken: set[str]) -> tuple[list[Rule], str]:
    """Return a team's own rules, and the hash of their file."""
    from gittrace.protect import team

    path = chosen.resolved(repo, name)
    if not os.path.isabs(path):
        raise NoWorktree(
            f"cannot read the rules of redaction: '{path}' counts from the top of a worktree, and there is none here",
            "give 'trace.redact.rules' an absolute path",
        )
    try:
        mark = chosen.mark_of(path)
    except OSError:
        mark = ""
    rules = team.load(path, taken)
    chosen.keep_words(repo, mark, rules)
    with open(path, "rb") as file:
        return rules, hashlib.sha256(file.read()).hexdigest()


def _version(rules: list[Rule], team_text: str) -> str:
    """Return a name for the rules: another as soon as they may find something else."""
    parts = [str(ENGINE), team_text]
    parts += [
        f"{rule.name} {rule.keywords} {rule.pattern!r} {rule.check} {rule.reader} {rule.fold} {rule.token}"
        for rule in rules
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _allowed(repo: Repository) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    tags, paths = set(), set()
    for entry in str(repo.config("trace.redact.allow")).split("\n"):
        rule, colon, path = entry.partition(":")
        if _TAG.fullmatch(entry):
            tags.add(entry)
        elif colon and rule and path:
            paths.add((rule, path))
        elif entry:
            raise BadConfig(
                f"bad value '{entry}' for 'trace.redact.allow'", "it takes the tag of a placeholder, or '<rule>:<path>'"
            )
    return frozenset(tags), frozenset(paths)
