"""Writes the manual page git-trace(1) in man(7), for `git trace --help` and `man git-trace`."""

import re
import textwrap
from collections.abc import Callable, Iterable, Sequence

from gittrace.command_list import PLUMBING, PORCELAIN
from gittrace.doc import manual_text
from gittrace.doc.commandline import PROGRAMS, Argument, CommandLine
from gittrace.vocabulary import CONFIG

_WIDTH = 78  # mandoc -T lint calls longer lines bad style
_SIZES = ((1 << 30, "g"), (1 << 20, "m"), (1 << 10, "k"))


def manual(commands: Sequence[CommandLine], version: str, date: str) -> str:
    """Return the page; `date` is the version's, as YYYY-MM-DD."""
    lines = [
        '.\\" made by "python -m gittrace.doc.generate"',
        f'.TH GIT\\-TRACE 1 {date} "gittrace {version}" "Git Manual"',
        ".SH NAME",
        f"git\\-trace \\- {manual_text.SUMMARY}",
        ".SH SYNOPSIS",
        ".nf",
        "\\fBgit trace\\fR \\fI<command>\\fR [\\fI<args>\\fR]",
        "\\fBgit trace\\fR (\\-h | \\-\\-help | \\-\\-version)",
        ".fi",
        ".SH DESCRIPTION",
        *paragraphs(manual_text.DESCRIPTION),
    ]
    for title, group in (("COMMANDS", PORCELAIN), ("PLUMBING COMMANDS", PLUMBING)):
        lines.append(f".SH {title}")
        for command in commands:
            if command.group == group:
                lines += _command(command)
    lines += [".SH CONFIGURATION", *paragraphs(manual_text.CONFIGURATION)]
    for key, text in manual_text.CONFIG_HELP.items():
        lines += [".TP", f"\\fB{key}\\fR", *_filled(f"{text} {_takes(key)}")]
    for title, items in manual_text.TABLES.items():
        lines.append(f".SH {title}")
        for term, text in items.items():
            lines += [".TP", f"\\fB{literal(term)}\\fR", *_filled(text)]
    lines += [".SH SEE ALSO", *_references(manual_text.SEE_ALSO)]
    return "\n".join(lines) + "\n"


def _command(command: CommandLine) -> list[str]:
    lines = [f".SS git trace {literal(command.name)}", *_synopsis(command), ".PP"]
    lines += paragraphs(command.description)
    for argument in command.arguments:
        if argument.help:
            lines += [".TP", _term(argument), *_filled(argument.help)]
    return lines


def _synopsis(command: CommandLine) -> list[str]:
    """Return the usage in git's notation: options first, exclusive ones together, then the positional arguments."""
    words = []
    done: set[Argument] = set()
    for option in command.options:
        if option not in done:
            group = next((group for group in command.exclusive if option in group), (option,))
            done.update(group)
            words.append(_usage_of_options(group))
    for positional in command.positionals:
        text = positional.placeholder + ("..." if positional.repeated else "")
        if positional.kind == PROGRAMS:
            words.append("[--]")
        words.append(text if positional.required else f"[{text}]")
    head = f"git trace {command.name}"
    # a group such as [--json | --porcelain] stays on one line
    text = " ".join(word.replace(" ", "\0") for word in words)
    wrapped = textwrap.wrap(text, 72 - len(head), break_long_words=False, break_on_hyphens=False) or [""]
    indent = " " * len(head)
    lines = [f"{indent if n else head} {line}".replace("\0", " ").rstrip() for n, line in enumerate(wrapped)]
    return [".nf", *(_protect(inline(line, literal)) for line in lines), ".fi"]


def _usage_of_options(group: Sequence[Argument]) -> str:
    text = " | ".join(f"{_long(option)} {option.placeholder}".strip() for option in group)
    if not group[0].required:
        return f"[{text}]" + ("..." if group[0].repeated else "")
    return f"({text})" if len(group) > 1 else text


def _long(option: Argument) -> str:
    return next((flag for flag in option.flags if flag.startswith("--")), option.flags[0])


def _term(argument: Argument) -> str:
    flags = ", ".join(f"\\fB{literal(flag)}\\fR" for flag in argument.flags)
    value = f"\\fI{literal(argument.placeholder)}\\fR" if argument.placeholder else ""
    return f"{flags} {value}".strip()


def _takes(key: str) -> str:
    kind, default = CONFIG[key.lower()]
    if kind == "size":
        assert isinstance(default, int)
        size, unit = next(((size, unit) for size, unit in _SIZES if not default % size), (1, ""))
        return f"A size with an optional unit k, m or g; default {default // size}{unit}."
    if kind == "bool":
        return f"A boolean; default {'true' if default else 'false'}."
    if kind == "list":
        return "May be given several times."
    if kind == "text":
        return f"Default '{default}'." if default else "Not set by default."
    *others, last = (f"'{word}'" for word in kind.split("|"))
    return f"One of {', '.join(others)} and {last}; default '{default}'."


def _references(names: Iterable[str]) -> list[str]:
    pages = [name.partition("(") for name in names]
    text = ", ".join(f"\\fB{literal(name)}\\fR({section}" for name, _, section in pages)
    return textwrap.wrap(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def paragraphs(text: str) -> list[str]:
    """Return paragraphs (set apart by empty lines) as roff; those that are indented are shown as they are."""
    lines: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.strip("\n").rstrip()):
        lines.append(".PP")
        if paragraph.startswith(" "):
            shown = textwrap.dedent(paragraph).split("\n")
            lines += [".RS 4", ".nf", *(_protect(literal(line)) for line in shown), ".fi", ".RE"]
        else:
            lines += _filled(paragraph)
    return lines[1:]  # right after a heading a paragraph begins by itself


def _filled(text: str) -> list[str]:
    lines: list[str] = []
    for sentence in re.split(r"(?<=[.?!:]) (?=[A-Z'])", " ".join(text.split())):
        whole = inline(sentence, _prose)
        lines += textwrap.wrap(whole, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return [_protect(line) for line in lines]


def inline(text: str, escape: Callable[[str], str]) -> str:
    """Escape text, with what is in quotes in bold and `<placeholders>` in italics."""
    parts = re.split(r"((?<!\w)'[^'\n]+'(?!\w)|<[a-z][a-z0-9 -]*>)", text)
    out = []
    for part in parts:
        if part.startswith("'") and part.endswith("'") and len(part) > 2:
            out.append(f"\\fB{literal(part[1:-1])}\\fR")
        elif part.startswith("<") and part.endswith(">"):
            out.append(f"\\fI{literal(part)}\\fR")
        else:
            out.append(escape(part))
    return "".join(out)


_SPECIAL = {"\\": "\\e", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq"}


def _prose(text: str) -> str:
    text = "".join(_SPECIAL.get(character, character) for character in text)
    # a dash that begins an option is a minus sign; one between words is a hyphen
    return re.sub(r"(?<![\w)])-+", lambda dashes: "\\-" * len(dashes[0]), text)


def literal(text: str) -> str:
    """Escape what must come out as it is: commands, options, file names."""
    return "".join(_SPECIAL.get(character, character) for character in text).replace("-", "\\-")


def _protect(line: str) -> str:
    return f"\\&{line}" if line.startswith((".", "'")) else line
