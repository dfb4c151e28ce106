"""What one step of a recorded session changed, and what that makes of a file's lines."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from gittrace.git.objects import GITLINK
from gittrace.git.patch import FilePatch, Hunk
from gittrace.model.attribution import Writer
from gittrace.trace.authorship.versions import Version, When
from gittrace.trace.text.lines import Lines

# contents over this (bytes, or lines) are not followed
LARGEST = 8 << 20

# lines of the old version, and those in their place in the new one
Gap = tuple[range, range]


@dataclass(frozen=True)
class Change:
    """What a step did to a file: hunks where git made them, else whole contents (binary, or a diff left out).

    Paths and oids are None on the side that isn't there. `oid` of a rename without a change of content is None too.
    `taken` are the numbers, from 1, of lines of which it is recorded that they were taken from elsewhere.
    """

    old_path: bytes | None
    new_path: bytes | None
    old_oid: str | None
    new_oid: str | None
    hunks: tuple[Hunk, ...] = ()
    whole: bool = False
    new_mode: int | None = None
    taken: Collection[int] = ()


def change_of(file: FilePatch, taken: Collection[int] = ()) -> Change | None:
    """Return a file's part of a diff as a change; None for a submodule."""
    if GITLINK in (file.old_mode, file.new_mode):
        return None
    whole = file.forward is not None
    return Change(file.old_path, file.new_path, file.old_oid, file.new_oid, file.hunks, whole, file.new_mode, taken)


@dataclass(frozen=True)
class Step:
    """What one half of an event changed.

    writer   who wrote what is new; None: nobody of ours (a dirty start, what git itself brought)
    links    the commits to which it set submodules, by path; None for one that was taken out
    brought  the contents of a file, by its names, in the commits that HEAD came to in this step and no session made
    lent     in those of branches from which lines were taken
    doing    what it is a part of, with steps before it: of what is moved one file may be committed before the other
    """

    when: When
    writer: Writer | None
    changes: Sequence[Change]
    links: Mapping[bytes, str | None] = field(default_factory=dict)
    brought: Callable[[Sequence[bytes]], Iterable[Lines]] = field(default=lambda names: ())
    lent: Callable[[Sequence[bytes]], Iterable[Lines]] = field(default=lambda names: ())
    doing: str = ""


def gaps(match: Sequence[int], old_size: int) -> Iterable[Gap]:
    """Yield what an alignment leaves out: (old lines, the new ones in their place)."""
    old_at = new_at = 0
    for at, source in [*enumerate(match), (len(match), old_size)]:
        if source < 0:
            continue
        if source > old_at or at > new_at:
            yield range(old_at, source), range(new_at, at)
        old_at, new_at = source + 1, at + 1


def patched(path: bytes, old: Version, hunks: Sequence[Hunk]) -> tuple[Version, list[Gap]]:
    """Return what hunks make of a version, and their blocks. Lines of the old one that are not known are told by them.

    Raises ValueError when the hunks overlap, or are out of bounds.
    """
    _reach(old, max((hunk.old_start + max(hunk.old_count, 1) - 1 for hunk in hunks), default=0))
    new = Version(path, old.shelf)
    blocks: list[Gap] = []
    at = 0
    for hunk in hunks:
        start = hunk.old_start - (1 if hunk.old_count else 0)
        if start < at:
            raise ValueError(f"its hunk at line {hunk.old_start} is out of place")
        new.numbers += old.numbers[at:start]
        at = _one(old, new, hunk, start, blocks)
    new.numbers += old.numbers[at:]
    new.whole = old.whole
    return new, blocks


def _reach(version: Version, size: int) -> None:
    """Make a version that is not known to its end at least so long."""
    if size > LARGEST:
        raise ValueError(f"its line {size} is out of bounds")
    if size > version.size:
        version.extend(size - version.size)


def _one(old: Version, new: Version, hunk: Hunk, at: int, blocks: list[Gap]) -> int:
    """Add what a hunk leads to, and its blocks; return where it ends in the old version."""
    removed_from, added_from = at, new.size

    def close() -> None:
        if at > removed_from or new.size > added_from:
            blocks.append((range(removed_from, at), range(added_from, new.size)))

    for line in hunk.lines:
        sign, text = line[:1], line[1:].removesuffix(b"\n")
        if sign != b"+":
            if sign == b" ":
                close()
            if old.text(at) is None:
                old.tell(at, text)
        if sign == b" ":
            new.numbers.append(old.numbers[at])
        elif sign != b"-":
            new.numbers.append(old.shelf.number(text))
        at += sign != b"+"
        if sign == b" ":
            removed_from, added_from = at, new.size
    close()
    return at
