"""`git trace` of this checkout as a program on PATH, for what git or a hook starts by itself."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path


def with_program(folder: Path, env: Mapping[str, str]) -> dict[str, str]:
    """Return an environment in which `git-trace` is this checkout; `folder` is made for it."""
    folder.mkdir()
    shim = folder / "git-trace"
    shim.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m gittrace.main "$@"\n')
    shim.chmod(0o755)
    return {**env, "PATH": f"{folder}{os.pathsep}{env['PATH']}"}
