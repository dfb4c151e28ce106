"""The command line as data: what the parsers of all commands take, read out of argparse."""

import argparse
import re
from collections.abc import Iterator
from dataclasses import dataclass

from gittrace import main
from gittrace.command_list import COMMANDS

# what a value can be completed with, by the word that its placeholder uses
FILES = "files"
TRACES = "traces"
REVISIONS = "revisions"
PROGRAMS = "programs"
ANYTHING = ""
KINDS = {
    "trace": TRACES,
    "commit": REVISIONS,
    "revision": REVISIONS,
    "object": REVISIONS,
    "file": FILES,
    "path": FILES,
    "dir": FILES,
    "directory": FILES,
    "command": PROGRAMS,
}


@dataclass(frozen=True)
class Argument:
    """An option (`flags` are its spellings) or, without flags, a positional argument.

    placeholder  how its value is written, such as `<file>`; empty for a switch
    kind         what its value can be completed with
    choices      the only values that it takes, if they are few
    """

    flags: tuple[str, ...]
    placeholder: str
    kind: str
    choices: tuple[str, ...]
    required: bool
    repeated: bool
    help: str


@dataclass(frozen=True)
class CommandLine:
    """A command with all that its parser takes. `exclusive` holds the sets of options that bar each other."""

    name: str
    group: str
    summary: str
    description: str
    arguments: tuple[Argument, ...]
    exclusive: tuple[tuple[Argument, ...], ...]

    @property
    def options(self) -> list[Argument]:
        """The arguments that begin with a dash."""
        return [argument for argument in self.arguments if argument.flags]

    @property
    def positionals(self) -> list[Argument]:
        """The arguments that don't, in order."""
        return [argument for argument in self.arguments if not argument.flags]


def read() -> list[CommandLine]:
    """Load every command of the table and return what it takes, in the table's order."""
    lines = []
    for command in COMMANDS:
        parser = main.build_parser(command)
        by_action = {id(action): argument for action, argument in _arguments(parser)}
        groups = ([by_action.get(id(a)) for a in g._group_actions] for g in parser._mutually_exclusive_groups)
        exclusive = (tuple(a for a in group if a and a.flags) for group in groups)
        lines.append(
            CommandLine(
                name=command.name,
                group=command.kind,
                summary=command.help,
                description=_in_brackets(parser.description or command.help, *parser._actions),
                arguments=tuple(by_action.values()),
                exclusive=tuple(filter(None, exclusive)),
            )
        )
    return lines


def _arguments(parser: argparse.ArgumentParser) -> Iterator[tuple[argparse.Action, Argument]]:
    # argparse has no public way to ask a parser what it takes; shtab and argparse-manpage read the same attributes
    in_need = {id(a) for group in parser._mutually_exclusive_groups if group.required for a in group._group_actions}
    for action in parser._actions:
        if action.help == argparse.SUPPRESS or isinstance(action, argparse._HelpAction):
            continue
        choices = tuple(str(choice) for choice in action.choices or ())
        placeholder = "" if action.option_strings and action.nargs == 0 else _placeholder(action, choices)
        yield (
            action,
            Argument(
                flags=tuple(sorted(action.option_strings, key=lambda flag: flag.startswith("--"))),
                placeholder=placeholder,
                kind=_kind(placeholder, action.nargs),
                choices=choices,
                required=id(action) in in_need or _required(action),
                repeated=action.nargs in ("*", "+", argparse.REMAINDER) or isinstance(action, argparse._AppendAction),
                # as argparse does it
                help=_in_brackets((action.help or "") % {**vars(action), "prog": parser.prog}, action),
            ),
        )


def _required(action: argparse.Action) -> bool:
    # what argparse itself says about a positional '*' differs from version to version of python
    return action.required if action.option_strings else action.nargs not in ("?", "*")


def _placeholder(action: argparse.Action, choices: tuple[str, ...]) -> str:
    if isinstance(action.metavar, tuple):
        return " ".join(map(_bracketed, action.metavar))
    if action.metavar:
        return _bracketed(action.metavar)
    if choices and len(choices) <= 4:
        return f"({'|'.join(choices)})"
    return _bracketed(action.dest)


def _bracketed(word: str) -> str:
    word = word.removesuffix("...")
    return word if word.startswith(("<", "(", "[")) else f"<{word.lower().replace('_', '-')}>"


def _in_brackets(text: str, *actions: argparse.Action) -> str:
    """Write placeholders in prose as they are written in the usage: FILE as <file>."""
    words = {action.metavar for action in actions if isinstance(action.metavar, str) and action.metavar.isupper()}
    return re.sub(r"\b[A-Z]+\b", lambda found: _bracketed(found[0]) if found[0] in words else found[0], text)


def _kind(placeholder: str, nargs: object) -> str:
    if nargs == argparse.REMAINDER:
        return PROGRAMS
    words = placeholder.strip("<>()[]").replace("-", " ").replace("|", " ").split()
    return next((KINDS[word] for word in words if word in KINDS), ANYTHING)
