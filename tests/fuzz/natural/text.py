"""Natural text: files of the standard library, and hunks of the commits of a repository, where one is given."""

import re
import subprocess
import sysconfig
from pathlib import Path
from random import Random

_LIBRARY = Path(sysconfig.get_paths()["stdlib"])
_MODULES = (
    "argparse configparser csv dataclasses fnmatch heapq shlex statistics textwrap wave json/decoder json/encoder "
    "asyncio/locks asyncio/queues unittest/suite"
).split()
_MOST_LINES = 200
_MOST_OF_HUNK = 60
_CONTEXT = 2


class Pool:
    """Hands out text; `source` is a repository whose text and hunks are used too."""

    def __init__(self, rng: Random, source: Path | None) -> None:
        self.rng = rng
        self.source = source
        self.commits = self._git("rev-list", "--no-merges", "HEAD").decode().split() if source else []

    def base(self, count: int) -> dict[str, list[bytes]]:
        """Return files to begin with, by name: their lines."""
        files = {}
        if self.source:
            commit = self.rng.choice(self.commits)
            names = self._git("ls-tree", "-rz", "--name-only", commit).decode().split("\0")
            wanted = [name for name in names if name.endswith((".py", ".md", ".toml", ".json", ".sh"))]
            for name in self.rng.sample(wanted, min(len(wanted), count)):
                files[name] = self._git("show", f"{commit}:{name}").split(b"\n")[:-1][:_MOST_LINES]
        for module in self.rng.sample(_MODULES, 4 if self.source else count):
            lines = _module(module)
            at = self.rng.randrange(max(len(lines) - _MOST_LINES, 1))
            files[f"std/{module.replace('/', '_')}.py"] = lines[at : at + _MOST_LINES]
        return {name: lines for name, lines in files.items() if len(lines) > 3}

    def stretch(self) -> list[bytes]:
        """Return some lines in a row."""
        lines = _module(self.rng.choice(_MODULES))
        at = self.rng.randrange(len(lines))
        return lines[at : at + self.rng.randint(1, 14)]

    def hunk(self) -> tuple[list[bytes], list[bytes]]:
        """Return what a hunk of a real commit changed, with lines around it: old and new. Needs a source."""
        while True:
            shown = self._git("show", "--format=", f"-U{_CONTEXT}", "--no-renames", self.rng.choice(self.commits))
            hunks = re.split(rb"^@@ .*\n", self.rng.choice(shown.split(b"diff --git ")), flags=re.MULTILINE)[1:]
            rows = [row for row in self.rng.choice(hunks).split(b"\n") if row[:1] in b" +-" and row] if hunks else []
            if 0 < len(rows) < _MOST_OF_HUNK:
                return [row[1:] for row in rows if row[:1] != b"+"], [row[1:] for row in rows if row[:1] != b"-"]

    def _git(self, *args: str) -> bytes:
        return subprocess.run(("git", "-C", str(self.source), *args), check=True, capture_output=True).stdout


def _module(name: str) -> list[bytes]:
    return (_LIBRARY / f"{name}.py").read_bytes().split(b"\n")[:-1]
