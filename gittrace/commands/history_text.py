"""What the history says of a trace, in words and as JSON: its links to commits, and its fate."""

from collections.abc import Iterator, Sequence
from typing import Any

from gittrace.commands import display
from gittrace.commands.display import Screen, percent, safe
from gittrace.text import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.trace import Fate, FileFate, Link

_SHORT_OID = 12
# how sure it is, as `links` says it
# of a link that has more, only so many are shown; --json has all
_MOST_BLOBS = 4
TIER_WORDS = {"tool_emitted": "made", "tool_emitted_with_divergence": "changed", "overlapping": "nearby"}
_COLOURS = {
    "alive": display.GREEN,
    "moved": display.GREEN,
    "transformed": display.GREEN,
    "partial": display.YELLOW,
    "reverted": display.RED,
    "superseded": display.DIM,
    "lost": display.RED,
    "uncommitted": display.YELLOW,
}


def link_line(link: "Link", screen: Screen) -> str:
    """Return a link: commit, how sure it is, the part of the commit's added lines, where it is reachable, subject."""
    where = f" ({safe(link.branch)})" if link.branch else "" if link.reachable else " (unreachable)"
    said = f"{TIER_WORDS.get(link.tier, link.tier):<7}  {percent(link.share):>4}"
    return f"{screen.paint(link.commit[:_SHORT_OID], display.YELLOW)}  {said}  {safe(link.subject)}{where}"


def link_details(link: "Link", screen: Screen) -> Iterator[str]:
    """Yield what is known of a link beyond its line: the evidence, what reverts it, what of it is still there."""
    blobs = [proof for proof in link.evidence if proof.startswith("blob ")]
    for proof in (*blobs[:_MOST_BLOBS], *([f"{len(blobs) - _MOST_BLOBS} more blobs"] if blobs[_MOST_BLOBS:] else ())):
        yield screen.paint(safe(proof), display.DIM)
    for proof in link.evidence:
        if not proof.startswith("blob "):
            yield screen.paint(safe(proof), display.DIM)
    if link.alive_share is not None:
        yield screen.paint(f"{percent(link.alive_share)} of it is at HEAD", display.DIM)
    for commit in link.reverted_by:
        yield screen.paint(f"reverted by {commit[:_SHORT_OID]}", display.RED)


def painted_word(word: str, screen: Screen) -> str:
    """Return the word for a fate in its colour."""
    return screen.paint(word, _COLOURS[word]) if word else ""


def fate_line(fate: "Fate | FileFate", screen: Screen) -> str:
    """Return a fate: its word, how many lines it is about, and the parts where there are several."""
    parts = ", ".join(f"{percent(share)} {word}" for word, share in fate.shares.items())
    more = f": {parts}" if len(fate.shares) > 1 else ""
    return f"{painted_word(fate.word, screen)} ({counted(fate.lines, 'line')}{more})"


def file_fate_line(file: "FileFate", screen: Screen) -> str:
    """Return the fate of a file, and where its lines are now if that is elsewhere."""
    now = f" -> {', '.join(map(safe, file.now))}" if file.now else ""
    return f"{safe(file.path)}: {fate_line(file, screen)}{now}"


def head_lines(fate: "Fate | None", links: "Sequence[Link]", screen: Screen) -> Iterator[str]:
    """Yield what the head of a trace's entry says of its history; the same files at the same time are left out."""
    if fate:
        yield f"Fate:    {fate_line(fate, screen)}"
    proved = [link for link in links if link.tier != "overlapping"]
    for number, link in enumerate(proved):
        yield f"{'' if number else 'Links:':<9}{link_line(link, screen)}"


def link_json(link: "Link") -> dict[str, Any]:
    """Return a link as `--json` shows it (doc/JSON.md)."""
    return {
        "commit": link.commit,
        "tier": link.tier,
        "share": link.share,
        "subject": link.subject,
        "time": link.time,
        "branch": link.branch,
        "reachable": link.reachable,
        "alive": link.alive,
        "alive_share": link.alive_share,
        "evidence": list(link.evidence),
        "reverted_by": list(link.reverted_by),
    }


def fate_json(fate: "Fate | None") -> dict[str, Any] | None:
    """Return a fate as `--json` shows it (doc/JSON.md); None for a trace that left nothing."""
    return fate.as_json() if fate else None
