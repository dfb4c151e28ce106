"""git run on a repository's objects alone: no configuration, attributes, refs, grafts, index or promisor remotes.

What git prints for two trees depends on the user's and the repository's configuration, on the attribute files of
the worktree, `info/attributes` and the system, and on replace refs; and a missing object of a partial clone makes
git fetch it. A bare git directory of our own, which borrows the objects, leaves all of that out by construction,
where options would have to name each of them, for every version of git.
"""

import os
import weakref
import zlib

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


def alternate(path: str) -> str:
    """Return a path as `GIT_ALTERNATE_OBJECT_DIRECTORIES` takes it: unquoted, a colon would end it."""
    quoted = path.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}"'


class Isolated:
    """A git directory in the temporary directory; it goes with `close()`, or with the object.

    With `lends` it has objects of its own, that are in no repository, beside those that it borrows.
    """

    def __init__(self, repo: Repository, lends: bool = False) -> None:
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
        self._objects = os.path.join(self.git_dir, "objects")
        if lends:
            os.mkdir(self._objects)
            self.env["GIT_ALTERNATE_OBJECT_DIRECTORIES"] = alternate(self._objects)

    def lend(self, kind: str, oid: str, content: bytes) -> None:
        """Let git see an object, until it is taken back."""
        path = self._place(oid)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(zlib.compress(b"%s %d\0" % (kind.encode("ascii"), len(content)) + content, 1))

    def take_back(self, oid: str) -> None:
        """Remove an object that was lent."""
        os.unlink(self._place(oid))

    def _place(self, oid: str) -> str:
        return os.path.join(self._objects, oid[:2], oid[2:])

    def argv(self, *args: str) -> list[str]:
        """Return git's argv for `args`, run inside this directory."""
        return ["git", "-C", self.git_dir, "--no-pager", *args]

    def converse(self, *args: str) -> Coprocess:
        """Start a git that is asked and answers."""
        return Coprocess(self.argv(*args), self.env)

    def close(self) -> None:
        """Remove the directory."""
        self._finalizer()
