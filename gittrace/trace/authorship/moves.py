"""Lines that disappear in one place and appear in another in one step: who moves a line does not write it. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gittrace.trace.text.align import MOVED, align, weight

# a place in the blocks of a step: the block's number, and the line's index in it
_Place = tuple[int, int]


@dataclass
class Block:
    """Consecutive lines that a step removed, and those that it put in their place, as keys.

    `taken` holds what became of the added lines: for each the (block, index) of the removed line that it is, else None.
    """

    removed: Sequence[bytes | None]
    added: Sequence[bytes]
    taken: list[_Place | None] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.taken = [None] * len(self.added)


def find_moves(blocks: Sequence[Block]) -> None:
    """Fill `taken`: first within a block (re-indented), then between blocks, wherever they are."""
    left: set[_Place] = set()
    for number, block in enumerate(blocks):
        match = align(block.removed, block.added) if block.removed and block.added else [-1] * len(block.added)
        for at, source in enumerate(match):
            if source >= 0:
                block.taken[at] = (number, source)
        used = {source for source in match if source >= 0}
        left.update((number, at) for at in range(len(block.removed)) if at not in used)
    if left:
        _between(blocks, left)


def _between(blocks: Sequence[Block], left: set[_Place]) -> None:
    """Pair lines that are left over once on either side, and what stands around them."""
    sources: dict[bytes, _Place | None] = {}
    for number, at in sorted(left):
        text = blocks[number].removed[at]
        if text:
            sources[text] = None if text in sources else (number, at)
    targets: dict[bytes, _Place | None] = {}
    for number, block in enumerate(blocks):
        for at, text in enumerate(block.added):
            if text and block.taken[at] is None:
                targets[text] = None if text in targets else (number, at)
    for text, target in targets.items():
        source = sources.get(text)
        if target and source and source in left and blocks[target[0]].taken[target[1]] is None:
            _pair(blocks, left, source, target)


def _pair(blocks: Sequence[Block], left: set[_Place], source: _Place, target: _Place) -> None:
    """Pair a run around an anchor, if it says enough."""
    (old, old_at), (new, new_at) = source, target
    removed, added, taken = blocks[old].removed, blocks[new].added, blocks[new].taken

    def fits(step: int) -> bool:
        there, here = old_at + step, new_at + step
        if not (0 <= there < len(removed) and 0 <= here < len(added)):
            return False
        return (old, there) in left and taken[here] is None and removed[there] == added[here]

    first = last = 0
    while fits(first - 1):
        first -= 1
    while fits(last + 1):
        last += 1
    if weight(added[new_at + first : new_at + last + 1]) >= MOVED:
        for step in range(first, last + 1):
            taken[new_at + step] = (old, old_at + step)
            left.discard((old, old_at + step))
