"""How segments are signed, in words: those that `git log --show-signature` has letters for (`%G?`)."""

from collections import Counter
from collections.abc import Iterator, Sequence

from gittrace.commands import display
from gittrace.commands.display import Screen, safe
from gittrace.model.trace import Segment
from gittrace.text import counted
from gittrace.trace.stored.signed import Standing

_WORDS = {
    "G": "good",
    "U": "valid, but of unknown trust",
    "X": "valid, but expired",
    "Y": "made with a key that has expired",
    "R": "made with a key that was revoked",
    "B": "bad",
    "E": "can't be checked",
    "N": "none",
}
_COUNTED = {
    "G": "signed",
    "U": "signed with unknown trust",
    "X": "signed, expired",
    "Y": "signed with an expired key",
    "R": "signed with a revoked key",
    "B": "signed badly",
    "E": "signed, not checked",
    "N": "not signed",
}
_COLOURS = {"G": display.GREEN, "B": display.RED, "R": display.RED, "N": display.DIM}

Signed = Sequence[tuple[Segment, Standing]]


def words(standing: Standing) -> str:
    """Return what is to be said of a segment's signature: how it is, whose, and why it is no better."""
    said = _WORDS[standing.letter]
    best = standing.best
    if best is None:
        return said
    who = safe(best.signer) or (f"key {safe(best.key)}" if best.key else "")
    key = f" ({safe(best.key)})" if best.signer and best.key else ""
    by = f", by {who}{key}" if who else ""
    return f"{said}{by}" + (f": {safe(best.why)}" if best.why else "")


def counted_letters(signed: Signed) -> list[str]:
    """Return how many segments are signed how, those that are good with the names of the signers."""
    letters = Counter(standing.letter for _, standing in signed)
    good = {best.signer for _, standing in signed if standing.letter == "G" and (best := standing.best)}
    by = f" by {', '.join(map(safe, sorted(good)))}"
    return [f"{number} {_COUNTED[letter]}{by if letter == 'G' else ''}" for letter, number in sorted(letters.items())]


def summary_lines(signed: Signed, screen: Screen) -> Iterator[str]:
    """Yield a line for all segments that are signed alike; nothing where none is signed."""
    groups: dict[str, list[Standing]] = {}
    for _, standing in signed:
        groups.setdefault(words(standing), []).append(standing)
    if all(some[0].best is None for some in groups.values()):
        return
    for number, (said, some) in enumerate(sorted(groups.items())):
        painted = screen.paint(said, _COLOURS.get(some[0].letter, display.YELLOW))
        yield f"{'' if number else 'Signed:':<9}{painted} ({counted(len(some), 'segment')})"


def named_lines(signed: Signed) -> Iterator[str]:
    """Yield a line for each segment whose signature is not good, and for signatures of others that are bad."""
    for segment, standing in signed:
        name = f"segment {segment.session_id}-{segment.index}"
        if standing.letter != "G":
            yield f"{name}: signature {words(standing)}"
        if bad := sum(verdict.letter == "B" for _, verdict in standing.checked if standing.letter != "B"):
            yield f"{name}: {counted(bad, 'other signature')} bad"
        if standing.more:
            yield f"{name}: {counted(standing.more, 'signature')} more, not looked at"
