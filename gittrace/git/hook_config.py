"""Hooks from configuration, which git 2.54 and newer run beside the hook files (`hook.<name>.command`, git-hook(1)).

They stand in nobody's way: no file to chain, no `core.hooksPath`, no hook manager that overwrites them.
"""

from gittrace.git.repository import Repository
from gittrace.text import decode
from gittrace.vocabulary import HOOK_NAMES

#: the first git that knows them
SUPPORTED = (2, 54)

_SECTION = "hook.gittrace-"

# git runs this with sh at the top of the worktree. The directory is looked for each time, since a repository may be
# moved; where it is gone, nothing happens.
_COMMAND = (
    "d=${GIT_DIR:-.git} c=.; "
    '[ ! -f "$d/commondir" ] || read -r c <"$d/commondir"; '
    "case $c in /*) ;; *) c=$d/$c ;; esac; gittrace_hooks=$c/trace/hooks; "
    '[ ! -r "$gittrace_hooks/HOOK" ] || . "$gittrace_hooks/HOOK"'
)


def command(hook: str) -> str:
    """Return the shell command that git runs for a hook."""
    return _COMMAND.replace("HOOK", hook)


def _values(repo: Repository, *scope: str) -> dict[str, str]:
    pattern = rf"^{_SECTION.replace('.', '[.]')}"
    out = decode(repo.git("config", *scope, "-z", "--get-regexp", pattern, ok=(0, 1)))
    pairs = (item.partition("\n") for item in out.split("\0")[:-1])
    return {key: value for key, _, value in pairs}


def present(repo: Repository) -> list[str]:
    """Return the hooks that the repository's configuration would have git run, and doesn't switch off."""
    values = _values(repo)
    return [
        hook
        for hook in HOOK_NAMES
        if values.get(f"{_SECTION}{hook}.command") == command(hook)
        and values.get(f"{_SECTION}{hook}.event") == hook
        and values.get(f"{_SECTION}{hook}.enabled", "true").lower() not in ("false", "no", "off", "0")
    ]


def has_others(repo: Repository, hook: str) -> bool:
    """Tell whether configuration has git run hooks of others, too, if it is a git that reads them there."""
    return any(
        value == hook and key.startswith("hook.") and not key.startswith(_SECTION) for key, value in repo.all_config()
    )


def is_there(repo: Repository) -> bool:
    """Tell whether the repository's own configuration has anything of this module's, in order or not."""
    return bool(_values(repo, "--local"))


def write(repo: Repository) -> None:
    """Have git run all hooks. Raises GitFailed."""
    values = _values(repo, "--local")
    for hook in HOOK_NAMES:
        # one hook that does not say so has git run all of an event one after the other, whatever hook.jobs is
        for key, value in (("command", command(hook)), ("event", hook), ("parallel", "true")):
            name = f"{_SECTION}{hook}.{key}"
            if values.get(name) != value:
                repo.git("config", "--local", "--replace-all", name, value)


def remove(repo: Repository) -> None:
    """Take the hooks out of the repository's own configuration. Raises GitFailed."""
    values = _values(repo, "--local")
    for hook in HOOK_NAMES:
        if any(key.startswith(f"{_SECTION}{hook}.") for key in values):
            repo.git("config", "--local", "--remove-section", f"{_SECTION}{hook}")
