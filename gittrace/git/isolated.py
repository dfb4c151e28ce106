"""git run on a repository's objects alone: no configuration, attributes, refs, grafts, index or promisor remotes.

What git prints for two trees depends on the user's and the repository's configuration, on the attribute files of
the worktree, `info/attributes` and the system, and on replace refs; and a missing object of a partial clone makes
git fetch it. A bare git directory of our own, which borrows the objects, leaves all of that out by construction,
where options would have to name each of them, for every version of git.
"""

import os
import weakref

from gittrace.git.process import Coprocess, scrubbed_environment
from gittrace.git.repository import Repository

_CONFIG = """\
[core]
\trepositoryformatversion = 1
\tbare = true
\tquotePath = false
\tattributesFile = /dev/null
[extensions]
\tobjectformat = {}
"""
_INJECTED = ("GIT_CONFIG_PARAMETERS", "GIT_CONFIG_COUNT")


class Isolated:
    """A git directory in the temporary directory; it goes with `close()`, or with the object."""

    def __init__(self, repo: Repository) -> None:
        # they cost milliseconds, and most commands that could compare trees don't
        import shutil
        import tempfile

        self.git_dir = tempfile.mkdtemp(prefix="gittrace-")
        self._finalizer = weakref.finalize(self, shutil.rmtree, self.git_dir, ignore_errors=True)
        os.mkdir(os.path.join(self.git_dir, "refs"))
        for name, text in (("HEAD", "ref: refs/heads/none\n"), ("config", _CONFIG.format(repo.format))):
            with open(os.path.join(self.git_dir, name), "w", encoding="ascii") as file:
                file.write(text)
        env = scrubbed_environment(
            {
                "GIT_DIR": self.git_dir,
                "GIT_OBJECT_DIRECTORY": os.path.join(repo.common_dir, "objects"),
                "GIT_CONFIG_SYSTEM": os.devnull,
                "GIT_CONFIG_GLOBAL": os.devnull,
                "GIT_ATTR_NOSYSTEM": "1",
            }
        )
        self.env = {key: value for key, value in env.items() if key not in _INJECTED}

    def argv(self, *args: str) -> list[str]:
        """Return git's argv for `args`, run inside this directory."""
        return ["git", "-C", self.git_dir, "--no-pager", *args]

    def converse(self, *args: str) -> Coprocess:
        """Start a git that is asked and answers."""
        return Coprocess(self.argv(*args), self.env)

    def close(self) -> None:
        """Remove the directory."""
        self._finalizer()
