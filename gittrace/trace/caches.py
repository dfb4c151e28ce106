"""All caches of a repository lie in one folder, and may be removed at any time."""

import os
from contextlib import suppress


def remove_caches(folder: str, keep: str = "") -> None:
    """Remove what is in a folder of caches, save files whose names begin with `keep`; what can't be removed stays."""
    try:
        names = os.listdir(folder)
    except OSError:
        return  # nothing was cached, or it is not for us to read
    for name in names:
        if not keep or not name.startswith(keep):
            with suppress(OSError):  # another process did it, or a repository that we may only read
                os.unlink(os.path.join(folder, name))
