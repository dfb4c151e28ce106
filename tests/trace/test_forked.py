"""A copy of the process that works something out, whatever becomes of it."""

import sys

import pytest

from tests.support.repo import Repo

# apart from the tests' process: fork is not for one with threads
_PROGRAM = """
import os, signal, sys, time
from gittrace.trace.forked import Forked

def work(file):
    file.write(b"the first half")
    file.flush()
    if how == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if how == "raises":
        sys.stderr.close()
        raise ValueError
    if how == "left":
        time.sleep(600)
    file.write(b", the second half")

how = sys.argv[1]
print("what the caller wrote before")
forked = Forked(work)
if how == "left":
    print(forked.file.read(len(b"the first half")).decode())
    forked.close()
else:
    print(forked.file.read().decode(), forked.ended_well())
forked.close()
try:
    os.waitpid(-1, 0)
except ChildProcessError:
    print("nobody is left")
"""


@pytest.mark.parametrize(
    ("how", "told"),
    [
        ("well", "the first half, the second half True"),
        ("killed", "the first half False"),
        ("raises", "the first half False"),
        ("left", "the first half"),
    ],
)
def test_what_it_writes_and_how_it_ends(repo: Repo, how: str, told: str) -> None:
    assert repo.run(sys.executable, "-c", _PROGRAM, how).decode().splitlines() == [
        "what the caller wrote before",
        told,
        "nobody is left",
    ]
