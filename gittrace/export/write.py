"""Where an export goes: standard output or a file, compressed when its name ends in `.zst`.

A file is written beside its place and moved there when it is whole, so nobody ever finds half of one. A reader of
standard output that has seen enough (`| head -1`) ends the export quietly.
"""

import contextlib
import os
import stat
import sys
from collections.abc import Iterator
from io import FileIO
from typing import IO, BinaryIO, Protocol, cast

from gittrace.clock import uuid4
from gittrace.errors import TraceError


class Output(Protocol):
    """What can be written to."""

    def write(self, data: bytes, /) -> int:
        """Write all of `data`."""
        ...


class _ReaderGone(Exception):
    """Nobody reads standard output any more: it ends the export, and is no failure."""


class _Stdout:
    def __init__(self) -> None:
        sys.stdout.flush()
        self.file = sys.stdout.buffer

    def write(self, data: bytes, /) -> int:
        try:
            size = self.file.write(data)
            # who reads need not wait for the next record
            self.file.flush()
            return size
        except BrokenPipeError:
            raise _ReaderGone from None


class _Named:
    """A file whose errors name it, so that what fails in the body of a `with` is not taken for a failed write."""

    def __init__(self, file: BinaryIO | FileIO, path: str) -> None:
        self.file = file
        self.path = path

    def write(self, data: bytes, /) -> int:
        with _naming(self.path):
            return self.file.write(data)


@contextlib.contextmanager
def _naming(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise TraceError(f"cannot write '{path}': {(error.strerror or str(error)).lower()}") from error


@contextlib.contextmanager
def open_output(path: str | None) -> Iterator[Output]:
    """Open `path` (None or `-`: standard output) for the body of a `with`.

    When the body raises, a file that was there before stays as it was. Raises TraceError, naming the file.
    """
    if path is None or path == "-":
        yield from _to_stdout()
    elif path.endswith(".zst"):
        with _replacing(path) as file, _compressing(file) as packer:
            yield packer
    else:
        with _replacing(path) as file:
            yield file


def _to_stdout() -> Iterator[Output]:
    out = _Stdout()
    try:
        yield out
        out.file.flush()
    except (_ReaderGone, BrokenPipeError):
        # python flushes standard output once more at exit, and would complain
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, sys.stdout.fileno())
        os.close(null)


@contextlib.contextmanager
def _replacing(path: str) -> Iterator[_Named]:
    target = os.path.realpath(path)
    try:
        mode = os.stat(target).st_mode
    except OSError:
        mode = 0  # mostly there is none yet; what else is wrong shows below
    if mode and not stat.S_ISREG(mode):  # a pipe or a device can't be replaced
        with _naming(path):
            device = open(target, "wb", buffering=0)  # noqa: SIM115 - closed below, its errors told apart
        with device:
            yield _Named(device, path)
        return
    new = f"{target}.{uuid4()[:8]}.new"
    with _naming(path):
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    try:
        with open(fd, "wb") as file:
            if mode:
                os.fchmod(fd, stat.S_IMODE(mode))
            yield _Named(file, path)
            with _naming(path):
                file.flush()
                os.fsync(fd)
        with _naming(path):
            os.replace(new, target)
    except BaseException:
        os.unlink(new)
        raise


@contextlib.contextmanager
def _compressing(file: _Named) -> Iterator[Output]:
    import zstandard

    packer = zstandard.ZstdCompressor(level=9, write_checksum=True)
    with packer.stream_writer(cast(IO[bytes], file), closefd=False) as writer:
        yield writer
