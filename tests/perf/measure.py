"""Numbers from a machine that does other things too: pairs taken in turn, their medians, and how they are shown."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from random import Random
from statistics import median

Run = Callable[[], float]
"""Does what is measured once, and returns how long that took in milliseconds."""


@dataclass(frozen=True)
class Row:
    """A line of the table.

    measured, reference  milliseconds, or bytes where `unit` says so; no reference where the goal is absolute
    value                what the goal is about, in `unit`: a difference, a ratio, a share
    goal                 the most that `value` may be; None for a line that only explains another
    """

    what: str
    measured: float
    reference: float | None
    value: float
    unit: str
    goal: float | None = None

    @property
    def verdict(self) -> str:
        """`ok`, `over`, or nothing where there is no goal."""
        if self.goal is None:
            return ""
        return "ok" if self.value <= self.goal else "over"


def in_turn(rounds: int, *runs: Run) -> list[list[float]]:
    """Return the times of each run, taken in rounds of all of them: what slows the machine down hits all alike.

    The order is another in each round, since what a run leaves behind (caches, data to be written) is the next one's
    fortune. A first round, which fills caches, doesn't count.
    """
    for run in runs:
        run()
    shuffle = Random(rounds).shuffle
    turns = list(range(len(runs)))
    times: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        shuffle(turns)
        for turn in turns:
            times[turn].append(runs[turn]())
    return times


def difference(times: Sequence[float], reference: Sequence[float]) -> float:
    """Return the median of what each time is over the reference of its own round."""
    return median(one - other for one, other in zip(times, reference, strict=True))


def over(
    what: str, times: Sequence[float], reference: Sequence[float], goal: float | None, parts: int = 1, part: str = ""
) -> Row:
    """Return the row of a difference, shared out among `parts` of the kind `part`."""
    value = difference(times, reference) / parts
    return Row(what, median(times), median(reference), value, f"ms{'/' if part else ''}{part}", goal)


def render(rows: Sequence[Row]) -> str:
    """Return the table as text."""
    heads = ("what", "measured", "reference", "difference or ratio", "goal", "")
    cells = [heads, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(heads))]
    lines = []
    for line in cells:
        what, *numbers, verdict = line
        shown = [what.ljust(widths[0]), *(n.rjust(w) for n, w in zip(numbers, widths[1:], strict=False)), verdict]
        lines.append("  ".join(shown).rstrip())
    return "\n".join(lines)


def _cells(row: Row) -> tuple[str, ...]:
    reference = "" if row.reference is None else _number(row.reference)
    goal = "" if row.goal is None else f"{_number(row.goal)} {row.unit}"
    return row.what, _number(row.measured), reference, f"{_number(row.value)} {row.unit}", goal, row.verdict


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
