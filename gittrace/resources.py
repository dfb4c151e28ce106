"""The files that gittrace brings along beside its code: git's hooks, the manual page, completions for shells.

Standard library only: `git trace init` and the installer ask for them.
"""

import os

# <file below gittrace/doc>: <place below a `share` folder>; pyproject.toml has the same table for wheels
EXTRAS = {
    "git-trace.1": "man/man1/git-trace.1",
    "completions/git-trace.bash": "bash-completion/completions/git-trace",
    "completions/_git-trace": "zsh/site-functions/_git-trace",
    "completions/git-trace.fish": "fish/vendor_completions.d/git-trace.fish",
}

_PACKAGE = os.path.dirname(os.path.abspath(__file__))
DOC_DIR = os.path.join(_PACKAGE, "doc")


def hooks_dir() -> str:
    """Return the folder of the hook shims: inside the package when installed, beside it in a checkout."""
    installed = os.path.join(_PACKAGE, "hooks")
    return installed if os.path.isdir(installed) else os.path.join(os.path.dirname(_PACKAGE), "hooks")


def user_share() -> str:
    """Return the user's `share` folder, by the XDG base directory specification."""
    chosen = os.environ.get("XDG_DATA_HOME", "")
    # "All paths must be absolute. If [...] relative, it should consider the path invalid and ignore it."
    return chosen if os.path.isabs(chosen) else os.path.join(os.path.expanduser("~"), ".local", "share")


def install_extras(share: str) -> list[str]:
    """Copy manual page and completions below `share`; return the files that were written, none if all were there.

    Raises OSError.
    """
    written = []
    for source, place in EXTRAS.items():
        with open(os.path.join(DOC_DIR, source), "rb") as file:
            content = file.read()
        target = os.path.join(share, place)
        if _read(target) == content:  # pip and pipx may have put it there themselves
            continue
        os.makedirs(os.path.dirname(target), exist_ok=True)
        fresh = f"{target}.{os.getpid()}"
        with open(fresh, "wb") as file:
            file.write(content)
        os.replace(fresh, target)
        written.append(target)
    return written


def remove_extras(share: str) -> list[str]:
    """Take away what `install_extras` put below `share`, and the folders that this leaves empty; return the files.

    Links stay: they are pipx's, which removes them itself. Raises OSError.
    """
    removed = []
    for place in EXTRAS.values():
        target = os.path.join(share, place)
        if os.path.isfile(target) and not os.path.islink(target):
            os.remove(target)
            removed.append(target)
            _prune(os.path.dirname(target), share)
    return removed


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def _prune(folder: str, stop: str) -> None:
    while folder != stop and not os.listdir(folder):
        os.rmdir(folder)
        folder = os.path.dirname(folder)
