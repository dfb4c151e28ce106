"""Talk to a server: push, fetch, list its refs; bounded in time, and asking nothing of anybody unless that is wanted.

What stays silent for too long is ended, with all that it started (ssh, a remote helper).
"""

import os
import re
import selectors
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gittrace.errors import GitFailed, TraceError
from gittrace.git.bounded import end, quiet_environment
from gittrace.git.process import failure
from gittrace.git.repository import Repository
from gittrace.text import decode, shown

#: set for git that we start ourselves: our pre-push hook then does nothing
GUARD = "GITTRACE_PUBLISHING"

_REJECTED = re.compile(rb"^!\t[^\t]*:(?P<ref>[^\t]*)\t(?P<why>.*)$", re.MULTILINE)
_WORDS = re.compile(r"\(([^()]*)\)$")
# what git says when the server's ref is not where we left it
_MOVED = ("fetch first", "non-fast-forward", "stale info", "needs force", "already exists")
_MOVED_THERE = ("cannot lock ref", "failed to update ref", "incorrect old value provided", "reference already exists")


class TransferFailed(TraceError):
    """A server can't be reached, does not answer, or refuses."""


class RemoteMoved(TransferFailed):
    """The ref on the server is not an ancestor of what was pushed."""


@dataclass(frozen=True)
class Line:
    """How a transfer is done.

    ask    whether git may ask for a password or passphrase on the terminal, and show its progress there
    idle   seconds without a sign of life after which it is ended
    total  seconds after which it is ended at all events
    """

    ask: bool = False
    idle: float = 30
    total: float = 600


@dataclass
class _Told:
    out: list[bytes] = field(default_factory=list)
    err: list[bytes] = field(default_factory=list)


def _environment(repo: Repository, line: Line, settings: Mapping[str, str]) -> dict[str, str]:
    env = dict(repo.env)
    env[GUARD] = "1"
    # not with -c: a remote's name may hold a sign of equality
    count = int(env.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(settings.items(), count):
        env[f"GIT_CONFIG_KEY_{number}"], env[f"GIT_CONFIG_VALUE_{number}"] = key, value
    env["GIT_CONFIG_COUNT"] = str(count + len(settings))
    if line.ask:
        env.pop("GIT_TERMINAL_PROMPT", None)
        return env
    env = quiet_environment(env) | {"GIT_ASKPASS": "false", "GCM_INTERACTIVE": "never"}
    if not (env.get("GIT_SSH_COMMAND") or env.get("GIT_SSH") or repo.has_ssh_command()):
        # a user's own command is left alone: without a terminal ssh has nobody to ask
        env |= {"GIT_SSH_COMMAND": "ssh -oBatchMode=yes -oConnectTimeout=10", "GIT_SSH_VARIANT": "ssh"}
    return env


def _run(
    repo: Repository, line: Line, args: Sequence[str], settings: Mapping[str, str] | None = None
) -> tuple[int, bytes, bytes]:
    """Run git and return status, output, errors. Raises TransferFailed when it was ended."""
    quiet = {"credential.interactive": "false"} if not line.ask else {}
    process = subprocess.Popen(
        repo.argv(*args),
        env=_environment(repo, line, quiet | dict(settings or {})),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # asked at the terminal, it must stay in the terminal's session
        start_new_session=not line.ask,
    )
    told = _Told()
    try:
        why = _follow(process, line, told)
    finally:
        if process.poll() is None:
            end(process, not line.ask)
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
    if why:
        raise TransferFailed(why)
    return process.returncode, b"".join(told.out), b"".join(told.err)


def _follow(process: "subprocess.Popen[bytes]", line: Line, told: _Told) -> str:
    """Read what git says until its end; return why it must be ended, or nothing."""
    assert process.stdout
    assert process.stderr
    began = heard = time.monotonic()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, told.out)
        selector.register(process.stderr, selectors.EVENT_READ, told.err)
        while selector.get_map():
            left = line.total - (time.monotonic() - began)
            if not line.ask:
                left = min(left, line.idle - (time.monotonic() - heard))
            if left <= 0:
                silent = time.monotonic() - heard >= line.idle
                return "the server does not answer" if silent else f"it took more than {line.total:.0f} seconds"
            for key, _ in selector.select(left):
                data = os.read(key.fd, 65536)
                if not data:
                    selector.unregister(key.fileobj)
                    continue
                heard = time.monotonic()
                key.data.append(data)
                if line.ask and key.data is told.err and sys.stderr.isatty():
                    _show(data)
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        return "git does not end"
    return ""


def _show(data: bytes) -> None:
    """Show git's progress; what went wrong is told later."""
    if not any(word in data for word in (b"fatal: ", b"error: ", b"hint: ")):
        sys.stderr.buffer.write(data)
        sys.stderr.flush()


def _progress(line: Line) -> list[str]:
    if not line.ask:
        return ["--progress"]  # the sign of life
    return ["--progress"] if sys.stderr.isatty() else ["-q"]


def _said(args: Sequence[str], code: int, err: bytes) -> str:
    """Return in one line why git failed, without its progress."""
    lines = [part.rpartition(b"\r")[2] for part in err.split(b"\n")]
    theirs = [part.removeprefix(b"remote: ").strip() for part in lines if part.startswith(b"remote: ")]
    mine = [part for part in lines if part.startswith((b"fatal: ", b"error: ", b"ssh: "))]
    said = mine or [part for part in theirs if part] or [part for part in lines if part.strip()]
    return shown(str(failure(["git", *args], code, b"\n".join(said[:1])))).removeprefix(f"git {args[0]}: ")


def push(repo: Repository, remote: str, oid: str, ref: str, line: Line, force: bool = False) -> None:
    """Push one object to one ref of a remote, which must be ahead of what the server has unless `force`.

    An empty `oid` deletes the ref. Nothing else goes along, whatever is configured. Raises RemoteMoved,
    TransferFailed.
    """
    options = ["--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no", "--no-signed"]
    args = ["push", *options, *_progress(line), "--", remote, f"{'+' if force else ''}{oid}:{ref}"]
    # with mirror a remote takes no refspec; sparse, git sends again what is in another folder than it was
    settings = {f"remote.{remote}.mirror": "false", "pack.useSparse": "false"}
    code, out, err = _run(repo, line, args, settings)
    if not code:
        return
    for found in _REJECTED.finditer(out):
        summary = decode(found["why"])
        why = _WORDS.search(summary)
        reason = why[1] if why else summary
        moved = reason in _MOVED or any(word in reason for word in _MOVED_THERE)
        raise (RemoteMoved if moved else TransferFailed)(f"the server refuses '{ref}': {shown(reason)}")
    raise TransferFailed(_said(args, code, err))


def fetch(repo: Repository, remote: str, refspecs: Sequence[str], line: Line, prune: bool = False) -> None:
    """Fetch refs, whole, and nothing else. Raises TransferFailed."""
    options = ["--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--refmap=", "--no-auto-maintenance"]
    # what a partial clone leaves out by its filter it would fetch one by one when it is read
    args = ["fetch", *options, *_progress(line), *(["--prune"] if prune else ["--no-prune"]), "--no-filter"]
    args += ["--", remote, *refspecs]
    code, _, err = _run(repo, line, args)
    if code:
        raise TransferFailed(_said(args, code, err))


def list_refs(repo: Repository, remote: str, patterns: Sequence[str], line: Line) -> dict[str, str]:
    """Return ref -> oid of what a server has under some patterns. Raises TransferFailed."""
    args = ["ls-remote", "--", remote, *patterns]
    code, out, err = _run(repo, line, args)
    if code:
        raise TransferFailed(_said(args, code, err))
    pairs = (item.partition("\t") for item in os.fsdecode(out).splitlines())
    return {ref: oid for oid, _, ref in pairs}


__all__ = ["GUARD", "GitFailed", "Line", "RemoteMoved", "TransferFailed", "fetch", "list_refs", "push"]
