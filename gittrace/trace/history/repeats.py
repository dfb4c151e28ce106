"""Lines that a file has already: who adds one once more did not get it from whom wrote the first.

Files repeat themselves: `work.commit("base")` stands in every test. So a commit that somebody else made has nothing of
a trace where all that ties them are lines of which its parent's file has as many as the trace wrote.
"""

from collections.abc import Mapping

from gittrace.git.history import Made
from gittrace.trace.history.claims import Ledger
from gittrace.trace.history.facts import Claim


def only_repeats(
    made: Made, sources: Mapping[bytes, bytes], trace: str, known: Mapping[tuple[bytes, int], Claim], ledger: Ledger
) -> bool:
    """Tell whether the `known` lines (by path and skeleton) that a commit adds are no work of a trace.

    `sources` are the names of files before the commit, which is not one of the trace's own.
    """
    if not known or len(made.parents) != 1 or any(_is_own(claim, made, ledger) for claim in known.values()):
        return False
    work = ledger.work(trace)
    for path, skeleton in known:
        standing = ledger.facts.standing(made.parents[0], sources[path])
        names = ledger.families.members(ledger.families.of(path))
        written = sum(item.line.skeleton == skeleton for name in names for item in work.order.get(name, ()))
        if standing is None or standing[skeleton] < max(written, 1):
            return False
    return True


def _is_own(claim: Claim, made: Made, ledger: Ledger) -> bool:
    """Tell whether a commit was made of what its session had in the worktree: not picked, nor applied from a mail."""
    came = any(made.oid in names for names in ledger.work(claim.trace).arrivals.values())
    return ledger.made(claim, made) and not (came and made.is_taken_over)


__all__ = ["only_repeats"]
