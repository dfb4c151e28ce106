"""Finds the command, imports only that, and is the one place that prints errors and sets the exit status."""

import errno
import gc
import os
import sys

from gittrace import __version__
from gittrace.command_list import COMMANDS, PORCELAIN, Command
from gittrace.errors import TraceError, UsageError, told
from gittrace.text import shown
from gittrace.vocabulary import EXIT_BUG, EXIT_ERROR, EXIT_INTERRUPTED, EXIT_USAGE

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from types import ModuleType
    from typing import NoReturn

# objects after which garbage is looked for, and how often that is done again among older ones: what is read of a long
# history is much, is held, and has next to no cycles
_COLLECT = 200_000, 20, 10
# what the file system says when it can't take more; the user's to mend, not a bug of ours
_THEIR_ERRORS = frozenset(
    getattr(errno, name)
    for name in (
        "ENOSPC EDQUOT EROFS EACCES EPERM EIO EMFILE ENFILE EFBIG ENOTDIR EISDIR ENOENT ENAMETOOLONG ELOOP"
    ).split()
)


def find(name: str) -> Command:
    """Return the row of a command. Raises UsageError."""
    for command in COMMANDS:
        if command.name == name:
            return command
    from difflib import get_close_matches

    close = get_close_matches(name, [command.name for command in COMMANDS], 1)
    hint = f"did you mean '{close[0]}'?" if close else "see 'git trace -h'"
    raise UsageError(f"'{name}' is not a git trace command", hint)


def load(command: Command) -> "ModuleType":
    """Import the module of a command."""
    # what a module makes stays: to look through it for garbage, now and when we end, is a fifth of a short command
    gc.disable()
    try:
        __import__(command.module)
    finally:
        gc.freeze()
        gc.enable()
        gc.set_threshold(*_COLLECT)
    return sys.modules[command.module]


def build_parser(command: Command) -> "argparse.ArgumentParser":
    """Return the parser of a command; its errors raise UsageError."""
    import argparse

    class Parser(argparse.ArgumentParser):
        def error(self, message: str) -> "NoReturn":
            usage = self.format_usage().strip()
            raise UsageError(message, usage)

    module = load(command)
    parser = Parser(
        prog=f"git trace {command.name}",
        description=getattr(module, "DESCRIPTION", command.help),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    module.add_arguments(parser)
    return parser


def usage() -> str:
    """Return the list of commands for people."""
    lines = ["usage: git trace <command> [<args>]", ""]
    lines += [f"   {c.name:<10} {c.help}" for c in COMMANDS if c.kind == PORCELAIN]
    return "\n".join(
        [*lines, "", "'git trace <command> -h' tells more about one; 'git trace --help' shows the manual."]
    )


def dispatch(argv: "Sequence[str]") -> int:
    """Run one command line and return its exit status. Raises TraceError."""
    if not argv:
        print(usage())
        return EXIT_NEGATIVE_USAGE
    if argv[0] in ("-h", "--help", "help"):
        print(usage())
        return 0
    if argv[0] in ("-v", "--version", "version"):
        print(f"git-trace version {__version__}")
        return 0
    command = find(argv[0])
    module = load(command)
    rest = list(argv[1:])
    paths: list[str] = []
    if getattr(module, "TAKES_PATHS", False) and "--" in rest:
        # argparse forgets where the -- was
        rest, paths = rest[: rest.index("--")], rest[rest.index("--") + 1 :]
    if getattr(module, "TAKES_COUNT", False):
        rest = [_count(word, before) for before, word in zip(["", *rest], rest, strict=False)]
    parse_fast = getattr(module, "parse_fast", None)
    args = parse_fast(rest) if parse_fast else None
    if args is None:
        args = build_parser(command).parse_args(rest)
    if paths:
        args.paths = paths
    status: int = module.run(args)
    return status


def _count(word: str, before: str) -> str:
    """Return `-n3` for `-3`, as git log takes it."""
    short = word[:1] == "-" and word[1:].isascii() and word[1:].isdecimal() and before != "-n"
    return f"-n{word[1:]}" if short else word


EXIT_NEGATIVE_USAGE = 1  # as git does when it is called without a command


def report(error: TraceError) -> int:
    """Print an error as git does, and return its exit status."""
    # it may quote what others recorded
    sys.stderr.write(f"{'error' if isinstance(error, UsageError) else 'fatal'}: {shown(str(error))}\n")
    hint = error.hint or ""
    for line in hint.splitlines():
        sys.stderr.write(f"{shown(line)}\n" if hint.startswith("usage:") else f"hint: {shown(line)}\n")
    return error.exit_code


def report_bug() -> int:
    """Write a log of an error that should not have happened, say where it is, and return 255."""
    import tempfile
    import traceback

    text = f"git-trace {__version__}, python {sys.version}, {sys.platform}\n{sys.argv}\n{traceback.format_exc()}"
    try:
        with tempfile.NamedTemporaryFile("wb", prefix="git-trace-bug-", suffix=".log", delete=False) as file:
            file.write(text.encode("utf-8", "backslashreplace"))
        sys.stderr.write(f"fatal: this is a bug in git-trace: {shown(str(sys.exc_info()[1]))}\n")
        sys.stderr.write(f"hint: the log is in '{file.name}'\n")
    except OSError:
        sys.stderr.write(text.encode("ascii", "backslashreplace").decode())
    return EXIT_BUG


def _open_standard_files() -> None:
    # a pipe of ours must never take the place of a closed standard file
    for fd in (0, 1, 2):
        try:
            os.fstat(fd)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


def main(argv: "Sequence[str]") -> int:
    """Run one command line; print its errors; return its exit status."""
    _open_standard_files()
    try:
        status = dispatch(argv)
        sys.stdout.flush()
        return status
    except TraceError as error:
        return report(error)
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # the reader went away, as `| head` does; python would complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except OSError as error:
        if error.errno not in _THEIR_ERRORS:
            return report_bug()
        return report(TraceError(told(error)))
    except RecursionError:
        return report_bug()
    except Exception:
        return report_bug()


def entry() -> "NoReturn":
    """The `git-trace` program."""
    status = main(sys.argv[1:])
    # what is left goes with the process: to look through it for garbage takes as long as to let go of it
    gc.freeze()
    sys.exit(status)


__all__ = ["EXIT_ERROR", "EXIT_USAGE", "build_parser", "entry", "main"]

if __name__ == "__main__":
    entry()
