"""Find the commits that were made while a session was active, from HEAD's reflog, and journal them.

Hooks are hints: a commit made by a GUI, through a library or with `--no-verify` is found here all the same, by the
next command of gittrace. What a rebase or `git am` in progress does is left alone until it has ended, since it may
be aborted.

A commit that was made while a command was being recorded is that command's. It is journaled with it, and after it, in
one write, so both are sealed together; where somebody asked in between, before it, and the command is sealed on the
commit all the same.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from gittrace.clock import now
from gittrace.git import hidden, reflog
from gittrace.git.objects import open_objects
from gittrace.git.reflog import Entry
from gittrace.git.repository import Repository
from gittrace.git.snapshot import Snapshot
from gittrace.journal.active import Active, active_session
from gittrace.journal.append import Journal
from gittrace.journal.faillog import log_failures
from gittrace.journal.position import load_position, log_size, save_position
from gittrace.journal.read import Event, read
from gittrace.journal.running import Running, live
from gittrace.trace.recording import commit_map, progress, rewrites
from gittrace.trace.recording.commit_events import CommitEvents, Made, event_of
from gittrace.vocabulary import COMMIT, REWRITE

# what the reflog's messages begin with: HEAD went elsewhere, or a commit was made here
_MOVES = ("checkout", "reset", "clone", "branch", "Branch", "push", "fetch")
_MADE = ("commit", "cherry-pick", "revert", "am", "merge", "pull")
_WITHOUT_REFLOG = ("--first-parent", "--reverse", "-n1000", "-z", "--format=%H%x01%T%x01%P%x01%ct%x01%s")
_UNFINISHED = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD")
_PICKED_AS_IT_WAS = "cherry-pick: fast-forward"


def in_progress(repo: Repository) -> bool:
    """Tell whether a rebase or `git am` is under way, whose commits may yet be thrown away."""
    return any(os.path.isdir(os.path.join(repo.git_dir, name)) for name in ("rebase-merge", "rebase-apply"))


def _amid_merge(repo: Repository) -> bool:
    """Tell whether a merge, pick or revert is to be finished: the worktree holds what it brought, marks and all."""
    if any(os.path.exists(os.path.join(repo.git_dir, name)) for name in _UNFINISHED):
        return True
    # where refs are tables, what is picked or reverted is in them
    is_reftable = os.path.isdir(os.path.join(repo.common_dir, "reftable"))
    return is_reftable and any(repo.git("rev-parse", "-q", "--verify", name, ok=(0, 1)) for name in _UNFINISHED[1:])


def catch_up(
    repo: Repository,
    active: Active,
    journal: Journal,
    taken: Snapshot,
    at_once: bool = False,
    final: bool = False,
    patient: bool = False,
) -> None:
    """Append `commit` and `rewrite` events for what HEAD did since last time.

    `taken` is a snapshot of now. With `at_once` nothing was recorded since, and it may stand for the worktree just
    after the last commit. `final` does not wait for a rebase in progress; `patient` leaves what was done while a
    command is being recorded to its recorder. The journal is locked by the caller.
    """
    news = _news(repo, active, taken.head, final)
    if news is None:
        return
    # only now: who made one of these commits, and has not journaled it, is still there
    running = live(repo.trace_dir)
    at_once = at_once and not _amid_merge(repo)
    began = [(command, news.began(command)) for command in running]
    if patient and began:
        news.cut(began[0][1])
    if running:
        # what a command writes that is being recorded now isn't the commit's
        taken = Snapshot(running[0].tree, taken.head, taken.branch, [])
    builder = news.builder(taken)
    events: list[Event] = []
    for item in news.made():
        by = [command for command, start in began if start <= item.number]
        if by:
            # of several the last one: a server was started to go on, a commit is made to end
            builder.tree = by[-1].tree
            events += builder.of_command(item, by[-1].event_id, {by[-1].tree})
        else:
            is_last = item.number == len(news.entries) - 1
            events += builder.by_hand(item, at_once and not running and is_last)
    events += news.rebased(0, len(news.entries), taken)
    events += news.filtered(taken)
    _protect(repo, active, events)
    journal.extend(events)
    news.save()


@dataclass(frozen=True)
class Batch:
    """A command's event and the commits around it, to be journaled in one write; then `save` is to be called."""

    events: list[Event]
    news: "_News | None"

    @property
    def has_commits(self) -> bool:
        """Whether there is something to seal."""
        return any(event["kind"] == COMMIT or event.get("commits") for event in self.events)

    def save(self) -> None:
        """Remember that HEAD's log is journaled up to here."""
        if self.news is not None:
            self.news.save()


def recorded(repo: Repository, active: Active, event: Event, began: Running, after: Snapshot, journaled: int) -> Batch:
    """Return a command's event with what HEAD did since last time: before it, what was done before the command began.

    `journaled` is the size of the journal when the command began. The event gets `commits`, those that were made while
    it ran. The journal is locked by the caller.
    """
    mine = [
        str(item["commit"])
        for item in read(active.journal, journaled).events
        if item["kind"] == COMMIT and item.get("by") == began.event_id
    ]
    now_active = active_session(repo.trace_dir, repo.common_trace_dir)
    # a command that outlived its session leaves what HEAD did to the next one
    is_own = now_active is not None and now_active.session_id == active.session_id
    news = _news(repo, active, after.head, final=False) if is_own else None
    earlier: list[Event] = []
    later: list[Event] = []
    if news is not None:
        start = news.began(began)
        made = list(news.made(event))
        builder = news.builder(Snapshot(began.tree, after.head, after.branch, []))
        latest, builder.latest = builder.latest, str(event["at"])
        for item in made:
            if item.number < start:
                earlier += builder.by_hand(item)
        earlier += news.rebased(0, start, after)
        builder.tree, builder.at = str(event.get("tree_after") or began.tree), str(event["at"])
        builder.latest = latest
        for item in made:
            if item.number >= start:
                later += builder.of_command(item, began.event_id, {began.tree, builder.tree})
        later += news.rebased(start, len(news.entries), after)
        later += news.filtered(after)
        _protect(repo, active, [*earlier, *later])
    mine += [str(item["commit"]) for item in later if item["kind"] == COMMIT]
    return Batch([*earlier, event | ({"commits": mine} if mine else {}), *later], news)


def _protect(repo: Repository, active: Active, events: list[Event]) -> None:
    trees = [event[name] for event in events for name in ("tree", "tree_after") if name in event]
    if trees:
        hidden.update(repo, active.trace_id, trees)


def _news(repo: Repository, active: Active, head: str | None, final: bool) -> "_News | None":
    """Return what HEAD (now `head`) did since last time, None when that is nothing, or not over."""
    old, seen = load_position(repo.trace_dir)
    size = log_size(repo.trace_dir)
    moves = reflog.since(repo, seen)
    if not moves.entries and head == old:
        return None
    log_failures(repo.common_trace_dir, commit_map.FILTER_REPO, commit_map.take_in(repo))
    done = progress.load(repo.common_trace_dir, active.session_id)
    tail = read(active.journal, done.offset).events
    entries = moves.entries
    if not entries or not moves.complete:
        entries = tuple(_without_reflog(repo, old, head, active.journal))
    news = _News(repo, active.journal, old, head, entries, moves.entries, tail, done, seen, size)
    if in_progress(repo) and not final:
        news.cut(_settled(entries))
        if not news.entries:
            return None
    return news


def _settled(entries: Sequence[Entry]) -> int:
    """Return how many entries are from before the rebase or `git am` that is under way."""
    actions = [entry.message.partition(":")[0] for entry in entries]
    for number in reversed(range(len(actions))):
        if actions[number].startswith(("rebase", "pull")) and "(start)" in actions[number]:
            return number
    if not any(action.startswith("am") for action in actions):
        return 0  # it began before what was last seen
    while actions and not actions[-1].startswith("am"):
        actions.pop()
    while actions and actions[-1].startswith("am"):
        actions.pop()
    return len(actions)


@dataclass
class _News:
    """What HEAD did since it was last looked at, from `old` to `head`; `journal` is the session's.

    entries  of its log, or made up from the commits where there is no log
    logged   those of its log
    tail     the events of the session that are not sealed
    seen     the newest entries that were seen the last time
    size     of the log before it was read
    """

    repo: Repository
    journal: str
    old: str | None
    head: str | None
    entries: tuple[Entry, ...]
    logged: tuple[Entry, ...]
    tail: list[Event]
    done: progress.Progress
    seen: list[str]
    size: str

    def __post_init__(self) -> None:
        self.all = self.entries

    def began(self, command: Running) -> int:
        """Return how many of the entries were made before a command began."""
        return min(_earlier(self.repo, self.all, self.old, command), len(self.entries))

    def cut(self, count: int) -> None:
        """Leave all but the first entries to somebody else."""
        if count == len(self.entries):
            return
        if self.entries is not self.logged:
            count = 0
        self.entries = self.logged = self.logged[:count]
        self.head = self.entries[-1].oid if self.entries else self.old
        self.size = "?"  # no log is of that size, so there is news

    def save(self) -> None:
        """Remember that all of it is journaled."""
        last = self.logged[-1].oid if self.logged else self.head  # HEAD may have moved on since it was asked
        prints = [*(entry.print for entry in reversed(self.logged)), *self.seen][:3]
        save_position(self.repo.trace_dir, last, prints, self.size)

    def builder(self, taken: Snapshot) -> CommitEvents:
        """Return what makes events of commits; `taken` is the worktree as it was last seen."""
        return CommitEvents(self.repo, self.journal, self.tail, self.done.tree, self.old, taken)

    def made(self, event: Event | None = None) -> Iterator[Made]:
        """Yield the commits that are not journaled yet, each once; `event` is about to be."""
        known = {*self.done.commits, *(item["commit"] for item in self.tail if item["kind"] == COMMIT)}
        for item in _made(self.entries, self.old, [*self.tail, *([event] if event else [])]):
            if item.entry.oid not in known:
                known.add(item.entry.oid)
                yield item

    def rebased(self, start: int, end: int, taken: Snapshot) -> list[Event]:
        """Return the events of rebases that ended within a range of the entries, if they are not journaled yet."""
        new = {entry.oid for entry in self.entries[start:end]}
        known = [pair for event in self.tail if event["kind"] == REWRITE for pair in event.get("pairs") or ()]
        events = []
        for onto, pairs in rewrites.matching(self.repo, new, "rebase").items():
            fresh = [pair for pair in pairs if pair not in known]
            if fresh:
                event = event_of(REWRITE, taken.head, taken.branch, now(), cause="rebase", pairs=fresh)
                events.append(event | ({"onto": onto} if onto else {}))
        return events

    def filtered(self, taken: Snapshot) -> list[Event]:
        """Return the event of a `git filter-repo` that took HEAD along, with the commits of the session."""
        pairs = [pair for pair in rewrites.read_pairs(self.repo)[0] if pair.cause == commit_map.FILTER_REPO]
        if self.head == self.old or all(pair.old != self.old for pair in pairs):
            return []
        mine = {*self.done.commits, *(item["commit"] for item in self.tail if item["kind"] == COMMIT)}
        with open_objects(self.repo) as store:
            renamed = [[one.old, one.new] for one in pairs if one.old in mine and store.kind(one.new) == "commit"]
        if not renamed:
            return []
        return [event_of(REWRITE, taken.head, taken.branch, now(), cause=commit_map.FILTER_REPO, pairs=renamed)]


def _earlier(repo: Repository, entries: Sequence[Entry], old: str | None, command: Running) -> int:
    """Return how many entries of HEAD's log, before which HEAD was `old`, are from before a command began."""
    path = os.path.join(repo.git_dir, "logs", "HEAD")
    if command.log and log_size(repo.trace_dir).isdecimal() and int(command.log) <= os.stat(path).st_size:
        with open(path, "rb") as file:
            file.seek(int(command.log))
            return max(len(entries) - file.read().count(b"\n"), 0)
    # reftable refs have no such file: the last time that HEAD was there where the command began
    places = [number for number, entry in enumerate(entries, 1) if entry.oid == command.head]
    return places[-1] if places and command.head != old else 0


def _made(entries: tuple[Entry, ...], head: str | None, events: list[Event]) -> Iterator[Made]:
    """Yield the commits that were made here.

    Of a rebase's picks only those count that took in work recorded at a stop of the rebase: the others are old
    commits under new names, and their notes are copied. What was committed at a stop counts.
    """
    old = head
    rebase: list[Made] | None = None
    stops: set[str | None] = set()
    for number, entry in enumerate(entries):
        action = entry.message.partition(":")[0]
        item = Made(number, entry, old, amends="(amend)" in action)
        rebases = action.startswith(("rebase", "pull"))
        if rebases and "(start)" in action:
            yield from rebase or ()  # one that was left with --quit
            rebase = []
            began = now(entry.time * 1_000_000_000)
            stops = {head for event in events if event["at"] >= began for head in _stops(event)}
        elif rebase is not None and rebases and "(abort)" in action:
            rebase = None
        elif rebase is not None and rebases and "(finish)" in action:
            yield from rebase
            rebase = None
        elif rebase is not None and rebases:
            if entry.oid != old and old in stops:
                rebase.append(item)
        elif _is_commit(entry, old):
            if rebase is None:
                yield item
            else:
                rebase.append(item)
        old = entry.oid
    yield from rebase or ()


def _stops(event: Event) -> Iterator[str | None]:
    """Yield where HEAD was at an event that may have happened amid a rebase: detached, or moved by a command.

    By its time alone it may be one from before: the log's times are in whole seconds.
    """
    if "head" in event and event.get("branch") is None:
        yield event["head"]
    if event.get("head_after") not in (None, event.get("head")):
        yield event["head_after"]


def _is_commit(entry: Entry, old: str | None) -> bool:
    action, _, detail = entry.message.partition(": ")
    first = action.split(" ")[0].rstrip(":")
    if entry.oid == old or first in _MOVES or action in ("am --abort", "initial pull"):
        return False
    if (first in ("merge", "pull") and detail.startswith("Fast-forward")) or entry.message == _PICKED_AS_IT_WAS:
        return False
    if first in ("rebase", "pull") and "(finish)" in action:
        return False
    if first in _MADE:
        return True
    # another tool's words: it is a commit if it grew on what was there
    return first != "rebase" and (old in entry.parents or (old is None and not entry.parents))


def _without_reflog(repo: Repository, head: str | None, new: str | None, journal: str) -> Iterator[Entry]:
    """Yield the commits between two heads when the reflog is off or was expired: those younger than the session."""
    if new is None or new == head:
        return
    session = next(iter(read(journal).events), {})
    began = session.get("at") or now()
    with open_objects(repo) as store:
        # where HEAD was may have been undone and pruned
        names = [oid for oid in (head, session.get("base_commit")) if oid]
        names = [name for oid in names for name in (oid, rewrites.newest(repo, oid))]
        known = [name for name in names if store.kind(name) == "commit"]
    span = f"{known[0]}..{new}" if known else new
    out = repo.git("log", *_WITHOUT_REFLOG, span, "--")
    items = [item.split("\x01", 4) for item in os.fsdecode(out).split("\0") if item]
    # what was rewritten is not made anew
    rewritten = commit_map.given(repo, {fields[0] for fields in items})
    for oid, tree, parents, when, subject in items:
        if oid not in rewritten and now(int(when) * 1_000_000_000) >= began[:19]:
            yield Entry(oid, tree, tuple(parents.split()), int(when), f"commit: {subject}", "")
