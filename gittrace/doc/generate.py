"""`python -m gittrace.doc.generate [--check]`: makes the manual page and the completions from the parsers.

They are committed, so that neither a build nor an installation has to run this. A test keeps them up to date.
"""

import argparse
import re
import sys
from pathlib import Path

from gittrace import __version__
from gittrace.doc import commandline, manual, shells

FOLDER = Path(__file__).resolve().parent
CHANGELOG = FOLDER.parent.parent / "CHANGELOG.md"


def release_date(changelog: str, version: str) -> str:
    """Return the date of a version's heading, `## 1.2.3 - 2026-01-31`. Raises ValueError."""
    found = re.search(rf"^## {re.escape(version)} - (\d{{4}}-\d\d-\d\d)$", changelog, re.MULTILINE)
    if not found:
        raise ValueError(f"no heading '## {version} - <date>' in CHANGELOG.md")
    return found[1]


def generate() -> dict[Path, str]:
    """Return the content of each generated file."""
    commands = commandline.read()
    date = release_date(CHANGELOG.read_text(encoding="utf-8"), __version__)
    return {
        FOLDER / "git-trace.1": manual.manual(commands, __version__, date),
        FOLDER / "completions" / "git-trace.bash": shells.bash(commands),
        FOLDER / "completions" / "_git-trace": shells.zsh(commands),
        FOLDER / "completions" / "git-trace.fish": shells.fish(commands),
    }


def outdated(files: dict[Path, str]) -> list[Path]:
    """Return those files whose content on disk is another."""
    return [path for path, text in files.items() if not path.exists() or path.read_text(encoding="utf-8") != text]


def main() -> int:
    """Write the files; with --check only say which are out of date, and exit with 1 if some are."""
    parser = argparse.ArgumentParser(description="make the manual page and the completions")
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a file is out of date")
    args = parser.parse_args()
    files = generate()
    stale = outdated(files)
    for path in stale:
        if args.check:
            print(f"out of date: '{path}'; run 'python -m gittrace.doc.generate'", file=sys.stderr)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(files[path], encoding="utf-8")
            print(f"wrote '{path}'")
    return 1 if args.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
