"""The history as `git log --graph` shows it, with the traces that led to each commit."""

from collections.abc import Iterator

from gittrace.commands import display
from gittrace.commands.display import Screen, agent_name, one_line, percent
from gittrace.commands.history_text import TIER_WORDS, painted_word
from gittrace.commands.overview import ACTIVE, FAILURE, SUCCESS, overview
from gittrace.git.graph_log import Selection, graph_log
from gittrace.trace.stored.store import Store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from gittrace.model.trace import Fate
    from gittrace.trace.history.outcome import Historian

_STATE_COLOURS = {ACTIVE: display.CYAN, SUCCESS: display.GREEN, FAILURE: display.RED}


class _Below:
    """Tells what stands below each commit."""

    def __init__(self, store: Store, historian: "Historian", screen: Screen, fate: bool) -> None:
        self.store = store
        self.historian = historian
        self.screen = screen
        self.fate = fate
        self._known: dict[str, tuple[str, str, str, str, str]] = {}
        self._begun = self._without_commits()

    def _without_commits(self) -> dict[str, list[str]]:
        """Return the traces that are in no commit, by the commit that they began on."""
        found: dict[str, list[str]] = {}
        noted = self.store.index.noted_traces()
        for trace in self.store.trace_ids():
            if trace not in noted and not self.historian.links(trace):
                header = next(iter(self.store.headers(trace)), {})
                base = header.get("base")
                commit = base.get("commit") if isinstance(base, dict) else header.get("base_commit")
                found.setdefault(str(commit), []).append(trace)
        return found

    def __call__(self, commit: str, columns: int) -> Iterator[str]:
        words = dict.fromkeys((*self.store.index.traces_of(commit), *self._begun.get(commit, ())), "")
        for trace in self._begun.get(commit, ()):
            words[trace] = "began here"
        for trace, tier, share in self.historian.tiers_in(commit):
            words.setdefault(trace, f"{TIER_WORDS[tier]} {percent(share)}")
        for told, trace, word in sorted((self._told(trace), trace, word) for trace, word in words.items()):
            fate = self.historian.fate(trace) if self.fate else None
            yield _line(told, word, fate, columns, self.screen)

    def _told(self, trace: str) -> tuple[str, str, str, str, str]:
        if trace not in self._known:
            self._known[trace] = _told(self.store, trace)
        return self._known[trace]


def graph_lines(
    store: Store, selection: Selection, screen: Screen, historian: "Historian", fate: bool = False
) -> Iterator[str]:
    """Yield the lines of git's graph, and below a commit a line for each trace; with `fate` what became of each.

    Raises GitFailed.
    """
    yield from graph_log(store.repo, selection, screen.colour, _Below(store, historian, screen, fate))


def _told(store: Store, trace: str) -> tuple[str, str, str, str, str]:
    """Return of a trace when it began, its short id, its title, who worked, and its state."""
    view = overview(store, trace)
    agents = ", ".join(dict.fromkeys(agent_name(session.agent) for session in view.sessions))
    return view.started, view.short, one_line(view.title) or "(no title)", agents, view.state


def _line(told: tuple[str, str, str, str, str], part: str, fate: "Fate | None", columns: int, screen: Screen) -> str:
    _, short, title, agents, state = told
    word = fate.word if fate else ""
    plain = ", ".join(filter(None, (agents, state, part, word)))
    said = ", ".join(
        filter(
            None,
            (agents, screen.paint(state, _STATE_COLOURS.get(state, display.DIM)), part, painted_word(word, screen)),
        )
    )
    name = f"trace {short}"
    title = screen.cut(title, columns + len(name) + len(plain) + 4)
    return f"{screen.paint(name, display.YELLOW)} {screen.paint(title, display.BOLD)} ({said})"
