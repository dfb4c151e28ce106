"""The history as `git log --graph` shows it, with the traces that led to each commit."""

from collections.abc import Callable, Iterator, Sequence

from gittrace.commands import display
from gittrace.commands.display import Screen, agent_name, one_line
from gittrace.commands.history_text import painted_word
from gittrace.commands.overview import ACTIVE, FAILURE, SUCCESS, overview
from gittrace.git.graph_log import graph_log
from gittrace.trace.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.trace import Fate

_STATE_COLOURS = {ACTIVE: display.CYAN, SUCCESS: display.GREEN, FAILURE: display.RED}


def graph_lines(
    store: Store,
    revisions: Sequence[str],
    count: int,
    screen: Screen,
    fate: "Callable[[str], Fate | None] | None" = None,
) -> Iterator[str]:
    """Yield the lines of git's graph, at most `count` commits (-1: all), and below a commit a line for each trace.

    `fate` tells what became of a trace, where that is to be shown. Raises GitFailed.
    """
    known: dict[str, tuple[str, str, str, str, str]] = {}

    def below(commit: str, columns: int) -> Iterator[str]:
        found = []
        for trace in store.index.traces_of(commit):
            if trace not in known:
                known[trace] = _told(store, trace)
            found.append((known[trace], trace))
        for told, trace in sorted(found):
            yield _line(told, fate(trace) if fate else None, columns, screen)

    yield from graph_log(store.repo, revisions, count, screen.colour, below)


def _told(store: Store, trace: str) -> tuple[str, str, str, str, str]:
    """Return of a trace when it began, its short id, its title, who worked, and its state."""
    view = overview(store, trace)
    agents = ", ".join(dict.fromkeys(agent_name(session.agent) for session in view.sessions))
    return view.started, view.short, one_line(view.title) or "(no title)", agents, view.state


def _line(told: tuple[str, str, str, str, str], fate: "Fate | None", columns: int, screen: Screen) -> str:
    _, short, title, agents, state = told
    word = fate.word if fate else ""
    plain = ", ".join(filter(None, (agents, state, word)))
    said = ", ".join(
        filter(None, (agents, screen.paint(state, _STATE_COLOURS.get(state, display.DIM)), painted_word(word, screen)))
    )
    name = f"trace {short}"
    title = screen.cut(title, columns + len(name) + len(plain) + 4)
    return f"{screen.paint(name, display.YELLOW)} {screen.paint(title, display.BOLD)} ({said})"
