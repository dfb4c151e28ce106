"""What is published at a server, as anybody can read it there."""

import fcntl
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from gittrace.model.segment import decode, parse_note
from gittrace.vocabulary import SHARED_NOTES_REFS
from tests.support.repo import Repo


@dataclass(frozen=True)
class Server:
    """A bare repository that others push to."""

    repo: Repo

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self.repo.top)

    def writers(self) -> list[str]:
        """Return the writers that have published."""
        out = self.repo.git("for-each-ref", "--format=%(refname)", SHARED_NOTES_REFS)
        return [line.removeprefix(SHARED_NOTES_REFS) for line in out.splitlines()]

    def notes(self, writer: str = "") -> dict[str, bytes]:
        """Return object -> note of one writer, or of all."""
        found: dict[str, bytes] = {}
        for name in [writer] if writer else self.writers():
            ref = SHARED_NOTES_REFS + name
            for line in self.repo.git("notes", f"--ref={ref}", "list").splitlines():
                blob, _, oid = line.partition(" ")
                found[oid] = found.get(oid, b"") + self.repo.run("git", "cat-file", "blob", blob)
        return found

    def segments(self, writer: str = "") -> dict[str, set[str]]:
        """Return commit -> `<session>-<index>` of the segments that are noted on it; each can be unpacked."""
        found: dict[str, set[str]] = {}
        for commit, note in self.notes(writer).items():
            parsed = parse_note(note)
            assert parsed.damaged == ()
            names = {f"{line.session_id}-{line.index}" for line in parsed.segments if decode(line)}
            if names:
                found[commit] = names
        return found

    def refuse(self, pattern: str) -> None:
        """Have the server refuse every push of refs that match."""
        hook = self.repo.top / "hooks" / "pre-receive"
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(
            f"#!/bin/sh\nwhile read -r _ _ ref; do\n"
            f"case $ref in {pattern}) echo no such refs here >&2; exit 1;; esac; done\n"
        )
        hook.chmod(0o755)

    def relent(self) -> None:
        """Accept everything again."""
        (self.repo.top / "hooks" / "pre-receive").unlink()


def through(repo: Repo, *argv: str, status: int | None = 0, env: Mapping[str, str] | None = None) -> str:
    """Run a program, and wait for all that it leaves running; return what it said on standard error."""
    reading, writing = os.pipe()
    # beyond what those that leave the terminal close
    held = fcntl.fcntl(writing, fcntl.F_DUPFD, 200)
    os.close(writing)
    done = subprocess.run(
        argv,
        cwd=repo.top,
        env=repo.env | dict(env or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        pass_fds=(held,),
        timeout=120,
    )
    os.close(held)
    os.read(reading, 1)
    os.close(reading)
    said = done.stderr.decode("utf-8", "backslashreplace")
    assert status is None or done.returncode == status, said
    return said
