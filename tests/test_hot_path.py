"""What is loaded when a recorded command starts, or a reader answers: each module is time that the user waits for."""

import json
import sys
from pathlib import Path

from tests.support.repo import PACKAGE_ROOT, Repo

HEAVY = frozenset(
    """
    argparse click collections contextlib dataclasses datetime enum functools inspect json keyring logging pathlib
    pydantic pygit2 re selectors shutil signal sqlite3 subprocess tempfile threading typing unidiff zstandard
    """.split()
)

# the process that turns into the command is a copy of ours, and is asked at the last moment: when it calls exec
PROBE = """
import sys
def probe(event, args, *, folder=sys.argv.pop(1)):
    if event == "os.exec":
        with open(folder + "/before", "w") as file:
            file.write(" ".join(sys.modules))
    elif event == "import":
        with open(folder + "/imported", "a") as file:
            file.write(args[0] + " ")
sys.addaudithook(probe)
sys.path.insert(0, sys.argv.pop(1))
from gittrace.main import entry
entry()
"""


def _packages(path: Path) -> set[str]:
    return {name.partition(".")[0] for name in path.read_text().split()}


def test_a_recorded_command_starts_with_nothing_heavy_loaded(repo: Repo, tmp_path: Path) -> None:
    repo.commit("a.py", "x = 1\n")
    repo.trace("start")
    # what takes the long way through a snapshot
    repo.write("a.py", "x = 2\n")
    repo.write("new.py", "y = 1\n")
    # -S: what an environment's site-packages load at start is none of ours
    python = (sys.executable, "-I", "-S", "-c", PROBE, str(tmp_path), str(PACKAGE_ROOT))
    assert repo.run(*python, "run", "-m", "why", "--", "echo", "said") == b"said\n"

    before = _packages(tmp_path / "before")
    assert "gittrace" in before
    assert not before & HEAVY
    # nor is anything of it needed to record a command that printed lines
    imported = _packages(tmp_path / "imported")
    assert "gittrace" in imported
    assert not imported & HEAVY

    (journal,) = (repo.top / ".git/trace/sessions").glob("*.jsonl")
    event = json.loads(journal.read_text().splitlines()[-1])
    assert (event["command"], event["stdout"], event["exit_code"]) == ("echo said", "said\n", 0)


def test_what_seals_is_loaded_when_something_waits(repo: Repo) -> None:
    repo.commit("a.py", "x = 1\n")
    repo.trace("start")
    repo.trace("run", "--", "true")
    asked = "'gittrace.trace.sealing.seal' in sys.modules"
    python = (sys.executable, "-c", f"import sys; from gittrace.main import main; main(['list']); print({asked})")
    assert repo.run(*python).endswith(b"\nTrue\n")
    repo.trace("stop")
    assert repo.run(*python).endswith(b"\nFalse\n")
