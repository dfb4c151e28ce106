"""`git blame`, and for each line the event that first wrote it."""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from gittrace.errors import NotFound
from gittrace.git.blame import BlamedLine, Blaming, blame
from gittrace.git.repository import Repository
from gittrace.model.attribution import Line
from gittrace.trace.authorship.answers import Answers, Asked, Lines
from gittrace.trace.stored.store import Store


class Explained(NamedTuple):
    """A line of a file, where git says that it came from, and who wrote it (None: nobody that was recorded)."""

    blamed: BlamedLine
    line: Line | None


def path_from_top(repo: Repository, path: str) -> bytes:
    """Return the path of a file, given as seen from the current directory, from the top of the worktree.

    In a bare repository it is given as seen from the top. Raises NotFound for one outside of the worktree.
    """
    if not repo.top:
        return os.fsencode(path)
    folder, name = os.path.split(os.path.abspath(path))
    found = os.path.relpath(os.path.join(os.path.realpath(folder), name), os.path.realpath(repo.top))
    if found.split(os.sep)[0] == os.pardir:
        raise NotFound(f"'{path}' is outside of the worktree '{repo.top}'")
    return os.fsencode(found)


@contextmanager
def asking(store: Store) -> Iterator[Answers]:
    """Yield what answers; what it could not read is added to the store's problems.

    What was found out goes into the cache at the end: who waits for an answer gets that first.
    """
    answers = Answers(store)
    try:
        yield answers
    finally:
        answers.close()
        store.problems += answers.problems


def explain(answers: Answers, path: bytes, revision: str | None = None, spans: Sequence[str] = ()) -> list[Explained]:
    """Return the lines of a file, those of the `-L` spans if there are any; without a revision as in the worktree.

    Raises GitFailed with git's words.
    """
    repo = answers.store.repo
    blaming = Blaming(repo, path, revision, spans)
    try:
        # git has something to do meanwhile, unless it only has to say that there is no such file
        if revision is not None or os.path.lexists(os.path.join(os.fsencode(repo.top), path)):
            answers.prepare(path)
    finally:
        lines = blaming.lines()
    asked: dict[Asked, list[int]] = {}
    here = []
    for line in lines:
        if line.source.committed:
            asked.setdefault((line.source.commit, line.source.path), []).append(line.source_line - 1)
        else:
            here.append(line.line - 1)
    known = answers.lines(asked)
    fresh = answers.worktree(path, _content(repo, path, lines, spans), here) if here else {}
    return [Explained(line, _of(line, known, fresh)) for line in lines]


def _of(line: BlamedLine, known: Mapping[Asked, Lines], fresh: Lines) -> Line | None:
    if line.source.committed:
        return known[line.source.commit, line.source.path][line.source_line - 1]
    return fresh[line.line - 1]


def _content(repo: Repository, path: bytes, lines: Sequence[BlamedLine], spans: Sequence[str]) -> bytes:
    """Return a file of the worktree as git would store it, given those of its lines that git told of."""
    full = os.path.join(os.fsencode(repo.top), path)
    if os.path.islink(full):
        return os.readlink(full)
    with open(full, "rb") as file:
        data = file.read()
    texts = [text.rstrip(b"\r") for text in data.split(b"\n")]
    if all(line.line <= len(texts) and texts[line.line - 1] == line.text.rstrip(b"\r") for line in lines):
        return data
    # a filter or another encoding stands between the two
    return b"".join(line.text + b"\n" for line in (blame(repo, path, None, ()) if spans else lines))
