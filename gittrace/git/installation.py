"""What `git trace init` did to a repository: `<common-dir>/trace/installation`, so that `deinit` can undo all of it."""

import json
import os
from dataclasses import dataclass, field

from gittrace.errors import Damaged
from gittrace.git import restorable
from gittrace.git.repository import Repository
from gittrace.git.restorable import Edit

_FILE = "installation"


@dataclass
class Installation:
    """directories    directories of hooks that hold, or held, ours (absolute)
    created        directories that were made, outermost first
    exclude_lines  lines that were added to `info/exclude`
    exclude        the edits of `info/exclude`
    config         the edits of the repository's own configuration file
    settings       [key, value] that were added to it beside the writer's id and the hooks
    """

    path: str
    directories: list[str] = field(default_factory=list)
    created: list[str] = field(default_factory=list)
    exclude_lines: list[str] = field(default_factory=list)
    exclude: Edit | None = None
    config: Edit | None = None
    settings: list[list[str]] = field(default_factory=list)

    @classmethod
    def load(cls, repo: Repository) -> "Installation":
        """Return what was recorded, or an empty one. Raises Damaged."""
        path = path_of(repo)
        content = restorable.read(path)
        if content is None:
            return cls(path)
        try:
            data = json.loads(content)
            return cls(
                path,
                directories=list(map(str, data["directories"])),
                created=list(map(str, data["created"])),
                exclude_lines=list(map(str, data["exclude_lines"])),
                exclude=Edit.from_json(data["exclude"]) if data["exclude"] else None,
                config=Edit.from_json(data["config"]) if data["config"] else None,
                settings=[[str(key), str(value)] for key, value in data.get("settings", ())],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise Damaged(
                f"cannot read '{path}': {error}", "remove it, then 'git trace init' writes it again"
            ) from None

    def save(self) -> None:
        """Write it. Raises OSError."""
        data = {
            "directories": self.directories,
            "created": self.created,
            "exclude_lines": self.exclude_lines,
            "exclude": self.exclude.to_json() if self.exclude else None,
            "config": self.config.to_json() if self.config else None,
            "settings": self.settings,
        }
        # paths that are not UTF-8 are surrogates here, which JSON escapes
        restorable.write(self.path, json.dumps(data, indent=1).encode("ascii") + b"\n")

    def add(self, directory: str) -> None:
        """Remember a directory of hooks."""
        if directory not in self.directories:
            self.directories.append(directory)

    def make_directory(self, directory: str) -> None:
        """Make a directory and those above it, and remember which are new. Raises OSError."""
        missing: list[str] = []
        path = directory
        while not os.path.isdir(path):
            missing.append(path)
            path = os.path.dirname(path)
        for new in reversed(missing):
            os.mkdir(new)
            self.created.append(new)


def path_of(repo: Repository) -> str:
    """Return the path of the file."""
    return os.path.join(repo.common_trace_dir, _FILE)
