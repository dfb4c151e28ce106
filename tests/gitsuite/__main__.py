"""Run git's own test scripts with and without gittrace: `python -m tests.gitsuite SOURCE [SCRIPT...]`.

SOURCE is a built source tree of git. Every repository that a script makes gets, by git's own template folder, what `git
trace init` installs; with `--session` a session is active in it, so that the hooks write and the sealer runs. What ends
otherwise than without gittrace is named, and the exit status is 1.

With a session some differences are true and meant: what snapshots hold is in reach, so it is neither dangling nor
pruned (t1410 of 2.39.5), `--all` and `refs/notes/*` show the notes (t3301, t4013), `name-rev --all` names their
commits too (t6120), all refs are listed and the configuration begins with ours (t3211, t5400, t5411, t5504), and a
push of snapshots, as `--mirror` is one, is stopped (t5505, t5517, t5543, t5545). A script that counts objects, packs
or their commits (t5304, t5310, t5319, t6500), looks for dangling objects or removes a repository right after a commit
may meet the detached sealer or what it wrote (t1410, t2400, t6402, t7406); with `--now` it waits. t7900 replaces all
objects by packs of its own, and what the notes lead to is gone.

In t1800 of 2.55 our pre-push keeps one of two places for hooks (`hook.jobs`) for longer than it would: what git starts
beside a hook inherits the writing end of its standard input, and ours, which reads all of it, ends when that does.
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

from tests.support.repo import PACKAGE_ROOT, Repo, hermetic_environment

# what hooks can touch: commit, merge, rebase, am, cherry-pick, notes, push, hooks, worktrees, template and init
SCRIPTS = """
    t0001 t1800 t2400 t2401 t2402 t2403 t2404 t2405 t3301 t3320 t3400 t3402 t3403 t3404 t3406 t3407 t3412 t3413 t3415
    t3416 t3417 t3418 t3420 t3421 t3422 t3424 t3425 t3426 t3428 t3430 t3431 t3432 t3434 t3436 t3501 t3502 t3504 t3505
    t3506 t3507 t3510 t3903 t4014 t4150 t5304 t5400 t5402 t5403 t5407 t5505 t5509 t5510 t5516 t5517 t5523 t5526 t5531
    t5533 t5534 t5538 t5541 t5543 t5545 t5547 t5571 t5572 t5582 t5801 t6120 t6500 t6501 t7003 t7102 t7201 t7400 t7500
    t7501 t7502 t7503 t7504 t7505 t7507 t7509 t7510 t7600 t7601 t7602 t7603 t7607 t7611 t7900
""".split()
# where git's `test_hook` puts a script's hook, and what has it lie where `git trace init` moves a hook that it finds
_HOOK_FILE = 'hook_file="$hook_dir/$1" &&\n'
_CHAINED = f'{_HOOK_FILE}\t{{ ! grep -qs gittrace "$hook_file" || hook_file=$hook_file.gittrace-chained; }} &&\n'
_RESULT = re.compile(r"^(ok|not ok) (\d+)(?: - (.*))?$", re.MULTILINE)


def main() -> int:
    """Run the scripts with our hooks, those that fail without too, and print what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.gitsuite", description=__doc__.partition("\n\n")[0])
    parser.add_argument("source", type=Path, help="a built source tree of git")
    parser.add_argument("scripts", nargs="*", metavar="SCRIPT", help="t5571, ...; default: those that hooks can touch")
    parser.add_argument("--session", action="store_true", help="with an active session in every repository")
    parser.add_argument("--now", action="store_true", help="have the hooks wait for the sealer (trace.seal=now)")
    parser.add_argument("--sha256", action="store_true", help="in repositories with SHA-256 objects")
    parser.add_argument("--jobs", "-j", type=int, default=1, help="how many scripts at once")
    parser.add_argument("--verbose", "-v", action="store_true", help="print a line for every script")
    args = parser.parse_args()
    tests = args.source.resolve() / "t"
    scripts = sorted(path for name in args.scripts or SCRIPTS for path in tests.glob(f"{name}*.sh"))
    if not scripts or not (tests.parent / "git").exists():
        parser.error(f"'{args.source}' is not a built source tree of git with such scripts")
    results = differences = 0
    with tempfile.TemporaryDirectory(prefix="gittrace-suite-") as name:
        folder = Path(name)
        hashed = {"GIT_TEST_DEFAULT_HASH": "sha256"} if args.sha256 else {}
        template = make_template(folder, tests.parent, args.session, args.now, args.sha256)
        with (
            swapped(tests.parent / "templates/blt", template),
            chaining(tests / "test-lib-functions.sh"),
            ThreadPoolExecutor(args.jobs) as pool,
        ):
            with_ours = list(pool.map(lambda script: run(script, folder, hashed), scripts))
        for script, (status, ours) in zip(scripts, with_ours, strict=True):
            # a script that ended well says so itself; only what failed is to be seen without us
            bare = run(script, folder, hashed)[1] if status else ours
            results += len(bare)
            changed = sorted(number for number in bare if bare[number] != ours.get(number))
            differences += len(changed)
            if args.verbose or changed:
                print(f"{script.name}: {len(bare)} results, {len(changed)} differ", flush=True)
            for number in changed:
                print(f"    {number}: {bare[number]} -> {ours.get(number, 'not run')}", flush=True)
    print(f"{len(scripts)} scripts, {results} results, {differences} differ")
    return 1 if differences else 0


def make_template(folder: Path, source: Path, session: bool, now: bool, sha256: bool = False) -> Path:
    """Return a copy of git's template folder with what `git trace init` and `start` leave in a repository."""
    program = folder / "bin" / "git-trace"
    program.parent.mkdir()
    python = f'PYTHONPATH="{PACKAGE_ROOT}" exec "{sys.executable}"'
    program.write_text(f'#!/bin/sh\n{python} -m gittrace.main "$@"\n')
    program.chmod(0o755)
    home = folder / "home"
    home.mkdir()
    path = f"{source / 'bin-wrappers'}{os.pathsep}{program.parent}{os.pathsep}{os.environ['PATH']}"
    repo = Repo(folder / "model", hermetic_environment(home) | {"PATH": path})
    repo.top.mkdir()
    repo.git("init", "-q", f"--object-format={'sha256' if sha256 else 'sha1'}", ".")
    if now:
        repo.git("config", "trace.seal", "now")
    repo.git("trace", "init")
    if session:
        repo.git("trace", "start", "-m", "git's own tests")
        for name in ("index", "state", "reflog"):
            (repo.top / ".git/trace" / name).unlink(missing_ok=True)
    template = folder / "template"
    shutil.copytree(source / "templates/blt", template, symlinks=True)
    shutil.copytree(repo.top / ".git/hooks", template / "hooks", dirs_exist_ok=True)
    shutil.copytree(repo.top / ".git/trace", template / "trace")
    kept = repo.git("config", "--local", "--null", "--get-regexp", r"^(trace|hook)\.")
    for entry in filter(None, kept.split("\0")):
        key, _, value = entry.partition("\n")
        repo.git("config", "--file", str(template / "config"), key, value)
    return template


@contextmanager
def swapped(place: Path, other: Path) -> Iterator[None]:
    """Have another folder stand at a place."""
    kept = place.with_name(f"{place.name}.kept")
    place.rename(kept)
    try:
        shutil.copytree(other, place, symlinks=True)
        yield
    finally:
        shutil.rmtree(place, ignore_errors=True)
        kept.rename(place)


@contextmanager
def chaining(functions: Path) -> Iterator[None]:
    """Have a hook that a script writes be chained to ours, as one that a repository had before."""
    kept = functions.read_text()
    functions.write_text(kept.replace(_HOOK_FILE, _CHAINED))
    try:
        yield
    finally:
        functions.write_text(kept)


def run(script: Path, folder: Path, settings: Mapping[str, str]) -> tuple[int, dict[int, str]]:
    """Run one of git's scripts; return its exit status, and number -> `ok` or `not ok`, with the test's title."""
    root = folder / script.stem
    env = {key: value for key, value in os.environ.items() if not key.startswith(("GIT_", "GITTRACE"))}
    env |= settings
    argv = ["sh", script.name, f"--root={root}"]
    done = subprocess.run(
        argv, cwd=script.parent, env=env, capture_output=True, text=True, errors="replace", timeout=1800
    )
    shutil.rmtree(root, ignore_errors=True)
    return done.returncode, {int(match[2]): f"{match[1]} ({match[3]})" for match in _RESULT.finditer(done.stdout)}


if __name__ == "__main__":
    sys.exit(main())
