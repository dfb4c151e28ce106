"""What a session says of the machine and the project it ran in."""

import json
import os
import platform
import re
import sys
import tomllib
from pathlib import Path
from typing import Any

# the file at the top of a worktree that gives an ecosystem away
_ECOSYSTEMS = {
    "pyproject.toml": "python", "setup.py": "python", "setup.cfg": "python", "requirements.txt": "python",
    "package.json": "javascript", "tsconfig.json": "typescript", "deno.json": "typescript",
    "Cargo.toml": "rust", "go.mod": "go", "pom.xml": "java", "build.gradle": "java", "build.gradle.kts": "kotlin",
    "Gemfile": "ruby", "composer.json": "php", "mix.exs": "elixir", "Package.swift": "swift",
    "CMakeLists.txt": "cpp", "meson.build": "cpp", "configure.ac": "c", "build.zig": "zig", "pubspec.yaml": "dart",
    "stack.yaml": "haskell", "dune-project": "ocaml", "deps.edn": "clojure", "build.sbt": "scala",
}  # fmt: skip
_NAME = re.compile(r"\s*([A-Za-z0-9][A-Za-z0-9._-]*)")
_LIMIT = 500


def describe(top: str, git_version: tuple[int, ...]) -> dict[str, Any]:
    """Return `os`, `os_version`, `arch`, `shell`, `python`, `git`, `language_ecosystem`, `dependencies`."""
    root = Path(top)
    ecosystems = sorted({name for file, name in _ECOSYSTEMS.items() if (root / file).is_file()})
    return {
        "os": {"linux": "linux", "darwin": "macos"}.get(sys.platform, sys.platform),
        "os_version": platform.release(),
        "arch": platform.machine(),
        "shell": os.path.basename(os.environ.get("SHELL", "")) or None,
        "git": ".".join(map(str, git_version)),
        "language_ecosystem": ecosystems,
        "dependencies": dependencies(root),
    }


def dependencies(root: Path) -> list[str]:
    """Return the names of the packages that the project's own manifests ask for, at most 500, sorted.

    A manifest that can't be read has none: recording goes on.
    """
    found: set[str] = set()
    for reader in (_pyproject, _requirements, _package_json, _cargo, _go_mod):
        try:
            found |= reader(root)
        except (OSError, ValueError, AttributeError, TypeError):
            continue  # not ours to judge: somebody may be in the middle of editing it
    return sorted(found)[:_LIMIT]


def _names(lines: list[str]) -> set[str]:
    return {match[1] for line in lines if not line.startswith(("#", "-")) and (match := _NAME.match(line))}


def _pyproject(root: Path) -> set[str]:
    project = tomllib.loads((root / "pyproject.toml").read_text("utf-8")).get("project", {})
    extras = project.get("optional-dependencies", {}).values()
    return _names([*project.get("dependencies", []), *(line for lines in extras for line in lines)])


def _requirements(root: Path) -> set[str]:
    return _names((root / "requirements.txt").read_text("utf-8").splitlines())


def _package_json(root: Path) -> set[str]:
    package = json.loads((root / "package.json").read_text("utf-8"))
    return {name for key in ("dependencies", "devDependencies") for name in package.get(key, {})}


def _cargo(root: Path) -> set[str]:
    cargo = tomllib.loads((root / "Cargo.toml").read_text("utf-8"))
    return {name for key in ("dependencies", "dev-dependencies") for name in cargo.get(key, {})}


def _go_mod(root: Path) -> set[str]:
    text = (root / "go.mod").read_text("utf-8")
    return set(re.findall(r"^(?:require)?\s+([\w.-]+\.[\w./-]+) v\d", text, re.MULTILINE))
