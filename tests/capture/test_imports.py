"""What is loaded before a recorded command has started: the user waits for it."""

import subprocess
import sys

from tests.capture.harness import Recording

HEAVY = {
    "argparse",
    "contextlib",
    "dataclasses",
    "enum",
    "json",
    "pathlib",
    "re",
    "selectors",
    "signal",
    "subprocess",
    "tempfile",
    "threading",
    "typing",
}


def test_running_a_command_loads_little(recording: Recording) -> None:
    code = (
        "import sys; before = set(sys.modules); import gittrace.capture.supervisor; print(*set(sys.modules) - before)"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {recording.env['PYTHONPATH']!r}); {code}"],
        stdout=subprocess.PIPE,
        check=True,
    )
    loaded = set(done.stdout.decode().split())
    assert "gittrace.capture.worker" in loaded
    assert not loaded & HEAVY
    assert not [name for name in loaded if name.startswith(("pydantic", "pygit2", "zstandard"))]
