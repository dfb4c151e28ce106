"""What can go wrong in ways the user can understand. `gittrace.main` prints these; everything else only raises.

Messages are worded as git words them: lower case, no full stop, what failed first, the subject quoted.
"""

from gittrace.vocabulary import EXIT_ERROR, EXIT_USAGE


class TraceError(Exception):
    """An error that the user can understand; `hint` says what to do about it."""

    exit_code = EXIT_ERROR

    def __init__(self, message: str, hint: "str | None" = None) -> None:
        super().__init__(message)
        self.hint = hint


def told(error: Exception) -> str:
    """Return an error in one line, as it is told to people."""
    if isinstance(error, OSError) and error.strerror:
        name = f"'{error.filename}': " if error.filename else ""
        return f"{name}{error.strerror[:1].lower()}{error.strerror[1:]}"
    return str(error)


class UsageError(TraceError):
    """The command line makes no sense."""

    exit_code = EXIT_USAGE


class NoRepository(TraceError):
    """Not in a git repository, or git won't open it."""


class NoWorktree(TraceError):
    """The repository is bare, and the command needs files."""


class NoSession(TraceError):
    """No session is active in this worktree."""


class SessionActive(TraceError):
    """A session is active in this worktree already."""


class NotFound(TraceError):
    """What was named (a trace, session, event, commit or snapshot) isn't there, or isn't unique."""


class GitFailed(TraceError):
    """git itself failed; the message holds what it said.

    `code` is git's exit status, or minus the signal that killed it.
    """

    def __init__(self, message: str, hint: "str | None" = None, code: int = EXIT_ERROR) -> None:
        super().__init__(message, hint)
        self.code = code


class GitMissing(TraceError):
    """There is no git on PATH, or it is too old."""


class RefMoved(TraceError):
    """Another writer moved the ref between the read and the write."""


class ObjectsDropped(GitFailed):
    """Garbage was collected at the same time, and took objects that were written just before."""


class BadConfig(TraceError):
    """A configuration value that can't be read; the message names the key and the file."""


class Damaged(TraceError):
    """A journal, note or segment that can't be read; the message says which and where."""


class WouldOverwrite(TraceError):
    """Uncommitted work would be lost."""
