"""The `git push` that runs our hook, among the hook's ancestors: git does not tell a hook that it is a dry run."""

import os

from gittrace.errors import GitMissing
from gittrace.git.process import Process, scrubbed_environment

_MOST = 8
# options of `git push` that take a value as their next word, and of git itself
_LONG = ("--repo", "--push-option", "--receive-pack", "--exec")
_SHORT = "o"
_GITS = ("-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix")


def find(pid: int) -> tuple[int, list[str]]:
    """Return the process id and the arguments (from `push` on) of the push that `pid` is, or was started by.

    Between the two may be a hook manager. (0, []) where there is none: another program may run git's hooks.
    """
    for _ in range(_MOST):
        if pid <= 1:
            break
        parent, argv = _process(pid)
        words = _push_of(argv)
        if words:
            return pid, words
        pid = parent
    return 0, []


def _process(pid: int) -> tuple[int, list[str]]:
    """Return parent and argv of a process; where there is no /proc, argv as `ps` shows it, cut at spaces."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            # the name in brackets may hold anything
            parent = int(file.read().rpartition(b")")[2].split()[1])
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return parent, [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]
    except (OSError, ValueError, IndexError):
        if os.path.isdir("/proc/self"):
            return 0, []
    return _asked(pid)


def _asked(pid: int) -> tuple[int, list[str]]:
    try:
        ps = ["ps", "-o", "ppid=", "-o", "args=", "-p", str(pid)]
        parent, *argv = os.fsdecode(Process(ps, scrubbed_environment()).finish()[1]).split()
        return int(parent), argv
    except (OSError, ValueError, GitMissing):
        return 0, []


def _push_of(argv: list[str]) -> list[str]:
    """Return the words from `push` on, nothing when this is no `git push`."""
    if not argv:
        return []
    name = os.path.basename(argv[0]).removesuffix(".exe")
    if name == "git-push":
        return ["push", *argv[1:]]
    if name != "git":
        return []
    words = iter(range(1, len(argv)))
    for at in words:
        if argv[at] in _GITS:
            next(words, None)
        elif not argv[at].startswith("-"):
            return argv[at:] if argv[at] == "push" else []
    return []


def is_dry_run(words: list[str]) -> bool:
    """Tell whether the arguments of a `git push` ask for a dry run; the last word on it counts, as in git."""
    dry = False
    following = iter(words[1:])
    for word in following:
        if word == "--":
            break
        if word.startswith("--"):
            name, sign, _ = word.partition("=")
            if len(name) > 3 and "--dry-run".startswith(name):
                dry = True
            elif len(name) > 6 and "--no-dry-run".startswith(name):
                dry = False
            elif name in _LONG and not sign:
                next(following, None)
        elif word.startswith("-"):
            for at, letter in enumerate(word[1:], 2):
                if letter in _SHORT:
                    # its value is the rest of the word, or the next one
                    if at == len(word):
                        next(following, None)
                    break
                dry |= letter == "n"
    return dry
