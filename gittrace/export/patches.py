"""What a diff changed, read with unidiff.

unidiff knows hunks well, and neither git's binary patches nor all of its file names. So the sections of the files are
told apart here, and only hunks go to unidiff; a section that it can't read counts as changed without line numbers. A
diff never breaks an export.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from itertools import pairwise

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchSet

from gittrace.text import counted

_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_ESCAPE = re.compile(r'\\([0-7]{3}|[abtnvfr"\\])')
_LETTERS = dict(zip('abtnvfr"\\', '\a\b\t\n\v\f\r"\\', strict=True))

LANGUAGES = {
    "bash": "shell", "c": "c", "cc": "cpp", "clj": "clojure", "cpp": "cpp", "cs": "csharp", "css": "css",
    "cxx": "cpp", "dart": "dart", "ex": "elixir", "exs": "elixir", "go": "go", "h": "c", "hpp": "cpp", "hs": "haskell",
    "html": "html", "java": "java", "jl": "julia", "js": "javascript", "json": "json", "jsx": "javascript",
    "kt": "kotlin", "lua": "lua", "m": "objective-c", "md": "markdown", "mjs": "javascript", "ml": "ocaml",
    "php": "php", "pl": "perl", "pm": "perl", "proto": "protobuf", "ps1": "powershell", "py": "python",
    "pyi": "python", "r": "r", "rb": "ruby", "rs": "rust", "scala": "scala", "sh": "shell", "sql": "sql",
    "svelte": "svelte", "swift": "swift", "tf": "terraform", "toml": "toml", "ts": "typescript", "tsx": "typescript",
    "vue": "vue", "xml": "xml", "yaml": "yaml", "yml": "yaml", "zig": "zig", "zsh": "shell",
}  # fmt: skip
"""The language of a file, by its suffix."""

MARKUP = frozenset("css html json markdown toml xml yaml".split())
"""Those that say nothing of the ecosystem that a project belongs to."""


@dataclass(frozen=True, slots=True)
class Hunk:
    """Lines of the new file, from line `start` on, context included."""

    start: int
    lines: int
    text: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file of a diff; `path` is the new one, or the old one of a deletion. Binary files have no counts."""

    path: str
    added: int = 0
    removed: int = 0
    binary: bool = False
    rewritten: bool = False
    hunks: tuple[Hunk, ...] = ()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a diff changed."""

    files: tuple[FileChange, ...] = field(default=())

    @property
    def added(self) -> int:
        """Lines added, in all files."""
        return sum(file.added for file in self.files)

    @property
    def removed(self) -> int:
        """Lines removed, in all files."""
        return sum(file.removed for file in self.files)

    def __str__(self) -> str:
        """As `git diff --shortstat` words it."""
        parts = [f"{counted(len(self.files), 'file')} changed"]
        if self.added:
            parts.append(f"{counted(self.added, 'insertion')}(+)")
        if self.removed:
            parts.append(f"{counted(self.removed, 'deletion')}(-)")
        return ", ".join(parts)


def summarize(diff: str) -> Summary:
    """Return what a diff of git changed. Never raises."""
    return Summary(tuple(_file(section) for section in _sections(diff)))


def language(path: str) -> str | None:
    """Return the language of a file by its suffix, None when it tells nothing."""
    name = path.rsplit("/", 1)[-1]
    return LANGUAGES.get(name.rsplit(".", 1)[-1].lower()) if "." in name else None


def _sections(diff: str) -> Iterator[str]:
    # a line of a hunk begins with a space, a sign or a backslash, a line of a binary patch has no space in it
    starts = [match.start() for match in re.finditer(r"^diff --git ", diff, re.MULTILINE)]
    for start, end in pairwise([*starts, len(diff)]):
        yield diff[start:end]


def _file(section: str) -> FileChange:
    at = section.find("\n@@ ")
    header, body = (section, "") if at < 0 else (section[: at + 1], section[at + 1 :])
    path = _path(header)
    if "\nGIT binary patch\n" in header or "\nBinary files " in header:
        return FileChange(path, binary=True)
    if not body:
        return FileChange(path)
    try:
        # names are ours: unidiff refuses some that git writes
        (parsed,) = PatchSet(StringIO(f"--- a/f\n+++ b/f\n{body}"))
    except (UnidiffParseError, ValueError):
        return FileChange(path)
    hunks = tuple(
        Hunk(hunk.target_start, hunk.target_length, "".join(line.value for line in hunk.target_lines()))
        for hunk in parsed
        if hunk.target_length
    )
    modified = "\nnew file mode " not in header and "\ndeleted file mode " not in header
    rewritten = modified and len(parsed) == 1 and parsed.added > 0 and _covers_file(parsed.removed, body)
    return FileChange(path, parsed.added, parsed.removed, rewritten=rewritten, hunks=hunks)


def _covers_file(removed: int, hunk: str) -> bool:
    """Tell whether a file's only hunk replaces most of it: no context cut off at either end, most lines removed."""
    lines = hunk.split("\n")[1:-1]
    kept = sum(line.startswith(" ") for line in lines)
    trailing = 0
    for line in reversed(lines):
        if not line.startswith(" "):
            break
        trailing += 1
    return hunk.startswith("@@ -1,") and trailing < 3 and removed >= 5 and removed > 2 * kept


def _path(header: str) -> str:
    lines = header.split("\n")
    for prefix, strip in (("+++ ", 2), ("rename to ", 0), ("copy to ", 0), ("--- ", 2)):
        for line in lines[1:]:
            if line.startswith(prefix):
                # git ends a name that has a space in it with a tab
                name = _unquoted(line[len(prefix) :].removesuffix("\t"))
                if name != "/dev/null":
                    return name[strip:]
    # neither hunks nor a rename: both sides have one name, so the header is `a/<name> b/<name>`
    names = lines[0].removeprefix("diff --git ")
    if match := _QUOTED.match(names):
        return _unquoted(match[0])[2:]
    return names[2 : (len(names) - 1) // 2]


def _unquoted(name: str) -> str:
    if not _QUOTED.fullmatch(name):
        return name
    raw = bytearray()
    for number, part in enumerate(_ESCAPE.split(name[1:-1])):
        if number % 2 == 0:
            raw += part.encode("utf-8", "surrogateescape")
        else:
            raw += bytes([int(part, 8) & 0xFF]) if part[0] in "0123" else _LETTERS[part].encode()
    return raw.decode("utf-8", "backslashreplace")
