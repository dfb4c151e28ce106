"""Replay a range of a real history as work: `python -m tests.fuzz.real REPOSITORY [FIRST [LAST [COMMITS]]]`.

Real text repeats itself, moves about and is formatted anew, as made-up lines are not. Each seed takes some commits in a
row, has sessions of several traces begin and end between them, and makes each commit by hand, after a recorded command,
by one, or with `git am`. What a line says, but for what formatters change, tells who can have written it.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.support.repo import Repo, hermetic_environment, make_repo

_COMMITS = 20
_FILES = 25
# letters and digits from which on a line says something
_TELLING = 6


def main() -> int:
    """Replay, and print what is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.real", description=__doc__.partition("\n\n")[0])
    parser.add_argument("repository", type=Path, help="whose history to replay: its first parents, from HEAD")
    parser.add_argument("first", nargs="?", type=int, default=int(time.time()), help="the first seed")
    parser.add_argument("last", nargs="?", type=int, help="the last seed")
    parser.add_argument("commits", nargs="?", type=int, default=_COMMITS, help="how many commits a seed replays")
    args = parser.parse_args()
    failed = 0
    for seed in range(args.first, (args.last or args.first) + 1):
        with tempfile.TemporaryDirectory(prefix="gittrace-real-") as folder:
            problems = list(Replay(args.repository, Path(folder), Random(seed)).play(args.commits))
        print(f"seed {seed}  {len(problems) or 'no'} problems", *problems, sep="\n    ", flush=True)
        failed += bool(problems)
    return 1 if failed else 0


def said(line: bytes) -> bytes:
    """Return what a line says, without what a formatter may change."""
    return re.sub(rb"[\s\"'`,;()\\#]", b"", line)


def tells(text: bytes) -> bool:
    """Tell whether a line says where it comes from."""
    return len(re.sub(rb"[^0-9A-Za-z]", b"", text)) >= _TELLING


class Replay:
    """A repository in which the work of another one is done again."""

    def __init__(self, source: Path, top: Path, rng: Random) -> None:
        self.source = source
        self.rng = rng
        (top / "home").mkdir()
        env = hermetic_environment(top / "home")
        path = f"{Path(sys.executable).parent}:{env['PATH']}"
        self.repo: Repo = make_repo(top / "repo", env | {"PATH": path})
        self.traces: list[str] = []
        # by commit, the trace in whose session it was made
        self.owners: dict[str, str | None] = {}
        # by what lines say, who added one; None is nobody that recorded
        self.writers: defaultdict[bytes, set[str | None]] = defaultdict(set)

    def play(self, count: int) -> Iterator[str]:
        """Do the work, and yield what is wrong in the answers."""
        names = self._theirs("rev-list", "--reverse", "--first-parent", "HEAD").decode().split()
        start = self.rng.randrange(max(len(names) - count, 1))
        self._take(names[start])
        self.repo.git("add", "-A")
        self.repo.git("commit", "-q", "--allow-empty", "-m", "what was there before")
        self._note(None)
        self.repo.git("config", "trace.seal", "now")
        self.repo.git("trace", "init")
        trace: str | None = None
        for name in names[start + 1 : start + 1 + count]:
            if trace and self.rng.random() < 0.25:
                self.repo.git("trace", "stop")
                trace = None
            if trace is None and self.rng.random() < 0.5:
                trace = self._start()
            self._commit(name, trace)
        if trace:
            self.repo.git("trace", "stop")
        yield from self._wrong_links()
        yield from self._wrong_lines()
        self.repo.git("trace", "verify", status=None)
        if self.repo.status:
            yield "git trace verify does not prove all"

    def _start(self) -> str:
        again = self.traces and self.rng.random() < 0.3
        how = ("--trace", self.rng.choice(self.traces)) if again else ("-m", "work")
        trace = str(json.loads(self.repo.git("trace", "start", "--json", *how))["trace_id"])
        if trace not in self.traces:
            self.traces.append(trace)
        return trace

    def _commit(self, name: str, trace: str | None) -> None:
        """Make a commit that changes what another one did."""
        run = ("trace", "run", "--", "git") if trace else ()
        how = self.rng.choice(("by hand", "after a command", "by a command", "from a mail"))
        before = self.repo.git("rev-parse", "HEAD")
        if how == "from a mail":
            mail = self.repo.top.parent / "mail"
            mail.write_bytes(self._theirs("format-patch", "--stdout", "--binary", "-1", name))
            self.repo.git(*run, "am", "-q", str(mail), status=None)
            if self.repo.status:
                self.repo.git("am", "--abort", status=None)
        else:
            self._take(name)
            if trace and how == "after a command":
                self.repo.git("trace", "run", "--", "true")
            self.repo.git("add", "-A")
            self.repo.git(*(run if how == "by a command" else ()), "commit", "-q", "-m", f"as {name}", status=None)
        if self.repo.git("rev-parse", "HEAD") != before:
            self._note(None if how == "from a mail" else trace)

    def _take(self, name: str) -> None:
        """Have the worktree hold what a commit of the source holds."""
        for path in self.repo.top.iterdir():
            if path.is_dir() and not path.is_symlink():
                if path.name != ".git":
                    shutil.rmtree(path)
            else:
                path.unlink()
        self.repo.run("tar", "-x", stdin=self._theirs("archive", name))

    def _theirs(self, *args: str) -> bytes:
        return subprocess.run(("git", "-C", str(self.source), *args), check=True, capture_output=True).stdout

    def _note(self, trace: str | None) -> None:
        commit = self.repo.git("rev-parse", "HEAD")
        self.owners[commit] = trace
        for text in self._added(commit):
            self.writers[text].add(trace)

    def _added(self, commit: str) -> set[bytes]:
        diff = self.repo.run("git", "diff-tree", "--root", "-p", "-U0", "--no-renames", "--no-commit-id", "-r", commit)
        return {said(line[1:]) for line in diff.split(b"\n") if line[:1] == b"+" and line[:4] != b"+++ "}

    def _wrong_links(self) -> Iterator[str]:
        """Yield commits of sessions without their link, and links to commits that add nothing which was not there."""
        linked: defaultdict[str, set[str]] = defaultdict(set)
        for told in json.loads(self.repo.git("trace", "log", "--fate", "--json")) if self.traces else ():
            for link in told["links"]:
                linked[link["commit"]].add(told["trace_id"])
        for commit, owner in self.owners.items():
            added = {text for text in self._added(commit) if tells(text)}
            if owner and owner not in linked[commit] and any(self.writers[text] == {owner} for text in added):
                yield f"{commit} has no link to {owner}, in whose session it was made"
            for trace in linked[commit] - {owner}:
                texts = {text for text in added if trace in self.writers[text]}
                names = self.repo.run("git", "diff-tree", "-z", "--name-only", "--no-commit-id", "-r", commit)
                before = {text for name in names.split(b"\0") if name for text in self._held(f"{commit}~", name)}
                if texts <= before:
                    yield f"{commit} is linked to {trace}, and adds of it only what stood there: {sorted(texts)[:3]}"

    def _held(self, commit: str, path: bytes) -> set[bytes]:
        blob = self.repo.run("git", "cat-file", "blob", commit.encode() + b":" + path, status=None)
        return set(map(said, blob.split(b"\n")))

    def _wrong_lines(self) -> Iterator[str]:
        """Yield lines that are said to be of who never added one like them, or of nobody, though only one did."""
        base = next(iter(self.owners))
        names = self.repo.git("diff", "-z", "--name-only", "--diff-filter=AM", base, "HEAD").split("\0")
        files = [name for name in names if name]
        for name in self.rng.sample(files, min(len(files), _FILES)):
            for row in json.loads(self.repo.git("trace", "blame", "--json", "--", name, "HEAD")):
                text = said(row["text"].encode("utf-8", "surrogateescape"))
                writer = row["event"] and row["event"]["trace_id"]
                known = self.writers[text]
                wrong = writer not in known and (writer or (len(known) == 1 and tells(text)))
                if text and wrong and not self._may_be_wrapped(text, writer):
                    yield f"{name}:{row['line']} is said to be of {writer}, not of {known}: {row['text']!r}"

    def _may_be_wrapped(self, text: bytes, writer: str | None) -> bool:
        """Tell whether a writer added a line that this one is part of, or that is part of it."""
        theirs = (other for other, writers in self.writers.items() if writer in writers and tells(other))
        return any(text in other or other in text for other in theirs)


if __name__ == "__main__":
    sys.exit(main())
