"""Edits of somebody else's file (`.git/config`, `.git/info/exclude`) that can be taken back byte for byte.

git leaves its mark on a file that it edits: empty sections, another order, another layout. So the bytes from before
the edit are kept, and put back if nobody edited the file since; else the caller removes only what was added.
"""

import base64
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass

from gittrace.errors import TraceError


@dataclass(frozen=True)
class Edit:
    """What a file held before and after; None where there was no file."""

    before: bytes | None
    after: bytes | None

    def to_json(self) -> dict[str, str | None]:
        """Return it as JSON can hold it: base64."""
        return {"before": _encoded(self.before), "after": _encoded(self.after)}

    @classmethod
    def from_json(cls, data: dict[str, str | None]) -> "Edit":
        """Return what `to_json` was made of."""
        return cls(_decoded(data["before"]), _decoded(data["after"]))


def _encoded(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _decoded(text: str | None) -> bytes | None:
    return None if text is None else base64.b64decode(text)


def read(path: str) -> bytes | None:
    """Return what a file holds, None if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except FileNotFoundError:
        return None


def write(path: str, data: bytes, mode: int | None = None) -> None:
    """Write a file so that others see the old or the new one, never half of one.

    A symbolic link is followed. Without `mode` the file keeps its own, or gets a new file's.
    """
    path = os.path.realpath(path)
    if mode is None:
        try:
            mode = stat.S_IMODE(os.stat(path).st_mode)
        except FileNotFoundError:
            mode = 0o666 & ~_umask()
    # the name that git itself locks with: it and we never write the same file at once
    lock = path + ".lock"
    try:
        fd = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise TraceError(f"cannot lock '{path}': '{lock}' exists", "remove it if no git is running") from None
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fchmod(fd, mode)
        os.replace(lock, path)
    except BaseException:
        os.unlink(lock)
        raise


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def executable_mode() -> int:
    """Return the mode of a new program: all that the umask allows."""
    return 0o777 & ~_umask()


def follow(previous: Edit | None, before: bytes | None, after: bytes | None, first: bool) -> Edit | None:
    """Return what to remember once a file was edited (again).

    previous   what was remembered of the edits until now
    first      nothing of ours was in the file before this edit
    None means that the file's own state is lost: others edited it between two edits of ours.
    """
    if first:
        return Edit(before, after)
    if previous is None or before == after:
        return previous
    return Edit(previous.before, after) if previous.after == before else None


def put_back(path: str, edit: Edit | None, otherwise: Callable[[], None]) -> None:
    """Undo an edit: byte for byte if the file is as we left it, else through `otherwise`."""
    if edit is None or read(path) != edit.after:
        otherwise()
    elif edit.before is None:
        if edit.after is not None:
            os.unlink(path)
    elif edit.before != edit.after:
        write(path, edit.before)
