"""A git that is newer than the one on PATH, for what only newer ones know."""

import os
import shutil
import subprocess
from pathlib import Path


def newer_git(minimum: tuple[int, int]) -> str | None:
    """Return the directory of a git of at least this version, None when there is none.

    Looked for on PATH, in `GITTRACE_TEST_GIT` (a directory), and in `/opt/git-*/bin`.
    """
    found = (os.path.dirname(shutil.which("git") or ""), os.environ.get("GITTRACE_TEST_GIT", ""))
    for directory in (*found, *map(str, sorted(Path("/opt").glob("git-*/bin")))):
        program = os.path.join(directory, "git")
        if os.access(program, os.X_OK):
            words = subprocess.check_output([program, "version"], text=True).split()[2].split(".")
            if (int(words[0]), int(words[1])) >= minimum:
                return directory
    return None
