"""git trace run."""

from gittrace.errors import NoSession, UsageError
from gittrace.git.repository import Discovery
from gittrace.journal.active import active_session

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

DESCRIPTION = """\
Run a command and record it in the active session: what it printed, how long it took, how it ended, and the whole
worktree before and after it. The command gets the terminal as if it ran alone, and git trace run exits as it did."""


class Arguments:
    """The parsed command line."""

    def __init__(self, command: "list[str]", reasoning: "str | None") -> None:
        self.command = command
        self.reasoning = reasoning


def parse_fast(argv: "list[str]") -> "Arguments | None":
    """Parse `[-m REASONING] [--] COMMAND...` without argparse, which costs as much as git itself; None for the rest."""
    reasoning = None
    if argv[:1] == ["-m"] and len(argv) > 1:
        reasoning, argv = argv[1], argv[2:]
    if argv[:1] == ["--"]:
        argv = argv[1:]
    elif argv[:1] and argv[0].startswith("-"):
        return None
    return Arguments(argv, reasoning) if argv else None


def add_arguments(parser: "argparse.ArgumentParser") -> None:
    """Declare options and arguments."""
    import argparse

    parser.add_argument("-m", dest="reasoning", metavar="REASONING", help="why the command is run")
    parser.add_argument("command", nargs=argparse.REMAINDER, metavar="COMMAND...", help="the command and its arguments")


def run(args: "Arguments | argparse.Namespace") -> int:
    """Run the command."""
    command = args.command[1:] if args.command[:1] == ["--"] else args.command
    if not command:
        raise UsageError("no command given", "usage: git trace run [-m REASONING] [--] COMMAND...")
    discovery = Discovery()
    # git looks for the repository while these are loaded
    from gittrace.capture.child import exit_as
    from gittrace.capture.record import Recorder

    repo = discovery.finish().need_worktree()
    active = active_session(repo.trace_dir, repo.common_trace_dir)
    if active is None:
        raise NoSession("no session is active in this worktree", "'git trace start' starts one")
    exit_as(Recorder(repo, active, command, args.reasoning).run())
