"""What became of the lines that a trace wrote: one word, and how much of the work each part of it is.

Lines are looked for where the work stands: at HEAD, or where HEAD does not have the commit, at the branch that leads to
it. Lines that are in any project don't count, unless a file has no others; lines that the trace took away itself
neither. A file without lines (binary, deleted, another mode) counts as one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import cast

from gittrace.errors import TraceError
from gittrace.git.history import Leaf
from gittrace.git.objects import ObjectStore
from gittrace.git.trees import TreeEditor
from gittrace.model.trace import Fate, FateWord, FileFate
from gittrace.text import decode
from gittrace.trace.history.claims import Ledger
from gittrace.trace.history.links import EMITTED, Found
from gittrace.trace.produced.work import Work, Written
from gittrace.trace.text.fingerprint import Line, exact_of, line_of
from gittrace.trace.text.wrapped import Rows

_THERE = ("alive", "moved", "transformed")
_GONE = ("reverted", "superseded", "lost", "uncommitted")
_LARGEST_FILE = 4 << 20


class Tip:
    """The files at a commit, as fingerprints."""

    def __init__(self, commit: str, tree: str, store: ObjectStore) -> None:
        self.commit = commit
        self._store = store
        self._tree = TreeEditor(store, tree)
        self._lines: dict[bytes, tuple[Line, ...]] = {}
        self._exact: dict[bytes, frozenset[int]] = {}
        self._skeletons: dict[bytes, frozenset[int]] = {}

    def has(self, leaf: Leaf) -> bool:
        """Tell whether a file is there as it was left, or gone if it was deleted."""
        path, mode, oid = leaf
        entry = self._tree.get(path)
        return entry is None if mode == 0 else entry is not None and (entry.mode, entry.oid) == (mode, oid)

    def lines(self, path: bytes) -> tuple[Line, ...]:
        """Return the lines of a file that aren't blank; none where it isn't."""
        if path not in self._lines:
            self._lines[path] = tuple(map(line_of, self._texts(path)))
        return self._lines[path]

    def exact(self, path: bytes) -> frozenset[int]:
        """Return the exact fingerprints of a file's lines: mostly nothing else is asked of it."""
        if path not in self._exact:
            self._exact[path] = frozenset(exact_of(text.rstrip(b"\r\n")) for text in self._texts(path))
        return self._exact[path]

    def skeletons(self, path: bytes) -> frozenset[int]:
        """Return the skeletons of a file's telling lines."""
        if path not in self._skeletons:
            self._skeletons[path] = frozenset(line.skeleton for line in self.lines(path) if line.telling)
        return self._skeletons[path]

    def _texts(self, path: bytes) -> list[bytes]:
        entry = self._tree.get(path)
        try:
            small = entry is not None and self._store.size(entry.oid) <= _LARGEST_FILE
            data = self._store.blob(entry.oid) if entry and small else b""
        except TraceError:
            data = b""  # a directory, a submodule, or a blob that a partial clone lacks
        return [text for text in data.split(b"\n") if text.strip()]


class Tips:
    """Where work may stand: HEAD (None while there is no commit), and each branch, tag and remote-tracking branch.

    refs      what each leads to, a commit or not, by its full name
    detached  no branch is checked out
    """

    def __init__(self, head: str | None, refs: Mapping[str, str], store: ObjectStore, detached: bool = False) -> None:
        self.refs = refs
        self.detached = detached
        self._store = store
        self._tips: dict[str, Tip] = {}
        self.head = self._tip(head) if head else None

    def at(self, ref: str | None) -> Tip | None:
        """Return the tip of a ref, None when it is no more or leads to no commit."""
        commit = self.refs.get(ref or "")
        return self._tip(commit) if commit and self._store.kind(commit) == "commit" else None

    def _tip(self, commit: str) -> Tip:
        if commit not in self._tips:
            self._tips[commit] = Tip(commit, self._store.commit(commit).tree, self._store)
        return self._tips[commit]


class Fates:
    """Answers for one trace."""

    def __init__(self, work: Work, links: Iterable[Found], ledger: Ledger, tips: Tips) -> None:
        self.work = work
        self.ledger = ledger
        self.tips = tips
        self.links = [found for found in links if found.link.tier in EMITTED]
        self._bent: dict[tuple[str, bytes, bytes], frozenset[int]] = {}

    def fate(self) -> Fate | None:
        """Return the fate, None for a trace that left nothing."""
        # files that had several names in different worktrees, and one in the end, are one
        seen: set[tuple[bytes, int]] = set()
        files = [file for path in sorted(self._files) if (file := self._file(path, seen))]
        total: Counter[str] = Counter()
        for file in files:
            total.update({word: round(share * file.lines) for word, share in file.shares.items()})
        if not total:
            return None
        return Fate(_word(total), sum(total.values()), _shares(total), tuple(files))

    @cached_property
    def _files(self) -> set[bytes]:
        """The files, by the first name that the trace knew."""
        first = {last: path for path, last in self.work.names.items()}
        renamed = {old for old, _ in self.work.renames}
        left = {first.get(path, path) for path, _, _ in self.work.leaves if path not in renamed or path in first}
        return left | {path for path, lines in self.work.lines.items() if lines}

    def _file(self, path: bytes, seen: set[tuple[bytes, int]]) -> FileFate | None:
        """Return the fate of a file's lines that were not `seen` before (by its last name and exact fingerprint)."""
        last = self.work.names.get(path, path)
        here = [item for item in self.work.lines.get(path, {}).values() if (last, item.line.exact) not in seen]
        seen |= {(last, item.line.exact) for item in here}
        written = [item for item in here if self._holds(path, item)]
        counted = [item.line for item in written if item.line.telling] or [item.line for item in written]
        words: Counter[str] = Counter()
        now: set[bytes] = set()
        for line in counted:
            word, where = self._line(path, last, line)
            words[word] += 1
            now |= where
        if not counted:
            word = "" if self.work.lines.get(path) else self._whole(path, last)
            if not word:
                return None
            words[word] += 1
        places = tuple(sorted(map(decode, now - {last})))
        return FileFate(decode(last), _word(words), sum(words.values()), _shares(words), places)

    def _holds(self, path: bytes, item: Written) -> bool:
        """Tell whether a line stands, and was first written by the trace."""
        claims = self.ledger.lines.claims((self.ledger.families.of(path), item.line))
        return item.stands and any(claim.trace == self.work.trace_id for claim in claims)

    def _line(self, path: bytes, last: bytes, line: Line) -> tuple[str, set[bytes]]:
        place = (self.ledger.families.of(path), line.exact)
        holders = [found for found in self.links if place in found.lines or place in found.bent]
        reachable = [found for found in holders if found.link.reachable]
        for tip in self._tips(reachable or self._reachable):
            if line.exact in tip.exact(last):
                return "alive", {last}
            names = self.ledger.families.members(path) - {last}
            others = {name for name in names | self._places(line) if line.exact in tip.exact(name)}
            if others:
                return "moved", others
            changed = {name for name in (last, *names) if line.exact in self.bent(tip, path, name)}
            if changed:
                return "transformed", changed
        if any(found.link.reverted_by for found in reachable):
            return "reverted", set()
        return ("superseded" if reachable else "lost" if holders else "uncommitted"), set()

    def bent(self, tip: Tip, path: bytes, name: bytes) -> frozenset[int]:
        """Return the exact fingerprints of lines written in a file that stand formatted differently in one at a tip."""
        found = self._bent.get((tip.commit, path, name))
        if found is None:
            written = [item.line for item in self.work.order.get(path, ()) if item.stands]
            here = tip.exact(name)
            missing = [at for at, line in enumerate(written) if line.telling and line.exact not in here]
            bones = tip.skeletons(name) if missing else frozenset()
            bent = {written[at].exact for at in missing if written[at].skeleton in bones}
            if left := [at for at in missing if written[at].exact not in bent]:
                bent.update(_wrapped(written, left, tip.lines(name)))
            found = self._bent[tip.commit, path, name] = frozenset(bent)
        return found

    def _places(self, line: Line) -> set[bytes]:
        """Return where commits put a line, if it says where it comes from."""
        return self.ledger.places(line) if line.telling else set()

    @cached_property
    def _reachable(self) -> list[Found]:
        return [found for found in self.links if found.link.reachable]

    def _tips(self, holders: list[Found]) -> Iterable[Tip]:
        """Yield where to look: HEAD, unless it has none of the commits and something else has."""
        head = self.tips.head
        if head and (
            not holders or any(self.ledger.ancestry.leads_to(item.link.commit, head.commit) for item in holders)
        ):
            yield head
            return
        refs = dict.fromkeys(self.ledger.ancestry.ref(item.link.commit) for item in holders)
        yield from filter(None, map(self.tips.at, refs))

    def _whole(self, path: bytes, last: bytes) -> str:
        """Return the fate of a file of which the trace wrote no line: empty when it left it as it was."""
        left = [(origin, leaf) for leaf, origin in self.work.leaves.items() if leaf[0] in (path, last)]
        if not left:
            return ""
        _, leaf = max(left)
        holders = [
            item for item in self.links if self.ledger.commit(item.link.commit).introduced & self._leaves(path, last)
        ]
        removed = [lines for (name, lines) in self.work.removed if name == path]
        if removed:
            family = self.ledger.families.of(path)
            holders = holders or [item for item in self.links if self._takes(item, family)]
        reachable = [item for item in holders if item.link.reachable]
        for tip in self._tips(reachable):
            gone = removed and not any(exact in tip.exact(last) for lines in removed for exact in lines)
            if tip.has(leaf) or (gone and leaf[1] and reachable):
                return "alive"
        if any(item.link.reverted_by for item in reachable):
            return "reverted"
        return "superseded" if reachable else "lost" if holders else "uncommitted"

    def _leaves(self, *paths: bytes) -> set[Leaf]:
        return {leaf for leaf in self.work.leaves if leaf[0] in paths}

    def _takes(self, item: Found, family: bytes) -> bool:
        files = self.ledger.content(item.link.commit).files
        return any(self.ledger.families.of(file.path) == family and file.lines.removed for file in files)


def _wrapped(written: Sequence[Line], missing: Sequence[int], lines: Sequence[Line]) -> Iterator[int]:
    """Yield the exact fingerprints of those missing lines that stand in others, joined, split or filled anew."""
    known = {line.exact for line in written}
    strange = tuple(line for line in lines if line.exact not in known)
    for old, _ in Rows(written, missing).find(strange):
        yield from (line.exact for line in written[old.start : old.end])


def _word(words: Counter[str]) -> FateWord:
    there, total = sum(words[word] for word in _THERE), sum(words.values())
    if 0 < there < total:
        return "partial"
    return cast(FateWord, max(_THERE if there else _GONE, key=lambda word: words[word]))


def _shares(words: Counter[str]) -> dict[str, float]:
    total = sum(words.values())
    return {word: round(words[word] / total, 4) for word in (*_THERE, *_GONE) if words[word]}
