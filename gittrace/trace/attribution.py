"""Which event first wrote each line of a commit's files.

Nothing here is stored as a fact: the answer comes from the lineage of all that was recorded, and from the commit. A
content that was recorded is known line by line. Any other (staged in part, formatted, rebased) is compared with what
the file is known to have held, then with the last states of the sessions that led to the commit, then with lines that
are gone from other files. Cause comes before effect: an event that is younger than the commit didn't write it, unless
the note on the commit says that it led there.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from gittrace.errors import TraceError
from gittrace.git.objects import Entry, ObjectStore
from gittrace.git.trees import TreeEditor
from gittrace.model.attribution import STATE, Line, Sure
from gittrace.model.trace import Trace
from gittrace.trace.align import Text, keys
from gittrace.trace.changes import LARGEST, split
from gittrace.trace.memory import Birth, When
from gittrace.trace.recorded import read_all


class Attributor:
    """Answers for the commits of a repository, from all that the given traces recorded.

    Raises TooMuch where the states of their files have more than `most` lines together.
    """

    def __init__(self, objects: ObjectStore, traces: Sequence[Trace], most: int | None = None) -> None:
        self.objects = objects
        self.lineage, self.problems = read_all(traces, objects, most)
        self._noted: dict[str, dict[str, int]] = {}
        for trace in traces:
            for segment in trace.segments:
                for commit in segment.commits:
                    sessions = self._noted.setdefault(commit, {})
                    sessions[segment.session_id] = max(segment.index, sessions.get(segment.session_id, -1))

    def lines(self, commit: str, path: bytes, wanted: Collection[int]) -> dict[int, Line | None]:
        """Return who first wrote lines (indexes from 0) of a commit's file, None for nobody that was recorded.

        The index STATE asks who left the file so: of its content the first one, of a deletion the last.

        Raises ObjectMissing when the commit isn't here. A file that isn't there, or is very large, is nobody's.
        """
        made = self.objects.commit(commit)
        tree = TreeEditor(self.objects, made.tree)
        entry = tree.get(path)
        causes = _Causes(made.committer.time, self._noted.get(commit, {}))
        if STATE in wanted:
            others = [at for at in wanted if at != STATE]
            maker = self._maker(path, entry, causes)
            return {STATE: maker} | (self.lines(commit, path, others) if others else {})
        if entry is None:
            return dict.fromkeys(wanted)
        version = self.lineage.find(path, entry.oid)
        if version and version.when and causes(version.when):
            size = len(version.texts)
            texts = {at: text for at in wanted if at < size and (text := version.texts[at]) is not None}
            if len(texts) == len(wanted):
                return _lines(texts, wanted, {at: version.births[at] for at in wanted}, causes)
        content = self._content(entry.oid)
        return self._compared(path, split(content), wanted, causes, tree) if content else dict.fromkeys(wanted)

    def _maker(self, path: bytes, entry: Entry | None, causes: "_Causes") -> Line | None:
        leaves = self.lineage.makers.get((path, entry.oid if entry else None), ())
        allowed = [
            leaf.writer for leaf in leaves if causes(leaf.when) and (entry is None or leaf.mode in (None, entry.mode))
        ]
        return Line(allowed[0 if entry else -1]) if allowed else None

    def worktree(
        self, path: bytes, content: bytes, session_id: str | None, wanted: Collection[int]
    ) -> dict[int, Line | None]:
        """Return the same for a content that is not committed; `session_id` is the session that is active there."""
        causes = _Causes(None, {session_id: 0} if session_id else {})
        return self._compared(path, split(content), wanted, causes, TreeEditor(self.objects))

    def _content(self, oid: str) -> bytes | None:
        try:
            return self.objects.blob(oid) if self.objects.size(oid) <= LARGEST else None
        except TraceError:
            return None

    def _compared(
        self, path: bytes, texts: Sequence[bytes], wanted: Collection[int], causes: "_Causes", tree: TreeEditor
    ) -> dict[int, Line | None]:
        """Return what is known of a content that nobody recorded as it is."""
        said = [text or b"" for text in keys(texts)]
        near = self.lineage.compare(path, said, causes, causes.noted)
        far = self.lineage.compare_far(path, said, near, causes, lambda other: self._held(tree, other))
        return _lines(dict(enumerate(texts)), wanted, near | far, causes, far)

    def _held(self, tree: TreeEditor, path: bytes) -> list[Text]:
        entry = tree.get(path)
        content = self._content(entry.oid) if entry else None
        return keys(split(content)) if content is not None else []


@dataclass(frozen=True)
class _Causes:
    """Tells which events may have led to a commit; `time` None is now."""

    time: int | None
    noted: Mapping[str, int]

    def __call__(self, when: When) -> bool:
        if self.time is None or when.segment <= self.noted.get(when.session_id, -1):
            return True
        try:
            return int(datetime.fromisoformat(when.at).timestamp()) <= self.time
        except ValueError:
            return False


def _lines(
    texts: Mapping[int, bytes],
    wanted: Collection[int],
    births: Mapping[int, Birth | None],
    causes: _Causes,
    far: Collection[int] = (),
) -> dict[int, Line | None]:
    found: dict[int, Line | None] = dict.fromkeys(wanted)
    for at in wanted:
        birth = births.get(at)
        if birth is None or at not in texts:
            continue
        writer = birth.writer
        if causes(When(writer.session_id, writer.segment, writer.at)):
            changed = birth.text.rstrip(b"\r") != texts[at].rstrip(b"\r")
            sure: Sure = "medium" if changed or at in far else "high"
            found[at] = Line(writer, sure, birth.text if changed else None)
    return found
