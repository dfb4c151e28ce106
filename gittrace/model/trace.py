"""A trace as the rest of gittrace sees it: recorded segments, and what the repository's history says of them.

Events are plain dicts as they were recorded (`gittrace.model.events` has their fields).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby
from typing import Any, Literal

from gittrace.model.attribution import Attribution
from gittrace.vocabulary import COMMIT, REWRITE, STOP

EventDict = Mapping[str, Any]
Tier = Literal["tool_emitted", "tool_emitted_with_divergence", "overlapping", "orphan"]
Confidence = Literal["derived", "inferred", "annotated"]
TerminalState = Literal["goal_reached", "interrupted", "error", "abandoned"]

HUMAN = "human"


def heads(event: EventDict) -> tuple[str | None, str | None]:
    """Return HEAD (oid) before and after an event; a segment's header has that of its base."""
    base = event.get("base")
    if isinstance(base, Mapping):
        return base.get("commit"), base.get("commit")
    head = event.get("head")
    if event.get("kind") == COMMIT:
        return head, event.get("commit")
    return head, event.get("head_after") or head


def made_in(events: Iterable[EventDict]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the commits that sessions made, under all their names, and those that are such later names.

    What a rebase made of others' commits is theirs.
    """
    events = list(events)
    made = {str(event.get("commit")) for event in events if event.get("kind") == COMMIT}
    pairs = [pair for event in events if event.get("kind") == REWRITE for pair in event.get("pairs") or ()]
    rewritten: set[str] = set()
    while fresh := {str(new) for old, new in pairs if old in made and new not in rewritten}:
        rewritten |= fresh
        made |= fresh
    return frozenset(made), frozenset(rewritten)


def grew_on(events: Iterable[EventDict]) -> dict[str, tuple[str, ...]]:
    """Return what commits of sessions grew on, as recorded: the parents, or what a rebase built on.

    It stands in for commits that were rewritten since and are not in this clone.
    """
    found: dict[str, tuple[str, ...]] = {}
    for event in events:
        if event.get("kind") == REWRITE and event.get("onto"):
            found.update((str(new), (str(event["onto"]),)) for _, new in event.get("pairs") or ())
        elif event.get("kind") == COMMIT:
            found[str(event.get("commit"))] = tuple(map(str, event.get("parents") or ()))
    return found


_SCP_URL = re.compile(r"(?:[^@/\s]+@)?(?P<host>[^:/\s]+):(?P<path>[^/\s].*)")


@dataclass(frozen=True, slots=True)
class Segment:
    """A run of a session's events; `commits` are those it is noted on, none when it is `unlinked`."""

    trace_id: str
    session_id: str
    index: int
    sha256: str
    header: EventDict
    events: tuple[EventDict, ...]
    commits: tuple[str, ...] = ()
    unlinked: bool = False


@dataclass(frozen=True)
class Session:
    """From start to stop in one worktree: at least one segment, ordered by index."""

    id: str
    segments: tuple[Segment, ...]

    @property
    def header(self) -> EventDict:
        """The header of its first segment."""
        return self.segments[0].header

    @cached_property
    def events(self) -> tuple[EventDict, ...]:
        """Its events, in the order in which they were recorded."""
        return tuple(event for segment in self.segments for event in segment.events)

    @property
    def started(self) -> str:
        """When it began (RFC 3339)."""
        return str(self.header.get("at", ""))

    @cached_property
    def ended(self) -> str:
        """When its last event began (RFC 3339)."""
        return max((str(event["at"]) for event in self.events if event.get("at")), default=self.started)

    @property
    def stop(self) -> EventDict | None:
        """Its last stop event."""
        return next((event for event in reversed(self.events) if event.get("kind") == STOP), None)

    @property
    def agent(self) -> EventDict:
        """Who worked: `{name, version, model}`; a person is `human`."""
        agent = self.header.get("agent")
        return agent if isinstance(agent, Mapping) and agent.get("name") else {"name": HUMAN}


@dataclass(frozen=True)
class Trace:
    """The work on one task; its segments are ordered by the beginning of their session, then by index.

    `active`: a session of it goes on in this clone.
    """

    id: str
    title: str
    segments: tuple[Segment, ...]
    active: bool = False

    @cached_property
    def sessions(self) -> tuple[Session, ...]:
        """Its sessions, in the order in which they began."""
        groups = groupby(self.segments, key=lambda segment: segment.session_id)
        return tuple(Session(session_id, tuple(segments)) for session_id, segments in groups)

    @cached_property
    def events(self) -> tuple[EventDict, ...]:
        """Its events, session by session."""
        return tuple(event for segment in self.segments for event in segment.events)

    @property
    def started(self) -> str:
        """When its first session began (RFC 3339); empty when it has none."""
        return self.sessions[0].started if self.segments else ""

    @property
    def ended(self) -> str:
        """When its last event began (RFC 3339)."""
        return max((session.ended for session in self.sessions), default="")

    @property
    def stop(self) -> EventDict | None:
        """The last stop event, None while the last session has none."""
        return self.sessions[-1].stop if self.segments else None

    @property
    def base(self) -> EventDict:
        """`{commit, tree}` at which its first segment began; empty when that is not known."""
        base = self.segments[0].header.get("base") if self.segments else None
        return base if isinstance(base, Mapping) else {}

    @cached_property
    def agents(self) -> tuple[EventDict, ...]:
        """Who worked on it, each once, in order of appearance."""
        found: list[EventDict] = []
        for session in self.sessions:
            if session.agent not in found:
                found.append(session.agent)
        return tuple(found)


def assemble(segments: Iterable[Segment], active: bool = False) -> Trace:
    """Return the trace that the segments (of one trace, in any order, at least one) make up.

    The title is the last one that a session was given.
    """
    found = list(segments)
    began: dict[str, str] = {}
    for segment in found:
        at = str(segment.header.get("at", ""))
        began[segment.session_id] = min(at, began.get(segment.session_id, at))
    found.sort(key=lambda segment: (began[segment.session_id], segment.session_id, segment.index))
    titles = [str(segment.header["title"]) for segment in found if segment.header.get("title")]
    return Trace(found[0].trace_id, titles[-1] if titles else "", tuple(found), active)


@dataclass(frozen=True, slots=True)
class Link:
    """What ties a trace to a commit.

    `alive` says whether lines that the trace added are still at HEAD, `alive_share` which part of them (0 to 1);
    `share` is the part of the commit's added lines that the trace accounts for; `evidence` names the proofs in words,
    the strongest first; `reverted_by` are reachable commits that take it back.
    """

    commit: str
    tier: Tier
    reachable: bool
    alive: bool | None = None
    alive_share: float | None = None
    branch: str | None = None
    subject: str = ""
    time: str = ""
    evidence: tuple[str, ...] = ()
    share: float = 0.0
    reverted_by: tuple[str, ...] = ()


FateWord = Literal["alive", "moved", "transformed", "partial", "reverted", "superseded", "lost", "uncommitted"]


@dataclass(frozen=True, slots=True)
class FileFate:
    """What became of a trace's lines in one file; `path` is the last name that the trace knew, `now` where they are."""

    path: str
    word: FateWord
    lines: int
    shares: Mapping[str, float]
    now: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is exported."""
        known = {"path": self.path, "word": self.word, "lines": self.lines, "shares": dict(self.shares)}
        return known | ({"now": list(self.now)} if self.now else {})


@dataclass(frozen=True, slots=True)
class Fate:
    """What became of the lines that a trace wrote and let stand; a file without any counts as one line.

    `word` sums it up; `shares` has the parts (0 to 1) by `alive` (as they were written), `moved` (to another file),
    `transformed` (formatted differently), `reverted`, `superseded` (changed or removed later), `lost` (in no commit
    that is reachable) and `uncommitted`. It is `partial` when some are there and some are not.
    """

    word: FateWord
    lines: int
    shares: Mapping[str, float]
    files: tuple[FileFate, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Return it as it is exported."""
        files = [file.as_json() for file in self.files]
        return {"word": self.word, "lines": self.lines, "shares": dict(self.shares), "files": files}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a trace, derived from history and from what was said at its end."""

    committed: bool = False
    commit_sha: str | None = None
    patch: str | None = None
    links: tuple[Link, ...] = ()
    success: bool | None = None
    success_source: str = "deterministic"
    confidence: Confidence = "derived"
    terminal_state: TerminalState | None = None
    fate: Fate | None = None
    attribution: Attribution | None = None


@dataclass(frozen=True, slots=True)
class RepoFacts:
    """What exporters say of the repository; `generation` counts earlier exports of the same session.

    scanned_by  what looked for secrets in all of a trace before it leaves; None when nothing did
    """

    repo_url: str | None = None
    owner_repo: str | None = None
    branch: str | None = None
    head: str | None = None
    generation: int = 0
    scanned_by: str | None = None

    @classmethod
    def of(cls, remote: str | None, branch: str | None, head: str | None, generation: int = 0) -> "RepoFacts":
        """Make them of a remote's URL as configured: credentials and local paths are left out."""
        url, name = public_url(remote or "")
        return cls(url, name, branch, head, generation)


def public_url(remote: str) -> tuple[str | None, str | None]:
    """Return a remote's URL without credentials, and its `owner/repo`; both None for a local path.

    >>> public_url("https://x:token@github.com/o/r.git")
    ('https://github.com/o/r', 'o/r')
    >>> public_url("git@github.com:o/r.git")
    ('https://github.com/o/r', 'o/r')
    """
    scheme, host, path = "https", "", ""
    if "://" in remote:
        # it takes milliseconds to load, and is for exports
        from urllib.parse import urlsplit

        try:
            parts = urlsplit(remote)
            port = f":{parts.port}" if parts.port and parts.scheme in ("http", "https") else ""
        except ValueError:
            return None, None
        if parts.scheme == "file":
            return None, None
        host, path = (parts.hostname or "") + port, parts.path
        scheme = "http" if parts.scheme == "http" else "https"
    elif (match := _SCP_URL.fullmatch(remote)) and len(match["host"]) > 1:
        host, path = match["host"], match["path"]
    path = path.strip("/").removesuffix(".git")
    if not host or not path:
        return None, None
    names = path.split("/")
    return f"{scheme}://{host}/{path}", path if len(names) > 1 else None
