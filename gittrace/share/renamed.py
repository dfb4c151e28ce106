"""Follow `git remote rename`: what is configured, remembered and mirrored of a remote goes by its name.

git moves all that is configured of a remote along. So each remote that traces go to or come from by configuration has
its name in `remote.<name>.trace`, and where that is another, it was renamed. The name is put right last: killed, this
is done again.
"""

import os
from dataclasses import replace

from gittrace.git import restorable
from gittrace.git.repository import Repository
from gittrace.share import queue
from gittrace.share import state as states
from gittrace.share.remotes import MARK, Remotes, mirror, notes_refspec, quoted
from gittrace.share.state import share_dir
from gittrace.vocabulary import REMOTE_NOTES_REFS, REMOTE_SNAPSHOTS_REFS


def remotes_of(repo: Repository) -> Remotes:
    """Return the remotes, once renamed ones were followed. Raises GitFailed, OSError."""
    remotes = Remotes(repo)
    found = dict(remotes.renamed)
    if not found:
        return remotes
    # each push asks, and few remotes are renamed
    from gittrace.trace.upkeep.initialize import add_settings

    for new, old in found.items():
        # a section that was copied by hand leaves the other where it is
        if old not in remotes.names:
            _follow(repo, remotes, old, new)
        add_settings(repo, [(f"remote.{new}.{MARK}", new)], replace=True)
    return Remotes(repo)


def _follow(repo: Repository, remotes: Remotes, old: str, new: str) -> None:
    from gittrace.trace.upkeep.initialize import move_settings

    for folder in (REMOTE_NOTES_REFS, REMOTE_SNAPSHOTS_REFS):
        _move_refs(repo, f"{folder}{quoted(old)}/", f"{folder}{quoted(new)}/")
    for suffix in (".json", ".snapshots"):
        before, after = (os.path.join(share_dir(repo), f"{quoted(name)}{suffix}") for name in (old, new))
        text = restorable.read(before)
        if text is not None:
            if restorable.read(after) is None:
                restorable.write(after, text)
            os.unlink(before)
    for name in remotes.names:
        state = states.load(repo, name)
        if state.to == old:
            states.save(repo, name, replace(state, to=new))
    queue.rename(repo, old, new)
    moves = [("trace.remote", old, "trace.remote", new)]
    moves += [(f"remote.{new}.fetch", notes_refspec(old), f"remote.{new}.fetch", notes_refspec(new))]
    for target in remotes.targets:
        after = new if target.to == old else target.to
        at = new if target.remote == old else target.remote
        moves += [(f"trace.{target.remote}.to", target.to, f"trace.{at}.to", after)]
    move_settings(repo, moves)


def _move_refs(repo: Repository, old: str, new: str) -> None:
    """Give refs of one folder the same names in another; one that is there already stays as it is."""
    there = _refs(repo, new)
    commands = []
    for name, oid in _refs(repo, old).items():
        if name not in there:
            commands.append(f"create {new}{name}\0{oid}\0")
        commands.append(f"delete {old}{name}\0{oid}\0")
    if commands:
        repo.git("update-ref", "--stdin", "-z", stdin="".join(commands).encode())


def _refs(repo: Repository, folder: str) -> dict[str, str]:
    out = os.fsdecode(repo.git("for-each-ref", "--format=%(objectname) %(refname)", folder))
    pairs = (line.partition(" ") for line in out.splitlines())
    return {ref.removeprefix(folder): oid for oid, _, ref in pairs}


def drop_superseded(repo: Repository, remote: str) -> None:
    """Drop mirrors of remotes that are no more, where that of `remote` has all that they have. Raises GitFailed."""
    known = {quoted(name) for name in Remotes(repo).names}
    now = _refs(repo, mirror(remote))
    gone = []
    for name, oid in _refs(repo, REMOTE_NOTES_REFS).items():
        folder, _, writer = name.partition("/")
        if folder in known or writer not in now:
            continue
        if not repo.git("rev-list", "--max-count=1", oid, f"^{now[writer]}", "--"):
            gone.append(f"delete {REMOTE_NOTES_REFS}{name}\0{oid}\0")
    if gone:
        repo.git("update-ref", "--stdin", "-z", stdin="".join(gone).encode())


__all__ = ["drop_superseded", "remotes_of"]
