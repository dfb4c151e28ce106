"""Every command's module can be the first that is imported: what one needs it imports, in an order that works."""

import sys

from gittrace.command_list import COMMANDS
from tests.support.repo import Repo

# others' modules are loaded once; a command that is imported in a copy is the first of ours there
_IMPORT = """
import importlib, os, sys, traceback
import argparse, hashlib, json, mmh3, pydantic, sqlite3, subprocess, unidiff, zstandard
failed = []
for name in sys.argv[1:]:
    pid = os.fork()
    if not pid:
        try:
            importlib.import_module(name)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        failed.append(name)
assert "gittrace" not in sys.modules
print(*failed)
"""


def test_each_command_alone(repo: Repo) -> None:
    failed = repo.run(sys.executable, "-c", _IMPORT, *(command.module for command in COMMANDS)).decode().split()
    assert failed == [], repo.errors
