"""Standard output as git treats it: on a terminal coloured by the user's configuration and paged, else plain."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from gittrace.commands.display import Screen
from gittrace.git.process import run
from gittrace.git.repository import Repository
from gittrace.text import decode

# what Python ignores and a pager must not inherit: SIGPIPE and SIGXFSZ
_DEFAULT_SIGNALS = (13, 25)
_YES = ("true", "yes", "on", "1")
_NO = ("false", "no", "off", "0")


@contextmanager
def output(repo: Repository, command: str, page: bool = True) -> Iterator[Screen]:
    """Yield what standard output can do; while this lasts it is the pager's input, where there is a pager.

    `pager.<command>` says whether, and if it is no boolean, through what. Raises GitFailed.
    """
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")
    terminal = os.isatty(1)
    paged_by_git = os.environ.get("GIT_PAGER_IN_USE", "").lower() in _YES
    if not terminal and not paged_by_git:
        yield Screen()
        return
    screen = Screen(_colours(repo), _width())
    pager = _pager(repo, command) if page and terminal else ""
    if not pager:
        yield screen
        return
    with _piped(pager):
        yield screen


def _colours(repo: Repository) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    return decode(repo.git("config", "--get-colorbool", "color.trace", "true")).strip() == "true"


def _width() -> int:
    columns = os.environ.get("COLUMNS", "")
    if columns.isdecimal() and int(columns):
        return int(columns)
    try:
        return os.get_terminal_size(1).columns
    except OSError:
        return 80


def _pager(repo: Repository, command: str) -> str:
    """Return the shell command of the pager, empty for none."""
    chosen = os.fsdecode(repo.git("config", "--get", f"pager.{command}", ok=(0, 1))).removesuffix("\n")
    if chosen.lower() in _NO:
        return ""
    if chosen and chosen.lower() not in _YES:
        return chosen
    # not through `repo`: its --no-pager is an answer to what is asked here, and it scrubs GIT_PAGER
    wish = {name: os.environ[name] for name in ("GIT_PAGER",) if name in os.environ}
    argv = ["git", "-C", repo.top or repo.git_dir, "var", "GIT_PAGER"]
    pager = os.fsdecode(run(argv, {**repo.env, **wish})).removesuffix("\n")
    return "" if pager == "cat" else pager


@contextmanager
def _piped(pager: str) -> Iterator[None]:
    """Send standard output through a pager, and wait for that at the end."""
    sys.stdout.flush()
    env = {"LESS": "FRX", "LV": "-c", **os.environ}
    read_end, write_end = os.pipe()
    actions = [(os.POSIX_SPAWN_DUP2, read_end, 0)]
    pid = os.posix_spawn("/bin/sh", ["sh", "-c", pager], env, file_actions=actions, setsigdef=_DEFAULT_SIGNALS)
    os.close(read_end)
    terminal = os.dup(1)
    os.dup2(write_end, 1)
    os.close(write_end)
    try:
        yield
        sys.stdout.flush()
    finally:
        _finish(pid, terminal)


def _finish(pid: int, terminal: int) -> None:
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # the pager was quit; what is left must not go to the terminal when Python flushes at its end
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        sys.stdout.flush()
        os.close(null)
    os.dup2(terminal, 1)
    os.close(terminal)
    while True:
        try:
            os.waitpid(pid, 0)
            return
        except KeyboardInterrupt:
            continue  # the pager lives on, as with git: it decides when it is done
