"""Hook files: gittrace's among those of one directory, and the hooks that stood there before, which keep running.

A hook that was there is renamed to `<name>.gittrace-chained` and run by the file in its place (hooks/chain).
"""

import os

from gittrace.git import hook_managers, restorable
from gittrace.resources import hooks_dir

CHAINED = ".gittrace-chained"
#: where pre-commit moves a hook that it finds, and runs it from, ahead of its own
LEGACY = ".legacy"
#: where lefthook leaves a hook that it replaces
OLD = ".old"

_OURS = b"# gittrace's place among git's hooks"
_MOST_CHAINED = 9
# a script is told by its beginning, and nobody's hook is long
_ENOUGH = 1 << 18
# ways to ask what one is called: such a hook may do the work of many, and can't be renamed
_ASKS_ITS_NAME = tuple(
    word.encode()
    for word in (
        *(
            "basename $0",
            'basename "$0',
            'basename -- "$0',
            "basename ${0",
            'basename "${0',
            "${0##",
            "${BASH_SOURCE##",
        ),
        *("basename(__file__", "basename($0", "argv[0]", "PROGRAM_NAME"),
    )
)


def head(path: str) -> bytes:
    """Return the beginning of a file; of a link, of what it leads to; nothing if it can't be read."""
    try:
        with open(path, "rb") as file:
            return file.read(_ENOUGH)
    except OSError:
        return b""


def is_ours(path: str) -> bool:
    """Tell whether a hook file is one that `place` wrote."""
    return _OURS in head(path)[:400]


def needs_its_name(path: str) -> bool:
    """Tell whether a hook looks at the name under which it runs, so that renaming would change what it does."""
    content = head(path)
    if b"\0" in content:
        return os.path.islink(path)  # a program that has several names, most likely
    return any(word in content for word in _ASKS_ITS_NAME)


def source(name: str) -> bytes:
    """Return one of the scripts that gittrace brings along."""
    with open(os.path.join(hooks_dir(), name), "rb") as file:
        return file.read()


def chained(directory: str, hook: str) -> list[str]:
    """Return the paths of the hooks that run before ours, in their order."""
    first = os.path.join(directory, hook + CHAINED)
    paths = [first, *(f"{first}.{n}" for n in range(2, _MOST_CHAINED + 1))]
    return [path for path in paths if os.path.lexists(path)]


def place(directory: str, hook: str, slot: str = "") -> None:
    """Put our hook at `<directory>/<hook><slot>`; what is there goes on running, ahead of it. Raises OSError."""
    path = os.path.join(directory, hook + slot)
    content = source("chain").replace(b"post-commit", os.fsencode(hook))
    if os.path.lexists(path) and not is_ours(path):
        os.rename(path, _place_for(path, directory, hook))
    if restorable.read(path) != content or not os.access(path, os.X_OK):
        restorable.write(path, content, restorable.executable_mode())


def _place_for(path: str, directory: str, hook: str) -> str:
    """Return under which name a hook is chained: another than those chained already, unless it replaces one."""
    content = head(path)
    manager = hook_managers.identify(path, content)
    taken = chained(directory, hook)
    for other in taken:
        # a program that installs its hook twice means to have it once
        if head(other) == content or (manager and hook_managers.identify(other, head(other)) is manager):
            return other
    first = os.path.join(directory, hook + CHAINED)
    free = (name for name in (first, *(f"{first}.{n}" for n in range(2, _MOST_CHAINED + 1))) if name not in taken)
    found = next(free, None)
    if found is None:
        raise OSError(f"'{first}' and all its successors exist")
    return found


def placed(directory: str, hook: str) -> str | None:
    """Return the path of our hook in a directory, or None; pre-commit has it run under another name."""
    for slot in ("", LEGACY):
        path = os.path.join(directory, hook + slot)
        if is_ours(path):
            return path
    return None


def take_away(directory: str, hook: str, dry_run: bool) -> tuple[list[str], list[str], list[str]]:
    """Remove our hook from a directory and put back the one that it chained. Raises OSError.

    Returns the paths removed, those restored, and those of chained hooks that have no place any more, because
    another program put its hook there.
    """
    ours = [path for slot in ("", LEGACY, OLD) if is_ours(path := os.path.join(directory, hook + slot))]
    waiting = chained(directory, hook)
    home = next((path for path in ours if not path.endswith(OLD)), os.path.join(directory, hook))
    if not dry_run:
        for path in ours:
            os.unlink(path)
    restored = []
    if waiting and (home in ours or not os.path.lexists(home)):
        last = waiting.pop()
        restored.append(home)
        if not dry_run:
            os.rename(last, home)
    return ours, restored, waiting
