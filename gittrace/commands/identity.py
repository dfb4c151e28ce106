"""git trace identity."""

import argparse
import os
import sys

from gittrace.commands.common import json_option, print_json
from gittrace.errors import NoRepository, TraceError, UsageError, told
from gittrace.git.notes import identity
from gittrace.git.repository import discover
from gittrace.protect.identity import developer_id, own_ids, where_is_the_key
from gittrace.protect.identity_change import LONGEST, exported, imported, rotate
from gittrace.text import decode, shown

DESCRIPTION = """\
Show the id that you record under, and where its key is. The id is made of the e-mail address that git has for you, with
a secret key: nobody without the key can tell whose it is. --export and --import take the key to your other machines,
so that you are one person there too. What is exported is secret; --output writes it to a file that only you can read.
--rotate makes a new key: what is recorded from now on has another id, and what was recorded keeps the old one."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare options and arguments."""
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--rotate", action="store_true", help="make a new key, and so another id")
    what.add_argument("--export", action="store_true", help="print the key, for --import on another machine")
    what.add_argument("--import", dest="file", metavar="FILE", help="use the key that FILE has (- for standard input)")
    parser.add_argument("-o", "--output", metavar="FILE", help="where to export to: a new file, of mode 0600")
    json_option(parser)


def run(args: argparse.Namespace) -> int:
    """Show or change the identity."""
    if args.output is not None and not args.export:
        raise UsageError("--output needs --export", "git trace identity --export --output FILE")
    if args.export:
        _export(args.output)
        return 0
    if args.rotate:
        rotate()
    elif args.file is not None and imported(_read(args.file)).tags:
        sys.stderr.write("warning: secrets have other tags from now on; trace.redact.allow may hold old ones\n")
    _show(args.json, made=args.rotate or args.file is not None)
    return 0


def _show(as_json: bool, made: bool) -> None:
    """Print the id; one that is not there yet is made only if the key was just `made`."""
    # a keyring that does not answer is waited for once
    place = None if made else where_is_the_key()
    mine = _own_id() if place is None or place.kind != "none" else None
    place = place or where_is_the_key()
    others = [one for one in own_ids() if one != mine]
    if as_json:
        print_json({"developer_id": mine, "key": {"kind": place.kind, "detail": place.detail}, "others": others})
        return
    if mine:
        print(mine)
    print(f"key: {place.kind}: {shown(place.detail)}")
    for one in others:
        print(f"used before: {one}")


def _own_id() -> str | None:
    try:
        repo = discover()
    except NoRepository:
        return None  # which e-mail address counts is the repository's to say
    return developer_id(decode(identity(repo)))


def _export(output: str | None) -> None:
    text = exported()
    if output is None:
        sys.stdout.write(text)
    else:
        _write_new(output, text.encode())
    sys.stderr.write("warning: whoever has this can tell which traces are yours, and guess at what was masked\n")


def _write_new(path: str, data: bytes) -> None:
    """Write a file that was not there. Raises TraceError."""
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            with open(fd, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(fd)
        except BaseException:
            os.unlink(path)
            raise
    except OSError as error:
        raise TraceError(f"cannot write '{path}': {told(OSError(error.errno, error.strerror))}") from None


def _read(path: str) -> bytes:
    """Return what a file has, no more than is needed to see that it is too long. Raises TraceError."""
    if path == "-":
        return sys.stdin.buffer.read(LONGEST + 1)
    try:
        with open(path, "rb") as file:
            return file.read(LONGEST + 1)
    except OSError as error:
        raise TraceError(f"cannot read '{path}': {told(OSError(error.errno, error.strerror))}") from None
