"""Which hooks git runs after ours."""

import os

from gittrace.git.repository import Repository


def is_followed(repo: Repository, hook: str) -> bool:
    """Tell whether git may run hooks of others after ours, which can still refuse what git is about to do.

    A hook file of ours runs those that it replaced before itself. Hooks in configuration come before all files, and a
    hook manager has an order of its own.
    """
    # a push waits for this, and hook files are looked for seldom
    from gittrace.git import hook_config

    directory = os.path.join(repo.common_dir, "hooks")
    if repo.config("core.hooksPath"):
        from gittrace.git.hook_places import hooks_directory

        directory = hooks_directory(repo)
    path = os.path.join(directory, hook)
    if os.access(path, os.X_OK):
        from gittrace.git.hook_files import is_ours

        return not is_ours(path)
    return hook_config.has_others(repo, hook)
